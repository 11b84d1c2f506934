//! Bodies that are taken and counted, and not kept.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use bench::Counter;
use bytes::Buf;
use flate2::write::MultiGzDecoder;
use futures::{Stream, StreamExt};
use serde_json::{Value, json};
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

/// What one body came to.
#[derive(Debug, Default)]
pub(crate) struct Drained {
    bytes: u64,
    /// Bytes of what was packed, as the end of a gzip file says.
    packed: u64,
    /// Records in it; nothing where it wasn't looked at.
    records: Option<u64>,
}

/// Takes a gzip body to its end, and looks into it where `count` says so.
pub(crate) async fn drain(
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
    count: bool,
) -> Drained {
    let mut drained = Drained::default();
    let mut inside = count.then(|| MultiGzDecoder::new(Counter::default()));
    let mut end = [0; 4];
    let mut body = std::pin::pin!(body);
    while let Some(Ok(mut piece)) = body.next().await {
        while piece.has_remaining() {
            let chunk = piece.chunk();
            let length = chunk.len();
            drained.bytes += length as u64;
            for &byte in &chunk[length.saturating_sub(end.len())..] {
                end.rotate_left(1);
                end[3] = byte;
            }
            if let Some(inside) = &mut inside {
                inside.write_all(chunk).ok();
            }
            piece.advance(length);
        }
    }
    drained.packed = u32::from_le_bytes(end).into();
    let counter = inside.and_then(|inside| inside.finish().ok());
    drained.records = counter.map(|counter| counter.records);
    drained
}

/// What was taken, by stream; what is kept under `records/` counts as a stream of that name.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<BTreeMap<String, Sum>>);

#[derive(Debug, Default)]
struct Sum {
    requests: u64,
    bytes: u64,
    json_bytes: u64,
    records: Option<u64>,
}

impl Counts {
    /// Adds a body; the answer is Logs Ingestion's.
    pub(crate) fn add(&self, stream: &str, drained: Drained) -> Response {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = sums.entry(stream.to_owned()).or_default();
        sum.requests += 1;
        sum.bytes += drained.bytes;
        sum.json_bytes += drained.packed;
        if let Some(records) = drained.records {
            *sum.records.get_or_insert_default() += records;
        }
        StatusCode::NO_CONTENT.into_response()
    }

    pub(crate) fn to_json(&self) -> Value {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |(name, sum): (&String, &Sum)| {
            let Sum { requests, bytes, json_bytes, records } = sum;
            let sum = json!({ "requests": requests, "bytes": bytes,
                "json_bytes": json_bytes, "records": records });
            (name.clone(), sum)
        };
        Value::Object(sums.iter().map(one).collect())
    }
}
