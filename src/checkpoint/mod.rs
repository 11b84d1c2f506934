//! What of a job is kept and sent, and whose job it is.

mod files;
mod finding;
mod state;

pub use files::{Files, Share, Standing, after, change_run, count_in, forgive, note};
pub use state::{Attempt, Completed, Current, Failed, Refused, State, Tally};

use crate::ledger::{Ledger, LedgerError, Version, path};
use crate::plan::Job;
use bytes::Bytes;
use finding::{Finding, finding};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Version of the state's layout.
const VERSION: u32 = 1;
/// A run that began longer ago is started anew.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);

/// A job that this attempt holds: its state, written only under the version last read.
pub struct Checkpoint {
    ledger: Arc<dyn Ledger>,
    path: String,
    id: String,
    claim: Duration,
    clock: fn() -> Timestamp,
    held: Mutex<Held>,
}

struct Held {
    state: State,
    version: Option<Version>,
    /// Whether the claim was given up: nothing renews it any more.
    over: bool,
}

/// Whether an attempt got the job.
pub enum Taken {
    /// It did.
    Mine(Box<Checkpoint>),
    /// There is nothing to do for it, and why.
    Needless(&'static str),
}

impl Checkpoint {
    /// Takes a job: at once where it is free, after waiting for another attempt's claim to lapse; an
    /// attempt that is alive is left alone. `begin` makes a run where none is under way.
    ///
    /// # Errors
    ///
    /// Where the ledger can't be read or written.
    pub async fn take(
        ledger: Arc<dyn Ledger>,
        job: &Job,
        claim: Duration,
        clock: fn() -> Timestamp,
        begin: impl Fn(&State, Timestamp) -> Current,
    ) -> Result<Taken, LedgerError> {
        let path = path::state_of(job);
        let id = azure_core::Uuid::new_v4().to_string();
        // Whose write was seen: one may have been on its way when its process was killed, two aren't.
        let mut seen = None;
        loop {
            let (mut state, version) = read(&*ledger, &path).await?;
            let now = clock();
            let found = finding(&state, job, now);
            let is_under_it = |id: &String| matches!(&found, Finding::Held(now) if now.id == *id);
            if seen.as_ref().is_some_and(|id| !is_under_it(id)) {
                return Ok(Taken::Needless(AT_WORK));
            }
            match found {
                Finding::Needless(why) => return Ok(Taken::Needless(why)),
                Finding::Held(attempt) => {
                    let left = attempt.until.duration_since(now).try_into().unwrap_or(claim);
                    if !outlives(&*ledger, &path, &version, claim.min(left)).await? {
                        release_dead(&*ledger, &path, state, version).await?;
                        seen = None;
                    } else if seen.replace(attempt.id).is_some() {
                        return Ok(Taken::Needless(AT_WORK));
                    }
                }
                Finding::Free => {
                    let goes_on = |current: &Current| {
                        let same = job.window.is_none() || job.window == current.window;
                        same && now.duration_since(current.began) < MAX_AGE
                    };
                    let mut current =
                        state.current.take().filter(goes_on).unwrap_or_else(|| begin(&state, now));
                    current.tally.attempts += 1;
                    current.resumes = None;
                    state.current = Some(current);
                    state.version = VERSION;
                    let held = Mutex::new(Held { state, version, over: false });
                    let (ledger, path, id) = (ledger.clone(), path.clone(), id.clone());
                    let mine = Checkpoint { ledger, path, id, claim, clock, held };
                    match mine.save(|_| ()).await {
                        Err(LedgerError::Conflict { .. }) => {}
                        outcome => return outcome.map(|()| Taken::Mine(Box::new(mine))),
                    }
                }
            }
        }
    }

    /// The attempt's id, which no other has.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The run as it stands.
    pub async fn current(&self) -> Option<Current> {
        self.held.lock().await.state.current.clone()
    }

    /// How far the newest complete run of a growing source has read, and what an overlap will bring
    /// again.
    pub async fn known(&self) -> (Option<String>, BTreeMap<String, String>) {
        let held = self.held.lock().await;
        (held.state.since.clone(), held.state.recent.clone())
    }

    /// Changes the run and writes it, which renews the claim too.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Conflict`] where another attempt has taken the job.
    pub async fn save(&self, change: impl Fn(&mut Current)) -> Result<(), LedgerError> {
        let until = files::after((self.clock)(), self.claim);
        let attempt = Attempt { id: self.id.clone(), until };
        self.write(false, |state| {
            if let Some(current) = &mut state.current {
                change(current);
                current.attempt = Some(attempt.clone());
            }
        })
        .await
    }

    /// Leaves the run to others: the claim is given up in the same write as the change.
    ///
    /// # Errors
    ///
    /// As [`Checkpoint::save`].
    pub async fn hand_over(&self, change: impl Fn(&mut Current)) -> Result<(), LedgerError> {
        self.write(true, |state| {
            state.failed = None;
            state.refused = None;
            if let Some(current) = &mut state.current {
                change(current);
                current.attempt = None;
            }
        })
        .await
    }

    /// Renews the claim every third of it, until a write is refused; gives that refusal.
    pub async fn lost(&self) -> LedgerError {
        loop {
            tokio::time::sleep(self.claim / 3).await;
            if let Err(error @ LedgerError::Conflict { .. }) = self.save(|_| ()).await {
                return error;
            }
        }
    }

    /// Ends the run as complete; `keeps` says which of the recent records the next overlap may bring.
    ///
    /// # Errors
    ///
    /// As [`Checkpoint::save`].
    pub async fn complete(&self, keeps: impl Fn(&str, &str) -> bool) -> Result<(), LedgerError> {
        let at = (self.clock)();
        self.write(true, |state| {
            let Some(current) = state.current.take() else { return };
            state.recent.extend(current.recent);
            state.since = current.newest.or(state.since.take());
            state.completed = Some(Completed { run: current.run, at });
            state.ended = None;
            state.refused = None;
            state.failed = None;
            let since = state.since.clone().unwrap_or_default();
            state.recent.retain(|_, stamp| keeps(stamp, &since));
        })
        .await
    }

    /// Ends the attempt, not the run: with a refusal or a failure to show, free for the next one.
    ///
    /// # Errors
    ///
    /// As [`Checkpoint::save`].
    pub async fn release(
        &self,
        refused: Option<Refused>,
        failed: Option<Failed>,
        drop_run: bool,
        spent: impl Fn(&mut Current),
    ) -> Result<(), LedgerError> {
        self.write(true, |state| {
            if let Some(current) = &mut state.current {
                current.attempt = None;
                spent(current);
            }
            if drop_run {
                state.ended = state.current.take().map(|current| current.run);
            }
            state.refused.clone_from(&refused);
            state.failed.clone_from(&failed);
        })
        .await
    }

    /// Writes the state as `change` makes it; `over` says whether that ends the claim.
    ///
    /// Others write into it only to count a file in, and leave the claim where it is: then the change is
    /// made again over theirs.
    async fn write(&self, over: bool, change: impl Fn(&mut State)) -> Result<(), LedgerError> {
        let mut held = self.held.lock().await;
        if held.over {
            return Ok(());
        }
        let (mut base, mut over_version) = (held.state.clone(), held.version.clone());
        loop {
            let mut state = base;
            change(&mut state);
            let content = to_bytes(&state, &self.path)?;
            match self.ledger.replace(&self.path, content.clone(), over_version.as_ref()).await {
                Err(conflict @ LedgerError::Conflict { .. }) => {
                    let Some((there, version)) = self.ledger.read(&self.path).await? else {
                        return Err(conflict);
                    };
                    // A write whose answer was lost is refused when it is tried again, though it stands.
                    if there == content {
                        *held = Held { state, version: Some(version), over };
                        return Ok(());
                    }
                    base = self.mine(&there).ok_or(conflict)?;
                    over_version = Some(version);
                }
                written => {
                    *held = Held { state, version: Some(written?), over };
                    return Ok(());
                }
            }
        }
    }

    /// The state in these bytes, where this attempt still has the claim in it.
    fn mine(&self, there: &[u8]) -> Option<State> {
        let state: State = serde_json::from_slice(there).ok()?;
        let attempt = state.current.as_ref()?.attempt.as_ref()?;
        (attempt.id == self.id).then_some(state)
    }
}

/// The state of a source, and its version; the default where nothing is kept yet.
///
/// # Errors
///
/// Where the ledger can't be read, or holds something else there.
pub async fn read(
    ledger: &dyn Ledger,
    path: &str,
) -> Result<(State, Option<Version>), LedgerError> {
    let Some((bytes, version)) = ledger.read(path).await? else {
        return Ok((State::default(), None));
    };
    let unreadable = |why: String| LedgerError::Failed {
        path: path.to_owned(),
        what: format!("no checkpoint of this release ({why}): move it away to start anew"),
    };
    let state: State =
        serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    if state.version > VERSION {
        return Err(unreadable(format!("version {}", state.version)));
    }
    Ok((state, Some(version)))
}

/// Why there is nothing to do where a living attempt has the job.
const AT_WORK: &str = "another attempt is at work on it";

/// Whether another attempt writes before its claim lapses; looked at thirty times.
async fn outlives(
    ledger: &dyn Ledger,
    path: &str,
    seen: &Option<Version>,
    left: Duration,
) -> Result<bool, LedgerError> {
    for _ in 0..30 {
        tokio::time::sleep(left / 30).await;
        let version = ledger.read(path).await?.map(|(_, version)| version);
        if version != *seen {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes a dead attempt's claim off; where something has moved meanwhile, the caller looks again.
async fn release_dead(
    ledger: &dyn Ledger,
    path: &str,
    mut state: State,
    version: Option<Version>,
) -> Result<(), LedgerError> {
    if let Some(current) = &mut state.current {
        current.attempt = None;
    }
    match ledger.replace(path, to_bytes(&state, path)?, version.as_ref()).await {
        Err(LedgerError::Conflict { .. }) => Ok(()),
        outcome => outcome.map(|_| ()),
    }
}

fn to_bytes(state: &State, path: &str) -> Result<Bytes, LedgerError> {
    let written = serde_json::to_vec(state).map(Bytes::from);
    written.map_err(|error| LedgerError::Failed { path: path.to_owned(), what: error.to_string() })
}
