//! The exports of Defender, one row per device and thing: what there is, and where.
//!
//! A row follows from tenant, device, its number on the device, and the six-hour snapshot. Files
//! and pages of one snapshot hold the same rows.
//!
//! ```text
//! row    one row as JSON             flaws     vulnerabilities and their changes
//! rows   the other kinds of row      pages     the JSON form          files, storage   the file form
//! ```

mod files;
pub(crate) mod flaws;
mod pages;
mod row;
mod rows;
pub(crate) mod storage;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::limits::Rate;
use crate::options::RowsPerDevice;
use crate::scene::{Machine, Scene, earlier};

pub(crate) use files::answer as files;
pub(crate) use pages::{answer as pages, ask};
pub(crate) use row::{Row, Style};

/// Seconds between two snapshots.
pub(crate) const STEP_S: i64 = 6 * 3600;

/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities>
pub(crate) const FILE_RATES: [Rate; 2] = [Rate::new(5, 60), Rate::new(20, 3600)];
pub(crate) const PAGE_RATES: [Rate; 2] = [Rate::new(30, 60), Rate::new(1000, 3600)];

/// One kind of export.
pub(crate) struct Set {
    /// Paths behind `/api/` of the two forms.
    pub files: &'static str,
    pub pages: &'static str,
    /// Folder of its files in storage.
    folder: &'static str,
    /// Type in `@odata.context`.
    title: &'static str,
    pub role: &'static str,
    /// Folder of its recorded pages.
    pub source: &'static str,
    style: Style,
    count: fn(&RowsPerDevice) -> u32,
    write: fn(&View, &Machine, u64, &mut Row),
}

pub(crate) const CHANGES: &str = "machines/SoftwareVulnerabilityChangesByMachine";
pub(crate) const CHANGES_SOURCE: &str = "defender.device_vulnerability_changes";

const VULNERABILITY: &str = "Vulnerability.Read.All";
const SOFTWARE: &str = "Software.Read.All";

pub(crate) static SETS: [Set; 7] = [
    Set {
        files: "machines/SoftwareVulnerabilitiesExport",
        pages: "machines/SoftwareVulnerabilitiesByMachine",
        folder: "VaExport",
        title: "AssetVulnerability",
        role: VULNERABILITY,
        source: "defender.device_vulnerabilities",
        style: Style::Camel,
        count: |rows| rows.vulnerabilities,
        write: flaws::write,
    },
    Set {
        files: "machines/SoftwareInventoryExport",
        pages: "machines/SoftwareInventoryByMachine",
        folder: "SoftwareInventory",
        title: "AssetSoftware",
        role: SOFTWARE,
        source: "defender.device_software",
        style: Style::Camel,
        count: |rows| rows.software,
        write: rows::software,
    },
    Set {
        files: "machines/SecureConfigurationsAssessmentExport",
        pages: "machines/SecureConfigurationsAssessmentByMachine",
        folder: "ScaExport",
        title: "AssetConfiguration",
        role: VULNERABILITY,
        source: "defender.device_configurations",
        style: Style::Camel,
        count: |rows| rows.configurations,
        write: rows::configuration,
    },
    Set {
        files: "machines/BaselineComplianceAssessmentExport",
        pages: "machines/baselineComplianceAssessmentByMachine",
        folder: "BaselineAssessmentExport",
        title: "AssetBaselineAssessment",
        role: "SecurityBaselinesAssessment.Read.All",
        source: "defender.device_baselines",
        style: Style::Camel,
        count: |rows| rows.baselines,
        write: rows::baseline,
    },
    Set {
        files: "machines/certificateAssessmentExport",
        pages: "machines/certificateAssessmentByMachine",
        folder: "CertificateAssessmentExport",
        title: "AssetCertificateAssessment",
        role: VULNERABILITY,
        source: "defender.certificates",
        style: Style::Camel,
        count: |rows| rows.certificates,
        write: rows::certificate,
    },
    Set {
        files: "machines/browserextensionsinventoryExport",
        pages: "machines/BrowserExtensionsInventoryByMachine",
        folder: "BrowserExtensions",
        title: "AssetBrowserExtension",
        role: SOFTWARE,
        source: "defender.browser_extensions",
        style: Style::Pascal,
        count: |rows| rows.extensions,
        write: rows::extension,
    },
    Set {
        files: "machines/HardwareFirmwareInventoryExport",
        pages: "machines/HardwareFirmwareInventoryByMachine",
        folder: "FirmwareHardwareExport",
        title: "AssetHardwareFirmware",
        role: SOFTWARE,
        source: "defender.firmware",
        style: Style::Camel,
        count: |rows| rows.firmware,
        write: rows::firmware,
    },
];

/// A tenant as of one snapshot.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub scene: Scene,
    /// Number of the snapshot: six-hour steps since 1970.
    pub step: i64,
    /// Number of the snapshot at the simulator's start.
    pub first: i64,
    pub rows: RowsPerDevice,
}

impl View {
    pub(crate) fn time(&self) -> Timestamp {
        time_of(self.step)
    }

    /// Seconds before the snapshot, as rows write it.
    fn before(&self, seconds: u64) -> String {
        plain(earlier(self.time(), seconds))
    }

    /// How many devices there are.
    fn devices(&self) -> u64 {
        self.scene.tenant.devices.into()
    }
}

pub(crate) fn time_of(step: i64) -> Timestamp {
    Timestamp::from_second(step.saturating_mul(STEP_S)).unwrap_or(Timestamp::MAX)
}

/// Number of the snapshot that is the newest at `time`.
pub(crate) fn step_at(time: Timestamp) -> i64 {
    time.as_second().div_euclid(STEP_S)
}

/// An instant as exports write it: no `T`, no zone.
fn plain(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S%.7f").to_string()
}

/// Rows of these devices, each made when it is asked for.
fn rows_of(
    view: Arc<View>,
    set: &'static Set,
    style: Style,
    devices: impl Iterator<Item = u64> + Send + Sync,
) -> impl Iterator<Item = Bytes> + Send + Sync {
    let count = u64::from((set.count)(&view.rows));
    devices.flat_map(move |device| {
        let (view, machine) = (view.clone(), machine(&view, device));
        (0..count).map(move |slot| {
            let mut row = Row::new(style);
            (set.write)(&view, &machine, slot, &mut row);
            row.finish()
        })
    })
}

fn set_of(source: &str) -> Option<&'static Set> {
    SETS.iter().find(|set| set.source == source)
}

/// How many rows an export has.
pub(crate) fn total(view: &View, source: &str) -> u64 {
    let each = set_of(source).map_or(0, |set| (set.count)(&view.rows));
    u64::from(each) * view.devices()
}

/// Row `number` of an export, its keys in PascalCase.
pub(crate) fn record(view: &View, source: &str, number: u64) -> Option<serde_json::Value> {
    let set = set_of(source)?;
    let each = u64::from((set.count)(&view.rows)).max(1);
    let mut row = Row::new(Style::Pascal);
    (set.write)(view, &machine(view, number / each), number % each, &mut row);
    serde_json::from_slice(&row.finish()).ok()
}

/// A device with its number, and its group as of the snapshot.
pub(crate) fn machine(view: &View, number: u64) -> Machine {
    let machine = view.scene.machine(number);
    let group = flaws::group(view, number, machine.rbac_group_id);
    Machine { number, rbac_group_id: group, ..machine }
}

/// The fields that most rows begin with.
fn device(row: &mut Row, machine: &Machine) {
    row.text("deviceId", &machine.id)
        .text("deviceName", &machine.computer_dns_name)
        .plain("rbacGroupId", machine.rbac_group_id)
        .text("rbacGroupName", machine.group());
}

/// Where a piece of software was found: on disk or in the registry, in turn.
fn places(row: &mut Row, vendor: &str, product: &str, slot: u64) {
    let disk = format!(r"C:\Program Files\{product}\{product}.exe");
    let registry = format!(r"HKEY_LOCAL_MACHINE\SOFTWARE\{vendor}\{product}");
    let on_disk = usize::from(slot.is_multiple_of(2));
    row.list("diskPaths", &[disk.as_str()][..on_disk]);
    row.list("registryPaths", &[registry.as_str()][on_disk..]);
}
