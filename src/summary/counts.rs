//! Counts of vulnerabilities, devices and recommendations.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::rated::Rater;
use super::{Freshness, Known, Listed, RatedRecommendation, Seen};
use crate::digest::{Digest, Kind, Severities, Tally, Vulnerability};

/// Vulnerabilities that machines of the tenant are exposed to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Vulnerabilities {
    /// Those with exposed machines, by severity.
    pub exposed_by_severity: Severities,
    /// Those with exposed machines and a public exploit, by severity.
    pub with_public_exploit: Severities,
    /// Those with exposed machines, by how long ago they were published, newest first.
    pub exposed_by_age: Vec<Age>,
    /// Those with exposed machines.
    pub exposed: u64,
    /// All that the service knows, most of them without an exposed machine.
    pub known: u64,
    /// The ten with the most exposed machines.
    pub top: Vec<VulnerabilityLink>,
    /// The ten with the highest risk, with what that is made of.
    pub risk_order: Vec<super::Ranked>,
    /// How old they are.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// Vulnerabilities of an age.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Age {
    /// `this or last month`, `2 to 3 months`, `4 to 12 months`, `over a year`, `unknown`, by calendar
    /// month.
    pub age: &'static str,
    /// How many, by severity.
    pub by_severity: Severities,
}

/// Ages, each with the most months that it spans.
const AGES: [(&str, i64); 4] = [
    ("this or last month", 1),
    ("2 to 3 months", 3),
    ("4 to 12 months", 12),
    ("over a year", i64::MAX),
];

fn by_age(by_month: &BTreeMap<String, Severities>, now: Timestamp) -> Vec<Age> {
    let now = months(&now.strftime("%Y-%m").to_string()).unwrap_or(0);
    let mut ages = AGES.map(|(age, _)| Age { age, by_severity: Severities::default() }).to_vec();
    ages.push(Age { age: "unknown", by_severity: Severities::default() });
    for (month, counts) in by_month {
        let old = months(month).map(|month| now - month);
        let place = old.and_then(|old| AGES.iter().position(|(_, most)| old <= *most));
        if let Some(age) = ages.get_mut(place.unwrap_or(AGES.len())) {
            age.by_severity += *counts;
        }
    }
    ages
}

/// Months since the year 0.
fn months(text: &str) -> Option<i64> {
    let (year, month) = text.split_once('-')?;
    Some(12 * year.parse::<i64>().ok()? + month.parse::<i64>().ok()?)
}

/// A vulnerability with its page in the portal.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VulnerabilityLink {
    /// The vulnerability.
    #[serde(flatten)]
    pub vulnerability: Vulnerability,
    /// Its page, opened in the tenant; only for CVE ids.
    pub url: Option<String>,
}

/// Devices of the tenant.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Devices {
    /// All of them.
    pub total: u64,
    /// By risk: `None`, `Informational`, `Low`, `Medium`, `High`, `Unknown`.
    pub by_risk: Tally,
    /// By exposure level: `None`, `Low`, `Medium`, `High`, `Unknown`.
    pub by_exposure_level: Tally,
    /// By risk, then by exposure level.
    pub by_risk_and_exposure: BTreeMap<String, Tally>,
    /// By health of the sensor.
    pub by_health: Tally,
    /// By onboarding status.
    pub by_onboarding: Tally,
    /// How old they are.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// Security recommendations of the tenant.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recommendations {
    /// Those to carry out.
    pub active: u64,
    /// All of them, exceptions included.
    pub total: u64,
    /// Active ones by remediation type.
    pub by_remediation_type: Tally,
    /// Active ones against a vulnerability with a public exploit.
    pub with_public_exploit: u64,
    /// The ten active ones with the highest exposure impact.
    pub top: Vec<RatedRecommendation>,
    /// How old they are.
    #[serde(flatten)]
    pub freshness: Freshness,
}

pub(super) fn vulnerabilities(seen: &Seen, portal: &str, tenant: &str) -> Option<Vulnerabilities> {
    let (Digest::Vulnerabilities(fold), freshness) = seen.digest(Kind::Vulnerabilities)? else {
        return None;
    };
    let linked = |vulnerability: &Vulnerability| VulnerabilityLink {
        url: page(&vulnerability.id, portal, tenant),
        vulnerability: vulnerability.clone(),
    };
    Some(Vulnerabilities {
        exposed_by_severity: fold.exposed,
        with_public_exploit: fold.with_public_exploit,
        exposed_by_age: by_age(&fold.by_month, seen.now),
        exposed: fold.exposed.total(),
        known: fold.known,
        top: fold.top.iter().map(linked).collect(),
        risk_order: super::Join::of(seen.known).ranked(),
        freshness,
    })
}

pub(super) fn devices(seen: &Seen) -> Option<Devices> {
    let (Digest::Devices(fold), freshness) = seen.digest(Kind::Devices)? else {
        return None;
    };
    Some(Devices {
        total: fold.total,
        by_risk: fold.by_risk.clone(),
        by_exposure_level: fold.by_exposure_level.clone(),
        by_risk_and_exposure: fold.by_risk_and_exposure.clone(),
        by_health: fold.by_health.clone(),
        by_onboarding: fold.by_onboarding.clone(),
        freshness,
    })
}

pub(super) fn recommendations(seen: &Seen) -> Option<Recommendations> {
    let (Digest::Recommendations(fold), freshness) = seen.digest(Kind::Recommendations)? else {
        return None;
    };
    let mut rater = Rater::of(seen.known);
    Some(Recommendations {
        active: fold.active,
        total: fold.total,
        by_remediation_type: fold.by_remediation_type.clone(),
        with_public_exploit: fold.with_public_exploit,
        top: fold.top.iter().map(|one| rater.rate(one)).collect(),
        freshness,
    })
}

/// Recommendations in the order of their exposure impact, active ones before exceptions; nothing where
/// they were never collected.
pub fn recommendation_list(known: &[Known], now: Timestamp) -> Option<Listed<RatedRecommendation>> {
    let seen = Seen { known, now };
    let (latest, freshness) = seen.latest(Kind::Recommendations)?;
    let Digest::Recommendations(fold) = &latest.digest else { return None };
    // A digest of an older form has the ten alone.
    let kept = if fold.list.is_empty() { &fold.top } else { &fold.list };
    let mut rater = Rater::of(known);
    let items: Vec<_> = kept.iter().map(|one| rater.rate(one)).collect();
    let more = (fold.total > items.len() as u64)
        .then(|| format!("the {} of {} with the highest impact are kept", items.len(), fold.total));
    let notes: Vec<_> = more.into_iter().chain(rater.note()).collect();
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    Some(Listed { items, of: latest.run.clone(), freshness, note })
}

/// A vulnerability's page in the portal; ids that aren't a CVE's have none that is known.
fn page(id: &str, portal: &str, tenant: &str) -> Option<String> {
    let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (id.starts_with("CVE-") && is_plain)
        .then(|| format!("{portal}/vulnerabilities/vulnerability/{id}/overview?tid={tenant}"))
}
