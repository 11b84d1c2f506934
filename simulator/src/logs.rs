//! Logs Ingestion: what it takes, and the workspace behind it.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::atomic::Ordering;
use std::time::Instant;

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use warp::http::Method;

use crate::answer::{Answer, Content};
use crate::columns::check;
use crate::entra;
use crate::fault::Api;
use crate::limits::Rate;
use crate::state::{Request, State, lock};
use crate::web;

const AUDIENCE: &str = "https://monitor.azure.com";
const VERSION: &str = "2023-01-01";

/// Largest request, in bytes, compressed or not.
///
/// <https://learn.microsoft.com/azure/azure-monitor/service-limits>
const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// Requests, and kilobytes before compression, of one collection rule: the same page.
const REQUESTS: [Rate; 1] = [Rate::new(12_000, 60)];
const KILOBYTES: [Rate; 1] = [Rate::new(2_000_000, 60)];

/// What the simulated workspace got.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Received {
    /// Rows of each table as they came, where rows are kept.
    pub tables: BTreeMap<String, Vec<Value>>,
    /// Number of rows of each table.
    pub counts: BTreeMap<String, u64>,
    /// Requests accepted.
    pub requests: u64,
    /// Bytes accepted, before compression.
    pub bytes: u64,
    /// Rows without `TimeGenerated`.
    pub missing_time_generated: u64,
    /// Values of another type than the stream declares: `table.column: expected real, got string`.
    pub wrong_types: BTreeMap<String, u64>,
    /// Fields that the stream doesn't declare: `table.field`.
    pub undeclared: BTreeMap<String, u64>,
    /// Values longer than 64 KB, which the service would cut: `table.column`.
    pub too_long: BTreeMap<String, u64>,
    /// The accepted requests in order.
    pub batches: Vec<Batch>,
}

/// One accepted request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Batch {
    /// The stream that it came through.
    pub stream: String,
    /// The table it fed.
    pub table: String,
    /// `RunId` of its first row; empty without one.
    pub run_id: String,
    /// `RecordId` of its first row; empty without one.
    pub record_id: String,
    /// Number of rows.
    pub rows: u64,
    /// Bytes before compression.
    pub bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Stream {
    pub table: String,
    pub columns: HashMap<String, String>,
}

/// The rules and what came through them.
#[derive(Debug)]
pub(crate) struct Workspace {
    rules: Vec<HashMap<String, Stream>>,
    keep_rows: bool,
    pub received: Received,
}

/// The immutable id of the rule `number`, counted from 1.
pub(crate) fn rule_id(number: usize) -> String {
    format!("dcr-{number:032x}")
}

fn array<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

impl Stream {
    fn read(stream: &Value) -> (String, Stream) {
        let name = text(stream, "stream");
        let output = match array(stream, "flows").next() {
            Some(flow) => text(flow, "outputStream"),
            None => name.clone(),
        };
        let table = output.strip_prefix("Custom-").unwrap_or(&output).to_owned();
        let column = |column: &Value| (text(column, "name"), text(column, "type").to_lowercase());
        (name, Stream { table, columns: array(stream, "columns").map(column).collect() })
    }
}

impl Workspace {
    pub(crate) fn new(tables: &Value, keep_rows: bool) -> Workspace {
        let rule = |rule| array(rule, "streams").map(Stream::read).collect();
        let rules = array(tables, "rules").map(rule).collect();
        Workspace { rules, keep_rows, received: Received::default() }
    }

    pub(crate) fn rules(&self) -> Vec<String> {
        (1..=self.rules.len()).map(rule_id).collect()
    }

    /// Stores rows that came in through a rule's stream. Says what is unknown otherwise.
    fn store(
        &mut self,
        rule: &str,
        stream: &str,
        rows: Vec<Value>,
        bytes: u64,
    ) -> Result<(), String> {
        let rules = &self.rules;
        let known = (0..rules.len()).find(|&at| rule_id(at + 1) == rule).map(|at| &rules[at]);
        let known = known
            .ok_or_else(|| format!("Data collection rule with immutable Id '{rule}' not found."))?;
        let name = stream;
        let stream = known.get(name).ok_or_else(|| {
            format!("The stream '{name}' was not found in the data collection rule '{rule}'.")
        })?;
        let received = &mut self.received;
        for row in &rows {
            check(row, stream, received);
        }
        let of_first = |name: &str| rows.first().map(|row| text(row, name)).unwrap_or_default();
        let batch = Batch {
            stream: name.to_owned(),
            table: stream.table.clone(),
            run_id: of_first("RunId"),
            record_id: of_first("RecordId"),
            rows: rows.len() as u64,
            bytes,
        };
        received.requests += 1;
        received.bytes += bytes;
        *received.counts.entry(batch.table.clone()).or_default() += batch.rows;
        if self.keep_rows {
            received.tables.entry(batch.table.clone()).or_default().extend(rows);
        }
        received.batches.push(batch);
        Ok(())
    }
}

/// Answers one request to the ingestion endpoint.
pub(crate) fn answer(state: &State, request: &Request, now: Timestamp) -> Answer {
    match take(state, request, now) {
        Ok(()) => Answer::new(204, Content::Nothing),
        Err((429, code, text)) => {
            Answer::error(Api::Logs, 429, code, &text, &state.id()).header("retry-after", "1")
        }
        Err((status, code, text)) => Answer::error(Api::Logs, status, code, &text, &state.id()),
    }
}

type Refused = (u16, &'static str, String);

fn take(state: &State, request: &Request, now: Timestamp) -> Result<(), Refused> {
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let ["dataCollectionRules", rule, "streams", stream] = parts[..] else {
        return Err((404, "NotFound", "The requested path does not exist.".to_owned()));
    };
    if request.method != Method::POST {
        return Err((405, "MethodNotAllowed", "Only POST is allowed.".to_owned()));
    }
    if entra::accept(state, request, AUDIENCE, now).is_err() {
        let text = "The authentication token provided is invalid or missing.";
        return Err((401, "InvalidToken", text.to_owned()));
    }
    if web::value(&web::pairs(&request.query), "api-version") != Some(VERSION) {
        return Err((400, "InvalidApiVersion", format!("The api-version must be {VERSION}.")));
    }
    if !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        let text = "The content type must be application/json.";
        return Err((415, "UnsupportedMediaType", text.to_owned()));
    }
    if state.refuses_publisher.load(Ordering::Relaxed) {
        let text = format!(
            "The authentication token provided does not have access to ingest data for the data collection rule with immutable Id '{rule}'."
        );
        return Err((403, "OperationFailed", text));
    }
    let body = plain_body(request)?;
    within_limits(state, rule, body.len())?;
    let rows = rows_of(&body)?;
    let rule = rule.to_owned();
    lock(&state.workspace)
        .store(&rule, stream, rows, body.len() as u64)
        .map_err(|text| (404, "NotFound", text))
}

fn within_limits(state: &State, rule: &str, bytes: usize) -> Result<(), Refused> {
    if !state.options.limits {
        return Ok(());
    }
    let (limits, now) = (&state.limits, Instant::now());
    let kilobytes = bytes.div_ceil(1_000);
    let called = limits.call("ingestion requests", rule, &REQUESTS, now);
    let weighed =
        called.and_then(|()| limits.weigh("ingestion kB", rule, kilobytes, &KILOBYTES, now));
    weighed.map_err(|_| (429, "TooManyRequests", "The rule's limit of a minute is reached.".into()))
}

fn plain_body(request: &Request) -> Result<Vec<u8>, Refused> {
    let too_large = |bytes: usize| {
        let text = format!(
            "Maximum allowed content length: {MAX_REQUEST_BYTES} bytes (1 MB). Provided content length: {bytes} bytes."
        );
        (413, "ContentLengthLimitExceeded", text)
    };
    if request.body.len() > MAX_REQUEST_BYTES {
        return Err(too_large(request.body.len()));
    }
    let mut plain = Vec::new();
    match request.header("content-encoding") {
        None | Some("identity") => plain.extend_from_slice(&request.body),
        Some("gzip") => {
            let limit = MAX_REQUEST_BYTES as u64 + 1;
            let read = MultiGzDecoder::new(&request.body[..]).take(limit).read_to_end(&mut plain);
            read.map_err(|error| (400, "InvalidRequestContent", format!("Bad gzip: {error}.")))?;
        }
        Some(other) => {
            return Err((
                415,
                "UnsupportedMediaType",
                format!("The encoding {other} is not supported."),
            ));
        }
    }
    if plain.len() > MAX_REQUEST_BYTES { Err(too_large(plain.len())) } else { Ok(plain) }
}

fn rows_of(body: &[u8]) -> Result<Vec<Value>, Refused> {
    let wrong = |text: String| (400, "InvalidRequestContent", text);
    let rows: Value = serde_json::from_slice(body)
        .map_err(|error| wrong(format!("The request body is not valid JSON: {error}.")))?;
    match rows {
        Value::Array(rows) if rows.iter().all(Value::is_object) => Ok(rows),
        _ => Err(wrong("The request body must be a JSON array of objects.".to_owned())),
    }
}
