//! The deflated lines of a part with commas between them instead of line breaks: the same bits but for the
//! separators, so that what is compressed once is kept as lines and sent as an array.
//!
//! A line break that the compressor has written as itself has eight bits in a block of fixed codes, and so
//! has a comma. One within a match is copied from an earlier separator, which is a comma here already. A
//! record has no line break of its own, since JSON has none within strings.
//!
//! <https://www.rfc-editor.org/rfc/rfc1951#section-3.2.6>

/// The bits by which the fixed codes of a line break and of a comma differ, in the order of the stream.
const DIFFERENCE: u16 = 0x66;
/// Code lengths of a block of fixed codes: at most nine bits.
const MAX_BITS: usize = 9;
const BREAK: u16 = b'\n' as u16;
const END_OF_BLOCK: u16 = 256;

/// What the next bits of a block of fixed codes stand for.
#[derive(Clone, Copy)]
struct Code {
    /// A byte, the end of the block, or the length of a match.
    symbol: u16,
    /// Its bits, those included that say more of a match's length.
    bits: u8,
}

/// Codes by the next nine bits of the stream.
static CODES: [Code; 1 << MAX_BITS] = codes();
/// Bits of a match's distance by the next five bits of the stream.
static DISTANCES: [u8; 32] = distances();

const fn codes() -> [Code; 1 << MAX_BITS] {
    let mut table = [Code { symbol: 0, bits: 0 }; 1 << MAX_BITS];
    let mut next = 0;
    while next < table.len() {
        // Codes begin with their highest bit, the stream with its lowest.
        let code = (next as u16).reverse_bits() >> (16 - MAX_BITS);
        let (symbol, bits) = match (code >> 2, code >> 1) {
            (seven @ 0..=0x17, _) => (256 + seven, 7),
            (_, eight @ 0x30..=0xbf) => (eight - 0x30, 8),
            (_, eight @ 0xc0..=0xc7) => (280 + eight - 0xc0, 8),
            _ => (144 + code - 0x190, 9),
        };
        let extra = match symbol {
            265..=284 => (symbol - 261) / 4,
            _ => 0,
        };
        table[next] = Code { symbol, bits: bits + extra as u8 };
        next += 1;
    }
    table
}

const fn distances() -> [u8; 32] {
    let mut table = [0; 32];
    let mut next = 0;
    while next < table.len() {
        let code = (next as u8).reverse_bits() >> 3;
        table[next] = 5 + (code / 2).saturating_sub(1);
        next += 1;
    }
    table
}

/// Puts commas in the place of line breaks; nothing where the compressor has written codes of its own, which
/// the level that parts are compressed at doesn't. The stream ends at a byte's end, without a last block.
pub(super) fn with_commas(deflated: &[u8]) -> Option<Vec<u8>> {
    let mut bits = Bits { from: deflated, at: 0 };
    let mut out = deflated.to_vec();
    while bits.at / 8 < deflated.len() {
        let header = bits.take(3)?;
        match header >> 1 {
            0 => with_commas_stored(&mut bits, &mut out)?,
            1 => with_commas_coded(&mut bits, &mut out)?,
            _ => return None,
        }
        if header & 1 == 1 {
            return None;
        }
    }
    Some(out)
}

fn with_commas_stored(bits: &mut Bits<'_>, out: &mut [u8]) -> Option<()> {
    let start = bits.at.div_ceil(8) + 4;
    let length = out.get(start - 4..start - 2)?;
    let end = start + usize::from(u16::from_le_bytes([length[0], length[1]]));
    out.get_mut(start..end)?
        .iter_mut()
        .filter(|byte| **byte == b'\n')
        .for_each(|byte| *byte = b',');
    bits.at = end * 8;
    Some(())
}

fn with_commas_coded(bits: &mut Bits<'_>, out: &mut [u8]) -> Option<()> {
    /// The most bits that a byte or a match takes: 8 and 5 of its length, 5 and 13 of its distance.
    const MOST: u8 = 31;
    loop {
        let (mut next, mut left) = bits.peek();
        while left >= MOST {
            let Code { symbol, bits: count } = CODES[next as usize & (CODES.len() - 1)];
            let at = bits.at;
            bits.skip(count)?;
            (next, left) = (next >> count, left - count);
            match symbol {
                BREAK => {
                    let [low, high] = (DIFFERENCE << (at % 8)).to_le_bytes();
                    out[at / 8] ^= low;
                    // Of a code that ends with its byte nothing is left for the next one.
                    if high != 0 {
                        *out.get_mut(at / 8 + 1)? ^= high;
                    }
                }
                0..=255 => {}
                END_OF_BLOCK => return Some(()),
                _ => {
                    let count = DISTANCES[next as usize & 31];
                    bits.skip(count)?;
                    (next, left) = (next >> count, left - count);
                }
            }
        }
    }
}

/// A stream of bits, each byte's lowest first.
struct Bits<'a> {
    from: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next bits and how many they are, at least 57; zeros behind the end.
    fn peek(&self) -> (u64, u8) {
        let rest = &self.from[(self.at / 8).min(self.from.len())..];
        let word = match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => {
                let mut word = [0; 8];
                word[..rest.len()].copy_from_slice(rest);
                u64::from_le_bytes(word)
            }
        };
        let begun = (self.at % 8) as u8;
        (word >> begun, 64 - begun)
    }

    fn skip(&mut self, count: u8) -> Option<()> {
        self.at += usize::from(count);
        (self.at <= self.from.len() * 8).then_some(())
    }

    fn take(&mut self, count: u8) -> Option<u64> {
        let bits = self.peek().0 & ((1 << count) - 1);
        self.skip(count)?;
        Some(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress, read::DeflateDecoder};
    use std::io::Read;

    fn deflated(text: &[u8], level: Compression) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() * 2 + 256);
        let mut deflate = Compress::new(level, false);
        deflate.compress_vec(text, &mut out, FlushCompress::Sync).unwrap();
        out
    }

    fn inflated(mut stream: Vec<u8>) -> Vec<u8> {
        stream.extend([1, 0, 0, 255, 255]);
        let mut text = Vec::new();
        DeflateDecoder::new(&*stream).read_to_end(&mut text).unwrap();
        text
    }

    /// Texts that look random and are the same every time: lines of all lengths, alike and not.
    fn texts() -> impl Iterator<Item = Vec<u8>> {
        let mut state = 7_u64;
        let mut draw = move |end: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            (state >> 33) % end
        };
        (0..400).map(move |_| {
            let (lines, alphabet) = (draw(60), 1 + draw(250));
            let mut text = Vec::new();
            for _ in 0..lines {
                let length = draw(400);
                text.extend((0..length).map(|_| 11 + draw(alphabet) as u8 % 245));
                text.push(b'\n');
            }
            text
        })
    }

    #[test]
    fn every_line_break_and_nothing_else_becomes_a_comma() {
        for text in texts() {
            let stream = deflated(&text, Compression::fast());
            let commas: Vec<u8> =
                text.iter().map(|byte| if *byte == b'\n' { b',' } else { *byte }).collect();

            let changed = with_commas(&stream).unwrap();

            assert_eq!(changed.len(), stream.len());
            assert!(inflated(changed) == commas, "{} bytes", text.len());
        }
    }

    #[test]
    fn stored_blocks_are_changed_byte_by_byte_and_a_compressors_own_codes_are_left_alone() {
        let text = b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n".repeat(200);

        let stored = with_commas(&deflated(&text, Compression::none())).unwrap();

        assert_eq!(inflated(stored).iter().filter(|byte| **byte == b',').count(), 600);
        assert_eq!(with_commas(&deflated(&text, Compression::best())), None);
        let whole = deflated(&text, Compression::fast());
        assert_eq!(with_commas(&whole[..whole.len() / 2]), None, "cut short");
        assert_eq!(with_commas(&[]), Some(Vec::new()));
    }
}
