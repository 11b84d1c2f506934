//! What tells a reader which files are complete: the manifest in a run's folder, and the pointer to the
//! newest run of each source.

use crate::ledger::{Ledger, LedgerError};
use crate::plan::RunId;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The files that a run of a source has become: written once, after the last of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Version of this layout: 1.
    pub version: u32,
    /// The tenant's id.
    pub tenant: String,
    /// The source.
    pub source: String,
    /// The run.
    pub run: RunId,
    /// When the records were collected.
    pub began: Timestamp,
    /// The format, such as `OCSF 1.8.0`.
    pub format: String,
    /// Names of the files in the manifest's own folder.
    pub files: Vec<String>,
}

/// The newest complete run of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Newest {
    /// The run.
    pub run: RunId,
    /// When its records were collected.
    pub began: Timestamp,
    /// The format.
    pub format: String,
    /// Path of its manifest.
    pub manifest: String,
    /// How many files it names.
    pub files: usize,
}

/// The newest complete run of each source that feeds a class or a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pointer {
    /// Version of this layout: 1.
    pub version: u32,
    /// The tenant's id.
    pub tenant: String,
    /// By source.
    pub sources: BTreeMap<String, Newest>,
}

/// How often a lost race for the pointer is run again: fourteen sources feed four classes.
const MOST_RACES: usize = 50;

impl Manifest {
    /// Moves the pointer to this run, never back to an older one.
    ///
    /// # Errors
    ///
    /// Where the ledger can't be read or written.
    pub async fn point_to(
        &self,
        ledger: &dyn Ledger,
        pointer: &str,
        manifest: &str,
    ) -> Result<(), LedgerError> {
        let mut lost = 0;
        loop {
            let there = ledger.read(pointer).await?;
            let kept = there.as_ref().and_then(|(bytes, _)| serde_json::from_slice(bytes).ok());
            let mut next: Pointer = kept.unwrap_or_default();
            let newest = next.sources.get(&self.source);
            if newest.is_some_and(|newest| newest.run >= self.run) {
                return Ok(());
            }
            (next.version, next.tenant) = (1, self.tenant.clone());
            next.sources.insert(self.source.clone(), self.newest(manifest));
            let over = there.map(|(_, version)| version);
            match ledger.replace(pointer, to_json(pointer, &next)?, over.as_ref()).await {
                Err(LedgerError::Conflict { .. }) if lost < MOST_RACES => lost += 1,
                outcome => return outcome.map(|_| ()),
            }
        }
    }

    fn newest(&self, manifest: &str) -> Newest {
        Newest {
            run: self.run.clone(),
            began: self.began,
            format: self.format.clone(),
            manifest: manifest.to_owned(),
            files: self.files.len(),
        }
    }

    /// Its JSON.
    ///
    /// # Errors
    ///
    /// Never in practice: it is written to memory.
    pub fn to_json(&self, path: &str) -> Result<Bytes, LedgerError> {
        to_json(path, self)
    }
}

fn to_json(path: &str, value: &impl Serialize) -> Result<Bytes, LedgerError> {
    let json = serde_json::to_vec(value).map(Bytes::from);
    json.map_err(|error| LedgerError::Failed { path: path.to_owned(), what: error.to_string() })
}
