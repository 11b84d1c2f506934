//! The Functions host's contract: envelopes in, outcomes out, and the HTTP routes beside them.
//!
//! `GET /` is answered at once, whatever else runs. `POST /<function>` carries an envelope;
//! `/api/…` is a caller's request as the host forwards or proxies it.
//!
//! <https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers>

mod envelope;
mod functions;
mod problem;
mod queue;

pub use envelope::payload;
pub use problem::{Candidate, Choice, Problem};
pub use queue::{Work, work};

pub(crate) use envelope::object;

use crate::app::App;
use crate::routes::{self, Request};
use crate::telemetry;
use bytes::{Buf, Bytes, BytesMut};
use futures::{FutureExt, Stream, TryStreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tracing::warn;
use warp::Filter;
use warp::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

/// Largest request body that is read, in bytes. A queue message has 64 KiB at most; bodies of callers
/// are small.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// How long calls may go on after a stop is asked for. A job that takes longer is left as after a
/// kill: its next attempt goes on from the checkpoint.
const LAST_MOMENT: Duration = Duration::from_secs(5);

/// The function's folders, which are the paths that the host posts envelopes to.
pub const TIMER: &str = "function_timer";
/// See [`TIMER`].
pub const QUEUE: &str = "function_queue";
/// See [`TIMER`].
pub const HTTP: &str = "function_http";
/// See [`TIMER`].
pub const ACTION: &str = "function_action";
/// See [`TIMER`].
pub const CALLER: &str = "function_caller";

/// What is sent back for a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body's media type.
    pub content_type: &'static str,
    /// The body; never empty for an envelope, which the host would wait on for ever.
    pub body: String,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Reply {
    /// A JSON answer.
    pub fn json(status: u16, value: &impl serde::Serialize) -> Reply {
        match serde_json::to_string(value) {
            Ok(body) => {
                Reply { status, content_type: "application/json", body, headers: Vec::new() }
            }
            Err(_) => Problem::new(500, "the answer can't be written as JSON").into(),
        }
    }
}

/// Serves on `listener` until `stop` completes, then lets what runs finish for a moment.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let app = warp::any().map(move || app.clone());
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let route = warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .and(app)
        .then(|method, path: warp::path::FullPath, query: String, headers, body, app| async move {
            let reply = handle(app, method, path.as_str(), &query, &headers, body).await;
            response(reply)
        });
    let stop = stop.shared();
    let late = stop.clone().then(|()| tokio::time::sleep(LAST_MOMENT));
    tokio::select! {
        () = warp::serve(route).incoming(listener).graceful(stop).run() => {}
        () = late => {}
    }
}

async fn handle<B: Buf>(
    app: Arc<App>,
    method: Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Reply {
    if method == Method::GET && path == "/" {
        return Reply::json(200, &serde_json::json!({ "service": "posture" }));
    }
    let body = match read(body).await {
        Ok(body) => body,
        Err(problem) => return problem.into(),
    };
    if path.starts_with("/api/") || path == "/api" {
        return called(app, method, path.to_owned(), query.to_owned(), headers.clone(), body).await;
    }
    if method != Method::POST {
        return Problem::new(404, "no such route").into();
    }
    let invocation = invocation_id(headers);
    match path.trim_matches('/') {
        TIMER => {
            let answer = functions::timer(&app, &body, &invocation);
            telemetry::call(TIMER, &invocation, headers, answer).await
        }
        // A task of its own: a caller that hangs up must not end the job in the middle.
        QUEUE => {
            let (id, headers) = (invocation.clone(), headers.clone());
            let job = async move { queue::queue(&app, &body, &invocation).await };
            let job = tokio::spawn(async move { telemetry::call(QUEUE, &id, &headers, job).await });
            job.await.unwrap_or_else(|_| Problem::new(500, "the job was cut short").into())
        }
        name @ (HTTP | ACTION | CALLER) => functions::http(app, name, &body, &invocation).await,
        _ => {
            // The host throws a failed call's answer away: the log alone can tell.
            warn!(invocation, "A call is refused: this release has no such function");
            Problem::new(404, "no such function").into()
        }
    }
}

/// Answers a caller's request, in a task of its own: a caller that hangs up must not end an action in the
/// middle.
async fn called(
    app: Arc<App>,
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
) -> Reply {
    let answer = async move {
        let (path, query, headers, body) = (&path, &query, &headers, &body);
        let request = Request { method: method.as_str(), path, query, headers, body };
        routes::answer(&app, request).await
    };
    let answer = tokio::spawn(answer).await;
    answer.unwrap_or_else(|_| Problem::new(500, "the answer was cut short").into())
}

/// A body of any framing, within bounds: envelopes come chunked, without a length.
async fn read<B: Buf>(body: impl Stream<Item = Result<B, warp::Error>>) -> Result<Bytes, Problem> {
    let mut body = std::pin::pin!(body);
    let mut bytes = BytesMut::new();
    loop {
        let mut chunk = match body.try_next().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok(bytes.freeze()),
            Err(_) => return Err(Problem::new(400, "the request's body broke off")),
        };
        if bytes.len() + chunk.remaining() > MAX_BODY_BYTES {
            return Err(Problem::new(413, "the request's body has over 4 MiB"));
        }
        bytes.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
    }
}

/// The host's id of this call: the last value, since a forwarding host appends its own to a caller's.
fn invocation_id(headers: &HeaderMap) -> String {
    let values = headers.get_all("x-azure-functions-invocationid");
    let last = values.iter().filter_map(|value| value.to_str().ok()).next_back();
    let last = last.and_then(|value| value.rsplit(',').next()).unwrap_or_default().trim();
    let plain = last.len() <= 64 && last.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if plain { last.to_owned() } else { String::new() }
}

fn response(reply: Reply) -> Response<String> {
    let mut response = Response::new(reply.body);
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = HeaderValue::from_static(reply.content_type);
    response.headers_mut().insert("content-type", content_type);
    response.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spoofed_invocation_id_never_reaches_a_log() {
        let mut headers = HeaderMap::new();
        headers.insert("x-azure-functions-invocationid", "evil, 83a33220-a921".parse().unwrap());
        assert_eq!(invocation_id(&headers), "83a33220-a921");

        headers.append("x-azure-functions-invocationid", "x=\"y\"".parse().unwrap());
        assert_eq!(invocation_id(&headers), "");
    }
}
