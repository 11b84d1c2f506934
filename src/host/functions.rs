//! The functions behind the envelopes: the timer plans, the queue runs, HTTP answers.

use super::envelope::{self, Envelope, Outcome};
use super::{Problem, Reply, routes};
use crate::app::App;
use crate::case::{Case, CaseError, State};
use crate::plan::{Job, Message};
use crate::report::{Report, Status};
use crate::source::Source;
use crate::tenant::Tenant;
use azure_core::http::Url;
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tracing::{error, info, warn};

/// The timer's output binding, a queue.
const JOBS: &str = "jobs";
/// The queue trigger's binding.
const JOB: &str = "job";
/// The HTTP trigger's binding and its output.
const REQUEST: &str = "request";
const RESPONSE: &str = "response";

/// Plans: one message per due source, as objects, since the host takes base64 apart in arrays.
pub async fn timer(app: &App, body: &[u8], invocation: &str) -> Reply {
    if let Err(problem) = Envelope::read(body) {
        warn!(invocation, "The timer's call is refused: {}", problem.detail);
        return problem.into();
    }
    let jobs = match app.plan(app.now()).await {
        Ok(jobs) => jobs,
        Err(error) => {
            error!(invocation, "Nothing is planned, the next tick tries again: {error}");
            return Problem::new(500, error.to_string()).into();
        }
    };
    let count = jobs.len();
    info!(invocation, jobs = count, "Planned {count} jobs");
    let messages: Vec<Message> = jobs.iter().map(Message::from).collect();
    let mut outputs = Map::new();
    outputs.insert(JOBS.to_owned(), json!(messages));
    Reply::json(200, &Outcome { outputs, logs: vec![format!("Planned {count} jobs")] })
}

/// Runs one job. A payload that is no job is a 400, so that it ends in the poison queue.
pub async fn queue(app: &App, body: &[u8], invocation: &str) -> Reply {
    let task = match read_task(app, body) {
        Ok(task) => task,
        Err(problem) => {
            error!(invocation, "A queue message is refused: {}", problem.detail);
            return problem.into();
        }
    };
    let job = match task {
        Task::Source(job) => *job,
        Task::Case(case) => return pull(app, case, invocation).await,
    };
    let report = crate::run::run(app, &job).await;
    log(&report, invocation);
    if report.wants_retry() {
        return Problem::new(500, report.to_string()).into();
    }
    Reply::json(200, &Outcome { outputs: Map::new(), logs: vec![report.to_string()] })
}

fn log(report: &Report, invocation: &str) {
    let Report { source, run, tenant, tally, .. } = report;
    let (records, took_ms) = (tally.kept, tally.took_ms);
    match report.status {
        Status::Complete | Status::Unchanged | Status::Unneeded => {
            info!(invocation, source, %run, tenant, records, took_ms, "{report}");
        }
        Status::Incomplete | Status::Failed => {
            warn!(invocation, source, %run, tenant, records, took_ms, "{report}");
        }
        Status::Refused => {
            error!(invocation, source, %run, tenant, records, took_ms, "{report}");
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
            Reply::json(200, &Outcome { outputs: Map::new(), logs: vec![text] })
        }
        Ok(Some(manifest)) => {
            let failed = manifest.sources.iter().filter(|source| source.state == State::Failed);
            let failed: Vec<_> = failed.map(|source| source.source.as_str()).collect();
            if !failed.is_empty() {
                let text = format!("case {name}: {} is still to be read", failed.join(", "));
                return Problem::new(500, text).into();
            }
            let how = if manifest.complete { "complete" } else { "not complete, see its manifest" };
            let logs = vec![format!("case {name}: {how}")];
            Reply::json(200, &Outcome { outputs: Map::new(), logs })
        }
        Err(CaseError::Wrong(why)) => Problem::new(400, why).into(),
        Err(CaseError::Ledger(error)) => Problem::new(500, error.to_string()).into(),
    }
}

/// What a queue message asks for.
enum Task {
    Source(Box<Job>),
    Case(Case),
}

fn read_task(app: &App, body: &[u8]) -> Result<Task, Problem> {
    let envelope = Envelope::read(body)?;
    let value = envelope.trigger(JOB).unwrap_or(&Value::Null);
    let bytes = envelope::payload(value).map_err(|why| Problem::new(400, why))?;
    let message: Message = envelope::object(&bytes, "the payload is no job")?;
    if message.kind.as_deref() == Some("case") {
        let tenant = tenant_of(app, &message)?;
        let case = Case::of(&message, tenant);
        return case.map(Task::Case).map_err(|error| Problem::new(400, error.to_string()));
    }
    if message.kind.is_some() {
        return Err(Problem::new(
            400,
            "the payload is a kind of job that this release doesn't know",
        ));
    }
    let source = Source::named(&message.source).ok_or_else(|| {
        Problem::new(400, "the job names a source that this release doesn't know")
    })?;
    let tenant = tenant_of(app, &message)?;
    let source = tenant.source(source.name).unwrap_or(source);
    let window = message.window().map_err(|why| Problem::new(400, why))?;
    let Message { run, now, .. } = message;
    if window.is_some() && !source.takes_times() {
        return Err(Problem::new(400, "the job names times, which its source doesn't take"));
    }
    let tenant = tenant.id.clone();
    Ok(Task::Source(Box::new(Job { run, tenant, source, now, window })))
}

fn tenant_of<'a>(app: &'a App, message: &Message) -> Result<&'a Tenant, Problem> {
    let tenant = app.tenant(&message.tenant);
    tenant.ok_or_else(|| Problem::new(400, "the job names a tenant that isn't this deployment's"))
}

#[derive(Deserialize)]
struct Request {
    #[serde(rename = "Url")]
    url: Option<String>,
    #[serde(rename = "Method")]
    method: Option<String>,
    #[serde(rename = "Query", default)]
    query: BTreeMap<String, String>,
}

/// Answers a caller's request that came as an envelope: the answer is an output, the call succeeds.
pub async fn http(app: &App, body: &[u8], invocation: &str) -> Reply {
    let envelope = match Envelope::read(body) {
        Ok(envelope) => envelope,
        Err(problem) => {
            warn!(invocation, "An HTTP call is refused: {}", problem.detail);
            return problem.into();
        }
    };
    let value = envelope.trigger(REQUEST).cloned().unwrap_or_default();
    let reply = match serde_json::from_value::<Request>(value) {
        Ok(Request { url: Some(url), method, query }) => {
            let method = method.as_deref().unwrap_or("GET");
            let path = Url::parse(&url).map(|url| url.path().to_owned()).unwrap_or_default();
            routes::answer(app, method, &path, &encode(&query)).await
        }
        _ => Problem::new(400, "the envelope holds no request").into(),
    };
    let mut outputs = Map::new();
    let answer = json!({
        "statusCode": reply.status,
        "headers": { "Content-Type": reply.content_type },
        "body": reply.body,
    });
    outputs.insert(RESPONSE.to_owned(), answer);
    Reply::json(200, &Outcome { outputs, logs: Vec::new() })
}

fn encode(query: &BTreeMap<String, String>) -> String {
    let mut url = match Url::parse("http://localhost/") {
        Ok(url) => url,
        Err(_) => return String::new(),
    };
    url.query_pairs_mut().extend_pairs(query);
    url.query().unwrap_or_default().to_owned()
}
