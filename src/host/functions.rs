//! The functions behind the envelopes: the timer plans, HTTP answers; queue.rs runs.

use super::envelope::{Envelope, Outcome};
use super::{Problem, Reply, routes};
use crate::app::App;
use crate::plan::Message;
use azure_core::http::Url;
use serde::Deserialize;
use serde_json::{Map, json};
use std::collections::BTreeMap;
use tracing::{error, info, warn};

/// The timer's output binding, a queue.
const JOBS: &str = "jobs";
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

/// An answer whose messages the host puts into the queue.
pub(super) fn queued(messages: &[Message], line: String) -> Reply {
    let mut outputs = Map::new();
    outputs.insert(JOBS.to_owned(), json!(messages));
    Reply::json(200, &Outcome { outputs, logs: vec![line] })
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
