//! The instant that a plan's jobs share.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The planning instant that a plan's jobs share, as `20261122T101500Z`.
///
/// It isn't a plain ISO date because the Functions host rewrites those in queue messages. Two ids
/// compare as their instants do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

const FORMAT: &str = "%Y%m%dT%H%M%SZ";

impl RunId {
    /// The run planned at `instant`, to the second.
    pub fn at(instant: Timestamp) -> RunId {
        RunId(instant.strftime(FORMAT).to_string())
    }

    /// The run that a timer plans at `instant`, to the minute: a tick that fires twice is one run.
    pub fn of_tick(instant: Timestamp) -> RunId {
        RunId(instant.strftime("%Y%m%dT%H%M00Z").to_string())
    }

    /// The planning instant.
    pub fn instant(&self) -> Timestamp {
        parse(&self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// `yyyy/mm/dd`, a level of the storage layout.
    pub fn day_path(&self) -> String {
        format!("{}/{}/{}", &self.0[0..4], &self.0[4..6], &self.0[6..8])
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn parse(text: &str) -> Result<Timestamp, jiff::Error> {
    TimeZone::UTC.to_timestamp(DateTime::strptime(FORMAT, text)?)
}

impl FromStr for RunId {
    type Err = String;

    fn from_str(text: &str) -> Result<RunId, String> {
        match parse(text) {
            Ok(_) if text.len() == 16 => Ok(RunId(text.to_owned())),
            _ => Err(format!("run is {text:?}, expected yyyymmddThhmmssZ like 20261122T101500Z")),
        }
    }
}

impl TryFrom<String> for RunId {
    type Error = String;

    fn try_from(text: String) -> Result<RunId, String> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> String {
        run.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_tick_that_fires_twice_in_a_minute_is_one_run() {
        let first = RunId::of_tick(instant("2026-11-22T10:15:00.2Z"));
        let second = RunId::of_tick(instant("2026-11-22T10:15:59Z"));

        assert_eq!(first, second);
        assert_eq!(first.as_str(), "20261122T101500Z");
        assert_eq!(first.day_path(), "2026/11/22");
        assert_eq!(first.instant(), instant("2026-11-22T10:15:00Z"));
    }

    #[test]
    fn a_run_that_is_no_instant_is_refused_with_an_example() {
        let refused = "2026-11-22".parse::<RunId>().unwrap_err();

        assert!(refused.contains("20261122T101500Z"), "{refused}");
    }
}
