//! A tenant's line in a portfolio: how it stands, how it changed, and what a drop is made of.

use std::collections::BTreeMap;

use crate::schema;
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::health::{SourceHealth, SourceStatus, TenantHealth, tenant_health};
use super::score::{Change, Changes};
use super::secure_score::{profiles, secure_score};
use super::{Known, Seen, open, rounded, score};
use crate::digest::{Digest, Kind, SecureScores};

/// Controls that are named for a drop.
const MAX_DRIVERS: usize = 5;

/// What is kept in memory of a tenant for answers about many: a few kilobytes, whatever its size.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantStanding {
    /// Its sources that are collected.
    pub health: TenantHealth,
    /// Its posture.
    pub posture: Posture,
}

/// The figures of a tenant that a portfolio compares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Posture {
    /// Secure Score of the newest day.
    pub secure_score: Option<ScoreNow>,
    /// How it changed.
    pub change: Changes,
    /// What each drop is made of, over as many days.
    pub drivers: BTreeMap<u16, Vec<Driver>>,
    /// Exposure score, 0 to 100, high is bad.
    pub exposure_score: Option<f64>,
    /// Secure score of Defender for Cloud, in percent.
    pub azure_percent: Option<f64>,
    /// Open alerts of high severity.
    pub high_alerts: Option<u64>,
    /// Open incidents.
    pub incidents: Option<u64>,
}

/// The Secure Score of a tenant's newest day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ScoreNow {
    /// Points reached.
    pub current: f64,
    /// Points that can be reached.
    pub maximum: Option<f64>,
    /// Share of the maximum, 0 to 100, to two decimals: what tenants are compared by.
    pub percent: Option<f64>,
    /// The day, in UTC.
    #[schemars(with = "schema::Date")]
    pub day: Date,
}

/// A control that lost points between the days compared.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Driver {
    /// The control's id.
    pub control_id: String,
    /// What to do, in a few words; null without a profile.
    pub title: Option<String>,
    /// Points on the earlier day, to two decimals.
    pub before: f64,
    /// Points on the newest day; null where it is no longer scored.
    pub now: Option<f64>,
    /// Points lost, to two decimals.
    pub lost: f64,
}

/// The state of a tenant, the one that needs somebody most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TenantState {
    /// A source is refused: an administrator's turn.
    Broken,
    /// A source is older than two of its intervals and an hour, or was never collected.
    Stale,
    /// Every source is fresh.
    Fresh,
    /// Nothing was collected yet.
    Starting,
    /// It isn't collected any more.
    Disabled,
}

/// What is kept of a tenant, out of all that is `known` of it; `collects` tells the sources that are.
pub fn standing(
    (id, name): (&str, &str),
    known: &[Known],
    collects: impl Fn(&str) -> bool,
    now: Timestamp,
) -> TenantStanding {
    let collected: Vec<_> = known.iter().filter(|known| collects(known.source)).cloned().collect();
    TenantStanding {
        health: tenant_health(id, name, &collected, now),
        posture: posture(&Seen { known, now }),
    }
}

impl TenantStanding {
    /// The state of the tenant as its sources have it.
    pub fn state(&self, enabled: bool) -> TenantState {
        let statuses = self.health.sources.iter().map(|source| source.status);
        let mut sources = statuses.filter(|status| *status != SourceStatus::Unavailable);
        let counts = |status: SourceStatus| self.of(status).count();
        match () {
            () if !enabled => TenantState::Disabled,
            () if counts(SourceStatus::Refused) > 0 => TenantState::Broken,
            () if sources.all(|status| status == SourceStatus::Missing) => TenantState::Starting,
            () if counts(SourceStatus::Stale) + counts(SourceStatus::Missing) > 0 => {
                TenantState::Stale
            }
            () => TenantState::Fresh,
        }
    }

    /// Its sources with that status.
    pub fn of(&self, status: SourceStatus) -> impl Iterator<Item = &SourceHealth> {
        self.health.sources.iter().filter(move |source| source.status == status)
    }
}

pub(super) fn posture(seen: &Seen) -> Posture {
    let score = secure_score(seen);
    let day = |at: Timestamp| jiff::tz::TimeZone::UTC.to_datetime(at).date();
    let change = score.as_ref().map(|score| score.change.clone()).unwrap_or_default();
    Posture {
        drivers: drivers(seen, &change),
        change,
        secure_score: score.map(|score| ScoreNow {
            current: score.current,
            maximum: score.maximum,
            percent: score.percent,
            day: day(score.day),
        }),
        exposure_score: score::exposure_score(seen).map(|score| rounded(score.value)),
        azure_percent: score::azure_score(seen).and_then(|score| score.combined_percent),
        high_alerts: open::alerts(seen).map(|open| open.by_severity.high),
        incidents: open::incidents(seen).map(|open| open.open),
    }
}

fn drivers(seen: &Seen, changes: &Changes) -> BTreeMap<u16, Vec<Driver>> {
    let Some((Digest::SecureScores(scores), _)) = seen.digest(Kind::SecureScores) else {
        return BTreeMap::new();
    };
    let over = |days: u16| Some((days, changes.over(days)?));
    let drops = [1, 7, 30, 90].into_iter().filter_map(over).filter(|(_, of)| of.points < 0.0);
    drops.map(|(days, change)| (days, lost(seen, scores, change))).collect()
}

/// The controls that lost the most points since the day compared with.
fn lost(seen: &Seen, scores: &SecureScores, change: &Change) -> Vec<Driver> {
    let newest = scores.newest().and_then(|(day, _)| scores.points.of_day(day));
    let (Some(now), Some(before)) = (newest, scores.points.of_day(change.from)) else {
        return Vec::new();
    };
    let profiles = profiles(seen).map(|(profiles, _)| &profiles.profiles);
    let driver = |(id, before): (&&str, &f64)| {
        let points = now.get(*id).copied();
        let lost = rounded(before - points.unwrap_or(0.0));
        (lost > 0.0).then(|| Driver {
            control_id: (*id).to_owned(),
            title: profiles.and_then(|all| all.get(*id)?.title.clone()),
            before: *before,
            now: points,
            lost,
        })
    };
    let mut all: Vec<_> = before.iter().filter_map(driver).collect();
    // Stable: equals stay in the order of their ids.
    all.sort_by(|one, other| other.lost.total_cmp(&one.lost));
    all.truncate(MAX_DRIVERS);
    all
}
