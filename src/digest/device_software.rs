//! Software on each device: how many rows, and how many at the end of their support.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Tally, lenient};

/// What a row is folded by.
pub(super) const FIELDS: &[&str] = &["numberOfWeaknesses", "endOfSupportStatus"];

/// Counts of rows, one per software and device; a row that comes twice counts twice.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-inventory>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceSoftware {
    /// All of them.
    pub rows: u64,
    /// Those whose software has known weaknesses.
    pub with_weaknesses: u64,
    /// By `endOfSupportStatus`: `EOS Version`, `Upcoming EOS Version`, …; without one, `None`.
    pub by_end_of_support: Tally,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

impl DeviceSoftware {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let row: Row = lenient::record(line)?;
        self.rows += 1;
        self.with_weaknesses += u64::from(row.number_of_weaknesses.unwrap_or(0) > 0);
        self.by_end_of_support.add(Some(row.end_of_support_status.as_deref().unwrap_or("None")));
        Some(())
    }

    pub(super) fn merge(&mut self, other: &DeviceSoftware) {
        self.rows += other.rows;
        self.with_weaknesses += other.with_weaknesses;
        self.by_end_of_support.merge(&other.by_end_of_support);
        self.unreadable += other.unreadable;
    }
}

/// A row as pages or files spell it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Row<'a> {
    #[serde(alias = "NumberOfWeaknesses", deserialize_with = "lenient::count")]
    number_of_weaknesses: Option<u64>,
    #[serde(borrow, alias = "EndOfSupportStatus", deserialize_with = "lenient::text")]
    end_of_support_status: Option<Cow<'a, str>>,
}
