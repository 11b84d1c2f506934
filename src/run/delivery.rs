//! A part's way: kept, sent, folded into the digest; then the checkpoint moves past it.

use super::Stop;
use super::attempt::Work;
use crate::checkpoint::Tally;
use crate::cloud::Meter;
use crate::ledger::{Kept, path, put};
use crate::part::{Cursor, Lines};
use bytes::Bytes;
use serde_json::json;
use tokio::time::Instant;
use tracing::{Instrument, debug_span};

impl Work<'_> {
    /// Keeps the lines in hand as a part, then delivers it.
    pub(super) async fn close(&mut self, cursor: Cursor) -> Result<(), Stop> {
        let number = self.current.tally.parts + 1;
        self.write_notes(number).await?;
        let gzip = self.lines.to_gzip(&cursor).map_err(|error| Stop::Failed(error.to_string()))?;
        let size = gzip.len();
        let path = path::part(&self.tenant.id, self.source.name, &self.current.run, number);
        let span = debug_span!("keep", part = number, bytes = size);
        match self.app.ledger.keep(&path, Bytes::from(gzip)).instrument(span).await? {
            Kept::New => self.deliver(cursor, size).await,
            // Nothing was there when this attempt began, so a rival is at work.
            Kept::There => Err(Stop::Lost),
        }
    }

    /// Sends a kept part, folds it into the digest and moves the checkpoint past it.
    pub(super) async fn deliver(&mut self, cursor: Cursor, size: usize) -> Result<(), Stop> {
        let number = self.current.tally.parts + 1;
        let span = debug_span!("send", part = number, records = self.lines.len());
        self.send(number).instrument(span).await?;
        for (line, _) in self.lines.iter() {
            self.current.digest.add(line);
        }
        self.current.tally.kept += self.lines.len() as u64;
        self.current.tally.kept_bytes += size as u64;
        self.current.tally.parts = number;
        self.current.cursor = cursor;
        let mut next = self.current.clone();
        next.tally = self.with_cost(next.tally);
        let tally = next.tally.clone();
        self.checkpoint.save(|current| *current = next).await?;
        // Not before: while lines are in hand, a report counts what the checkpoint has.
        self.lines = Lines::default();
        self.keep_count(tally);
        Ok(())
    }

    /// What is saved is the new base; the attempt's own cost so far is in it.
    fn keep_count(&mut self, tally: Tally) {
        self.saved = tally.clone();
        self.current.tally = tally;
        self.meter = Meter::default();
        self.started = Instant::now();
    }

    async fn send(&mut self, number: u64) -> Result<(), Stop> {
        let stream = self.source.stream(self.current.generated.is_some());
        let rows = self.lines.rows();
        let lines = self.lines.len() as u64;
        let Some(logs) = self.tenant.logs.as_ref().filter(|logs| logs.takes(&stream)) else {
            self.current.tally.withheld += lines;
            return Ok(());
        };
        let sent = logs.send(&stream, &rows, &self.patience, &self.meter).await?;
        self.current.tally.withheld += lines - rows.len() as u64;
        self.current.tally.sent += sent.rows;
        self.current.tally.sent_bytes += sent.bytes;
        self.current.tally.rejected += sent.rejected.len() as u64;
        let notes = sent.rejected.iter().map(|(row, reason)| {
            let text = std::str::from_utf8(&rows[*row]).unwrap_or_default();
            let id = self.envelope.open(text).map(|(id, _)| id);
            json!({ "reason": reason, "RecordId": id, "bytes": text.len(), "part": number })
        });
        self.notes = notes.map(|note| note.to_string()).collect();
        self.write_notes(number).await
    }

    /// Adds this part's notes to what `rejected/` says of it, each once.
    async fn write_notes(&mut self, number: u64) -> Result<(), Stop> {
        let notes = std::mem::take(&mut self.notes);
        if notes.is_empty() {
            return Ok(());
        }
        let path = path::rejected(&self.tenant.id, self.source.name, &self.current.run, number);
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
        let path = path::rejected(&self.tenant.id, self.source.name, &self.current.run, number);
        let Some((notes, _)) = self.app.ledger.read(&path).await? else { return Ok(0) };
        let notes = String::from_utf8_lossy(&notes);
        Ok(notes.lines().filter(|note| note.contains(r#","record":"#)).count() as u64)
    }
}
