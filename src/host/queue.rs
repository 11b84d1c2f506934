//! The queue's function: a job of one source, a plan of one tenant, or a case.

use super::envelope::{self, Envelope};
use super::functions::queued;
use super::{Problem, Reply};
use crate::app::App;
use crate::case::{Case, CaseError, State};
use crate::plan::{Job, Message};
use crate::report::{Report, Status};
use crate::source::Source;
use crate::tenant::Tenant;
use futures::stream::{self, StreamExt};
use serde_json::Value;
use std::sync::Arc;
use tracing::{error, info, warn};

/// The queue trigger's binding.
const JOB: &str = "job";

/// Runs one job. A payload that is no job is a 400, so that it ends in the poison queue.
pub async fn queue(app: &App, body: &[u8], invocation: &str) -> Reply {
    let job = match read(app, body).await {
        Ok(Work::Source(job)) => job,
        Ok(Work::Plan(tenant, sources)) => return plan(app, &tenant, sources, invocation).await,
        Ok(Work::Case(case)) => return pull(app, case, invocation).await,
        Err(problem) => {
            error!(invocation, "A queue message is refused: {}", problem.detail);
            return problem.into();
        }
    };
    let report = match &app.queue {
        Some(queue) => crate::run::step(app, &job, queue).await,
        None => crate::run::run(app, &job).await,
    };
    log(&report, invocation);
    if report.wants_retry() {
        return Problem::new(500, report.to_string()).into();
    }
    queued(&[], report.to_string())
}

/// Plans one tenant of many: its due jobs go to the queue.
async fn plan(app: &App, tenant: &Tenant, sources: Vec<Source>, invocation: &str) -> Reply {
    let Tenant { id, name, .. } = tenant;
    match app.plan(tenant, sources, app.now()).await {
        Ok(jobs) => {
            let count = jobs.len();
            info!(
                invocation,
                tenant = id,
                tenant_name = name,
                jobs = count,
                "Planned {count} jobs of {name}"
            );
            let messages: Vec<_> = jobs.iter().map(Message::from).collect();
            queued(&messages, format!("Planned {count} jobs of {name} ({id})"))
        }
        Err(error) => {
            error!(
                invocation,
                tenant = id,
                tenant_name = name,
                "Nothing is planned of {name}: {error}"
            );
            Problem::new(500, error.to_string()).into()
        }
    }
}

fn log(report: &Report, invocation: &str) {
    let Report { source, run, tenant, tenant_name, tally, .. } = report;
    let (records, took_ms) = (tally.kept, tally.took_ms);
    match report.status {
        Status::Complete
        | Status::Unchanged
        | Status::Unneeded
        | Status::Postponed
        | Status::Unavailable => {
            info!(invocation, source, %run, tenant, tenant_name, records, took_ms, "{report}");
        }
        Status::Incomplete | Status::Failed => {
            warn!(invocation, source, %run, tenant, tenant_name, records, took_ms, "{report}");
        }
        Status::Refused => {
            error!(invocation, source, %run, tenant, tenant_name, records, took_ms, "{report}");
        }
    }
}

/// Pulls a case. What an administrator must mend is in its manifest; what a later attempt can do is a
/// 500, so that the message comes again.
async fn pull(app: &App, case: Case, invocation: &str) -> Reply {
    let name = case.name.clone();
    let pulled = async {
        let open = case.open(app).await?;
        let jobs = stream::iter(open.jobs.clone());
        let carried = jobs.for_each_concurrent(open.app.parallel, async |job| {
            log(&crate::run::run(&open.app, &job).await, invocation);
        });
        carried.await;
        open.close().await
    };
    match pulled.await {
        Ok(None) => {
            let text = format!("case {name}: another attempt is at work on it");
            queued(&[], text)
        }
        Ok(Some(manifest)) => {
            let failed = manifest.sources.iter().filter(|source| source.state == State::Failed);
            let failed: Vec<_> = failed.map(|source| source.source.as_str()).collect();
            if !failed.is_empty() {
                let text = format!("case {name}: {} is still to be read", failed.join(", "));
                return Problem::new(500, text).into();
            }
            let how = if manifest.complete { "complete" } else { "not complete, see its manifest" };
            queued(&[], format!("case {name}: {how}"))
        }
        Err(CaseError::Wrong(why)) => Problem::new(400, why).into(),
        Err(error) => Problem::new(500, error.to_string()).into(),
    }
}

/// What a queue message asks for.
pub enum Work {
    /// A source, or one of its export files.
    Source(Box<Job>),
    /// Which of these sources of a tenant are due is to be found out.
    Plan(Arc<Tenant>, Vec<Source>),
    /// A responder's pull.
    Case(Case),
}

async fn read(app: &App, body: &[u8]) -> Result<Work, Problem> {
    let envelope = Envelope::read(body)?;
    let value = envelope.trigger(JOB).unwrap_or(&Value::Null);
    let bytes = envelope::payload(value).map_err(|why| Problem::new(400, why))?;
    work(app, envelope::object(&bytes, "the payload is no job")?).await
}

/// What a message asks for.
///
/// # Errors
///
/// A 400 where it is no job of this deployment and release, a 500 where that can't be found out.
pub async fn work(app: &App, message: Message) -> Result<Work, Problem> {
    let present = app.tenants().await.map_err(|error| Problem::new(500, error.to_string()))?;
    let tenant = app.collected(&present, &message.tenant);
    let tenant = tenant
        .as_ref()
        .ok_or_else(|| Problem::new(400, "the job names a tenant that isn't this deployment's"))?;
    match message.kind.as_deref() {
        None | Some(Message::FINDINGS) => source_job(message, tenant),
        Some(Message::FILE) => match message.file {
            Some(_) => source_job(message, tenant),
            None => Err(Problem::new(400, "the job names no export file")),
        },
        Some(Message::PLAN) => {
            // What an older or newer release knows beside is not this one's to collect.
            let sources = message.sources.iter().filter_map(|name| tenant.source(name));
            Ok(Work::Plan(tenant.clone(), sources.collect()))
        }
        Some(Message::CASE) => {
            let case = Case::of(&message, tenant);
            case.map(Work::Case).map_err(|error| Problem::new(400, error.to_string()))
        }
        Some(_) => {
            let text = "the payload is a kind of job that this release doesn't know";
            Err(Problem::new(400, text))
        }
    }
}

fn source_job(message: Message, tenant: &Tenant) -> Result<Work, Problem> {
    let source = Source::named(&message.source).ok_or_else(|| {
        Problem::new(400, "the job names a source that this release doesn't know")
    })?;
    let source = tenant.source(source.name).unwrap_or(source);
    let window = message.window().map_err(|why| Problem::new(400, why))?;
    if window.is_some() && !source.takes_times() {
        return Err(Problem::new(400, "the job names times, which its source doesn't take"));
    }
    let findings = message.is(Message::FINDINGS);
    let (tenant, Message { run, now, file, .. }) = (tenant.id.clone(), message);
    Ok(Work::Source(Box::new(Job { run, tenant, source, now, window, file, findings })))
}
