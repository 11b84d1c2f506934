//! What a job's message finds in the state. Pure.

use super::{Attempt, State};
use crate::plan::Job;
use jiff::Timestamp;

/// What a message finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Nothing to do, and why.
    Needless(&'static str),
    /// Another attempt holds the job.
    Held(Attempt),
    /// The job is free.
    Free,
}

/// A file's own state knows its run only: what is due is its set's matter.
fn finding_of_file(state: &State, job: &Job, now: Timestamp) -> Finding {
    match &state.completed {
        Some(completed) if completed.run >= job.run => {
            Finding::Needless("that file is read already")
        }
        _ => held(state, now),
    }
}

/// Whether a job has anything to do, and may do it now.
pub(super) fn finding(state: &State, job: &Job, now: Timestamp) -> Finding {
    if job.file.is_some() {
        return finding_of_file(state, job, now);
    }
    if let Some(completed) = &state.completed {
        if completed.run >= job.run {
            return Finding::Needless("that run, or a later one, is complete");
        }
        let between = job.run.instant().duration_since(completed.run.instant());
        if !job.now && between < job.source.every {
            return Finding::Needless("a complete run is younger than the source's interval");
        }
    }
    if state.ended.as_ref().is_some_and(|ended| *ended >= job.run) {
        return Finding::Needless("that run has ended as incomplete, and a later one reads again");
    }
    if !job.now && state.refused.as_ref().is_some_and(|refused| refused.until > now) {
        let why = "a refusal stands until an administrator has acted: its report says how, and \
                   `posture collect` asks at once";
        return Finding::Needless(why);
    }
    let files = state.current.as_ref().and_then(|current| current.files.as_ref());
    if !job.now && files.is_some_and(|files| files.until > now && !files.open.is_empty()) {
        return Finding::Needless("its files are being read by jobs of their own");
    }
    held(state, now)
}

fn held(state: &State, now: Timestamp) -> Finding {
    match state.current.as_ref().and_then(|current| current.attempt.clone()) {
        Some(attempt) if attempt.until > now => Finding::Held(attempt),
        _ => Finding::Free,
    }
}
