//! Lines packed while they are sent.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::answer::Records;

/// Packed bytes that go out together.
const PIECE_BYTES: usize = 32 * 1024;

/// Pieces of a gzip file of lines, each piece made from as many lines as it takes.
pub(crate) struct Packed {
    lines: Records,
    /// None after the file's end.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl Packed {
    pub(crate) fn new(lines: Records) -> Packed {
        Packed { lines, encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())) }
    }
}

impl Iterator for Packed {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let encoder = self.encoder.as_mut()?;
        while encoder.get_ref().len() < PIECE_BYTES {
            let Some(line) = self.lines.next() else {
                return self
                    .encoder
                    .take()
                    .and_then(|encoder| encoder.finish().ok())
                    .map(Into::into);
            };
            encoder.write_all(&line).and_then(|()| encoder.write_all(b"\n")).ok()?;
        }
        Some(std::mem::take(encoder.get_mut()).into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn lines_are_made_while_the_file_is_sent() {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = made.clone();
        let line = move |number: usize| -> Bytes {
            counter.fetch_add(1, Ordering::Relaxed);
            format!("{number} {}", crate::generate::Draw::new(1, "x", number as u64).guid()).into()
        };

        let first = Packed::new(Box::new((0..1_500_000).map(line.clone()))).next().unwrap();
        let early = made.load(Ordering::Relaxed);
        let whole: Vec<u8> = Packed::new(Box::new((0..10_000).map(line))).flatten().collect();

        assert!(first.len() < 8 * PIECE_BYTES && early < 50_000, "{} of {early}", first.len());
        let mut text = String::new();
        flate2::read::GzDecoder::new(&whole[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text.lines().count(), 10_000);
        assert!(text.ends_with('\n'));
    }
}
