//! Tables of two earlier published solutions, filled by further flows of our streams, so that what was
//! built on them goes on working. Off unless a deployment asks for them.
//!
//! Names, columns and types are theirs. Those here were written by an HTTP interface that put each
//! value's type behind its name; `connector.rs` has those of a connector with rules of its own.

use super::table::ColumnType::{self, Boolean, DateTime, Guid, Real, Text};

/// A classic table and the flow that fills it.
#[derive(Clone, Copy, Debug)]
pub struct Classic {
    /// Ends in `_CL`.
    pub table: &'static str,
    /// The rows that pass, as a KQL condition over the stream's fields; empty for all.
    pub only: &'static str,
    /// Its columns and what fills each.
    pub columns: &'static [Filled],
}

/// One column of a classic table.
#[derive(Clone, Copy, Debug)]
pub struct Filled {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
    /// A KQL expression over the stream's fields.
    pub value: &'static str,
}

impl Classic {
    /// The flow's transformation: uses only what ingestion supports. `respelled` are the fields that the
    /// stream spells differently: ours first, then the stream's.
    ///
    /// <https://learn.microsoft.com/azure/azure-monitor/data-collection/data-collection-transformations-kql>
    pub fn transform(&self, respelled: &[(&str, String)]) -> String {
        let columns = self.columns.iter().map(|column| match column.name == column.value {
            true => column.name.to_owned(),
            false => format!("{} = {}", column.name, column.value),
        });
        let columns: Vec<_> = columns.collect();
        let only = match self.only {
            "" => String::new(),
            only => format!(" | where {only}"),
        };
        let renamed = respelled.iter().map(|(ours, theirs)| format!("['{ours}'] = ['{theirs}']"));
        let renamed: Vec<_> = renamed.collect();
        let renamed = match renamed.is_empty() {
            true => String::new(),
            false => format!(" | project-rename {}", renamed.join(", ")),
        };
        format!("source{renamed}{only} | project {}", columns.join(", "))
    }
}

pub(super) const fn column(name: &'static str, kind: ColumnType, value: &'static str) -> Filled {
    Filled { name, kind, value }
}

pub(super) const fn same(name: &'static str, kind: ColumnType) -> Filled {
    column(name, kind, name)
}

pub(super) const TIME: Filled = same("TimeGenerated", DateTime);

/// A back-fill brings 90 days at once, and all would seem to be of the day they came in.
const RECENT_DAYS: &str = "createdDateTime > ago(2d)";
const RECENT_TIMES: &str = "['time'] > ago(2d)";

/// Of `graph.secure_scores`.
pub const M365_SECURE_SCORE: Classic = Classic {
    table: "M365SecureScore_CL",
    only: RECENT_DAYS,
    columns: &[
        TIME,
        column("id_s", Text, "['id']"),
        column("azureTenantId_g", Guid, "toguid(azureTenantId)"),
        column("createdDateTime_t", DateTime, "createdDateTime"),
        column("activeUserCount_d", Real, "activeUserCount"),
        column("licensedUserCount_d", Real, "licensedUserCount"),
        column("currentScore_d", Real, "currentScore"),
        column("maxScore_d", Real, "maxScore"),
        column("enabledServices_s", Text, "tostring(enabledServices)"),
        column("averageComparativeScores_s", Text, "tostring(averageComparativeScores)"),
        // The controls have a table of their own; a day's list of them is longer than a field may be.
        column("controlScores_s", Text, "''"),
        column("vendorInformation_provider_s", Text, "tostring(vendorInformation.provider)"),
        column(
            "vendorInformation_providerVersion_s",
            Text,
            "tostring(vendorInformation.providerVersion)",
        ),
        column("vendorInformation_subProvider_s", Text, "tostring(vendorInformation.subProvider)"),
        column("vendorInformation_vendor_s", Text, "tostring(vendorInformation.vendor)"),
    ],
};

/// Of `graph.secure_score_controls`.
///
/// The old solution's writer named a column by what the value looked like: two are there in both ways.
pub const M365_SECURE_SCORE_CONTROLS: Classic = Classic {
    table: "M365SecureScoreControls_CL",
    only: RECENT_DAYS,
    columns: &[
        TIME,
        column("controlCategory_s", Text, "controlCategory"),
        column("controlName_s", Text, "controlName"),
        column("description_s", Text, "description"),
        column("implementationStatus_s", Text, "implementationStatus"),
        column("score_d", Real, "score"),
        column("scoreInPercentage_d", Real, "scoreInPercentage"),
        column("controlState_s", Text, "controlState"),
        column("count_s", Text, "['count']"),
        column("total_s", Text, "['total']"),
        column("on_s", Text, "['on']"),
        column("state_s", Text, "['state']"),
        column("source_s", Text, "['source']"),
        column("expiry_s", Text, "expiry"),
        column("expiry_t", DateTime, "todatetime(expiry)"),
        column("lastSynced_s", Text, "tostring(lastSynced)"),
        column("lastSynced_t", DateTime, "lastSynced"),
        column("IsApplicable_s", Text, "IsApplicable"),
        column("mdoImplementationStatus_s", Text, "mdoImplementationStatus"),
    ],
};

const SCORE: &[Filled] =
    &[TIME, column("time_t", DateTime, "['time']"), column("score_d", Real, "score")];

/// Of `defender.device_secure_score`.
pub const MDFE_SECURE_SCORE: Classic =
    Classic { table: "MDfESecureScore_CL", only: RECENT_TIMES, columns: SCORE };

/// Of `defender.exposure_score`.
pub const MDFE_EXPOSURE_SCORE: Classic =
    Classic { table: "MDfEExposureScore_CL", only: RECENT_TIMES, columns: SCORE };

/// Of `defender.recommendations`.
pub const MDFE_RECOMMENDATIONS: Classic = Classic {
    table: "MDfERecommendations_CL",
    only: "",
    columns: &[
        TIME,
        column("id_s", Text, "['id']"),
        column("productName_s", Text, "productName"),
        column("vendor_s", Text, "vendor"),
        column("relatedComponent_s", Text, "relatedComponent"),
        column("recommendationName_s", Text, "recommendationName"),
        column("recommendedVersion_s", Text, "recommendedVersion"),
        column("weaknesses_d", Real, "weaknesses"),
        column("publicExploit_b", Boolean, "publicExploit"),
        column("activeAlert_b", Boolean, "activeAlert"),
        column("severityScore_d", Real, "severityScore"),
        column("configScoreImpact_d", Real, "configScoreImpact"),
        column("exposureImpact_d", Real, "exposureImpact"),
        column("exposedMachinesCount_d", Real, "exposedMachinesCount"),
        column("totalMachineCount_d", Real, "totalMachineCount"),
        column("nonProductivityImpactedAssets_d", Real, "nonProductivityImpactedAssets"),
        column("recommendationCategory_s", Text, "recommendationCategory"),
        column("subCategory_s", Text, "subCategory"),
        column("remediationType_s", Text, "remediationType"),
        column("status_s", Text, "['status']"),
        column("associatedThreats_s", Text, "tostring(associatedThreats)"),
    ],
};

/// Of `defender.vulnerabilities`.
pub const MDFE_VULNERABILITIES_LIST: Classic = Classic {
    table: "MDfEVulnerabilitiesList_CL",
    only: "",
    columns: &[
        TIME,
        column("id_s", Text, "['id']"),
        column("name_s", Text, "name"),
        column("description_s", Text, "description"),
        column("severity_s", Text, "severity"),
        column("cvssV3_d", Real, "cvssV3"),
        column("exposedMachines_d", Real, "exposedMachines"),
        column("publishedOn_t", DateTime, "publishedOn"),
        column("updatedOn_t", DateTime, "updatedOn"),
        column("publicExploit_b", Boolean, "publicExploit"),
        column("exploitVerified_b", Boolean, "exploitVerified"),
        column("exploitInKit_b", Boolean, "exploitInKit"),
        column("exploitTypes_s", Text, "tostring(exploitTypes)"),
        column("exploitUris_s", Text, "tostring(exploitUris)"),
    ],
};
