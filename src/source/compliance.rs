//! Microsoft Defender for Cloud: regulatory compliance.

use super::azure::SECURITY_READER;
use super::table::{dynamic, real, text};
use super::{Api, Fetch, Reads, Resources, Sends, Source, Table};
use crate::digest::Kind;
use jiff::SignedDuration;

/// Regulatory compliance standards, one record per standard and subscription.
///
/// <https://learn.microsoft.com/rest/api/defenderforcloud/regulatory-compliance-standards/list>
pub const COMPLIANCE_STANDARDS: Source = Source {
    name: "azure.compliance_standards",
    about: "Regulatory compliance standards of each subscription",
    api: Api::Arm,
    fetch: Fetch::Resources(Resources {
        rows: Some(("securityresources", "microsoft.security/regulatorycompliancestandards")),
        list: "/subscriptions/{}/providers/Microsoft.Security/regulatoryComplianceStandards",
        version: "2019-01-01-preview",
        fields: &[
            ("state", &["properties.state"]),
            ("passedControls", &["properties.passedControls"]),
            ("failedControls", &["properties.failedControls"]),
            ("skippedControls", &["properties.skippedControls"]),
            ("unsupportedControls", &["properties.unsupportedControls"]),
        ],
    }),
    key: &["id"],
    reads: Reads::Whole,
    needs: SECURITY_READER,
    default: true,
    every: SignedDuration::from_hours(24),
    sends: Sends::All,
    digest: Kind::ComplianceStandards,
    table: Table {
        name: "PostureAzureComplianceStandards_CL",
        columns: &[
            text("id").named("StandardId"),
            text("name").named("StandardName"),
            text("type").named("RecordType"),
            text("tenantId").named("RecordTenantId"),
            text("subscriptionId"),
            text("state"),
            real("passedControls"),
            real("failedControls"),
            real("skippedControls"),
            real("unsupportedControls"),
            dynamic("properties"),
        ],
        classic: &[],
    },
};

/// Controls of the standards, one record per control, standard and subscription.
///
/// The standard's name is in the id where `standardName` is missing.
///
/// <https://learn.microsoft.com/rest/api/defenderforcloud/regulatory-compliance-controls/list>
pub const COMPLIANCE_CONTROLS: Source = Source {
    name: "azure.compliance_controls",
    about: "Controls of each regulatory compliance standard",
    api: Api::Arm,
    fetch: Fetch::Resources(Resources {
        rows: Some((
            "securityresources",
            "microsoft.security/regulatorycompliancestandards/regulatorycompliancecontrols",
        )),
        list: "/subscriptions/{}/providers/Microsoft.Security/regulatoryComplianceStandards/{}/regulatoryComplianceControls",
        version: "2019-01-01-preview",
        fields: &[
            ("standardName", &["properties.standardName"]),
            ("description", &["properties.description"]),
            ("state", &["properties.state"]),
            ("passedAssessments", &["properties.passedAssessments"]),
            ("failedAssessments", &["properties.failedAssessments"]),
            ("skippedAssessments", &["properties.skippedAssessments"]),
            ("unsupportedAssessments", &["properties.unsupportedAssessments"]),
        ],
    }),
    key: &["id"],
    reads: Reads::Whole,
    needs: SECURITY_READER,
    default: true,
    every: SignedDuration::from_hours(24),
    sends: Sends::All,
    digest: Kind::Records,
    table: Table {
        name: "PostureAzureComplianceControls_CL",
        columns: &[
            text("id").named("ControlId"),
            text("name").named("ControlName"),
            text("type").named("RecordType"),
            text("tenantId").named("RecordTenantId"),
            text("subscriptionId"),
            text("standardName"),
            text("description"),
            text("state"),
            real("passedAssessments"),
            real("failedAssessments"),
            real("skippedAssessments"),
            real("unsupportedAssessments"),
            dynamic("properties"),
        ],
        classic: &[],
    },
};

/// Assessments of the controls, one record per assessment, control, standard and subscription.
///
/// Add up only rows whose `scope` is empty, `Subscription` or `MultiCloudAggregation`: others count
/// the same thing once more.
///
/// <https://learn.microsoft.com/rest/api/defenderforcloud/regulatory-compliance-assessments/list>
pub const COMPLIANCE_ASSESSMENTS: Source = Source {
    name: "azure.compliance_assessments",
    about: "Assessments of each regulatory compliance control",
    api: Api::Arm,
    fetch: Fetch::Resources(Resources {
        rows: Some((
            "securityresources",
            "microsoft.security/regulatorycompliancestandards/regulatorycompliancecontrols/regulatorycomplianceassessments",
        )),
        list: "/subscriptions/{}/providers/Microsoft.Security/regulatoryComplianceStandards/{}/regulatoryComplianceControls/{}/regulatoryComplianceAssessments",
        version: "2019-01-01-preview",
        fields: &[
            ("description", &["properties.description"]),
            ("assessmentType", &["properties.assessmentType"]),
            ("assessmentDetailsLink", &["properties.assessmentDetailsLink"]),
            ("state", &["properties.state"]),
            ("scope", &["properties.scope"]),
            ("passedResources", &["properties.passedResources"]),
            ("failedResources", &["properties.failedResources"]),
            ("skippedResources", &["properties.skippedResources"]),
            ("unsupportedResources", &["properties.unsupportedResources"]),
        ],
    }),
    key: &["id"],
    reads: Reads::Whole,
    needs: SECURITY_READER,
    default: true,
    every: SignedDuration::from_hours(24),
    sends: Sends::All,
    digest: Kind::Records,
    table: Table {
        name: "PostureAzureComplianceAssessments_CL",
        columns: &[
            text("id").named("ComplianceAssessmentId"),
            text("name").named("AssessmentKey"),
            text("type").named("RecordType"),
            text("tenantId").named("RecordTenantId"),
            text("subscriptionId"),
            text("description"),
            text("assessmentType"),
            text("assessmentDetailsLink"),
            text("state"),
            text("scope"),
            real("passedResources"),
            real("failedResources"),
            real("skippedResources"),
            real("unsupportedResources"),
            dynamic("properties"),
        ],
        classic: &[],
    },
};
