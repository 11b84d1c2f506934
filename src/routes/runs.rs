//! What jobs did: the reports that are kept of a tenant's runs, newest first.

use super::call::unreadable;
use super::{Answer, Call, Column, OneOf, Page, Parameter, Route, shape};
use crate::host::Problem;
use crate::ledger::{Ledger, path};
use crate::schema;
use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far back reports are listed where nothing is said, and at most.
const USUAL_SPAN: SignedDuration = SignedDuration::from_hours(24);
const LONGEST_SPAN: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Reports that one call reads at most, and how many at once.
const MOST_READ: usize = 500;
const AT_ONCE: usize = 16;

const QUERY: &[Parameter] = &[
    Parameter {
        name: "source",
        about: "Sources, separated by commas, such as graph.secure_scores",
    },
    Parameter {
        name: "status",
        about: "Endings, separated by commas: complete, incomplete, unchanged, refused, unavailable, \
                postponed, failed",
    },
    Parameter {
        name: "since",
        about: "Planned at or after this instant or day; default: 24 hours ago, at most 31 days ago",
    },
];

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    query: QUERY,
    ..Route::list(
        "runs",
        "What the jobs of a tenant did, newest first; one call looks at the newest 500 reports that fit \
         source and time",
        shape::<Page<RunReport>>,
        |call| runs(call).boxed(),
    )
}];

const COLUMNS: &[Column] = &[
    Column("Run", "run"),
    Column("Source", "source"),
    Column("Status", "status"),
    Column("Ended", "ended"),
    Column("Kept", "kept"),
    Column("Sent", "sent"),
    Column("Rejected", "rejected"),
    Column("Message", "message"),
    Column("Withheld", "withheld"),
    Column("Attempts", "attempts"),
    Column("Requests", "requests"),
    Column("Throttled", "throttled"),
    Column("Took, ms", "tookMs"),
    Column("Newest data", "newest"),
];

/// What one job did, over all its attempts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RunReport {
    /// The source.
    pub source: String,
    /// The run, such as `20261122T101500Z`.
    pub run: String,
    /// `complete`, `incomplete`, `unchanged`, `refused`, `unavailable`, `postponed` or `failed`.
    pub status: String,
    /// What happened and what to do, where something is to be said.
    pub message: String,
    /// When its first attempt began.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub began: Option<Timestamp>,
    /// When its newest attempt ended.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub ended: Option<Timestamp>,
    /// As of when the newest data is that was read.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub newest: Option<Timestamp>,
    /// Attempts.
    pub attempts: u64,
    /// Pages read.
    pub pages: u64,
    /// Records read.
    pub read: u64,
    /// Records kept.
    pub kept: u64,
    /// Records sent to the workspace.
    pub sent: u64,
    /// Records that don't go there.
    pub withheld: u64,
    /// Records that could not be kept or sent.
    pub rejected: u64,
    /// Requests to the service and the workspace.
    pub requests: u64,
    /// Those of them that were answered 429.
    pub throttled: u64,
    /// Milliseconds of all attempts.
    pub took_ms: u64,
}

async fn runs(call: &Call<'_>) -> Result<Answer, Problem> {
    let [source, status] = ["source", "status"].map(|name| call.query.one_of(name));
    let now = call.app.now();
    let since = call.query.instant("since")?.unwrap_or(now - USUAL_SPAN);
    if now.duration_since(since) > LONGEST_SPAN {
        return Err(Problem::new(
            400,
            "since is over 31 days ago: ask PostureRuns_CL for older runs",
        ));
    }
    let ledger = &*call.app.ledger;
    let (paths, more) = newest(ledger, &call.tenant().id, (since, now), &source).await?;
    let reads = stream::iter(paths).map(|path| read(ledger, path));
    let reports: Vec<Option<RunReport>> = reads.buffered(AT_ONCE).try_collect().await?;
    let fits = |report: &RunReport| status.admits(Some(&report.status));
    let reports: Vec<_> = reports.into_iter().flatten().filter(fits).collect();
    let heading = format!("Runs of {}", call.tenant().name);
    let note = more.then(|| {
        format!("the newest {MOST_READ} reports were looked at, older ones were not: name a source")
    });
    Page::of(call, (heading, COLUMNS), "runs", reports)?.noting(note).answer(call)
}

/// Paths of the newest reports that fit, newest first, and whether there are more.
async fn newest(
    ledger: &dyn Ledger,
    tenant: &str,
    (since, now): (Timestamp, Timestamp),
    source: &OneOf,
) -> Result<(Vec<String>, bool), Problem> {
    let day = |at: Timestamp| jiff::tz::TimeZone::UTC.to_datetime(at).date();
    let first_run = crate::plan::RunId::at(since);
    let mut found = Vec::new();
    // A run may have been planned a moment ahead of this clock.
    let mut next: Option<Date> = day(now).checked_add(1.day()).ok();
    while let Some(date) = next.filter(|date| *date >= day(since) && found.len() <= MOST_READ) {
        let paths = ledger.list(&path::reports(tenant, date)).await.map_err(unreadable)?;
        let fits = |path: &&String| {
            let mut parts = path.rsplit('/');
            let name = parts.next().and_then(|file| file.strip_suffix(".json"));
            let run = parts.next().unwrap_or_default();
            run >= first_run.as_str() && name.is_some() && source.admits(name)
        };
        // By byte order runs of a day are in the order of time.
        found.extend(paths.iter().rev().filter(fits).cloned());
        next = date.checked_sub(1.day()).ok();
    }
    let more = found.len() > MOST_READ;
    found.truncate(MOST_READ);
    Ok((found, more))
}

/// A report; nothing where it has gone, or is of another form.
async fn read(ledger: &dyn Ledger, path: String) -> Result<Option<RunReport>, Problem> {
    let kept = ledger.read(&path).await.map_err(unreadable)?;
    Ok(kept.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok()))
}
