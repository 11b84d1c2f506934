//! Tables of advanced hunting: columns, and rows from what exports, devices and alerts say.

use serde_json::{Value, json};

use crate::export::{self, View};
use crate::graph::alerts;

/// A column's type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Type {
    String,
    DateTime,
    Int64,
    SByte,
    /// `dynamic` that is an object.
    Object,
    /// `dynamic` that is an array of texts.
    List,
}

impl Type {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Type::String => "String",
            Type::DateTime => "DateTime",
            Type::Int64 => "Int64",
            Type::SByte => "SByte",
            Type::Object | Type::List => "Object",
        }
    }
}

/// A column: its name, and the name of what it shows.
#[derive(Debug)]
pub(crate) struct Column {
    pub name: &'static str,
    from: &'static str,
    pub kind: Type,
}

impl Column {
    /// Name and value of the column in a row.
    pub(crate) fn of(&self, row: &Value) -> (String, Value) {
        let value = match (self.kind, &row[self.from]) {
            (Type::DateTime, Value::String(text)) => date(text),
            (_, value) => value.clone(),
        };
        (self.name.to_owned(), value)
    }
}

/// Exports have a blank for the `T` and no zone; the year 1 is nothing.
fn date(text: &str) -> Value {
    match text {
        _ if text.starts_with("0001") => Value::Null,
        _ if text.ends_with('Z') => text.into(),
        _ if text.len() == "2026-11-20".len() => format!("{text}T00:00:00Z").into(),
        _ => (text.replace(' ', "T") + "Z").into(),
    }
}

/// A table that queries may name.
pub(crate) struct Table {
    pub name: &'static str,
    pub columns: &'static [Column],
    pub total: fn(&View) -> u64,
    /// Row of a number; none for those that the table doesn't have.
    pub row: fn(&View, u64) -> Option<Value>,
}

const fn column(name: &'static str, kind: Type) -> Column {
    Column { name, from: name, kind }
}

const fn renamed(name: &'static str, from: &'static str, kind: Type) -> Column {
    Column { name, from, kind }
}

const ID: Column = column("DeviceId", Type::String);
const HOST: Column = column("DeviceName", Type::String);
const PLATFORM: Column = column("OSPlatform", Type::String);

pub(crate) static TABLES: [Table; 8] = [
    Table {
        name: "DeviceTvmSoftwareVulnerabilities",
        columns: &[
            ID,
            HOST,
            PLATFORM,
            column("SoftwareVendor", Type::String),
            column("SoftwareName", Type::String),
            column("SoftwareVersion", Type::String),
            column("CveId", Type::String),
            column("VulnerabilitySeverityLevel", Type::String),
        ],
        total: |view| export::total(view, "defender.device_vulnerabilities"),
        row: |view, number| {
            let row = export::record(view, "defender.device_vulnerabilities", number)?;
            row["CveId"].is_string().then_some(row)
        },
    },
    Table {
        name: "DeviceTvmSoftwareInventory",
        columns: &[
            ID,
            HOST,
            PLATFORM,
            column("SoftwareVendor", Type::String),
            column("SoftwareName", Type::String),
            column("SoftwareVersion", Type::String),
            column("EndOfSupportStatus", Type::String),
            column("EndOfSupportDate", Type::DateTime),
        ],
        total: |view| export::total(view, "defender.device_software"),
        row: |view, number| export::record(view, "defender.device_software", number),
    },
    Table {
        name: "DeviceTvmSecureConfigurationAssessment",
        columns: &[
            ID,
            HOST,
            column("Timestamp", Type::DateTime),
            column("ConfigurationId", Type::String),
            column("ConfigurationCategory", Type::String),
            column("ConfigurationImpact", Type::Int64),
            column("IsApplicable", Type::SByte),
            column("IsCompliant", Type::SByte),
            column("Context", Type::Object),
        ],
        total: |view| export::total(view, "defender.device_configurations"),
        row: |view, number| export::record(view, "defender.device_configurations", number),
    },
    Table {
        name: "DeviceTvmBrowserExtensions",
        columns: &[
            ID,
            HOST,
            column("BrowserName", Type::String),
            column("ExtensionId", Type::String),
            column("ExtensionName", Type::String),
            column("ExtensionRisk", Type::String),
            column("InstallationTime", Type::DateTime),
            column("IsActivated", Type::SByte),
        ],
        total: |view| export::total(view, "defender.browser_extensions"),
        row: |view, number| export::record(view, "defender.browser_extensions", number),
    },
    Table {
        name: "DeviceTvmCertificateInfo",
        columns: &[
            ID,
            HOST,
            column("Thumbprint", Type::String),
            column("Path", Type::String),
            renamed("KeySize", "KeyLength", Type::Int64),
            renamed("IssueDate", "NotBefore", Type::DateTime),
            renamed("ExpirationDate", "NotAfter", Type::DateTime),
            column("IsSelfSigned", Type::SByte),
        ],
        total: |view| export::total(view, "defender.certificates"),
        row: |view, number| export::record(view, "defender.certificates", number),
    },
    Table {
        name: "DeviceInfo",
        columns: &[
            column("Timestamp", Type::DateTime),
            ID,
            HOST,
            PLATFORM,
            column("OSBuild", Type::Int64),
            column("MachineGroup", Type::String),
            column("IsAzureADJoined", Type::SByte),
            column("LoggedOnUsers", Type::Object),
        ],
        total: |view| view.scene.tenant.devices.into(),
        row: |view, number| Some(device(view, number)),
    },
    Table {
        name: "ExposureGraphNodes",
        columns: &[
            column("NodeId", Type::String),
            column("NodeLabel", Type::String),
            column("NodeName", Type::String),
            column("Categories", Type::List),
            column("NodeProperties", Type::String),
            column("EntityIds", Type::String),
        ],
        total: |view| view.scene.tenant.devices.into(),
        row: |view, number| Some(node(view, number)),
    },
    Table {
        name: "AlertInfo",
        columns: &[
            column("Timestamp", Type::DateTime),
            column("AlertId", Type::String),
            column("Title", Type::String),
            column("Category", Type::String),
            column("Severity", Type::String),
            column("ServiceSource", Type::String),
            column("DetectionSource", Type::String),
            column("AttackTechniques", Type::String),
        ],
        total: |view| view.scene.tenant.alerts.into(),
        row: |view, number| Some(alert(view, number)),
    },
];

fn device(view: &View, number: u64) -> Value {
    let machine = export::machine(view, number);
    json!({
        "Timestamp": view.time().to_string(), "DeviceId": machine.id,
        "DeviceName": machine.computer_dns_name, "OSPlatform": machine.os_platform,
        "OSBuild": machine.os_build, "MachineGroup": machine.group(),
        "IsAzureADJoined": machine.aad_device_id.is_some(), "LoggedOnUsers": null,
    })
}

fn node(view: &View, number: u64) -> Value {
    let machine = export::machine(view, number);
    let id = crate::generate::Draw::new(view.scene.tenant.seed, "node", number).guid();
    let properties = json!({"rawData": {"deviceName": machine.computer_dns_name,
        "osPlatform": machine.os_platform, "highRiskVulnerabilityInsights": {"count": number % 4}}});
    let ids = json!([{"type": "DeviceInventoryId", "id": machine.id}]);
    json!({
        "NodeId": id, "NodeLabel": "device", "NodeName": machine.computer_dns_name,
        "Categories": ["compute", "device"], "NodeProperties": properties.to_string(),
        "EntityIds": ids.to_string(),
    })
}

fn alert(view: &View, number: u64) -> Value {
    let head = alerts::head_of(&view.scene, number);
    let created = alerts::date(&view.scene, number, "createdDateTime");
    json!({
        "Timestamp": created.to_string(), "AlertId": head.id, "Title": head.title,
        "Category": head.tactic, "Severity": head.severity, "ServiceSource": head.product,
        "DetectionSource": head.detection, "AttackTechniques": format!("[\"{}\"]", head.technique),
    })
}
