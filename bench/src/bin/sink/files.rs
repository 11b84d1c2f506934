//! Export files: their listing, and the files themselves as they lie on the disk.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use serde_json::json;
use warp::http::{StatusCode, header};
use warp::reply::{Reply, Response};

/// Where files lie.
pub(crate) const FOLDER: &str = "/export/";
const CHUNK_BYTES: usize = 128 * 1024;

/// The stream that a request to Logs Ingestion sends to.
pub(crate) fn stream_of(path: &str) -> Option<&str> {
    let (_, stream) = path.strip_prefix("/dataCollectionRules/")?.split_once("/streams/")?;
    Some(stream)
}

/// Links to every file, in Defender's shape.
pub(crate) fn listing(folder: &Path, base: &str) -> Response {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".gz"))
        .collect();
    names.sort_unstable();
    let links: Vec<String> = names.iter().map(|name| format!("{base}{FOLDER}{name}")).collect();
    let listing = json!({ "exportFiles": links, "generatedTime": "2026-11-22T05:00:00Z" });
    warp::reply::json(&listing).into_response()
}

/// One file, read while it is sent.
pub(crate) fn file(folder: &Path, name: &str) -> Response {
    let is_plain = !name.contains(['/', '\\']);
    let opened = is_plain.then(|| File::open(folder.join(name)));
    let Some(Ok(file)) = opened else { return StatusCode::NOT_FOUND.into_response() };
    let length = file.metadata().map(|about| about.len()).unwrap_or_default();
    let mut response = warp::reply::stream(futures::stream::iter(Chunks(file))).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    response
}

/// The chunks of a file. They are read where they are sent: the disk's cache has them, and another
/// thread would cost more than it saves.
struct Chunks(File);

impl Iterator for Chunks {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        match self.0.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk) {
            Ok(0) => None,
            Ok(_) => Some(Ok(chunk.into())),
            Err(error) => Some(Err(error)),
        }
    }
}
