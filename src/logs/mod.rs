//! Where records are sent: the Logs Ingestion API, one stream of one collection rule at a time.

mod together;

use self::together::Together;
use crate::cloud::{CallError, Identity, Meter, Patience, Pipeline, TokenError};
use crate::part::{self, Body, MAX_ARRAY_BYTES};
use azure_core::http::{Method, Request, Url};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::time::Duration;

const API_VERSION: &str = "2023-01-01";
/// How often one batch is halved: enough to find two bad rows among a thousand.
const MAX_HALVINGS: usize = 24;

/// Why a batch isn't in the workspace. Rows that the service rejects are no error: see [`Sent`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogsError {
    /// An administrator's turn.
    #[error("{what}: {advice}")]
    Refused {
        /// What the service said, and where.
        what: String,
        /// The next step.
        advice: &'static str,
    },
    /// Nobody's turn: the rule has had enough for now.
    #[error("the workspace took nothing ({what}): the kept part is sent again after that")]
    Throttled {
        /// What it answered, and where.
        what: String,
        /// What it asked for.
        after: Duration,
    },
    /// Nobody's turn.
    #[error("the workspace took nothing ({what}): the next attempt sends the kept part again")]
    Unreachable {
        /// What happened, and where.
        what: String,
    },
}

/// What became of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Rows that the service took.
    pub rows: u64,
    /// Their bytes as JSON, before compression.
    pub bytes: u64,
    /// Rows that it can't take, by their place in the batch, with the reason.
    pub rejected: Vec<(usize, String)>,
}

/// The streams of a deployment's collection rules, and the way to them.
#[derive(Debug)]
pub struct Logs {
    pipeline: Pipeline,
    /// The request's address up to the stream, by stream.
    rules: HashMap<String, Url>,
    together: Together,
}

impl Logs {
    /// Sends by `pipeline`; `rules` gives each stream its rule's address,
    /// `<endpoint>/dataCollectionRules/<immutable id>`.
    pub fn new(pipeline: Pipeline, rules: HashMap<String, Url>) -> Logs {
        Logs { pipeline, rules, together: Together::default() }
    }

    /// Who sends.
    pub fn sender(&self) -> &Identity {
        self.pipeline.identity()
    }

    /// The immutable ids of the rules, in order.
    pub fn rules(&self) -> BTreeSet<&str> {
        self.rules.values().filter_map(|rule| rule.path_segments()?.next_back()).collect()
    }

    /// Whether a rule takes this stream; without one, records stay in the ledger.
    pub fn takes(&self, stream: &str) -> bool {
        self.rules.contains_key(stream)
    }

    /// The address of the rule that takes this stream.
    pub fn rule(&self, stream: &str) -> Option<&Url> {
        self.rules.get(stream)
    }

    /// The way to the rules.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Sends no row to a stream: whether one would be taken.
    ///
    /// # Errors
    ///
    /// The first answer that isn't the service's yes.
    pub async fn probe(
        &self,
        stream: &str,
        patience: &Patience,
        meter: &Meter,
    ) -> Result<(), CallError> {
        let mut request = self.request(stream)?;
        request.set_body("[]");
        self.pipeline.send(&request, patience, meter, |_| Ok(())).await
    }

    /// Sends rows to a stream, in one request where the service takes it; `made` is their body where it
    /// was made before.
    ///
    /// A request that it calls too large or malformed is halved, so that one bad row doesn't cost the
    /// others; what it refuses still is rejected. The API has no idempotency key: a batch sent again is there
    /// twice, with the same `RunId` and `RecordId`.
    ///
    /// # Errors
    ///
    /// [`LogsError`]; nothing is lost by then, since the ledger has the rows.
    ///
    /// <https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview>
    pub async fn send(
        &self,
        stream: &str,
        rows: &[Cow<'_, [u8]>],
        mut made: Option<Body>,
        patience: &Patience,
        meter: &Meter,
    ) -> Result<Sent, LogsError> {
        let mut sent = Sent::default();
        let (mut open, mut halvings) = (vec![(0, rows)], 0);
        while let Some((start, rows)) = open.pop() {
            if rows.is_empty() {
                continue;
            }
            let bytes = part::array_bytes(rows);
            if bytes > MAX_ARRAY_BYTES && rows.len() == 1 {
                let reason = format!("the record has {bytes} bytes, the workspace takes 1 MB");
                sent.rejected.push((start, reason));
                continue;
            }
            // Only the first request has all rows.
            match self.post(stream, rows, made.take(), patience, meter).await {
                Ok(()) => {
                    sent.rows += rows.len() as u64;
                    sent.bytes += bytes as u64;
                }
                Err(CallError::Rejected { status: 400 | 413, .. })
                    if rows.len() > 1 && halvings < MAX_HALVINGS =>
                {
                    halvings += 1;
                    let (first, second) = rows.split_at(rows.len() / 2);
                    open.push((start + first.len(), second));
                    open.push((start, first));
                }
                Err(CallError::Rejected { status: status @ (400 | 413), code, .. }) => {
                    let code = code.unwrap_or_default();
                    let reason = format!("the workspace answered {status} {code}");
                    sent.rejected
                        .extend((start..start + rows.len()).map(|row| (row, reason.clone())));
                }
                Err(error) => return Err(explain(error)),
            }
        }
        Ok(sent)
    }

    /// Sends one row, in one request with those that other jobs send while an earlier one is under way.
    ///
    /// # Errors
    ///
    /// As [`Logs::send`].
    pub async fn send_row(
        &self,
        stream: &str,
        row: Vec<u8>,
        patience: &Patience,
        meter: &Meter,
    ) -> Result<(), LogsError> {
        self.together.send(self, stream, row, patience, meter).await
    }

    async fn post(
        &self,
        stream: &str,
        rows: &[Cow<'_, [u8]>],
        made: Option<Body>,
        patience: &Patience,
        meter: &Meter,
    ) -> Result<(), CallError> {
        let rejected =
            |_: io::Error| CallError::Rejected { status: 400, code: None, path: String::new() };
        let mut request = self.request(stream)?;
        request.insert_header("content-encoding", "gzip");
        let body = made.map_or_else(|| part::body(rows), Ok).map_err(rejected)?;
        request.set_body(body.gzip);
        let bytes = body.array_bytes;
        self.pipeline.send_sized(&request, bytes, patience, meter, |_| Ok(())).await
    }

    fn request(&self, stream: &str) -> Result<Request, CallError> {
        let mut url = self.rules.get(stream).cloned().ok_or_else(|| CallError::Rejected {
            status: 404,
            code: Some("NoRule".to_owned()),
            path: stream.to_owned(),
        })?;
        url.set_path(&format!("{}/streams/{stream}", url.path().trim_end_matches('/')));
        url.set_query(Some(&format!("api-version={API_VERSION}")));
        let mut request = Request::new(url, Method::Post);
        request.insert_header("content-type", "application/json");
        Ok(request)
    }
}

pub(crate) fn explain(error: CallError) -> LogsError {
    let what = error.to_string();
    match error {
        CallError::Denied { status: 401, .. } => LogsError::Refused {
            what,
            advice: "the workspace takes no token of the app's identity: check POSTURE_CLOUD and the \
                     endpoint in POSTURE_LOGS_URL",
        },
        CallError::Denied { .. } => LogsError::Refused {
            what,
            advice: "grant Monitoring Metrics Publisher on the data collection rule to the function \
                     app's identity; a new grant takes up to 30 minutes",
        },
        CallError::Rejected { .. } => LogsError::Refused {
            what,
            advice: "compare POSTURE_LOGS_URL and POSTURE_LOGS_RULES with the deployed rules",
        },
        CallError::Token(TokenError::Refused { .. }) => LogsError::Refused {
            what,
            advice: "the app's own identity sends to the workspace, not the tenant's",
        },
        CallError::Throttled { after, .. } => LogsError::Throttled { what, after },
        _ => LogsError::Unreachable { what },
    }
}
