//! The functions behind the envelopes: the timer plans, HTTP answers; queue.rs runs.

use super::envelope::{Envelope, Outcome};
use super::{ACTION, CALLER, Problem, Reply};
use crate::action::audit;
use crate::app::App;
use crate::plan::Message;
use crate::routes::Door;
use azure_core::http::Url;
use serde::Deserialize;
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tracing::{error, info, warn};
use warp::http::{HeaderMap, HeaderName, HeaderValue, Method};

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
    let planned = app.tick(app.now()).await;
    if let Err(error) = audit::send_late(app).await {
        warn!(invocation, "Rows of response actions are sent at a later tick: {error}");
    }
    match planned {
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
struct Wrapped {
    #[serde(rename = "Url")]
    url: Option<String>,
    #[serde(rename = "Method")]
    method: Option<String>,
    #[serde(rename = "Query", default)]
    query: BTreeMap<String, String>,
    #[serde(rename = "Headers", default)]
    headers: BTreeMap<String, Vec<String>>,
    #[serde(rename = "Body")]
    body: Option<String>,
}

/// Answers a caller's request that came as an envelope to the function `name`: the answer is an output, the
/// call succeeds.
pub async fn http(app: Arc<App>, name: &str, body: &[u8], invocation: &str) -> Reply {
    let envelope = match Envelope::read(body) {
        Ok(envelope) => envelope,
        Err(problem) => {
            warn!(invocation, "An HTTP call is refused: {}", problem.detail);
            return problem.into();
        }
    };
    let value = envelope.trigger(REQUEST).cloned().unwrap_or_default();
    let reply = match serde_json::from_value::<Wrapped>(value) {
        Ok(Wrapped { url: Some(url), method, query, headers, body }) => {
            let path = Url::parse(&url).map(|url| url.path().to_owned()).unwrap_or_default();
            match is_behind(name, &path) {
                true => {
                    let method = method.as_deref().unwrap_or("GET");
                    let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::TRACE);
                    let (query, headers) = (encode(&query), header_map(headers));
                    let body = body.unwrap_or_default().into();
                    super::called(app, method, path, query, headers, body).await
                }
                false => Problem::new(404, "this function has no such route").into(),
            }
        }
        _ => Problem::new(400, "the envelope holds no request").into(),
    };
    let mut outputs = Map::new();
    let mut headers = Map::new();
    headers.insert("Content-Type".to_owned(), json!(reply.content_type));
    headers.extend(reply.headers.into_iter().map(|(name, value)| (name.to_owned(), json!(value))));
    let answer = json!({ "statusCode": reply.status, "headers": headers, "body": reply.body });
    outputs.insert(RESPONSE.to_owned(), answer);
    Reply::json(200, &Outcome { outputs, logs: Vec::new() })
}

/// Whether the host calls that function for this path: each has a key of its own.
fn is_behind(name: &str, path: &str) -> bool {
    let door = Door::of(path).map(|(door, _)| door);
    match name {
        ACTION => door == Ok(Door::Action),
        CALLER => door == Ok(Door::Caller),
        _ => door == Ok(Door::Read),
    }
}

fn header_map(headers: BTreeMap<String, Vec<String>>) -> HeaderMap {
    let pairs = headers
        .into_iter()
        .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)));
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            map.append(name, value);
        }
    }
    map
}

fn encode(query: &BTreeMap<String, String>) -> String {
    let mut url = match Url::parse("http://localhost/") {
        Ok(url) => url,
        Err(_) => return String::new(),
    };
    url.query_pairs_mut().extend_pairs(query);
    url.query().unwrap_or_default().to_owned()
}
