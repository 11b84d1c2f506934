//! What a source's records are folded into, and which of their fields that takes.

use super::{device_configurations, device_software, device_vulnerabilities, known_cves};

/// What a source's records are folded into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Microsoft Secure Score, one record a day.
    SecureScores,
    /// The controls of a Secure Score, one record each a day.
    SecureScoreControls,
    /// What each control is worth and how to carry it out.
    ControlProfiles,
    /// The tenant's exposure score.
    ExposureScore,
    /// Microsoft Secure Score for Devices.
    DeviceSecureScore,
    /// Security recommendations.
    Recommendations,
    /// Vulnerabilities that Defender knows of.
    Vulnerabilities,
    /// Devices.
    Devices,
    /// The secure score of Defender for Cloud, one record per subscription.
    AzureScores,
    /// Vulnerabilities of each software on each device.
    DeviceVulnerabilities,
    /// What has happened to those since the full snapshot.
    DeviceVulnerabilityChanges,
    /// Secure settings of each device.
    DeviceConfigurations,
    /// Software on each device.
    DeviceSoftware,
    /// Alerts of all Defender products.
    Alerts,
    /// Incidents.
    Incidents,
    /// Apps that Cloud Discovery has found.
    CloudApps,
    /// Regulatory compliance standards, one record per subscription.
    ComplianceStandards,
    /// Azure subscriptions.
    AzureSubscriptions,
    /// CISA's catalogue of known exploited vulnerabilities.
    KnownExploited,
    /// Exploit probabilities.
    Epss,
    /// Records of the National Vulnerability Database.
    Nvd,
    /// Anything else: how many records.
    Records,
}

impl Kind {
    /// The fields that a digest of many rows reads of each; nothing where it reads whole lines.
    pub fn fields(self) -> Option<&'static [&'static str]> {
        match self {
            Kind::DeviceVulnerabilities => Some(device_vulnerabilities::FIELDS),
            Kind::DeviceConfigurations => Some(device_configurations::FIELDS),
            Kind::DeviceSoftware => Some(device_software::FIELDS),
            Kind::Epss => Some(known_cves::EPSS_FIELDS),
            Kind::Nvd => Some(known_cves::NVD_FIELDS),
            Kind::Records => Some(&[]),
            _ => None,
        }
    }
}
