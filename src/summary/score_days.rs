//! The Secure Score day by day, and one day with its controls.

use std::collections::BTreeMap;

use crate::schema;
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::secure_score::{Category, categories, controls, profiles};
use super::{Freshness, Known, Listed, Seen, percent, rounded};
use crate::digest::{Control, Day, Digest, Kind, Profile, category_of};

/// The Secure Score of a day.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DayOfScore {
    /// The day, in UTC.
    #[schemars(with = "schema::Date")]
    pub day: Date,
    /// Points reached.
    pub current: Option<f64>,
    /// Points that can be reached.
    pub maximum: Option<f64>,
    /// Share of the maximum, 0 to 100, to two decimals; null where the maximum is 0 or unknown.
    pub percent: Option<f64>,
    /// Averages of other organisations on that day, in percent of their maximum: `AllTenants`, `TotalSeats`,
    /// `IndustryTypes`, or one not documented.
    pub averages: BTreeMap<String, f64>,
}

/// A day of the Secure Score with its categories and controls.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScoreOfDay {
    /// The day.
    #[serde(flatten)]
    pub day: DayOfScore,
    /// Points by category; empty where the day's controls aren't known.
    pub categories: Vec<Category>,
    /// Its controls, those with the most points to gain first; null where they aren't known: they are kept
    /// for 100 days, from the first run of this release on.
    pub controls: Option<Vec<ControlPoints>>,
    /// How old the figures are.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// A control's points on a day.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPoints {
    /// The control's id.
    pub id: String,
    /// What to do, in a few words; null without a profile.
    pub title: Option<String>,
    /// Its category, as known today.
    pub category: String,
    /// Points reached, to two decimals.
    pub points: f64,
    /// Points that it is worth today; null without a profile.
    pub maximum: Option<f64>,
    /// Points to gain, to two decimals.
    pub remaining: Option<f64>,
}

/// The days of the Secure Score, newest first; nothing where it was never collected.
pub fn score_days(known: &[Known], now: Timestamp) -> Option<Listed<DayOfScore>> {
    let seen = Seen { known, now };
    let (latest, freshness) = seen.latest(Kind::SecureScores)?;
    let Digest::SecureScores(scores) = &latest.digest else { return None };
    let items = scores.days.iter().rev().map(|(day, of)| DayOfScore::of(*day, of)).collect();
    Some(Listed { items, of: latest.run.clone(), freshness, note: None })
}

/// One day of the Secure Score; nothing where it isn't known.
pub fn score_of_day(known: &[Known], now: Timestamp, day: Date) -> Option<ScoreOfDay> {
    let seen = Seen { known, now };
    let (Digest::SecureScores(scores), freshness) = seen.digest(Kind::SecureScores)? else {
        return None;
    };
    let of_day = DayOfScore::of(day, scores.days.get(&day)?);
    let profiles = profiles(&seen).map(|(profiles, _)| &profiles.profiles);
    let newest = controls(&seen).map(|(controls, _)| controls);
    let points = scores.points.of_day(day);
    let of_controls = points.map(|points| as_scored(&points, newest));
    let categories = match &of_controls {
        Some(of_controls) => categories(Some(of_controls), profiles),
        None => Vec::new(),
    };
    let listed = |of_controls: BTreeMap<String, Control>| {
        let mut all: Vec<_> = of_controls
            .iter()
            .filter_map(|(id, control)| {
                ControlPoints::of(id, control, profiles.and_then(|all| all.get(id)))
            })
            .collect();
        let remaining = |one: &ControlPoints| one.remaining.unwrap_or(-1.0);
        // Stable: equals stay in the order of their ids.
        all.sort_by(|one, other| remaining(other).total_cmp(&remaining(one)));
        all
    };
    let controls = of_controls.map(listed);
    Some(ScoreOfDay { day: of_day, categories, controls, freshness })
}

/// Points of a day as controls, with the category that each has today.
fn as_scored(
    points: &BTreeMap<&str, f64>,
    newest: Option<&BTreeMap<String, Control>>,
) -> BTreeMap<String, Control> {
    let control = |(id, points): (&&str, &f64)| {
        let category = newest.and_then(|all| all.get(*id)?.category.clone());
        ((*id).to_owned(), Control { category, score: Some(*points), percent: None })
    };
    points.iter().map(control).collect()
}

impl DayOfScore {
    fn of(day: Date, of: &Day) -> DayOfScore {
        let share = of.current.zip(of.maximum).and_then(|(part, whole)| percent(part, whole));
        DayOfScore {
            day,
            current: of.current,
            maximum: of.maximum,
            percent: share.map(rounded),
            averages: of.averages.clone(),
        }
    }
}

impl ControlPoints {
    fn of(id: &str, control: &Control, profile: Option<&Profile>) -> Option<ControlPoints> {
        let points = control.score?;
        let maximum = profile.and_then(|profile| profile.max_score);
        Some(ControlPoints {
            id: id.to_owned(),
            title: profile.and_then(|profile| profile.title.clone()),
            category: category_of(control, profile).to_owned(),
            points,
            maximum,
            remaining: maximum.map(|maximum| rounded((maximum - points).max(0.0))),
        })
    }
}
