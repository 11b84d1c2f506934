//! The functions behind the envelopes: the timer plans, the queue runs, HTTP answers.

use super::envelope::{self, Envelope, Outcome};
use super::{Problem, Reply, routes};
use crate::app::App;
use crate::plan::{Job, Message};
use crate::report::{Report, Status};
use crate::source::Source;
use azure_core::http::Url;
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
    let job = match read_job(app, body) {
        Ok(job) => job,
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

fn read_job(app: &App, body: &[u8]) -> Result<Job, Problem> {
    let envelope = Envelope::read(body)?;
    let value = envelope.trigger(JOB).unwrap_or(&Value::Null);
    let bytes = envelope::payload(value).map_err(|why| Problem::new(400, why))?;
    let message: Message = envelope::object(&bytes, "the payload is no job")?;
    if message.kind.is_some() {
        return Err(Problem::new(
            400,
            "the payload is a kind of job that this release doesn't know",
        ));
    }
    let source = Source::named(&message.source).ok_or_else(|| {
        Problem::new(400, "the job names a source that this release doesn't know")
    })?;
    let tenant = app
        .tenant(&message.tenant)
        .ok_or_else(|| Problem::new(400, "the job names a tenant that isn't this deployment's"))?;
    let source = tenant.source(source.name).unwrap_or(source);
    let Message { run, now, window, .. } = message;
    if window.is_some() && !source.takes_times() {
        return Err(Problem::new(400, "the job names times, which its source doesn't take"));
    }
    Ok(Job { run, tenant: tenant.id.clone(), source, now, window })
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
