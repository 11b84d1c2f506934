//! The work of one export file that needs no network: inflate, look over, pack, fold. It has a thread of
//! its own, so that nothing else waits for it.

use super::super::packer::{Packed, Packer};
use crate::digest::Digest;
use crate::fetch::{FileError, Inflate};
use crate::part::Cursor;
use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender};

/// Bytes that are inflated at once: at most a thousandfold of them are in memory then.
const SLICE_BYTES: usize = 32 * 1024;

/// The fold is handed out with every such part, so that a later attempt folds no more than these again.
pub(super) const FOLDED_PARTS: u64 = 32;

/// A part, and now and then the fold of all parts up to it.
pub(super) struct Pressed {
    pub packed: Packed,
    pub digest: Option<Digest>,
}

/// Makes parts of a file's bytes.
pub(super) struct Press {
    pub packer: Packer,
    pub digest: Digest,
    /// The file's path.
    pub path: String,
    /// Rows that are kept already.
    pub kept_rows: u64,
    /// Parts that are kept already.
    pub parts: u64,
}

impl Press {
    /// Presses the chunks of a file, from its first byte to the `None` behind its last one. Gives the fold
    /// of all its rows.
    ///
    /// # Errors
    ///
    /// [`FileError::Broken`]; the parts that were handed out before are good.
    pub fn run(
        mut self,
        mut chunks: Receiver<Option<Bytes>>,
        parts: Sender<Pressed>,
    ) -> Result<Digest, FileError> {
        let (mut inflate, mut row) = (Inflate::default(), 0);
        loop {
            match chunks.blocking_recv() {
                Some(Some(chunk)) => {
                    for slice in chunk.chunks(SLICE_BYTES) {
                        inflate.feed(slice)?;
                        self.take_rows(&mut inflate, &mut row, &parts)?;
                    }
                }
                Some(None) => break,
                None => return Err(FileError::Broken("an export file broke off".to_owned())),
            }
        }
        inflate.finish()?;
        self.take_rows(&mut inflate, &mut row, &parts)?;
        if !self.packer.is_empty() {
            self.hand_out(Cursor::page(None), &mut inflate, &parts)?;
        }
        Ok(self.digest)
    }

    fn take_rows(
        &mut self,
        inflate: &mut Inflate,
        row: &mut u64,
        parts: &Sender<Pressed>,
    ) -> Result<(), FileError> {
        let text = inflate.take();
        for line in text.rows() {
            *row += 1;
            if *row > self.kept_rows {
                self.take(line, *row, inflate, parts)?;
            }
        }
        inflate.give_back(text)
    }

    fn take(
        &mut self,
        line: &[u8],
        row: u64,
        inflate: &mut Inflate,
        parts: &Sender<Pressed>,
    ) -> Result<(), FileError> {
        let Ok(text) = std::str::from_utf8(line) else {
            let text = String::from_utf8_lossy(line);
            self.packer.note("not UTF-8, here with replacement characters", &text);
            return Ok(());
        };
        let raw = text.trim_end_matches('\r');
        if self.packer.look(raw, &[]).is_none() {
            self.packer.note("not a JSON object", raw);
            return Ok(());
        }
        let (id, is_full) = self.packer.prepare(raw, &[]);
        if is_full {
            let cursor = Cursor {
                link: Some(self.path.clone()),
                skip: row - 1,
                last: self.packer.last().map(|last| last.as_str().to_owned()),
            };
            self.hand_out(cursor, inflate, parts)?;
        }
        self.packer.push(id);
        Ok(())
    }

    /// Packs what is in hand. Whoever takes the parts may have gone: then this work is over too.
    fn hand_out(
        &mut self,
        cursor: Cursor,
        inflate: &mut Inflate,
        parts: &Sender<Pressed>,
    ) -> Result<(), FileError> {
        let broken = |what: String| FileError::Broken(what);
        let packed = self.packer.pack(cursor)();
        let mut packed = packed.map_err(|error| broken(error.to_string()))?;
        packed.counts.received = inflate.count();
        packed.fold_into(&mut self.digest);
        self.parts += 1;
        let digest = self.parts.is_multiple_of(FOLDED_PARTS).then(|| self.digest.clone());
        let sent = parts.blocking_send(Pressed { packed, digest });
        sent.map_err(|_| broken("nobody takes an export file's parts any more".to_owned()))
    }
}
