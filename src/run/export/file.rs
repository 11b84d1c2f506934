//! The job of one export file: its rows into parts of its own, then it is counted in with its set.

use super::super::attempt::Work;
use super::super::{Stop, ended, finish, of_source, plain};
use super::begin_anew;
use super::listing::listing_link;
use super::pass::Pass;
use crate::app::App;
use crate::checkpoint::{self, Checkpoint, Current, Share, Standing, State, Taken, Tally};
use crate::digest::Digest;
use crate::fetch::{FileError, Listing, Reader};
use crate::ledger::{LedgerError, path};
use crate::outbox::Outbox;
use crate::part::Cursor;
use crate::plan::{Job, Message};
use crate::report::{Report, Status};
use crate::tenant::Tenant;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often one file is asked for again within an attempt without a part's progress.
const MAX_TRIES: u32 = 6;

/// Carries the job of one file out; the set's report where it was the last one.
pub(in crate::run) async fn collect_file(
    app: &App,
    tenant: &Tenant,
    job: &Job,
    outbox: &dyn Outbox,
) -> Report {
    let plain = |status, message: &str| {
        plain(app, job, &tenant.name, app.now(), status, message.to_owned())
    };
    let set = match set_of(app, tenant, job).await {
        Ok(Some(set)) => set,
        Ok(None) => {
            let why = "its set is complete, or reads another snapshot or pages by now";
            return plain(Status::Unneeded, why);
        }
        Err(error) => return plain(Status::Failed, &error.to_string()),
    };
    let file = job.file.as_deref().unwrap_or_default();
    if !set.files.as_ref().is_some_and(|files| files.open.contains(file)) {
        return complete_set(app, tenant, job, outbox, Standing::of(&set)).await;
    }
    let begin = |_: &State, _| begin(&set);
    let ledger = app.ledger.clone();
    match Checkpoint::take(ledger, job, app.limits.claim, app.clock, begin).await {
        Ok(Taken::Mine(checkpoint)) => {
            let started = Instant::now();
            let current = checkpoint.current().await.unwrap_or(set);
            let held = (&*checkpoint, current);
            let work = Work::new((app, tenant), job, outbox, held, Arc::default(), started);
            read(work).await
        }
        Ok(Taken::Needless(why)) => plain(Status::Unneeded, why),
        Err(error) => plain(Status::Failed, &error.to_string()),
    }
}

/// The run of the file's set; nothing where that run is over. Its messages may be quicker than the state
/// that tells of them: that is waited for as long as a claim holds.
async fn set_of(app: &App, tenant: &Tenant, job: &Job) -> Result<Option<Current>, LedgerError> {
    const LOOKS: u32 = 30;
    let listing = listing_link(tenant, job.source);
    let path = path::state(&job.tenant, job.source.name);
    for _ in 0..LOOKS {
        let (state, _) = checkpoint::read(&*app.ledger, &path).await?;
        match state.current.filter(|current| current.run == job.run) {
            // It reads by pages, since the files were refused.
            Some(current) if current.first != listing => return Ok(None),
            Some(current) if current.files.is_none() => {
                tokio::time::sleep(app.limits.claim / LOOKS).await;
            }
            current => return Ok(current),
        }
    }
    let what = "the set's files aren't known yet: the next attempt looks again".to_owned();
    Err(LedgerError::Failed { path, what })
}

fn begin(set: &Current) -> Current {
    Current {
        attempt: None,
        files: None,
        resumes: None,
        tally: Tally::default(),
        // The first row; which file it is, the id says.
        cursor: Cursor::page(Some(String::new())),
        digest: Digest::new(set.digest.kind()),
        ..set.clone()
    }
}

/// Completes the set where all its files are read.
async fn complete_set(
    app: &App,
    tenant: &Tenant,
    job: &Job,
    outbox: &dyn Outbox,
    standing: Standing,
) -> Report {
    match standing {
        Standing::Read => {
            let set = Job { now: true, ..job.of_source() };
            of_source(app, tenant, &set, outbox).await
        }
        Standing::Open(open) => {
            let text = format!("the file is read: its set still has {open}");
            plain(app, job, &tenant.name, app.now(), Status::Postponed, text)
        }
        Standing::Over => {
            let text = "the file is read, and so is its set".to_owned();
            plain(app, job, &tenant.name, app.now(), Status::Unneeded, text)
        }
    }
}

/// Path and link of a file in a listing.
fn link_of(listing: &Listing, file: &str) -> Option<(String, String)> {
    let (_, path) = listing.ids().find(|(id, _)| id == file)?;
    Some((path.to_owned(), listing.files.get(path)?.clone()))
}

async fn read(mut work: Work<'_>) -> Report {
    let (app, tenant, job, outbox) = (work.app, work.tenant, work.job, work.outbox);
    let checkpoint = work.checkpoint;
    let outcome = tokio::select! {
        outcome = work.read_file() => outcome,
        lost = checkpoint.lost() => Err(Stop::from(lost)),
    };
    match outcome {
        Ok(None) => {
            let text = "the service has made a newer snapshot: the set begins anew".to_owned();
            plain(app, job, &tenant.name, app.now(), Status::Postponed, text)
        }
        Ok(Some(standing)) => {
            let tally = work.tally();
            let report = complete_set(app, tenant, job, outbox, standing).await;
            match report.status {
                Status::Postponed => Report { tally, ..report },
                _ => report,
            }
        }
        Err(stop) => {
            let report = ended(&work, Err(stop)).await;
            finish::note_in_set(app, job, &report).await;
            report
        }
    }
}

impl Work<'_> {
    /// Reads the file to its end and counts it in with its set; nothing where the set begins anew.
    async fn read_file(&mut self) -> Result<Option<Standing>, Stop> {
        // Whoever can't be served now waits with a claim, but without memory.
        let files = self.app.files.clone();
        let _turn = files.acquire().await;
        let reader = Reader::new(self.tenant, self.source, String::new(), self.patience);
        let mut parts = self.current.tally.parts;
        let (mut waits, mut tries) = (self.patience.waits(), 0);
        let mut expired: Option<String> = None;
        let digest = loop {
            let (path, link) = match self.link(&reader, expired.as_deref()).await? {
                Some(found) => found,
                None => return self.snapshot_is_gone().await,
            };
            let digest = self.resume().await?;
            if self.current.cursor.link.is_none() {
                break digest;
            }
            let what = match self.pass(digest, path, &link).await? {
                Pass::End(digest) => break digest,
                Pass::Broken(FileError::Broken(what)) => what,
                Pass::Broken(FileError::Expired) => {
                    expired = Some(link);
                    "its link has expired".to_owned()
                }
            };
            if self.current.tally.parts > parts {
                (waits, tries, parts) = (self.patience.waits(), 0, self.current.tally.parts);
            }
            tries += 1;
            let wait = self.patience.next(None, &mut waits).filter(|_| tries < MAX_TRIES);
            let Some(wait) = wait else {
                return Err(Stop::Failed(format!("{what}: the next attempt goes on from there")));
            };
            tokio::time::sleep(wait).await;
        };
        self.count_in(&digest).await.map(Some)
    }

    /// Path and link of the file; nothing where the service has it no more. An `expired` link is asked for
    /// anew.
    async fn link(
        &mut self,
        reader: &Reader<'_>,
        expired: Option<&str>,
    ) -> Result<Option<(String, String)>, Stop> {
        let file = self.job.file.clone().unwrap_or_default();
        let usable = |listing: &Listing| {
            link_of(listing, &file).filter(|(_, link)| Some(link.as_str()) != expired)
        };
        if let Some(found) = self.kept_listing().await?.as_ref().and_then(usable) {
            return Ok(Some(found));
        }
        // One of the set's jobs asks for the links of all.
        self.take_turn().await?;
        let kept = self.kept_listing().await?;
        let found = match kept.as_ref().and_then(usable) {
            Some(found) => Some(found),
            None => link_of(&self.ask_listing(reader).await?, &file),
        };
        self.turn = None;
        Ok(found)
    }

    async fn count_in(&mut self, digest: &Digest) -> Result<Standing, Stop> {
        self.current.cursor = Cursor::page(None);
        self.current.tally.pages = 1;
        let tally = self.tally();
        let file = self.job.file.as_deref().unwrap_or_default();
        let share = Share { file, tally: &tally, digest };
        let set = path::state(&self.tenant.id, self.source.name);
        let until = checkpoint::after(self.app.now(), self.outbox.holds());
        let ledger = &*self.app.ledger;
        let standing = checkpoint::count_in(ledger, &set, &self.current.run, share, until).await?;
        self.checkpoint.complete(|_, _| false).await?;
        Ok(standing)
    }

    /// The service has made a newer snapshot: the set begins anew.
    async fn snapshot_is_gone(&self) -> Result<Option<Standing>, Stop> {
        let run = self.current.run.clone();
        let set = Job { run: run.clone(), now: true, ..self.job.of_source() };
        self.outbox.post(&Message::from(&set), Duration::ZERO).await?;
        let path = path::state(&self.tenant.id, self.source.name);
        let (source, generated) = (self.source, self.current.generated.clone());
        let anew = |current: &mut Current| {
            let is_ours = current.generated == generated && current.files.is_some();
            if is_ours {
                begin_anew(current, source);
            }
            is_ours
        };
        checkpoint::change_run(&*self.app.ledger, &path, &run, anew).await?;
        self.checkpoint.release(None, None, true, |_| ()).await?;
        Ok(None)
    }
}
