//! Security recommendations: how many, and those that lower the exposure most.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tally::{Ranked, rank};
use super::{Tally, lenient};

/// Counts of recommendations, and the ten with the highest exposure impact.
///
/// A record that comes twice counts twice; it stands in the top list once.
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
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// What is kept of a recommendation in the top list.
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
}

impl Recommendations {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let record: Record = lenient::record(line)?;
        self.total += 1;
        let status = record.status.as_deref();
        if status.is_some_and(|status| !status.eq_ignore_ascii_case("active")) {
            return Some(());
        }
        self.active += 1;
        self.by_remediation_type.add(record.remediation_type.as_deref());
        self.with_public_exploit += u64::from(record.public_exploit == Some(true));
        if let Some(id) = record.id.clone() {
            rank(&mut self.top, &id, record.weight(), || record.kept());
        }
        Some(())
    }
}

impl Ranked for Recommendation {
    fn id(&self) -> &str {
        &self.id
    }

    fn weight(&self) -> (f64, f64) {
        (self.exposure_impact.unwrap_or(0.0), self.exposed_machines.unwrap_or(0) as f64)
    }
}

impl Record<'_> {
    fn weight(&self) -> (f64, f64) {
        (self.exposure_impact.unwrap_or(0.0), self.exposed_machines_count.unwrap_or(0) as f64)
    }

    fn kept(self) -> Recommendation {
        let owned = |text: Option<Cow<str>>| text.map(Cow::into_owned);
        Recommendation {
            id: owned(self.id).unwrap_or_default(),
            name: owned(self.recommendation_name),
            product: owned(self.product_name),
            vendor: owned(self.vendor),
            severity_score: self.severity_score,
            exposure_impact: self.exposure_impact,
            config_score_impact: self.config_score_impact,
            exposed_machines: self.exposed_machines_count,
            total_machines: self.total_machine_count,
            public_exploit: self.public_exploit.unwrap_or(false),
            remediation_type: owned(self.remediation_type),
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
}
