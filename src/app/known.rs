//! What the ledger says of tenants and their sources, a few seconds old.

use super::App;
use crate::checkpoint;
use crate::digest::Latest;
use crate::ledger::{LedgerError, path};
use crate::source::{ALL, EVERYONE, Source};
use crate::summary::{self, Known, TenantStanding};
use crate::tenant::Tenant;
use futures::future::try_join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long what the ledger says of a tenant is answered from memory.
pub const KNOWN_FOR: Duration = Duration::from_secs(5);
/// How long what is kept of each of many tenants is answered from memory.
pub const KNOWN_OF_MANY_FOR: Duration = Duration::from_secs(60);

impl App {
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
