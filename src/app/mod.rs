//! Everything the service holds, built once; tests and the demo build it with stand-ins.

mod build;

pub use build::{logs, vault};

use crate::cloud::{Budget, Cloud, Gates, Identity, Patience, Tokens, Wire};
use crate::findings::Formats;
use crate::ledger::{Ledger, LedgerError, LedgerTurns, path};
use crate::logs::Logs;
use crate::lookup::Lookups;
use crate::plan::{self, History, Job, Message, RunId};
use crate::queue::Queue;
use crate::recent::Recent;
use crate::run::LocalTurns;
use crate::settings::{Settings, Tenants};
use crate::source::{ALL, EVERYONE, Sends, Source, VULNERABILITIES};
use crate::summary::{self, Known, TenantStanding};
use crate::tenant::{Present, Roster, RosterError, Tenant, Way};
use crate::{checkpoint, digest::Latest};
use build::{ledger, maker, queue};
use futures::future::try_join_all;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Jobs carried out beside one another where no host spreads them.
const PARALLEL_JOBS: usize = 16;
/// Pages of ordinary size in memory at once, whatever the number of jobs.
const PAGES_IN_MEMORY: usize = 4;
/// Export files read at once, each of them with three parts in memory, whatever the number of jobs.
const FILES_AT_ONCE: usize = 4;
/// Snapshots written in open formats at once, each with one part in memory, whatever the number of jobs.
const FINDINGS_AT_ONCE: usize = 2;
/// How long what the ledger says of a tenant is answered from memory.
pub const KNOWN_FOR: Duration = Duration::from_secs(5);
/// How long what is kept of each of many tenants is answered from memory.
pub const KNOWN_OF_MANY_FOR: Duration = Duration::from_secs(60);
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

/// Why nothing is planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Nobody knows for whom.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
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

    /// The messages of a timer's tick: of one tenant its due jobs; of many one plan each, for those of
    /// which a source may be due, as one look at the ledger's list of states tells.
    ///
    /// # Errors
    ///
    /// Where the tenants or the ledger can't be read.
    pub async fn tick(&self, now: Timestamp) -> Result<Vec<Message>, PlanError> {
        let present = self.tenants().await?;
        if let [only] = present.tenants.as_slice() {
            let sources = if only.enabled { only.sources.clone() } else { Vec::new() };
            let mut jobs = self.plan(only, sources, now).await?;
            if let Some(everyone) = self.for_all(&present) {
                let sources = everyone.sources.clone();
                jobs.extend(self.plan(&everyone, sources, now).await?);
            }
            return Ok(jobs.iter().map(Message::from).collect());
        }
        let written: HashMap<_, _> = self.ledger.entries(path::STATES).await?.into_iter().collect();
        let run = RunId::of_tick(now);
        let plan = |tenant: &Arc<Tenant>| {
            let written = |name: &str| written.get(&path::state(&tenant.id, name)).copied();
            let sources = plan::may_be_due(&tenant.sources, written, now);
            (!sources.is_empty()).then(|| Message::plan(&run, &tenant.id, &sources))
        };
        let everyone = self.for_all(&present).map(Arc::new);
        let tenants = present.tenants.iter().filter(|tenant| tenant.enabled);
        Ok(tenants.chain(&everyone).filter_map(plan).collect())
    }

    /// The jobs of a tenant that are due at `now` among these sources, all of one run.
    ///
    /// # Errors
    ///
    /// Where the ledger can't be read.
    pub async fn plan(
        &self,
        tenant: &Tenant,
        sources: Vec<Source>,
        now: Timestamp,
    ) -> Result<Vec<Job>, LedgerError> {
        let histories = sources.into_iter().map(|source| self.history(&tenant.id, source));
        let histories = try_join_all(histories).await?;
        let gaps: Vec<_> = histories
            .iter()
            .filter_map(|(source, history)| plan::full_after_gap(source, history, now))
            .collect();
        let mut jobs = Vec::new();
        for (source, history) in &histories {
            let read_since = |opened: Timestamp| {
                history.completed.as_ref().is_some_and(|run| run.instant() >= opened)
            };
            let gap = gaps.iter().find(|(full, _)| *full == source.name);
            let after_gap =
                gap.is_some_and(|(_, opened)| !read_since(*opened)) && !history.is_held(now);
            let is_there = tenant.cloud.lacks(source).is_none();
            let is_there = is_there && self.has_use(tenant, source).await?;
            if is_there && (after_gap || plan::is_due(source, history, now)) {
                jobs.push(self.job(tenant, *source, RunId::of_tick(now), after_gap));
            }
        }
        Ok(jobs)
    }

    /// Whether a source is of use yet: of what is kept only for exposed vulnerabilities nothing is, before
    /// any tenant's are known, where any tells them.
    async fn has_use(&self, tenant: &Tenant, source: &Source) -> Result<bool, LedgerError> {
        if !matches!(source.sends, Sends::Exposed(_)) {
            return Ok(true);
        }
        let present = self.roster.now().await.ok();
        let tenants = present.iter().flat_map(|present| &present.tenants);
        let tells = |tenant: &&Arc<Tenant>| tenant.source(VULNERABILITIES.name).is_some();
        let mut is_told = false;
        for one in tenants.filter(|tenant| tenant.enabled).filter(tells) {
            is_told = true;
            let path = path::state(&one.id, VULNERABILITIES.name);
            let (state, _) = checkpoint::read(&*self.ledger, &path).await?;
            if state.completed.is_some() || state.refused.is_some() {
                return Ok(true);
            }
        }
        Ok(!is_told || tenant.audience.is_empty())
    }

    async fn history(
        &self,
        tenant: &str,
        source: Source,
    ) -> Result<(Source, History), LedgerError> {
        let path = path::state(tenant, source.name);
        let (state, _) = checkpoint::read(&*self.ledger, &path).await?;
        Ok((source, state.history()))
    }

    /// A job of one source of one tenant.
    pub fn job(&self, tenant: &Tenant, source: Source, run: RunId, now: bool) -> Job {
        Job {
            run,
            tenant: tenant.id.clone(),
            source,
            now,
            window: None,
            file: None,
            findings: false,
        }
    }

    /// What the ledger says of every source of a tenant, at most a few seconds old.
    ///
    /// # Errors
    ///
    /// Where the ledger can't be read.
    pub async fn known(&self, tenant: &Tenant) -> Result<Arc<Vec<Known>>, LedgerError> {
        self.known_within(tenant, KNOWN_FOR).await
    }

    /// As [`App::known`], at most that old; a little older while another call reads it again.
    ///
    /// # Errors
    ///
    /// Where the ledger can't be read.
    pub async fn known_within(
        &self,
        tenant: &Tenant,
        age: Duration,
    ) -> Result<Arc<Vec<Known>>, LedgerError> {
        let now = Instant::now();
        let read = async {
            let mut known = self.read_known(tenant).await?;
            known.extend(self.known_of_all(now).await?.iter().cloned());
            Ok(known)
        };
        self.known.get(&tenant.id, (now, age), read).await
    }

    /// How a tenant stands for answers about many, at most that old: of each only this stays in memory.
    ///
    /// # Errors
    ///
    /// Where the ledger can't be read.
    pub async fn standing_within(
        &self,
        tenant: &Tenant,
        age: Duration,
    ) -> Result<Arc<TenantStanding>, LedgerError> {
        let read = async {
            let known = self.read_known(tenant).await?;
            let collects = |name: &str| tenant.enabled && tenant.source(name).is_some();
            let names = (tenant.id.as_str(), tenant.name.as_str());
            Ok(summary::standing(names, &known, collects, self.now()))
        };
        self.standings.get(&tenant.id, (Instant::now(), age), read).await
    }

    /// What is kept for all tenants, at most a minute old.
    async fn known_of_all(&self, now: Instant) -> Result<Arc<Vec<Known>>, LedgerError> {
        let read = async {
            let Some(everyone) = &self.everyone else { return Ok(Vec::new()) };
            let read = everyone.sources.iter().map(|source| self.known_of(everyone, *source));
            try_join_all(read).await
        };
        self.outside.get(EVERYONE, (now, KNOWN_OF_MANY_FOR), read).await
    }

    async fn read_known(&self, tenant: &Tenant) -> Result<Vec<Known>, LedgerError> {
        let shown = |source: &&Source| {
            !source.is_shared() && (source.default || tenant.source(source.name).is_some())
        };
        let read = ALL.iter().filter(shown).map(|source| self.known_of(tenant, *source));
        let mut known = try_join_all(read).await?;
        summary::apply_changes(&mut known);
        Ok(known)
    }

    /// What the ledger says of one source of a tenant at this moment.
    ///
    /// # Errors
    ///
    /// Where the ledger can't be read.
    pub async fn known_of(&self, tenant: &Tenant, source: Source) -> Result<Known, LedgerError> {
        let collected = tenant.source(source.name);
        let latest = self.ledger.read(&path::latest(&tenant.id, source.name)).await?;
        let state = path::state(&tenant.id, source.name);
        let (state, _) = checkpoint::read(&*self.ledger, &state).await?;
        let latest = latest.and_then(|(bytes, _)| serde_json::from_slice::<Latest>(&bytes).ok());
        let lacks = tenant.cloud.lacks(&source);
        let unavailable = lacks.is_some() || state.is_unavailable();
        let left_out = match collected {
            _ if !tenant.enabled => Some("not collected: the tenants file says `enabled: false`"),
            None => Some("not collected: POSTURE_SOURCES leaves it out"),
            Some(_) => None,
        };
        Ok(Known {
            source: source.name,
            about: source.about,
            kind: source.digest,
            every: collected.map_or(source.every, |source| source.every),
            latest: latest.map(Arc::new),
            reason: left_out.map(str::to_owned).or(lacks).or_else(|| state.reason()),
            unavailable: left_out.is_none() && unavailable,
            applied: None,
        })
    }
}
