//! Carries one job out: pages in, ledger first, then logs, a report out.

mod attempt;
mod begin;
mod delivery;
mod estimate;
mod export;
mod exposed;
mod fan;
mod findings;
mod finish;
mod growth;
mod here;
mod packer;
mod remarks;
mod turn;

pub use begin::{Asked, asked};
pub use here::run;
pub use turn::LocalTurns;

use crate::app::App;
use crate::checkpoint::{Checkpoint, State, Taken, Tally};
use crate::fetch::FetchError;
use crate::ledger::LedgerError;
use crate::logs::LogsError;
use crate::outbox::{Outbox, OutboxError};
use crate::plan::{Job, Message};
use crate::report::{Report, Status};
use crate::telemetry;
use crate::tenant::Tenant;
use attempt::Work;
use finish::Pause;
use futures::FutureExt;
use jiff::Timestamp;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{Instrument, debug};

/// Why an attempt ends before its run does.
#[derive(Debug, thiserror::Error)]
enum Stop {
    /// An administrator's turn.
    #[error("{0}")]
    Refused(String),
    /// Nobody's turn: there is no such data.
    #[error("{0}")]
    Unavailable(String),
    /// A later attempt's turn.
    #[error("{0}")]
    Failed(String),
    /// Nobody's turn: the service asks for more patience than an invocation has.
    #[error("{what}: the next attempt goes on from the checkpoint")]
    Later {
        /// What it answered, and where.
        what: String,
        /// What it asked for.
        after: Duration,
    },
    /// Another job's turn at an API that this one would use up.
    #[error("another job of the tenant has the turn at {what}: the next attempt asks for it again")]
    Waits {
        /// The budget.
        what: &'static str,
        /// When to ask again.
        after: Duration,
    },
    /// The run's own turn: its time is up.
    #[error("the run's time is up: the next attempt goes on from the checkpoint")]
    TimeUp,
    /// Another attempt has the job.
    #[error("another attempt has taken the job over")]
    Lost,
}

impl From<FetchError> for Stop {
    fn from(error: FetchError) -> Stop {
        match error {
            FetchError::Refused { .. } => Stop::Refused(error.to_string()),
            FetchError::Unavailable { .. } => Stop::Unavailable(error.to_string()),
            FetchError::Throttled { path, after } => {
                let what = format!("throttled at {path} for another {} s", after.as_secs());
                Stop::Later { what, after }
            }
            _ => Stop::Failed(error.to_string()),
        }
    }
}

impl From<LogsError> for Stop {
    fn from(error: LogsError) -> Stop {
        match error {
            LogsError::Refused { .. } => Stop::Refused(error.to_string()),
            LogsError::Throttled { what, after } => {
                Stop::Later { what: format!("the workspace took nothing ({what})"), after }
            }
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

impl From<OutboxError> for Stop {
    fn from(error: OutboxError) -> Stop {
        Stop::Failed(error.to_string())
    }
}

/// Carries one message's job out and says what became of it; never fails and never panics. What is to
/// follow goes to `outbox`.
///
/// The job's message may come twice, or to two processes at once: what is complete, or in another
/// attempt's hands, is left alone.
pub async fn step(app: &App, job: &Job, outbox: &dyn Outbox) -> Report {
    let span = telemetry::job(job);
    // Boxed: a command's future holds it several deep, and its type would grow beyond the compiler's limit.
    let report = Box::pin(carry_out(app, job, outbox)).instrument(span.clone()).await;
    telemetry::ended(&span, &report);
    report
}

async fn carry_out(app: &App, job: &Job, outbox: &dyn Outbox) -> Report {
    let began = app.now();
    let plain = |name: &str, status, message| plain(app, job, name, began, status, message);
    let present = match app.tenants().await {
        Ok(present) => present,
        Err(error) => return plain(&job.tenant, Status::Failed, error.to_string()),
    };
    let tenant = app.collected(&present, &job.tenant).filter(|tenant| tenant.enabled);
    let Some(tenant) = tenant.as_deref() else {
        let message = format!(
            "tenant {} isn't collected by this deployment: compare it with POSTURE_TENANT_ID or the \
             tenants file",
            job.tenant
        );
        return plain(&job.tenant, Status::Unneeded, message);
    };
    match AssertUnwindSafe(collect(app, tenant, job, outbox)).catch_unwind().await {
        Ok(report) => report,
        Err(_) => {
            let message = "a defect stopped the job: the next attempt goes on from the checkpoint, \
                           please report it";
            plain(&tenant.name, Status::Failed, message.to_owned())
        }
    }
}

async fn collect(app: &App, tenant: &Tenant, job: &Job, outbox: &dyn Outbox) -> Report {
    let source = tenant.source(job.source.name).unwrap_or(job.source);
    if let Some(why) = tenant.cloud.lacks(&source) {
        return plain(app, job, &tenant.name, app.now(), Status::Unavailable, why);
    }
    let job = Job { source, ..job.clone() };
    if job.findings {
        return findings::carry_out(app, tenant, &job, outbox).await;
    }
    match job.file {
        Some(_) => export::collect_file(app, tenant, &job, outbox).await,
        None => of_source(app, tenant, &job, outbox).await,
    }
}

/// Carries the job of a whole source out.
async fn of_source(app: &App, tenant: &Tenant, job: &Job, outbox: &dyn Outbox) -> Report {
    let asked = app.now();
    let plain = |status, message| plain(app, job, &tenant.name, asked, status, message);
    let before = match begin::before(app, tenant, job.source).await {
        Ok(before) => before,
        Err(error) => return plain(Status::Failed, error.to_string()),
    };
    let begin = |state: &State, now| begin::begin(tenant, job, state, &before, now);
    let taken = Checkpoint::take(app.ledger.clone(), job, app.limits.claim, app.clock, begin).await;
    let checkpoint = match taken {
        Ok(Taken::Mine(checkpoint)) => checkpoint,
        Ok(Taken::Needless(why)) => return plain(Status::Unneeded, why.to_owned()),
        Err(error) => return plain(Status::Failed, error.to_string()),
    };
    let started = Instant::now();
    let Some(current) = checkpoint.current().await else {
        return plain(Status::Failed, "the checkpoint holds no run".to_owned());
    };
    let known = Arc::new(checkpoint.known().await);
    let held = (&*checkpoint, current);
    let mut work = Work::new((app, tenant), job, outbox, held, known, started);
    work.look_around(&before);
    let outcome = tokio::select! {
        outcome = work.carry_out() => outcome,
        lost = checkpoint.lost() => Err(Stop::from(lost)),
    };
    ended(&work, outcome).await
}

/// The report of an attempt that has ended, which others can go on from.
async fn ended(work: &Work<'_>, outcome: Result<Status, Stop>) -> Report {
    let (status, message, pause) = match outcome {
        Ok(status) => (status, remarks::of(status, work.source, &work.current.tally), None),
        Err(stop) => match goes_on(work, &stop).await {
            Some((message, pause)) => (Status::Postponed, message, Some(pause)),
            None => (status_of(&stop), stop.to_string(), None),
        },
    };
    let report = finish::report(work, status, message);
    match (status, pause) {
        (Status::Complete | Status::Unchanged | Status::Unneeded, _) => report,
        // Its claim was given up with its files.
        (Status::Postponed, None) => report,
        (_, pause) => finish::interrupted(work, report, pause).await,
    }
}

fn status_of(stop: &Stop) -> Status {
    match stop {
        Stop::Refused(_) => Status::Refused,
        Stop::Unavailable(_) => Status::Unavailable,
        Stop::Failed(_) | Stop::Later { .. } | Stop::Waits { .. } | Stop::TimeUp => Status::Failed,
        Stop::Lost => Status::Unneeded,
    }
}

/// Posts the message by which a run goes on later, where it may: what is said of it, and how it pauses.
async fn goes_on(work: &Work<'_>, stop: &Stop) -> Option<(String, Pause)> {
    let (message, after) = match stop {
        // Nobody is there to wait for it.
        Stop::Later { .. } if work.outbox.holds().is_zero() => return None,
        Stop::TimeUp => ("the run's time is up: it goes on by itself".to_owned(), Duration::ZERO),
        Stop::Later { what, after } => (format!("{what}: it goes on by itself then"), *after),
        Stop::Waits { what, after } => (format!("another job has the turn at {what}"), *after),
        _ => return None,
    };
    let is_obstacle = matches!(stop, Stop::Later { .. });
    let is_news = !matches!(stop, Stop::Waits { .. });
    let job = Job { run: work.current.run.clone(), now: true, ..work.job.clone() };
    match work.outbox.post(&Message::from(&job), after).await {
        Ok(()) => Some((message, Pause { after, is_obstacle, is_news })),
        Err(error) => {
            debug!(tenant = work.tenant.id, "{error}");
            None
        }
    }
}

fn plain(
    app: &App,
    job: &Job,
    tenant_name: &str,
    began: Timestamp,
    status: Status,
    message: String,
) -> Report {
    Report {
        version: 1,
        tenant: job.tenant.clone(),
        tenant_name: tenant_name.to_owned(),
        source: job.source.name,
        run: job.run.clone(),
        status,
        message,
        began,
        ended: app.now(),
        generated: None,
        newest: None,
        credential_ends: None,
        tally: Tally::default(),
    }
}
