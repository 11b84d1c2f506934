//! The end of a run, in order and each step repeatable: `latest/`, `runs/`, the report's row, state.

use super::Stop;
use super::attempt::Work;
use super::{estimate, findings, growth, remarks};
use crate::app::App;
use crate::checkpoint::{self, Current, Failed, Refused};
use crate::cloud::{Meter, Patience};
use crate::digest::{Ending, Latest, instant};
use crate::ledger::{self, LedgerError, path};
use crate::logs::{Logs, LogsError};
use crate::plan::Job;
use crate::record::{Envelope, Facts};
use crate::report::{Report, Status};
use crate::source::{RUNS, Reads, Source};
use crate::tenant::Tenant;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::warn;

/// A refusal is looked at again after the source's interval, but not sooner or later than this.
const SHORTEST_REFUSAL: SignedDuration = SignedDuration::from_hours(1);
const LONGEST_REFUSAL: SignedDuration = SignedDuration::from_hours(24);

/// How long the row of an interrupted attempt may take: the workspace may be what hangs.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Makes the snapshot visible and ends the run.
pub(super) async fn completed(work: &mut Work<'_>) -> Result<Status, Stop> {
    if work.current.partial {
        return Ok(Status::Incomplete);
    }
    remarks::refusal(work.source, &work.current.tally)
        .map_or(Ok(()), |why| Err(Stop::Refused(why)))?;
    let Work { app, tenant, source, .. } = *work;
    let status = if work.unchanged { Status::Unchanged } else { Status::Complete };
    let now = app.now();
    let run = work.current.run.clone();
    let records = work.current.tally.kept;
    // What a case keeps is the same whenever it is pulled.
    let credentials =
        if app.timeless || source.is_shared() { Vec::new() } else { endings(tenant).await };
    let latest = Latest {
        version: 1,
        tenant: tenant.id.clone(),
        tenant_name: tenant.name.clone(),
        source: source.name.to_owned(),
        run: run.to_string(),
        began: work.current.began,
        completed: now,
        parts: work.current.tally.parts,
        records,
        generated: work.current.generated.as_deref().and_then(instant),
        credentials: credentials.clone(),
        files: work.current.files.as_ref().map(|files| files.read.clone()).unwrap_or_default(),
        digest: estimate::told(work).await?,
    };
    // Where the service has nothing newer, the snapshot that is kept stays the newest.
    if !work.unchanged {
        point_to(app, &path::latest(&tenant.id, source.name), latest).await?;
    }
    let mut report = report(work, status, remarks::of(status, source, &work.current.tally));
    report.credential_ends = credentials.first().map(|first| first.ends);
    keep(app, &report).await?;
    send(&report, work).await?;
    work.forget_files().await?;
    if status == Status::Complete {
        let done = Job { run: work.current.run.clone(), ..work.job.clone() };
        findings::post(tenant, &done, work.outbox).await?;
    }
    let reads = source.reads;
    if matches!(source.reads, Reads::Changes { .. }) {
        // The next run asks for what has happened since this one began.
        work.checkpoint.save(|current| current.newest = Some(current.began.to_string())).await?;
    }
    work.checkpoint.complete(|stamp, since| growth::is_within(reads, stamp, since)).await?;
    Ok(status)
}

/// What the run did, as it stands now.
pub(super) fn report(work: &Work<'_>, status: Status, message: String) -> Report {
    let is_whole = matches!(status, Status::Complete | Status::Unchanged);
    Report {
        version: 1,
        tenant: work.tenant.id.clone(),
        tenant_name: work.tenant.name.clone(),
        source: work.source.name,
        run: work.current.run.clone(),
        status,
        message,
        began: work.current.began,
        ended: work.app.now(),
        generated: work.current.generated.clone(),
        newest: is_whole.then(|| newest(work)),
        credential_ends: None,
        tally: work.tally(),
    }
}

/// What of the tenant's identity, and of whoever sends its rows, ends soon; the earliest first.
async fn endings(tenant: &Tenant) -> Vec<Ending> {
    let mut ends = tenant.tokens().near_ends().await;
    if let Some(logs) = &tenant.logs {
        ends.extend(logs.pipeline().tokens().near_ends().await);
    }
    ends.sort_by_key(|end| end.at);
    ends.dedup();
    ends.iter().map(|end| Ending { what: end.what.to_owned(), ends: end.at }).collect()
}

/// See [`Report::newest`].
fn newest(work: &Work<'_>) -> Timestamp {
    let Work { current, known, source, .. } = work;
    let read = current.generated.as_ref().or(current.newest.as_ref());
    let is_read_by_date = matches!(source.reads, Reads::Since(_) | Reads::Updated { .. });
    let known = known.0.as_ref().filter(|_| is_read_by_date || work.unchanged);
    let newest = read.or(known).and_then(|text| instant(text));
    newest.unwrap_or(current.began)
}

/// Moves `latest/` to this snapshot; never back to an older run.
async fn point_to(app: &App, path: &str, latest: Latest) -> Result<(), Stop> {
    let there = app.ledger.read(path).await?;
    let kept: Option<Latest> = there.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok());
    match kept {
        Some(kept) if kept.run > latest.run => Ok(()),
        _ => Ok(ledger::put(&*app.ledger, path, to_json(path, &latest)?).await?),
    }
}

async fn keep(app: &App, report: &Report) -> Result<(), LedgerError> {
    let path = path::report(&report.tenant, report.source, &report.run);
    ledger::put(&*app.ledger, &path, to_json(&path, report)?).await
}

fn to_json(path: &str, value: &impl Serialize) -> Result<Bytes, LedgerError> {
    let json = serde_json::to_vec(value).map(Bytes::from);
    json.map_err(|error| LedgerError::Failed { path: path.to_owned(), what: error.to_string() })
}

/// Sends the report's row, along with those of jobs that end at the same time.
async fn send(report: &Report, work: &Work<'_>) -> Result<(), LogsError> {
    for logs in runs_of(work.tenant) {
        logs.send_row(&RUNS.stream(), row(report), &work.patience, &work.meter).await?;
    }
    Ok(())
}

/// Sends the report's row alone: an interrupted attempt has no time to wait for others.
async fn send_alone(
    tenant: &Tenant,
    report: &Report,
    patience: &Patience,
) -> Result<(), LogsError> {
    let rows = [row(report).into()];
    for logs in runs_of(tenant) {
        logs.send(&RUNS.stream(), &rows, None, patience, &Meter::default()).await?;
    }
    Ok(())
}

/// Where the rows of reports go.
fn runs_of(tenant: &Tenant) -> Vec<&Arc<Logs>> {
    let mut workspaces = tenant.workspaces();
    workspaces.retain(|logs| logs.takes(&RUNS.stream()));
    workspaces
}

fn row(report: &Report) -> Vec<u8> {
    let Report { tenant, tenant_name, source, run, .. } = report;
    let envelope = Envelope::new(tenant, tenant_name, (source, source), run, report.began);
    let facts = Facts::of_key(format!("{run}\n{:?}", report.status));
    let mut line = Vec::new();
    envelope.write(&report.row(), &[], &facts, &mut line);
    line
}

/// How a run pauses that goes on by a message of its own.
pub(super) struct Pause {
    /// When the message comes.
    pub after: Duration,
    /// Whether something is in the way, for health to show.
    pub is_obstacle: bool,
    /// Whether `runs/` and the workspace are told.
    pub is_news: bool,
}

/// Ends an attempt whose run goes on later: says so in the state, under `runs/` and in the
/// workspace, and frees the job. What can't be said is logged and changes nothing.
pub(super) async fn interrupted(work: &Work<'_>, report: Report, pause: Option<Pause>) -> Report {
    let Work { app, tenant, checkpoint, .. } = *work;
    let (refused, failed) = obstacles(app, work.source, &report);
    let failed = failed.filter(|_| pause.as_ref().is_none_or(|pause| pause.is_obstacle));
    let resumes = pause.as_ref().map(|pause| checkpoint::after(app.now(), pause.after));
    let ended = report.status == Status::Incomplete;
    let spent = |current: &mut Current| {
        current.tally.clone_from(&report.tally);
        current.resumes = resumes;
    };
    let mut lost = checkpoint.release(refused, failed, ended, spent).await.err();
    let is_news = pause.is_none_or(|pause| pause.is_news);
    if is_news {
        lost = lost.or(keep(app, &report).await.err());
    }
    if let Some(error) = lost {
        warn!(tenant = tenant.id, "The end of {} isn't kept: {error}", report.source);
    }
    if !is_news {
        return report;
    }
    let deadline = Instant::now() + LAST_WORD;
    let patience = Patience { tries: 1, ..app.limits.patience }.until(deadline);
    if let Err(error) = send_alone(tenant, &report, &patience).await {
        warn!(tenant = tenant.id, "The report of {} isn't sent: {error}", report.source);
    }
    report
}

/// What of an ended attempt stands in the way of the next one, for the state to say.
fn obstacles(app: &App, source: Source, report: &Report) -> (Option<Refused>, Option<Failed>) {
    let (at, advice) = (app.now(), report.message.clone());
    let pause = match report.status {
        Status::Refused | Status::Unavailable => {
            Some(source.every.clamp(SHORTEST_REFUSAL, LONGEST_REFUSAL))
        }
        Status::Incomplete => Some(SHORTEST_REFUSAL),
        _ => None,
    };
    let unavailable = report.status == Status::Unavailable;
    let refused = pause.map(|pause| {
        let advice = advice.clone();
        Refused { at, until: at + pause, advice, unavailable }
    });
    let waits = matches!(report.status, Status::Failed | Status::Postponed);
    (refused, waits.then_some(Failed { at, message: advice }))
}

/// Says in the set's state what stands in the way of one of its files.
pub(super) async fn note_in_set(app: &App, job: &Job, report: &Report) {
    let (refused, failed) = obstacles(app, job.source, report);
    // What is postponed comes back by itself.
    if report.status == Status::Postponed || refused.is_none() && failed.is_none() {
        return;
    }
    let path = path::state(&job.tenant, job.source.name);
    let noted = checkpoint::note(&*app.ledger, &path, refused, failed).await;
    if let Err(error) = noted {
        warn!(tenant = job.tenant, "The end of a file of {} isn't kept: {error}", report.source);
    }
}
