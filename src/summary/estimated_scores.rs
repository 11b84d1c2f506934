//! Planned, achievable and current-licence score: ours, and marked so.

use schemars::JsonSchema;
use serde::Serialize;

use super::secure_score::{controls, profiles};
use super::{Freshness, Seen};
use crate::digest::{self, Digest, Estimate, Kind};

/// What of the Secure Score is planned, achievable and within the licences.
///
/// Microsoft gives no such figures: they follow from its figures by `formula`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EstimatedScores {
    /// Always true: no figure of Microsoft's.
    pub estimated: bool,
    /// How they are made.
    pub formula: &'static str,
    /// What they are counted in.
    pub unit: &'static str,
    /// The figures.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// How old they are: as the older of score and profiles.
    #[serde(flatten)]
    pub freshness: Freshness,
}

pub(super) fn estimated_scores(seen: &Seen) -> Option<EstimatedScores> {
    let (Digest::SecureScores(scores), of_scores) = seen.digest(Kind::SecureScores)? else {
        return None;
    };
    let (day, newest) = scores.newest()?;
    let (controls, of_controls) = controls(seen)?;
    let (profiles, of_profiles) = profiles(seen)?;
    Some(EstimatedScores {
        estimated: true,
        formula: digest::FORMULA,
        unit: "points",
        estimate: digest::estimate(day, newest.current?, controls, profiles)?,
        freshness: of_scores.with(of_controls).with(of_profiles),
    })
}
