//! Bounded counts and top lists.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Distinct values that a [`Tally`] tells apart.
const MAX_VALUES: usize = 32;

/// Longest value that a [`Tally`] keeps by name, in bytes.
const MAX_VALUE_BYTES: usize = 100;

/// Records that a top list holds.
pub(super) const TOP: usize = 10;

/// The value that stands for those beyond the bounds of a [`Tally`].
const OTHER: &str = "Other";

/// The value that stands for a missing one.
pub(super) const UNKNOWN: &str = "Unknown";

/// How many records have each value of a field, as the service spells it.
///
/// At most 32 distinct values; later ones count as `Other`, missing ones as `Unknown`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Tally(pub BTreeMap<String, u64>);

impl Tally {
    /// Records of a value.
    pub fn of(&self, value: &str) -> u64 {
        self.0.get(value).copied().unwrap_or(0)
    }

    pub(crate) fn add(&mut self, value: Option<&str>) {
        self.add_many(value.unwrap_or(UNKNOWN), 1);
    }

    pub(super) fn merge(&mut self, other: &Tally) {
        for (value, records) in &other.0 {
            self.add_many(value, *records);
        }
    }

    fn add_many(&mut self, value: &str, records: u64) {
        if let Some(count) = self.0.get_mut(value) {
            *count += records;
            return;
        }
        let is_kept = self.0.len() < MAX_VALUES && value.len() <= MAX_VALUE_BYTES;
        *self.0.entry(if is_kept { value } else { OTHER }.to_owned()).or_default() += records;
    }
}

/// Severities of vulnerabilities, worst first.
pub(super) const SEVERITIES: [&str; 4] = ["critical", "high", "medium", "low"];

/// How many vulnerabilities have each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Severities {
    /// Critical ones.
    pub critical: u64,
    /// High ones.
    pub high: u64,
    /// Medium ones.
    pub medium: u64,
    /// Low ones.
    pub low: u64,
    /// Those without a severity, or with one not documented.
    pub other: u64,
}

impl Severities {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.critical + self.high + self.medium + self.low + self.other
    }

    pub(crate) fn add(&mut self, severity: Option<&str>) {
        *self.level(place(severity, &SEVERITIES)) += 1;
    }

    /// The count at a place of [`SEVERITIES`]; of any other place, `other`.
    pub(super) fn level(&mut self, place: u8) -> &mut u64 {
        match place {
            0 => &mut self.critical,
            1 => &mut self.high,
            2 => &mut self.medium,
            3 => &mut self.low,
            _ => &mut self.other,
        }
    }
}

impl AddAssign for Severities {
    fn add_assign(&mut self, other: Severities) {
        self.critical += other.critical;
        self.high += other.high;
        self.medium += other.medium;
        self.low += other.low;
        self.other += other.other;
    }
}

/// The place of a value among known ones, in any letter case; of any other, their number.
pub(super) fn place(value: Option<&str>, known: &[&str]) -> u8 {
    let is = |name: &&str| value.is_some_and(|value| value.eq_ignore_ascii_case(name));
    known.iter().position(is).unwrap_or(known.len()) as u8
}

/// A record with its place in a top list.
pub(super) trait Ranked {
    /// What names the record.
    fn id(&self) -> &str;

    /// What it is ranked by, highest first; the second figure decides between equals.
    fn weight(&self) -> (f64, f64);
}

/// Puts a record into a top list of [`TOP`], in place of an earlier one with its id.
///
/// `make` is called only where the record gets a place, so that most records cost no allocation.
pub(super) fn rank<T: Ranked>(
    top: &mut Vec<T>,
    id: &str,
    weight: (f64, f64),
    make: impl FnOnce() -> T,
) {
    rank_of(top, TOP, id, weight, make);
}

/// The same of a list of so many.
pub(super) fn rank_of<T: Ranked>(
    top: &mut Vec<T>,
    most: usize,
    id: &str,
    weight: (f64, f64),
    make: impl FnOnce() -> T,
) {
    top.retain(|held| held.id() != id);
    let order = |held: &T| {
        let held_weight = held.weight();
        (weight.0.total_cmp(&held_weight.0))
            .then_with(|| weight.1.total_cmp(&held_weight.1))
            .then_with(|| held.id().cmp(id))
    };
    let place = top.partition_point(|held| order(held) == Ordering::Less);
    if place < most {
        top.insert(place, make());
        top.truncate(most);
    }
}
