//! One attempt at a run: takes kept parts as they are, then reads on from where they end.

use super::begin::Before;
use super::exposed::Exposed;
use super::growth::{self, Known, Old};
use super::packer::{Packed, Packer, aside};
use super::turn::Held;
use super::{Stop, export, finish};
use crate::app::App;
use crate::checkpoint::{Checkpoint, Current, Tally};
use crate::cloud::{Meter, Patience};
use crate::fetch::{FetchError, Item, Page, Reader};
use crate::ledger::path;
use crate::outbox::Outbox;
use crate::part::{self, Cursor};
use crate::plan::Job;
use crate::record::{Envelope, Shape};
use crate::report::Status;
use crate::source::Source;
use crate::tenant::Tenant;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::time::Instant;
use tracing::{Instrument, debug_span};

/// An attempt at work on a run that it holds.
pub(super) struct Work<'a> {
    pub app: &'a App,
    pub tenant: &'a Tenant,
    /// What it works on; its run may be an older message's.
    pub job: &'a Job,
    pub source: Source,
    /// Where it puts messages.
    pub outbox: &'a dyn Outbox,
    pub checkpoint: &'a Checkpoint,
    /// The run as it will stand after the part in hand.
    pub current: Current,
    /// The run as the checkpoint has it, which is what a report may count.
    pub(super) saved: Tally,
    pub known: Known,
    /// Of what is read once for all: whom a vulnerability concerns.
    pub(super) exposed: Option<Arc<Exposed>>,
    /// Records of the snapshot before.
    records_before: u64,
    /// Whether the service has no newer snapshot than the one that is kept.
    pub unchanged: bool,
    pub(super) packer: Packer,
    /// Whether a part is on its way that the checkpoint doesn't have yet.
    pub(super) is_delivering: bool,
    /// The turn that a heavy source has taken.
    pub(super) turn: Option<Held>,
    pub meter: Meter,
    pub patience: Patience,
    pub(super) started: Instant,
    pub deadline: Instant,
}

impl<'a> Work<'a> {
    pub fn new(
        (app, tenant): (&'a App, &'a Tenant),
        job: &'a Job,
        outbox: &'a dyn Outbox,
        (checkpoint, current): (&'a Checkpoint, Current),
        known: Known,
        started: Instant,
    ) -> Work<'a> {
        let deadline = started + app.limits.run;
        let source = job.source;
        Work {
            packer: packer(app, tenant, source, &current),
            is_delivering: false,
            turn: None,
            meter: Meter::default(),
            patience: app.limits.patience.until(deadline),
            saved: current.tally.clone(),
            app,
            tenant,
            job,
            source,
            outbox,
            checkpoint,
            current,
            known,
            exposed: None,
            records_before: 0,
            unchanged: false,
            started,
            deadline,
        }
    }

    /// Learns what a run needs to know beside its own source.
    pub(super) fn look_around(&mut self, before: &Before) {
        self.records_before = before.records();
        if let Some(exposed) = before.exposed() {
            self.packer.looks_at(exposed.clone());
            self.exposed = Some(exposed);
        }
    }

    /// What the run has done, this attempt's cost included: all of it where every page was read,
    /// else what the checkpoint holds.
    pub fn tally(&self) -> Tally {
        let in_hand = !self.packer.is_empty() || self.is_delivering;
        let read_all = self.current.cursor.link.is_none() && !in_hand;
        self.with_cost(if read_all { self.current.tally.clone() } else { self.saved.clone() })
    }

    pub(super) fn with_cost(&self, mut tally: Tally) -> Tally {
        let before = &self.saved;
        tally.requests = before.requests + self.meter.requests.load(Relaxed);
        tally.throttled = before.throttled + self.meter.throttled.load(Relaxed);
        tally.waited_ms = before.waited_ms + self.meter.waited_ms.load(Relaxed);
        tally.received_bytes = before.received_bytes + self.meter.received.load(Relaxed);
        let took = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tally.took_ms = before.took_ms + took;
        tally
    }

    pub async fn carry_out(&mut self) -> Result<Status, Stop> {
        match self.hand_out_files().await? {
            export::Files::Handed => return Ok(Status::Postponed),
            export::Files::Read => {}
            export::Files::None => {
                self.take_kept_parts().await?;
                self.take_turn().await?;
                self.read_on().await?;
            }
        }
        self.turn = None;
        finish::completed(self).await
    }

    /// Parts past the checkpoint were kept by an attempt that was cut short: they are sent as they
    /// are, so that what the workspace gets is what the ledger has.
    async fn take_kept_parts(&mut self) -> Result<(), Stop> {
        while let Some(packed) = self.kept_part(self.current.tally.parts + 1).await? {
            self.deliver(packed).await?;
        }
        Ok(())
    }

    /// A part that is kept already, as it was when it was packed.
    pub(super) async fn kept_part(&mut self, number: u64) -> Result<Option<Packed>, Stop> {
        let path = path::part(self.job, &self.current.run, number);
        let Some((kept, _)) = self.app.ledger.read(&path).await? else { return Ok(None) };
        let (text, cursor) = part::open(&kept)
            .map_err(|error| Stop::Failed(format!("{path} is no part ({error}): move it away")))?;
        self.meet_lines(&text);
        let mut packed = self.packer.repack(&text, cursor, kept.len()).ok_or_else(|| {
            Stop::Failed(format!("{path} holds a line of another run: move it away"))
        })?;
        packed.counts.read = packed.lines.len() as u64 + self.noted(number).await?;
        Ok(Some(packed))
    }

    /// Of a source that is read past what is known: notes the dates of a kept part's lines.
    fn meet_lines(&mut self, text: &str) {
        if self.source.reads.stamps().is_empty() {
            return;
        }
        for line in text.lines() {
            let Some((id, own)) = self.packer.envelope().open(line) else { continue };
            let (id, own) = (id.to_owned(), own.into_owned());
            let stamp = self.packer.look(&own, &[]).and_then(|facts| facts.stamp.clone());
            self.meet(stamp, &id);
        }
    }

    async fn read_on(&mut self) -> Result<(), Stop> {
        let (tenant, source, patience) = (self.tenant, self.source, self.patience);
        let records = self.records_before;
        let reader = |first: &str| {
            Reader::new(tenant, source, first.to_owned(), patience).expecting(records)
        };
        let (mut now, mut again) = (reader(&self.current.first), Some(reader(&self.current.first)));
        let last = self.current.cursor.last.clone();
        self.packer.goes_on_after(last.as_deref());
        while let Some(link) = self.current.cursor.link.clone() {
            self.is_in_time()?;
            let span = debug_span!("page", page = self.current.tally.pages + 1);
            match (now.page(&link, &self.meter).instrument(span).await, again.take()) {
                (Err(FetchError::Gone { .. }), Some(fresh)) => {
                    now = fresh;
                    self.start_over();
                }
                (page, unused) => {
                    again = unused;
                    self.take_page(&link, page?).await?;
                }
            }
        }
        if !self.packer.is_empty() {
            let cursor = self.current.cursor.clone();
            self.close(cursor).await?;
        }
        Ok(())
    }

    pub(super) fn is_in_time(&self) -> Result<(), Stop> {
        if Instant::now() < self.deadline { Ok(()) } else { Err(Stop::TimeUp) }
    }

    /// Reads the source from its beginning in the same run: what is kept stays, and is kept again. A
    /// repeat is harmless, since it has the same `RunId` and `RecordId`.
    pub(super) fn start_over(&mut self) {
        self.packer.drop_hand();
        export::begin_anew(&mut self.current, self.source);
    }

    async fn take_page(&mut self, link: &str, mut page: Page) -> Result<(), Stop> {
        self.current.tally.pages += 1;
        if self.current.cursor.skip == 0 {
            self.current.tally.foreign += page.foreign;
        }
        for what in std::mem::take(&mut page.unread) {
            *self.current.tally.unread.entry(what).or_default() += 1;
        }
        if let Some(mark) = page.mark.take() {
            self.current.newest = Some(mark);
        }
        self.current.digest.asked_for(&page.named);
        if let Some(original) = page.original.take() {
            // An earlier attempt may have kept it.
            self.app.ledger.keep(&path::original(self.job, &self.current.run), original).await?;
        }
        if page.partial && !self.current.partial {
            self.current.partial = true;
            // A kept part doesn't tell of the warning, so the state must before the part is there.
            self.checkpoint.save(|current| current.partial = true).await?;
        }
        let mut old = Old::new(self.source.reads, self.known.clone());
        for index in self.kept_of(&page)..page.len() {
            self.take(&page.item(index), &mut old, (link, index)).await?;
        }
        let next = page.next.take().filter(|_| !old.is_reached());
        self.current.cursor = Cursor::page(next);
        Ok(())
    }

    /// Takes one record, which stands at `place`: closes the part in hand before it where that is
    /// full; passes over what is known; notes what is no record.
    async fn take(
        &mut self,
        item: &Item<'_>,
        old: &mut Old,
        (link, index): (&str, usize),
    ) -> Result<(), Stop> {
        let Some(facts) = self.packer.look(item.raw, &item.parent) else {
            self.packer.note("not a JSON object", item.raw);
            return Ok(());
        };
        let stamp = facts.stamp.clone();
        let id = || self.packer.id(item.raw).as_str().to_owned();
        if old.passes_over(stamp.as_deref(), id) {
            return Ok(());
        }
        let (id, is_full) = self.packer.prepare(item.raw, &item.parent);
        if is_full {
            let last = self.packer.last().map(|last| last.as_str().to_owned());
            self.close(Cursor { link: Some(link.to_owned()), skip: index as u64, last }).await?;
        }
        self.meet(stamp, id.as_str());
        self.packer.push(id);
        Ok(())
    }

    /// Packs what is in hand as a part, keeps and delivers it.
    async fn close(&mut self, cursor: Cursor) -> Result<(), Stop> {
        let packed = aside(self.packer.pack(cursor)).await;
        let packed = packed.map_err(|error| Stop::Failed(error.to_string()))?;
        self.keep(packed).await
    }

    /// How many records of a page are kept already. Where it no longer has the last kept one in its
    /// place, it has changed since: then all of it is kept, since a repeat is harmless and a gap
    /// isn't.
    fn kept_of(&mut self, page: &Page) -> usize {
        let skip = usize::try_from(self.current.cursor.skip).unwrap_or(usize::MAX);
        if skip > page.len() {
            return 0;
        }
        // What is no record has no id: the last kept one may stand before it.
        let id = (0..skip).rev().find_map(|index| {
            let item = page.item(index);
            self.packer.look(item.raw, &item.parent)?;
            Some(self.packer.id(item.raw).as_str().to_owned())
        });
        if id.is_some() && id == self.current.cursor.last { skip } else { 0 }
    }

    fn meet(&mut self, stamp: Option<String>, id: &str) {
        let Some(stamp) = stamp else { return };
        if self.current.newest.as_deref().is_none_or(|newest| growth::is_newer(&stamp, newest)) {
            self.current.newest = Some(stamp.clone());
        }
        growth::remember(self.source.reads, &mut self.current, id, &stamp);
    }
}

/// What makes lines of the run's records.
pub(super) fn packer(app: &App, tenant: &Tenant, source: Source, current: &Current) -> Packer {
    let collected = if app.timeless { current.run.instant() } else { current.began };
    let names = (source.name, source.identity());
    let envelope = Envelope::new(&tenant.id, &tenant.name, names, &current.run, collected);
    let stream = source.stream(current.generated.is_some());
    let has_rule = tenant.logs.as_ref().is_some_and(|logs| logs.takes(&stream));
    Packer::new(envelope, Shape::of(&source), source.sends, (current.sends, has_rule))
}
