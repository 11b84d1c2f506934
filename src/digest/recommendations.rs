//! Security recommendations: how many, and those that lower the exposure most.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tally::{Ranked, rank, rank_of};
use super::{Tally, lenient};

/// Recommendations that are kept; with them the digest stays below 2 MB.
const MAX_KEPT: usize = 1_000;

/// Longest text of a kept one, in bytes.
const MAX_BYTES: usize = 160;

/// Counts of recommendations, and those with the highest exposure impact.
///
/// A record that comes twice counts twice; it stands in the lists once.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-all-recommendations>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Recommendations {
    /// All of them, exceptions included.
    pub total: u64,
    /// Those to carry out: status `Active` or none.
    pub active: u64,
    /// Active ones by remediation type.
    pub by_remediation_type: Tally,
    /// Active ones against a vulnerability with a public exploit.
    pub with_public_exploit: u64,
    /// The ten active ones with the highest exposure impact.
    pub top: Vec<Recommendation>,
    /// The thousand with the highest exposure impact, active ones before exceptions.
    pub list: Vec<Recommendation>,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// What is kept of a recommendation in the lists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Recommendation {
    /// `va-_-{vendor}-_-{product}` or `sca-_-scid-{number}`.
    pub id: String,
    /// What to do, in a few words.
    pub name: Option<String>,
    /// The product it concerns.
    pub product: Option<String>,
    /// The product's vendor.
    pub vendor: Option<String>,
    /// 1 to 10 for settings, 0 for updates.
    pub severity_score: Option<f64>,
    /// Points that the exposure score would fall by.
    pub exposure_impact: Option<f64>,
    /// Points that the Secure Score for Devices would rise by.
    pub config_score_impact: Option<f64>,
    /// Devices it concerns.
    pub exposed_machines: Option<u64>,
    /// Devices looked at; may be 0.
    pub total_machines: Option<u64>,
    /// Whether a vulnerability behind it has a public exploit.
    pub public_exploit: bool,
    /// `ConfigurationChange`, `Update`, `Upgrade`, `Uninstall`, or one not documented.
    pub remediation_type: Option<String>,
    /// `Active`, `Exception`, or one not documented.
    pub status: Option<String>,
    /// `Accounts`, `Application`, `Network`, `OS`, `SecurityControls`, or one not documented.
    pub category: Option<String>,
    /// A finer category.
    pub sub_category: Option<String>,
    /// Known weaknesses of the product.
    pub weaknesses: Option<u64>,
    /// The version to update to.
    pub recommended_version: Option<String>,
    /// Whether an alert is connected with it.
    pub active_alert: bool,
}

impl Recommendation {
    /// Whether it is to be carried out: status `Active` or none.
    pub fn is_active(&self) -> bool {
        is_active(self.status.as_deref())
    }

    /// Whether it updates something of which Defender knows no weakness.
    pub fn has_no_weakness(&self) -> bool {
        self.weaknesses == Some(0) && self.id.starts_with("va-_-")
    }
}

fn is_active(status: Option<&str>) -> bool {
    status.is_none_or(|status| status.eq_ignore_ascii_case("active"))
}

/// Active ones before others, whose impact is never near a million; then by impact and machines.
fn weight(status: Option<&str>, impact: Option<f64>, machines: Option<u64>) -> (f64, f64) {
    let first = if is_active(status) { 1e6 } else { 0.0 };
    (first + impact.unwrap_or(0.0), machines.unwrap_or(0) as f64)
}

impl Recommendations {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let record: Record = lenient::record(line)?;
        self.total += 1;
        let is_active = is_active(record.status.as_deref());
        if is_active {
            self.active += 1;
            self.by_remediation_type.add(record.remediation_type.as_deref());
            self.with_public_exploit += u64::from(record.public_exploit == Some(true));
        }
        let Some(id) = record.id.as_deref() else { return Some(()) };
        let id = lenient::cut_bytes(id, MAX_BYTES);
        let weight = record.weight();
        rank_of(&mut self.list, MAX_KEPT, id, weight, || record.kept(id));
        if is_active {
            rank(&mut self.top, id, weight, || record.kept(id));
        }
        Some(())
    }
}

impl Ranked for Recommendation {
    fn id(&self) -> &str {
        &self.id
    }

    fn weight(&self) -> (f64, f64) {
        weight(self.status.as_deref(), self.exposure_impact, self.exposed_machines)
    }
}

impl Record<'_> {
    fn weight(&self) -> (f64, f64) {
        weight(self.status.as_deref(), self.exposure_impact, self.exposed_machines_count)
    }

    fn kept(&self, id: &str) -> Recommendation {
        let text = |text: &Option<Cow<str>>| {
            text.as_deref().map(|text| lenient::cut_bytes(text, MAX_BYTES).to_owned())
        };
        Recommendation {
            id: id.to_owned(),
            name: text(&self.recommendation_name),
            product: text(&self.product_name),
            vendor: text(&self.vendor),
            severity_score: self.severity_score,
            exposure_impact: self.exposure_impact,
            config_score_impact: self.config_score_impact,
            exposed_machines: self.exposed_machines_count,
            total_machines: self.total_machine_count,
            public_exploit: self.public_exploit.unwrap_or(false),
            remediation_type: text(&self.remediation_type),
            status: text(&self.status),
            category: text(&self.recommendation_category),
            sub_category: text(&self.sub_category),
            weaknesses: self.weaknesses,
            recommended_version: text(&self.recommended_version),
            active_alert: self.active_alert.unwrap_or(false),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    recommendation_name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    product_name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    vendor: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::number")]
    severity_score: Option<f64>,
    #[serde(deserialize_with = "lenient::number")]
    exposure_impact: Option<f64>,
    #[serde(deserialize_with = "lenient::number")]
    config_score_impact: Option<f64>,
    #[serde(deserialize_with = "lenient::count")]
    exposed_machines_count: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    total_machine_count: Option<u64>,
    #[serde(deserialize_with = "lenient::flag")]
    public_exploit: Option<bool>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    remediation_type: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    status: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    recommendation_category: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    sub_category: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    recommended_version: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::count")]
    weaknesses: Option<u64>,
    #[serde(deserialize_with = "lenient::flag")]
    active_alert: Option<bool>,
}
