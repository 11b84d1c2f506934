//! Scores that the service gives as one figure without a history.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::lenient;

/// Days that a score's history holds; the oldest give way.
pub(super) const MAX_DAYS: usize = 400;

/// A score with the days it is known of, at most 400, the newest value of each day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Score {
    /// By day in UTC.
    pub days: BTreeMap<Date, Point>,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// A score at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When the service made it.
    pub time: Timestamp,
    /// The score.
    pub score: f64,
}

impl Score {
    /// The newest value.
    pub fn newest(&self) -> Option<&Point> {
        self.days.values().next_back()
    }

    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let record: Record = lenient::record(line)?;
        let score = record.score?;
        let time = record.time.or(record.collected_time)?;
        let day = self.days.entry(lenient::day(time)).or_insert(Point { time, score });
        if time >= day.time {
            *day = Point { time, score };
        }
        keep_newest(&mut self.days);
        Some(())
    }
}

/// Drops the oldest days beyond [`MAX_DAYS`].
pub(super) fn keep_newest<T>(days: &mut BTreeMap<Date, T>) {
    while days.len() > MAX_DAYS {
        days.pop_first();
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Record {
    #[serde(deserialize_with = "lenient::time")]
    time: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::number")]
    score: Option<f64>,
    /// The envelope's, for a record without a time of its own.
    #[serde(rename = "CollectedTime", deserialize_with = "lenient::time")]
    collected_time: Option<Timestamp>,
}
