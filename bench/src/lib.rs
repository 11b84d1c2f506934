//! What the programs of the benches share.

use std::io::{self, Write};

/// Counts what is written to it, and keeps nothing.
#[derive(Debug, Default)]
pub struct Counter {
    /// Bytes.
    pub bytes: u64,
    /// Line breaks.
    pub lines: u64,
    /// Records, told by a field that each has once; the search needs a record's field unbroken.
    pub records: u64,
    tail: Vec<u8>,
}

/// How a record's line or row names its id. No text inside a record contains it unescaped.
const MARK: &[u8] = b"\"RecordId\":";

impl Write for Counter {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.bytes += text.len() as u64;
        self.lines += text.iter().filter(|byte| **byte == b'\n').count() as u64;
        // A mark may lie across two writes, so the end of the last one is looked at again.
        self.tail.extend_from_slice(text);
        let marks = self.tail.windows(MARK.len()).filter(|window| *window == MARK).count();
        self.records += marks as u64;
        let rest = self.tail.len().saturating_sub(MARK.len() - 1);
        self.tail.drain(..rest);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_once_wherever_its_text_is_cut() {
        let text = br#"{"RecordId":"1"}
{"RecordId":"2"}
"#;
        for cut in 0..text.len() {
            let mut counter = Counter::default();

            counter.write_all(&text[..cut]).unwrap();
            counter.write_all(&text[cut..]).unwrap();

            assert_eq!((counter.records, counter.lines), (2, 2), "cut at {cut}");
        }
    }
}
