//! How old figures are, and lists with their age.

use crate::schema;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// How old the figures beside it are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Freshness {
    /// When they were collected.
    #[schemars(with = "schema::Timestamp")]
    pub collected: Timestamp,
    /// Older than two intervals of their source and an hour.
    pub stale: bool,
    /// Seconds since they were collected.
    pub age_seconds: i64,
}

impl Freshness {
    /// How old figures are that take from two sources: as old as the older one, stale if either is.
    pub(super) fn with(self, other: Freshness) -> Freshness {
        let older = if other.collected < self.collected { other } else { self };
        Freshness { stale: self.stale || other.stale, ..older }
    }

    /// How old figures are that changes are applied to: as old as those, stale if either is.
    pub(super) fn renewed_by(self, changes: Freshness) -> Freshness {
        let newer = if changes.collected > self.collected { changes } else { self };
        Freshness { stale: self.stale || changes.stale, ..newer }
    }
}

/// Items of a list, out of the newest snapshots.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    /// The items, in their order.
    pub items: Vec<T>,
    /// The runs that they are of: tells one state of the list from another.
    pub of: String,
    /// How old they are.
    pub freshness: Freshness,
    /// What is left out, where something is.
    pub note: Option<String>,
}
