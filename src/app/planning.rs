//! What is due: the messages of a timer's tick, and the jobs of a tenant.

use super::App;
use crate::checkpoint;
use crate::ledger::{LedgerError, path};
use crate::plan::{self, History, Job, Message, RunId};
use crate::source::{Source, VULNERABILITIES};
use crate::tenant::{RosterError, Tenant};
use futures::future::try_join_all;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

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

impl App {
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
        if !source.is_of_exposed() {
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
}
