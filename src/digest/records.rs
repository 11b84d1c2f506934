//! Sources that no summary reads yet: how many records.

use serde::{Deserialize, Serialize};

/// A count of records; one that comes twice counts twice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Records {
    /// All of them, in the run that made this digest.
    pub records: u64,
    /// Always 0: a count reads nothing.
    pub unreadable: u64,
}

impl Records {
    pub(super) fn add(&mut self, _: &[u8]) -> Option<()> {
        self.records += 1;
        Some(())
    }
}
