//! Look-ups: one device, vulnerability or software, asked of Defender when somebody asks.
//!
//! What Defender answers is kept in memory for five minutes. Where it refuses or throttles, or where the
//! caller wants it, the answer comes from the newest kept snapshots by a scan, and says so with its age.

mod ask;
mod card;
mod criticality;
mod cve;
mod devices;
mod exposure;
mod gap;
mod holders;
mod incident;
mod internet;
mod kept;
mod level;
mod machine;
mod named;
mod parts;
mod possible;
mod rows;
mod settings;
mod software;
mod vulnerabilities;
mod vulnerability;

pub use card::{Card, Links};
pub use criticality::Criticality;
pub use cve::{About, Cve, CveLinks};
pub use devices::{Entry, Filter, Profile, Profiles};
pub use exposure::{Affected, Exposed, Fix, Reference};
pub use gap::{Gap, MissingPart, Stop};
pub use holders::Holder;
pub use incident::{
    Account, AccountContext, AddressContext, CveContext, Entities, Host, HostContext, Incident,
    IncidentContext, Risk,
};
pub use internet::InternetFacing;
pub use level::{Level, Rating};
pub use machine::{Device, find_among};
pub use named::{Named, SoftwareId, cve, is_device_id};
pub use parts::{Alerts, Update, User};
pub use possible::{Possible, possible};
pub use settings::{Setting, Settings};
pub use software::{Product, Software, Version};
pub use vulnerabilities::Weaknesses;
pub use vulnerability::{Exploit, Vulnerability};

use crate::app::App;
use crate::recent::Recent;
use crate::schema;
use crate::source::Source;
use crate::summary::Known;
use crate::tenant::Tenant;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How long what Defender answers is given from memory.
const FRESH_FOR: Duration = Duration::from_secs(300);
/// Answers of Defender that are kept in memory, of all tenants together.
const MOST_ANSWERS: usize = 1_000;
/// As many of those that grow with the tenant.
const MOST_LARGE: usize = 8;
/// How long the look-ups of one call may take together.
const LOOK_FOR: Duration = Duration::from_secs(10);
/// How long the scans of one call may take together.
const SCAN_FOR: Duration = Duration::from_secs(20);
/// Scans beside one another, of all callers.
const SCANS_AT_ONCE: usize = 2;

/// What was looked up a moment ago, and whose turn it is to scan.
pub struct Lookups {
    recent: Recent<Arc<dyn Any + Send + Sync>>,
    large: Recent<Arc<dyn Any + Send + Sync>>,
    scans: Semaphore,
}

impl Default for Lookups {
    fn default() -> Lookups {
        let (recent, large) = (Recent::of_at_most(MOST_ANSWERS), Recent::of_at_most(MOST_LARGE));
        Lookups { recent, large, scans: Semaphore::new(SCANS_AT_ONCE) }
    }
}

/// The look-ups of one call.
pub struct Lookup<'a> {
    app: &'a App,
    tenant: &'a Tenant,
    known: Arc<Vec<Known>>,
    now: Timestamp,
    until: Instant,
    scan_until: Instant,
    scan_for: Duration,
}

impl<'a> Lookup<'a> {
    /// Look-ups in a tenant, of whose sources the ledger says what is `known`. Their time begins now.
    pub fn new(app: &'a App, tenant: &'a Tenant, known: Arc<Vec<Known>>) -> Lookup<'a> {
        let begun = Instant::now();
        let (until, scan_until) = (begun + LOOK_FOR, begun + SCAN_FOR);
        Lookup { app, tenant, known, now: app.now(), until, scan_until, scan_for: SCAN_FOR }
    }

    /// The same with so much time for look-ups.
    pub fn looking_for(self, time: Duration) -> Lookup<'a> {
        Lookup { until: Instant::now() + time, ..self }
    }

    /// The same with so much time for scans.
    pub fn scanning_for(self, time: Duration) -> Lookup<'a> {
        Lookup { scan_until: Instant::now() + time, scan_for: time, ..self }
    }

    /// The run of a source's newest snapshot, or that there is none.
    pub fn run(&self, source: Source) -> String {
        self.snapshot(source).map_or_else(|_| "none".to_owned(), |snapshot| snapshot.run)
    }

    /// Whether there is a snapshot to fall back to; else the gap is the answer.
    fn falls_back(&self, source: Source, gap: Gap) -> Result<(), Stop> {
        match self.snapshot(source) {
            Ok(_) => Ok(()),
            Err(_) => Err(gap.into()),
        }
    }

    fn origin(&self, kept: Option<Timestamp>) -> Origin {
        let age = |made: Timestamp| self.now.duration_since(made).as_secs().max(0);
        Origin { kept: kept.is_some(), collected: kept, age_seconds: kept.map(age) }
    }
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// Whether it comes from kept snapshots instead of a look-up, which is at most five minutes old.
    pub kept: bool,
    /// When the oldest of those was made; null for a look-up.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub collected: Option<Timestamp>,
    /// Seconds since then.
    pub age_seconds: Option<i64>,
}
