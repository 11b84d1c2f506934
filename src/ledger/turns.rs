//! Turns in the ledger: what one process at a time does for all of a deployment.

use super::{Ledger, path};
use crate::cloud::Turns;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tracing::debug;

/// Turns kept under `state/<tenant>/turns/`, each taken over the version that was read.
pub struct LedgerTurns(pub Arc<dyn Ledger>);

#[derive(Deserialize, Serialize)]
struct Turn {
    until: Timestamp,
}

impl std::fmt::Debug for LedgerTurns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LedgerTurns").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl Turns for LedgerTurns {
    async fn take(&self, tenant: &str, what: &str, now: Timestamp, hold: SignedDuration) -> bool {
        let path = path::turn(tenant, what);
        let (held, version) = match self.0.read(&path).await {
            Ok(Some((bytes, version))) => (serde_json::from_slice(&bytes).ok(), Some(version)),
            Ok(None) => (None, None),
            Err(error) => {
                debug!("no turn taken: {error}");
                return false;
            }
        };
        if held.is_some_and(|turn: Turn| turn.until > now) {
            return false;
        }
        let Ok(until) = now.checked_add(hold) else { return false };
        let turn = serde_json::to_vec(&Turn { until }).unwrap_or_default();
        self.0.replace(&path, turn.into(), version.as_ref()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::FolderLedger;

    #[tokio::test]
    async fn a_turn_is_one_processes_until_it_lapses() {
        let name = format!("posture-turns-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let ledger: Arc<dyn Ledger> = Arc::new(FolderLedger::new(folder.clone()));
        let (one, other) = (LedgerTurns(ledger.clone()), LedgerTurns(ledger));
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let hold = SignedDuration::from_mins(10);

        let (first, second) =
            tokio::join!(one.take("t", "x", now, hold), other.take("t", "x", now, hold));
        let again = other.take("t", "x", now, hold).await;
        let another_tenants = other.take("u", "x", now, hold).await;
        let lapsed = other.take("t", "x", now + hold, hold).await;

        std::fs::remove_dir_all(folder).unwrap();
        assert!(first != second, "one of the two has it");
        assert_eq!((again, another_tenants, lapsed), (false, true, true));
    }
}
