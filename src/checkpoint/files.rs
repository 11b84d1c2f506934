//! The files of an export in its set's state: each is a job of its own, and the last one read completes
//! the set.

use super::{Current, Failed, Refused, State, Tally, read, to_bytes};
use crate::digest::Digest;
use crate::ledger::{Ledger, LedgerError};
use crate::plan::RunId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// An export's files: those of one snapshot of the service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Files {
    /// Until then their jobs have messages on the way: posting them again would only be double work.
    pub until: Timestamp,
    /// Those that are still to be read, by id.
    pub open: BTreeSet<String>,
    /// Parts of those that are read, by id.
    pub read: BTreeMap<String, u64>,
}

impl Files {
    /// These files, all still to be read.
    pub fn new(open: BTreeSet<String>, now: Timestamp, holds: Duration) -> Files {
        Files { until: after(now, holds), open, read: BTreeMap::new() }
    }
}

/// That instant, so much later.
pub fn after(now: Timestamp, holds: Duration) -> Timestamp {
    SignedDuration::try_from(holds)
        .ok()
        .and_then(|holds| now.checked_add(holds).ok())
        .unwrap_or(now)
}

/// What one file comes to.
pub struct Share<'a> {
    /// Its id.
    pub file: &'a str,
    /// What its job has done.
    pub tally: &'a Tally,
    /// The fold of its records.
    pub digest: &'a Digest,
}

/// How a set stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// So many files are still to be read.
    Open(usize),
    /// All are read.
    Read,
    /// The run is over, or reads another snapshot by now.
    Over,
}

impl Standing {
    /// How the set of a run stands.
    pub fn of(set: &Current) -> Standing {
        match &set.files {
            Some(files) if files.open.is_empty() => Standing::Read,
            Some(files) => Standing::Open(files.open.len()),
            None => Standing::Over,
        }
    }
}

/// Counts a file in, once: a second time changes nothing.
///
/// # Errors
///
/// Where the ledger can't be read or written.
pub async fn count_in(
    ledger: &dyn Ledger,
    path: &str,
    run: &RunId,
    share: Share<'_>,
    until: Timestamp,
) -> Result<Standing, LedgerError> {
    let Share { file, tally, digest } = share;
    let state = change(ledger, path, |state| {
        let Some(current) = state.current.as_mut().filter(|current| current.run == *run) else {
            return false;
        };
        let Some(files) = &mut current.files else { return false };
        if !files.open.remove(file) {
            return false;
        }
        files.read.insert(file.to_owned(), tally.parts);
        files.until = files.until.max(until);
        current.tally.add(tally);
        current.digest.merge(digest);
        state.failed = None;
        true
    });
    let current = state.await?.current.filter(|current| current.run == *run);
    Ok(current.as_ref().map_or(Standing::Over, Standing::of))
}

/// Changes the run of that id in the set's state, whoever else writes it meanwhile.
///
/// # Errors
///
/// Where the ledger can't be read or written.
pub async fn change_run(
    ledger: &dyn Ledger,
    path: &str,
    run: &RunId,
    alter: impl Fn(&mut Current) -> bool,
) -> Result<(), LedgerError> {
    let altered = change(ledger, path, |state| {
        state.current.as_mut().filter(|current| current.run == *run).is_some_and(&alter)
    });
    altered.await.map(|_| ())
}

/// Says in the set's state what stands in the way of one of its files.
///
/// # Errors
///
/// Where the ledger can't be read or written.
pub async fn note(
    ledger: &dyn Ledger,
    path: &str,
    refused: Option<Refused>,
    failed: Option<Failed>,
) -> Result<(), LedgerError> {
    let noted = change(ledger, path, |state| {
        state.refused.clone_from(&refused);
        state.failed.clone_from(&failed);
        true
    });
    noted.await.map(|_| ())
}

/// Takes a refusal off, so that the next run asks again; where there is none nothing is written.
///
/// # Errors
///
/// Where the ledger can't be read or written.
pub async fn forgive(ledger: &dyn Ledger, path: &str) -> Result<(), LedgerError> {
    change(ledger, path, |state| state.refused.take().is_some()).await.map(|_| ())
}

/// Changes a state that others write too, until the change stands; gives the state as it is then.
async fn change(
    ledger: &dyn Ledger,
    path: &str,
    alter: impl Fn(&mut State) -> bool,
) -> Result<State, LedgerError> {
    loop {
        let (mut state, version) = read(ledger, path).await?;
        if !alter(&mut state) {
            return Ok(state);
        }
        match ledger.replace(path, to_bytes(&state, path)?, version.as_ref()).await {
            Err(LedgerError::Conflict { .. }) => {}
            written => return written.map(|_| state),
        }
    }
}
