//! Gzip files of ready-made deflate blocks.
//!
//! <https://www.rfc-editor.org/rfc/rfc1952>

use flate2::{Compress, Compression, Crc, FlushCompress};
use std::io;

/// Magic number, deflate, no flags, no time, compressed for speed, any system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
const FLAGS: usize = 3;
const HAS_COMMENT: u8 = 16;

/// A text as deflate blocks that end with a whole byte; the last one is still to come.
pub(super) fn deflate(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 5 + 4096);
    let mut deflate = Compress::new(Compression::fast(), false);
    loop {
        let done = usize::try_from(deflate.total_in()).map_err(io::Error::other)?;
        deflate.compress_vec(&text[done..], &mut out, FlushCompress::Sync)?;
        // With room left everything is out.
        if out.len() < out.capacity() {
            return Ok(out);
        }
        out.reserve(text.len() / 4 + 4096);
    }
}

/// A block of these few bytes as they are.
pub(super) fn stored(text: &str, is_last: bool) -> Vec<u8> {
    let length = text.len() as u16;
    let mut block = vec![u8::from(is_last)];
    block.extend(length.to_le_bytes());
    block.extend((!length).to_le_bytes());
    block.extend(text.as_bytes());
    block
}

/// The file of these blocks; `crc` is of what they inflate to.
pub(super) fn file(comment: Option<&[u8]>, blocks: &[&[u8]], crc: &Crc) -> Vec<u8> {
    let bytes: usize = blocks.iter().map(|block| block.len()).sum();
    let comment_bytes = comment.map_or(0, |comment| comment.len() + 1);
    let mut file = Vec::with_capacity(bytes + comment_bytes + 32);
    file.extend(HEADER);
    if let Some(comment) = comment {
        file[FLAGS] |= HAS_COMMENT;
        file.extend(comment);
        file.push(0);
    }
    blocks.iter().for_each(|block| file.extend_from_slice(block));
    file.extend(crc.sum().to_le_bytes());
    file.extend(crc.amount().to_le_bytes());
    file
}
