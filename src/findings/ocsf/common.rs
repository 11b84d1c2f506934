//! What all events have in common, and the classes.

use super::VERSION;
use super::row::{Const, How, Row, Word, always, missing, row};

/// A class of events.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// Its number.
    pub uid: i64,
    /// Its name.
    pub name: &'static str,
    /// The number of its category.
    pub category: i64,
    /// The name of that.
    pub category_name: &'static str,
    /// The names of its activities.
    pub activities: &'static [(i64, &'static str)],
    /// What every event of the class must have, after a mapping's own rows.
    pub ending: &'static [Row],
}

const FINDING: &[(i64, &str)] = &[(0, "Unknown"), (1, "Create"), (2, "Update"), (3, "Close")];
const DISCOVERY: &[(i64, &str)] = &[(0, "Unknown"), (1, "Log"), (2, "Collect")];

const fn finding(uid: i64, name: &'static str, ending: &'static [Row]) -> Class {
    Class { uid, name, category: 2, category_name: "Findings", activities: FINDING, ending }
}

/// <https://schema.ocsf.io/1.8.0/classes/compliance_finding>
pub const COMPLIANCE: Class = finding(
    2003,
    "Compliance Finding",
    &[
        FINDING_UID,
        FINDING_TITLE,
        TENANT,
        // Every event has metadata: so every finding of the class has `compliance`.
        missing("compliance.status_id", Const::Number(0)).only_with("metadata"),
        missing("compliance.status", Const::Text("Unknown")).only_with("metadata"),
        missing("status_id", Const::Number(0)),
        missing("status", Const::Text("Unknown")),
    ],
);

/// <https://schema.ocsf.io/1.8.0/classes/vulnerability_finding>
pub const VULNERABILITY: Class = finding(
    2002,
    "Vulnerability Finding",
    &[
        FINDING_UID,
        FINDING_TITLE,
        missing("vulnerabilities[].affected_packages[].name", Const::Text("unknown")),
        missing("vulnerabilities[].affected_packages[].version", Const::Text("unknown")),
        missing("vulnerabilities[].remediation.desc", Const::Text("See references")),
        // A vulnerability has a CVE or an advisory, and never both.
        missing("vulnerabilities[].advisory.uid", Const::Text("unknown"))
            .unless("vulnerabilities[].cve")
            .only_with("vulnerabilities"),
        missing("vulnerabilities", Const::None),
        missing("status_id", Const::Number(0)),
        missing("status", Const::Text("Unknown")),
    ],
);

/// <https://schema.ocsf.io/1.8.0/classes/detection_finding>
pub const DETECTION: Class = finding(
    2004,
    "Detection Finding",
    &[
        FINDING_UID,
        FINDING_TITLE,
        missing("status_id", Const::Number(0)),
        missing("status", Const::Text("Unknown")),
    ],
);

/// <https://schema.ocsf.io/1.8.0/classes/inventory_info>
pub const DEVICE: Class = Class {
    uid: 5001,
    name: "Device Inventory Info",
    category: 5,
    category_name: "Discovery",
    activities: DISCOVERY,
    ending: &[
        row(&["@RecordId"], "device.uid", How::Text).unless("device.uid"),
        missing("device.type_id", Const::Number(0)),
        missing("device.type", Const::Text("Unknown")),
        missing("device.os.type_id", Const::Number(0)),
        missing("device.os.name", Const::Text("Unknown")),
    ],
};

const FINDING_UID: Row =
    row(&["@RecordId"], "finding_info.uid", How::Text).unless("finding_info.uid");
const FINDING_TITLE: Row =
    row(&["@Source"], "finding_info.title", How::Text).unless("finding_info.title");
/// Where nothing narrower is named, the finding is about the tenant.
const TENANT: Row = row(&["@AadTenantId"], "resources[].uid", How::Text).unless("resources");

/// What every event begins with.
pub const HEAD: &[Row] = &[
    always("metadata.version", Const::Text(VERSION)),
    always("metadata.profiles[]", Const::Text("cloud")),
    always("metadata.product.vendor_name", Const::Text("Microsoft")),
    row(&["@Source"], "metadata.log_name", How::Text),
    row(&["@RunId"], "metadata.correlation_uid", How::Text),
    row(&["@RecordId"], "metadata.original_event_uid", How::Text),
    row(&["@CollectedTime"], "metadata.logged_time", How::Time),
    always("cloud.provider", Const::Text("Azure")),
    row(&["@AadTenantId"], "cloud.account.uid", How::Text),
    row(&["@TenantName"], "cloud.account.name", How::Text),
];

/// What every event ends with.
pub const ENDING: &[Row] = &[
    row(&["@CollectedTime"], "time", How::Time).unless("time"),
    missing("time", Const::Number(0)),
    missing("severity_id", Const::Number(0)),
    missing("severity", Const::Text("Unknown")),
    missing("activity_id", Const::Number(0)),
];

pub(super) const fn word(is: &'static str, id: i64, caption: &'static str) -> Word {
    Word { is, id, caption }
}

/// <https://schema.ocsf.io/1.8.0/dictionary_attributes/severity_id>
pub(super) const SEVERITIES: &[Word] = &[
    word("unknown", 0, "Unknown"),
    word("none", 1, "Informational"),
    word("informational", 1, "Informational"),
    word("low", 2, "Low"),
    word("medium", 3, "Medium"),
    word("high", 4, "High"),
    word("critical", 5, "Critical"),
];
