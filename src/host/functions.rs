//! The functions behind the envelopes: the timer plans, the queue runs, HTTP answers.

use super::envelope::{self, Envelope, Outcome};
use super::{Problem, Reply, routes};
use crate::app::App;
use crate::plan::{Job, Message};
use crate::report::{Report, Status};
use crate::source::Source;
use crate::tenant::Tenant;
use azure_core::http::Url;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
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
    match app.tick(app.now()).await {
        Ok(messages) => {
            let count = messages.len();
            info!(invocation, jobs = count, "Planned {count} jobs");
            queued(&messages, format!("Planned {count} jobs"))
        }
        Err(error) => {
            error!(invocation, "Nothing is planned, the next tick tries again: {error}");
            Problem::new(500, error.to_string()).into()
        }
    }
}

fn queued(messages: &[Message], line: String) -> Reply {
    let mut outputs = Map::new();
    outputs.insert(JOBS.to_owned(), json!(messages));
    Reply::json(200, &Outcome { outputs, logs: vec![line] })
}

/// Runs one job. A payload that is no job is a 400, so that it ends in the poison queue.
pub async fn queue(app: &App, body: &[u8], invocation: &str) -> Reply {
    let job = match read(app, body).await {
        Ok(Work::Source(job)) => job,
        Ok(Work::Plan(tenant, sources)) => return plan(app, &tenant, sources, invocation).await,
        Err(problem) => {
            error!(invocation, "A queue message is refused: {}", problem.detail);
            return problem.into();
        }
    };
    let report = crate::run::run(app, &job).await;
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
        Status::Complete | Status::Unchanged | Status::Unneeded | Status::Unavailable => {
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

/// What a queue message asks for.
enum Work {
    Source(Box<Job>),
    Plan(Arc<Tenant>, Vec<Source>),
}

async fn read(app: &App, body: &[u8]) -> Result<Work, Problem> {
    let envelope = Envelope::read(body)?;
    let value = envelope.trigger(JOB).unwrap_or(&Value::Null);
    let bytes = envelope::payload(value).map_err(|why| Problem::new(400, why))?;
    let message: Message = envelope::object(&bytes, "the payload is no job")?;
    let present = app.tenants().await.map_err(|error| Problem::new(500, error.to_string()))?;
    let tenant = present
        .tenant(&message.tenant)
        .ok_or_else(|| Problem::new(400, "the job names a tenant that isn't this deployment's"))?;
    match message.kind.as_deref() {
        None => {}
        // What an older or newer release knows beside is not this one's to collect.
        Some(Message::PLAN) => {
            let sources = message.sources.iter().filter_map(|name| tenant.source(name));
            return Ok(Work::Plan(tenant.clone(), sources.collect()));
        }
        Some(_) => {
            let text = "the payload is a kind of job that this release doesn't know";
            return Err(Problem::new(400, text));
        }
    }
    let source = Source::named(&message.source).ok_or_else(|| {
        Problem::new(400, "the job names a source that this release doesn't know")
    })?;
    let source = tenant.source(source.name).unwrap_or(source);
    let job = Job { run: message.run, tenant: tenant.id.clone(), source, now: message.now };
    Ok(Work::Source(Box::new(job)))
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
