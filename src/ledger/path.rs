//! The storage layout: where each kind of thing lies. Tenant first, so that offboarding deletes by
//! prefix.

use crate::plan::RunId;

/// A part of a source's records.
pub fn part(tenant: &str, source: &str, run: &RunId, number: u64) -> String {
    let day = run.day_path();
    format!("records/{tenant}/{source}/{day}/{run}/{number:06}.jsonl.gz")
}

/// What of a part could not be delivered, each with the reason.
pub fn rejected(tenant: &str, source: &str, run: &RunId, number: u64) -> String {
    format!("rejected/{tenant}/{source}/{run}/{number:06}.jsonl")
}

/// The report of one job.
pub fn report(tenant: &str, source: &str, run: &RunId) -> String {
    let day = run.day_path();
    format!("runs/{tenant}/{day}/{run}/{source}.json")
}

/// Where the checkpoints of all tenants are.
pub const STATES: &str = "state/";

/// A source's checkpoint.
pub fn state(tenant: &str, source: &str) -> String {
    format!("state/{tenant}/{source}.json")
}

/// Whose turn something is that one process does for all.
pub fn turn(tenant: &str, what: &str) -> String {
    format!("state/{tenant}/turns/{what}.json")
}

/// The signed links of a source's export files, for as long as a run reads them.
pub fn links(tenant: &str, source: &str) -> String {
    format!("state/{tenant}/{source}/links.json")
}

/// A source's newest complete snapshot.
pub fn latest(tenant: &str, source: &str) -> String {
    format!("latest/{tenant}/{source}.json")
}

/// The folder of a responder's case; inside it the same layout again.
pub fn case(tenant: &str, case: &str) -> String {
    format!("cases/{tenant}/{case}")
}
