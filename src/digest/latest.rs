//! The file of a source's newest complete snapshot.

use super::Digest;
use crate::ledger::path;
use crate::plan::RunId;
use crate::schema;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The newest complete snapshot of a source: what `latest/<tenant>/<source>.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latest {
    /// The form of this file: [`Latest::VERSION`].
    pub version: u32,
    /// The tenant's id, a lower-case GUID.
    pub tenant: String,
    /// The tenant's name.
    pub tenant_name: String,
    /// The source's name.
    pub source: String,
    /// The run that collected it, such as `20261122T101500Z`.
    pub run: String,
    /// When its first attempt began: when the records were collected.
    pub began: Timestamp,
    /// When the snapshot was complete.
    pub completed: Timestamp,
    /// Parts under `records/`.
    pub parts: u64,
    /// Records in those parts.
    pub records: u64,
    /// Of a snapshot that was read from export files: the parts of each file, by its id. A part's name
    /// is `<file>-<part>` then.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, u64>,
    /// When the service made what the run read, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Timestamp>,
    /// What the tenant's identity signs in with and ends within 30 days, as the run has learnt it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<Ending>,
    /// The fold over the records.
    pub digest: Digest,
}

/// The end of something that an identity signs in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ending {
    /// Its name for people.
    pub what: String,
    /// When it ends.
    #[schemars(with = "schema::Timestamp")]
    pub ends: Timestamp,
}

impl Latest {
    /// The form that this program writes.
    pub const VERSION: u32 = 1;

    /// As of when the records are: when the service made them, or else when they were collected.
    pub fn made(&self) -> Timestamp {
        self.generated.unwrap_or(self.began)
    }

    /// Paths of the snapshot's parts, in its order; `run` is its own.
    pub fn part_paths(&self, run: &RunId) -> Vec<String> {
        let folder = path::parts(&self.tenant, &self.source, run);
        let named = |name: String| format!("{folder}{name}.jsonl.gz");
        match self.files.is_empty() {
            true => (1..=self.parts).map(|part| named(format!("{part:06}"))).collect(),
            false => {
                let of = |(file, parts): (&String, &u64)| {
                    (1..=*parts).map(|part| named(format!("{file}-{part:06}"))).collect::<Vec<_>>()
                };
                self.files.iter().flat_map(of).collect()
            }
        }
    }
}
