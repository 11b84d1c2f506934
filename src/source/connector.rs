//! The tables of the published connector of Defender Vulnerability Management, filled like the other
//! classic ones.

use super::classic::{Classic, Filled, TIME, column, same};
use super::table::ColumnType::{Boolean, DateTime, Dynamic, Int, Real, Text};

/// The run stands for the connector's transaction: all rows of one reading share it.
const TRANSACTION: Filled = column("transactionId", Text, "RunId");

/// The connector asked Azure for it; our records don't have it.
const AZURE_RESOURCE: Filled = column("azResourceId", Text, "''");

/// Of `defender.recommendations`, in the connector's spelling.
pub const MDVM_RECOMMENDATIONS: Classic = Classic {
    table: "MDVMRecommendations_CL",
    only: "",
    columns: &[
        TIME,
        column("recId", Text, "['id']"),
        TRANSACTION,
        same("associatedThreats", Dynamic),
        column("configScoreImpact", Text, "tostring(configScoreImpact)"),
        column("exposedMachinesCount", Int, "toint(exposedMachinesCount)"),
        same("exposureImpact", Real),
        same("hasUnpatchableCve", Boolean),
        column("nonProductivityImpactedAssets", Int, "toint(nonProductivityImpactedAssets)"),
        same("productName", Text),
        same("publicExploit", Boolean),
        same("activeAlert", Boolean),
        same("recommendationCategory", Text),
        same("recommendationName", Text),
        same("recommendedProgram", Text),
        same("recommendedVendor", Text),
        same("recommendedVersion", Text),
        same("relatedComponent", Text),
        same("remediationType", Text),
        column("severityScore", Int, "toint(severityScore)"),
        column("status", Text, "['status']"),
        same("subCategory", Text),
        column("totalMachineCount", Int, "toint(totalMachineCount)"),
        same("vendor", Text),
        column("weaknesses", Int, "toint(weaknesses)"),
    ],
};

/// Of `defender.vulnerabilities`, in the connector's spelling. Each run sends all, hence `fullImport`.
pub const MDVM_CVE_KB: Classic = Classic {
    table: "MDVMCVEKB_CL",
    only: "",
    columns: &[
        TIME,
        column("cveId", Text, "['id']"),
        TRANSACTION,
        same("name", Text),
        same("description", Text),
        same("severity", Text),
        column("cvssV3", Text, "tostring(cvssV3)"),
        same("publishedOn", DateTime),
        same("updatedOn", DateTime),
        same("publicExploit", Boolean),
        same("exploitVerified", Boolean),
        same("exploitInKit", Boolean),
        same("exploitTypes", Dynamic),
        column("exploitUris", Text, "tostring(exploitUris)"),
        same("cveSupportability", Text),
        column("fullImport", Boolean, "true"),
    ],
};

/// Of `defender.device_vulnerabilities` and its changes: `status` and `eventTimeStamp` are theirs.
///
/// What a device's end of support is stands with its software, not here.
pub const MDVM_VULNERABILITIES_BY_DEVICE: Classic = Classic {
    table: "MDVMVulnerabilitiesByDevice_CL",
    only: "isnotempty(cveId)",
    columns: &[
        TIME,
        TRANSACTION,
        same("cveId", Text),
        same("cvssScore", Real),
        same("deviceId", Text),
        same("deviceName", Text),
        same("diskPaths", Dynamic),
        column("endOfSupportDate", Dynamic, "parse_json('')"),
        column("endOfSupportStatus", Dynamic, "parse_json('')"),
        same("exploitabilityLevel", Text),
        column("firstSeenTimestamp", DateTime, "todatetime(firstSeenTimestamp)"),
        column("vulnId", Text, "['id']"),
        column("lastSeenTimestamp", DateTime, "todatetime(lastSeenTimestamp)"),
        same("osArchitecture", Text),
        same("osPlatform", Text),
        same("osVersion", Text),
        column("rbacGroupId", Int, "toint(rbacGroupId)"),
        same("rbacGroupName", Text),
        same("recommendationReference", Text),
        column("recommendedSecurityUpdate", Dynamic, "parse_json(recommendedSecurityUpdate)"),
        column("recommendedSecurityUpdateId", Dynamic, "parse_json(recommendedSecurityUpdateId)"),
        column("recommendedSecurityUpdateUrl", Dynamic, "parse_json(recommendedSecurityUpdateUrl)"),
        same("registryPaths", Dynamic),
        same("securityUpdateAvailable", Boolean),
        same("softwareName", Text),
        same("softwareVendor", Text),
        same("softwareVersion", Text),
        same("vulnerabilitySeverityLevel", Text),
        AZURE_RESOURCE,
        column("eventTimeStamp", DateTime, "todatetime(eventTimestamp)"),
        column("status", Text, "['status']"),
    ],
};

/// Of `defender.device_configurations`: the rows that go to the workspace, which are the failing ones.
pub const MDVM_SECURE_CONFIGURATIONS_BY_DEVICE: Classic = Classic {
    table: "MDVMSecureConfigurationsByDevice_CL",
    only: "",
    columns: &[
        TIME,
        TRANSACTION,
        same("deviceId", Text),
        column("rbacGroupId", Int, "toint(rbacGroupId)"),
        same("rbacGroupName", Text),
        same("deviceName", Text),
        same("osPlatform", Text),
        same("osVersion", Text),
        column("timestamp", DateTime, "todatetime(['timestamp'])"),
        same("configurationId", Text),
        same("configurationCategory", Text),
        same("configurationSubcategory", Text),
        column("configurationImpact", Int, "toint(configurationImpact)"),
        same("isCompliant", Boolean),
        same("isApplicable", Boolean),
        same("isExpectedUserImpact", Boolean),
        same("configurationName", Text),
        same("recommendationReference", Text),
        AZURE_RESOURCE,
    ],
};

/// Of `cve.nvd`. The four of CISA are what NVD repeats of the catalogue; `cve.kev` has them earlier.
/// `fullImport` tells rows of a whole read from those of a later change.
pub const MDVM_NIST_CVE_KB: Classic = Classic {
    table: "MDVMNISTCVEKB_CL",
    only: "",
    columns: &[
        TIME,
        TRANSACTION,
        column("cveId", Text, "['id']"),
        same("sourceIdentifier", Text),
        same("published", DateTime),
        same("lastModified", DateTime),
        same("evaluatorComment", Text),
        same("evaluatorSolution", Text),
        same("evaluatorImpact", Text),
        same("vulnStatus", Text),
        same("cisaExploitAdd", DateTime),
        same("cisaActionDue", DateTime),
        same("cisaRequiredAction", Text),
        same("cisaVulnerabilityName", Text),
        same("descriptions", Dynamic),
        same("metrics", Dynamic),
        same("weaknesses", Dynamic),
        same("references", Dynamic),
        same("vendorComments", Dynamic),
        column("fullImport", Boolean, "wholeRead"),
    ],
};

/// Of the products of `cve.nvd`, which a record fans out into.
pub const MDVM_NIST_CONFIGURATIONS: Classic = Classic {
    table: "MDVMNISTConfigurations_CL",
    only: "",
    columns: &[
        TIME,
        TRANSACTION,
        same("cveId", Text),
        column("configurationNumber", Int, "toint(configurationNumber)"),
        same("configurationOperator", Text),
        same("configurationNegate", Text),
        same("nodeOperator", Text),
        same("nodeNegate", Boolean),
        same("criteria", Text),
        same("matchCriteriaId", Text),
        same("versionEndExcluding", Text),
        same("versionEndIncluding", Text),
        same("versionStartExcluding", Text),
        same("versionStartIncluding", Text),
        same("vulnerable", Boolean),
    ],
};
