//! A part's way: kept, sent, folded into the digest; then the checkpoint moves past it.

use super::Stop;
use super::attempt::Work;
use super::packer::Packed;
use crate::checkpoint::Tally;
use crate::cloud::Meter;
use crate::ledger::{Kept, path, put};
use crate::logs::Sent;
use crate::source::{NVD, Sends};
use bytes::Bytes;
use serde_json::json;
use std::borrow::Cow;
use std::sync::atomic::Ordering::Relaxed;
use tokio::time::Instant;
use tracing::{Instrument, debug_span};

impl Work<'_> {
    /// Keeps a part, then delivers it.
    pub(super) async fn keep(&mut self, mut packed: Packed) -> Result<(), Stop> {
        self.is_delivering = true;
        let number = self.current.tally.parts + 1;
        self.write_notes(number, std::mem::take(&mut packed.counts.notes)).await?;
        let path = path::part(self.job, &self.current.run, number);
        let gzip = packed.gzip.take().unwrap_or_default();
        let span = debug_span!("keep", part = number, bytes = packed.size);
        let kept = self.app.ledger.keep(&path, gzip.clone()).instrument(span).await?;
        if kept == Kept::There {
            // Nothing was there when this attempt began: a rival is at work, or the answer to this very
            // part was lost and it was sent again. Whoever holds the claim goes on.
            self.checkpoint.save(|_| ()).await?;
            let there = self.app.ledger.read(&path).await?;
            if there.is_none_or(|(bytes, _)| bytes != gzip) {
                return Err(Stop::Lost);
            }
        }
        self.deliver(packed).await
    }

    /// Sends a kept part, folds it into the digest and moves the checkpoint past it.
    pub(super) async fn deliver(&mut self, mut packed: Packed) -> Result<(), Stop> {
        self.is_delivering = true;
        let number = self.current.tally.parts + 1;
        let span = debug_span!("send", part = number, records = packed.lines.len());
        self.send(number, &mut packed).instrument(span).await?;
        // The fold of an export file is kept apart from its checkpoint.
        if self.job.file.is_none() {
            packed.fold_into(&mut self.current.digest);
        }
        let Packed { lines, size, cursor, counts, .. } = packed;
        self.meter.received.fetch_add(counts.received, Relaxed);
        let tally = &mut self.current.tally;
        let kept = lines.len() as u64;
        tally.read += counts.read;
        tally.rejected += counts.read.saturating_sub(kept);
        tally.kept += kept;
        tally.kept_bytes += size as u64;
        tally.parts = number;
        tally.undeclared.merge(&counts.undeclared);
        tally.cut.merge(&counts.cut);
        self.current.cursor = cursor;
        let mut next = self.current.clone();
        next.tally = self.with_cost(next.tally);
        self.checkpoint.save(|current| current.clone_from(&next)).await?;
        self.keep_count(next.tally);
        self.is_delivering = false;
        Ok(())
    }

    /// What is saved is the new base; the attempt's own cost so far is in it.
    fn keep_count(&mut self, tally: Tally) {
        self.saved = tally.clone();
        self.current.tally = tally;
        self.meter = Meter::default();
        self.started = Instant::now();
    }

    /// Sends what is read once for all: to every workspace what concerns one of its tenants.
    async fn send_to_all(&mut self, number: u64, packed: &mut Packed) -> Result<(), Stop> {
        let stream = self.source.stream(false);
        let lines = packed.lines.len() as u64;
        let (tenant, rows) = (self.tenant, packed.lines.rows());
        let by_audience =
            matches!(self.source.sends, Sends::Exposed(_)) && tenant.audience.len() > 1;
        let (mut withheld, mut notes) = (lines, Vec::new());
        for (index, audience) in tenant.audience.iter().enumerate() {
            let logs = audience.logs.as_ref().filter(|logs| logs.takes(&stream));
            let Some(logs) = logs else { continue };
            let rows = rows.iter().filter(|row| !by_audience || self.concerns(index, row));
            let rows: Vec<_> = rows.cloned().collect();
            let body = packed.body.take().filter(|_| !by_audience);
            let sent = logs.send(&stream, &rows, body, &self.patience, &self.meter).await?;
            withheld = withheld.min(lines - rows.len() as u64);
            let tally = &mut self.current.tally;
            tally.sent += sent.rows;
            tally.sent_bytes += sent.bytes;
            tally.rejected += sent.rejected.len() as u64;
            notes.extend(self.notes(number, &rows, &sent));
            if self.source.name == NVD.name {
                self.fan_out(logs, &rows).await?;
            }
        }
        self.current.tally.withheld += withheld;
        self.write_notes(number, notes).await
    }

    /// Whether a row's vulnerability concerns a tenant of that audience.
    fn concerns(&self, audience: usize, row: &[u8]) -> bool {
        let Sends::Exposed(field) = self.source.sends else { return true };
        let row: serde_json::Value = serde_json::from_slice(row).unwrap_or_default();
        let exposed = self.exposed.as_ref();
        exposed.is_none_or(|all| row[field].as_str().is_some_and(|cve| all.concerns(audience, cve)))
    }

    /// What is noted of rows that the workspace refused.
    fn notes(&self, number: u64, rows: &[Cow<'_, [u8]>], sent: &Sent) -> Vec<String> {
        let note = |(row, reason): &(usize, String)| {
            let text = std::str::from_utf8(&rows[*row]).unwrap_or_default();
            let id = self.packer.envelope().open(text).map(|(id, _)| id);
            let note =
                json!({ "reason": reason, "RecordId": id, "bytes": text.len(), "part": number });
            note.to_string()
        };
        sent.rejected.iter().map(note).collect()
    }

    async fn send(&mut self, number: u64, packed: &mut Packed) -> Result<(), Stop> {
        if self.source.is_shared() {
            return self.send_to_all(number, packed).await;
        }
        let stream = self.source.stream(self.current.generated.is_some());
        let lines = packed.lines.len() as u64;
        let Some(logs) = self.tenant.logs.as_ref().filter(|logs| logs.takes(&stream)) else {
            self.current.tally.withheld += lines;
            return Ok(());
        };
        let (body, rows) = (packed.body.take(), packed.lines.rows());
        let sent = logs.send(&stream, &rows, body, &self.patience, &self.meter).await?;
        let tally = &mut self.current.tally;
        tally.withheld += lines - rows.len() as u64;
        tally.sent += sent.rows;
        tally.sent_bytes += sent.bytes;
        tally.rejected += sent.rejected.len() as u64;
        let notes = self.notes(number, &rows, &sent);
        self.write_notes(number, notes).await
    }

    /// Adds this part's notes to what `rejected/` says of it, each once.
    async fn write_notes(&mut self, number: u64, notes: Vec<String>) -> Result<(), Stop> {
        if notes.is_empty() {
            return Ok(());
        }
        let path = path::rejected(self.job, &self.current.run, number);
        let there = self.app.ledger.read(&path).await?;
        let mut text = there.map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned());
        let text = text.get_or_insert_default();
        for note in notes {
            if !text.lines().any(|line| line == note) {
                text.push_str(&note);
                text.push('\n');
            }
        }
        Ok(put(&*self.app.ledger, &path, Bytes::from(text.clone())).await?)
    }

    /// How many things that are no record were noted before that part was kept.
    pub(super) async fn noted(&self, number: u64) -> Result<u64, Stop> {
        let path = path::rejected(self.job, &self.current.run, number);
        let Some((notes, _)) = self.app.ledger.read(&path).await? else { return Ok(0) };
        let notes = String::from_utf8_lossy(&notes);
        Ok(notes.lines().filter(|note| note.contains(r#","record":"#)).count() as u64)
    }
}
