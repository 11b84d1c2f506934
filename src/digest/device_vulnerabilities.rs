//! Vulnerabilities of each software on each device: how many rows, by severity and exploit.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::lenient;
use super::standing::{Class, Rows, Standing, cve};

/// What a row is folded by.
pub(super) const FIELDS: &[&str] =
    &["cveId", "vulnerabilitySeverityLevel", "exploitabilityLevel", "securityUpdateAvailable"];

/// Counts of a full snapshot's rows; a row that comes twice counts twice.
///
/// Bounded: rows are counted by vulnerability, not kept.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceVulnerabilities {
    /// Rows with a vulnerability.
    pub total: u64,
    /// Those for which there is a security update.
    pub with_security_update: u64,
    /// Rows without a vulnerability: software on a device.
    pub software: u64,
    pub(super) rows: Rows,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

impl DeviceVulnerabilities {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let row: Row = lenient::record(line)?;
        match row.cve() {
            Some(cve) => {
                self.total += 1;
                self.rows.add(cve, 1, row.class(), 0);
                self.with_security_update += u64::from(row.security_update_available == Some(true));
            }
            None => self.software += 1,
        }
        Some(())
    }

    pub(super) fn merge(&mut self, other: &DeviceVulnerabilities) {
        self.total += other.total;
        self.with_security_update += other.with_security_update;
        self.software += other.software;
        self.rows.merge(&other.rows);
        self.unreadable += other.unreadable;
    }

    /// The rows of the snapshot, as it was made.
    pub fn standing(&self) -> Standing {
        self.rows.standing()
    }
}

/// A row as pages or files spell it; changes say more.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Row<'a> {
    #[serde(borrow, alias = "CveId", deserialize_with = "lenient::text")]
    cve_id: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "VulnerabilitySeverityLevel", deserialize_with = "lenient::text")]
    vulnerability_severity_level: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "ExploitabilityLevel", deserialize_with = "lenient::text")]
    exploitability_level: Option<Cow<'a, str>>,
    #[serde(alias = "SecurityUpdateAvailable", deserialize_with = "lenient::flag")]
    security_update_available: Option<bool>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(super) status: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::time")]
    pub(super) event_timestamp: Option<jiff::Timestamp>,
    #[serde(borrow, rename = "RecordId", deserialize_with = "lenient::text")]
    pub(super) record_id: Option<Cow<'a, str>>,
}

impl Row<'_> {
    /// The vulnerability; none where the row is software without one.
    pub(super) fn cve(&self) -> Option<u32> {
        self.cve_id.as_deref().map(cve)
    }

    pub(super) fn class(&self) -> Class {
        let severity = self.vulnerability_severity_level.as_deref();
        Class::of(severity, self.exploitability_level.as_deref())
    }
}
