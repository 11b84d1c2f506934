//! The job of one export file: its rows into parts of its own, then it is counted in with its set.

use super::super::attempt::{Work, packer};
use super::super::{Stop, ended, finish, of_source, plain};
use super::begin_anew;
use super::press::{Press, Pressed};
use crate::app::App;
use crate::checkpoint::{self, Checkpoint, Current, Share, Standing, State, Taken, Tally};
use crate::digest::Digest;
use crate::fetch::{FileError, Listing, Reader, file_body};
use crate::ledger::{self, LedgerError, path};
use crate::outbox::Outbox;
use crate::part::Cursor;
use crate::plan::{Job, Message, RunId};
use crate::report::{Report, Status};
use crate::tenant::Tenant;
use bytes::Bytes;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::Instant;

/// How often one file is asked for again within an attempt without a part's progress.
const MAX_TRIES: u32 = 6;
/// Chunks as the network brings them that wait for the press.
const CHUNKS_WAITING: usize = 4;

/// The content of [`path::digest_of`].
#[derive(Serialize, Deserialize)]
struct Folded {
    run: RunId,
    parts: u64,
    digest: Digest,
}

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
    let set = match set_of(app, job).await {
        Ok(Some(set)) => set,
        Ok(None) => {
            let why = "its set is complete, or reads another snapshot by now";
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
async fn set_of(app: &App, job: &Job) -> Result<Option<Current>, LedgerError> {
    const LOOKS: u32 = 30;
    let path = path::state(&job.tenant, job.source.name);
    for _ in 0..LOOKS {
        let (state, _) = checkpoint::read(&*app.ledger, &path).await?;
        match state.current.filter(|current| current.run == job.run) {
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

/// How a pass over the file ended.
enum Pass {
    End(Digest),
    Broken(FileError),
}

impl Work<'_> {
    /// Reads the file to its end and counts it in with its set; nothing where the set begins anew.
    async fn read_file(&mut self) -> Result<Option<Standing>, Stop> {
        // Whoever can't be served now waits with a claim, but without memory.
        let files = self.app.files.clone();
        let _turn = files.acquire().await;
        let reader = Reader::new(self.tenant, self.source, String::new(), self.patience);
        let (mut waits, mut tries, mut parts) = (self.patience.waits(), 0, 0);
        let digest = loop {
            let (path, link) = match self.link(&reader, tries > 0).await? {
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
                Pass::Broken(FileError::Expired) => "its link has expired".to_owned(),
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

    /// Path and link of the file; nothing where the service has it no more. `fresh` asks for the link anew.
    async fn link(
        &self,
        reader: &Reader<'_>,
        fresh: bool,
    ) -> Result<Option<(String, String)>, Stop> {
        let file = self.job.file.as_deref().unwrap_or_default();
        let found = |listing: &Listing| {
            let mut ids = listing.ids();
            ids.find(|(id, _)| id == file).map(|(_, path)| path.to_owned())
        };
        let kept = if fresh { None } else { self.kept_listing().await? };
        let listing = match kept {
            Some(listing) => listing,
            None => self.ask_listing(reader).await?,
        };
        Ok(found(&listing).and_then(|path| Some((path.clone(), listing.files.get(&path)?.clone()))))
    }

    /// The fold of what is kept of the file; parts past the checkpoint are delivered on the way.
    async fn resume(&mut self) -> Result<Digest, Stop> {
        let there = self.app.ledger.read(&path::digest_of(self.job)).await?;
        let folded: Option<Folded> =
            there.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok());
        let parts = self.current.tally.parts;
        let usable = |folded: &Folded| folded.run == self.current.run && folded.parts <= parts;
        let (mut digest, mut number) = match folded.filter(usable) {
            Some(Folded { parts, digest, .. }) => (digest, parts + 1),
            None => (Digest::new(self.source.digest), 1),
        };
        while let Some(packed) = self.kept_part(number).await? {
            packed.fold_into(&mut digest);
            if number > self.current.tally.parts {
                self.deliver(packed).await?;
            }
            number += 1;
        }
        match number > self.current.tally.parts {
            true => Ok(digest),
            false => Err(Stop::Failed(format!(
                "part {number} of an export file isn't in the ledger any more: remove \
                 state/{}/{}/ to read it anew",
                self.tenant.id, self.source.name
            ))),
        }
    }

    /// Reads the file from its beginning, and keeps what isn't kept yet.
    async fn pass(&mut self, digest: Digest, path: String, link: &str) -> Result<Pass, Stop> {
        let press = Press {
            packer: packer(self.app, self.tenant, self.source, &self.current),
            digest,
            path,
            kept_rows: self.current.cursor.skip,
            parts: self.current.tally.parts,
        };
        let (chunks, to_press) = mpsc::channel(CHUNKS_WAITING);
        let (from_press, mut parts) = mpsc::channel::<Pressed>(1);
        let pressing = tokio::task::spawn_blocking(move || press.run(to_press, from_press));
        self.meter.requests.fetch_add(1, Relaxed);
        let feeding = feed(self.tenant, link, chunks);
        let delivering = async {
            // Moved in: whoever packs learns that nobody takes parts any more.
            let mut parts = std::mem::replace(&mut parts, mpsc::channel(1).1);
            while let Some(Pressed { packed, digest }) = parts.recv().await {
                self.is_in_time()?;
                self.keep(packed).await?;
                if let Some(digest) = digest {
                    self.keep_digest(digest).await?;
                }
            }
            Ok::<(), Stop>(())
        };
        let (fed, delivered) = tokio::join!(feeding, delivering);
        delivered?;
        let pressed = match pressing.await {
            Ok(pressed) => pressed,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return Err(Stop::Failed("an export file's work was cut short".into())),
            },
        };
        Ok(match (fed, pressed) {
            (Err(error), _) | (Ok(()), Err(error)) => Pass::Broken(error),
            (Ok(()), Ok(digest)) => Pass::End(digest),
        })
    }

    async fn keep_digest(&self, digest: Digest) -> Result<(), Stop> {
        let (run, parts) = (self.current.run.clone(), self.current.tally.parts);
        let folded = Folded { run, parts, digest };
        let json = serde_json::to_vec(&folded).map_err(|error| Stop::Failed(error.to_string()))?;
        Ok(ledger::put(&*self.app.ledger, &path::digest_of(self.job), Bytes::from(json)).await?)
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

/// Brings a file's bytes to the press until one of the two ends.
async fn feed(tenant: &Tenant, link: &str, chunks: Sender<Option<Bytes>>) -> Result<(), FileError> {
    let mut body = file_body(tenant.files(), link).await?;
    loop {
        let chunk = tokio::select! {
            chunk = body.try_next() => chunk,
            // Says why itself.
            () = chunks.closed() => return Ok(()),
        };
        let broken = |_| FileError::Broken("an export file broke off in the middle".to_owned());
        let chunk = chunk.map_err(broken)?;
        let ends = chunk.is_none();
        if chunks.send(chunk).await.is_err() || ends {
            return Ok(());
        }
    }
}
