//! What can be collected: one constant per collection, no I/O.
//!
//! [`ALL`] is append-only: a stream's place in the collection rules follows from it and never moves
//! once published.

mod alerts;
mod azure;
mod classic;
mod cloud_apps;
mod compliance;
mod connector;
mod cve;
mod defender;
mod exports;
mod graph;
pub mod hunting;
mod inventory;
mod own;
#[cfg(test)]
mod pack;
mod resources;
mod risk;
mod table;
mod turn;

pub use alerts::{ALERTS, INCIDENTS};
pub use azure::{
    ASSESSMENTS, AZURE_SECURE_SCORE_CONTROLS, AZURE_SECURE_SCORES, AZURE_SUBSCRIPTIONS,
    CONTROL_DEFINITIONS,
};
pub use classic::{Classic, Filled};
pub use cloud_apps::CLOUD_APPS;
pub use compliance::{COMPLIANCE_ASSESSMENTS, COMPLIANCE_CONTROLS, COMPLIANCE_STANDARDS};
pub use cve::{EPSS, EVERYONE, FANNED, KNOWN_EXPLOITED, NVD, NVD_CONFIGURATIONS};
pub use defender::{
    DEVICE_SECURE_SCORE, DEVICES, EXPOSURE_SCORE, RECOMMENDATIONS, VULNERABILITIES,
};
pub use exports::{
    BROWSER_EXTENSIONS, CERTIFICATES, DEVICE_BASELINES, DEVICE_CONFIGURATIONS, DEVICE_SOFTWARE,
    DEVICE_VULNERABILITIES, DEVICE_VULNERABILITY_CHANGES, FIRMWARE,
};
pub use graph::{CONTROL_PROFILES, SECURE_SCORE_CONTROLS, SECURE_SCORES};
pub use hunting::Hunting;
pub use inventory::{EXPOSURE_SCORE_BY_GROUP, MACHINE_ACTIONS, SOFTWARE};
pub use own::Own;
pub use resources::{Resources, SUBSCRIPTIONS_LIST, SUBSCRIPTIONS_VERSION};
pub use risk::{RISK_DETECTIONS, RISKY_USERS};
pub use table::{AUDIT, Column, ColumnType, ENVELOPE, ESTIMATED_SCORES, MADE, RUNS, Table};

use crate::digest::Kind;
use jiff::SignedDuration;
use std::fmt;

/// Everything that can be collected, oldest entry first.
pub const ALL: &[Source] = &[
    SECURE_SCORES,
    SECURE_SCORE_CONTROLS,
    CONTROL_PROFILES,
    EXPOSURE_SCORE,
    DEVICE_SECURE_SCORE,
    RECOMMENDATIONS,
    VULNERABILITIES,
    DEVICES,
    EXPOSURE_SCORE_BY_GROUP,
    SOFTWARE,
    MACHINE_ACTIONS,
    ALERTS,
    INCIDENTS,
    RISKY_USERS,
    RISK_DETECTIONS,
    DEVICE_VULNERABILITIES,
    DEVICE_SOFTWARE,
    DEVICE_CONFIGURATIONS,
    DEVICE_BASELINES,
    BROWSER_EXTENSIONS,
    CERTIFICATES,
    FIRMWARE,
    DEVICE_VULNERABILITY_CHANGES,
    AZURE_SUBSCRIPTIONS,
    AZURE_SECURE_SCORES,
    AZURE_SECURE_SCORE_CONTROLS,
    CONTROL_DEFINITIONS,
    ASSESSMENTS,
    COMPLIANCE_STANDARDS,
    COMPLIANCE_CONTROLS,
    COMPLIANCE_ASSESSMENTS,
    CLOUD_APPS,
    hunting::ASSET_CRITICALITY,
    hunting::BROWSER_EXTENSIONS,
    hunting::CERTIFICATES,
    hunting::DEVICE_FACTS,
    hunting::HARDWARE_FIRMWARE,
    hunting::INTERNET_FACING_DEVICES,
    hunting::SOFTWARE_EVIDENCE,
    hunting::UNMANAGED_DEVICES,
    KNOWN_EXPLOITED,
    EPSS,
    NVD,
];

/// The sources that are collected where `POSTURE_SOURCES` says nothing.
pub fn defaults() -> Vec<Source> {
    ALL.iter().copied().filter(|source| source.default).collect()
}

/// The table of each source, and those that are made beside them.
pub fn tables() -> impl Iterator<Item = Table> {
    ALL.iter().map(|source| source.table).chain(MADE.iter().map(|(_, table)| *table))
}

/// One collection of one Microsoft API: where it is, how it is read, kept and sent.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// `<api>.<collection>` in snake case, after the API's own noun.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// The API that holds it.
    pub api: Api,
    /// How it is read.
    pub fetch: Fetch,
    /// The fields that tell two records apart, read regardless of letter case.
    pub key: &'static [&'static str],
    /// Whether a run reads all of it or only what is new.
    pub reads: Reads,
    /// What an administrator must grant.
    pub needs: Permission,
    /// Whether it is collected where `POSTURE_SOURCES` says nothing.
    pub default: bool,
    /// The interval between two runs, planning instant to planning instant.
    pub every: SignedDuration,
    /// Which of its records go to the workspace; all go to the ledger.
    pub sends: Sends,
    /// The fold that summaries read.
    pub digest: Kind,
    /// The workspace's table.
    pub table: Table,
}

impl Source {
    /// Whether it is read once for all tenants, under [`EVERYONE`], and without a token.
    pub fn is_shared(&self) -> bool {
        self.api.is_public()
    }

    /// Whether its digest keeps exposed vulnerabilities alone, whatever is sent.
    pub fn is_of_exposed(&self) -> bool {
        self.is_shared() && self.digest.fields().is_some()
    }

    /// The source whose records these are, by name: a change has the `RecordId` of what it changes.
    pub fn identity(&self) -> &'static str {
        match self.reads {
            Reads::Changes { full, .. } => full,
            _ => self.name,
        }
    }

    /// Whether a run of it can be asked for times other than its own.
    pub fn takes_times(&self) -> bool {
        matches!(self.fetch, Fetch::Hunting(_))
    }

    /// The source of that name, in any letter case.
    pub fn named(name: &str) -> Option<Source> {
        ALL.iter().copied().find(|source| source.name.eq_ignore_ascii_case(name))
    }

    /// The input stream of the collection rule that takes this source's records; those of its files
    /// where they are spelled differently.
    pub fn stream(&self, by_files: bool) -> String {
        match self.fetch {
            Fetch::Export { respelled: true, .. } if by_files => self.table.file_stream(),
            _ => self.table.stream(),
        }
    }
}

/// A Microsoft API with an audience and a host of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// Microsoft Graph.
    Graph,
    /// Microsoft Defender for Endpoint.
    Defender,
    /// Azure Resource Manager, Resource Graph included.
    Arm,
    /// CISA's catalogue of known exploited vulnerabilities; anyone may read it.
    Kev,
    /// FIRST's daily file of exploit probabilities; anyone may read it.
    Epss,
    /// The National Vulnerability Database; anyone may read it, with a key faster.
    Nvd,
}

impl Api {
    /// Whether anyone may read it: no token goes there.
    pub fn is_public(self) -> bool {
        matches!(self, Api::Kev | Api::Epss | Api::Nvd)
    }
}

/// How a collection is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// Pages of `{"value": […], "@odata.nextLink": …}` at this path.
    Collection(&'static str),
    /// One object at this path, which is one record.
    Object(&'static str),
    /// The members of a list inside each record of a collection, one record per member.
    Members {
        /// Path of the collection.
        path: &'static str,
        /// The record's field that holds the list.
        list: &'static str,
        /// Fields of the parent put in front of each member: the parent's name, the member's name.
        parent: &'static [(&'static str, &'static str)],
    },
    /// Lists below the records of a collection, one after the other.
    Below(Below),
    /// Files of gzip JSON lines behind signed links; by pages where the service refuses those.
    Export {
        /// Path that lists the files, with the longest life of their links.
        files: &'static str,
        /// Path of the same records by pages.
        pages: &'static str,
        /// Whether files spell the fields with a capital where pages don't: then they are a stream
        /// of their own into the same table.
        respelled: bool,
    },
    /// Azure's resources: by Resource Graph over all subscriptions at once, else from lists.
    Resources(Resources),
    /// Rows of a query of advanced hunting.
    Hunting(Hunting),
    /// CISA's catalogue, one JSON file at this path; from its mirror where the site refuses.
    Kev(&'static str),
    /// FIRST's daily file, gzip CSV at this path; it may lead elsewhere.
    Epss(&'static str),
    /// Pages of NVD's records at this path, by index or by when they were modified.
    Nvd(&'static str),
}

/// A list below each record of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Below {
    /// Path of the collection.
    pub parents: &'static str,
    /// Path of a list, with the parent's `id` at `{}`.
    pub list: &'static str,
    /// Fields of the parent put in front of each record: the parent's name, the record's name.
    pub parent: &'static [(&'static str, &'static str)],
}

impl Fetch {
    /// Path and query of the first request; of Azure's resources, the pattern of their lists.
    pub fn path(self) -> &'static str {
        match self {
            Fetch::Collection(path)
            | Fetch::Object(path)
            | Fetch::Members { path, .. }
            | Fetch::Export { files: path, .. }
            | Fetch::Kev(path)
            | Fetch::Epss(path)
            | Fetch::Nvd(path)
            | Fetch::Below(Below { parents: path, .. }) => path,
            Fetch::Resources(resources) => resources.list,
            Fetch::Hunting(_) => "/v1.0/security/runHuntingQuery",
        }
    }
}

/// Whether a run reads all of a collection or only what is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// All of it; the newest run's parts are the snapshot.
    Whole,
    /// Newest first down to what the last complete run saw, told by this date field (of the parent
    /// where there is one). The snapshot is all runs together.
    Since(&'static [&'static str]),
    /// What has been updated since the last complete run, and a little more. A record is read again
    /// whenever it changes, so that the newest one counts; what the overlap brings unchanged is
    /// passed over. The snapshot is all runs together.
    Updated {
        /// Names of the update's date field, the documented one first.
        fields: &'static [&'static str],
        /// Whether the service takes `$filter` on it; else the whole list is read.
        filter: bool,
        /// How far before the newest known update a run begins: clocks and indexes lag.
        overlap: SignedDuration,
        /// How far back the first run begins.
        first: SignedDuration,
    },
    /// What has been modified since the service's own time of the last complete run; a record is read
    /// again whenever it changes, so that the newest one counts. The snapshot is all runs together.
    Modified,
    /// The events since the last complete run began, and a little more; the service keeps them for a
    /// while only. The snapshot is all runs together.
    Changes {
        /// The query parameter that says since when.
        parameter: &'static str,
        /// How far before the last run's beginning the next one asks: events come in steps.
        overlap: SignedDuration,
        /// How far back the first run asks.
        first: SignedDuration,
        /// How far back the service answers; a longer gap needs the full source again.
        reach: SignedDuration,
        /// The name of the full source.
        full: &'static str,
    },
}

impl Reads {
    /// The fields that tell when a record was made or updated.
    pub fn stamps(self) -> &'static [&'static str] {
        match self {
            Reads::Whole | Reads::Modified | Reads::Changes { .. } => &[],
            Reads::Since(fields) | Reads::Updated { fields, .. } => fields,
        }
    }
}

/// Which records go to the workspace by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// All.
    All,
    /// None: they stay in the ledger.
    Nothing,
    /// Those whose number of this name is above zero.
    Positive(&'static str),
    /// Those where this field is there and not null.
    Present(&'static str),
    /// Those where the first field is false and the second isn't: what doesn't apply can't fail.
    Fails(&'static str, &'static str),
    /// Those of vulnerabilities, named by this field, with exposed machines in a tenant of the workspace.
    Exposed(&'static str),
    /// All of the day's (UTC) first complete run, none of the later ones.
    FirstOfDay,
}

/// What an administrator must grant before a source can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// An app role of the API's own service principal: its name and its id, the same in all tenants.
    AppRole(&'static str, &'static str),
    /// A role of Azure's own access control: its name and its definition's id, the same everywhere.
    AzureRole(&'static str, &'static str),
    /// Nothing: anyone may read it.
    Nothing,
}

impl Permission {
    /// Name and id of the role; empty where none is needed.
    pub fn role(self) -> (&'static str, &'static str) {
        match self {
            Permission::AppRole(name, id) | Permission::AzureRole(name, id) => (name, id),
            Permission::Nothing => ("", ""),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Permission::AppRole(name, _) => write!(f, "the app role {name}"),
            Permission::AzureRole(name, _) => write!(f, "the Azure role {name}"),
            Permission::Nothing => f.write_str("no permission"),
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Api::Graph => "Microsoft Graph",
            Api::Defender => "Microsoft Defender for Endpoint",
            Api::Arm => "Azure Resource Manager",
            Api::Kev => "CISA",
            Api::Epss => "FIRST",
            Api::Nvd => "NVD",
        })
    }
}

#[cfg(test)]
mod tests;
