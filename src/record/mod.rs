//! What is kept: the service's own fields, byte for byte, behind our envelope.

mod counts;
mod facts;
mod shape;

pub use counts::FieldCounts;
pub use facts::Facts;
pub use shape::Shape;

use crate::plan::RunId;
use crate::source::ENVELOPE;
use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use shape::Name;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

const RECORD_ID_DIGITS: usize = 32;

/// A record's id: 32 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordId([u8; RECORD_ID_DIGITS]);

impl RecordId {
    /// Its text.
    pub fn as_str(&self) -> &str {
        // Hex digits are always text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id that this text is.
    pub fn of(text: &str) -> Option<RecordId> {
        text.as_bytes().try_into().ok().map(RecordId)
    }
}

/// A timestamp as Log Analytics tables of every plan take it: UTC with six fraction digits.
pub fn instant_text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Puts a run's envelope in front of records.
///
/// Envelope fields: `TimeGenerated` and `CollectedTime` (the instant the run's first attempt began),
/// `AadTenantId`, `TenantName`, `Source`, `RunId`, `RecordId` (32 hex digits).
#[derive(Clone)]
pub struct Envelope {
    head: Vec<u8>,
    identity: Context,
}

impl Envelope {
    /// The envelope of one run of one source of one tenant; `identity` is the source that its
    /// `RecordId`s count as.
    pub fn new(
        tenant: &str,
        tenant_name: &str,
        (source, identity): (&str, &str),
        run: &RunId,
        began: Timestamp,
    ) -> Envelope {
        let at = instant_text(began);
        let mut head = String::with_capacity(256);
        let texts = [&at, &at, tenant, tenant_name, source, run.as_str()];
        for (column, text) in ENVELOPE.iter().zip(texts) {
            head.push(if head.is_empty() { '{' } else { ',' });
            head.push_str(&format!("\"{}\":{}", column.name, serde_json::Value::from(text)));
        }
        head.push_str(",\"RecordId\":\"");
        let mut context = Context::new(&SHA256);
        context.update(format!("{tenant}\n{identity}\n").as_bytes());
        Envelope { head: head.into_bytes(), identity: context }
    }

    /// Appends one record's line, without a line break, and gives its `RecordId`.
    pub fn write(
        &self,
        raw: &str,
        parent: &[(&'static str, &str)],
        facts: &Facts,
        out: &mut Vec<u8>,
    ) -> RecordId {
        let id = self.record_id(facts.key().unwrap_or(raw));
        out.extend_from_slice(&self.head);
        out.extend_from_slice(&id.0);
        out.push(b'"');
        for (name, value) in parent {
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            push_on_one_line(value, out);
        }
        let own = raw.trim().strip_prefix('{').unwrap_or_default();
        if own.trim_start() != "}" {
            out.push(b',');
        }
        push_on_one_line(own, out);
        id
    }

    /// The first 16 bytes of SHA-256 over `<tenant>\n<source>\n<key>`, in hex.
    pub fn record_id(&self, key: &str) -> RecordId {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut context = self.identity.clone();
        context.update(key.as_bytes());
        let hash = context.finish();
        let mut digits = [0; RECORD_ID_DIGITS];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(hash.as_ref()) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        RecordId(digits)
    }

    /// The `RecordId` and the record's own fields of a line that this envelope wrote.
    pub fn open<'a>(&self, line: &'a str) -> Option<(&'a str, Cow<'a, str>)> {
        let rest = line.strip_prefix(std::str::from_utf8(&self.head).ok()?)?;
        let (id, rest) = rest.split_at_checked(RECORD_ID_DIGITS)?;
        let own = rest.strip_prefix('"')?;
        let own = own.strip_prefix(',').unwrap_or(own);
        Some((id, Cow::Owned(format!("{{{own}"))))
    }
}

/// Line breaks between a record's tokens become blanks: inside its strings JSON has none.
fn push_on_one_line(raw: &str, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(raw.as_bytes());
    if memchr::memchr2(b'\n', b'\r', raw.as_bytes()).is_some() {
        for byte in out[start..].iter_mut().filter(|byte| matches!(**byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
    }
}

/// A line as it goes to the workspace: of two fields with an envelope's name, the envelope's.
pub fn without_clashes(line: &str) -> String {
    struct Pairs(String);
    impl<'de> Visitor<'de> for Pairs {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<String, M::Error> {
            let mut seen = HashSet::new();
            while let Some(Name(name)) = map.next_key()? {
                let value: &RawValue = map.next_value()?;
                let envelope = ENVELOPE.iter().any(|column| column.name == name);
                if envelope && !seen.insert(name.to_string()) {
                    continue;
                }
                self.0.push(if self.0.is_empty() { '{' } else { ',' });
                self.0.push_str(&serde_json::Value::from(&*name).to_string());
                self.0.push(':');
                self.0.push_str(value.get());
            }
            self.0.push('}');
            Ok(self.0)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(line);
    deserializer.deserialize_map(Pairs(String::new())).unwrap_or_else(|_| line.to_owned())
}

#[cfg(test)]
mod tests;
