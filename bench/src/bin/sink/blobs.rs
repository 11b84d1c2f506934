//! Block blobs, just enough that Azure's client libraries for Rust, Python and Node.js upload them:
//! whole blobs of one request, create only or over a version, and read back.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/put-blob>

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::{Buf, Bytes};
use futures::{Stream, StreamExt};
use url::Url;
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use warp::reply::{Reply, Response};

use crate::Sink;
use crate::drain::drain;

/// The account's path, as at Azurite.
pub(crate) const ACCOUNT: &str = "/devstoreaccount1/";
/// The folder whose blobs are counted and dropped: only that they are there is remembered.
const RECORDS: &str = "/records/";

/// Blobs by path.
#[derive(Debug, Default)]
pub(crate) struct Blobs(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    blobs: HashMap<String, (Bytes, String)>,
    versions: u64,
}

impl Blobs {
    /// Answers a request for a container or a blob.
    pub(crate) async fn answer(
        &self,
        sink: &Sink,
        method: &Method,
        (path, query): (&str, &str),
        headers: &HeaderMap,
        body: impl Stream<Item = Result<impl Buf, warp::Error>>,
    ) -> Response {
        // Clients differ in whether a slash within a blob's name is escaped.
        let path = path.replace("%2F", "/");
        let path = path.as_str();
        if query.contains("comp=list") {
            return self.list(path, query);
        }
        if query.contains("restype=container") {
            return StatusCode::CREATED.into_response();
        }
        match *method {
            Method::PUT if query.contains("comp=") => StatusCode::NOT_IMPLEMENTED.into_response(),
            Method::PUT if path.contains(RECORDS) => {
                let drained = drain(body, sink.count).await;
                let answer = self.put(path, headers, Bytes::new());
                if answer.status() == StatusCode::CREATED {
                    sink.counts.add("records", drained);
                }
                answer
            }
            Method::PUT => self.put(path, headers, whole(body).await),
            Method::DELETE => self.remove(path),
            _ => self.get(path),
        }
    }

    fn put(&self, path: &str, headers: &HeaderMap, content: Bytes) -> Response {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let there = kept.blobs.get(path).map(|(_, version)| version.as_str());
        let over = headers.get(header::IF_MATCH).map(HeaderValue::as_bytes);
        let over = over.filter(|version| *version != b"*");
        if headers.contains_key(header::IF_NONE_MATCH) && there.is_some() {
            return refused(StatusCode::CONFLICT, "BlobAlreadyExists");
        }
        if over.is_some() && over != there.map(str::as_bytes) {
            return refused(StatusCode::PRECONDITION_FAILED, "ConditionNotMet");
        }
        kept.versions += 1;
        let version = format!("\"0x{:016X}\"", kept.versions);
        kept.blobs.insert(path.to_owned(), (content, version.clone()));
        with_version(StatusCode::CREATED.into_response(), &version)
    }

    fn get(&self, path: &str) -> Response {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((content, version)) = kept.blobs.get(path) else {
            return refused(StatusCode::NOT_FOUND, "BlobNotFound");
        };
        // A client that asked for a range learns from this header that it has the whole.
        let length = content.len();
        let range = format!("bytes 0-{}/{length}", length.saturating_sub(1));
        let mut response = warp::http::Response::new(content.clone()).into_response();
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        put(&mut response, "content-range", &range);
        with_version(response, version)
    }

    /// The blobs of a container that begin with a prefix, all on one page.
    fn list(&self, container: &str, query: &str) -> Response {
        let url = Url::parse(&format!("http://localhost/?{query}"));
        let prefix = url.ok().and_then(|url| {
            let mut pairs = url.query_pairs();
            pairs.find(|(name, _)| name == "prefix").map(|(_, prefix)| prefix.into_owned())
        });
        let prefix = prefix.unwrap_or_default();
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let names = kept.blobs.keys().filter_map(|path| path.strip_prefix(container));
        let names = names.map(|name| name.trim_start_matches('/'));
        let blobs = names
            .filter(|name| name.starts_with(&prefix))
            .map(|name| format!("<Blob><Name>{name}</Name><Properties></Properties></Blob>"));
        let blobs: String = blobs.collect();
        let page = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>{blobs}</Blobs>\
             <NextMarker /></EnumerationResults>"
        );
        let mut response = warp::http::Response::new(page).into_response();
        put(&mut response, "content-type", "application/xml");
        response
    }

    fn remove(&self, path: &str) -> Response {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.blobs.remove(path) {
            Some(_) => StatusCode::ACCEPTED.into_response(),
            None => refused(StatusCode::NOT_FOUND, "BlobNotFound"),
        }
    }
}

async fn whole(body: impl Stream<Item = Result<impl Buf, warp::Error>>) -> Bytes {
    let mut content = Vec::new();
    let mut body = std::pin::pin!(body);
    while let Some(Ok(mut piece)) = body.next().await {
        content.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
    }
    content.into()
}

fn refused(status: StatusCode, code: &str) -> Response {
    let mut response = status.into_response();
    put(&mut response, "x-ms-error-code", code);
    response
}

fn with_version(mut response: Response, version: &str) -> Response {
    put(&mut response, "etag", version);
    put(&mut response, "last-modified", "Sun, 22 Nov 2026 05:00:00 GMT");
    put(&mut response, "x-ms-blob-type", "BlockBlob");
    put(&mut response, "x-ms-request-server-encrypted", "true");
    response
}

fn put(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}
