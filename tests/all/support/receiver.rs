//! A receiver of spans by OTLP over http/protobuf, as a collector or a vendor runs one.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use warp::Filter;
use warp::http::StatusCode;

/// How the receiver answers.
#[derive(Clone, Copy, PartialEq)]
pub enum Mood {
    Well,
    Status(u16),
    Hangs,
}

/// A request that came.
#[derive(Clone)]
pub struct Received {
    pub authorization: String,
    pub body: Vec<u8>,
    pub export: ExportTraceServiceRequest,
}

/// The receiver, on a port of its own.
pub struct Receiver {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    server: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub async fn start(mood: Mood) -> Receiver {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let kept = received.clone();
        let route = warp::path!("v1" / "traces")
            .and(warp::header::optional("authorization"))
            .and(warp::header::exact("content-type", "application/x-protobuf"))
            .and(warp::body::bytes())
            .then(move |authorization: Option<String>, body: bytes::Bytes| {
                let export = ExportTraceServiceRequest::decode(&body[..]).unwrap();
                let (authorization, body) = (authorization.unwrap_or_default(), body.to_vec());
                kept.lock().unwrap().push(Received { authorization, body, export });
                async move {
                    match mood {
                        Mood::Well => StatusCode::OK,
                        Mood::Status(status) => StatusCode::from_u16(status).unwrap(),
                        Mood::Hangs => std::future::pending().await,
                    }
                }
            });
        let server = tokio::spawn(warp::serve(route).incoming(listener).run());
        Receiver { url, received, server }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// All spans of that name so far.
    pub fn spans(&self, name: &str) -> Vec<Span> {
        let received = self.received();
        let resources = received.iter().flat_map(|one| &one.export.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        let spans = scopes.flat_map(|scope| &scope.spans);
        spans.filter(|span| span.name == name).cloned().collect()
    }

    /// Waits until so many spans of that name are there.
    pub async fn until(&self, name: &str, count: usize) -> Vec<Span> {
        let started = Instant::now();
        loop {
            let spans = self.spans(name);
            if spans.len() >= count {
                return spans;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{} spans {name}", spans.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Attributes as text.
pub fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| match attribute.value.as_ref().unwrap().value.clone() {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}
