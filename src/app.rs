//! Everything the service holds, built once; tests and the demo build it with stand-ins.

use crate::cloud::{Budget, Patience, Pipeline, Tokens, Vault, Wire};
use crate::describe;
use crate::ledger::{AzureLedger, FolderLedger, Ledger, LedgerError, LedgerTurns, path};
use crate::logs::Logs;
use crate::plan::{self, Job, RunId};
use crate::settings::{Settings, Storage};
use crate::source::{ALL, Source};
use crate::summary::Known;
use crate::tenant::{Tenant, Way};
use crate::{checkpoint, digest::Latest};
use azure_core::http::Url;
use futures::future::try_join_all;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tracing::debug;

/// Jobs carried out beside one another where no host spreads them.
const PARALLEL_JOBS: usize = 4;
/// Pages of ordinary size in memory at once, whatever the number of jobs.
const PAGES_IN_MEMORY: usize = 4;
/// How long what the ledger says of a tenant is answered from memory.
const KNOWN_FOR: Duration = Duration::from_secs(5);

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long an attempt's claim holds without renewal.
    pub claim: Duration,
    /// How long an attempt works.
    pub run: Duration,
    /// How requests are tried again.
    pub patience: Patience,
}

/// Everything the service holds.
pub struct App {
    /// Who is collected.
    pub tenants: Vec<Tenant>,
    /// Where records are kept.
    pub ledger: Arc<dyn Ledger>,
    /// Where they are sent; nothing where no rule is set.
    pub logs: Option<Logs>,
    /// How long things may take.
    pub limits: Limits,
    /// Jobs carried out beside one another where no host spreads them.
    pub parallel: usize,
    /// The clock.
    pub clock: fn() -> Timestamp,
    known: Mutex<HashMap<String, Recent>>,
}

/// What the ledger said of a tenant, and when.
type Recent = (Instant, Arc<Vec<Known>>);

/// The machine's clock.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn clock() -> Timestamp {
    Timestamp::now()
}

/// The way out that all tenants of a process share.
pub fn way(wire: Wire) -> Way {
    let budget = Arc::new(Budget::new(PAGES_IN_MEMORY));
    Way { wire, budget, clock, vault: None, turns: None }
}

impl App {
    /// An app of these parts, with the limits of a deployment.
    pub fn new(tenants: Vec<Tenant>, ledger: Arc<dyn Ledger>, logs: Option<Logs>) -> App {
        let limits = Limits {
            claim: Duration::from_secs(30),
            run: Duration::from_secs(540),
            patience: Patience::DEFAULT,
        };
        let known = Mutex::default();
        App { tenants, ledger, logs, limits, parallel: PARALLEL_JOBS, clock, known }
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
        let way = Way {
            vault: Some(Arc::new(vault(settings, wire.clone()))),
            turns: Some(Arc::new(LedgerTurns(ledger.clone()))),
            ..way(wire.clone())
        };
        let scope = format!("{}/.default", settings.cloud.logs_audience);
        let logs = logs(&settings.rules, Pipeline::new(wire, own, scope, None));
        let mut tenant = Tenant::new(
            &settings.tenant_id,
            &settings.tenant_name,
            settings.cloud,
            settings.sources.clone(),
            settings.identity.clone(),
            &way,
        );
        tenant.azure = settings.azure.clone();
        let mut app = App::new(vec![tenant], ledger, logs);
        app.limits.claim = settings.claim;
        app.limits.run = settings.run;
        Ok(app)
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The tenant of that id.
    pub fn tenant(&self, id: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.id.eq_ignore_ascii_case(id))
    }

    /// The jobs due at `now`, all of one run.
    ///
    /// # Errors
    ///
    /// Where the ledger can't be read.
    pub async fn plan(&self, now: Timestamp) -> Result<Vec<Job>, LedgerError> {
        let mut jobs = Vec::new();
        for tenant in &self.tenants {
            let histories = tenant.sources.iter().map(async |source| {
                let path = path::state(&tenant.id, source.name);
                let (state, _) = checkpoint::read(&*self.ledger, &path).await?;
                Ok::<_, LedgerError>((*source, state.history()))
            });
            let histories = try_join_all(histories).await?;
            let gaps: Vec<_> = histories
                .iter()
                .filter_map(|(source, history)| plan::full_after_gap(source, history, now))
                .collect();
            for (source, history) in &histories {
                let read_since = |opened: Timestamp| {
                    history.completed.as_ref().is_some_and(|run| run.instant() >= opened)
                };
                let gap = gaps.iter().find(|(full, _)| *full == source.name);
                let after_gap =
                    gap.is_some_and(|(_, opened)| !read_since(*opened)) && !history.is_held(now);
                if after_gap || plan::is_due(source, history, now) {
                    jobs.push(self.job(tenant, *source, RunId::of_tick(now), after_gap));
                }
            }
        }
        Ok(jobs)
    }

    /// A job of one source of one tenant.
    pub fn job(&self, tenant: &Tenant, source: Source, run: RunId, now: bool) -> Job {
        Job { run, tenant: tenant.id.clone(), source, now }
    }

    /// What the ledger says of every source of a tenant, at most a few seconds old.
    ///
    /// # Errors
    ///
    /// Where the ledger can't be read.
    pub async fn known(&self, tenant: &Tenant) -> Result<Arc<Vec<Known>>, LedgerError> {
        let recent = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(&tenant.id).filter(|(at, _)| at.elapsed() < KNOWN_FOR).cloned()
        };
        if let Some((_, known)) = recent {
            return Ok(known);
        }
        let shown = |source: &&Source| source.default || tenant.source(source.name).is_some();
        let read = ALL.iter().filter(shown).map(|source| self.known_of(tenant, *source));
        let fresh = Arc::new(try_join_all(read).await?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(tenant.id.clone(), (Instant::now(), fresh.clone()));
        Ok(fresh)
    }

    async fn known_of(&self, tenant: &Tenant, source: Source) -> Result<Known, LedgerError> {
        let collected = tenant.source(source.name);
        let latest = self.ledger.read(&path::latest(&tenant.id, source.name)).await?;
        let state = path::state(&tenant.id, source.name);
        let (state, _) = checkpoint::read(&*self.ledger, &state).await?;
        let latest = latest.and_then(|(bytes, _)| serde_json::from_slice::<Latest>(&bytes).ok());
        let left_out = || Some("not collected: POSTURE_SOURCES leaves it out".to_owned());
        Ok(Known {
            source: source.name,
            about: source.about,
            kind: source.digest,
            every: collected.map_or(source.every, |source| source.every),
            latest: latest.map(Arc::new),
            reason: if collected.is_some() { state.reason() } else { left_out() },
        })
    }
}

/// The vaults that hold what the settings refer to, as the app itself reads them.
pub fn vault(settings: &Settings, wire: Wire) -> Vault {
    Vault::new(settings.app_identity.clone(), settings.cloud.sign_in, wire, clock)
}

fn ledger(settings: &Settings, own: &Tokens) -> Result<Arc<dyn Ledger>, String> {
    match &settings.storage {
        Storage::Folder(folder) => Ok(Arc::new(FolderLedger::new(folder.clone()))),
        Storage::Azure(account) => {
            let made = AzureLedger::new(account, &settings.container, own, clock);
            let ledger = made.map_err(|_| {
                "POSTURE_STORAGE and the app's identity make no storage client: check both"
                    .to_owned()
            })?;
            Ok(Arc::new(ledger))
        }
    }
}

/// The way to the workspace: each stream by the rule that `describe` packed it into.
pub fn logs(rules: &[Url], pipeline: Pipeline) -> Option<Logs> {
    let packed = describe::rules();
    if rules.len() > packed.len() {
        debug!("POSTURE_LOGS_RULES has {} ids for {} rules", rules.len(), packed.len());
    }
    let streams = packed
        .iter()
        .zip(rules)
        .flat_map(|(rule, address)| rule.iter().map(|stream| (stream.name(), address.clone())));
    let streams: HashMap<_, _> = streams.collect();
    (!streams.is_empty()).then(|| Logs::new(pipeline, streams))
}
