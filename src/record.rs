//! What is kept: the service's own fields, byte for byte, behind our envelope.

use crate::plan::RunId;
use crate::source::{Column, ENVELOPE, Reads, Sends, Source};
use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

/// Field names that no column declares are counted up to this many different ones.
const MAX_UNDECLARED: usize = 100;
const RECORD_ID_DIGITS: usize = 32;

/// A timestamp as Log Analytics tables of every plan take it: UTC with six fraction digits.
pub fn instant_text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// What of a source's records has to be looked at.
#[derive(Debug)]
pub struct Shape {
    key: &'static [&'static str],
    positive: Option<&'static str>,
    stamp: Option<&'static str>,
    declared: HashSet<&'static str>,
}

impl Shape {
    /// The shape of a source.
    pub fn of(source: &Source) -> Shape {
        let positive = match source.sends {
            Sends::Positive(field) => Some(field),
            _ => None,
        };
        let stamp = match source.reads {
            Reads::Since(field) => Some(field),
            Reads::Whole => None,
        };
        let declared = source.table.all_columns().map(|column: &Column| column.field).collect();
        Shape { key: source.key, positive, stamp, declared }
    }

    /// Looks a record over in one pass; nothing where it is no JSON object.
    pub fn look(&self, raw: &str, parent: &[(&'static str, &str)]) -> Option<Facts> {
        let mut found = Found::new(self.key.len());
        for (name, value) in parent {
            self.note(&mut found, name, value, false);
        }
        let seed = Scan { shape: self, found: &mut found };
        seed.deserialize(&mut serde_json::Deserializer::from_str(raw)).ok()?;
        Some(Facts {
            key: found.key.into_iter().collect::<Option<Vec<_>>>().map(|texts| texts.join("\n")),
            clashes: found.clashes,
            positive: found.positive,
            stamp: found.stamp,
            undeclared: found.undeclared,
        })
    }

    fn note(&self, found: &mut Found, name: &str, value: &str, own: bool) {
        for (index, key) in self.key.iter().enumerate() {
            if key.eq_ignore_ascii_case(name) && found.key[index].is_none() {
                found.key[index] = plain_text(value);
            }
        }
        if self.positive.is_some_and(|field| field == name) {
            found.positive = number(value).unwrap_or(0.0) > 0.0;
        }
        if self.stamp.is_some_and(|field| field == name) {
            found.stamp = plain_text(value);
        }
        if own && ENVELOPE.iter().any(|column| column.name == name) {
            found.clashes = true;
        } else if !self.declared.contains(name) {
            found.undeclared.push(name.to_owned());
        }
    }
}

/// What one look at a record gave.
#[derive(Debug, PartialEq)]
pub struct Facts {
    /// The key's text; absent where a field of it is missing or null.
    pub key: Option<String>,
    /// Whether one of its own fields has an envelope's name.
    pub clashes: bool,
    /// Whether the number that decides over sending is above zero.
    pub positive: bool,
    /// The date field that growing sources are read by.
    pub stamp: Option<String>,
    /// Its fields that no column declares.
    pub undeclared: Vec<String>,
}

struct Found {
    key: Vec<Option<String>>,
    clashes: bool,
    positive: bool,
    stamp: Option<String>,
    undeclared: Vec<String>,
}

impl Found {
    fn new(keys: usize) -> Found {
        let undeclared = Vec::new();
        Found { key: vec![None; keys], clashes: false, positive: false, stamp: None, undeclared }
    }
}

struct Scan<'a> {
    shape: &'a Shape,
    found: &'a mut Found,
}

/// A map's key, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for Scan<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Scan<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(Name(name)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            self.shape.note(self.found, &name, value.get(), true);
        }
        Ok(())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(de::Error::custom("an array"))
    }
}

/// The unescaped text of a value; nothing for null.
fn plain_text(raw: &str) -> Option<String> {
    if raw == "null" {
        return None;
    }
    serde_json::from_str::<String>(raw).ok().or_else(|| Some(raw.to_owned()))
}

/// A number, also one written as text.
fn number(raw: &str) -> Option<f64> {
    raw.trim_matches('"').parse().ok()
}

/// Counts, by name, the fields that no column declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Undeclared(BTreeMap<String, u64>);

impl Undeclared {
    /// Counts these names; past a hundred different ones, under `…`.
    pub fn add(&mut self, names: &[String]) {
        for name in names {
            let known = self.0.contains_key(name) || self.0.len() < MAX_UNDECLARED;
            let name = if known { name.as_str() } else { "…" };
            match self.0.get_mut(name) {
                Some(count) => *count += 1,
                None => drop(self.0.insert(name.to_owned(), 1)),
            }
        }
    }
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
    /// The envelope of one run of one source of one tenant.
    pub fn new(
        tenant: &str,
        tenant_name: &str,
        source: &str,
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
        let mut identity = Context::new(&SHA256);
        identity.update(format!("{tenant}\n{source}\n").as_bytes());
        Envelope { head: head.into_bytes(), identity }
    }

    /// Appends one record's line, without a line break, and gives its `RecordId`.
    pub fn write(
        &self,
        raw: &str,
        parent: &[(&'static str, &str)],
        facts: &Facts,
        out: &mut Vec<u8>,
    ) -> String {
        let id = self.record_id(facts.key.as_deref().unwrap_or(raw));
        out.extend_from_slice(&self.head);
        out.extend_from_slice(id.as_bytes());
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
    pub fn record_id(&self, key: &str) -> String {
        let mut context = self.identity.clone();
        context.update(key.as_bytes());
        let hash = context.finish();
        let mut id = String::with_capacity(RECORD_ID_DIGITS);
        for byte in &hash.as_ref()[..RECORD_ID_DIGITS / 2] {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            id.push(char::from(DIGITS[usize::from(byte >> 4)]));
            id.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        id
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
mod tests {
    use super::*;
    use crate::source::{DEVICES, SECURE_SCORE_CONTROLS, VULNERABILITIES};

    fn envelope(source: &Source) -> Envelope {
        let began = "2026-11-22T10:15:03.25Z".parse().unwrap();
        let run = RunId::at("2026-11-22T10:15:00Z".parse().unwrap());
        Envelope::new("t-1", "Con\"toso", source.name, &run, began)
    }

    fn line(source: &Source, raw: &str, parent: &[(&'static str, &str)]) -> String {
        let facts = Shape::of(source).look(raw, parent).unwrap();
        let mut out = Vec::new();
        envelope(source).write(raw, parent, &facts, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_record_keeps_its_bytes_behind_the_envelope() {
        let raw = r#"{ "id":"a", "score":1.10e2, "neu": [1,  2] }"#;

        let line = line(&DEVICES, raw, &[]);

        let head = r#"{"TimeGenerated":"2026-11-22T10:15:03.250000Z","CollectedTime":"2026-11-22T10:15:03.250000Z","AadTenantId":"t-1","TenantName":"Con\"toso","Source":"defender.devices","RunId":"20261122T101500Z","RecordId":""#;
        assert!(line.starts_with(head), "{line}");
        assert!(line.ends_with(r#", "id":"a", "score":1.10e2, "neu": [1,  2] }"#), "{line}");
    }

    #[test]
    fn line_breaks_between_tokens_become_blanks_and_an_empty_record_stays_valid() {
        let broken = line(&DEVICES, "{\r\n  \"id\": \"a\\nb\"\n}", &[]);
        let empty = line(&DEVICES, "{ }", &[]);

        assert!(broken.ends_with(r#",    "id": "a\nb" }"#), "{broken}");
        assert!(serde_json::from_str::<serde_json::Value>(&empty).is_ok(), "{empty}");
    }

    #[test]
    fn the_record_id_follows_the_key_whatever_its_letter_case_or_escapes() {
        let shape = Shape::of(&DEVICES);
        let key = |raw| shape.look(raw, &[]).unwrap().key;

        assert_eq!(key(r#"{"id":"a1"}"#), key(r#"{"x":1,"ID":"\u0061\u0031"}"#));
        assert_eq!(key(r#"{"id":17}"#).as_deref(), Some("17"));
        assert_eq!(key(r#"{"id":null}"#), None);
        // Reckoned with: printf 't-1\ndefender.devices\na1' | sha256sum
        let id = envelope(&DEVICES).record_id("a1");
        assert_eq!(id.len(), 32);
        assert_eq!(id, "d9aa273c1b46bf72d1fdc6a7c2becc91");
    }

    #[test]
    fn a_member_carries_its_parents_fields_and_is_known_by_both() {
        let parent =
            [("secureScoreId", r#""t_2026-11-22""#), ("createdDateTime", r#""2026-11-22""#)];

        let line = line(&SECURE_SCORE_CONTROLS, r#"{"controlName":"MFA"}"#, &parent);
        let facts = Shape::of(&SECURE_SCORE_CONTROLS).look(r#"{"controlName":"MFA"}"#, &parent);

        assert!(line.contains(
            r#","secureScoreId":"t_2026-11-22","createdDateTime":"2026-11-22","controlName":"MFA"}"#
        ));
        assert_eq!(facts.unwrap().key.as_deref(), Some("t_2026-11-22\nMFA"));
    }

    #[test]
    fn what_is_no_object_is_no_record() {
        let shape = Shape::of(&DEVICES);

        for raw in ["null", "7", "\"text\"", "[1,2]"] {
            assert_eq!(shape.look(raw, &[]), None, "{raw}");
        }
    }

    #[test]
    fn only_vulnerabilities_with_exposed_machines_are_sent() {
        let shape = Shape::of(&VULNERABILITIES);
        let sent = |raw| shape.look(raw, &[]).unwrap().positive;

        assert!(sent(r#"{"exposedMachines":4}"#));
        assert!(sent(r#"{"exposedMachines":"4"}"#));
        assert!(sent(r#"{"exposedMachines":4.5}"#));
        assert!(!sent(r#"{"exposedMachines":0}"#));
        assert!(!sent(r#"{"exposedMachines":null}"#));
    }

    #[test]
    fn a_records_own_envelope_name_stays_in_the_ledger_and_not_on_the_wire() {
        let kept = line(&DEVICES, r#"{"id":"a","Source":"theirs","source":"low"}"#, &[]);

        let facts = Shape::of(&DEVICES).look(r#"{"id":"a","Source":"theirs"}"#, &[]).unwrap();
        let wire = without_clashes(&kept);

        assert!(facts.clashes);
        assert!(kept.contains(r#""Source":"theirs""#));
        assert!(wire.contains(r#""Source":"defender.devices""#) && !wire.contains("theirs"));
        assert!(wire.contains(r#""source":"low""#));
    }

    #[test]
    fn a_kept_line_opens_into_its_id_and_its_own_fields() {
        let kept = line(&DEVICES, r#"{"id":"a1","x":1}"#, &[]);
        let (id, own) = envelope(&DEVICES).open(&kept).unwrap().clone();

        assert_eq!((id, &*own), ("d9aa273c1b46bf72d1fdc6a7c2becc91", r#"{"id":"a1","x":1}"#));
    }

    #[test]
    fn undeclared_fields_are_counted_by_name_within_bounds() {
        let mut counts = Undeclared::default();
        let facts = Shape::of(&DEVICES).look(r#"{"id":"a","neu":1,"osBuild":2}"#, &[]).unwrap();
        counts.add(&facts.undeclared);
        counts.add(&(0..200).map(|n| format!("f{n}")).collect::<Vec<_>>());

        assert_eq!(facts.undeclared, ["neu"]);
        assert_eq!(counts.0.len(), 101);
    }
}
