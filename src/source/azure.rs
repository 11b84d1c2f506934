//! Microsoft Defender for Cloud: subscriptions, secure scores, assessments.

use super::resources::{SUBSCRIPTIONS_LIST, SUBSCRIPTIONS_VERSION};
use super::table::{datetime, dynamic, real, text};
use super::{Api, Fetch, Permission, Reads, Resources, Sends, Source, Table};
use crate::digest::Kind;
use jiff::SignedDuration;

pub(super) const SECURITY_READER: Permission =
    Permission::AzureRole("Security Reader", "39bc4728-0917-49c7-9d2c-d95423bc2eb4");

/// Azure subscriptions that the identity may read, delegated ones of other tenants left aside.
///
/// None at all is mostly a missing role: Resource Graph shows what the caller may read and says
/// nothing of the rest.
///
/// <https://learn.microsoft.com/rest/api/resources/subscriptions/list>
pub const AZURE_SUBSCRIPTIONS: Source = Source {
    name: "azure.subscriptions",
    about: "Azure subscriptions that the identity may read",
    api: Api::Arm,
    fetch: Fetch::Resources(Resources {
        rows: Some(("resourcecontainers", "microsoft.resources/subscriptions")),
        list: SUBSCRIPTIONS_LIST,
        version: SUBSCRIPTIONS_VERSION,
        fields: &[
            ("displayName", &["name"]),
            ("state", &["properties.state"]),
            ("managedByTenants", &["properties.managedByTenants"]),
            ("subscriptionPolicies", &["properties.subscriptionPolicies"]),
        ],
    }),
    key: &["id"],
    reads: Reads::Whole,
    needs: SECURITY_READER,
    default: true,
    every: SignedDuration::from_hours(24),
    sends: Sends::All,
    digest: Kind::AzureSubscriptions,
    table: Table {
        name: "PostureAzureSubscriptions_CL",
        columns: &[
            text("id").named("SubscriptionResourceId"),
            text("name").named("SubscriptionName"),
            text("type").named("RecordType"),
            text("tenantId").named("RecordTenantId"),
            text("subscriptionId"),
            text("displayName"),
            text("state"),
            dynamic("managedByTenants"),
            dynamic("tags"),
            dynamic("subscriptionPolicies"),
            dynamic("properties"),
        ],
        classic: &[],
    },
};

/// The secure score of Defender for Cloud, one record per subscription and initiative.
///
/// `percentage` is a share, 0 to 1; `weight` is what the subscription counts when scores are combined.
/// The default initiative is named `ascScore`.
///
/// <https://learn.microsoft.com/rest/api/defenderforcloud/secure-scores/list>
pub const AZURE_SECURE_SCORES: Source = Source {
    name: "azure.secure_scores",
    about: "Secure score of Defender for Cloud of each subscription",
    api: Api::Arm,
    fetch: Fetch::Resources(Resources {
        rows: Some(("securityresources", "microsoft.security/securescores")),
        list: "/subscriptions/{}/providers/Microsoft.Security/secureScores",
        version: "2020-01-01",
        fields: &[
            ("displayName", &["properties.displayName"]),
            ("currentScore", &["properties.score.current"]),
            ("maxScore", &["properties.score.max"]),
            ("percentage", &["properties.score.percentage"]),
            ("weight", &["properties.weight"]),
        ],
    }),
    key: &["id"],
    reads: Reads::Whole,
    needs: SECURITY_READER,
    default: true,
    every: SignedDuration::from_hours(6),
    sends: Sends::All,
    digest: Kind::AzureScores,
    table: Table {
        name: "PostureAzureSecureScores_CL",
        columns: &[
            text("id").named("SecureScoreId"),
            text("name").named("SecureScoreName"),
            text("type").named("RecordType"),
            text("tenantId").named("RecordTenantId"),
            text("subscriptionId"),
            text("displayName"),
            real("currentScore"),
            real("maxScore"),
            real("percentage"),
            real("weight"),
            dynamic("properties"),
        ],
        classic: &[],
    },
};

/// The score of each security control, one record per control and subscription.
///
/// `maxScore` is the effective maximum: 0 where nothing applicable is in the control.
///
/// <https://learn.microsoft.com/rest/api/defenderforcloud/secure-score-controls/list>
pub const AZURE_SECURE_SCORE_CONTROLS: Source = Source {
    name: "azure.secure_score_controls",
    about: "Score of each security control of Defender for Cloud in each subscription",
    api: Api::Arm,
    fetch: Fetch::Resources(Resources {
        rows: Some(("securityresources", "microsoft.security/securescores/securescorecontrols")),
        list: "/subscriptions/{}/providers/Microsoft.Security/secureScoreControls?$expand=definition",
        version: "2020-01-01",
        fields: &[
            ("displayName", &["properties.displayName"]),
            ("currentScore", &["properties.score.current"]),
            ("maxScore", &["properties.score.max"]),
            ("percentage", &["properties.score.percentage"]),
            ("weight", &["properties.weight"]),
            ("healthyResourceCount", &["properties.healthyResourceCount"]),
            ("unhealthyResourceCount", &["properties.unhealthyResourceCount"]),
            ("notApplicableResourceCount", &["properties.notApplicableResourceCount"]),
            ("definitionId", &["properties.definition.id"]),
        ],
    }),
    key: &["id"],
    reads: Reads::Whole,
    needs: SECURITY_READER,
    default: true,
    every: SignedDuration::from_hours(6),
    sends: Sends::All,
    digest: Kind::Records,
    table: Table {
        name: "PostureAzureSecureScoreControls_CL",
        columns: &[
            text("id").named("ControlId"),
            text("name").named("ControlName"),
            text("type").named("RecordType"),
            text("tenantId").named("RecordTenantId"),
            text("subscriptionId"),
            text("displayName"),
            real("currentScore"),
            real("maxScore"),
            real("percentage"),
            real("weight"),
            real("healthyResourceCount"),
            real("unhealthyResourceCount"),
            real("notApplicableResourceCount"),
            text("definitionId"),
            dynamic("properties"),
        ],
        classic: &[],
    },
};

/// The security controls themselves, the same for all subscriptions.
///
/// Resource Graph doesn't have them; the one list is the tenant's.
///
/// <https://learn.microsoft.com/rest/api/defenderforcloud/secure-score-control-definitions/list>
pub const CONTROL_DEFINITIONS: Source = Source {
    name: "azure.control_definitions",
    about: "What each security control of Defender for Cloud is worth, and its assessments",
    api: Api::Arm,
    fetch: Fetch::Resources(Resources {
        rows: None,
        list: "/providers/Microsoft.Security/secureScoreControlDefinitions",
        version: "2020-01-01",
        fields: &[
            ("displayName", &["properties.displayName"]),
            ("description", &["properties.description"]),
            ("maxScore", &["properties.maxScore"]),
            ("sourceType", &["properties.source.sourceType"]),
            ("assessmentDefinitions", &["properties.assessmentDefinitions"]),
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
        name: "PostureAzureControlDefinitions_CL",
        columns: &[
            text("id").named("DefinitionId"),
            text("name").named("DefinitionName"),
            text("type").named("RecordType"),
            text("tenantId").named("RecordTenantId"),
            text("subscriptionId"),
            text("displayName"),
            text("description"),
            real("maxScore"),
            text("sourceType"),
            dynamic("assessmentDefinitions"),
            dynamic("properties"),
        ],
        classic: &[],
    },
};

/// The state of each recommendation on each resource, healthy ones included.
///
/// `severity`, `categories` and the dates come from Resource Graph only. `portalLink` may come
/// without `https://`.
///
/// <https://learn.microsoft.com/rest/api/defenderforcloud/assessments/list>
pub const ASSESSMENTS: Source = Source {
    name: "azure.assessments",
    about: "State of each Defender for Cloud recommendation on each resource",
    api: Api::Arm,
    fetch: Fetch::Resources(Resources {
        rows: Some(("securityresources", "microsoft.security/assessments")),
        list: "/subscriptions/{}/providers/Microsoft.Security/assessments",
        version: "2021-06-01",
        fields: &[
            ("displayName", &["properties.displayName"]),
            ("statusCode", &["properties.status.code"]),
            ("statusCause", &["properties.status.cause"]),
            ("statusDescription", &["properties.status.description"]),
            ("firstEvaluationDate", &["properties.status.firstEvaluationDate"]),
            ("statusChangeDate", &["properties.status.statusChangeDate"]),
            ("severity", &["properties.metadata.severity"]),
            ("categories", &["properties.metadata.categories"]),
            ("riskLevel", &["properties.risk.level"]),
            (
                "resourceSource",
                &["properties.resourceDetails.Source", "properties.resourceDetails.source"],
            ),
            (
                "assessedResourceId",
                &["properties.resourceDetails.Id", "properties.resourceDetails.id"],
            ),
            ("portalLink", &["properties.links.azurePortal", "properties.links.azurePortalUri"]),
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
        name: "PostureAzureAssessments_CL",
        columns: &[
            text("id").named("AssessmentId"),
            text("name").named("AssessmentKey"),
            text("type").named("RecordType"),
            text("tenantId").named("RecordTenantId"),
            text("subscriptionId"),
            text("resourceGroup"),
            text("displayName"),
            text("statusCode"),
            text("statusCause"),
            text("statusDescription"),
            datetime("firstEvaluationDate"),
            datetime("statusChangeDate"),
            text("severity"),
            dynamic("categories"),
            text("riskLevel"),
            text("resourceSource"),
            text("assessedResourceId"),
            text("portalLink"),
            dynamic("properties"),
        ],
        classic: &[],
    },
};
