//! Microsoft Defender for Endpoint: scores, recommendations, vulnerabilities, devices.
//!
//! No path carries `$top`: an explicit one switches the service's next links off.

use super::classic;
use super::connector;
use super::table::{boolean, datetime, dynamic, real, text};
use super::{Api, Fetch, Permission, Reads, Sends, Source, Table};
use crate::digest::Kind;
use jiff::SignedDuration;

pub(super) const SCORE: Permission =
    Permission::AppRole("Score.Read.All", "02b005dd-f804-43b4-8fc7-078460413f74");

pub(super) const VULNERABILITY: Permission =
    Permission::AppRole("Vulnerability.Read.All", "41269fc5-d04d-4bfd-bce7-43a51cea049a");

/// The organisation's exposure score, 0 to 100; high is bad.
///
/// One record, the newest state only: the API keeps no history.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-exposure-score>
pub const EXPOSURE_SCORE: Source = Source {
    name: "defender.exposure_score",
    about: "Exposure score of the organisation's devices (0 to 100, high is bad)",
    api: Api::Defender,
    fetch: Fetch::Object("/api/exposureScore"),
    key: &["time"],
    reads: Reads::Whole,
    needs: SCORE,
    default: true,
    every: SignedDuration::from_hours(6),
    sends: Sends::All,
    digest: Kind::ExposureScore,
    table: Table {
        name: "PostureExposureScore_CL",
        columns: &[datetime("time"), real("score")],
        classic: &[classic::MDFE_EXPOSURE_SCORE],
    },
};

/// Microsoft Secure Score for Devices, in points; high is good.
///
/// One record, the newest state only: the API keeps no history.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-device-secure-score>
pub const DEVICE_SECURE_SCORE: Source = Source {
    name: "defender.device_secure_score",
    about: "Microsoft Secure Score for Devices (points, high is good)",
    api: Api::Defender,
    fetch: Fetch::Object("/api/configurationScore"),
    key: &["time"],
    reads: Reads::Whole,
    needs: SCORE,
    default: true,
    every: SignedDuration::from_hours(6),
    sends: Sends::All,
    digest: Kind::DeviceSecureScore,
    table: Table {
        name: "PostureDeviceSecureScore_CL",
        columns: &[datetime("time"), real("score")],
        classic: &[classic::MDFE_SECURE_SCORE],
    },
};

/// What Defender recommends to update, change or remove.
///
/// One record per recommendation; a page holds at most 10,000.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-all-recommendations>
pub const RECOMMENDATIONS: Source = Source {
    name: "defender.recommendations",
    about: "Security recommendations with their impact on score and exposure",
    api: Api::Defender,
    fetch: Fetch::Collection("/api/recommendations"),
    key: &["id"],
    reads: Reads::Whole,
    needs: Permission::AppRole(
        "SecurityRecommendation.Read.All",
        "6443965c-7dd2-4cfd-b38f-bb7772bee163",
    ),
    default: true,
    every: SignedDuration::from_hours(24),
    sends: Sends::All,
    digest: Kind::Recommendations,
    table: Table {
        name: "PostureRecommendations_CL",
        columns: &[
            text("id").named("RecommendationId"),
            text("recommendationName"),
            text("productName"),
            text("vendor"),
            text("recommendedVersion"),
            text("recommendedVendor"),
            text("recommendedProgram"),
            text("relatedComponent"),
            text("recommendationCategory"),
            text("subCategory"),
            real("severityScore"),
            real("configScoreImpact"),
            real("exposureImpact"),
            real("weaknesses"),
            real("totalMachineCount"),
            real("exposedMachinesCount"),
            real("exposedCriticalDevices"),
            real("nonProductivityImpactedAssets"),
            boolean("publicExploit"),
            boolean("activeAlert"),
            boolean("hasUnpatchableCve"),
            dynamic("associatedThreats"),
            text("remediationType"),
            text("status"),
            dynamic("tags"),
        ],
        classic: &[classic::MDFE_RECOMMENDATIONS, connector::MDVM_RECOMMENDATIONS],
    },
};

/// All CVEs that Defender knows, with the organisation's exposure to each.
///
/// Most have no exposed machine: those stay in the ledger. A page holds at most 8,000.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-all-vulnerabilities>
pub const VULNERABILITIES: Source = Source {
    name: "defender.vulnerabilities",
    about: "Known vulnerabilities with severity, exploit state and exposed machines",
    api: Api::Defender,
    fetch: Fetch::Collection("/api/vulnerabilities"),
    key: &["id"],
    reads: Reads::Whole,
    needs: VULNERABILITY,
    default: true,
    every: SignedDuration::from_hours(24),
    sends: Sends::Positive("exposedMachines"),
    digest: Kind::Vulnerabilities,
    table: Table {
        name: "PostureVulnerabilities_CL",
        columns: &[
            text("id").named("VulnerabilityId"),
            text("name"),
            text("description"),
            text("severity"),
            text("status"),
            real("cvssV3"),
            text("cvssVector"),
            real("epss"),
            real("exposedMachines"),
            datetime("publishedOn"),
            datetime("updatedOn"),
            datetime("firstDetected"),
            datetime("patchFirstAvailable"),
            boolean("publicExploit"),
            boolean("exploitVerified"),
            boolean("exploitInKit"),
            dynamic("exploitTypes"),
            dynamic("exploitUris"),
            text("cveSupportability"),
            dynamic("tags"),
        ],
        classic: &[classic::MDFE_VULNERABILITIES_LIST, connector::MDVM_CVE_KB],
    },
};

/// Devices that have reported to Defender for Endpoint within the tenant's retention.
///
/// One record per device, its newest state only. A page holds at most 10,000 records and the API
/// allows 100 calls a minute, so a million devices take one minute's allowance.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-machines>
pub const DEVICES: Source = Source {
    name: "defender.devices",
    about: "Devices known to Defender for Endpoint, with their health, exposure and risk",
    api: Api::Defender,
    fetch: Fetch::Collection("/api/machines"),
    key: &["id"],
    reads: Reads::Whole,
    needs: Permission::AppRole("Machine.Read.All", "ea8291d3-4b9a-44b5-bc3a-6cea3026dc79"),
    default: true,
    every: SignedDuration::from_hours(1),
    sends: Sends::FirstOfDay,
    digest: Kind::Devices,
    table: Table {
        name: "PostureDevices_CL",
        columns: &[
            text("id").named("DeviceId"),
            text("computerDnsName"),
            text("aadDeviceId"),
            datetime("firstSeen"),
            datetime("lastSeen"),
            text("osPlatform"),
            text("osVersion"),
            text("osProcessor"),
            text("osArchitecture"),
            real("osBuild"),
            text("version"),
            text("agentVersion"),
            text("lastIpAddress"),
            text("lastExternalIpAddress"),
            text("healthStatus"),
            text("onboardingStatus"),
            text("riskScore"),
            text("exposureLevel"),
            text("deviceValue"),
            text("defenderAvStatus"),
            text("managedBy"),
            text("managedByStatus"),
            real("rbacGroupId"),
            text("rbacGroupName"),
            boolean("isAadJoined"),
            boolean("isPotentialDuplication"),
            boolean("isExcluded"),
            text("exclusionReason"),
            text("mergedIntoMachineId"),
            dynamic("machineTags"),
            dynamic("ipAddresses"),
            dynamic("vmMetadata"),
        ],
        classic: &[],
    },
};
