//! Devices: how many are at risk, exposed, unhealthy or not onboarded.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::tally::UNKNOWN;
use super::{Tally, lenient};

/// Counts of devices; a record that comes twice counts twice.
///
/// <https://learn.microsoft.com/defender-endpoint/api/machine>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Devices {
    /// All of them.
    pub total: u64,
    /// By `riskScore`: `None`, `Informational`, `Low`, `Medium`, `High`.
    pub by_risk: Tally,
    /// By `exposureLevel`: `None`, `Low`, `Medium`, `High`.
    pub by_exposure_level: Tally,
    /// By `riskScore`, then by `exposureLevel`.
    pub by_risk_and_exposure: BTreeMap<String, Tally>,
    /// By `healthStatus`.
    pub by_health: Tally,
    /// By `onboardingStatus`.
    pub by_onboarding: Tally,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

impl Devices {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let record: Record = lenient::record(line)?;
        self.total += 1;
        self.by_risk.add(record.risk_score.as_deref());
        self.by_exposure_level.add(record.exposure_level.as_deref());
        let risk = record.risk_score.as_deref().unwrap_or(UNKNOWN);
        if self.by_risk.of(risk) > 0 {
            let exposure = self.by_risk_and_exposure.entry(risk.to_owned()).or_default();
            exposure.add(record.exposure_level.as_deref());
        }
        self.by_health.add(record.health_status.as_deref());
        self.by_onboarding.add(record.onboarding_status.as_deref());
        Some(())
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    risk_score: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    exposure_level: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    health_status: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    onboarding_status: Option<Cow<'a, str>>,
}
