//! Turns in the ledger: what one process, or one job, does at a time for all of a deployment.

use super::{Ledger, LedgerError, Version, path};
use crate::cloud::Turns;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tracing::debug;

/// How often a write is tried that another's came before.
const TRIES: u32 = 4;

/// Who holds a turn, and until when. One that lies in the past is free.
#[derive(Default, Deserialize, Serialize)]
struct Claim {
    #[serde(default)]
    holder: String,
    until: Timestamp,
}

impl Claim {
    fn bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// A tenant's turn at a heavy API, held by one job: its count of calls is one process's then.
///
/// Written only over the version that was read. A holder that dies loses it when its time is over.
pub struct Turn {
    ledger: Arc<dyn Ledger>,
    path: String,
    holder: String,
    hold: Duration,
    version: Option<Version>,
}

/// Whose turn it is.
#[derive(Debug)]
pub enum Taking {
    /// The asker's.
    Mine(Turn),
    /// Another's, at least until then unless it is given back: come back later.
    Theirs {
        /// When it lapses if it isn't renewed.
        until: Timestamp,
    },
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Turn {
    /// Takes a tenant's turn at `what` for `hold`, where nobody else has it. The same `holder` gets it
    /// again, so that a job that was cut short goes on at once: it must be one job's own name.
    ///
    /// # Errors
    ///
    /// Where the ledger can't be read or written.
    pub async fn take(
        ledger: Arc<dyn Ledger>,
        (tenant, what): (&str, &str),
        holder: &str,
        now: Timestamp,
        hold: Duration,
    ) -> Result<Taking, LedgerError> {
        let (path, holder) = (path::turn(tenant, what), holder.to_owned());
        let mut turn = Turn { ledger, path, holder, hold, version: None };
        for _ in 0..TRIES {
            let (held, version) = turn.read().await?;
            turn.version = version;
            if let Some(Claim { until, .. }) =
                held.filter(|held| held.until > now && held.holder != turn.holder)
            {
                return Ok(Taking::Theirs { until });
            }
            match turn.write(turn.end(now)).await {
                Err(LedgerError::Conflict { .. }) => {}
                outcome => return outcome.map(|()| Taking::Mine(turn)),
            }
        }
        Ok(Taking::Theirs { until: turn.end(now) })
    }

    /// Holds it for another while.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Conflict`] where it has lapsed and is another's now.
    pub async fn renew(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        let mut refused = self.write(self.end(now)).await;
        for _ in 1..TRIES {
            let Err(LedgerError::Conflict { .. }) = refused else { break };
            // A write whose answer was lost, or was not waited for, stands all the same.
            let (held, version) = self.read().await?;
            if held.is_none_or(|held| held.holder != self.holder) {
                break;
            }
            self.version = version;
            refused = self.write(self.end(now)).await;
        }
        refused
    }

    /// Renews it every third of its time, until that is refused; gives the refusal.
    pub async fn lost(&mut self, clock: fn() -> Timestamp) -> LedgerError {
        loop {
            tokio::time::sleep(self.hold / 3).await;
            if let Err(error @ LedgerError::Conflict { .. }) = self.renew(clock()).await {
                return error;
            }
        }
    }

    /// Gives it back; nothing where it is another's by now.
    ///
    /// # Errors
    ///
    /// Where the ledger can't be written: then it lapses by itself.
    pub async fn release(mut self, now: Timestamp) -> Result<(), LedgerError> {
        self.hold = Duration::ZERO;
        match self.renew(now).await {
            Err(LedgerError::Conflict { .. }) => Ok(()),
            outcome => outcome,
        }
    }

    fn end(&self, now: Timestamp) -> Timestamp {
        let hold = SignedDuration::try_from(self.hold).unwrap_or(SignedDuration::MAX);
        now.checked_add(hold).unwrap_or(Timestamp::MAX)
    }

    /// The claim as it stands, and its version; what can't be understood is nobody's.
    async fn read(&self) -> Result<(Option<Claim>, Option<Version>), LedgerError> {
        let there = self.ledger.read(&self.path).await?;
        let claim = there.as_ref().and_then(|(bytes, _)| serde_json::from_slice(bytes).ok());
        Ok((claim, there.map(|(_, version)| version)))
    }

    async fn write(&mut self, until: Timestamp) -> Result<(), LedgerError> {
        let claim = Claim { holder: self.holder.clone(), until };
        let over = self.version.as_ref();
        self.version = Some(self.ledger.replace(&self.path, claim.bytes(), over).await?);
        Ok(())
    }
}

/// Turns that nobody gives back: each is taken for so long, by whichever process comes first.
pub struct LedgerTurns(pub Arc<dyn Ledger>);

impl std::fmt::Debug for LedgerTurns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LedgerTurns").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl Turns for LedgerTurns {
    async fn take(&self, tenant: &str, what: &str, now: Timestamp, hold: SignedDuration) -> bool {
        let holder = azure_core::Uuid::new_v4().to_string();
        let hold = Duration::try_from(hold).unwrap_or_default();
        match Turn::take(self.0.clone(), (tenant, what), &holder, now, hold).await {
            Ok(taking) => matches!(taking, Taking::Mine(_)),
            Err(error) => {
                debug!("no turn taken: {error}");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::FolderLedger;
    use std::path::PathBuf;

    const HOLD: Duration = Duration::from_secs(60);

    /// A ledger in a folder of a test's own, removed with it.
    struct Place(PathBuf, Arc<dyn Ledger>);

    impl Place {
        fn new(name: &str) -> Place {
            let name = format!("posture-turns-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            Place(folder.clone(), Arc::new(FolderLedger::new(folder)))
        }

        async fn take(&self, tenant: &str, holder: &str, now: Timestamp) -> Taking {
            let what = (tenant, "graph-hunting");
            Turn::take(self.1.clone(), what, holder, now, HOLD).await.unwrap()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    fn at(seconds: i64) -> Timestamp {
        let start: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        start + SignedDuration::from_secs(seconds)
    }

    fn mine(taking: Taking) -> Turn {
        match taking {
            Taking::Mine(turn) => turn,
            Taking::Theirs { until } => panic!("it is another's until {until}"),
        }
    }

    fn theirs(taking: Taking) -> Option<Timestamp> {
        match taking {
            Taking::Mine(_) => None,
            Taking::Theirs { until } => Some(until),
        }
    }

    #[tokio::test]
    async fn a_turn_is_one_processes_until_it_lapses() {
        let place = Place::new("process");
        let (one, other) = (LedgerTurns(place.1.clone()), LedgerTurns(place.1.clone()));
        let (now, hold) = (at(0), SignedDuration::from_mins(10));

        let (first, second) =
            tokio::join!(one.take("t", "x", now, hold), other.take("t", "x", now, hold));
        let again = other.take("t", "x", now, hold).await;
        let another_tenants = other.take("u", "x", now, hold).await;
        let lapsed = other.take("t", "x", now + hold, hold).await;

        assert!(first != second, "one of the two has it");
        assert_eq!((again, another_tenants, lapsed), (false, true, true));
    }

    #[tokio::test]
    async fn of_many_who_come_at_once_one_gets_the_turn() {
        let place = Place::new("many");
        let names: Vec<_> = (0..16).map(|number| format!("job {number}")).collect();

        let taken = names.iter().map(|name| place.take("t", name, at(0)));
        let taken = futures::future::join_all(taken).await;

        let until: Vec<_> = taken.into_iter().filter_map(theirs).collect();
        assert_eq!(until, [at(60); 15]);
    }

    #[tokio::test]
    async fn a_turn_that_is_renewed_stays_and_one_given_back_is_free_at_once() {
        let place = Place::new("renewed");
        let mut turn = mine(place.take("t", "one", at(0)).await);

        turn.renew(at(50)).await.unwrap();

        assert_eq!(theirs(place.take("t", "other", at(70)).await), Some(at(110)));
        assert!(theirs(place.take("u", "other", at(70)).await).is_none(), "another tenant's");
        turn.release(at(80)).await.unwrap();
        assert!(theirs(place.take("t", "other", at(80)).await).is_none());
    }

    #[tokio::test]
    async fn a_turn_that_lapsed_is_another_jobs_and_the_first_one_hears_of_it() {
        let place = Place::new("lapsed");
        let mut dead = mine(place.take("t", "one", at(0)).await);

        let mut next = mine(place.take("t", "other", at(60)).await);

        assert!(matches!(dead.renew(at(61)).await, Err(LedgerError::Conflict { .. })));
        dead.release(at(62)).await.unwrap();
        next.renew(at(63)).await.unwrap();
        assert_eq!(theirs(place.take("t", "one", at(64)).await), Some(at(123)));
    }

    /// A job that was cut short comes back under its own name before its turn has lapsed.
    #[tokio::test]
    async fn the_same_job_gets_its_turn_again() {
        let place = Place::new("again");
        let mut cut_short = mine(place.take("t", "one", at(0)).await);

        let mut next = mine(place.take("t", "one", at(1)).await);

        cut_short.renew(at(2)).await.unwrap();
        next.renew(at(3)).await.unwrap();
        assert_eq!(theirs(place.take("t", "other", at(4)).await), Some(at(63)));
    }

    #[tokio::test]
    async fn what_is_no_claim_is_nobodys() {
        let place = Place::new("broken");
        let path = path::turn("t", "graph-hunting");
        place.1.replace(&path, Bytes::from_static(b"{}"), None).await.unwrap();

        assert!(theirs(place.take("t", "one", at(0)).await).is_none());
    }

    #[tokio::test]
    async fn whoever_keeps_a_turn_hears_when_it_is_lost() {
        let place = Place::new("kept");
        let what = ("t", "x");
        let hold = Duration::from_millis(30);
        let taken = Turn::take(place.1.clone(), what, "one", at(0), hold).await.unwrap();
        let mut turn = mine(taken);
        let other = Turn::take(place.1.clone(), what, "other", at(60), HOLD).await.unwrap();

        let lost = turn.lost(|| at(61)).await;

        assert!(matches!(lost, LedgerError::Conflict { .. }) && theirs(other).is_none());
    }
}
