//! The improvement actions with the most points to gain.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::Serialize;

use super::secure_score::{controls, profiles};
use super::{Freshness, Known, Listed, Seen, rounded};
use crate::digest::{Control, Kind, Profile};
use jiff::Timestamp;

/// Actions that a summary lists.
const MAX_ACTIONS: usize = 10;

/// States in which somebody decided that nothing is to be done: accepted, or covered by another product.
const DECIDED: [&str; 2] = ["Ignored", "ThirdParty"];

/// Something to carry out that raises the Secure Score.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImprovementAction {
    /// The control's id.
    pub control_id: String,
    /// What to do, in a few words.
    pub title: Option<String>,
    /// Its category.
    pub category: Option<String>,
    /// Points to gain, to two decimals.
    pub points: f64,
    /// Points it is worth.
    pub maximum: f64,
    /// Points reached.
    pub current: f64,
    /// What carrying it out costs: `Low`, `Moderate`, `High` or `Unknown`.
    pub cost: Option<String>,
    /// What users notice of it: `Low`, `Moderate`, `High` or `Unknown`.
    pub user_impact: Option<String>,
    /// `Core`, `Defense in Depth` or `Advanced`.
    pub tier: Option<String>,
    /// How to carry it out: plain text, at most 1,000 characters; escape it before showing it as HTML.
    pub remediation: Option<String>,
    /// Where to carry it out, as Microsoft gives it.
    pub url: Option<String>,
    /// `Default`, `Reviewed`, `Ignored` or `ThirdParty`, as the service spells it.
    pub state: String,
    /// Whether somebody is assigned to it.
    pub assigned: bool,
    /// Microsoft's own ranking, 1 first.
    pub rank: Option<u64>,
    /// How old it is.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// The ten with the most points to gain, in the order of points and then rank.
///
/// Left out are deprecated controls, controls that were not scored on the newest day (they don't
/// apply to the tenant), and those with the state `Ignored` or `ThirdParty`: there, somebody decided
/// that nothing is to be done, and only a new decision would gain points.
pub(super) fn improvement_actions(seen: &Seen) -> Vec<ImprovementAction> {
    let Some((gains, freshness)) = gains(seen) else { return Vec::new() };
    let open = gains.iter().filter(|gain| !gain.is_decided()).take(MAX_ACTIONS);
    open.map(|gain| gain.action(freshness)).collect()
}

/// All of them, those that somebody has decided on included; nothing where score or profiles were never
/// collected.
pub fn improvement_list(known: &[Known], now: Timestamp) -> Option<Listed<ImprovementAction>> {
    let seen = Seen { known, now };
    let (gains, freshness) = gains(&seen)?;
    let items = gains.iter().map(|gain| gain.action(freshness)).collect();
    let of = seen.runs(&[Kind::SecureScores, Kind::SecureScoreControls, Kind::ControlProfiles]);
    Some(Listed { items, of, freshness, note: None })
}

impl ImprovementAction {
    /// Whether somebody decided that nothing is to be done: `Ignored` or `ThirdParty`.
    pub fn is_decided(&self) -> bool {
        DECIDED.iter().any(|state| self.state.eq_ignore_ascii_case(state))
    }
}

/// Controls with points to gain, in order.
fn gains<'a>(seen: &'a Seen) -> Option<(Vec<Gain<'a>>, Freshness)> {
    let (profiles, of_profiles) = profiles(seen)?;
    let (controls, of_controls) = controls(seen)?;
    let joined = controls.iter().filter_map(|(id, control)| {
        let profile = profiles.profiles.get(id)?;
        Gain::of(id, control, profile)
    });
    let mut gains: Vec<Gain> = joined.collect();
    gains.sort_by(Gain::order);
    Some((gains, of_profiles.with(of_controls)))
}

/// A control joined with its profile.
struct Gain<'a> {
    id: &'a str,
    control: &'a Control,
    profile: &'a Profile,
    points: f64,
    maximum: f64,
    current: f64,
}

impl<'a> Gain<'a> {
    /// `None` where there is nothing to gain.
    fn of(id: &'a str, control: &'a Control, profile: &'a Profile) -> Option<Gain<'a>> {
        let (maximum, current) = (profile.max_score?, control.score?);
        let points = rounded(maximum - current);
        let is_open = points > 0.0 && !profile.deprecated;
        is_open.then_some(Gain { id, control, profile, points, maximum, current })
    }

    fn is_decided(&self) -> bool {
        DECIDED.iter().any(|state| self.profile.is(state))
    }

    fn order(&self, other: &Gain) -> Ordering {
        let rank = |gain: &Gain| gain.profile.rank.unwrap_or(u64::MAX);
        (other.points.total_cmp(&self.points))
            .then_with(|| rank(self).cmp(&rank(other)))
            .then_with(|| self.id.cmp(other.id))
    }

    fn action(&self, freshness: Freshness) -> ImprovementAction {
        let profile = self.profile;
        ImprovementAction {
            control_id: self.id.to_owned(),
            title: profile.title.clone(),
            category: profile.category.clone().or_else(|| self.control.category.clone()),
            points: self.points,
            maximum: self.maximum,
            current: self.current,
            cost: profile.cost.clone(),
            user_impact: profile.user_impact.clone(),
            tier: profile.tier.clone(),
            remediation: profile.remediation.clone(),
            url: profile.action_url.clone(),
            state: profile.state.clone(),
            assigned: profile.assigned,
            rank: profile.rank,
            freshness,
        }
    }
}
