//! Detection findings: the alerts of all Defender products.

use super::Mapping;
use super::common::{DETECTION, SEVERITIES, word};
use super::row::{Const, How, Word, always, row};

/// <https://learn.microsoft.com/graph/api/resources/security-alert#alertstatus-values>
const STATUSES: &[Word] = &[
    word("unknown", 0, "Unknown"),
    word("new", 1, "New"),
    word("inProgress", 2, "In Progress"),
    word("resolved", 4, "Resolved"),
];
const ACTIVITIES: &[Word] = &[
    word("unknown", 0, "Unknown"),
    word("new", 1, "Create"),
    word("inProgress", 2, "Update"),
    word("resolved", 3, "Close"),
];

pub(super) const ALERTS: Mapping = Mapping {
    source: "graph.alerts",
    class: &DETECTION,
    product: "Microsoft Defender XDR",
    rows: &[&[
        always("is_alert", Const::Flag(true)),
        row(&["productName"], "metadata.product.name", How::Text),
        row(&["lastUpdateDateTime", "createdDateTime"], "time", How::Time),
        row(&["firstActivityDateTime"], "start_time", How::Time),
        row(&["lastActivityDateTime"], "end_time", How::Time),
        row(&["title"], "finding_info.title", How::Text),
        row(&["title"], "message", How::Text),
        row(&["description"], "finding_info.desc", How::Text),
        row(&["id"], "finding_info.uid_alt", How::Text),
        row(&["createdDateTime"], "finding_info.created_time", How::Time),
        row(&["lastUpdateDateTime"], "finding_info.modified_time", How::Time),
        row(&["firstActivityDateTime"], "finding_info.first_seen_time", How::Time),
        row(&["lastActivityDateTime"], "finding_info.last_seen_time", How::Time),
        row(&["alertWebUrl"], "finding_info.src_url", How::Text),
        row(&["categories", "category"], "finding_info.types[]", How::Texts),
        row(&["detectionSource"], "finding_info.data_sources[]", How::Texts),
        row(&["mitreTechniques"], "finding_info.attacks[].technique.uid", How::EachText),
        row(&["detectorId"], "finding_info.analytic.uid", How::Text),
        row(&["detectorId"], "finding_info.analytic.type_id", How::Always(Const::Number(1)))
            .only_with("finding_info.analytic"),
        row(&["detectorId"], "finding_info.analytic.type", How::Always(Const::Text("Rule")))
            .only_with("finding_info.analytic"),
        row(&["severity"], "severity_id", How::Words(SEVERITIES)),
        row(&["status"], "status_id", How::Words(STATUSES)),
        row(&["status"], "activity_id", How::Words(ACTIVITIES)),
        row(&["classification"], "status_code", How::Text),
        row(&["determination"], "status_detail", How::Text),
        row(&["recommendedActions"], "remediation.desc", How::Text),
        row(&["evidence"], "evidences[].data", How::EachAsIs),
    ]],
};
