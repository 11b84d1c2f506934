//! The fold of a source that its run writes and summaries read.
//!
//! A [`Digest`] takes every kept record of a run once, in any order, and keeps what a summary needs
//! of it: counts, top lists, a score's days. It is bounded whatever the tenant's size, goes into the
//! job's checkpoint with each part, and so may see the last records before a crash twice.

mod azure_scores;
mod behind;
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
mod kind;
mod known_cves;
mod latest;
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
pub use kind::Kind;
pub use known_cves::{Epss, Exploited, KnownExploited, Nvd, NvdRecord};
pub use latest::{Ending, Latest};
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

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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

    /// Notes which vulnerabilities were asked for by name, before the records found are added.
    pub fn asked_for(&mut self, ids: &[String]) {
        if let Digest::Nvd(nvd) = self {
            nvd.asked_for(ids);
        }
    }

    /// Forgets what was asked for by name in vain and concerns nobody any more.
    pub fn keeps_absent(&mut self, concerns: impl Fn(&str) -> bool) {
        if let Digest::Nvd(nvd) = self {
            nvd.keeps_absent(concerns);
        }
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

#[cfg(test)]
mod tests;
