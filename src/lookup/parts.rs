//! Parts of a device's card: open alerts, missing updates, who has logged on.

use super::Lookup;
use super::ask::Fold;
use super::gap::Gap;
use super::rows::FlawRow;
use super::vulnerability::rank;
use crate::digest::lenient;
use crate::permissions::{ALERT_READ, USER_READ};
use crate::schema;
use crate::source::SOFTWARE;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Updates, users that an answer names at most.
const MOST_NAMED: usize = 50;

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

    pub(super) async fn users_live(&self, device: &str) -> Result<Vec<User>, Gap> {
        let path = format!("/api/machines/{device}/logonusers");
        let mut users = self.ask::<Vec<User>>(&path, USER_READ).await?.as_ref().clone();
        users.sort_by_key(|user| std::cmp::Reverse(user.last_seen));
        users.truncate(MOST_NAMED);
        Ok(users)
    }
}

/// The updates that kept rows of a device's vulnerabilities recommend.
pub(super) fn updates_of(rows: &[FlawRow]) -> Vec<Update> {
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
    fn updates_of_rows_count_what_they_end() {
        let row = |cve: Option<&str>, update: Option<&str>| FlawRow {
            cve_id: cve.map(str::to_owned),
            recommended_security_update: update.map(str::to_owned),
            ..FlawRow::default()
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
