//! The job that follows a completed snapshot: its kept parts into the tenant's open formats.
//!
//! It has no checkpoint of its own: files are created once, from kept parts alone, so that what is there
//! tells what is left. The manifest comes after the last file, the pointer under `latest/` last.

use super::packer::aside;
use super::{Stop, plain};
use crate::app::App;
use crate::digest::Latest;
use crate::findings::{Format, Manifest, Output, Owner};
use crate::ledger::{Ledger, path};
use crate::outbox::Outbox;
use crate::part;
use crate::plan::{Job, Message};
use crate::report::{Report, Status};
use crate::source::Reads;
use crate::tenant::Tenant;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// What became of the job.
enum Written {
    /// So many new files of so many records.
    Files(u64, u64),
    /// There was nothing to do, and why.
    Needless(&'static str),
}

/// What is to be written.
struct Snapshot {
    began: Timestamp,
    parts: Vec<String>,
}

/// Posts the job that writes a completed snapshot in the tenant's open formats, where it has any.
pub(super) async fn post(tenant: &Tenant, job: &Job, outbox: &dyn Outbox) -> Result<(), Stop> {
    if tenant.formats.of(&job.source).is_empty() {
        return Ok(());
    }
    let follows = Job { findings: true, file: None, window: None, now: false, ..job.clone() };
    Ok(outbox.post(&Message::from(&follows), Duration::ZERO).await?)
}

/// Carries the job out. A second delivery finds its manifest and does nothing.
pub(super) async fn carry_out(
    app: &App,
    tenant: &Tenant,
    job: &Job,
    outbox: &dyn Outbox,
) -> Report {
    let asked = app.now();
    let plain = |status, message| plain(app, job, &tenant.name, asked, status, message);
    let deadline = Instant::now() + app.limits.run;
    // Who can't be served now waits without memory.
    let Ok(_turn) = app.findings.acquire().await else {
        return plain(Status::Failed, "the process is ending".to_owned());
    };
    let written = match write(app, tenant, job, deadline).await {
        Err(Stop::TimeUp) => match outbox.post(&Message::from(job), Duration::ZERO).await {
            Ok(()) => {
                let message = "the findings' time is up: they go on by themselves";
                return plain(Status::Postponed, message.to_owned());
            }
            Err(error) => Err(Stop::from(error)),
        },
        written => written,
    };
    match written {
        Ok(Written::Files(files, records)) => {
            let mut report = plain(Status::Complete, format!("{files} new files in open formats"));
            report.tally.kept = records;
            report
        }
        Ok(Written::Needless(why)) => plain(Status::Unneeded, why.to_owned()),
        Err(stop) => plain(Status::Failed, format!("no findings: {stop}")),
    }
}

async fn write(app: &App, tenant: &Tenant, job: &Job, deadline: Instant) -> Result<Written, Stop> {
    let formats = tenant.formats.of(&job.source);
    if formats.is_empty() {
        return Ok(Written::Needless("no open format of this source is asked for"));
    }
    let Some(snapshot) = snapshot(app, job).await? else {
        return Ok(Written::Needless("a newer snapshot is complete, whose own job follows it"));
    };
    let owner = Owner {
        tenant: tenant.id.clone(),
        tenant_name: tenant.name.clone(),
        source: job.source,
        run: job.run.clone(),
        began: snapshot.began,
    };
    let (mut files, mut records, mut news) = (0, 0, false);
    for format in formats {
        let folder = format.folder(&job.tenant, &job.run);
        let manifest = path::manifest(&folder, job.source.name);
        let there: BTreeSet<String> = app.ledger.list(&folder).await?.into_iter().collect();
        let outputs = format.outputs(&job.source, &snapshot.parts);
        let is_complete = there.contains(&manifest);
        if !is_complete {
            news = true;
            for output in &outputs {
                let path = format!("{folder}{}", output.name);
                if !there.contains(&path) {
                    records += one(app, format, &owner, output, &path, deadline).await?;
                    files += 1;
                }
            }
        }
        complete(&*app.ledger, format, &owner, &outputs, (&manifest, is_complete)).await?;
    }
    Ok(match news {
        true => Written::Files(files, records),
        false => Written::Needless("its findings are written already"),
    })
}

/// The parts of the job's run; nothing where a newer snapshot has taken its place.
async fn snapshot(app: &App, job: &Job) -> Result<Option<Snapshot>, Stop> {
    let Job { tenant, source, run, .. } = job;
    let path = path::latest(tenant, source.name);
    let there = app.ledger.read(&path).await?;
    let latest = there.and_then(|(bytes, _)| serde_json::from_slice::<Latest>(&bytes).ok());
    let Some(latest) = latest.filter(|latest| latest.run.as_str() >= run.as_str()) else {
        let what = "the snapshot isn't visible yet: the next attempt looks again";
        return Err(Stop::Failed(format!("{path}: {what}")));
    };
    let is_newest = latest.run == run.as_str();
    match source.reads {
        Reads::Whole if !is_newest => Ok(None),
        Reads::Whole => Ok(Some(Snapshot { began: latest.began, parts: latest.part_paths(run) })),
        // A run that is followed by another has its own records all the same.
        _ => {
            let parts = app.ledger.list(&path::parts(tenant, source.name, run)).await?;
            let began = if is_newest { latest.began } else { run.instant() };
            Ok(Some(Snapshot { began, parts }))
        }
    }
}

/// Writes one file, with one kept part in memory; how many records it holds.
async fn one(
    app: &App,
    format: Format,
    owner: &Owner,
    output: &Output,
    path: &str,
    deadline: Instant,
) -> Result<u64, Stop> {
    let failed = |error| Stop::Failed(format!("{path}: {error}"));
    let mut writer = format.writer(owner).map_err(failed)?;
    let mut records = 0;
    for part in &output.parts {
        if Instant::now() >= deadline {
            return Err(Stop::TimeUp);
        }
        let Some((bytes, _)) = app.ledger.read(part).await? else {
            return Err(Stop::Failed(format!("{part} is gone: the next run keeps a new snapshot")));
        };
        let (given, taken) = aside(move || {
            let taken = part::open(&bytes).and_then(|(text, _)| writer.take(&text));
            (writer, taken)
        })
        .await;
        writer = given;
        let broken = |error| Stop::Failed(format!("{part} is no part ({error}): move it away"));
        records += taken.map_err(broken)?;
    }
    let content = aside(move || writer.finish()).await;
    let content = content.map_err(failed)?;
    // Another attempt's file is of the same records.
    app.ledger.keep(path, content).await?;
    Ok(records)
}

/// Says that all files are there: in the run's folder, then under `latest/`.
async fn complete(
    ledger: &dyn Ledger,
    format: Format,
    owner: &Owner,
    outputs: &[Output],
    (path, is_there): (&str, bool),
) -> Result<(), Stop> {
    let manifest = Manifest {
        version: 1,
        tenant: owner.tenant.clone(),
        source: owner.source.name.to_owned(),
        run: owner.run.clone(),
        began: owner.began,
        format: format.name(),
        files: outputs.iter().map(|output| output.name.clone()).collect(),
    };
    if !is_there {
        ledger.keep(path, manifest.to_json(path)?).await?;
    }
    Ok(manifest.point_to(ledger, &format.pointer(&owner.tenant), path).await?)
}
