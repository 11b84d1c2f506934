//! Many tenants beside one another: ranked by score and by change, those that need somebody first.

use std::cmp::Ordering;

use crate::schema;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::health::SourceStatus;
use super::posture::{Driver, ScoreNow, TenantStanding, TenantState};
use super::score::Change;

/// A tenant in a portfolio.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortfolioEntry {
    /// The tenant's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is broken, stale, fresh, starting or disabled.
    pub state: TenantState,
    /// Sources that an administrator's turn holds up.
    pub refused: usize,
    /// Sources that are too old.
    pub stale: usize,
    /// Sources that were never collected.
    pub missing: usize,
    /// What stands in the way of the first of them, and what to do.
    pub reason: Option<String>,
    /// Its Secure Score.
    pub secure_score: Option<ScoreNow>,
    /// 1 has the highest share of its maximum; null without one.
    pub rank_by_score: Option<usize>,
    /// How the score changed over the days asked for.
    pub change: Option<ChangeOfTenant>,
    /// 1 has risen the most, in percentage points; null where that isn't known.
    pub rank_by_change: Option<usize>,
    /// Where the score fell: the five controls that lost the most points between the days compared.
    pub drivers: Vec<Driver>,
    /// Exposure score, 0 to 100, to two decimals; high is bad.
    pub exposure_score: Option<f64>,
    /// Secure score of Defender for Cloud over all subscriptions, 0 to 100.
    pub azure_percent: Option<f64>,
    /// Open alerts of high severity.
    pub high_alerts: Option<u64>,
    /// Open incidents.
    pub incidents: Option<u64>,
}

/// A change of a tenant's Secure Score.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeOfTenant {
    /// Difference in points, to two decimals; negative where it fell.
    pub points: f64,
    /// Difference of the two days' percentages, to two decimals.
    pub percentage_points: Option<f64>,
    /// The day compared with, in UTC.
    #[schemars(with = "schema::Date")]
    pub from: Date,
}

impl From<&Change> for ChangeOfTenant {
    fn from(change: &Change) -> ChangeOfTenant {
        let Change { points, percentage_points, from } = *change;
        ChangeOfTenant { points, percentage_points, from }
    }
}

/// What a portfolio is ordered by, behind broken and stale tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The lowest share of the maximum first.
    Score,
    /// The deepest fall first.
    Change,
}

/// The tenants, broken ones first, then stale ones, then the others; among each those with the lowest
/// score, or the deepest fall over so many days (1, 7, 30 or 90), first. The flag says whether a tenant is
/// collected.
pub fn portfolio(
    tenants: &[(bool, &TenantStanding)],
    days: u16,
    order: Order,
) -> Vec<PortfolioEntry> {
    let mut entries: Vec<_> =
        tenants.iter().map(|(enabled, of)| PortfolioEntry::of(*enabled, of, days)).collect();
    rank(&mut entries, PortfolioEntry::percent, |entry, rank| entry.rank_by_score = Some(rank));
    rank(&mut entries, PortfolioEntry::rise, |entry, rank| entry.rank_by_change = Some(rank));
    let figure = |entry: &PortfolioEntry| match order {
        Order::Score => entry.percent(),
        Order::Change => entry.rise(),
    };
    entries.sort_by(|one, other| {
        (attention(one).cmp(&attention(other)))
            .then_with(|| lowest_first(figure(one), figure(other)))
            .then_with(|| one.name.cmp(&other.name))
            .then_with(|| one.id.cmp(&other.id))
    });
    entries
}

/// Broken, then stale, then any other.
fn attention(entry: &PortfolioEntry) -> TenantState {
    entry.state.min(TenantState::Fresh)
}

/// Those without a figure come last.
fn lowest_first(one: Option<f64>, other: Option<f64>) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}

/// Gives each entry with a figure its place, the highest figure first; equals share a place.
fn rank(
    entries: &mut [PortfolioEntry],
    figure: impl Fn(&PortfolioEntry) -> Option<f64>,
    give: impl Fn(&mut PortfolioEntry, usize),
) {
    let figures: Vec<_> = entries.iter().filter_map(&figure).collect();
    for entry in entries {
        let Some(own) = figure(entry) else { continue };
        give(entry, 1 + figures.iter().filter(|other| **other > own).count());
    }
}

impl PortfolioEntry {
    fn of(enabled: bool, tenant: &TenantStanding, days: u16) -> PortfolioEntry {
        let TenantStanding { health, posture } = tenant;
        let count = |status| tenant.of(status).count();
        let ways = [SourceStatus::Refused, SourceStatus::Stale, SourceStatus::Missing];
        let reason = ways
            .into_iter()
            .flat_map(|status| tenant.of(status))
            .find_map(|source| Some(format!("{}: {}", source.source, source.reason.as_deref()?)));
        PortfolioEntry {
            id: health.id.clone(),
            name: health.name.clone(),
            state: tenant.state(enabled),
            refused: count(SourceStatus::Refused),
            stale: count(SourceStatus::Stale),
            missing: count(SourceStatus::Missing),
            reason,
            secure_score: posture.secure_score,
            rank_by_score: None,
            change: posture.change.over(days).map(ChangeOfTenant::from),
            rank_by_change: None,
            drivers: posture.drivers.get(&days).cloned().unwrap_or_default(),
            exposure_score: posture.exposure_score,
            azure_percent: posture.azure_percent,
            high_alerts: posture.high_alerts,
            incidents: posture.incidents,
        }
    }

    fn percent(&self) -> Option<f64> {
        self.secure_score?.percent
    }

    fn rise(&self) -> Option<f64> {
        self.change.as_ref()?.percentage_points
    }
}
