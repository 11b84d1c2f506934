//! Controls of the Secure Score: what each is, and how far it is carried out.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::schema;
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::secure_score::{controls as scored, profiles};
use super::{Freshness, Known, Listed, Seen, percent, rounded};
use crate::digest::{Control, Digest, Kind, Profile, category_of};

/// A control with its profile and its points on the newest day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlState {
    /// Its id, as `controlScores` name it.
    pub id: String,
    /// What to do, in a few words; null without a profile.
    pub title: Option<String>,
    /// `Identity`, `Device`, `Apps`, `Data`, `Infrastructure`, or one not documented.
    pub category: String,
    /// The product, such as `AzureAD` or `MDATP`.
    pub service: Option<String>,
    /// `Core`, `Defense in Depth` or `Advanced`.
    pub tier: Option<String>,
    /// `Default`, `Ignored`, `ThirdParty` or `Reviewed`, as the service spells it; null without a profile.
    pub state: Option<String>,
    /// Whether somebody is assigned to it.
    pub assigned: bool,
    /// Whether it was scored on the newest day: what doesn't apply to the tenant is not.
    pub scored: bool,
    /// Points reached, to two decimals.
    pub points: Option<f64>,
    /// Points that it is worth.
    pub maximum: Option<f64>,
    /// Points to gain, to two decimals.
    pub remaining: Option<f64>,
    /// Share of its points that is reached, 0 to 100, to two decimals.
    pub percent: Option<f64>,
    /// Microsoft's own ranking, 1 first.
    pub rank: Option<u64>,
    /// What carrying it out costs: `Low`, `Moderate`, `High` or `Unknown`.
    pub cost: Option<String>,
    /// What users notice of it: `Low`, `Moderate`, `High` or `Unknown`.
    pub user_impact: Option<String>,
    /// No longer counted, though still listed.
    pub deprecated: bool,
}

/// A control with how to carry it out, and its points over time.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlDetail {
    /// The control.
    #[serde(flatten)]
    pub control: ControlState,
    /// How to carry it out: plain text, at most 1,000 characters; escape it before showing it as HTML.
    pub remediation: Option<String>,
    /// Where to carry it out, as Microsoft gives it.
    pub url: Option<String>,
    /// Its points on each of the last 100 days on which it was scored, oldest first.
    pub history: Vec<PointsOfDay>,
    /// How old it is.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// A control's points on a day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PointsOfDay {
    /// The day, in UTC.
    #[schemars(with = "schema::Date")]
    pub day: Date,
    /// Points reached, to two decimals.
    pub points: f64,
}

/// What is known of controls.
struct Joined<'a> {
    profiles: Option<&'a BTreeMap<String, Profile>>,
    scored: Option<&'a BTreeMap<String, Control>>,
    freshness: Freshness,
}

/// Every control that has a profile or was scored on the newest day, those with the most points to gain
/// first; nothing where neither was ever collected.
pub fn controls(known: &[Known], now: Timestamp) -> Option<Listed<ControlState>> {
    let seen = Seen { known, now };
    let joined = joined(&seen)?;
    let profiled = joined.profiles.into_iter().flat_map(BTreeMap::keys);
    let ids: BTreeSet<&String> =
        profiled.chain(joined.scored.into_iter().flat_map(BTreeMap::keys)).collect();
    let mut items: Vec<_> = ids.into_iter().map(|id| joined.state(id)).collect();
    items.sort_by(order);
    let of = seen.runs(&[Kind::SecureScores, Kind::SecureScoreControls, Kind::ControlProfiles]);
    Some(Listed { items, of, freshness: joined.freshness, note: None })
}

/// One control, its id in any letter case; nothing where there is none.
pub fn control(known: &[Known], now: Timestamp, id: &str) -> Option<ControlDetail> {
    let seen = Seen { known, now };
    let joined = joined(&seen)?;
    let same = |own: &&String| own.eq_ignore_ascii_case(id);
    let profiled = joined.profiles.and_then(|all| all.keys().find(same));
    let id = profiled.or_else(|| joined.scored?.keys().find(same))?;
    let profile = joined.profiles.and_then(|all| all.get(id));
    let history = match seen.digest(Kind::SecureScores) {
        Some((Digest::SecureScores(scores), _)) => scores.points.of_control(id),
        _ => Vec::new(),
    };
    Some(ControlDetail {
        control: joined.state(id),
        remediation: profile.and_then(|profile| profile.remediation.clone()),
        url: profile.and_then(|profile| profile.action_url.clone()),
        history: history.into_iter().map(|(day, points)| PointsOfDay { day, points }).collect(),
        freshness: joined.freshness,
    })
}

fn joined<'a>(seen: &'a Seen) -> Option<Joined<'a>> {
    let (profiles, scored) = (profiles(seen), scored(seen));
    let freshness = match (&profiles, &scored) {
        (Some((_, one)), Some((_, other))) => one.with(*other),
        (Some((_, only)), None) | (None, Some((_, only))) => *only,
        (None, None) => return None,
    };
    Some(Joined {
        profiles: profiles.map(|(all, _)| &all.profiles),
        scored: scored.map(|(all, _)| all),
        freshness,
    })
}

impl Joined<'_> {
    fn state(&self, id: &str) -> ControlState {
        let profile = self.profiles.and_then(|all| all.get(id));
        let control = self.scored.and_then(|all| all.get(id));
        let points = control.and_then(|control| control.score);
        let maximum = profile.and_then(|profile| profile.max_score);
        let both = points.zip(maximum);
        let category = match control {
            Some(control) => category_of(control, profile),
            None => profile.and_then(|own| own.category.as_deref()).unwrap_or("Unknown"),
        };
        let known = profile.cloned().unwrap_or_default();
        ControlState {
            id: id.to_owned(),
            category: category.to_owned(),
            title: known.title,
            service: known.service,
            tier: known.tier,
            state: profile.map(|profile| profile.state.clone()),
            assigned: known.assigned,
            scored: points.is_some(),
            points: points.map(rounded),
            maximum,
            remaining: both.map(|(points, maximum)| rounded((maximum - points).max(0.0))),
            percent: both.and_then(|(points, whole)| percent(points, whole)).map(rounded),
            rank: known.rank,
            cost: known.cost,
            user_impact: known.user_impact,
            deprecated: known.deprecated,
        }
    }
}

/// The most points to gain first, then by Microsoft's ranking and id.
fn order(one: &ControlState, other: &ControlState) -> Ordering {
    let remaining = |control: &ControlState| control.remaining.unwrap_or(-1.0);
    let rank = |control: &ControlState| control.rank.unwrap_or(u64::MAX);
    (remaining(other).total_cmp(&remaining(one)))
        .then_with(|| rank(one).cmp(&rank(other)))
        .then_with(|| one.id.cmp(&other.id))
}
