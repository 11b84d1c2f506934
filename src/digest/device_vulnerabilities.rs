//! Vulnerabilities of each software on each device: how many rows, by severity and exploit.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::behind::Behind;
use super::lenient;
use super::standing::{Class, Rows, Standing, cve};

/// What a row is folded by.
pub(super) const FIELDS: &[&str] = &[
    "cveId",
    "vulnerabilitySeverityLevel",
    "exploitabilityLevel",
    "securityUpdateAvailable",
    "recommendationReference",
];

/// Counts of a full snapshot's rows; a row that comes twice counts twice.
///
/// Bounded: rows are counted by vulnerability, not kept; of the CVEs behind each recommendation 60,000 pairs.
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
    /// The CVEs behind each recommendation; nothing where an earlier release folded rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<Behind>,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

impl DeviceVulnerabilities {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let row: Row = lenient::record(line)?;
        match row.cve() {
            Some(cve) => {
                self.know_behind(&row);
                self.total += 1;
                self.rows.add(cve, 1, row.class(), 0);
                self.with_security_update += u64::from(row.security_update_available == Some(true));
            }
            None => self.software += 1,
        }
        Some(())
    }

    /// Takes what a row says of its recommendation.
    fn know_behind(&mut self, row: &Row<'_>) {
        if self.total == 0 {
            self.behind = Some(Behind::default());
        }
        let (Some(behind), Some(of), Some(cve)) =
            (&mut self.behind, row.recommendation_reference.as_deref(), row.cve_id.as_deref())
        else {
            return;
        };
        behind.add(of, cve);
    }

    /// The ids of the CVEs behind a recommendation, as of this snapshot; nothing where they aren't all
    /// known: an earlier release made it, or they didn't fit.
    pub fn behind(&self, recommendation: &str) -> Option<Vec<String>> {
        self.behind.as_ref()?.of(recommendation)
    }

    /// Rows whose recommendation and CVE didn't fit in what is kept of both.
    pub fn beyond(&self) -> u64 {
        self.behind.as_ref().map_or(0, |behind| behind.beyond)
    }

    pub(super) fn merge(&mut self, other: &DeviceVulnerabilities) {
        self.behind = match (self.behind.take(), &other.behind) {
            (Some(mut own), Some(other)) => {
                own.merge(other);
                Some(own)
            }
            (own, _) if other.total == 0 => own,
            (_, behind) if self.total == 0 => behind.clone(),
            _ => None,
        };
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
    #[serde(borrow, alias = "RecommendationReference", deserialize_with = "lenient::text")]
    recommendation_reference: Option<Cow<'a, str>>,
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
