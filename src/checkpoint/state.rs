//! The state of a source: what is complete, what is under way, what stands in the way.

use super::files::Files;
use crate::digest::Digest;
use crate::part::Cursor;
use crate::plan::{History, RunId, Window};
use crate::record::FieldCounts;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The content of `state/<tenant>/<source>.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    /// Version of this layout: 1.
    pub version: u32,
    /// The newest complete run.
    pub completed: Option<Completed>,
    /// The newest run that ended as incomplete: its message may come again, its parts stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<RunId>,
    /// How far a growing source has been read, at the newest complete run.
    pub since: Option<String>,
    /// Of a source that is read by updates: the records that the next run's overlap will bring again,
    /// by `RecordId`, with the date of their newest known update.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub recent: BTreeMap<String, String>,
    /// The run under way.
    pub current: Option<Current>,
    /// The last refusal, until a run completes.
    pub refused: Option<Refused>,
    /// The last failure, until a run completes.
    pub failed: Option<Failed>,
}

/// A complete run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completed {
    /// Which.
    pub run: RunId,
    /// When it completed.
    pub at: Timestamp,
}

/// A refusal, which an administrator ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// When.
    pub at: Timestamp,
    /// Until then asking again is pointless.
    pub until: Timestamp,
    /// What happened, and the next step.
    pub advice: String,
    /// Whether there is nothing to refuse: the tenant has no such data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unavailable: bool,
}

/// A failure, which a later attempt may end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// When.
    pub at: Timestamp,
    /// What happened, and what follows.
    pub message: String,
}

/// A run under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Current {
    /// Which.
    pub run: RunId,
    /// When its first attempt began: the `TimeGenerated` of all its records.
    pub began: Timestamp,
    /// Who works on it.
    pub attempt: Option<Attempt>,
    /// The times that it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The run's first page.
    #[serde(default)]
    pub first: String,
    /// Where to go on.
    pub cursor: Cursor,
    /// Whether its records go to the workspace at all; decided once per run.
    pub sends: bool,
    /// Of a run that reads export files: when the service made the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<String>,
    /// The newest date of a growing source that this run has met.
    #[serde(default)]
    pub newest: Option<String>,
    /// Of a source that is read by updates: the records kept so far, as in [`State::recent`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub recent: BTreeMap<String, String>,
    /// Whether the service said that part of the data is missing.
    #[serde(default)]
    pub partial: bool,
    /// Of a run that reads export files: who reads them, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
    /// When a message of the run's own brings it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes: Option<Timestamp>,
    /// What has been done so far.
    #[serde(flatten)]
    pub tally: Tally,
    /// The fold of what is kept.
    pub digest: Digest,
}

impl Current {
    /// Until when the run is in somebody's hands: an attempt's, those of its files' jobs, or a message's.
    pub fn held_until(&self) -> Option<Timestamp> {
        let attempt = self.attempt.as_ref().map(|attempt| attempt.until);
        let files = self.files.as_ref().map(|files| files.until);
        [attempt, files, self.resumes].into_iter().flatten().max()
    }
}

/// What a run has done so far, over all its attempts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tally {
    /// Attempts begun.
    pub attempts: u64,
    /// Pages read.
    pub pages: u64,
    /// Parts kept.
    pub parts: u64,
    /// Records read from the service.
    pub read: u64,
    /// Records kept in the ledger.
    pub kept: u64,
    /// Records sent to the workspace.
    pub sent: u64,
    /// Records that don't go to the workspace, by the source's rule or for want of a rule there.
    pub withheld: u64,
    /// Records that could not be kept or sent, each noted with its reason.
    pub rejected: u64,
    /// Requests to the service and the workspace.
    pub requests: u64,
    /// Those answered 429: the service or the workspace asked for patience.
    pub throttled: u64,
    /// Milliseconds waited between tries.
    pub waited_ms: u64,
    /// Milliseconds of all attempts.
    pub took_ms: u64,
    /// Bytes received, decompressed.
    pub received_bytes: u64,
    /// Bytes kept, compressed.
    pub kept_bytes: u64,
    /// Bytes sent, before compression: what the workspace bills by.
    pub sent_bytes: u64,
    /// Rows that belong to other tenants, whose Azure subscriptions are delegated to this one: they
    /// are not kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub foreign: u64,
    /// Azure's lists that were passed over because the service refused them, by its status and code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<String, u64>,
    /// Fields that no column declares.
    pub undeclared: FieldCounts,
    /// Fields whose value the workspace cut, since it takes 64 KB.
    #[serde(skip_serializing_if = "FieldCounts::is_empty")]
    pub cut: FieldCounts,
}

impl Tally {
    /// Adds what another job of the same run has done.
    pub fn add(&mut self, other: &Tally) {
        let Tally { attempts, pages, parts, read, kept, sent, withheld, rejected, .. } = other;
        let Tally { requests, throttled, waited_ms, took_ms, received_bytes, .. } = other;
        for (own, more) in [
            (&mut self.attempts, attempts),
            (&mut self.pages, pages),
            (&mut self.parts, parts),
            (&mut self.read, read),
            (&mut self.kept, kept),
            (&mut self.sent, sent),
            (&mut self.withheld, withheld),
            (&mut self.rejected, rejected),
            (&mut self.requests, requests),
            (&mut self.throttled, throttled),
            (&mut self.waited_ms, waited_ms),
            (&mut self.took_ms, took_ms),
            (&mut self.received_bytes, received_bytes),
            (&mut self.kept_bytes, &other.kept_bytes),
            (&mut self.sent_bytes, &other.sent_bytes),
            (&mut self.foreign, &other.foreign),
        ] {
            *own += more;
        }
        for (what, count) in &other.unread {
            *self.unread.entry(what.clone()).or_default() += count;
        }
        self.undeclared.merge(&other.undeclared);
        self.cut.merge(&other.cut);
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Who works on a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// A new id for each attempt.
    pub id: String,
    /// Until when the claim holds without renewal.
    pub until: Timestamp,
}

impl State {
    /// Whether the service said that the tenant has no such data.
    pub fn is_unavailable(&self) -> bool {
        self.refused.as_ref().is_some_and(|refused| refused.unavailable)
    }

    /// What a plan needs to know.
    pub fn history(&self) -> History {
        History {
            completed: self.completed.as_ref().map(|completed| completed.run.clone()),
            claimed_until: self.current.as_ref().and_then(Current::held_until),
            refused_until: self.refused.as_ref().map(|refused| refused.until),
        }
    }

    /// Why the newest snapshot isn't newer, if something is in the way.
    pub fn reason(&self) -> Option<String> {
        let refused = self.refused.as_ref().map(|refused| refused.advice.clone());
        refused.or_else(|| self.failed.as_ref().map(|failed| failed.message.clone()))
    }
}
