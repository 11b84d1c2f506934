//! The way of spans to their receiver: the one transport as OpenTelemetry's exporter takes it.

use super::Wire;
use azure_core::http::{HttpClient, Method, Request, Url};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use opentelemetry_http::{HttpError, Request as Export, Response};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tracing::warn;

/// Largest answer that is read, in bytes: it says which spans were rejected, if any.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// At most one line in this time says that spans get lost.
const SILENCE: Duration = Duration::from_secs(60);

/// What spans are sent to. It never follows a redirect: the headers hold a secret.
///
/// The exporter calls it from a thread of its own, so that requests run on the runtime that it is
/// made in.
#[derive(Debug)]
pub struct Receiver {
    wire: Wire,
    runtime: Handle,
    timeout: Duration,
    warned: Mutex<Option<Instant>>,
}

impl Receiver {
    /// A receiver that is given so long for one request.
    pub fn new(timeout: Duration) -> Receiver {
        let wire = Wire::new(Vec::new());
        Receiver { wire, runtime: Handle::current(), timeout, warned: Mutex::default() }
    }

    /// Says what went wrong, without the receiver's words and at most once a minute.
    fn complain(&self, what: &str) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| at.elapsed() >= SILENCE) {
            *warned = Some(Instant::now());
            warn!("Spans are lost, jobs go on: the receiver of OTEL_EXPORTER_OTLP_ENDPOINT {what}");
        }
    }
}

#[async_trait::async_trait]
impl opentelemetry_http::HttpClient for Receiver {
    async fn send_bytes(&self, export: Export<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let exchange = exchange(self.wire.clone(), request(export)?);
        let timeout = self.timeout;
        // The clock of a timeout is the runtime's, so that it too is made there.
        let timed = async move { tokio::time::timeout(timeout, exchange).await };
        let answer = match self.runtime.spawn(timed).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("doesn't answer in time".into()),
            Err(_) => Err("is left, since the program ends".into()),
        };
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.complain(&format!("answers {}", answer.status().as_u16())),
            Err(error) => self.complain(&error.to_string()),
        }
        answer
    }
}

fn request(export: Export<Bytes>) -> Result<Request, HttpError> {
    let mut request = Request::new(Url::parse(&export.uri().to_string())?, Method::Post);
    for (name, value) in export.headers() {
        request.insert_header(name.as_str().to_owned(), value.to_str()?.to_owned());
    }
    request.set_body(export.into_body());
    Ok(request)
}

async fn exchange(wire: Wire, request: Request) -> Result<Response<Bytes>, HttpError> {
    // The error's own text names the address, and what a proxy puts into it.
    let answer = wire.execute_request(&request).await.map_err(|_| "can't be reached")?;
    let status = u16::from(answer.status());
    let mut body = answer.into_body();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.try_next().await.map_err(|_| "breaks its answer off")? {
        if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err("has an answer of over 64 KiB".into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Response::builder().status(status).body(bytes.freeze())?)
}
