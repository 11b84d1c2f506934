//! Scores with their changes: exposure score and Secure Score for Devices.

use crate::schema;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Freshness, Seen, rounded};
use crate::digest::{self, Digest, Kind};

/// Days that a change may reach further back than asked for, because a day in between is missing.
const SLACK_DAYS: i32 = 7;

/// The same for the change over one day.
const SLACK_OF_ONE_DAY: i32 = 3;

/// Where no day is that old, the oldest known one will do if it is younger by at most this part of
/// the days asked for: 3 of 90, 1 of 30, none of 7.
const YOUNGER_PART: i32 = 30;

/// A score that Defender gives as one figure.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Score {
    /// The score, as Microsoft gives it.
    pub value: f64,
    /// What it is counted in.
    pub unit: &'static str,
    /// Whether a high score is good or bad.
    pub direction: &'static str,
    /// When Microsoft made it.
    #[schemars(with = "schema::Timestamp")]
    pub time: Timestamp,
    /// How it changed, as far as runs before have seen it.
    pub change: Changes,
    /// How old it is.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// The secure score of Defender for Cloud over all subscriptions.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AzureScore {
    /// Each subscription's share of its maximum by its weight, 0 to 100, to two decimals; null where no
    /// subscription has a weight.
    pub combined_percent: Option<f64>,
    /// Subscriptions with a score.
    pub subscriptions: u64,
    /// Whether a high score is good or bad.
    pub direction: &'static str,
    /// How old it is.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// How a score changed over a number of days.
///
/// The newest day is compared with the newest known day at or before so many days earlier, at most
/// seven days (for one day: three) older than that. Null where no such day is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// Over one day.
    pub days1: Option<Change>,
    /// Over 7 days.
    pub days7: Option<Change>,
    /// Over 30 days.
    pub days30: Option<Change>,
    /// Over 90 days.
    pub days90: Option<Change>,
}

impl Changes {
    /// The change over 1, 7, 30 or 90 days.
    pub fn over(&self, days: u16) -> Option<&Change> {
        match days {
            1 => self.days1.as_ref(),
            7 => self.days7.as_ref(),
            30 => self.days30.as_ref(),
            90 => self.days90.as_ref(),
            _ => None,
        }
    }
}

/// A score now less the score of an earlier day; negative where it fell.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Difference in the score's unit, to two decimals.
    pub points: f64,
    /// Difference of the two days' percentages, to two decimals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage_points: Option<f64>,
    /// The day compared with.
    #[schemars(with = "schema::Date")]
    pub from: Date,
}

/// A score of a day.
pub(super) struct Figure {
    pub(super) day: Date,
    pub(super) points: f64,
    pub(super) percent: Option<f64>,
}

pub(super) fn exposure_score(seen: &Seen) -> Option<Score> {
    let (Digest::ExposureScore(digest), freshness) = seen.digest(Kind::ExposureScore)? else {
        return None;
    };
    score(digest, "0-100", "high is bad", freshness)
}

pub(super) fn device_secure_score(seen: &Seen) -> Option<Score> {
    let (Digest::DeviceSecureScore(digest), freshness) = seen.digest(Kind::DeviceSecureScore)?
    else {
        return None;
    };
    score(digest, "points", "high is good", freshness)
}

pub(super) fn azure_score(seen: &Seen) -> Option<AzureScore> {
    let (Digest::AzureScores(digest), freshness) = seen.digest(Kind::AzureScores)? else {
        return None;
    };
    (!digest.subscriptions.is_empty()).then(|| AzureScore {
        combined_percent: digest.combined().map(|share| rounded(100.0 * share)),
        subscriptions: digest.subscriptions.len() as u64,
        direction: "high is good",
        freshness,
    })
}

fn score(
    digest: &digest::Score,
    unit: &'static str,
    direction: &'static str,
    freshness: Freshness,
) -> Option<Score> {
    let newest = digest.newest()?;
    let figure = |(day, point): (&Date, &digest::Point)| Figure {
        day: *day,
        points: point.score,
        percent: None,
    };
    let days: Vec<Figure> = digest.days.iter().map(figure).collect();
    Some(Score {
        value: newest.score,
        unit,
        direction,
        time: newest.time,
        change: changes(&days),
        freshness,
    })
}

/// How the last of `days`, which are in order, differs from those before.
pub(super) fn changes(days: &[Figure]) -> Changes {
    Changes {
        days1: change(days, 1, SLACK_OF_ONE_DAY),
        days7: change(days, 7, SLACK_DAYS),
        days30: change(days, 30, SLACK_DAYS),
        days90: change(days, 90, SLACK_DAYS),
    }
}

fn change(days: &[Figure], over: i32, slack: i32) -> Option<Change> {
    let newest = days.last()?;
    let wanted = newest.day.checked_sub(over.days()).ok()?;
    let oldest = wanted.checked_sub(slack.days()).ok()?;
    let before = days.iter().rfind(|figure| figure.day <= wanted);
    // Microsoft keeps 90 entries, so that on the first day 90 days ago is just out of reach.
    let nearly = wanted.checked_add((over / YOUNGER_PART).days()).ok()?;
    let before = before.or_else(|| days.first().filter(|first| first.day <= nearly))?;
    if before.day < oldest {
        return None;
    }
    let percents = newest.percent.zip(before.percent);
    Some(Change {
        points: rounded(newest.points - before.points),
        percentage_points: percents.map(|(now, then)| rounded(now - then)),
        from: before.day,
    })
}
