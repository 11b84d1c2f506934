//! What the assessments of every device come to: vulnerabilities, settings, software.

use crate::schema;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Freshness, Known, Seen};
use crate::digest::{Digest, Exploits, Kind, Latest, Setting, Severities, Standing, Tally};

/// Vulnerabilities of each software on each device: the newest full snapshot, with the changes applied
/// that came later.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceVulnerabilities {
    /// Rows of device, software and vulnerability as they are now.
    pub total: u64,
    /// The same by severity.
    pub by_severity: Severities,
    /// The same by what is known of exploits.
    pub by_exploitability: Exploits,
    /// Those with an exploit that is public, verified or in a kit, by severity.
    pub with_exploit: Severities,
    /// When the service made the full snapshot; when it was collected, where the service doesn't say.
    #[schemars(with = "schema::Timestamp")]
    pub full_generated: Timestamp,
    /// Rows of the full snapshot.
    pub full_total: u64,
    /// Those of the full snapshot for which there is a security update.
    pub full_with_security_update: u64,
    /// Until when changes are applied; null where none were ever read since the full snapshot.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub changes_through: Option<Timestamp>,
    /// Whether each change is applied exactly once. Where too many came at once it is not, until the
    /// next full snapshot.
    pub exact: bool,
    /// How old they are: as the newer of the two; stale where either is.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// Secure settings of each device.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceConfigurations {
    /// Rows of device and setting where the setting applies.
    pub applicable: u64,
    /// Those that comply.
    pub compliant: u64,
    /// Those that don't.
    pub failing: u64,
    /// The ten settings that fail on the most devices.
    pub top: Vec<Setting>,
    /// How old they are.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// Software on each device.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceSoftware {
    /// Rows of device and software.
    pub total: u64,
    /// Those whose software has known weaknesses.
    pub with_weaknesses: u64,
    /// By end of support; those that go on are `None`.
    pub by_end_of_support: Tally,
    /// How old they are.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// A full snapshot with the changes since applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The rows as they are now.
    pub standing: Standing,
    /// Whether each change is applied exactly once.
    pub exact: bool,
}

/// Applies the changes among what is known to the full snapshot there.
///
/// It is done when the ledger is read and not with each summary: it may take milliseconds.
pub fn apply_changes(known: &mut [Known]) {
    let snapshot = |kind| of_kind(known, kind).and_then(Known::snapshot);
    let Some(full) = snapshot(Kind::DeviceVulnerabilities) else { return };
    let Digest::DeviceVulnerabilities(rows) = &full.digest else { return };
    let applied = match snapshot(Kind::DeviceVulnerabilityChanges).map(|latest| &latest.digest) {
        Some(Digest::DeviceVulnerabilityChanges(changes)) => {
            let (standing, exact) = changes.applied_to(rows, full.made());
            Applied { standing, exact }
        }
        _ => Applied { standing: rows.standing(), exact: true },
    };
    let full = known.iter_mut().find(|known| known.kind == Kind::DeviceVulnerabilities);
    if let Some(full) = full {
        full.applied = Some(applied);
    }
}

fn of_kind(known: &[Known], kind: Kind) -> Option<&Known> {
    known.iter().find(|known| known.kind == kind && known.snapshot().is_some())
}

pub(super) fn device_vulnerabilities(seen: &Seen) -> Option<DeviceVulnerabilities> {
    let known = of_kind(seen.known, Kind::DeviceVulnerabilities)?;
    let (Applied { standing, exact }, full) = (known.applied?, known.snapshot()?);
    let Digest::DeviceVulnerabilities(fold) = &full.digest else { return None };
    let through = |changes: &Latest| Some(changes.began).filter(|began| *began > full.made());
    let changes = of_kind(seen.known, Kind::DeviceVulnerabilityChanges);
    let changes = changes.and_then(|known| Some((known, known.snapshot()?)));
    let mut freshness = known.freshness(full, seen.now);
    if let Some((known, changes)) = changes {
        freshness = freshness.renewed_by(known.freshness(changes, seen.now));
    }
    Some(DeviceVulnerabilities {
        total: standing.total,
        by_severity: standing.by_severity,
        by_exploitability: standing.by_exploitability,
        with_exploit: standing.with_exploit,
        full_generated: full.made(),
        full_total: fold.total,
        full_with_security_update: fold.with_security_update,
        changes_through: changes.and_then(|(_, changes)| through(changes)),
        exact,
        freshness,
    })
}

pub(super) fn device_configurations(seen: &Seen) -> Option<DeviceConfigurations> {
    let (Digest::DeviceConfigurations(fold), freshness) =
        seen.digest(Kind::DeviceConfigurations)?
    else {
        return None;
    };
    Some(DeviceConfigurations {
        applicable: fold.applicable,
        compliant: fold.compliant,
        failing: fold.failing(),
        top: fold.top().into_iter().cloned().collect(),
        freshness,
    })
}

pub(super) fn device_software(seen: &Seen) -> Option<DeviceSoftware> {
    let (Digest::DeviceSoftware(fold), freshness) = seen.digest(Kind::DeviceSoftware)? else {
        return None;
    };
    Some(DeviceSoftware {
        total: fold.rows,
        with_weaknesses: fold.with_weaknesses,
        by_end_of_support: fold.by_end_of_support.clone(),
        freshness,
    })
}
