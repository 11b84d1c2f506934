//! One attempt at a run: takes kept parts as they are, then reads on from where they end.

use super::growth::{self, Known, Old};
use super::{Stop, finish};
use crate::app::App;
use crate::checkpoint::{Checkpoint, Current, Tally};
use crate::cloud::{Meter, Patience};
use crate::digest::Digest;
use crate::fetch::{FetchError, Item, Page, Reader};
use crate::ledger::path;
use crate::part::{self, Cursor, Lines, MAX_ARRAY_BYTES};
use crate::record::{Envelope, Facts, Shape};
use crate::report::Status;
use crate::source::{Sends, Source};
use crate::tenant::Tenant;
use serde_json::json;
use std::sync::atomic::Ordering::Relaxed;
use tokio::time::Instant;
use tracing::{Instrument, debug_span};

/// An attempt at work on a run that it holds.
pub(super) struct Work<'a> {
    pub app: &'a App,
    pub tenant: &'a Tenant,
    pub source: Source,
    pub checkpoint: &'a Checkpoint,
    /// The run as it will stand after the part in hand.
    pub current: Current,
    /// The run as the checkpoint has it, which is what a report may count.
    pub(super) saved: Tally,
    pub known: Known,
    /// Whether the service has no newer snapshot than the one that is kept.
    pub unchanged: bool,
    pub(super) envelope: Envelope,
    pub(super) shape: Shape,
    pub meter: Meter,
    pub patience: Patience,
    pub(super) started: Instant,
    pub deadline: Instant,
    pub(super) lines: Lines,
    pub(super) notes: Vec<String>,
    /// `RecordId` of the newest line.
    last: Option<String>,
}

impl<'a> Work<'a> {
    pub fn new(
        app: &'a App,
        tenant: &'a Tenant,
        source: Source,
        checkpoint: &'a Checkpoint,
        current: Current,
        known: Known,
        started: Instant,
    ) -> Work<'a> {
        let deadline = started + app.limits.run;
        let collected = if app.timeless { current.run.instant() } else { current.began };
        Work {
            envelope: Envelope::new(
                &tenant.id,
                &tenant.name,
                (source.name, source.identity()),
                &current.run,
                collected,
            ),
            shape: Shape::of(&source),
            meter: Meter::default(),
            patience: app.limits.patience.until(deadline),
            saved: current.tally.clone(),
            lines: Lines::default(),
            notes: Vec::new(),
            last: current.cursor.last.clone(),
            app,
            tenant,
            source,
            checkpoint,
            current,
            known,
            unchanged: false,
            started,
            deadline,
        }
    }

    /// What the run has done, this attempt's cost included: all of it where every page was read,
    /// else what the checkpoint holds.
    pub fn tally(&self) -> Tally {
        let read_all = self.current.cursor.link.is_none() && self.lines.is_empty();
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
        self.take_kept_parts().await?;
        self.read_on().await?;
        finish::completed(self).await
    }

    /// Parts past the checkpoint were kept by an attempt that was cut short: they are sent as they
    /// are, so that what the workspace gets is what the ledger has.
    async fn take_kept_parts(&mut self) -> Result<(), Stop> {
        loop {
            let number = self.current.tally.parts + 1;
            let path = path::part(&self.tenant.id, self.source.name, &self.current.run, number);
            let Some((kept, _)) = self.app.ledger.read(&path).await? else { return Ok(()) };
            let (text, cursor) = part::open(&kept).map_err(|error| {
                Stop::Failed(format!("{path} is no part ({error}): move it away"))
            })?;
            for line in text.lines() {
                let opened = self.envelope.open(line);
                let facts = opened.and_then(|(id, own)| Some((id, self.shape.look(&own, &[])?)));
                let (id, facts) = facts.ok_or_else(|| {
                    Stop::Failed(format!("{path} holds a line of another run: move it away"))
                })?;
                self.last = Some(id.to_owned());
                self.meet(&facts, id);
                self.push(line.as_bytes(), facts);
            }
            let noted = self.noted(number).await?;
            self.current.tally.rejected += noted;
            self.current.tally.read += self.lines.len() as u64 + noted;
            self.deliver(cursor, kept.len()).await?;
        }
    }

    async fn read_on(&mut self) -> Result<(), Stop> {
        let (tenant, source, patience) = (self.tenant, self.source, self.patience);
        let reader = |first: &str| Reader::new(tenant, source, first.to_owned(), patience);
        self.read_files(&reader("")).await?;
        let (mut now, mut again) = (reader(&self.current.first), Some(reader(&self.current.first)));
        while let Some(link) = self.current.cursor.link.clone() {
            if Instant::now() >= self.deadline {
                let text = "the run's time is up: the next attempt goes on from the checkpoint";
                return Err(Stop::Failed(text.to_owned()));
            }
            let span = debug_span!("page", page = self.current.tally.pages + 1);
            let page = now.page(&link, &self.meter).instrument(span).await;
            match (page, again.take()) {
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
        if !self.lines.is_empty() || !self.notes.is_empty() {
            let cursor = self.current.cursor.clone();
            self.close(cursor).await?;
        }
        Ok(())
    }

    /// Reads the source from its beginning in the same run: what is kept stays, and is kept again. A
    /// repeat is harmless, since it has the same `RunId` and `RecordId`.
    pub(super) fn start_over(&mut self) {
        (self.lines, self.notes, self.last) = (Lines::default(), Vec::new(), None);
        self.current.cursor = Cursor::page(Some(self.current.first.clone()));
        self.current.generated = None;
        self.current.tally.foreign = 0;
        self.current.tally.unread.clear();
        self.current.digest = Digest::start(self.source.digest, Some(&self.current.digest), None);
    }

    async fn take_page(&mut self, link: &str, mut page: Page) -> Result<(), Stop> {
        self.current.tally.pages += 1;
        if self.current.cursor.skip == 0 {
            self.current.tally.foreign += page.foreign;
        }
        for what in std::mem::take(&mut page.unread) {
            *self.current.tally.unread.entry(what).or_default() += 1;
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
    pub(super) async fn take(
        &mut self,
        item: &Item<'_>,
        old: &mut Old,
        (link, index): (&str, usize),
    ) -> Result<(), Stop> {
        let Some(facts) = self.shape.look(item.raw, &item.parent) else {
            self.note("not a JSON object", item.raw);
            return Ok(());
        };
        let key = facts.key.as_deref().unwrap_or(item.raw);
        if old.passes_over(facts.stamp.as_deref(), || self.envelope.record_id(key)) {
            return Ok(());
        }
        let mut line = Vec::with_capacity(item.raw.len() + 512);
        let id = self.envelope.write(item.raw, &item.parent, &facts, &mut line);
        if self.lines.is_full_for(line.len()) {
            let (link, skip) = (Some(link.to_owned()), index as u64);
            self.close(Cursor { link, skip, last: self.last.clone() }).await?;
        }
        self.current.tally.read += 1;
        self.meet(&facts, &id);
        self.last = Some(id);
        self.push(&line, facts);
        Ok(())
    }

    /// How many records of a page are kept already. Where it no longer has the last kept one in its
    /// place, it has changed since: then all of it is kept, since a repeat is harmless and a gap
    /// isn't.
    fn kept_of(&self, page: &Page) -> usize {
        let skip = usize::try_from(self.current.cursor.skip).unwrap_or(usize::MAX);
        if skip > page.len() {
            return 0;
        }
        // What is no record has no id: the last kept one may stand before it.
        let id = (0..skip).rev().find_map(|index| {
            let item = page.item(index);
            let facts = self.shape.look(item.raw, &item.parent)?;
            Some(self.envelope.record_id(facts.key.as_deref().unwrap_or(item.raw)))
        });
        if id.is_some() && id == self.current.cursor.last { skip } else { 0 }
    }

    fn meet(&mut self, facts: &Facts, id: &str) {
        let Some(stamp) = &facts.stamp else { return };
        if self.current.newest.as_deref().is_none_or(|newest| growth::is_newer(stamp, newest)) {
            self.current.newest = Some(stamp.clone());
        }
        growth::remember(self.source.reads, &mut self.current, id, stamp);
    }

    fn push(&mut self, line: &[u8], facts: Facts) {
        let wanted = match self.source.sends {
            Sends::Positive(_) | Sends::Present(_) | Sends::Fails(..) => facts.wanted,
            Sends::Nothing => false,
            Sends::All | Sends::FirstOfDay => true,
        };
        let sends = wanted && self.current.sends;
        self.current.tally.undeclared.add(&facts.undeclared);
        // A line that is too long for a request isn't sent at all.
        if sends && !facts.cut.is_empty() && line.len() + 2 <= MAX_ARRAY_BYTES && self.has_rule() {
            self.current.tally.cut.add(&facts.cut);
        }
        self.lines.push(line, sends, facts.clashes);
    }

    /// Whether the workspace takes the records.
    fn has_rule(&self) -> bool {
        let stream = self.source.stream(self.current.generated.is_some());
        self.tenant.logs.as_ref().is_some_and(|logs| logs.takes(&stream))
    }

    pub(super) fn note(&mut self, reason: &str, raw: &str) {
        self.current.tally.read += 1;
        self.current.tally.rejected += 1;
        self.notes.push(json!({ "reason": reason, "record": raw }).to_string());
    }
}
