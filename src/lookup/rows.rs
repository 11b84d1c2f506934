//! Kept rows of vulnerabilities of software on devices.

use super::Lookup;
use super::gap::Gap;
use super::vulnerabilities::{Exploit, Vulnerability};
use crate::digest::lenient;
use crate::source::DEVICE_VULNERABILITIES;
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// A kept row of a vulnerability of a software on a device, in the spelling of pages or files.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities>
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FlawRow {
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
            epss: None,
            exploit,
            description: None,
        })
    }
}

impl Lookup<'_> {
    /// The kept rows of a device, and when they were made.
    pub(super) async fn rows_of(&self, device: &str) -> Result<(Vec<FlawRow>, Timestamp), Gap> {
        let snapshot = self.snapshot(DEVICE_VULNERABILITIES)?;
        let snapshot = snapshot.asked(format!("deviceId == '{device}'"));
        let id = device.to_owned();
        let read = Arc::new(move |line: &[u8]| {
            let row = lenient::record::<FlawRow>(line)?;
            row.device_id.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(&id)).then_some(row)
        });
        let mut rows = Vec::new();
        self.scan(&snapshot, Some(device), read, |row| rows.push(row)).await?;
        Ok((rows, snapshot.made))
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
}
