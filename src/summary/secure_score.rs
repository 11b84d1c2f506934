//! Microsoft Secure Score: now, over time, by category, and beside others.

use std::collections::BTreeMap;

use crate::schema;
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::score::{Changes, Figure, changes};
use super::{Freshness, Seen, percent, rounded};
use crate::digest::{
    self, CATEGORIES, Control, ControlProfiles, Digest, Kind, Profile, SecureScores, category_of,
};

/// Microsoft Secure Score of the newest day.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecureScore {
    /// Points reached.
    pub current: f64,
    /// Points that can be reached.
    pub maximum: Option<f64>,
    /// Share of the maximum, to two decimals; null where the maximum is 0 or unknown.
    pub percent: Option<f64>,
    /// What it is counted in.
    pub unit: &'static str,
    /// Whether a high score is good or bad.
    pub direction: &'static str,
    /// `createdDateTime` of the newest day.
    #[schemars(with = "schema::Timestamp")]
    pub day: Timestamp,
    /// How it changed, by `createdDateTime`.
    pub change: Changes,
    /// Averages of other organisations.
    pub comparison: Vec<Comparison>,
    /// The five documented categories, then others.
    pub categories: Vec<Category>,
    /// How old it is.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// An average of other organisations, in percent of their maximum: compare it with `percent`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Which organisations: `AllTenants`, `TotalSeats`, `IndustryTypes`, or one not documented.
    pub basis: String,
    /// Their average.
    pub average_percent: f64,
    /// Their size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seats: Option<Seats>,
}

/// How many seats the organisations of a comparison have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Seats {
    /// Fewest.
    pub from: Option<u64>,
    /// Most.
    pub to: Option<u64>,
}

/// The points of a category's controls on the newest day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Category {
    /// `Identity`, `Device`, `Apps`, `Data`, `Infrastructure`, or one not documented.
    pub category: String,
    /// Points reached; null where no control of it was scored.
    pub current: Option<f64>,
    /// Points that can be reached with those of its controls that have a profile.
    pub maximum: Option<f64>,
    /// Share of the maximum, over controls with a profile.
    pub percent: Option<f64>,
}

pub(super) fn secure_score(seen: &Seen) -> Option<SecureScore> {
    let (Digest::SecureScores(scores), freshness) = seen.digest(Kind::SecureScores)? else {
        return None;
    };
    let (_, newest) = scores.newest()?;
    let current = newest.current?;
    Some(SecureScore {
        current,
        maximum: newest.maximum,
        percent: newest.maximum.and_then(|whole| percent(current, whole)).map(rounded),
        unit: "points",
        direction: "high is good",
        day: newest.created,
        change: changes(&figures(scores)),
        comparison: scores.comparisons.iter().map(comparison).collect(),
        categories: categories(
            controls(seen).map(|(controls, _)| controls),
            profiles(seen).map(|(profiles, _)| &profiles.profiles),
        ),
        freshness,
    })
}

/// The newest controls by name, and how old they are: those inside the score, or else those kept apart.
pub(super) fn controls<'a>(seen: &'a Seen) -> Option<(&'a BTreeMap<String, Control>, Freshness)> {
    let inside = match seen.digest(Kind::SecureScores) {
        Some((Digest::SecureScores(scores), freshness)) => Some((&scores.controls, freshness)),
        _ => None,
    };
    let apart = || match seen.digest(Kind::SecureScoreControls) {
        Some((Digest::SecureScoreControls(apart), freshness)) => Some((&apart.controls, freshness)),
        _ => None,
    };
    inside.filter(|(controls, _)| !controls.is_empty()).or_else(apart)
}

/// The profiles of controls, and how old they are.
pub(super) fn profiles<'a>(seen: &'a Seen) -> Option<(&'a ControlProfiles, Freshness)> {
    match seen.digest(Kind::ControlProfiles) {
        Some((Digest::ControlProfiles(profiles), freshness)) => Some((profiles, freshness)),
        _ => None,
    }
}

fn figures(scores: &SecureScores) -> Vec<Figure> {
    let figure = |(day, score): (&Date, &digest::Day)| {
        let points = score.current?;
        let percent = score.maximum.and_then(|whole| percent(points, whole));
        Some(Figure { day: *day, points, percent })
    };
    scores.days.iter().filter_map(figure).collect()
}

fn comparison(kept: &digest::Comparison) -> Comparison {
    let has_seats = kept.seats_from.is_some() || kept.seats_to.is_some();
    Comparison {
        basis: kept.basis.clone(),
        average_percent: kept.average_percent,
        seats: has_seats.then_some(Seats { from: kept.seats_from, to: kept.seats_to }),
    }
}

pub(super) fn categories(
    controls: Option<&BTreeMap<String, Control>>,
    profiles: Option<&BTreeMap<String, Profile>>,
) -> Vec<Category> {
    let named = |name: &str| Sum { category: name.to_owned(), ..Sum::default() };
    let mut sums: Vec<Sum> = CATEGORIES.into_iter().map(named).collect();
    for (name, control) in controls.into_iter().flatten() {
        let profile = profiles.and_then(|profiles| profiles.get(name));
        let category = category_of(control, profile);
        let at = sums.iter().position(|sum| sum.category.eq_ignore_ascii_case(category));
        let at = at.unwrap_or_else(|| {
            sums.push(named(category));
            sums.len() - 1
        });
        sums[at].add(control, profile);
    }
    sums[CATEGORIES.len()..].sort_by(|one, other| one.category.cmp(&other.category));
    sums.into_iter().map(Category::from).collect()
}

/// A category while its controls are added up.
#[derive(Default)]
struct Sum {
    category: String,
    scored: u64,
    current: f64,
    with_profile: u64,
    current_with_profile: f64,
    maximum: f64,
}

impl Sum {
    fn add(&mut self, control: &Control, profile: Option<&Profile>) {
        let Some(score) = control.score else { return };
        self.scored += 1;
        self.current += score;
        if let Some(maximum) = profile.and_then(|profile| profile.max_score) {
            self.with_profile += 1;
            self.current_with_profile += score;
            self.maximum += maximum;
        }
    }
}

impl From<Sum> for Category {
    fn from(sum: Sum) -> Category {
        Category {
            current: (sum.scored > 0).then_some(rounded(sum.current)),
            maximum: (sum.with_profile > 0).then_some(rounded(sum.maximum)),
            percent: percent(sum.current_with_profile, sum.maximum).map(rounded),
            category: sum.category,
        }
    }
}
