//! One call: what was asked, by whom, about which tenant.

use super::who::{tenants, visible, who};
use super::{Door, Form, OneOf, Route, Subject, Who};
use crate::app::App;
use crate::digest::instant;
use crate::host::Problem;
use crate::ledger::LedgerError;
use crate::source::Source;
use crate::summary::{Known, TenantStanding};
use crate::tenant::{Present, Tenant};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use warp::http::HeaderMap;

/// Tenants whose snapshots are read beside one another.
const TENANTS_AT_ONCE: usize = 8;

/// A request as it came in, whichever way the host sent it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, ….
    pub method: &'a str,
    /// Begins with `/api/`, still encoded.
    pub path: &'a str,
    /// As it was sent.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
}

/// The parameters of a query.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query as it was sent.
    pub fn read(text: &str) -> Query {
        let pairs = azure_core::http::Url::parse(&format!("http://localhost/?{text}"));
        Query(pairs.map_or_else(|_| Vec::new(), |url| url.query_pairs().into_owned().collect()))
    }

    /// The value of a parameter, its name in any letter case; an empty one counts as absent.
    ///
    /// A forwarding host joins the values of a repeated one by commas, and so no way picks one of them.
    pub fn get(&self, name: &str) -> Option<String> {
        let all = self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let joined = all.map(|(_, value)| value.trim()).collect::<Vec<_>>().join(",");
        Some(joined).filter(|value| !value.is_empty())
    }

    /// Whether a parameter is `true`.
    ///
    /// # Errors
    ///
    /// A 400 where it is neither `true` nor `false`.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name).as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::new(400, format!("{name} is neither true nor false"))),
        }
    }

    /// A parameter's value, read by `read`.
    ///
    /// # Errors
    ///
    /// A 400 that says what was `expected`, where it can't be.
    pub fn parsed<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let value = read(&text);
        value.map(Some).ok_or_else(|| Problem::new(400, format!("{name} is not {expected}")))
    }

    /// The values that a parameter names, separated by commas; all where it is absent.
    pub fn one_of(&self, name: &str) -> OneOf {
        OneOf::read(&self.get(name).unwrap_or_default())
    }

    /// An instant: RFC 3339, date and time in UTC, or a day, which begins at midnight UTC.
    ///
    /// # Errors
    ///
    /// A 400 where it is none.
    pub fn instant(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let expected = "an instant such as 2026-11-02T08:15:00Z or a day such as 2026-11-02";
        self.parsed(name, expected, instant)
    }

    /// All parameters but these, as they are put into a link.
    pub fn without(&self, names: &[&str]) -> Vec<(&str, &str)> {
        let kept = |key: &str| !names.iter().any(|name| key.eq_ignore_ascii_case(name));
        let all = self.0.iter().filter(|(key, _)| kept(key));
        all.map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }
}

/// A call to a route, by somebody who may.
pub struct Call<'a> {
    /// The service.
    pub app: &'a App,
    /// What was asked.
    pub request: &'a Request<'a>,
    /// The parameters of its query.
    pub query: Query,
    /// Who calls.
    pub who: Who,
    /// Through which function.
    pub door: Door,
    /// How the answer is to be written.
    pub form: Form,
    /// The tenants that it is about: exactly one where the route is about one.
    pub tenants: Vec<Arc<Tenant>>,
    /// Who is collected at present; behind [`Door::Caller`] ask [`Call::tenants`] instead.
    pub present: Arc<Present>,
    path: Vec<(&'static str, String)>,
}

impl<'a> Call<'a> {
    /// The call of a request to a route.
    ///
    /// # Errors
    ///
    /// Where the caller may not, or the tenant isn't told.
    pub(super) async fn new(
        app: &'a App,
        request: &'a Request<'a>,
        route: &Route,
        path: &[(&'static str, String)],
        door: Door,
    ) -> Result<Call<'a>, Problem> {
        let query = Query::read(request.query);
        let form = Form::asked(request, &query, route)?;
        let present = match app.tenants().await {
            Ok(present) => present,
            Err(_) if route.subject == Subject::Doctor && door != Door::Caller => Arc::default(),
            Err(error) => return Err(Problem::new(503, error.to_string())),
        };
        let behind = route.door();
        let who = who(app, &present, request, (door, behind))?;
        let named = query.get("tenant");
        let visible = visible(&present, &who, behind);
        let tenants = tenants(visible, &who, named.as_deref(), route.subject)?;
        let path = path.to_vec();
        Ok(Call { app, request, query, who, door, form, tenants, present, path })
    }

    /// The tenant of a route about one.
    pub fn tenant(&self) -> &Arc<Tenant> {
        // `tenants` gives exactly one for such a route.
        &self.tenants[0]
    }

    /// A segment of the path that varies.
    pub fn segment(&self, name: &str) -> &str {
        let found = self.path.iter().find(|(own, _)| *own == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// A header's only value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    ///
    /// A 400 that says where it goes wrong, without a value of it.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        crate::host::object(self.request.body, "the body is not what this route takes")
    }

    /// What is made of the snapshots of the tenant, at most a few seconds old, and of the present instant.
    ///
    /// # Errors
    ///
    /// A 404 that says why the source has no snapshot, where nothing is made of them; a 503 where the
    /// ledger can't be read.
    pub async fn of_snapshots<T>(
        &self,
        source: Source,
        make: impl FnOnce(&[Known], Timestamp) -> Option<T>,
    ) -> Result<T, Problem> {
        let known = self.known().await?;
        make(&known, self.app.now()).ok_or_else(|| {
            let of = known.iter().find(|known| known.source == source.name);
            let why = of.and_then(|known| known.reason.as_deref());
            let why = why.unwrap_or(match of.is_some_and(|known| known.latest.is_some()) {
                true => "its form is an earlier release's: the next run renews it",
                false => "not collected yet: the next timer run plans it",
            });
            Problem::new(404, format!("there is no snapshot of {}, {why}", source.name))
        })
    }

    /// How each of the call's tenants stands, at most that old, in their order.
    ///
    /// # Errors
    ///
    /// A 503 where the ledger can't be read.
    pub async fn standings(&self, age: Duration) -> Result<Vec<Arc<TenantStanding>>, Problem> {
        let mut standings = Vec::new();
        for some in self.tenants.chunks(TENANTS_AT_ONCE) {
            let reads = some.iter().map(|tenant| self.app.standing_within(tenant, age));
            standings.extend(try_join_all(reads).await.map_err(unreadable)?);
        }
        Ok(standings)
    }

    /// What the ledger says of the tenant's sources, at most a few seconds old.
    ///
    /// # Errors
    ///
    /// A 503 where the ledger can't be read.
    pub async fn known(&self) -> Result<Arc<Vec<Known>>, Problem> {
        self.app.known(self.tenant()).await.map_err(unreadable)
    }
}

/// The ledger can't be read: nobody's turn.
pub fn unreadable(error: LedgerError) -> Problem {
    Problem::new(503, error.to_string())
}
