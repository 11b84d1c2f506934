//! Kept snapshots, read line by line in flat memory: a few parts at a time, for a bounded time.

use super::Lookup;
use super::gap::Gap;
use crate::kql;
use crate::ledger::{Ledger, path};
use crate::plan::RunId;
use crate::source::{Sends, Source};
use flate2::bufread::GzDecoder;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use memchr::{memchr, memmem, memrchr};
use std::io::Read;
use std::sync::Arc;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

/// Parts in memory at once, each of a million bytes and what it comes compressed as.
const PARTS_AT_ONCE: usize = 8;

/// Days of changes that are read at most: a full snapshot is a week old, or two.
const MOST_DAYS: usize = 31;
/// A snapshot of so few parts is read without waiting for whoever scans a large one.
const FEW_PARTS: usize = 20;

/// The newest complete snapshot of a source.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    source: Source,
    /// The run that collected it.
    pub run: String,
    /// As of when its records are.
    pub made: Timestamp,
    parts: Vec<String>,
    /// What of it is asked for, as KQL says it.
    asked: String,
}

impl Snapshot {
    /// The same, of which only those rows are asked for: an operand of KQL's `where`.
    pub fn asked(self, asked: String) -> Snapshot {
        Snapshot { asked, ..self }
    }

    /// What answers the same in the workspace.
    fn query(&self) -> String {
        let function = kql::name_of(&self.source.table);
        let rows = match self.asked.as_str() {
            "" => String::new(),
            asked => format!(" | where {asked}"),
        };
        let where_sent = match self.source.sends {
            Sends::Nothing => " (where POSTURE_SEND sends this source)",
            _ => "",
        };
        format!("{function}(){rows}{where_sent}")
    }
}

/// Reads one line into what is kept of it; nothing where the line isn't meant.
pub(super) type ReadLine<R> = Arc<dyn Fn(&[u8]) -> Option<R> + Send + Sync>;

impl Lookup<'_> {
    /// The newest snapshot of a source that reads its whole collection.
    pub(super) fn snapshot(&self, source: Source) -> Result<Snapshot, Gap> {
        let known = self.known.iter().find(|known| known.source == source.name);
        let Some(latest) = known.and_then(|known| known.latest.as_deref()) else {
            let why = known.and_then(|known| known.reason.clone());
            let why = why.unwrap_or_else(|| "the next timer run plans it".to_owned());
            return Err(Gap::NotKept(format!("{} isn't kept: {why}", source.name)));
        };
        let run: RunId = latest.run.parse().map_err(Gap::Storage)?;
        let parts = latest.part_paths(&run);
        let asked = String::new();
        Ok(Snapshot { source, run: latest.run.clone(), made: latest.made(), parts, asked })
    }

    /// What is kept of all runs of a source from that day on, a month at most; nothing where it never had
    /// a complete one.
    pub(super) async fn since(
        &self,
        source: Source,
        since: Timestamp,
    ) -> Result<Option<Snapshot>, Gap> {
        let Ok(newest) = self.snapshot(source) else { return Ok(None) };
        let mut folders = Vec::new();
        let mut day = self.now;
        while folders.len() < MOST_DAYS && RunId::at(day).day_path() >= RunId::at(since).day_path()
        {
            let run = RunId::at(day);
            folders.push(path::parts_of_day(&self.tenant.id, source.name, &run.day_path()));
            day = day.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
        }
        let lists = folders.iter().map(|folder| self.app.ledger.list(folder));
        let lists = futures::future::try_join_all(lists).await?;
        let parts = lists.into_iter().rev().flatten().collect();
        Ok(Some(Snapshot { parts, ..newest }))
    }

    /// Leave to scan; a small snapshot needs none.
    async fn turn(&self, snapshot: &Snapshot) -> Option<SemaphorePermit<'_>> {
        match snapshot.parts.len() {
            ..=FEW_PARTS => None,
            // The semaphore is never closed.
            _ => self.app.lookups.scans.acquire().await.ok(),
        }
    }

    /// Hands what `read` makes of each line to `take`, in the snapshot's order.
    ///
    /// Where there is a `needle`, only lines with these very bytes are read at all. Memory is that of a
    /// few parts, whatever the snapshot's size.
    ///
    /// # Errors
    ///
    /// [`Gap::Late`] where the time is up before the end; where a part can't be read.
    pub(super) async fn scan<R: Send + 'static>(
        &self,
        snapshot: &Snapshot,
        needle: Option<&str>,
        read: ReadLine<R>,
        mut take: impl FnMut(R),
    ) -> Result<(), Gap> {
        let late = |done: usize| Gap::Late {
            source_name: snapshot.source.name,
            read: done,
            parts: snapshot.parts.len(),
            within: self.scan_for,
            function: snapshot.query(),
        };
        let until = self.scan_until;
        let turn = self.turn(snapshot);
        let turn = tokio::time::timeout_at(until, turn).await.map_err(|_| late(0))?;
        let needle = needle.filter(|needle| is_plain(needle)).map(Arc::<str>::from);
        let part = |path: &String| {
            let (ledger, path) = (self.app.ledger.clone(), path.clone());
            rows(ledger, path, needle.clone(), read.clone())
        };
        let mut parts =
            std::pin::pin!(stream::iter(&snapshot.parts).map(part).buffered(PARTS_AT_ONCE));
        let mut done = 0;
        while done < snapshot.parts.len() {
            if Instant::now() >= until {
                return Err(late(done));
            }
            let next = tokio::time::timeout_at(until, parts.next()).await;
            let Some(rows) = next.map_err(|_| late(done))? else { break };
            rows?.into_iter().for_each(&mut take);
            done += 1;
        }
        drop(turn);
        Ok(())
    }
}

/// Whether JSON has one spelling for a text only, the usual escapes left aside.
fn is_plain(needle: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !needle.is_empty() && needle.chars().all(plain)
}

async fn rows<R: Send + 'static>(
    ledger: Arc<dyn Ledger>,
    path: String,
    needle: Option<Arc<str>>,
    read: ReadLine<R>,
) -> Result<Vec<R>, Gap> {
    let there = ledger.read(&path).await?;
    let Some((bytes, _)) = there else {
        return Err(Gap::Storage(format!("{path} is gone: the next run keeps a new snapshot")));
    };
    let rows = tokio::task::spawn_blocking(move || {
        let mut text = Vec::with_capacity(crate::part::MAX_ARRAY_BYTES + 4_096);
        GzDecoder::new(&*bytes).read_to_end(&mut text).ok()?;
        let mut rows = Vec::new();
        each_line(&text, needle.as_deref(), |line| rows.extend(read(line)));
        Some(rows)
    });
    let rows = rows.await.ok().flatten();
    rows.ok_or_else(|| Gap::Storage(format!("{path} is no whole part: check the storage")))
}

/// The lines of a text, or those of them that hold the needle.
fn each_line(text: &[u8], needle: Option<&str>, mut take: impl FnMut(&[u8])) {
    let end_of = |from: usize| memchr(b'\n', &text[from..]).map_or(text.len(), |end| from + end);
    let mut from = 0;
    let Some(needle) = needle else {
        while from < text.len() {
            let end = end_of(from);
            take(&text[from..end]);
            from = end + 1;
        }
        return;
    };
    let finder = memmem::Finder::new(needle);
    while let Some(found) = text.get(from..).and_then(|rest| finder.find(rest)) {
        let at = from + found;
        let start = memrchr(b'\n', &text[..at]).map_or(0, |before| before + 1);
        let end = end_of(at);
        take(&text[start..end]);
        from = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_the_needle_are_found_each_once() {
        let text = b"{\"a\":\"x x\"}\n{\"a\":\"y\"}\n{\"a\":\"x\"}";
        let lines = |needle| {
            let mut lines = Vec::new();
            each_line(text, needle, |line| lines.push(String::from_utf8(line.to_vec()).unwrap()));
            lines
        };

        assert_eq!(lines(Some("x")), ["{\"a\":\"x x\"}", "{\"a\":\"x\"}"]);
        assert_eq!(lines(None).len(), 3);
        assert!(lines(Some("z")).is_empty());
    }

    #[test]
    fn what_json_may_escape_is_no_needle() {
        assert!(is_plain("CVE-2026-0001") && is_plain("fabrikam_reader.x"));
        assert!(!is_plain("a/b") && !is_plain("ü") && !is_plain("") && !is_plain("a\"b"));
    }
}
