//! The parts of a device's card beside its vulnerabilities: alerts, updates, settings, users, criticality.

use super::Lookup;
use super::ask::Fold;
use super::gap::Gap;
use super::machine::Device;
use super::vulnerabilities::{Row, rank};
use crate::digest::lenient;
use crate::permissions::{ALERT_READ, USER_READ};
use crate::schema;
use crate::source::hunting::ASSET_CRITICALITY;
use crate::source::{DEVICE_CONFIGURATIONS, RECOMMENDATIONS, SOFTWARE};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Updates, users that an answer names at most.
const MOST_NAMED: usize = 50;
/// Failed settings that an answer names at most.
const MOST_SETTINGS: usize = 20;

/// Alerts of a device that aren't resolved.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-machine-related-alerts>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alerts {
    /// How many.
    pub open: u64,
    /// The worst one's severity: `Informational`, `Low`, `Medium` or `High`; null where none is open.
    pub worst_severity: Option<String>,
    /// The worst one's title, of equals the newest.
    pub worst_title: Option<String>,
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) newest: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Alert {
    #[serde(deserialize_with = "lenient::owned")]
    severity: Option<String>,
    #[serde(deserialize_with = "lenient::owned")]
    status: Option<String>,
    #[serde(deserialize_with = "lenient::owned")]
    title: Option<String>,
    #[serde(deserialize_with = "lenient::time")]
    alert_creation_time: Option<Timestamp>,
}

/// The place of an alert's severity, from 1; 0 for none.
pub(super) fn alert_rank(severity: Option<&str>) -> u8 {
    rank(severity, &["informational", "low", "medium", "high"])
}

impl Fold for Alerts {
    fn add(&mut self, record: &[u8]) {
        let Some(alert) = lenient::record::<Alert>(record) else { return };
        if alert.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("resolved")) {
            return;
        }
        self.open += 1;
        let weight = (alert_rank(alert.severity.as_deref()), alert.alert_creation_time);
        if self.open == 1 || weight > (alert_rank(self.worst_severity.as_deref()), self.newest) {
            self.worst_severity = alert.severity;
            self.worst_title = alert.title;
            self.newest = alert.alert_creation_time;
        }
    }
}

/// An update that a device lacks.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-missing-kbs-machine>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Update {
    /// Its number, such as `5031455`, or its name where it has none.
    #[serde(deserialize_with = "lenient::owned")]
    pub id: Option<String>,
    /// Its name.
    #[serde(deserialize_with = "lenient::owned")]
    pub name: Option<String>,
    /// Where it is described.
    #[serde(deserialize_with = "lenient::owned")]
    pub url: Option<String>,
    /// How many vulnerabilities of the device it ends.
    #[serde(deserialize_with = "lenient::count")]
    pub cve_addressed: Option<u64>,
}

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

/// Somebody who has logged on to a device.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-machine-log-on-users>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct User {
    /// The account's name.
    #[serde(deserialize_with = "lenient::owned")]
    pub account_name: Option<String>,
    /// The account's domain.
    #[serde(deserialize_with = "lenient::owned")]
    pub account_domain: Option<String>,
    /// When it was seen there last.
    #[serde(deserialize_with = "lenient::time")]
    #[schemars(with = "Option<schema::Timestamp>")]
    pub last_seen: Option<Timestamp>,
    /// How it logged on, such as `Interactive, RemoteInteractive`.
    #[serde(deserialize_with = "lenient::owned")]
    pub logon_types: Option<String>,
    /// Whether it administers the domain.
    #[serde(deserialize_with = "lenient::flag")]
    pub is_domain_admin: Option<bool>,
}

/// How critical the exposure graph holds a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Criticality {
    /// 0 is very high, 1 high, 2 medium, 3 low; null where the graph doesn't hold it critical.
    pub level: Option<u8>,
    /// The rules that say so, such as `Domain Controller`.
    pub rules: Vec<String>,
    /// When the graph was asked.
    #[schemars(with = "schema::Timestamp")]
    pub collected: Timestamp,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Node {
    #[serde(deserialize_with = "lenient::owned")]
    node_name: Option<String>,
    #[serde(deserialize_with = "lenient::number")]
    criticality_level: Option<f64>,
    #[serde(deserialize_with = "lenient::texts")]
    rule_names: Vec<String>,
    entity_ids: serde_json::Value,
}

impl Node {
    fn is_of(&self, id: &str, name: Option<&str>) -> bool {
        let same = |own: &str| name.is_some_and(|name| name.eq_ignore_ascii_case(own));
        self.entity_ids.to_string().to_ascii_lowercase().contains(id)
            || self.node_name.as_deref().is_some_and(same)
    }
}

impl Lookup<'_> {
    pub(super) async fn alerts_live(&self, device: &str) -> Result<Alerts, Gap> {
        let path = format!("/api/machines/{device}/alerts");
        Ok(self.ask::<Alerts>(&path, ALERT_READ).await?.as_ref().clone())
    }

    pub(super) async fn updates_live(&self, device: &str) -> Result<Vec<Update>, Gap> {
        let path = format!("/api/machines/{device}/getmissingkbs");
        let mut updates = self.ask::<Vec<Update>>(&path, SOFTWARE.needs).await?.as_ref().clone();
        updates.truncate(MOST_NAMED);
        Ok(updates)
    }

    pub(super) async fn settings_live(&self, device: &str) -> Result<Settings, Gap> {
        let path = format!("/api/machines/{device}/recommendations");
        Ok(self.ask::<Settings>(&path, RECOMMENDATIONS.needs).await?.as_ref().clone())
    }

    pub(super) async fn users_live(&self, device: &str) -> Result<Vec<User>, Gap> {
        let path = format!("/api/machines/{device}/logonusers");
        let mut users = self.ask::<Vec<User>>(&path, USER_READ).await?.as_ref().clone();
        users.sort_by_key(|user| std::cmp::Reverse(user.last_seen));
        users.truncate(MOST_NAMED);
        Ok(users)
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

    /// How critical a device is, by the newest kept answer of the exposure graph.
    pub(super) async fn criticality(&self, device: &Device) -> Result<Criticality, Gap> {
        let snapshot = self.snapshot(ASSET_CRITICALITY)?;
        let (id, name) = (device.id.to_ascii_lowercase(), device.computer_dns_name.clone());
        let read = Arc::new(move |line: &[u8]| {
            lenient::record::<Node>(line).filter(|node| node.is_of(&id, name.as_deref()))
        });
        let mut found = Criticality { level: None, rules: Vec::new(), collected: snapshot.made };
        self.scan(&snapshot, None, read, |node| {
            let level = node.criticality_level.filter(|level| (0.0..4.0).contains(level));
            let level = level.map(|level| level as u8);
            if level.is_some() && found.level.is_none_or(|known| level < Some(known)) {
                (found.level, found.rules) = (level, node.rule_names);
            }
        })
        .await?;
        Ok(found)
    }
}

/// The updates that kept rows of a device's vulnerabilities recommend.
pub(super) fn updates_of(rows: &[Row]) -> Vec<Update> {
    let mut updates: BTreeMap<String, Update> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.cve_id.is_some()) {
        let id = row.recommended_security_update_id.as_ref();
        let Some(key) = id.or(row.recommended_security_update.as_ref()) else { continue };
        let update = updates.entry(key.clone()).or_insert_with(|| Update {
            id: Some(key.clone()),
            name: row.recommended_security_update.clone(),
            url: row.recommended_security_update_url.clone(),
            cve_addressed: Some(0),
        });
        update.cve_addressed = update.cve_addressed.map(|count| count + 1);
    }
    let mut updates: Vec<_> = updates.into_values().collect();
    updates.sort_by_key(|update| std::cmp::Reverse(update.cve_addressed));
    updates.truncate(MOST_NAMED);
    updates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_alerts_the_worst_open_one_counts() {
        let mut alerts = Alerts::default();
        for (severity, status, title) in [
            ("Low", "New", "a"),
            ("High", "Resolved", "b"),
            ("Medium", "InProgress", "c"),
            ("UnSpecified", "New", "d"),
        ] {
            let record =
                format!(r#"{{"severity":"{severity}","status":"{status}","title":"{title}"}}"#);
            alerts.add(record.as_bytes());
        }

        assert_eq!((alerts.open, alerts.worst_severity.as_deref()), (3, Some("Medium")));
        assert_eq!(alerts.worst_title.as_deref(), Some("c"));
    }

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

    #[test]
    fn a_node_is_a_devices_by_id_or_by_name() {
        let line = br#"{"NodeName":"PC-17","CriticalityLevel":"0","RuleNames":["x"],"EntityIds":"[{\"type\":\"DeviceInventoryId\",\"id\":\"00AA\"}]"}"#;

        let node = lenient::record::<Node>(line).unwrap();

        assert!(node.is_of("00aa", None) && node.is_of("11bb", Some("pc-17")));
        assert!(!node.is_of("11bb", Some("pc-1")));
        assert_eq!(node.criticality_level, Some(0.0));
    }

    #[test]
    fn updates_of_rows_count_what_they_end() {
        let row = |cve: Option<&str>, update: Option<&str>| Row {
            cve_id: cve.map(str::to_owned),
            recommended_security_update: update.map(str::to_owned),
            ..Row::default()
        };

        let updates = updates_of(&[
            row(Some("CVE-1"), Some("a")),
            row(Some("CVE-2"), Some("b")),
            row(Some("CVE-3"), Some("b")),
            row(None, Some("c")),
            row(Some("CVE-4"), None),
        ]);

        let told: Vec<_> =
            updates.iter().map(|one| (one.id.as_deref().unwrap(), one.cve_addressed)).collect();
        assert_eq!(told, [("b", Some(2)), ("a", Some(1))]);
    }
}
