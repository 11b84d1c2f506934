//! Kept rows of vulnerabilities of software on devices.

use super::Lookup;
use super::gap::Gap;
use super::kept::ReadLine;
use super::named::SoftwareId;
use super::vulnerability::{Exploit, Vulnerability};
use crate::digest::lenient;
use crate::source::{DEVICE_VULNERABILITIES, DEVICE_VULNERABILITY_CHANGES};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A kept row of a vulnerability of a software on a device, in the spelling of pages or files.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities>
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FlawRow {
    #[serde(rename = "RecordId", deserialize_with = "lenient::owned")]
    pub record_id: Option<String>,
    /// Of a change: `New`, `Fixed` or `Updated`.
    #[serde(deserialize_with = "lenient::owned")]
    pub status: Option<String>,
    /// Of a change: when it happened.
    #[serde(deserialize_with = "lenient::time")]
    pub event_timestamp: Option<Timestamp>,
    #[serde(alias = "DeviceId", deserialize_with = "lenient::owned")]
    pub device_id: Option<String>,
    #[serde(alias = "DeviceName", deserialize_with = "lenient::owned")]
    pub device_name: Option<String>,
    #[serde(alias = "OSPlatform", deserialize_with = "lenient::owned")]
    pub os_platform: Option<String>,
    #[serde(alias = "RbacGroupName", deserialize_with = "lenient::owned")]
    pub rbac_group_name: Option<String>,
    #[serde(alias = "CveId", deserialize_with = "lenient::owned")]
    pub cve_id: Option<String>,
    #[serde(alias = "SoftwareVendor", deserialize_with = "lenient::owned")]
    pub software_vendor: Option<String>,
    #[serde(alias = "SoftwareName", deserialize_with = "lenient::owned")]
    pub software_name: Option<String>,
    #[serde(alias = "SoftwareVersion", deserialize_with = "lenient::owned")]
    pub software_version: Option<String>,
    #[serde(alias = "VulnerabilitySeverityLevel", deserialize_with = "lenient::owned")]
    pub vulnerability_severity_level: Option<String>,
    #[serde(alias = "CvssScore", deserialize_with = "lenient::number")]
    pub cvss_score: Option<f64>,
    #[serde(alias = "ExploitabilityLevel", deserialize_with = "lenient::owned")]
    pub exploitability_level: Option<String>,
    #[serde(alias = "RecommendedSecurityUpdate", deserialize_with = "lenient::owned")]
    pub recommended_security_update: Option<String>,
    #[serde(alias = "RecommendedSecurityUpdateId", deserialize_with = "lenient::owned")]
    pub recommended_security_update_id: Option<String>,
    #[serde(alias = "RecommendedSecurityUpdateUrl", deserialize_with = "lenient::owned")]
    pub recommended_security_update_url: Option<String>,
}

impl FlawRow {
    pub fn vulnerability(&self) -> Option<Vulnerability> {
        let exploit = match self.exploitability_level.as_deref().unwrap_or_default() {
            level if level.eq_ignore_ascii_case("ExploitIsInKit") => Exploit::InKit,
            level if level.eq_ignore_ascii_case("ExploitIsVerified") => Exploit::Verified,
            level if level.eq_ignore_ascii_case("ExploitIsPublic") => Exploit::Public,
            _ => Exploit::None,
        };
        Some(Vulnerability {
            id: self.cve_id.clone()?,
            severity: self.vulnerability_severity_level.clone(),
            cvss: self.cvss_score,
            exploit,
            ..Vulnerability::default()
        })
    }
}

/// Which rows are meant.
pub(super) struct Meant {
    /// As KQL says it.
    pub asked: String,
    /// Bytes that each of them has.
    pub needle: String,
    /// Whether a row is one of them.
    pub is: Arc<dyn Fn(&FlawRow) -> bool + Send + Sync>,
}

/// What has happened to rows since the full snapshot: the newest event of each, by `RecordId`.
#[derive(Default)]
struct Changes(BTreeMap<String, FlawRow>);

impl Changes {
    /// Takes an event; of several of one instant a `Fixed` comes first, as where a device changes its group.
    fn take(&mut self, change: FlawRow) {
        let Some(id) = change.record_id.clone() else { return };
        match self.0.get(&id) {
            Some(known) if known.order() > change.order() => {}
            _ => drop(self.0.insert(id, change)),
        }
    }

    /// What a row of the full snapshot is now; nothing where it is fixed.
    fn apply(&mut self, row: FlawRow) -> Option<FlawRow> {
        let change = row.record_id.as_ref().and_then(|id| self.0.remove(id));
        match change {
            None => Some(row),
            Some(change) => (!change.is_fixed()).then_some(change),
        }
    }

    /// The rows that the full snapshot didn't have.
    fn rest(self) -> impl Iterator<Item = FlawRow> {
        self.0.into_values().filter(|change| !change.is_fixed())
    }
}

impl FlawRow {
    fn is_fixed(&self) -> bool {
        self.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("fixed"))
    }

    fn order(&self) -> (Option<Timestamp>, bool) {
        (self.event_timestamp, !self.is_fixed())
    }
}

impl Lookup<'_> {
    /// Hands over each kept row that is meant, with the changes since the full snapshot applied. Gives when
    /// the newer of both was made.
    pub(super) async fn flaw_rows(
        &self,
        meant: &Meant,
        mut take: impl FnMut(FlawRow),
    ) -> Result<Timestamp, Gap> {
        let full = self.snapshot(DEVICE_VULNERABILITIES)?.asked(meant.asked.clone());
        let read = |is: Arc<dyn Fn(&FlawRow) -> bool + Send + Sync>| -> ReadLine<FlawRow> {
            Arc::new(move |line| lenient::record::<FlawRow>(line).filter(|row| is(row)))
        };
        let (mut changes, mut made) = (Changes::default(), full.made);
        if let Some(kept) = self.since(DEVICE_VULNERABILITY_CHANGES, full.made).await? {
            made = made.max(kept.made);
            let kept = kept.asked(meant.asked.clone());
            let is_later = |row: &FlawRow| row.event_timestamp.is_some_and(|at| at > full.made);
            let later = |row: FlawRow| {
                if is_later(&row) {
                    changes.take(row)
                }
            };
            self.scan(&kept, Some(&meant.needle), read(meant.is.clone()), later).await?;
        }
        let apply = |row: FlawRow| changes.apply(row).into_iter().for_each(&mut take);
        self.scan(&full, Some(&meant.needle), read(meant.is.clone()), apply).await?;
        changes.rest().for_each(&mut take);
        Ok(made)
    }

    /// The kept rows of a device, and when they were made.
    pub(super) async fn rows_of(&self, device: &str) -> Result<(Vec<FlawRow>, Timestamp), Gap> {
        let id = device.to_owned();
        let meant = Meant {
            asked: format!("deviceId == '{device}'"),
            needle: device.to_owned(),
            is: Arc::new(move |row| {
                row.device_id.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(&id))
            }),
        };
        let mut rows = Vec::new();
        let made = self.flaw_rows(&meant, |row| rows.push(row)).await?;
        Ok((rows, made))
    }
}

impl Meant {
    /// Rows of a vulnerability.
    pub fn of_cve(id: &str) -> Meant {
        let own = id.to_owned();
        let is = Arc::new(move |row: &FlawRow| row.cve_id.as_deref() == Some(own.as_str()));
        Meant { asked: format!("cveId == '{id}'"), needle: id.to_owned(), is }
    }

    /// Rows of a software.
    pub fn of_software(id: &SoftwareId) -> Meant {
        let own = id.clone();
        let is = Arc::new(move |row: &FlawRow| {
            own.is(row.software_vendor.as_deref(), row.software_name.as_deref())
        });
        Meant { asked: id.asked(), needle: id.needle().to_owned(), is }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_pages_and_files_are_read_alike() {
        let pages = br#"{"deviceId":"a","cveId":"CVE-1","vulnerabilitySeverityLevel":"Low","exploitabilityLevel":"ExploitIsInKit"}"#;
        let files = br#"{"DeviceId":"a","CveId":"CVE-1","VulnerabilitySeverityLevel":"Low","ExploitabilityLevel":"ExploitIsInKit"}"#;

        let [pages, files] = [&pages[..], &files[..]]
            .map(|row| lenient::record::<FlawRow>(row).unwrap().vulnerability().unwrap());

        assert_eq!(pages, files);
        assert_eq!((pages.exploit, pages.severity()), (Exploit::InKit, 1));
    }

    #[test]
    fn the_newest_event_of_a_row_counts_and_of_one_instant_fixed_comes_first() {
        let change = |id: &str, status: &str, at: &str| FlawRow {
            record_id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            event_timestamp: lenient::instant(at),
            ..FlawRow::default()
        };
        let row = |id: &str| FlawRow { record_id: Some(id.to_owned()), ..FlawRow::default() };
        let mut changes = Changes::default();
        for (id, status, at) in [
            ("gone", "Fixed", "2026-11-02 06:00:00"),
            ("gone", "Updated", "2026-11-01 06:00:00"),
            ("moved", "New", "2026-11-02 06:00:00"),
            ("moved", "Fixed", "2026-11-02 06:00:00"),
            ("new", "New", "2026-11-02 06:00:00"),
            ("came and went", "New", "2026-11-01 06:00:00"),
            ("came and went", "Fixed", "2026-11-02 06:00:00"),
        ] {
            changes.take(change(id, status, at));
        }

        let now = |row: Option<FlawRow>| row.and_then(|row| row.status);
        assert!(changes.apply(row("gone")).is_none());
        assert_eq!(now(changes.apply(row("moved"))).as_deref(), Some("New"));
        assert_eq!(now(changes.apply(row("same"))), None);
        let rest: Vec<_> = changes.rest().filter_map(|row| row.record_id).collect();
        assert_eq!(rest, ["new"]);
    }
}
