//! Carries one job out: pages in, ledger first, then logs, a report out.

mod attempt;
mod delivery;
mod export;
mod finish;
mod growth;
mod remarks;

use crate::app::App;
use crate::checkpoint::{Checkpoint, Current, State, Taken, Tally};
use crate::digest::{Digest, Latest};
use crate::fetch::{self, FetchError};
use crate::ledger::{LedgerError, path};
use crate::logs::LogsError;
use crate::part::Cursor;
use crate::plan::{Job, RunId, Window};
use crate::report::{Report, Status};
use crate::source::{Fetch, Sends, Source};
use crate::tenant::Tenant;
use attempt::Work;
use futures::FutureExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::time::Instant;

/// Why an attempt ends before its run does.
#[derive(Debug, thiserror::Error)]
enum Stop {
    /// An administrator's turn.
    #[error("{0}")]
    Refused(String),
    /// A later attempt's turn.
    #[error("{0}")]
    Failed(String),
    /// Another attempt has the job.
    #[error("another attempt has taken the job over")]
    Lost,
}

impl From<FetchError> for Stop {
    fn from(error: FetchError) -> Stop {
        match error {
            FetchError::Refused { .. } => Stop::Refused(error.to_string()),
            _ => Stop::Failed(error.to_string()),
        }
    }
}

impl From<LogsError> for Stop {
    fn from(error: LogsError) -> Stop {
        match error {
            LogsError::Refused { .. } => Stop::Refused(error.to_string()),
            LogsError::Unreachable { .. } => Stop::Failed(error.to_string()),
        }
    }
}

impl From<LedgerError> for Stop {
    fn from(error: LedgerError) -> Stop {
        match error {
            LedgerError::Conflict { .. } => Stop::Lost,
            _ => Stop::Failed(error.to_string()),
        }
    }
}

/// Carries one job out and says what became of it; never fails and never panics.
///
/// The job's message may come twice, or to two processes at once: what is complete, or in another
/// attempt's hands, is left alone.
pub async fn run(app: &App, job: &Job) -> Report {
    let began = app.now();
    match AssertUnwindSafe(collect(app, job)).catch_unwind().await {
        Ok(report) => report,
        Err(_) => {
            let message = "a defect stopped the job: the next attempt goes on from the checkpoint, \
                           please report it";
            plain(app, job, began, Status::Failed, message.to_owned())
        }
    }
}

async fn collect(app: &App, job: &Job) -> Report {
    let asked = app.now();
    let Some(tenant) = app.tenant(&job.tenant) else {
        let message = format!(
            "tenant {} isn't one of this deployment's: compare it with POSTURE_TENANT_ID",
            job.tenant
        );
        return plain(app, job, asked, Status::Unneeded, message);
    };
    let source = tenant.source(job.source.name).unwrap_or(job.source);
    let latest = match latest(app, job).await {
        Ok(latest) => latest,
        Err(error) => return plain(app, job, asked, Status::Failed, error.to_string()),
    };
    let job = Job { source, ..job.clone() };
    let begin = |state: &State, now| begin(tenant, &job, state, latest.as_ref(), now);
    let taken =
        Checkpoint::take(app.ledger.clone(), &job, app.limits.claim, app.clock, begin).await;
    match taken {
        Ok(Taken::Mine(checkpoint)) => attempt(app, tenant, &job, &checkpoint).await,
        Ok(Taken::Needless(why)) => plain(app, &job, asked, Status::Unneeded, why.to_owned()),
        Err(error) => plain(app, &job, asked, Status::Failed, error.to_string()),
    }
}

/// A run's beginning, where none is under way.
fn begin(
    tenant: &Tenant,
    job: &Job,
    state: &State,
    latest: Option<&Latest>,
    now: Timestamp,
) -> Current {
    let Job { source, run, .. } = job;
    let same_day = |run: &RunId, other: &RunId| run.day_path() == other.day_path();
    let sent_today = state.completed.as_ref().is_some_and(|last| same_day(&last.run, run));
    let link = first_link(tenant, job, state, now);
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
            Sends::All | Sends::Positive(_) | Sends::Present(_) | Sends::False(_) => true,
        },
        generated: None,
        newest: None,
        recent: BTreeMap::new(),
        partial: false,
        tally: Tally::default(),
        digest: Digest::start(source.digest, latest.map(|latest| &latest.digest)),
    }
}

/// The link that a run begins at.
fn first_link(tenant: &Tenant, job: &Job, state: &State, now: Timestamp) -> String {
    let Job { source, window, .. } = job;
    let origin = tenant.cloud.origin(source.api);
    match source.fetch {
        Fetch::Resources(resources) => fetch::first_link(resources, tenant),
        Fetch::Hunting(hunting) => {
            let times = window.as_ref().map(|window| (window.from.instant(), window.to.instant()));
            let (from, to) = times.unwrap_or((now - hunting.period, now));
            fetch::hunting_link(origin, hunting, from, to)
        }
        _ => match window {
            Some(window) => format!("{origin}{}", growth::path_within(*source, window)),
            None => format!("{origin}{}", growth::first_path(*source, state.since.as_deref(), now)),
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

async fn latest(app: &App, job: &Job) -> Result<Option<Latest>, LedgerError> {
    let path = path::latest(&job.tenant, job.source.name);
    let kept = app.ledger.read(&path).await?;
    // A snapshot of another release's layout is replaced by the next complete one.
    Ok(kept.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok()))
}

async fn attempt(app: &App, tenant: &Tenant, job: &Job, checkpoint: &Checkpoint) -> Report {
    let started = Instant::now();
    let Some(current) = checkpoint.current().await else {
        let message = "the checkpoint holds no run".to_owned();
        return plain(app, job, app.now(), Status::Failed, message);
    };
    let (run, began) = (current.run.clone(), current.began);
    let known = Arc::new(checkpoint.known().await);
    let mut work = Work::new(app, tenant, job.source, checkpoint, current, known, started);
    let outcome = tokio::select! {
        outcome = work.carry_out() => outcome,
        lost = checkpoint.lost() => Err(Stop::from(lost)),
    };
    let status = match &outcome {
        Ok(status) => *status,
        Err(Stop::Refused(_)) => Status::Refused,
        Err(Stop::Failed(_)) => Status::Failed,
        Err(Stop::Lost) => Status::Unneeded,
    };
    let message = match outcome {
        Err(stop) => stop.to_string(),
        Ok(status) => remarks::of(status, job.source, &work.current.tally),
    };
    let report = Report {
        version: 1,
        tenant: tenant.id.clone(),
        tenant_name: tenant.name.clone(),
        source: job.source.name,
        run,
        status,
        message,
        began,
        ended: app.now(),
        generated: work.current.generated.clone(),
        tally: work.tally(),
    };
    match status {
        Status::Complete | Status::Unchanged | Status::Unneeded => report,
        _ => finish::interrupted(app, tenant, job, checkpoint, report).await,
    }
}

fn plain(app: &App, job: &Job, began: Timestamp, status: Status, message: String) -> Report {
    let tenant_name = app.tenant(&job.tenant).map_or(&job.tenant, |tenant| &tenant.name);
    Report {
        version: 1,
        tenant: job.tenant.clone(),
        tenant_name: tenant_name.clone(),
        source: job.source.name,
        run: job.run.clone(),
        status,
        message,
        began,
        ended: app.now(),
        generated: None,
        tally: Tally::default(),
    }
}
