//! Everything the service holds, built once; tests and the demo build it with stand-ins.

mod build;
mod known;
mod planning;

pub use build::{logs, vault};
pub use known::{KNOWN_FOR, KNOWN_OF_MANY_FOR};
pub use planning::PlanError;

use crate::cloud::{Budget, Cloud, Gates, Identity, Patience, Tokens, Wire};
use crate::findings::Formats;
use crate::ledger::{Ledger, LedgerTurns};
use crate::logs::Logs;
use crate::lookup::Lookups;
use crate::queue::Queue;
use crate::recent::Recent;
use crate::run::LocalTurns;
use crate::settings::{Settings, Tenants};
use crate::source::{EVERYONE, Source};
use crate::summary::{Known, TenantStanding};
use crate::tenant::{Present, Roster, RosterError, Tenant, Way};
use build::{ledger, maker, queue};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Jobs carried out beside one another where no host spreads them.
const PARALLEL_JOBS: usize = 16;
/// Pages of ordinary size in memory at once, whatever the number of jobs.
const PAGES_IN_MEMORY: usize = 4;
/// Export files read at once, each of them with three parts in memory, whatever the number of jobs.
const FILES_AT_ONCE: usize = 4;
/// Snapshots written in open formats at once, each with one part in memory, whatever the number of jobs.
const FINDINGS_AT_ONCE: usize = 2;
/// Tenants of which all digests are in memory at once: those of a large one have some megabytes.
const KNOWN_AT_ONCE: usize = 32;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long an attempt's claim holds without renewal.
    pub claim: Duration,
    /// How long an attempt works.
    pub run: Duration,
    /// How long the doctor looks at one tenant, one workspace or storage.
    pub look: Duration,
    /// How requests are tried again.
    pub patience: Patience,
}

/// Everything the service holds.
pub struct App {
    /// Who is collected.
    pub roster: Roster,
    /// Where records are kept.
    pub ledger: Arc<dyn Ledger>,
    /// The queue of jobs; nothing where records are kept in a folder.
    pub queue: Option<Queue>,
    /// How long things may take.
    pub limits: Limits,
    /// Whose turn it is to read an export file.
    pub files: Arc<Semaphore>,
    /// Whose turn it is to write a snapshot in open formats.
    pub findings: Arc<Semaphore>,
    /// Whose turn it is at heavy APIs, among this process's jobs.
    pub turns: LocalTurns,
    /// Jobs carried out beside one another where no host spreads them.
    pub parallel: usize,
    /// The clock.
    pub clock: fn() -> Timestamp,
    /// Whether the platform authenticates callers, and removes what they say of themselves.
    pub authenticates: bool,
    /// Whether callers may ask any query of advanced hunting.
    pub free_kql: bool,
    /// Whether records carry their run's instant where others carry the clock's, so that a run that is
    /// asked for again writes the same.
    pub timeless: bool,
    /// What was looked up a moment ago.
    pub lookups: Lookups,
    /// The tenant that stands for all, under which what is the same for everyone is read; nothing where
    /// that is off.
    pub everyone: Option<Tenant>,
    known: Recent<Vec<Known>>,
    outside: Recent<Vec<Known>>,
    standings: Recent<TenantStanding>,
}

/// The machine's clock.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn clock() -> Timestamp {
    Timestamp::now()
}

/// The way out that all tenants of a process share.
pub fn way(wire: Wire) -> Way {
    let budget = Arc::new(Budget::new(PAGES_IN_MEMORY));
    let rules = Some(Arc::<Gates>::default());
    let (vault, nvd_key, turns) = (None, None, None);
    Way { wire, files: Wire::for_storage(), budget, rules, clock, vault, nvd_key, turns }
}

impl App {
    /// An app of these tenants, whose rows all go to `logs`, with the limits of a deployment.
    pub fn new(tenants: Vec<Tenant>, ledger: Arc<dyn Ledger>, logs: Option<Logs>) -> App {
        let logs = logs.map(Arc::new);
        let with_logs = |mut tenant: Tenant| {
            tenant.logs.clone_from(&logs);
            Arc::new(tenant)
        };
        let present = Present::new(tenants.into_iter().map(with_logs).collect());
        App::of(Roster::Fixed(Arc::new(present)), ledger)
    }

    /// An app of this roster, with the limits of a deployment.
    pub fn of(roster: Roster, ledger: Arc<dyn Ledger>) -> App {
        let limits = Limits {
            claim: Duration::from_secs(30),
            run: Duration::from_secs(540),
            look: Duration::from_secs(20),
            patience: Patience::DEFAULT,
        };
        let (known, standings) = (Recent::of_at_most(KNOWN_AT_ONCE), Recent::default());
        let parallel = PARALLEL_JOBS;
        let files = Arc::new(Semaphore::new(FILES_AT_ONCE));
        let (queue, timeless, turns) = (None, false, LocalTurns::default());
        let (authenticates, free_kql) = (false, false);
        App {
            roster,
            ledger,
            queue,
            limits,
            files,
            findings: Arc::new(Semaphore::new(FINDINGS_AT_ONCE)),
            turns,
            parallel,
            clock,
            authenticates,
            free_kql,
            timeless,
            lookups: Lookups::default(),
            everyone: None,
            known,
            outside: Recent::default(),
            standings,
        }
    }

    /// The same app for a case of one tenant: it works in a ledger of the case's own and sends nothing.
    pub fn within(&self, tenant: &Tenant, ledger: Arc<dyn Ledger>) -> App {
        // A case is what its folder holds, in one form.
        let mut tenant = tenant.clone();
        tenant.formats = Formats::default();
        let mut inner = App::new(vec![tenant], ledger, None);
        (inner.limits, inner.parallel, inner.clock) = (self.limits, self.parallel, self.clock);
        inner.timeless = true;
        inner
    }

    /// The app that the settings describe. Nothing is asked of anyone yet.
    ///
    /// # Errors
    ///
    /// Where storage's address and identity can't make a client; the text names no secret.
    pub fn build(settings: &Settings) -> Result<App, String> {
        let wire = Wire::new(settings.routes.clone());
        let identity = settings.app_identity.clone();
        let own = Arc::new(Tokens::new(identity, settings.cloud.sign_in, wire.clone(), clock));
        let ledger = ledger(settings, &own)?;
        let queue = queue(settings, &own)?;
        let way = Way {
            vault: Some(Arc::new(vault(settings, wire.clone()))),
            turns: Some(Arc::new(LedgerTurns(ledger.clone()))),
            rules: settings.limits.then(Arc::default),
            nvd_key: settings.nvd_key.clone(),
            ..way(wire)
        };
        let everyone = (!settings.cve.is_empty()).then(|| {
            let identity = settings.app_identity.clone();
            let mut everyone =
                App::everyone_of(settings.cloud, settings.cve.clone(), identity, &way);
            everyone.formats.clone_from(&settings.formats);
            everyone
        });
        let roster = match &settings.tenants {
            Tenants::One(one) => {
                let tenant = maker(settings, way, own, Vec::new())(one, true);
                Roster::Fixed(Arc::new(Present::new(vec![Arc::new(tenant)])))
            }
            Tenants::File { place, shared } => {
                let maker = maker(settings, way, own, shared.rules.clone());
                Roster::of_file(place.clone(), shared.clone(), ledger.clone(), maker)
            }
        };
        let mut app = App::of(roster, ledger);
        app.queue = queue;
        app.everyone = everyone;
        app.authenticates = settings.authenticates;
        app.free_kql = settings.free_kql;
        app.limits.claim = settings.claim;
        app.limits.run = settings.run;
        Ok(app)
    }

    /// The tenant that stands for all, of which these sources are read. Its identity is never asked for a
    /// token.
    pub fn everyone_of(
        cloud: &'static Cloud,
        sources: Vec<Source>,
        identity: Identity,
        way: &Way,
    ) -> Tenant {
        Tenant::new(EVERYONE, "everyone", cloud, sources, identity, way)
    }

    /// The tenant of that id whose jobs are carried out: one of those, or the one that stands for all.
    pub fn collected(&self, present: &Present, id: &str) -> Option<Arc<Tenant>> {
        match id == EVERYONE {
            true => self.for_all(present).map(Arc::new),
            false => present.tenant(id).cloned(),
        }
    }

    /// The tenant that stands for all, with the workspaces of those; nothing where that is off.
    pub fn for_all(&self, present: &Present) -> Option<Tenant> {
        self.everyone.as_ref().map(|everyone| everyone.for_all(&present.tenants))
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Who is collected at present.
    ///
    /// # Errors
    ///
    /// Where the file of tenants never was right, or can't be read.
    pub async fn tenants(&self) -> Result<Arc<Present>, RosterError> {
        self.roster.now().await
    }
}
