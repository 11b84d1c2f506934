//! A run's beginning: where it reads from, and what it goes on from.

use super::exposed::Exposed;
use super::growth;
use crate::app::App;
use crate::checkpoint::{Current, State, Tally};
use crate::digest::{Digest, Latest};
use crate::fetch;
use crate::ledger::{LedgerError, path};
use crate::part::Cursor;
use crate::plan::{Job, RunId, Window};
use crate::source::{Fetch, Reads, Sends, Source};
use crate::tenant::Tenant;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A run's beginning, where none is under way.
pub(super) fn begin(
    tenant: &Tenant,
    job: &Job,
    state: &State,
    before: &Before,
    now: Timestamp,
) -> Current {
    let Job { source, run, .. } = job;
    let same_day = |run: &RunId, other: &RunId| run.day_path() == other.day_path();
    let sent_today = state.completed.as_ref().is_some_and(|last| same_day(&last.run, run));
    let link = first_link(tenant, job, state, before, now);
    Current {
        run: run.clone(),
        began: now,
        attempt: None,
        window: job.window.clone(),
        first: link.clone(),
        cursor: Cursor::page(Some(link)),
        sends: match source.sends {
            Sends::Nothing => false,
            Sends::FirstOfDay => !sent_today,
            Sends::All
            | Sends::Positive(_)
            | Sends::Present(_)
            | Sends::Fails(..)
            | Sends::Exposed(_) => true,
        },
        generated: None,
        newest: None,
        recent: BTreeMap::new(),
        partial: false,
        files: None,
        resumes: None,
        tally: Tally::default(),
        digest: before.digest(*source),
    }
}

/// What a run goes on from.
pub(super) struct Before {
    /// The source's newest snapshot.
    latest: Option<Latest>,
    /// Of what is kept only for exposed vulnerabilities: which those are.
    exposed: Option<Arc<Exposed>>,
    /// Of changes: when the full snapshot was made that they are about.
    full: Option<Timestamp>,
}

impl Before {
    /// Records of the snapshot before.
    pub fn records(&self) -> u64 {
        self.latest.as_ref().map_or(0, |latest| latest.records)
    }

    /// Whom a vulnerability concerns, of what is kept only for exposed ones.
    pub fn exposed(&self) -> Option<Arc<Exposed>> {
        self.exposed.clone()
    }

    /// The digest that a run begins with.
    fn digest(&self, source: Source) -> Digest {
        let latest = self.latest.as_ref().map(|latest| &latest.digest);
        let full = self.full.unwrap_or(Timestamp::UNIX_EPOCH);
        let mut digest = Digest::start(source.digest, latest, Some(full));
        if let Some(exposed) = &self.exposed {
            digest.keeps_absent(|id| exposed.has(id));
        }
        digest
    }

    /// Vulnerabilities that have become exposed and were never asked for, the newest first, at most
    /// [`MAX_NAMES`].
    fn unasked(&self) -> Vec<String> {
        let digest = self.latest.as_ref().map(|latest| &latest.digest);
        let (Some(exposed), Some(Digest::Nvd(kept))) = (&self.exposed, digest) else {
            return Vec::new();
        };
        let mut unasked: Vec<_> = exposed.all().filter(|id| kept.lacks(id)).cloned().collect();
        unasked.sort_by_cached_key(|id| Reverse(number(id)));
        unasked.truncate(MAX_NAMES);
        unasked
    }
}

/// Vulnerabilities that a run asks for by name at most: ten requests.
const MAX_NAMES: usize = 1_000;

/// A CVE id's year and number.
fn number(id: &str) -> Option<(u32, u64)> {
    let (year, number) = id.strip_prefix("CVE-")?.split_once('-')?;
    Some((year.parse().ok()?, number.parse().ok()?))
}

pub(super) async fn before(
    app: &App,
    tenant: &Tenant,
    source: Source,
) -> Result<Before, LedgerError> {
    let latest = async |name: &str| {
        let kept = app.ledger.read(&path::latest(&tenant.id, name)).await?;
        // A snapshot of another release's layout is replaced by the next complete one.
        let latest = kept.and_then(|(bytes, _)| serde_json::from_slice::<Latest>(&bytes).ok());
        Ok::<_, LedgerError>(latest)
    };
    let full = match source.reads {
        Reads::Changes { full, .. } => latest(full).await?.map(|full| full.made()),
        _ => None,
    };
    let exposed = match source.is_of_exposed() {
        true => Some(Arc::new(Exposed::read(app, tenant).await?)),
        false => None,
    };
    Ok(Before { latest: latest(source.name).await?, exposed, full })
}

/// The link that a run begins at.
fn first_link(
    tenant: &Tenant,
    job: &Job,
    state: &State,
    before: &Before,
    now: Timestamp,
) -> String {
    let Job { source, window, .. } = job;
    let origin = tenant.cloud.origin(source.api);
    match source.fetch {
        Fetch::Resources(resources) => fetch::first_link(resources, tenant),
        Fetch::Nvd(path) => {
            let since = state.since.as_deref();
            fetch::first_nvd_link((origin, path), since, before.unasked(), now)
        }
        Fetch::Hunting(hunting) => {
            let times = window.as_ref().map(|window| (window.from.instant(), window.to.instant()));
            let (from, to) = times.unwrap_or((now - hunting.period, now));
            fetch::hunting_link(origin, hunting, from, to)
        }
        _ => match window {
            Some(window) => format!("{origin}{}", growth::path_within(*source, window)),
            None => {
                // The first changes are asked for since the full snapshot that they are about.
                let since =
                    state.since.clone().or_else(|| before.full.map(|full| full.to_string()));
                format!("{origin}{}", growth::first_path(*source, since.as_deref(), now))
            }
        },
    }
}

/// What the service is asked for a source of these times.
pub fn asked(source: Source, window: &Window) -> Asked {
    match source.fetch {
        Fetch::Hunting(hunting) => Asked::Query {
            query: hunting.query.to_owned(),
            timespan: format!("{}/{}", window.from.instant(), window.to.instant()),
        },
        _ => Asked::Path(growth::path_within(source, window)),
    }
}

/// A request, for people to read and repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Asked {
    /// Path and query of a list's first page.
    Path(String),
    /// A hunting query.
    Query {
        /// Its text.
        query: String,
        /// Its times.
        timespan: String,
    },
}
