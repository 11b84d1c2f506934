//! Many small entries as one text in a checkpoint: fixed bytes each, in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// An entry of a fixed number of bytes.
pub(super) trait Packed: Sized {
    /// How many bytes one takes.
    const BYTES: usize;

    /// Appends exactly [`BYTES`](Packed::BYTES) bytes.
    fn pack(&self, out: &mut Vec<u8>);

    /// The entry in so many bytes that [`pack`](Packed::pack) wrote.
    fn unpack(bytes: Bytes<'_>) -> Option<Self>;
}

/// Takes numbers off the front of an entry's bytes.
pub(super) struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    /// The next `N` bytes.
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }
}

/// Writes entries as one text.
pub(super) fn serialize<T, S>(entries: impl Iterator<Item = T>, to: S) -> Result<S::Ok, S::Error>
where
    T: Packed,
    S: Serializer,
{
    let mut bytes = Vec::new();
    entries.for_each(|entry| entry.pack(&mut bytes));
    to.serialize_str(&STANDARD.encode(bytes))
}

/// Reads entries that [`serialize`] wrote.
pub(super) fn deserialize<'de, T, C, D>(from: D) -> Result<C, D::Error>
where
    T: Packed,
    C: FromIterator<T>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(from)?;
    let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
    let entries = bytes.chunks(T::BYTES).map(|entry| T::unpack(Bytes(entry)));
    entries.collect::<Option<C>>().ok_or_else(|| D::Error::custom("an entry is cut short"))
}
