//! The storage layout: where each kind of thing lies. Tenant first, so that offboarding deletes by
//! prefix.

use crate::plan::{Job, RunId};
use jiff::civil::Date;

/// The folder of a run's parts.
pub fn parts(tenant: &str, source: &str, run: &RunId) -> String {
    format!("records/{tenant}/{source}/{}/{run}/", run.day_path())
}

/// The folder of the parts of all runs of a day, `yyyy/mm/dd`.
pub fn parts_of_day(tenant: &str, source: &str, day: &str) -> String {
    format!("records/{tenant}/{source}/{day}/")
}

/// A part of a job's records.
pub fn part(job: &Job, run: &RunId, number: u64) -> String {
    let folder = parts(&job.tenant, job.source.name, run);
    format!("{folder}{}.jsonl.gz", part_name(job, number))
}

/// The file that a run's records were read from, as it came.
pub fn original(job: &Job, run: &RunId) -> String {
    format!("{}original.csv.gz", parts(&job.tenant, job.source.name, run))
}

/// What of a part could not be delivered, each with the reason.
pub fn rejected(job: &Job, run: &RunId, number: u64) -> String {
    let Job { tenant, source, .. } = job;
    format!("rejected/{tenant}/{}/{run}/{}.jsonl", source.name, part_name(job, number))
}

/// Six digits from 000001 on; those of an export file behind its id.
fn part_name(job: &Job, number: u64) -> String {
    match &job.file {
        Some(file) => format!("{file}-{number:06}"),
        None => format!("{number:06}"),
    }
}

/// The report of one job.
pub fn report(tenant: &str, source: &str, run: &RunId) -> String {
    let day = run.day_path();
    format!("runs/{tenant}/{day}/{run}/{source}.json")
}

/// The folder of a day's reports.
pub fn reports(tenant: &str, day: Date) -> String {
    format!("runs/{tenant}/{}/", day.strftime("%Y/%m/%d"))
}

/// Where the checkpoints of all tenants are.
pub const STATES: &str = "state/";

/// A source's checkpoint.
pub fn state(tenant: &str, source: &str) -> String {
    format!("state/{tenant}/{source}.json")
}

/// The checkpoint of a job: its source's, or that of its export file.
pub fn state_of(job: &Job) -> String {
    match &job.file {
        Some(file) => format!("{}{file}.json", beside(&job.tenant, job.source.name)),
        None => state(&job.tenant, job.source.name),
    }
}

/// The fold of an export file's records so far.
pub fn digest_of(job: &Job) -> String {
    let file = job.file.as_deref().unwrap_or_default();
    format!("{}{file}-digest.json", beside(&job.tenant, job.source.name))
}

/// The folder of what a run keeps beside its state while it reads export files.
pub fn beside(tenant: &str, source: &str) -> String {
    format!("state/{tenant}/{source}/")
}

/// When which source of a tenant was asked for by a caller.
pub fn asked(tenant: &str) -> String {
    format!("state/{tenant}/asked.json")
}

/// Whose turn something is that one process does for all.
pub fn turn(tenant: &str, what: &str) -> String {
    format!("state/{tenant}/turns/{what}.json")
}

/// What a response action was meant to do, by the hash of its key.
pub fn intent(tenant: &str, key: &str) -> String {
    format!("state/{tenant}/actions/{key}.json")
}

/// How many response actions there were within the last hour.
pub fn caps(tenant: &str) -> String {
    format!("state/{tenant}/caps.json")
}

/// Which alerts of a tenant somebody was told of.
pub fn notices(tenant: &str) -> String {
    format!("state/{tenant}/notices.json")
}

/// The folder of a tenant's attempts at response actions.
pub fn audits(tenant: &str) -> String {
    format!("audit/{tenant}/")
}

/// One attempt at a response action, of the day `yyyy/mm/dd`.
pub fn audit(tenant: &str, day: &str, id: &str) -> String {
    format!("{}{day}/{id}.json", audits(tenant))
}

/// Where attempts are noted whose row the workspace hasn't got yet, of all tenants.
pub const UNSENT: &str = "unsent/";

/// That the workspace hasn't got the row of an attempt yet.
pub fn unsent(tenant: &str, id: &str) -> String {
    format!("{UNSENT}{tenant}/{id}.json")
}

/// The signed links of a source's export files, for as long as a run reads them.
pub fn links(tenant: &str, source: &str) -> String {
    format!("{}links.json", beside(tenant, source))
}

/// A source's newest complete snapshot.
pub fn latest(tenant: &str, source: &str) -> String {
    format!("latest/{tenant}/{source}.json")
}

/// The folder of a run's events of an OCSF class.
pub fn findings(tenant: &str, class: i64, run: &RunId) -> String {
    format!("findings/{tenant}/{class}/{}/{run}/", run.day_path())
}

/// The folder of a run's Parquet files.
pub fn parquet(tenant: &str, source: &str, run: &RunId) -> String {
    format!("parquet/{tenant}/{source}/{}/{run}/", run.day_path())
}

/// The newest complete Parquet files of a source.
pub fn latest_parquet(tenant: &str, source: &str) -> String {
    format!("latest/{tenant}/parquet/{source}.json")
}

/// The newest complete events of an OCSF class, by source.
pub fn latest_findings(tenant: &str, class: i64) -> String {
    format!("latest/{tenant}/findings/{class}.json")
}

/// The manifest of a source's files in such a folder. Readers of a whole folder pass over what begins
/// with `_`.
pub fn manifest(folder: &str, source: &str) -> String {
    format!("{folder}_{source}.json")
}

/// The folder of a responder's case; inside it the same layout again.
pub fn case(tenant: &str, case: &str) -> String {
    format!("cases/{tenant}/{case}")
}
