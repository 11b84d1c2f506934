//! Compliance findings of Microsoft Secure Score and of Defender for Endpoint.

use super::Mapping;
use super::common::{COMPLIANCE, word};
use super::row::{Const, How, Row, Word, always, row};

/// A day's score is no finding that passes or fails: its numbers are under `unmapped`.
pub(super) const SCORE: &[Row] = &[
    always("activity_id", Const::Number(1)),
    always("severity_id", Const::Number(1)),
    always("severity", Const::Text("Informational")),
    always("status_id", Const::Number(99)),
    always("status", Const::Text("Score")),
    always("compliance.status_id", Const::Number(99)),
    always("compliance.status", Const::Text("Score")),
    always("finding_info.types[]", Const::Text("Score")),
];

pub(super) const PASS: Word = word("true", 1, "Pass");
pub(super) const FAIL: Word = word("false", 3, "Fail");
pub(super) const RESOLVED: Word = word("true", 4, "Resolved");
pub(super) const NEW: Word = word("false", 1, "New");
pub(super) const CLOSE: Word = word("true", 3, "Close");
pub(super) const CREATE: Word = word("false", 1, "Create");
/// What doesn't apply has no number of its own.
const NOT_APPLICABLE: Word = word("false", 99, "NotApplicable");

pub(super) const SECURE_SCORES: Mapping = Mapping {
    source: "graph.secure_scores",
    class: &COMPLIANCE,
    product: "Microsoft Secure Score",
    rows: &[
        SCORE,
        &[
            always("finding_info.title", Const::Text("Microsoft Secure Score")),
            always("compliance.standards[]", Const::Text("Microsoft Secure Score")),
            row(&["createdDateTime"], "time", How::Time),
            row(&["id"], "finding_info.uid_alt", How::Text),
            row(&["enabledServices"], "finding_info.data_sources[]", How::Texts),
        ],
    ],
};

pub(super) const DEVICE_SECURE_SCORE: Mapping = Mapping {
    source: "defender.device_secure_score",
    class: &COMPLIANCE,
    product: "Microsoft Defender Vulnerability Management",
    rows: &[
        SCORE,
        &[
            // One per day, whenever and however often it is read.
            row(&["@AadTenantId", "@Source", "time"], "finding_info.uid", How::Joined),
            always("finding_info.title", Const::Text("Microsoft Secure Score for Devices")),
            always("compliance.standards[]", Const::Text("Microsoft Secure Score for Devices")),
            row(&["time"], "time", How::Time),
        ],
    ],
};

pub(super) const SECURE_SCORE_CONTROLS: Mapping = Mapping {
    source: "graph.secure_score_controls",
    class: &COMPLIANCE,
    product: "Microsoft Secure Score",
    rows: &[&[
        row(&["createdDateTime"], "time", How::Time),
        row(&["controlName"], "finding_info.title", How::Text),
        row(&["controlName"], "compliance.control", How::Text),
        row(&["controlCategory"], "compliance.category", How::Text),
        row(&["description"], "finding_info.desc", How::Text),
        row(&["lastSynced"], "finding_info.last_seen_time", How::Time),
        row(&["secureScoreId"], "finding_info.uid_alt", How::Text),
        row(&["source"], "finding_info.data_sources[]", How::Texts),
        row(&["implementationStatus"], "status_detail", How::Text),
        always("compliance.standards[]", Const::Text("Microsoft Secure Score")),
        row(&["scoreInPercentage"], "compliance.status_id", How::Least(100.0, &[PASS, FAIL])),
        row(&["scoreInPercentage"], "status_id", How::Least(100.0, &[RESOLVED, NEW])),
        row(&["scoreInPercentage"], "activity_id", How::Least(100.0, &[CLOSE, CREATE])),
        row(&["IsApplicable"], "compliance.status_id", How::Among(&[NOT_APPLICABLE])),
        row(&["IsApplicable"], "status_id", How::Among(&[NOT_APPLICABLE])),
        row(&["IsApplicable"], "activity_id", How::Among(&[word("false", 3, "Close")])),
    ]],
};

pub(super) const DEVICE_CONFIGURATIONS: Mapping = Mapping {
    source: "defender.device_configurations",
    class: &COMPLIANCE,
    product: "Microsoft Defender Vulnerability Management",
    rows: &[&[
        row(&["timestamp"], "time", How::Time),
        row(&["configurationName"], "finding_info.title", How::Text),
        row(&["configurationId"], "compliance.control", How::Text),
        row(&["configurationCategory"], "compliance.category", How::Text),
        row(&["configurationSubcategory"], "compliance.requirements[]", How::Texts),
        row(&["recommendationReference"], "finding_info.uid_alt", How::Text),
        always("compliance.standards[]", Const::Text("Microsoft Secure Score for Devices")),
        row(&["deviceId"], "resources[].uid", How::Text),
        row(&["deviceName"], "resources[].name", How::Text),
        row(&["rbacGroupName"], "resources[].group.name", How::Text),
        row(&["rbacGroupId"], "resources[].group.uid", How::Text),
        row(&["deviceId", "deviceName"], "resources[].type", How::Always(Const::Text("Device"))),
        row(&["@RecordId"], "resources[].uid", How::Text).unless("resources[].uid"),
        row(&["isCompliant"], "compliance.status_id", How::Among(&[PASS, FAIL])),
        row(&["isCompliant"], "status_id", How::Among(&[RESOLVED, NEW])),
        row(&["isCompliant"], "activity_id", How::Among(&[CLOSE, CREATE])),
        row(&["isApplicable"], "compliance.status_id", How::Among(&[NOT_APPLICABLE])),
        row(&["isApplicable"], "status_id", How::Among(&[NOT_APPLICABLE])),
        row(&["isApplicable"], "activity_id", How::Among(&[word("false", 3, "Close")])),
    ]],
};
