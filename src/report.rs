//! What one job did.

use crate::checkpoint::Tally;
use crate::plan::RunId;
use crate::record::instant_text;
use jiff::Timestamp;
use serde::Serialize;
use std::fmt;

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every record is kept, and sent or noted: the snapshot is visible.
    Complete,
    /// Every page was read, but the service said that data is missing: the old snapshot stays.
    Incomplete,
    /// The service has nothing newer than what is kept.
    Unchanged,
    /// There was nothing to do.
    Unneeded,
    /// An administrator's turn.
    Refused,
    /// The tenant or its cloud has no such data: asked again after the source's interval.
    Unavailable,
    /// The run goes on by messages of its own: its time was up, the service asked for patience, or its
    /// files are read by jobs of their own.
    Postponed,
    /// Nobody's turn: a later attempt goes on from the checkpoint.
    Failed,
}

impl Status {
    /// The status as it is written: one word in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Status::Complete => "complete",
            Status::Incomplete => "incomplete",
            Status::Unchanged => "unchanged",
            Status::Unneeded => "unneeded",
            Status::Refused => "refused",
            Status::Unavailable => "unavailable",
            Status::Postponed => "postponed",
            Status::Failed => "failed",
        }
    }
}

/// What one job did: kept under `runs/`, a row of `PostureRuns_CL`, a line of the log.
///
/// Counts are of the run, over all its attempts.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this layout: 1.
    pub version: u32,
    /// The tenant's id.
    pub tenant: String,
    /// The tenant's name.
    pub tenant_name: String,
    /// The source's name.
    pub source: &'static str,
    /// The run.
    pub run: RunId,
    /// How it ended.
    pub status: Status,
    /// What happened and what to do, where something is to be said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When the run's first attempt began.
    pub began: Timestamp,
    /// When this attempt ended.
    pub ended: Timestamp,
    /// When the service made the snapshot that the run has read, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated: Option<String>,
    /// As of when the newest data is that this run or an earlier one has read: the newest record's date
    /// where the source is read by date, the snapshot's where the service says when it made it, else the
    /// run's beginning. Nothing where the run isn't complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
    /// When the first of what the tenant's identity signs in with ends, where that is within 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_ends: Option<Timestamp>,
    /// What was done.
    #[serde(flatten)]
    pub tally: Tally,
}

impl Report {
    /// The report as the fields of its row in `PostureRuns_CL`, a JSON object without the envelope.
    pub fn row(&self) -> String {
        let tally = &self.tally;
        serde_json::json!({
            "Status": self.status,
            "Message": self.message,
            "Began": instant_text(self.began),
            "Ended": instant_text(self.ended),
            "Attempts": tally.attempts,
            "Pages": tally.pages,
            "Read": tally.read,
            "Kept": tally.kept,
            "Parts": tally.parts,
            "Sent": tally.sent,
            "Withheld": tally.withheld,
            "Rejected": tally.rejected,
            "Requests": tally.requests,
            "WaitedMs": tally.waited_ms,
            "TookMs": tally.took_ms,
            "ReceivedBytes": tally.received_bytes,
            "KeptBytes": tally.kept_bytes,
            "SentBytes": tally.sent_bytes,
            "Undeclared": tally.undeclared,
            "Version": env!("CARGO_PKG_VERSION"),
            "Generated": self.generated,
            "Cut": tally.cut,
            "Throttled": tally.throttled,
            "Newest": self.newest.map(instant_text),
            "FreshnessS": self.newest.map(|newest| self.ended.duration_since(newest).as_secs().max(0)),
            "Advice": self.advice(),
            "CredentialEnds": self.credential_ends.map(instant_text),
        })
        .to_string()
    }

    /// The next step alone: what the message says behind its last colon. Empty where nothing is to be
    /// said.
    pub fn advice(&self) -> &str {
        self.message.rsplit_once(": ").map_or("", |(_, advice)| advice)
    }

    /// Whether the platform should bring the job's message again.
    pub fn wants_retry(&self) -> bool {
        self.status == Status::Failed
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { source, tenant_name, message, tally, .. } = self;
        match self.status {
            Status::Unchanged => {
                write!(
                    f,
                    "{source} of {tenant_name}: the service has nothing newer than what is kept"
                )
            }
            Status::Unneeded => write!(f, "{source} of {tenant_name}: nothing to do, {message}"),
            Status::Refused | Status::Unavailable | Status::Postponed | Status::Failed => {
                write!(f, "{source} of {tenant_name}: {message}")
            }
            Status::Complete | Status::Incomplete => {
                write!(
                    f,
                    "{source} of {tenant_name}: {} records in {} pages, {} sent, {} withheld, {} rejected",
                    tally.kept, tally.pages, tally.sent, tally.withheld, tally.rejected
                )?;
                if !message.is_empty() {
                    write!(f, "; {message}")?;
                }
                Ok(())
            }
        }
    }
}
