//! Records into parts: looked over, put behind the envelope, gathered until a part is full.

use super::exposed::Exposed;
use crate::digest::Digest;
use crate::part::{Body, Cursor, Lines, MAX_ARRAY_BYTES};
use crate::record::{Envelope, Facts, FieldCounts, RecordId, Shape};
use crate::source::Sends;
use bytes::Bytes;
use serde_json::json;
use std::io;
use std::sync::Arc;

/// Makes lines of records.
pub(super) struct Packer {
    envelope: Envelope,
    shape: Shape,
    sends: Sends,
    /// Whether the run sends anything at all.
    run_sends: bool,
    /// Whether a rule of the workspace takes the source's stream.
    has_rule: bool,
    /// Whom a vulnerability concerns, of what is read once for all.
    exposed: Option<Arc<Exposed>>,
    facts: Facts,
    hand: Hand,
}

/// Lines that no part has yet, and what is to be said of them.
#[derive(Default)]
struct Hand {
    lines: Lines,
    /// What the digest reads of each line, one JSON object a line; empty where it reads the lines.
    folds: Vec<u8>,
    by_fields: bool,
    counts: Counts,
    last: Option<RecordId>,
}

/// What a part says of the records that it was made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// Records read, those that are none included.
    pub read: u64,
    /// Bytes that they were read from, inflated; 0 where whoever fetches them counts.
    pub received: u64,
    /// What is no record, each with the reason.
    pub notes: Vec<String>,
    /// See [`crate::checkpoint::Tally::undeclared`].
    pub undeclared: FieldCounts,
    /// See [`crate::checkpoint::Tally::cut`].
    pub cut: FieldCounts,
}

/// A part as it is kept, and its rows as they are sent.
pub(super) struct Packed {
    pub lines: Lines,
    folds: Vec<u8>,
    /// Whether the digest reads those, and not the lines.
    by_fields: bool,
    /// The part's file; nothing where it is kept already.
    pub gzip: Option<Bytes>,
    /// Bytes of that file.
    pub size: usize,
    /// The batch's request, where it was made already.
    pub body: Option<Body>,
    /// Where a read goes on after it.
    pub cursor: Cursor,
    pub counts: Counts,
}

impl Packer {
    pub fn new(
        envelope: Envelope,
        shape: Shape,
        sends: Sends,
        (run_sends, has_rule): (bool, bool),
    ) -> Packer {
        let (facts, hand) = (Facts::default(), Hand::default());
        let exposed = None;
        Packer { envelope, shape, sends, run_sends, has_rule, exposed, facts, hand }
    }

    /// Folds and sends only what concerns somebody.
    pub fn looks_at(&mut self, exposed: Arc<Exposed>) {
        self.exposed = Some(exposed);
    }

    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Looks a record over; nothing where it is none.
    pub fn look(&mut self, raw: &str, parent: &[(&'static str, &str)]) -> Option<&Facts> {
        self.shape.look_into(raw, parent, &mut self.facts).then_some(&self.facts)
    }

    /// The id of the record that was looked over last.
    pub fn id(&self, raw: &str) -> RecordId {
        self.envelope.record_id(self.facts.key().unwrap_or(raw))
    }

    /// Writes the line of the record that was looked over last. Where the part in hand has no room for it,
    /// that is to be packed first.
    pub fn prepare(&mut self, raw: &str, parent: &[(&'static str, &str)]) -> (RecordId, bool) {
        let lines = self.hand.lines_with_room();
        let id = self.envelope.write(raw, parent, &self.facts, lines.open());
        (id, lines.is_overfull())
    }

    /// Takes the line that was written last into the part in hand.
    pub fn push(&mut self, id: RecordId) {
        self.close_line(id);
        self.hand.counts.read += 1;
    }

    fn close_line(&mut self, id: RecordId) {
        let Packer { facts, hand, .. } = self;
        let exposed = self.exposed.as_ref();
        let concerns = exposed.is_none_or(|all| facts.key().is_some_and(|cve| all.has(cve)));
        let wanted = match self.sends {
            Sends::Positive(_) | Sends::Present(_) | Sends::Fails(..) => facts.is_wanted(),
            Sends::Nothing => false,
            Sends::All | Sends::FirstOfDay => true,
            Sends::Exposed(_) => concerns,
        };
        let sends = wanted && self.run_sends;
        hand.counts.undeclared.add(&facts.undeclared);
        // A line that is too long for a request isn't sent at all.
        let fits = hand.lines.open_len() + 2 <= MAX_ARRAY_BYTES;
        if sends && !facts.cut.is_empty() && fits && self.has_rule {
            hand.counts.cut.add(&facts.cut);
        }
        hand.lines.close(sends, facts.clashes);
        hand.by_fields = self.shape.has_folds();
        if hand.by_fields && concerns {
            hand.folds.push(b'{');
            hand.folds.extend_from_slice(facts.folds().as_bytes());
            hand.folds.extend_from_slice(b"}\n");
        }
        hand.last = Some(id);
    }

    /// Notes what is no record.
    pub fn note(&mut self, reason: &str, raw: &str) {
        self.hand.counts.read += 1;
        self.hand.counts.notes.push(json!({ "reason": reason, "record": raw }).to_string());
    }

    /// Whether nothing is in hand.
    pub fn is_empty(&self) -> bool {
        self.hand.lines.is_empty() && self.hand.counts.notes.is_empty()
    }

    /// Id of the newest line.
    pub fn last(&self) -> Option<RecordId> {
        self.hand.last
    }

    /// What the newest line before this attempt was.
    pub fn goes_on_after(&mut self, last: Option<&str>) {
        self.hand.last = last.and_then(RecordId::of);
    }

    /// Lets go of what is in hand.
    pub fn drop_hand(&mut self) {
        self.hand = Hand::default();
    }

    /// What is in hand as a part, work for a thread of its own; a new part begins with the line that was
    /// written last and not taken.
    pub fn pack(&mut self, cursor: Cursor) -> impl FnOnce() -> io::Result<Packed> + Send + use<> {
        let last = self.hand.last;
        let lines = match self.hand.lines.open_len() {
            0 => Lines::default(),
            _ => self.hand.lines.split_open(),
        };
        let hand = std::mem::replace(&mut self.hand, Hand { lines, last, ..Hand::default() });
        let has_rule = self.has_rule;
        move || hand.pack(cursor, has_rule)
    }

    /// A kept part's lines, as they were when it was packed; nothing where a line is another run's.
    pub fn repack(&mut self, text: &str, cursor: Cursor, size: usize) -> Option<Packed> {
        for line in text.lines() {
            let (id, own) = self.envelope.open(line)?;
            let id = RecordId::of(id)?;
            self.look(&own, &[])?;
            self.hand.lines_with_room().open().extend_from_slice(line.as_bytes());
            self.close_line(id);
        }
        let Hand { lines, folds, by_fields, counts, last } = std::mem::take(&mut self.hand);
        self.hand.last = last;
        Some(Packed { lines, folds, by_fields, gzip: None, size, body: None, cursor, counts })
    }
}

impl Hand {
    fn lines_with_room(&mut self) -> &mut Lines {
        if self.lines.is_empty() && self.lines.open_len() == 0 {
            self.lines = Lines::with_room();
        }
        &mut self.lines
    }

    fn pack(self, cursor: Cursor, has_rule: bool) -> io::Result<Packed> {
        let Hand { lines, folds, by_fields, counts, .. } = self;
        let (gzip, body) = lines.pack(&cursor, has_rule)?;
        let gzip = Bytes::from(gzip);
        let size = gzip.len();
        Ok(Packed { lines, folds, by_fields, gzip: Some(gzip), size, body, cursor, counts })
    }
}

impl Packed {
    /// Folds the lines into a digest.
    pub fn fold_into(&self, digest: &mut Digest) {
        if !self.by_fields {
            self.lines.iter().for_each(|(line, _)| digest.add(line));
            return;
        }
        let folds = self.folds.split(|byte| *byte == b'\n').filter(|fold| !fold.is_empty());
        folds.for_each(|fold| digest.add(fold));
    }
}

/// Carries heavy work out beside what waits for the network.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            // Caught at the job's boundary, like a panic of the job's own.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{Answer, Room};
    use crate::fetch::Page;
    use crate::part;
    use crate::source::{ALL, Fetch, Source};

    fn packer(source: &Source) -> Packer {
        let run = "20261122T101500Z".parse().unwrap();
        let names = (source.name, source.identity());
        let envelope = Envelope::new("t", "Contoso", names, &run, jiff::Timestamp::UNIX_EPOCH);
        Packer::new(envelope, Shape::of(source), source.sends, (true, true))
    }

    /// The source's recorded page as one part.
    fn recorded(source: &Source) -> Packed {
        let page = std::fs::read(format!("tests/fixtures/{}/page-1.json", source.name)).unwrap();
        let (body, room) = (page.into(), Room::default());
        let answer = Answer { status: 200, partial: false, body, room };
        let page = Page::read(answer, source.fetch).unwrap();
        let mut packer = packer(source);
        for index in 0..page.len() {
            let item = page.item(index);
            assert!(packer.look(item.raw, &item.parent).is_some(), "{}", source.name);
            let (id, _) = packer.prepare(item.raw, &item.parent);
            packer.push(id);
        }
        packer.pack(Cursor::page(None))().unwrap()
    }

    #[test]
    fn the_fields_that_a_digest_reads_say_as_much_as_whole_lines() {
        for source in ALL {
            let packed = recorded(source);
            let (mut by_fields, mut by_lines) =
                (Digest::new(source.digest), Digest::new(source.digest));

            packed.fold_into(&mut by_fields);
            packed.lines.iter().for_each(|(line, _)| by_lines.add(line));

            assert_eq!(by_fields, by_lines, "{}", source.name);
        }
    }

    #[test]
    fn the_folds_of_two_files_come_to_the_fold_of_both() {
        for source in ALL.iter().filter(|source| matches!(source.fetch, Fetch::Export { .. })) {
            let packed = recorded(source);
            let (mut one, mut both) = (Digest::new(source.digest), Digest::new(source.digest));
            packed.fold_into(&mut one);
            packed.fold_into(&mut both);
            packed.fold_into(&mut both);

            let other = one.clone();
            one.merge(&other);

            assert_eq!(one, both, "{}", source.name);
            assert_eq!(one.unreadable(), 0, "{}: its digest can't be merged", source.name);
        }
    }

    #[test]
    fn a_kept_part_is_packed_again_as_it_was() {
        for source in ALL {
            let packed = recorded(source);
            let gzip = packed.gzip.as_ref().unwrap();
            let (text, cursor) = part::open(gzip).unwrap();

            let again = packer(source).repack(&text, cursor, gzip.len()).unwrap();

            let rows = |packed: &Packed| packed.lines.rows().concat();
            assert_eq!(rows(&again), rows(&packed), "{}", source.name);
            assert_eq!(again.folds, packed.folds, "{}", source.name);
        }
    }
}
