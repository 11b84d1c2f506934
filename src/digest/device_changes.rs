//! What has happened to the rows of [`DeviceVulnerabilities`] since its snapshot.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::device_vulnerabilities::{DeviceVulnerabilities, Row};
use super::lenient;
use super::packed::{self, Bytes, Packed};
use super::standing::{Class, Rows, Standing};

/// Events that are kept one by one: with them the digest stays below 2 MB.
const MAX_EVENTS: usize = 60_000;

/// Events older than this, counted from the newest, are kept as counts.
///
/// The next run asks for six hours again, and a full snapshot that completes later was made at most
/// six hours before: neither reaches back this far.
const RECENT_S: u32 = 13 * 3600;

/// Events of rows, each once, however often and in whatever order they are read.
///
/// Goes on from run to run. Events up to the full snapshot that was known when a run began fall out;
/// recent ones are kept each, older ones as counts by vulnerability, and so are those beyond the bound:
/// then a repeat may count twice, and the digest isn't [`exact`](Self::exact).
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities#2-export-software-vulnerabilities-assessment-delta>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceVulnerabilityChanges {
    #[serde(serialize_with = "pack", deserialize_with = "unpack")]
    events: BTreeSet<Event>,
    /// What the events between `after` and `settled_to` come to.
    settled: Rows,
    /// Second of the full snapshot that `settled` counts from.
    after: u32,
    /// Second of the newest event in `settled`; older ones are known.
    settled_to: u32,
    /// Second of the newest event before this run.
    before: u32,
    /// Second of the newest event.
    newest: u32,
    /// Events that were counted without telling repeats.
    pub beyond: u64,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// What happened to a row; at one instant `Fixed` comes first, as where a device changes its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Fixed,
    Updated,
    New,
}

/// One event of one row, in 17 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    /// The first half of the row's `RecordId`.
    id: u64,
    /// Its second since 1970.
    at: u32,
    what: What,
    class: Class,
    cve: u32,
}

impl DeviceVulnerabilityChanges {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let row: Row = lenient::record(line)?;
        // Software without a vulnerability isn't counted.
        let Some(cve) = row.cve() else { return Some(()) };
        let id = u64::from_str_radix(row.record_id.as_deref()?.get(..16)?, 16).ok()?;
        let at = second(row.event_timestamp?);
        let what = match row.status.as_deref() {
            Some("Fixed") => What::Fixed,
            Some("New") => What::New,
            _ => What::Updated,
        };
        self.take(Event { id, at, what, class: row.class(), cve });
        Some(())
    }

    fn take(&mut self, event: Event) {
        if event.at <= self.after.max(self.settled_to) {
            return;
        }
        self.newest = self.newest.max(event.at);
        if self.events.len() < MAX_EVENTS {
            self.events.insert(event);
        } else if event.at > self.before && !self.events.contains(&event) {
            self.settled.add(event.cve, event.rows(), event.class, event.at);
            self.beyond += 1;
        }
    }

    /// Begins a new run; `full` is when the full snapshot was made that is known now.
    pub(super) fn go_on(&mut self, full: Timestamp) {
        let full = second(full);
        self.before = self.newest;
        self.events.retain(|event| event.at > full);
        if full >= self.settled_to && (self.beyond == 0 || full >= self.newest) {
            (self.settled, self.beyond, self.after) = (Rows::default(), 0, full);
        }
        self.settle();
    }

    /// Turns events into counts: old ones, and all where there were too many to tell repeats.
    fn settle(&mut self) {
        let until = match self.beyond {
            0 => self.newest.saturating_sub(RECENT_S),
            _ => self.newest,
        };
        let events: Vec<Event> = std::mem::take(&mut self.events).into_iter().collect();
        for events in events.chunk_by(|one, other| one.id == other.id) {
            // A row that something has happened to lately stays whole.
            if events.iter().any(|event| event.at > until) {
                self.events.extend(events);
                continue;
            }
            let newest = events.iter().map(|event| event.at).max();
            self.settled_to = self.settled_to.max(newest.unwrap_or(0));
            count(events, &mut self.settled);
        }
        if self.beyond > 0 {
            self.settled_to = self.newest;
        }
    }

    /// The rows of a full snapshot, made at `generated`, with the later events applied; and whether
    /// each is applied exactly once.
    pub fn applied_to(
        &self,
        full: &DeviceVulnerabilities,
        generated: Timestamp,
    ) -> (Standing, bool) {
        let generated = second(generated);
        let mut rows = full.rows.clone();
        let is_counted =
            generated < self.settled_to || (self.beyond > 0 && generated < self.newest);
        if is_counted {
            rows.merge(&self.settled);
        }
        let later: Vec<Event> =
            self.events.iter().filter(|event| event.at > generated).copied().collect();
        for events in later.chunk_by(|one, other| one.id == other.id) {
            count(events, &mut rows);
        }
        let is_exact = !is_counted || (self.beyond == 0 && generated == self.after);
        (rows.standing(), is_exact)
    }
}

impl Event {
    /// Rows that it brings or takes away.
    fn rows(self) -> i32 {
        match self.what {
            What::Fixed => -1,
            What::Updated => 0,
            What::New => 1,
        }
    }
}

/// Counts what a row's events, oldest first, come to: present after the newest, less present before
/// the first. Where it is `New` at first, it wasn't there; else it was.
fn count(events: &[Event], rows: &mut Rows) {
    let (Some(first), Some(newest)) = (events.first(), events.last()) else { return };
    let before = i32::from(first.what != What::New);
    let after = i32::from(newest.what != What::Fixed);
    rows.add(newest.cve, after - before, newest.class, newest.at);
}

fn second(at: Timestamp) -> u32 {
    u32::try_from(at.as_second()).unwrap_or(0)
}

impl Packed for Event {
    const BYTES: usize = 17;

    fn pack(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.at.to_le_bytes());
        out.push((self.what as u8) << 6 | self.class.0);
        out.extend_from_slice(&self.cve.to_le_bytes());
    }

    fn unpack(mut bytes: Bytes<'_>) -> Option<Self> {
        let id = u64::from_le_bytes(bytes.take()?);
        let at = u32::from_le_bytes(bytes.take()?);
        let [mark] = bytes.take()?;
        let what = *[What::Fixed, What::Updated, What::New].get(usize::from(mark >> 6))?;
        let cve = u32::from_le_bytes(bytes.take()?);
        Some(Event { id, at, what, class: Class(mark & 63), cve })
    }
}

fn pack<S: Serializer>(events: &BTreeSet<Event>, to: S) -> Result<S::Ok, S::Error> {
    packed::serialize(events.iter().copied(), to)
}

fn unpack<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<Event>, D::Error> {
    packed::deserialize::<Event, _, _>(from)
}
