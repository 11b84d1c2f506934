//! Settings of a device that fail.

use super::Lookup;
use super::ask::Fold;
use super::gap::Gap;
use crate::digest::lenient;
use crate::source::{DEVICE_CONFIGURATIONS, RECOMMENDATIONS};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Failed settings that an answer names at most.
const MOST_SETTINGS: usize = 20;

/// Settings of a device that fail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// How many.
    pub failed: u64,
    /// Those with the most impact first, 20 at most.
    pub worst: Vec<Setting>,
}

/// A setting that fails.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// Its id, such as `scid-2004`.
    pub id: String,
    /// What it recommends.
    pub name: Option<String>,
    /// `Accounts`, `Network`, `OS`, `Security controls`, ….
    pub category: Option<String>,
    /// How much it weighs, 1 to 10.
    pub impact: Option<f64>,
}

impl Settings {
    fn take(&mut self, one: Setting) {
        self.failed += 1;
        let weighs_less = |other: &Setting| other.impact < one.impact;
        let place = self.worst.partition_point(|other| !weighs_less(other));
        if place < MOST_SETTINGS {
            self.worst.insert(place, one);
            self.worst.truncate(MOST_SETTINGS);
        }
    }
}

/// <https://learn.microsoft.com/defender-endpoint/api/get-security-recommendations>
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Recommendation {
    #[serde(deserialize_with = "lenient::owned")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::owned")]
    recommendation_name: Option<String>,
    #[serde(deserialize_with = "lenient::owned")]
    recommendation_category: Option<String>,
    #[serde(deserialize_with = "lenient::owned")]
    remediation_type: Option<String>,
    #[serde(deserialize_with = "lenient::owned")]
    status: Option<String>,
    #[serde(deserialize_with = "lenient::number")]
    severity_score: Option<f64>,
}

impl Fold for Settings {
    fn add(&mut self, record: &[u8]) {
        let Some(one) = lenient::record::<Recommendation>(record) else { return };
        let is = |value: &Option<String>, word: &str| {
            value.as_deref().is_some_and(|value| value.eq_ignore_ascii_case(word))
        };
        if !is(&one.remediation_type, "ConfigurationChange") || is(&one.status, "Exception") {
            return;
        }
        let id = one.id.unwrap_or_default();
        self.take(Setting {
            id: id.strip_prefix("sca-_-").unwrap_or(&id).to_owned(),
            name: one.recommendation_name,
            category: one.recommendation_category,
            impact: one.severity_score,
        });
    }
}

/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-secure-config>
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Configuration {
    #[serde(alias = "DeviceId", deserialize_with = "lenient::owned")]
    device_id: Option<String>,
    #[serde(alias = "ConfigurationId", deserialize_with = "lenient::owned")]
    configuration_id: Option<String>,
    #[serde(alias = "ConfigurationName", deserialize_with = "lenient::owned")]
    configuration_name: Option<String>,
    #[serde(alias = "ConfigurationCategory", deserialize_with = "lenient::owned")]
    configuration_category: Option<String>,
    #[serde(alias = "ConfigurationImpact", deserialize_with = "lenient::number")]
    configuration_impact: Option<f64>,
    #[serde(alias = "IsCompliant", deserialize_with = "lenient::flag")]
    is_compliant: Option<bool>,
    #[serde(alias = "IsApplicable", deserialize_with = "lenient::flag")]
    is_applicable: Option<bool>,
}

impl Lookup<'_> {
    pub(super) async fn settings_live(&self, device: &str) -> Result<Settings, Gap> {
        let path = format!("/api/machines/{device}/recommendations");
        Ok(self.ask::<Settings>(&path, RECOMMENDATIONS.needs).await?.as_ref().clone())
    }

    /// Kept settings of a device, and when they were made.
    pub(super) async fn settings_kept(&self, device: &str) -> Result<(Settings, Timestamp), Gap> {
        let snapshot = self.snapshot(DEVICE_CONFIGURATIONS)?;
        let snapshot = snapshot.asked(format!("deviceId == '{device}'"));
        let id = device.to_owned();
        let read = Arc::new(move |line: &[u8]| {
            let row = lenient::record::<Configuration>(line)?;
            let is_meant = row.device_id.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(&id));
            let fails = row.is_compliant == Some(false) && row.is_applicable != Some(false);
            (is_meant && fails).then_some(Setting {
                id: row.configuration_id.unwrap_or_default(),
                name: row.configuration_name,
                category: row.configuration_category,
                impact: row.configuration_impact,
            })
        });
        let mut settings = Settings::default();
        self.scan(&snapshot, Some(device), read, |one| settings.take(one)).await?;
        Ok((settings, snapshot.made))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_recommendations_active_changes_of_settings_count() {
        let mut settings = Settings::default();
        for (id, kind, status, weight) in [
            ("sca-_-scid-1", "ConfigurationChange", "Active", 3),
            ("sca-_-scid-2", "ConfigurationChange", "Exception", 9),
            ("va-_-a-_-b", "Update", "Active", 0),
            ("sca-_-scid-3", "ConfigurationChange", "Active", 8),
        ] {
            let record = format!(
                r#"{{"id":"{id}","remediationType":"{kind}","status":"{status}","severityScore":{weight}}}"#
            );
            settings.add(record.as_bytes());
        }

        let ids: Vec<_> = settings.worst.iter().map(|one| one.id.as_str()).collect();
        assert_eq!((settings.failed, ids), (2, vec!["scid-3", "scid-1"]));
    }
}
