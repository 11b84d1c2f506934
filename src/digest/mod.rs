//! The fold of a source that its run writes and summaries read.
//!
//! A [`Digest`] takes every kept record of a run once, in any order, and keeps what a summary needs
//! of it: counts, top lists, a score's days. It is bounded whatever the tenant's size, goes into the
//! job's checkpoint with each part, and so may see the last records before a crash twice.

mod azure_scores;
mod cloud_apps;
mod compliance;
mod control_days;
mod device_changes;
mod device_configurations;
mod device_software;
mod device_vulnerabilities;
mod devices;
mod discovered_apps;
mod estimate;
mod known_cves;
pub(crate) mod lenient;
mod newest;
mod open;
mod packed;
mod plain_text;
mod profiles;
mod recommendations;
mod records;
mod scores;
mod secure_scores;
mod standing;
mod subscriptions;
mod tally;
mod vulnerabilities;

pub use azure_scores::{AzureScore, AzureScores};
pub use cloud_apps::{CloudApp, CloudApps, Risks, Stream};
pub use compliance::{
    ComplianceStandards, ComplianceState, ControlCounts, Standing as ComplianceStanding,
};
pub use control_days::ControlDays;
pub use device_changes::DeviceVulnerabilityChanges;
pub use device_configurations::{DeviceConfigurations, Setting};
pub use device_software::DeviceSoftware;
pub use device_vulnerabilities::DeviceVulnerabilities;
pub use devices::Devices;
pub use discovered_apps::{DiscoveredApp, DiscoveredApps};
pub use estimate::{CATEGORIES, CategoryEstimate, Estimate, FORMULA, category_of, estimate};
pub use known_cves::{Epss, Exploited, KnownExploited, Nvd, NvdRecord};
pub(crate) use lenient::instant;
pub use newest::{Entry, MAX_NEWEST, Newest};
pub use open::{Open, OpenSeverities};
pub use profiles::{ControlProfiles, Profile};
pub use recommendations::{Recommendation, Recommendations};
pub use records::Records;
pub use scores::{Point, Score};
pub use secure_scores::{Comparison, Control, Day, SecureScoreControls, SecureScores};
pub use standing::{Exploits, Standing};
pub use subscriptions::AzureSubscriptions;
pub use tally::{Severities, Tally};
pub use vulnerabilities::{Flaw, Vulnerabilities, Vulnerability};

use crate::ledger::path;
use crate::plan::RunId;
use crate::schema;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a source's records are folded into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Microsoft Secure Score, one record a day.
    SecureScores,
    /// The controls of a Secure Score, one record each a day.
    SecureScoreControls,
    /// What each control is worth and how to carry it out.
    ControlProfiles,
    /// The tenant's exposure score.
    ExposureScore,
    /// Microsoft Secure Score for Devices.
    DeviceSecureScore,
    /// Security recommendations.
    Recommendations,
    /// Vulnerabilities that Defender knows of.
    Vulnerabilities,
    /// Devices.
    Devices,
    /// The secure score of Defender for Cloud, one record per subscription.
    AzureScores,
    /// Vulnerabilities of each software on each device.
    DeviceVulnerabilities,
    /// What has happened to those since the full snapshot.
    DeviceVulnerabilityChanges,
    /// Secure settings of each device.
    DeviceConfigurations,
    /// Software on each device.
    DeviceSoftware,
    /// Alerts of all Defender products.
    Alerts,
    /// Incidents.
    Incidents,
    /// Apps that Cloud Discovery has found.
    CloudApps,
    /// Regulatory compliance standards, one record per subscription.
    ComplianceStandards,
    /// Azure subscriptions.
    AzureSubscriptions,
    /// CISA's catalogue of known exploited vulnerabilities.
    KnownExploited,
    /// Exploit probabilities.
    Epss,
    /// Records of the National Vulnerability Database.
    Nvd,
    /// Anything else: how many records.
    Records,
}

impl Kind {
    /// The fields that a digest of many rows reads of each; nothing where it reads whole lines.
    pub fn fields(self) -> Option<&'static [&'static str]> {
        match self {
            Kind::DeviceVulnerabilities => Some(device_vulnerabilities::FIELDS),
            Kind::DeviceConfigurations => Some(device_configurations::FIELDS),
            Kind::DeviceSoftware => Some(device_software::FIELDS),
            Kind::Epss => Some(known_cves::EPSS_FIELDS),
            Kind::Nvd => Some(known_cves::NVD_FIELDS),
            Kind::Records => Some(&[]),
            _ => None,
        }
    }
}

/// What is kept of a source's records, by kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Digest {
    /// See [`Kind::SecureScores`]. Goes on from the run before: the service forgets after 90 days.
    SecureScores(SecureScores),
    /// See [`Kind::SecureScoreControls`]. Goes on from the run before: a run reads new days only.
    SecureScoreControls(SecureScoreControls),
    /// See [`Kind::ControlProfiles`].
    ControlProfiles(ControlProfiles),
    /// See [`Kind::ExposureScore`]. Goes on from the run before: the service has no history.
    ExposureScore(Score),
    /// See [`Kind::DeviceSecureScore`]. Goes on from the run before: the service has no history.
    DeviceSecureScore(Score),
    /// See [`Kind::Recommendations`].
    Recommendations(Recommendations),
    /// See [`Kind::Vulnerabilities`].
    Vulnerabilities(Vulnerabilities),
    /// See [`Kind::Devices`].
    Devices(Devices),
    /// See [`Kind::AzureScores`].
    AzureScores(AzureScores),
    /// See [`Kind::DeviceVulnerabilities`].
    DeviceVulnerabilities(DeviceVulnerabilities),
    /// See [`Kind::DeviceVulnerabilityChanges`]. Goes on from the run before: a run reads new events.
    DeviceVulnerabilityChanges(DeviceVulnerabilityChanges),
    /// See [`Kind::DeviceConfigurations`].
    DeviceConfigurations(DeviceConfigurations),
    /// See [`Kind::DeviceSoftware`].
    DeviceSoftware(DeviceSoftware),
    /// See [`Kind::Alerts`]. Goes on from the run before: a run reads what was updated.
    Alerts(Open),
    /// See [`Kind::Incidents`]. Goes on from the run before: a run reads what was updated.
    Incidents(Open),
    /// See [`Kind::CloudApps`].
    CloudApps(CloudApps),
    /// See [`Kind::ComplianceStandards`].
    ComplianceStandards(ComplianceStandards),
    /// See [`Kind::AzureSubscriptions`].
    AzureSubscriptions(AzureSubscriptions),
    /// See [`Kind::KnownExploited`].
    KnownExploited(KnownExploited),
    /// See [`Kind::Epss`].
    Epss(Epss),
    /// See [`Kind::Nvd`]. Goes on from the run before: a run reads what was modified.
    Nvd(Nvd),
    /// See [`Kind::Records`].
    Records(Records),
}

/// Does the same with the fold of whatever kind.
macro_rules! with_fold {
    ($digest:expr, $fold:ident => $result:expr) => {
        match $digest {
            Digest::SecureScores($fold) => $result,
            Digest::SecureScoreControls($fold) => $result,
            Digest::ControlProfiles($fold) => $result,
            Digest::ExposureScore($fold) | Digest::DeviceSecureScore($fold) => $result,
            Digest::Recommendations($fold) => $result,
            Digest::Vulnerabilities($fold) => $result,
            Digest::Devices($fold) => $result,
            Digest::AzureScores($fold) => $result,
            Digest::DeviceVulnerabilities($fold) => $result,
            Digest::DeviceVulnerabilityChanges($fold) => $result,
            Digest::DeviceConfigurations($fold) => $result,
            Digest::DeviceSoftware($fold) => $result,
            Digest::Alerts($fold) | Digest::Incidents($fold) => $result,
            Digest::CloudApps($fold) => $result,
            Digest::ComplianceStandards($fold) => $result,
            Digest::AzureSubscriptions($fold) => $result,
            Digest::KnownExploited($fold) => $result,
            Digest::Epss($fold) => $result,
            Digest::Nvd($fold) => $result,
            Digest::Records($fold) => $result,
        }
    };
}

impl Digest {
    /// A digest of no records.
    pub fn new(kind: Kind) -> Digest {
        match kind {
            Kind::SecureScores => Digest::SecureScores(SecureScores::default()),
            Kind::SecureScoreControls => {
                Digest::SecureScoreControls(SecureScoreControls::default())
            }
            Kind::ControlProfiles => Digest::ControlProfiles(ControlProfiles::default()),
            Kind::ExposureScore => Digest::ExposureScore(Score::default()),
            Kind::DeviceSecureScore => Digest::DeviceSecureScore(Score::default()),
            Kind::Recommendations => Digest::Recommendations(Recommendations::default()),
            Kind::Vulnerabilities => Digest::Vulnerabilities(Vulnerabilities::default()),
            Kind::Devices => Digest::Devices(Devices::default()),
            Kind::AzureScores => Digest::AzureScores(AzureScores::default()),
            Kind::DeviceVulnerabilities => {
                Digest::DeviceVulnerabilities(DeviceVulnerabilities::default())
            }
            Kind::DeviceVulnerabilityChanges => {
                Digest::DeviceVulnerabilityChanges(DeviceVulnerabilityChanges::default())
            }
            Kind::DeviceConfigurations => {
                Digest::DeviceConfigurations(DeviceConfigurations::default())
            }
            Kind::DeviceSoftware => Digest::DeviceSoftware(DeviceSoftware::default()),
            Kind::Alerts => Digest::Alerts(Open::default()),
            Kind::Incidents => Digest::Incidents(Open::default()),
            Kind::CloudApps => Digest::CloudApps(CloudApps::default()),
            Kind::ComplianceStandards => {
                Digest::ComplianceStandards(ComplianceStandards::default())
            }
            Kind::AzureSubscriptions => Digest::AzureSubscriptions(AzureSubscriptions::default()),
            Kind::KnownExploited => Digest::KnownExploited(KnownExploited::default()),
            Kind::Epss => Digest::Epss(Epss::default()),
            Kind::Nvd => Digest::Nvd(Nvd::default()),
            Kind::Records => Digest::Records(Records::default()),
        }
    }

    /// The digest that a run of the source starts from.
    ///
    /// What grows goes on from the run before: scores, so that their days grow past what the service
    /// keeps, and what is read by changes or updates. All else starts anew, because its run reads the whole
    /// source. Where a new run begins, changes let go of what they no longer need: `full` is when the
    /// full snapshot was made that they are about; a run that only starts over gives none.
    pub fn start(kind: Kind, before: Option<&Digest>, full: Option<Timestamp>) -> Digest {
        let Some(before) = before.filter(|before| before.kind() == kind && before.grows()) else {
            return Digest::new(kind);
        };
        let mut digest = before.clone();
        *digest.unreadable_mut() = 0;
        match (&mut digest, full) {
            (Digest::DeviceVulnerabilityChanges(changes), Some(full)) => changes.go_on(full),
            (Digest::Alerts(open) | Digest::Incidents(open), _) => open.go_on(),
            (Digest::SecureScores(scores), _) => scores.go_on(),
            _ => {}
        }
        digest
    }

    /// The kind of this digest.
    pub fn kind(&self) -> Kind {
        match self {
            Digest::SecureScores(_) => Kind::SecureScores,
            Digest::SecureScoreControls(_) => Kind::SecureScoreControls,
            Digest::ControlProfiles(_) => Kind::ControlProfiles,
            Digest::ExposureScore(_) => Kind::ExposureScore,
            Digest::DeviceSecureScore(_) => Kind::DeviceSecureScore,
            Digest::Recommendations(_) => Kind::Recommendations,
            Digest::Vulnerabilities(_) => Kind::Vulnerabilities,
            Digest::Devices(_) => Kind::Devices,
            Digest::AzureScores(_) => Kind::AzureScores,
            Digest::DeviceVulnerabilities(_) => Kind::DeviceVulnerabilities,
            Digest::DeviceVulnerabilityChanges(_) => Kind::DeviceVulnerabilityChanges,
            Digest::DeviceConfigurations(_) => Kind::DeviceConfigurations,
            Digest::DeviceSoftware(_) => Kind::DeviceSoftware,
            Digest::Alerts(_) => Kind::Alerts,
            Digest::Incidents(_) => Kind::Incidents,
            Digest::CloudApps(_) => Kind::CloudApps,
            Digest::ComplianceStandards(_) => Kind::ComplianceStandards,
            Digest::AzureSubscriptions(_) => Kind::AzureSubscriptions,
            Digest::KnownExploited(_) => Kind::KnownExploited,
            Digest::Epss(_) => Kind::Epss,
            Digest::Nvd(_) => Kind::Nvd,
            Digest::Records(_) => Kind::Records,
        }
    }

    /// Folds one kept line: a JSON object, envelope fields in front, then the service's own.
    ///
    /// Never fails: a line that can't be read only counts in [`unreadable`](Digest::unreadable), and a
    /// field of an unexpected type is a missing one.
    pub fn add(&mut self, line: &[u8]) {
        if with_fold!(self, fold => fold.add(line)).is_none() {
            *self.unreadable_mut() += 1;
        }
    }

    /// Adds the fold of other records of the same source and run; those of export files only.
    pub fn merge(&mut self, other: &Digest) {
        match (self, other) {
            (Digest::DeviceVulnerabilities(own), Digest::DeviceVulnerabilities(other)) => {
                own.merge(other);
            }
            (Digest::DeviceConfigurations(own), Digest::DeviceConfigurations(other)) => {
                own.merge(other);
            }
            (Digest::DeviceSoftware(own), Digest::DeviceSoftware(other)) => own.merge(other),
            (Digest::Records(own), Digest::Records(other)) => {
                own.records += other.records;
                own.unreadable += other.unreadable;
            }
            (own, other) => *own.unreadable_mut() += other.unreadable(),
        }
    }

    /// Lines that could not be folded: not a JSON object, or without the field that names the record.
    pub fn unreadable(&self) -> u64 {
        with_fold!(self, fold => fold.unreadable)
    }

    fn unreadable_mut(&mut self) -> &mut u64 {
        with_fold!(self, fold => &mut fold.unreadable)
    }

    fn grows(&self) -> bool {
        matches!(
            self,
            Digest::SecureScores(_)
                | Digest::SecureScoreControls(_)
                | Digest::ExposureScore(_)
                | Digest::DeviceSecureScore(_)
                | Digest::DeviceVulnerabilityChanges(_)
                | Digest::Alerts(_)
                | Digest::Incidents(_)
                | Digest::Nvd(_)
        )
    }
}

/// The newest complete snapshot of a source: what `latest/<tenant>/<source>.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latest {
    /// The form of this file: [`Latest::VERSION`].
    pub version: u32,
    /// The tenant's id, a lower-case GUID.
    pub tenant: String,
    /// The tenant's name.
    pub tenant_name: String,
    /// The source's name.
    pub source: String,
    /// The run that collected it, such as `20261122T101500Z`.
    pub run: String,
    /// When its first attempt began: when the records were collected.
    pub began: Timestamp,
    /// When the snapshot was complete.
    pub completed: Timestamp,
    /// Parts under `records/`.
    pub parts: u64,
    /// Records in those parts.
    pub records: u64,
    /// Of a snapshot that was read from export files: the parts of each file, by its id. A part's name
    /// is `<file>-<part>` then.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, u64>,
    /// When the service made what the run read, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Timestamp>,
    /// What the tenant's identity signs in with and ends within 30 days, as the run has learnt it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<Ending>,
    /// The fold over the records.
    pub digest: Digest,
}

/// The end of something that an identity signs in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ending {
    /// Its name for people.
    pub what: String,
    /// When it ends.
    #[schemars(with = "schema::Timestamp")]
    pub ends: Timestamp,
}

impl Latest {
    /// The form that this program writes.
    pub const VERSION: u32 = 1;

    /// As of when the records are: when the service made them, or else when they were collected.
    pub fn made(&self) -> Timestamp {
        self.generated.unwrap_or(self.began)
    }

    /// Paths of the snapshot's parts, in its order; `run` is its own.
    pub fn part_paths(&self, run: &RunId) -> Vec<String> {
        let folder = path::parts(&self.tenant, &self.source, run);
        let named = |name: String| format!("{folder}{name}.jsonl.gz");
        match self.files.is_empty() {
            true => (1..=self.parts).map(|part| named(format!("{part:06}"))).collect(),
            false => {
                let of = |(file, parts): (&String, &u64)| {
                    (1..=*parts).map(|part| named(format!("{file}-{part:06}"))).collect::<Vec<_>>()
                };
                self.files.iter().flat_map(of).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests;
