//! Alerts and incidents that are open.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Freshness, Seen};
use crate::digest::{self, Digest, Kind, OpenSeverities};

/// Open alerts, or incidents, each in its newest state.
///
/// Those that were last updated more than a month before the first run are known from their next update
/// on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Open {
    /// Those that are neither resolved nor merged into another.
    pub open: u64,
    /// The same by severity.
    pub by_severity: OpenSeverities,
    /// Those of them that were created within a day.
    #[serde(rename = "newIn1Day")]
    pub new_in_1_day: u64,
    /// Those of them that were created within a week.
    #[serde(rename = "newIn7Days")]
    pub new_in_7_days: u64,
    /// Those of them that were created within 30 days.
    #[serde(rename = "newIn30Days")]
    pub new_in_30_days: u64,
    /// Whether all are counted; more than 50,000 are not.
    pub exact: bool,
    /// How old they are.
    #[serde(flatten)]
    pub freshness: Freshness,
}

pub(super) fn alerts(seen: &Seen) -> Option<Open> {
    match seen.digest(Kind::Alerts)? {
        (Digest::Alerts(fold), freshness) => Some(counts(fold, freshness, seen)),
        _ => None,
    }
}

pub(super) fn incidents(seen: &Seen) -> Option<Open> {
    match seen.digest(Kind::Incidents)? {
        (Digest::Incidents(fold), freshness) => Some(counts(fold, freshness, seen)),
        _ => None,
    }
}

fn counts(fold: &digest::Open, freshness: Freshness, seen: &Seen) -> Open {
    let all = fold.by_severity(None, seen.now);
    let new_in =
        |days: i64| fold.by_severity(Some(SignedDuration::from_hours(24 * days)), seen.now).total();
    Open {
        open: all.total(),
        by_severity: all,
        new_in_1_day: new_in(1),
        new_in_7_days: new_in(7),
        new_in_30_days: new_in(30),
        exact: fold.beyond == 0,
        freshness,
    }
}
