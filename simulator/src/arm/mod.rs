//! Azure Resource Manager: subscriptions, Defender for Cloud's lists, Resource Graph.

mod kinds;
mod query;
mod records;
mod route;
mod subscriptions;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use warp::http::Method;

use crate::answer::{ARM, Answer, Content, Page};
use crate::entra::{self, Refusal};
use crate::fault::Api;
use crate::options::Tenant;
use crate::scene::Scene;
use crate::state::{Request, State};
use crate::{replay, web};

use kinds::Kind;
use route::{Route, route};
use subscriptions::Subscription;

const AUDIENCE: &str = "https://management.azure.com";
const SUBSCRIPTIONS: &str = "azure.subscriptions";

/// Records on a page where the options name no other number.
const PAGE: usize = 500;

/// Reads that a bucket holds, and those that it gains in a second.
///
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>
const BUCKET: u32 = 250;
const GAIN: u32 = 25;

fn error(state: &State, status: u16, code: &str, text: &str) -> Answer {
    Answer::error(Api::Arm, status, code, text, &state.id())
}

/// Answers one ARM request.
pub(crate) async fn answer(state: &Arc<State>, request: &Request, now: Timestamp) -> Answer {
    let claims = match entra::accept(state, request, AUDIENCE, now) {
        Ok(claims) => claims,
        Err(refusal) => {
            let code = match refusal {
                Refusal::Missing => "AuthenticationFailed",
                Refusal::Audience => "InvalidAuthenticationTokenAudience",
                Refusal::Expired => "ExpiredAuthenticationToken",
                Refusal::Tenant => "InvalidAuthenticationTokenTenant",
                Refusal::Malformed => "InvalidAuthenticationToken",
            };
            return error(state, 401, code, "Authentication failed: get another token.")
                .header("www-authenticate", "Bearer error=\"invalid_token\"");
        }
    };
    let (Some(route), Some(tenant)) = (route(&request.path), state.tenant(&claims.tid)) else {
        let text = format!("The resource '{}' was not found.", request.path);
        return error(state, 404, "ResourceNotFound", &text);
    };
    let left = match draw(state, tenant, request) {
        Ok(left) => left,
        Err(wait) => {
            let text = "Number of read requests exceeded the limit of the token bucket.";
            let answer = error(state, 429, "SubscriptionRequestsThrottled", text);
            return answer.header("retry-after", wait.to_string());
        }
    };
    let answer = match (route, &request.method) {
        (Route::ResourceGraph, &Method::POST) => query::answer(state, tenant, request).await,
        (Route::Subscriptions, &Method::GET) => subscription_list(state, tenant, request).await,
        (Route::List { subscription, kind, below }, &Method::GET) => {
            let of = subscription.as_deref();
            list(state, tenant, request, of, kind, below).await
        }
        _ => error(state, 405, "MethodNotAllowed", "The method isn't allowed here."),
    };
    let name = match request.path.matches('/').count() {
        1 => "x-ms-ratelimit-remaining-tenant-reads",
        _ => "x-ms-ratelimit-remaining-subscription-reads",
    };
    let answer = match left {
        Some(left) => answer.header(name, left.to_string()),
        None => answer,
    };
    answer.header("x-ms-request-id", state.id()).header("x-ms-correlation-request-id", state.id())
}

/// Takes a read out of the bucket of its subscription, or of the tenant: those left, or the seconds to
/// wait; nothing where it is no read.
fn draw(state: &State, tenant: &Tenant, request: &Request) -> Result<Option<u64>, u64> {
    if request.method != Method::GET {
        return Ok(None);
    }
    let subscription = request.path.split('/').nth(2).unwrap_or_default().to_lowercase();
    let whose = format!("{}/{subscription}", tenant.id);
    match state.limits.draw(&whose, BUCKET, GAIN, Instant::now()) {
        Err(wait) if state.options.limits => Err(wait),
        drawn => Ok(Some(drawn.unwrap_or_default())),
    }
}

/// What the query asks of a list: the version, where to go on, a recorded page, other options.
struct Ask {
    version: String,
    start: u64,
    replayed: Option<u32>,
    expands: bool,
}

/// Reads the query; code and text of what is wrong with it otherwise.
fn ask(
    query: &str,
    versions: &[&str],
    options: &[(&str, &str)],
) -> Result<Ask, (&'static str, String)> {
    let mut ask = Ask { version: String::new(), start: 0, replayed: None, expands: false };
    for (name, value) in web::pairs(query) {
        match name.as_str() {
            "api-version" => ask.version = value,
            "$skiptoken" => match value.strip_prefix("page-") {
                Some(page) => ask.replayed = page.parse().ok(),
                None => {
                    let start = value.strip_prefix("row-").and_then(|row| row.parse().ok());
                    ask.start = start.ok_or(("BadRequest", "The token isn't valid.".to_owned()))?;
                }
            },
            _ if options.contains(&(name.as_str(), value.as_str())) => ask.expands = true,
            _ => return Err(("BadRequest", format!("The option '{name}={value}' isn't known."))),
        }
    }
    match ask.version.as_str() {
        "" => Err((
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests."
                .to_owned(),
        )),
        version if versions.contains(&version) => Ok(ask),
        version => Err((
            "InvalidApiVersionParameter",
            format!(
                "The api-version '{version}' is invalid. The supported versions are '{}'.",
                versions.join(",")
            ),
        )),
    }
}

fn is_refused(state: &State) -> bool {
    state.refuses_subscriptions.load(Ordering::Relaxed)
}

/// Whether there are recorded pages of a source.
fn is_recorded(state: &State, source: &str) -> bool {
    state.options.replay.as_ref().is_some_and(|folder| folder.join(source).is_dir())
}

/// The subscriptions that can be seen now. Recorded rows stand behind one of them.
fn visible(state: &State, scene: &Scene) -> Vec<Subscription> {
    if is_refused(state) {
        return Vec::new();
    }
    let mut all = subscriptions::all(scene);
    if state.options.replay.is_some() {
        let has_rows = kinds::KINDS.iter().any(|kind| is_recorded(state, kind.source()));
        all.truncate(has_rows.into());
    }
    all
}

async fn subscription_list(state: &State, tenant: &Tenant, request: &Request) -> Answer {
    let ask = match ask(&request.query, &["2022-12-01"], &[]) {
        Ok(ask) => ask,
        Err((code, text)) => return error(state, 400, code, &text),
    };
    let scene = state.scene(tenant);
    let all = visible(state, &scene);
    if is_recorded(state, SUBSCRIPTIONS) && !is_refused(state) {
        return recorded(state, SUBSCRIPTIONS, request, &ask).await;
    }
    let rows = 0..all.len() as u64;
    page(state, request, &ask, rows, move |number| all[number as usize].record(&scene))
}

async fn list(
    state: &State,
    tenant: &Tenant,
    request: &Request,
    subscription: Option<&str>,
    kind: Kind,
    below: Option<Range<u64>>,
) -> Answer {
    let ask = match ask(&request.query, kind.versions(), kind.options()) {
        Ok(ask) => ask,
        Err((code, text)) => return error(state, 400, code, &text),
    };
    let scene = state.scene(tenant);
    if is_refused(state) && subscription.is_some() {
        let text = "The client does not have authorization to perform this action.";
        return error(state, 403, "AuthorizationFailed", text);
    }
    if state.options.replay.is_some() {
        return recorded(state, kind.source(), request, &ask).await;
    }
    let all = subscriptions::all(&scene);
    // Definitions without a subscription are the same as those of any.
    let of = all.into_iter().find(|one| subscription.is_none_or(|id| one.id == id));
    let Some(of) = of else {
        let text = format!("The subscription '{}' could not be found.", subscription.unwrap_or(""));
        return error(state, 404, "SubscriptionNotFound", &text);
    };
    let rows = below.unwrap_or(0..kind.total(&scene));
    if rows.is_empty() {
        return error(state, 404, "ResourceNotFound", "The standard or control was not found.");
    }
    let (version, expands) = (ask.version.clone(), ask.expands);
    page(state, request, &ask, rows, move |number| {
        let mut record = kind.record(&scene, &of, number);
        as_listed(kind, &mut record, &version, expands);
        record
    })
}

/// Takes away what the REST lists don't have.
fn as_listed(kind: Kind, record: &mut Value, version: &str, expands: bool) {
    let Some(properties) = record["properties"].as_object_mut() else { return };
    let mut without: Vec<&str> = Vec::new();
    match kind {
        Kind::Controls if !expands => without.push("definition"),
        Kind::Assessments => {
            without.extend(["metadata", "links", "dates"]);
            if version != "2025-05-04" {
                without.push("risk");
            }
        }
        _ => {}
    }
    properties.retain(|name, _| !without.contains(&name.as_str()));
}

/// One page of these rows; the next link carries version, options and token.
fn page(
    state: &State,
    request: &Request,
    ask: &Ask,
    rows: Range<u64>,
    record: impl Fn(u64) -> Value + Send + Sync + 'static,
) -> Answer {
    let size = state.options.page_size.unwrap_or(PAGE).max(1) as u64;
    let start = rows.start.saturating_add(ask.start).min(rows.end);
    let end = (start + size).min(rows.end);
    let next = (end < rows.end).then(|| {
        let expand = if ask.expands { "&$expand=definition" } else { "" };
        let (base, path, version) = (state.base(Api::Arm), &request.path, &ask.version);
        let row = end - rows.start;
        format!("{base}{path}?api-version={version}{expand}&$skiptoken=row-{row}")
    });
    let records = (start..end).map(move |number| Bytes::from(record(number).to_string()));
    let (length, opening) = ((end - start) as usize, String::new());
    let page = Page { form: &ARM, opening, records: Box::new(records), length, next };
    Answer::new(200, Content::Page(page))
}

async fn recorded(state: &State, source: &str, request: &Request, ask: &Ask) -> Answer {
    let Some(folder) = &state.options.replay else { return Answer::new(200, Content::Nothing) };
    let (number, base) = (ask.replayed.unwrap_or(1), state.base(Api::Arm));
    let (path, version) = (&request.path, &ask.version);
    let next = format!("{base}{path}?api-version={version}&$skiptoken=page-{}", number + 1);
    let page = replay::page_of(folder, source, number, &next, &ARM).await;
    Answer::new(200, Content::Whole(page))
}
