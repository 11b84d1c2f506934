//! Turns of heavy sources: of a tenant's jobs that can use up an API's budget by themselves, one works at a
//! time, whatever the number of instances.

use super::Stop;
use super::attempt::Work;
use crate::app::App;
use crate::ledger::{Taking, Turn};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio::time::Instant;

/// How often a job looks, within the time of a claim, whether another process has given the turn back.
const LOOKS: u32 = 15;
/// After how long it comes back where the turn isn't given back by then.
const BACK_AFTER: Duration = Duration::from_secs(30);

/// Whose turn it is at heavy APIs among the jobs of one process: a lock for each tenant and budget.
#[derive(Default)]
pub struct LocalTurns(Mutex<HashMap<(String, &'static str), Lock>>);

type Lock = Arc<tokio::sync::Mutex<()>>;

impl LocalTurns {
    /// That of a tenant's budget.
    fn of(&self, tenant: &str, what: &'static str) -> Lock {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.entry((tenant.to_owned(), what)).or_default().clone()
    }
}

/// A turn that a job has: renewed while this lives, given back with its end.
pub(super) struct Held {
    _until: oneshot::Sender<()>,
}

impl Work<'_> {
    /// Takes the turn of the source, where it needs one and doesn't have it.
    pub(super) async fn take_turn(&mut self) -> Result<(), Stop> {
        let Some(what) = self.source.turn().filter(|_| self.turn.is_none()) else { return Ok(()) };
        let look = self.app.limits.claim / LOOKS;
        let deadline = Instant::now() + self.app.limits.claim;
        let later = || Stop::Waits { what, after: BACK_AFTER };
        let waiting = self.app.turns.of(&self.tenant.id, what).lock_owned();
        // Where no queue brings the job back, it waits for the others of its own process.
        let here = match self.outbox.holds().is_zero() {
            true => waiting.await,
            false => tokio::time::timeout_at(deadline, waiting).await.map_err(|_| later())?,
        };
        let started = Instant::now();
        loop {
            match self.try_turn(what).await? {
                Taking::Mine(turn) => {
                    self.waited(started);
                    self.turn = Some(held(self.app, turn, here));
                    return Ok(());
                }
                Taking::Theirs { .. } if Instant::now() + look < deadline => {
                    tokio::time::sleep(look).await;
                }
                Taking::Theirs { .. } => return Err(later()),
            }
        }
    }

    async fn try_turn(&self, what: &str) -> Result<Taking, Stop> {
        let App { ledger, limits, .. } = self.app;
        let holder = format!("{}/{}", self.job.source.name, self.checkpoint.id());
        let place = (self.tenant.id.as_str(), what);
        Ok(Turn::take(ledger.clone(), place, &holder, self.app.now(), limits.claim).await?)
    }

    fn waited(&self, since: Instant) {
        let waited = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.meter.waited_ms.fetch_add(waited, std::sync::atomic::Ordering::Relaxed);
    }
}

fn held(app: &App, turn: Turn, here: OwnedMutexGuard<()>) -> Held {
    let (until, ended) = oneshot::channel();
    tokio::spawn(keep(turn, here, app.clock, ended));
    Held { _until: until }
}

/// Renews a turn until its holder is gone, then gives it back; only then does the next one of this process look,
/// which would find it taken and wait. One that is lost all the same is another's: the budget is spent twice for a
/// while, and nothing worse.
async fn keep(
    mut turn: Turn,
    here: OwnedMutexGuard<()>,
    clock: fn() -> Timestamp,
    mut ended: oneshot::Receiver<()>,
) {
    let is_lost = tokio::select! {
        _ = turn.lost(clock) => true,
        _ = &mut ended => false,
    };
    match is_lost {
        true => drop(ended.await),
        // What can't be given back lapses.
        false => drop(turn.release(clock()).await),
    }
    drop(here);
}
