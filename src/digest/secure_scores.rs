//! Microsoft Secure Score: its days, and the controls of its newest day.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::control_days::ControlDays;
use super::scores::keep_newest;
use super::{Tally, lenient};

/// Controls that are kept of a day; a tenant has about 230.
const MAX_CONTROLS: usize = 2_000;

/// Comparison averages that are kept of a day; the service documents three.
const MAX_COMPARISONS: usize = 16;

/// Longest name of an average that is kept for each day, in characters.
const MAX_BASIS_CHARS: usize = 40;

/// The Secure Score of at most 400 days, with controls and averages of the newest.
///
/// A day is the date of `createdDateTime` in UTC, or else the date that ends the record's id.
///
/// <https://learn.microsoft.com/graph/api/resources/securescore>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecureScores {
    /// By day in UTC.
    pub days: BTreeMap<Date, Day>,
    /// Controls of the newest day by name, at most 2,000.
    pub controls: BTreeMap<String, Control>,
    /// Points of controls on the last 100 days.
    pub points: ControlDays,
    /// Averages that the newest day is compared with.
    pub comparisons: Vec<Comparison>,
    /// Users active on the newest day.
    pub active_users: Option<u64>,
    /// Users licensed on the newest day.
    pub licensed_users: Option<u64>,
    /// The newest day whose estimate went to the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated: Option<Date>,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// The Secure Score of a day, in points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Day {
    /// `createdDateTime`.
    pub created: Timestamp,
    /// Points reached.
    pub current: Option<f64>,
    /// Points that can be reached; may be 0.
    pub maximum: Option<f64>,
    /// Averages of other organisations, in percent of their maximum, by basis.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub averages: BTreeMap<String, f64>,
}

/// A control's score on a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// `Identity`, `Data`, `Device`, `Apps`, `Infrastructure`, or one not documented.
    #[serde(default)]
    pub category: Option<String>,
    /// Points reached.
    #[serde(default)]
    pub score: Option<f64>,
    /// Share of the control's points that is reached, 0 to 100.
    #[serde(default)]
    pub percent: Option<f64>,
}

/// An average over other organisations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// `AllTenants`, `TotalSeats`, `IndustryTypes`, or one not documented.
    pub basis: String,
    /// Average share of the maximum, in percent: not points.
    pub average_percent: f64,
    /// Fewest seats of the organisations compared with.
    #[serde(default)]
    pub seats_from: Option<u64>,
    /// Most seats of the organisations compared with.
    #[serde(default)]
    pub seats_to: Option<u64>,
}

impl SecureScores {
    /// The newest day that has a score.
    pub fn newest(&self) -> Option<(Date, &Day)> {
        let mut days = self.days.iter().rev();
        days.find(|(_, day)| day.current.is_some()).map(|(date, day)| (*date, day))
    }

    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let record: Record = lenient::record(line)?;
        let created = record.created()?;
        let date = lenient::day(created);
        if self.days.get(&date).is_some_and(|held| held.created > created) {
            return Some(());
        }
        let (current, maximum) = (record.current_score, record.max_score);
        let day = Day { created, current, maximum, averages: record.averages() };
        self.days.insert(date, day);
        let scored = record.control_scores.iter();
        let points = scored.filter_map(|of| Some((of.control_name.as_deref()?, of.score?)));
        self.points.set(date, points);
        if self.days.last_key_value().is_some_and(|(newest, _)| *newest == date) {
            self.describe(record);
        }
        keep_newest(&mut self.days);
        Some(())
    }

    /// Begins a new run.
    pub(super) fn go_on(&mut self) {
        self.points.go_on();
    }

    fn describe(&mut self, record: Record) {
        self.active_users = record.active_user_count;
        self.licensed_users = record.licensed_user_count;
        let comparisons = record.average_comparative_scores.into_iter();
        self.comparisons = comparisons.filter_map(kept).take(MAX_COMPARISONS).collect();
        let controls = record.control_scores.into_iter();
        self.controls = controls.filter_map(named).take(MAX_CONTROLS).collect();
    }
}

/// The controls of the newest day that they are known of, at most 2,000.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecureScoreControls {
    /// The day, in UTC.
    pub day: Option<Date>,
    /// By name.
    pub controls: BTreeMap<String, Control>,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

impl SecureScoreControls {
    /// Controls of each category.
    pub fn by_category(&self) -> Tally {
        self.tally(|control| control.category.as_deref())
    }

    /// Controls by how far they are carried out: `Complete`, `Partial`, `None`, or `Unknown` where the
    /// service gives no percentage.
    pub fn by_implementation(&self) -> Tally {
        self.tally(|control| {
            Some(match control.percent? {
                percent if percent >= 100.0 => "Complete",
                percent if percent > 0.0 => "Partial",
                _ => "None",
            })
        })
    }

    fn tally(&self, value: impl Fn(&Control) -> Option<&str>) -> Tally {
        let mut tally = Tally::default();
        self.controls.values().for_each(|control| tally.add(value(control)));
        tally
    }

    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let date = lenient::day(lenient::record::<DayOfControl>(line)?.created()?);
        let (name, control) = named(lenient::record(line)?)?;
        if self.day < Some(date) {
            self.controls.clear();
            self.day = Some(date);
        }
        let has_room = self.controls.len() < MAX_CONTROLS || self.controls.contains_key(&name);
        if self.day == Some(date) && has_room {
            self.controls.insert(name, control);
        }
        Some(())
    }
}

fn named(score: ControlScore) -> Option<(String, Control)> {
    let control = Control {
        category: score.control_category.map(Cow::into_owned),
        score: score.score,
        percent: score.score_in_percentage,
    };
    Some((score.control_name?.into_owned(), control))
}

fn kept(average: Average) -> Option<Comparison> {
    Some(Comparison {
        basis: average.basis?.into_owned(),
        average_percent: average.average_score?,
        seats_from: average.seats_from,
        seats_to: average.seats_to,
    })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    id: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::time")]
    created_date_time: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::number")]
    current_score: Option<f64>,
    #[serde(deserialize_with = "lenient::number")]
    max_score: Option<f64>,
    #[serde(deserialize_with = "lenient::count")]
    active_user_count: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    licensed_user_count: Option<u64>,
    #[serde(borrow, deserialize_with = "lenient::list")]
    average_comparative_scores: Vec<Average<'a>>,
    #[serde(borrow, deserialize_with = "lenient::list")]
    control_scores: Vec<ControlScore<'a>>,
}

impl Record<'_> {
    fn averages(&self) -> BTreeMap<String, f64> {
        let average = |of: &Average| {
            let basis = lenient::cut(of.basis.as_deref()?, MAX_BASIS_CHARS).to_owned();
            Some((basis, of.average_score?))
        };
        let averages = self.average_comparative_scores.iter();
        averages.filter_map(average).take(MAX_COMPARISONS).collect()
    }

    fn created(&self) -> Option<Timestamp> {
        self.created_date_time.or_else(|| named_day(self.id.as_deref()?))
    }
}

/// The day in the id of a Secure Score, `{tenant}_{yyyy-MM-dd}`.
fn named_day(id: &str) -> Option<Timestamp> {
    lenient::midnight(id.rsplit_once('_')?.1.parse().ok()?)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Average<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    basis: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::number")]
    average_score: Option<f64>,
    #[serde(rename = "SeatSizeRangeLowerValue", deserialize_with = "lenient::count")]
    seats_from: Option<u64>,
    #[serde(rename = "SeatSizeRangeUpperValue", deserialize_with = "lenient::count")]
    seats_to: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ControlScore<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    control_name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    control_category: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::number")]
    score: Option<f64>,
    #[serde(deserialize_with = "lenient::number")]
    score_in_percentage: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DayOfControl<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    secure_score_id: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::time")]
    created_date_time: Option<Timestamp>,
}

impl DayOfControl<'_> {
    fn created(&self) -> Option<Timestamp> {
        self.created_date_time.or_else(|| named_day(self.secure_score_id.as_deref()?))
    }
}
