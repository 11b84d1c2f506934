//! Digests folded into the answers served over HTTP; never calls Microsoft.
//!
//! Everything here is a pure function of the newest complete snapshots and the time.

mod assessments;
mod cloud_apps;
mod compliance;
mod controls;
mod counts;
mod entries;
mod estimated_scores;
mod freshness;
mod given_up;
mod health;
mod history;
mod improvement;
mod open;
mod outside;
mod portfolio;
mod posture;
mod rated;
mod score;
mod score_days;
mod secure_score;
mod table;
mod vulnerability_list;

pub use assessments::{
    Applied, DeviceConfigurations, DeviceSoftware, DeviceVulnerabilities, apply_changes,
};
pub use cloud_apps::{AppDetail, CloudApps, apps};
pub use compliance::{Compliance, Standard, SubscriptionStandard, compliance_list};
pub use controls::{ControlDetail, ControlState, PointsOfDay, control, controls};
pub use counts::{
    Age, Devices, Recommendations, Vulnerabilities, VulnerabilityLink, recommendation_list,
};
pub use entries::{Alert, Incident, alert_list, incident_list};
pub use estimated_scores::EstimatedScores;
pub use freshness::{Freshness, Listed};
pub use given_up::{GivenUp, QueueHealth};
pub use health::{
    Health, SourceHealth, SourceStatus, Status, TenantHealth, health, health_of, tenant_health,
};
pub use history::{History, history};
pub use improvement::{ImprovementAction, improvement_list};
pub use open::Open;
pub use outside::{Join, Outside, Probability, Ranked};
pub use portfolio::{ChangeOfTenant, Order, PortfolioEntry, portfolio};
pub use posture::{Driver, Posture, ScoreNow, TenantStanding, TenantState, standing};
pub use rated::{RatedRecommendation, Worst};
pub use score::{AzureScore, Change, Changes, Score};
pub use score_days::{ControlPoints, DayOfScore, ScoreOfDay, score_days, score_of_day};
pub use secure_score::{Category, Comparison, Seats, SecureScore};
pub use table::lines;
pub use vulnerability_list::{ExposedVulnerability, vulnerability_list};

use std::sync::Arc;

use crate::schema;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::digest::{Digest, Kind, Latest};

/// What a snapshot may be late by, beyond two of its source's intervals, before it is stale.
///
/// One interval is the wait for the next run, a second one a run that failed and is made up for by
/// the one after; the hour is queueing and throttling.
const GRACE: SignedDuration = SignedDuration::from_hours(1);

/// What is known of one source of one tenant when the summary is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The source's name.
    pub source: &'static str,
    /// What it holds, in a few words.
    pub about: &'static str,
    /// What its records are folded into.
    pub kind: Kind,
    /// How often it is collected.
    pub every: SignedDuration,
    /// Its newest complete snapshot.
    pub latest: Option<Arc<Latest>>,
    /// Why there is no snapshot, or why it isn't renewed, with the advice of the refusal.
    pub reason: Option<String>,
    /// Of a full source with changes: those applied, see [`apply_changes`].
    pub applied: Option<Applied>,
    /// Whether the tenant or its cloud has no such data, as the reason says.
    pub unavailable: bool,
}

impl Known {
    /// The newest snapshot, where its digest is of the source's kind.
    fn snapshot(&self) -> Option<&Latest> {
        self.latest.as_deref().filter(|latest| latest.digest.kind() == self.kind)
    }

    fn freshness(&self, latest: &Latest, now: Timestamp) -> Freshness {
        let age = now.duration_since(latest.began).max(SignedDuration::ZERO);
        let allowed = self.every.saturating_mul(2).saturating_add(GRACE);
        Freshness { collected: latest.began, stale: age > allowed, age_seconds: age.as_secs() }
    }
}

/// The security posture of one tenant.
///
/// A part whose source has no snapshot is null, and its source is listed in `missing`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Whose posture.
    pub tenant: Tenant,
    /// When the summary was made.
    #[schemars(with = "schema::Timestamp")]
    pub generated: Timestamp,
    /// Microsoft Secure Score.
    pub secure_score: Option<SecureScore>,
    /// What of it is planned, achievable and within the licences, as estimated here.
    pub estimated_scores: Option<EstimatedScores>,
    /// The ten improvement actions with the most points to gain.
    pub improvement_actions: Vec<ImprovementAction>,
    /// Exposure score.
    pub exposure_score: Option<Score>,
    /// Microsoft Secure Score for Devices.
    pub device_secure_score: Option<Score>,
    /// Secure score of Defender for Cloud.
    pub azure_score: Option<AzureScore>,
    /// Regulatory compliance of the Azure subscriptions.
    pub compliance: Option<Compliance>,
    /// Vulnerabilities with exposed machines.
    pub vulnerabilities: Option<Vulnerabilities>,
    /// Vulnerabilities of each software on each device: the full with the changes applied.
    pub device_vulnerabilities: Option<DeviceVulnerabilities>,
    /// Secure settings of each device.
    pub device_configurations: Option<DeviceConfigurations>,
    /// Software on each device.
    pub device_software: Option<DeviceSoftware>,
    /// Devices by risk, exposure and health.
    pub devices: Option<Devices>,
    /// Security recommendations.
    pub recommendations: Option<Recommendations>,
    /// Alerts of all Defender products that are open.
    pub alerts: Option<Open>,
    /// Incidents that are open.
    pub incidents: Option<Open>,
    /// Apps that Cloud Discovery has found in the tenant's traffic.
    pub cloud_apps: Option<CloudApps>,
    /// Sources whose figures are not in here.
    pub missing: Vec<Missing>,
    /// Sources whose figures are.
    pub sources: Vec<SourceState>,
}

/// Whose posture a summary tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// The tenant's id.
    pub id: String,
    /// The tenant's name.
    pub name: String,
    /// The portal, opened in this tenant.
    pub portal_url: String,
}

/// A source whose figures a summary lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Missing {
    /// The source's name.
    pub source: String,
    /// What it holds.
    pub about: String,
    /// Why it is missing and what to do.
    pub reason: String,
}

/// A source whose figures a summary holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceState {
    /// The source's name.
    pub source: String,
    /// The run that collected it.
    pub run: String,
    /// Records of that run.
    pub records: u64,
    /// How old they are.
    #[serde(flatten)]
    pub freshness: Freshness,
    /// Why it isn't renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The posture of a tenant, out of what is `known` of its sources at `now`.
///
/// `portal` is the origin of the tenant's cloud, such as `https://security.microsoft.com`. A source
/// that isn't in `known` is neither shown nor missed.
pub fn summary(
    tenant: &str,
    tenant_name: &str,
    portal: &str,
    known: &[Known],
    now: Timestamp,
) -> Summary {
    let portal = portal.trim_end_matches('/');
    let seen = Seen { known, now };
    Summary {
        tenant: Tenant {
            id: tenant.to_owned(),
            name: tenant_name.to_owned(),
            portal_url: format!("{portal}/?tid={tenant}"),
        },
        generated: now,
        secure_score: secure_score::secure_score(&seen),
        estimated_scores: estimated_scores::estimated_scores(&seen),
        improvement_actions: improvement::improvement_actions(&seen),
        exposure_score: score::exposure_score(&seen),
        device_secure_score: score::device_secure_score(&seen),
        azure_score: score::azure_score(&seen),
        compliance: compliance::compliance(&seen),
        vulnerabilities: counts::vulnerabilities(&seen, portal, tenant),
        device_vulnerabilities: assessments::device_vulnerabilities(&seen),
        device_configurations: assessments::device_configurations(&seen),
        device_software: assessments::device_software(&seen),
        devices: counts::devices(&seen),
        recommendations: counts::recommendations(&seen),
        alerts: open::alerts(&seen),
        incidents: open::incidents(&seen),
        cloud_apps: cloud_apps::cloud_apps(&seen),
        missing: known.iter().filter_map(missing).collect(),
        sources: known.iter().filter_map(|known| state(known, now)).collect(),
    }
}

/// What the parts of a summary are made of.
struct Seen<'a> {
    known: &'a [Known],
    now: Timestamp,
}

impl Seen<'_> {
    /// The newest digest of a kind, and how old it is.
    fn digest(&self, kind: Kind) -> Option<(&Digest, Freshness)> {
        self.latest(kind).map(|(latest, freshness)| (&latest.digest, freshness))
    }

    /// The runs of the newest snapshots of these kinds, as far as there are any.
    fn runs(&self, kinds: &[Kind]) -> String {
        let runs = kinds.iter().filter_map(|kind| Some(self.latest(*kind)?.0.run.as_str()));
        runs.collect::<Vec<_>>().join("+")
    }

    /// The newest snapshot of a kind, and how old it is.
    fn latest(&self, kind: Kind) -> Option<(&Latest, Freshness)> {
        let mut of_kind = self.known.iter().filter(|known| known.kind == kind);
        of_kind.find_map(|known| {
            let latest = known.snapshot()?;
            Some((latest, known.freshness(latest, self.now)))
        })
    }
}

fn missing(known: &Known) -> Option<Missing> {
    let why = match known.snapshot() {
        None if known.latest.is_some() => {
            "kept in the form of an earlier release: the next run renews it"
        }
        None => "not collected yet: the next timer run plans it",
        Some(latest) if holds_nothing(&latest.digest) => {
            "the service answered without a score: open the portal to see whether it shows one"
        }
        Some(_) => return None,
    };
    Some(Missing {
        source: known.source.to_owned(),
        about: known.about.to_owned(),
        reason: known.reason.clone().unwrap_or_else(|| why.to_owned()),
    })
}

/// Whether a digest of scores has none, as in a tenant without the licence.
fn holds_nothing(digest: &Digest) -> bool {
    match digest {
        Digest::SecureScores(scores) => scores.newest().is_none(),
        Digest::ExposureScore(score) | Digest::DeviceSecureScore(score) => score.newest().is_none(),
        Digest::AzureScores(scores) => scores.subscriptions.is_empty(),
        _ => false,
    }
}

fn state(known: &Known, now: Timestamp) -> Option<SourceState> {
    let latest = known.snapshot()?;
    Some(SourceState {
        source: known.source.to_owned(),
        run: latest.run.clone(),
        records: latest.records,
        freshness: known.freshness(latest, now),
        reason: known.reason.clone(),
    })
}

/// A derived figure to two decimals.
fn rounded(figure: f64) -> f64 {
    // Adding zero turns -0 into 0.
    (figure * 100.0).round() / 100.0 + 0.0
}

/// `part` of `whole` in percent; `None` where there is no whole.
fn percent(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| 100.0 * part / whole)
}

#[cfg(test)]
mod tests;
