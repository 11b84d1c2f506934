//! Microsoft Defender for Endpoint: assessments of every device, as export files.
//!
//! The service makes a snapshot every six hours and hands out its files five times a minute and twenty
//! times an hour. Files spell fields with a capital and leave nulls out; pages don't. A page is asked for
//! with 20,000 rows instead of the usual 50,000: it is held in memory as a whole, some 20 MB.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/get-assessment-methods-properties>

use super::connector::{MDVM_SECURE_CONFIGURATIONS_BY_DEVICE, MDVM_VULNERABILITIES_BY_DEVICE};
use super::defender::VULNERABILITY;
use super::inventory::SOFTWARE_READ;
use super::table::{Column, boolean, datetime, dynamic, real, text};
use super::{Api, Fetch, Permission, Reads, Sends, Source, Table};
use crate::digest::Kind;
use jiff::SignedDuration;

/// What all of them share.
const ASSESSMENT: Source = Source {
    name: "",
    about: "",
    api: Api::Defender,
    fetch: Fetch::Collection(""),
    key: &[],
    reads: Reads::Whole,
    needs: VULNERABILITY,
    default: true,
    every: SignedDuration::from_hours(24),
    sends: Sends::Nothing,
    digest: Kind::Records,
    table: Table { name: "", columns: &[], classic: &[] },
};

const DEVICE_ID: Column = text("deviceId");
const DEVICE_NAME: Column = text("deviceName");
const GROUP_ID: Column = real("rbacGroupId");
const GROUP_NAME: Column = text("rbacGroupName");

/// Each vulnerability of each software on each device.
///
/// Weekly; the changes in between are a source of their own. A row without a CVE is software, not a
/// vulnerability: it stays in the ledger.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities>
pub const DEVICE_VULNERABILITIES: Source = Source {
    name: "defender.device_vulnerabilities",
    about: "Vulnerabilities of each software on each device, in full",
    fetch: Fetch::Export {
        files: "/api/machines/SoftwareVulnerabilitiesExport?sasValidHours=6",
        pages: "/api/machines/SoftwareVulnerabilitiesByMachine?pageSize=20000",
        respelled: true,
    },
    key: &["deviceId", "softwareVendor", "softwareName", "softwareVersion", "cveId"],
    every: SignedDuration::from_hours(7 * 24),
    sends: Sends::Present("cveId"),
    digest: Kind::DeviceVulnerabilities,
    table: Table {
        name: "PostureDeviceVulnerabilities_CL",
        columns: &[
            text("id").named("VulnerabilityRowId"),
            DEVICE_ID,
            DEVICE_NAME,
            GROUP_ID,
            GROUP_NAME,
            text("osPlatform"),
            text("osVersion"),
            text("osArchitecture"),
            text("softwareVendor"),
            text("softwareName"),
            text("softwareVersion"),
            text("cveId"),
            text("vulnerabilitySeverityLevel"),
            real("cvssScore"),
            text("exploitabilityLevel"),
            text("recommendedSecurityUpdate"),
            text("recommendedSecurityUpdateId"),
            text("recommendedSecurityUpdateUrl"),
            text("recommendationReference"),
            boolean("securityUpdateAvailable"),
            dynamic("diskPaths"),
            dynamic("registryPaths"),
            text("firstSeenTimestamp"),
            text("lastSeenTimestamp"),
            text("cveBatchTitle"),
            text("cveBatchUrl"),
            boolean("isOnboarded"),
            text("status"),
            text("eventTimestamp"),
        ],
        classic: &[MDVM_VULNERABILITIES_BY_DEVICE],
    },
    ..ASSESSMENT
};

/// What has changed of [`DEVICE_VULNERABILITIES`]: `New`, `Fixed` and `Updated` rows with the time of
/// the event, in the same table.
///
/// Every six hours, as the service makes them, at most 14 days back: after a longer gap the full
/// source is read again. A row has the `RecordId` of the row that it changes; a device that changes its
/// group yields a `Fixed` and a `New` of one key.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities#2-export-software-vulnerabilities-assessment-delta>
pub const DEVICE_VULNERABILITY_CHANGES: Source = Source {
    name: "defender.device_vulnerability_changes",
    about: "New, fixed and updated vulnerabilities on devices since the last run",
    fetch: Fetch::Collection("/api/machines/SoftwareVulnerabilityChangesByMachine?pageSize=20000"),
    reads: Reads::Changes {
        parameter: "sinceTime",
        overlap: SignedDuration::from_hours(6),
        first: SignedDuration::from_hours(24),
        reach: SignedDuration::from_hours(14 * 24),
        full: "defender.device_vulnerabilities",
    },
    every: SignedDuration::from_hours(6),
    digest: Kind::DeviceVulnerabilityChanges,
    ..DEVICE_VULNERABILITIES
};

/// Each software on each device. In the ledger only, by default.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-inventory>
pub const DEVICE_SOFTWARE: Source = Source {
    name: "defender.device_software",
    about: "Software on each device, with end of support",
    fetch: Fetch::Export {
        files: "/api/machines/SoftwareInventoryExport?sasValidHours=6",
        pages: "/api/machines/SoftwareInventoryByMachine?pageSize=20000",
        respelled: true,
    },
    key: &["deviceId", "softwareVendor", "softwareName", "softwareVersion"],
    needs: SOFTWARE_READ,
    digest: Kind::DeviceSoftware,
    table: Table {
        name: "PostureDeviceSoftware_CL",
        columns: &[
            DEVICE_ID,
            DEVICE_NAME,
            GROUP_ID,
            GROUP_NAME,
            text("osPlatform"),
            text("softwareVendor"),
            text("softwareName"),
            text("softwareVersion"),
            real("numberOfWeaknesses"),
            dynamic("diskPaths"),
            dynamic("registryPaths"),
            text("softwareFirstSeenTimestamp"),
            text("endOfSupportStatus"),
            text("endOfSupportDate"),
        ],
        classic: &[],
    },
    ..ASSESSMENT
};

/// Each secure setting of each device. Failing ones go to the workspace, all to the ledger.
///
/// Needs the vulnerabilities' permission, not one of its own. `isCompliant` means nothing where
/// `isApplicable` is false.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-secure-config>
pub const DEVICE_CONFIGURATIONS: Source = Source {
    name: "defender.device_configurations",
    about: "Secure settings of each device, compliant or not",
    fetch: Fetch::Export {
        files: "/api/machines/SecureConfigurationsAssessmentExport?sasValidHours=6",
        pages: "/api/machines/SecureConfigurationsAssessmentByMachine?pageSize=20000",
        respelled: true,
    },
    key: &["deviceId", "configurationId"],
    // Daily, a tenant of 50,000 devices would pay for more than the budget in docs/cost.md.
    every: SignedDuration::from_hours(3 * 24),
    sends: Sends::Fails("isCompliant", "isApplicable"),
    digest: Kind::DeviceConfigurations,
    table: Table {
        name: "PostureDeviceConfigurations_CL",
        columns: &[
            DEVICE_ID,
            DEVICE_NAME,
            GROUP_ID,
            GROUP_NAME,
            text("osPlatform"),
            text("osVersion"),
            text("timestamp"),
            text("configurationId"),
            text("configurationName"),
            text("configurationCategory"),
            text("configurationSubcategory"),
            real("configurationImpact"),
            boolean("isCompliant"),
            boolean("isApplicable"),
            boolean("isExpectedUserImpact"),
            text("recommendationReference"),
        ],
        classic: &[MDVM_SECURE_CONFIGURATIONS_BY_DEVICE],
    },
    ..ASSESSMENT
};

/// Each setting of each baseline profile on each device; failing ones go to the workspace.
///
/// Needs Defender Vulnerability Management; a tenant without it is refused.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-security-baseline>
pub const DEVICE_BASELINES: Source = Source {
    name: "defender.device_baselines",
    about: "Security baseline settings of each device",
    fetch: Fetch::Export {
        files: "/api/machines/BaselineComplianceAssessmentExport?sasValidHours=6",
        pages: "/api/machines/baselineComplianceAssessmentByMachine?pageSize=20000",
        respelled: true,
    },
    key: &["deviceId", "profileId", "configurationId"],
    needs: Permission::AppRole(
        "SecurityBaselinesAssessment.Read.All",
        "e870c0c1-c1a2-41ca-948e-a33912d2d3f0",
    ),
    every: SignedDuration::from_hours(7 * 24),
    sends: Sends::Fails("isCompliant", "isApplicable"),
    table: Table {
        name: "PostureDeviceBaselines_CL",
        columns: &[
            text("id").named("BaselineRowId"),
            DEVICE_ID,
            DEVICE_NAME,
            GROUP_ID,
            GROUP_NAME,
            text("osPlatform"),
            text("osVersion"),
            text("configurationId"),
            text("profileId"),
            boolean("isApplicable"),
            boolean("isCompliant"),
            datetime("dataCollectionTimeOffset"),
            datetime("complianceCalculationTimeOffset"),
            dynamic("recommendedValue"),
            dynamic("currentValue"),
            dynamic("source").named("RecordSource"),
        ],
        classic: &[],
    },
    ..ASSESSMENT
};

/// Each browser extension on each device. Spelled with capitals in pages, too. In the ledger only, by
/// default.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-browser-extensions>
pub const BROWSER_EXTENSIONS: Source = Source {
    name: "defender.browser_extensions",
    about: "Browser extensions of each device, with their risk and permissions",
    fetch: Fetch::Export {
        files: "/api/machines/browserextensionsinventoryExport?sasValidHours=6",
        pages: "/api/Machines/BrowserExtensionsInventoryByMachine?pageSize=20000",
        respelled: false,
    },
    key: &["DeviceId", "BrowserName", "ExtensionId"],
    needs: SOFTWARE_READ,
    table: Table {
        name: "PostureBrowserExtensions_CL",
        columns: &[
            text("DeviceId"),
            text("DeviceName"),
            real("RbacGroupId"),
            text("RbacGroupName"),
            text("BrowserName"),
            text("ExtensionId"),
            text("ExtensionName"),
            text("ExtensionDescription"),
            text("ExtensionVersion"),
            text("ExtensionRisk"),
            datetime("InstallationTime"),
            boolean("IsActivated"),
            dynamic("Permissions"),
        ],
        classic: &[],
    },
    ..ASSESSMENT
};

/// Each certificate on each device. In the ledger only, by default.
///
/// `0001-01-01T00:00:00Z` stands for an unknown date.
///
/// <https://learn.microsoft.com/defender-endpoint/api/export-certificate-inventory-assessment>
pub const CERTIFICATES: Source = Source {
    name: "defender.certificates",
    about: "Certificates on each device, with their strength and validity",
    fetch: Fetch::Export {
        files: "/api/machines/certificateAssessmentExport?sasValidHours=6",
        pages: "/api/machines/certificateAssessmentByMachine?pageSize=20000",
        respelled: true,
    },
    key: &["deviceId", "thumbprint", "path"],
    table: Table {
        name: "PostureCertificates_CL",
        columns: &[
            DEVICE_ID,
            DEVICE_NAME,
            GROUP_ID,
            GROUP_NAME,
            text("thumbprint"),
            text("path"),
            text("signatureAlgorithm"),
            real("keyLength"),
            datetime("notBefore"),
            datetime("notAfter"),
            text("subjectType"),
            text("serialNumber"),
            dynamic("subjectObject"),
            dynamic("issuerObject"),
            dynamic("keyUsageArray"),
            dynamic("extendedKeyUsageArray"),
            boolean("isSelfSigned"),
        ],
        classic: &[],
    },
    ..ASSESSMENT
};

/// Each hardware or firmware component of each device. In the ledger only, by default.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-methods-properties>
pub const FIRMWARE: Source = Source {
    name: "defender.firmware",
    about: "Hardware and firmware of each device",
    fetch: Fetch::Export {
        files: "/api/machines/HardwareFirmwareInventoryExport?sasValidHours=6",
        pages: "/api/machines/HardwareFirmwareInventoryByMachine?pageSize=20000",
        respelled: true,
    },
    key: &["deviceId", "componentType", "componentName", "componentVersion"],
    needs: SOFTWARE_READ,
    table: Table {
        name: "PostureFirmware_CL",
        columns: &[
            DEVICE_ID,
            DEVICE_NAME,
            GROUP_ID,
            GROUP_NAME,
            text("componentType"),
            text("manufacturer"),
            text("componentName"),
            text("componentVersion"),
            text("additionalFields"),
        ],
        classic: &[],
    },
    ..ASSESSMENT
};
