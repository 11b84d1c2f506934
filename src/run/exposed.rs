//! Which vulnerabilities concern whom: of what is read once for all, only their rows go to a workspace.

use crate::app::App;
use crate::digest::{Digest, Latest};
use crate::ledger::{LedgerError, path};
use crate::source::VULNERABILITIES;
use crate::tenant::Tenant;
use std::collections::HashSet;

/// Vulnerabilities with exposed machines, as the tenants' newest snapshots have them.
#[derive(Debug, Default)]
pub(super) struct Exposed {
    /// In any tenant.
    all: HashSet<String>,
    /// In the tenants of each audience.
    of: Vec<HashSet<String>>,
}

impl Exposed {
    /// Those of the tenants that each audience of `everyone` is made of; a disabled or new tenant has none.
    pub async fn read(app: &App, everyone: &Tenant) -> Result<Exposed, LedgerError> {
        let mut exposed = Exposed::default();
        for audience in &everyone.audience {
            let mut of = HashSet::new();
            for tenant in &audience.tenants {
                let kept = app.ledger.read(&path::latest(tenant, VULNERABILITIES.name)).await?;
                let latest =
                    kept.and_then(|(bytes, _)| serde_json::from_slice::<Latest>(&bytes).ok());
                if let Some(Latest { digest: Digest::Vulnerabilities(fold), .. }) = latest {
                    of.extend(fold.flaws.into_keys().map(|id| id.to_ascii_uppercase()));
                }
            }
            exposed.all.extend(of.iter().cloned());
            exposed.of.push(of);
        }
        Ok(exposed)
    }

    /// Their ids, in capitals.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        self.all.iter()
    }

    /// Whether it concerns anyone.
    pub fn has(&self, cve: &str) -> bool {
        self.all.contains(cve) || self.all.contains(&cve.to_ascii_uppercase())
    }

    /// Whether it concerns a tenant of that audience.
    pub fn concerns(&self, audience: usize, cve: &str) -> bool {
        self.of.get(audience).is_some_and(|of| of.contains(&cve.to_ascii_uppercase()))
    }
}
