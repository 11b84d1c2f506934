//! Tables of advanced hunting: columns, and rows from what exports, devices and alerts say.

use serde_json::Value;

use crate::export::{self, View};
use crate::graph::table_rows;
use crate::kql::Type;

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

pub(crate) static TABLES: [Table; 11] = [
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
            column("BrowserName", Type::String),
            column("ExtensionId", Type::String),
            column("ExtensionName", Type::String),
            column("ExtensionDescription", Type::String),
            column("ExtensionVersion", Type::String),
            column("ExtensionRisk", Type::String),
            column("ExtensionVendor", Type::String),
            column("IsActivated", Type::SByte),
            column("InstallationTime", Type::DateTime),
        ],
        total: |view| export::total(view, "defender.browser_extensions"),
        row: |view, number| export::record(view, "defender.browser_extensions", number),
    },
    Table {
        name: "DeviceTvmCertificateInfo",
        columns: &[
            ID,
            column("Thumbprint", Type::String),
            column("Path", Type::String),
            column("SerialNumber", Type::String),
            renamed("IssuedTo", "SubjectObject", Type::Object),
            renamed("IssuedBy", "IssuerObject", Type::Object),
            column("FriendlyName", Type::String),
            column("SignatureAlgorithm", Type::String),
            renamed("KeySize", "KeyLength", Type::Int64),
            renamed("ExpirationDate", "NotAfter", Type::DateTime),
            renamed("IssueDate", "NotBefore", Type::DateTime),
            column("SubjectType", Type::String),
            column("KeyUsage", Type::String),
            column("ExtendedKeyUsage", Type::String),
        ],
        total: |view| export::total(view, "defender.certificates"),
        row: |view, number| table_rows::certificate(view, number),
    },
    Table {
        name: "DeviceTvmHardwareFirmware",
        columns: &[
            ID,
            HOST,
            column("ComponentType", Type::String),
            column("Manufacturer", Type::String),
            column("ComponentName", Type::String),
            column("ComponentFamily", Type::String),
            column("ComponentVersion", Type::String),
            column("AdditionalFields", Type::Object),
        ],
        total: |view| export::total(view, "defender.firmware"),
        row: |view, number| export::record(view, "defender.firmware", number),
    },
    Table {
        name: "DeviceTvmSoftwareEvidenceBeta",
        columns: &[
            ID,
            column("SoftwareVendor", Type::String),
            column("SoftwareName", Type::String),
            column("SoftwareVersion", Type::String),
            column("RegistryPaths", Type::List),
            column("DiskPaths", Type::List),
            renamed("LastSeenTime", "SoftwareFirstSeenTimestamp", Type::String),
        ],
        total: |view| export::total(view, "defender.device_software"),
        row: |view, number| export::record(view, "defender.device_software", number),
    },
    Table {
        name: "DeviceTvmInfoGathering",
        columns: &[
            column("Timestamp", Type::DateTime),
            column("LastSeenTime", Type::DateTime),
            ID,
            HOST,
            PLATFORM,
            column("AdditionalFields", Type::Object),
        ],
        total: |view| view.scene.tenant.devices.into(),
        row: |view, number| Some(table_rows::facts(view, number)),
    },
    Table {
        name: "DeviceInfo",
        columns: &[
            column("Timestamp", Type::DateTime),
            ID,
            HOST,
            column("PublicIP", Type::String),
            PLATFORM,
            column("OSBuild", Type::Int64),
            column("OSVersion", Type::String),
            column("IsAzureADJoined", Type::SByte),
            column("AadDeviceId", Type::String),
            column("LoggedOnUsers", Type::String),
            column("MachineGroup", Type::String),
            column("OnboardingStatus", Type::String),
            column("DeviceCategory", Type::String),
            column("DeviceType", Type::String),
            column("DeviceSubtype", Type::String),
            column("Model", Type::String),
            column("Vendor", Type::String),
            column("MergedToDeviceId", Type::String),
            column("IsInternetFacing", Type::SByte),
            column("SensorHealthState", Type::String),
            column("ExposureLevel", Type::String),
            column("AssetValue", Type::String),
        ],
        total: |view| table_rows::REPORTS * u64::from(view.scene.tenant.devices),
        row: |view, number| Some(table_rows::report(view, number)),
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
        row: |view, number| Some(table_rows::node(view, number)),
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
        row: |view, number| Some(table_rows::alert(view, number)),
    },
];
