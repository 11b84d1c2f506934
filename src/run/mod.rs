//! Carries one job out: pages in, ledger first, then logs, a report out.

mod attempt;
mod begin;
mod delivery;
mod export;
mod finish;
mod growth;
mod remarks;

pub use begin::{Asked, asked};

use crate::app::App;
use crate::checkpoint::{Checkpoint, State, Taken, Tally};
use crate::fetch::FetchError;
use crate::ledger::LedgerError;
use crate::logs::LogsError;
use crate::plan::Job;
use crate::report::{Report, Status};
use crate::telemetry;
use crate::tenant::Tenant;
use attempt::Work;
use futures::FutureExt;
use jiff::Timestamp;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::Instrument;

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
    /// Another attempt has the job.
    #[error("another attempt has taken the job over")]
    Lost,
}

impl From<FetchError> for Stop {
    fn from(error: FetchError) -> Stop {
        match error {
            FetchError::Refused { .. } => Stop::Refused(error.to_string()),
            FetchError::Unavailable { .. } => Stop::Unavailable(error.to_string()),
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
    run_for(app, job, "").await
}

/// As [`run`], for that invocation of the host's.
pub async fn run_for(app: &App, job: &Job, invocation: &str) -> Report {
    let span = telemetry::job(job, invocation);
    let report = carry_out(app, job).instrument(span.clone()).await;
    telemetry::ended(&span, &report);
    report
}

async fn carry_out(app: &App, job: &Job) -> Report {
    let began = app.now();
    let plain = |name: &str, status, message| plain(app, job, name, began, status, message);
    let present = match app.tenants().await {
        Ok(present) => present,
        Err(error) => return plain(&job.tenant, Status::Failed, error.to_string()),
    };
    let Some(tenant) = present.tenant(&job.tenant).filter(|tenant| tenant.enabled) else {
        let message = format!(
            "tenant {} isn't collected by this deployment: compare it with POSTURE_TENANT_ID or the \
             tenants file",
            job.tenant
        );
        return plain(&job.tenant, Status::Unneeded, message);
    };
    match AssertUnwindSafe(collect(app, tenant, job)).catch_unwind().await {
        Ok(report) => report,
        Err(_) => {
            let message = "a defect stopped the job: the next attempt goes on from the checkpoint, \
                           please report it";
            plain(&tenant.name, Status::Failed, message.to_owned())
        }
    }
}

async fn collect(app: &App, tenant: &Tenant, job: &Job) -> Report {
    let asked = app.now();
    let plain = |status, message| plain(app, job, &tenant.name, asked, status, message);
    let source = tenant.source(job.source.name).unwrap_or(job.source);
    if let Some(why) = tenant.cloud.lacks(&source) {
        return plain(Status::Unavailable, why);
    }
    let before = match begin::before(app, &job.tenant, source).await {
        Ok(before) => before,
        Err(error) => return plain(Status::Failed, error.to_string()),
    };
    let job = Job { source, ..job.clone() };
    let begin = |state: &State, now| begin::begin(tenant, &job, state, &before, now);
    let taken =
        Checkpoint::take(app.ledger.clone(), &job, app.limits.claim, app.clock, begin).await;
    match taken {
        Ok(Taken::Mine(checkpoint)) => attempt(app, tenant, &job, &checkpoint).await,
        Ok(Taken::Needless(why)) => plain(Status::Unneeded, why.to_owned()),
        Err(error) => plain(Status::Failed, error.to_string()),
    }
}

async fn attempt(app: &App, tenant: &Tenant, job: &Job, checkpoint: &Checkpoint) -> Report {
    let started = Instant::now();
    let Some(current) = checkpoint.current().await else {
        let message = "the checkpoint holds no run".to_owned();
        return plain(app, job, &tenant.name, app.now(), Status::Failed, message);
    };
    let known = Arc::new(checkpoint.known().await);
    let mut work = Work::new(app, tenant, job.source, checkpoint, current, known, started);
    let outcome = tokio::select! {
        outcome = work.carry_out() => outcome,
        lost = checkpoint.lost() => Err(Stop::from(lost)),
    };
    let status = match &outcome {
        Ok(status) => *status,
        Err(Stop::Refused(_)) => Status::Refused,
        Err(Stop::Unavailable(_)) => Status::Unavailable,
        Err(Stop::Failed(_)) => Status::Failed,
        Err(Stop::Lost) => Status::Unneeded,
    };
    let message = match outcome {
        Err(stop) => stop.to_string(),
        Ok(status) => remarks::of(status, job.source, &work.current.tally),
    };
    let report = finish::report(&work, status, message);
    match status {
        Status::Complete | Status::Unchanged | Status::Unneeded => report,
        _ => finish::interrupted(app, tenant, job, checkpoint, report).await,
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
