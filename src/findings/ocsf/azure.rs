//! Compliance findings of Microsoft Defender for Cloud.

use super::Mapping;
use super::common::{COMPLIANCE, SEVERITIES, word};
use super::compliance::{CLOSE, CREATE, FAIL, NEW, PASS, RESOLVED, SCORE};
use super::row::{Const, How, Row, Word, always, row};

const PRODUCT: &str = "Microsoft Defender for Cloud";
const BENCHMARK: Row =
    always("compliance.standards[]", Const::Text("Microsoft cloud security benchmark"));
const TITLE: Row = row(&["properties.displayName"], "finding_info.title", How::Text);
const ID: Row = row(&["id"], "finding_info.uid_alt", How::Text);
const SUBSCRIPTION: Row = row(&["subscriptionId"], "cloud.project_uid", How::Text);
/// Of what no resource is named, the subscription is the resource.
const RESOURCE: Row =
    row(&["id"], "resources[].uid", How::Before("/providers/Microsoft.Security/"));

/// States of regulatory compliance; what was skipped or isn't supported has no number of its own.
const STATES: &[Word] = &[word("Passed", 1, "Pass"), word("Failed", 3, "Fail")];
const STATES_OF_FINDING: &[Word] = &[word("Passed", 4, "Resolved"), word("Failed", 1, "New")];
const ACTIVITIES: &[Word] = &[
    word("Passed", 3, "Close"),
    word("Failed", 1, "Create"),
    word("Skipped", 3, "Close"),
    word("Unsupported", 3, "Close"),
];
const CODES: &[Word] = &[word("Healthy", 1, "Pass"), word("Unhealthy", 3, "Fail")];
const CODES_OF_FINDING: &[Word] = &[word("Healthy", 4, "Resolved"), word("Unhealthy", 1, "New")];
const CODE_ACTIVITIES: &[Word] = &[
    word("Healthy", 3, "Close"),
    word("Unhealthy", 1, "Create"),
    word("NotApplicable", 3, "Close"),
];
const STANDARD: Row =
    row(&["id"], "compliance.standards[]", How::Behind("/regulatoryComplianceStandards/"));
const CONTROL: Row =
    row(&["id"], "compliance.control", How::Behind("/regulatoryComplianceControls/"));
const STATE: Row = row(&["properties.state"], "compliance.status_id", How::Words(STATES));
const STATUS: Row = row(&["properties.state"], "status_id", How::Words(STATES_OF_FINDING));
const ACTIVITY: Row = row(&["properties.state"], "activity_id", How::Words(ACTIVITIES));
const DESCRIBED: Row = row(&["properties.description"], "finding_info.title", How::Text);

pub(super) const SECURE_SCORES: Mapping = Mapping {
    source: "azure.secure_scores",
    class: &COMPLIANCE,
    product: PRODUCT,
    rows: &[
        SCORE,
        &[
            // The service names no day: one per day that it is read.
            row(&["@RecordId", "@CollectedTime"], "finding_info.uid", How::Joined),
            TITLE,
            ID,
            row(&["name"], "compliance.standards[]", How::Texts),
            SUBSCRIPTION,
            RESOURCE,
        ],
    ],
};

pub(super) const SECURE_SCORE_CONTROLS: Mapping = Mapping {
    source: "azure.secure_score_controls",
    class: &COMPLIANCE,
    product: PRODUCT,
    rows: &[&[
        TITLE,
        ID,
        row(&["properties.definition.properties.description"], "finding_info.desc", How::Text),
        row(&["id"], "compliance.standards[]", How::Behind("/secureScores/")),
        row(&["name"], "compliance.control", How::Text),
        SUBSCRIPTION,
        RESOURCE,
        row(
            &["properties.score.percentage"],
            "compliance.status_id",
            How::Least(1.0, &[PASS, FAIL]),
        ),
        row(&["properties.score.percentage"], "status_id", How::Least(1.0, &[RESOLVED, NEW])),
        row(&["properties.score.percentage"], "activity_id", How::Least(1.0, &[CLOSE, CREATE])),
    ]],
};

pub(super) const ASSESSMENTS: Mapping = Mapping {
    source: "azure.assessments",
    class: &COMPLIANCE,
    product: PRODUCT,
    rows: &[&[
        TITLE,
        ID,
        BENCHMARK,
        row(&["name"], "compliance.control", How::Text),
        row(&["properties.status.firstEvaluationDate"], "finding_info.created_time", How::Time),
        row(&["properties.status.statusChangeDate"], "finding_info.modified_time", How::Time),
        row(&["properties.metadata.description"], "finding_info.desc", How::Text),
        row(&["properties.metadata.categories"], "finding_info.types[]", How::Texts),
        row(&["properties.metadata.remediationDescription"], "remediation.desc", How::Text),
        row(
            &["properties.links.azurePortal", "properties.links.azurePortalUri"],
            "finding_info.src_url",
            How::Text,
        ),
        row(&["properties.metadata.severity"], "severity_id", How::Words(SEVERITIES)),
        row(&["properties.status.code"], "compliance.status_id", How::Words(CODES)),
        row(&["properties.status.code"], "status_id", How::Words(CODES_OF_FINDING)),
        row(&["properties.status.code"], "activity_id", How::Words(CODE_ACTIVITIES)),
        row(&["properties.status.cause"], "status_code", How::Text),
        row(&["properties.status.description"], "status_detail", How::Text),
        SUBSCRIPTION,
        RESOURCE,
        row(&["properties.resourceDetails.Id"], "resources[].uid", How::Text),
        row(&["properties.resourceDetails.ResourceName"], "resources[].name", How::Text),
        row(&["properties.resourceDetails.ResourceType"], "resources[].type", How::Text),
        row(&["@RecordId"], "resources[].uid", How::Text).unless("resources[].uid"),
    ]],
};

pub(super) const COMPLIANCE_STANDARDS: Mapping = Mapping {
    source: "azure.compliance_standards",
    class: &COMPLIANCE,
    product: PRODUCT,
    rows: &[&[
        row(&["name"], "finding_info.title", How::Text),
        ID,
        row(&["name"], "compliance.standards[]", How::Texts),
        SUBSCRIPTION,
        RESOURCE,
        STATE,
        STATUS,
        ACTIVITY,
    ]],
};

pub(super) const COMPLIANCE_CONTROLS: Mapping = Mapping {
    source: "azure.compliance_controls",
    class: &COMPLIANCE,
    product: PRODUCT,
    rows: &[&[
        DESCRIBED,
        ID,
        STANDARD,
        row(&["name"], "compliance.control", How::Text),
        SUBSCRIPTION,
        RESOURCE,
        STATE,
        STATUS,
        ACTIVITY,
    ]],
};

pub(super) const COMPLIANCE_ASSESSMENTS: Mapping = Mapping {
    source: "azure.compliance_assessments",
    class: &COMPLIANCE,
    product: PRODUCT,
    rows: &[&[
        DESCRIBED,
        ID,
        STANDARD,
        CONTROL,
        row(&["properties.assessmentType"], "finding_info.types[]", How::Texts),
        row(&["properties.assessmentDetailsLink"], "finding_info.src_url", How::Text),
        SUBSCRIPTION,
        RESOURCE,
        STATE,
        STATUS,
        ACTIVITY,
    ]],
};
