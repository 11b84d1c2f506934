//! Looks a record over in one pass: its key, what decides over sending, fields that no column takes.

use crate::source::{Api, Column, ENVELOPE, Fetch, Own, Sends, Source};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

/// Field names are counted up to this many different ones.
const MAX_NAMES: usize = 100;

/// Longest value that the workspace takes, in bytes of UTF-8; it cuts longer ones without an error.
///
/// <https://learn.microsoft.com/azure/azure-monitor/service-limits#logs-ingestion-api>
const MAX_VALUE_BYTES: usize = 64 * 1024;

/// What of a source's records has to be looked at.
#[derive(Debug)]
pub struct Shape {
    key: &'static [&'static str],
    /// Azure spells a resource's id now in this letter case, now in that: one key all the same.
    ignores_case: bool,
    sends: Sends,
    stamps: &'static [&'static str],
    /// Hunting puts the type of some fields beside them: that says nothing of its own.
    annotated: bool,
    declared: HashSet<Cow<'static, str>>,
}

impl Shape {
    /// The shape of a source.
    pub fn of(source: &Source) -> Shape {
        let own = Own::compiled().columns(&source.table);
        let columns = source.table.all_columns().chain(own);
        let mut declared: HashSet<_> =
            columns.map(|column: &Column| Cow::Borrowed(column.field)).collect();
        if matches!(source.fetch, Fetch::Export { respelled: true, .. }) {
            declared
                .extend(source.table.columns.iter().chain(own).map(|c| Cow::Owned(c.file_field())));
        }
        let (stamps, ignores_case) = (source.reads.stamps(), source.api == Api::Arm);
        let annotated = matches!(source.fetch, Fetch::Hunting(_));
        Shape { key: source.key, ignores_case, sends: source.sends, stamps, annotated, declared }
    }

    /// Looks a record over in one pass; nothing where it is no JSON object.
    pub fn look(&self, raw: &str, parent: &[(&'static str, &str)]) -> Option<Facts> {
        let mut found = Found::new(self.key.len());
        for (name, value) in parent {
            self.note(&mut found, name, value, false);
        }
        let seed = Scan { shape: self, found: &mut found };
        seed.deserialize(&mut serde_json::Deserializer::from_str(raw)).ok()?;
        let key = found.key.into_iter().collect::<Option<Vec<_>>>().map(|texts| texts.join("\n"));
        Some(Facts {
            key: if self.ignores_case { key.map(|key| key.to_lowercase()) } else { key },
            clashes: found.clashes,
            wanted: found.wanted && !found.needless,
            stamp: found.stamp,
            undeclared: found.undeclared,
            cut: found.cut,
        })
    }

    fn note(&self, found: &mut Found, name: &str, value: &str, own: bool) {
        for (index, key) in self.key.iter().enumerate() {
            if key.eq_ignore_ascii_case(name) && found.key[index].is_none() {
                found.key[index] = plain_text(value);
            }
        }
        match self.sends {
            Sends::Positive(field) if field.eq_ignore_ascii_case(name) => {
                found.wanted = number(value).unwrap_or(0.0) > 0.0;
            }
            Sends::Present(field) if field.eq_ignore_ascii_case(name) => {
                found.wanted = value != "null";
            }
            Sends::Fails(field, _) if field.eq_ignore_ascii_case(name) => {
                found.wanted = is_false(value);
            }
            Sends::Fails(_, applies) if applies.eq_ignore_ascii_case(name) => {
                found.needless = is_false(value);
            }
            _ => {}
        }
        if self.stamps.contains(&name) {
            found.stamp = plain_text(value);
        }
        if own && ENVELOPE.iter().any(|column| column.name == name) {
            found.clashes = true;
        } else if !(self.declared.contains(name) || self.annotated && name.contains("@odata.")) {
            found.undeclared.push(name.to_owned());
        } else if is_too_long(value) {
            found.cut.push(name.to_owned());
        }
    }
}

fn is_false(value: &str) -> bool {
    matches!(value, "false" | "\"false\"" | "\"False\"" | "0")
}

/// What one look at a record gave.
#[derive(Debug, PartialEq)]
pub struct Facts {
    /// The key's text; absent where a field of it is missing or null.
    pub key: Option<String>,
    /// Whether one of its own fields has an envelope's name.
    pub clashes: bool,
    /// Whether the field that decides over sending is for it; false where none decides.
    pub wanted: bool,
    /// The date field that growing sources are read by.
    pub stamp: Option<String>,
    /// Its fields that no column declares.
    pub undeclared: Vec<String>,
    /// Those that a column declares and whose value the workspace would cut.
    pub cut: Vec<String>,
}

struct Found {
    key: Vec<Option<String>>,
    clashes: bool,
    wanted: bool,
    needless: bool,
    stamp: Option<String>,
    undeclared: Vec<String>,
    cut: Vec<String>,
}

impl Found {
    fn new(keys: usize) -> Found {
        let key = vec![None; keys];
        let (undeclared, cut) = (Vec::new(), Vec::new());
        Found { key, clashes: false, wanted: false, needless: false, stamp: None, undeclared, cut }
    }
}

struct Scan<'a> {
    shape: &'a Shape,
    found: &'a mut Found,
}

/// A map's key, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
pub(super) struct Name<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

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

/// Whether the workspace cuts a value: a text's own characters count, without its escapes.
fn is_too_long(raw: &str) -> bool {
    raw.len() > MAX_VALUE_BYTES && plain_text(raw).is_some_and(|text| text.len() > MAX_VALUE_BYTES)
}

/// A number, also one written as text.
fn number(raw: &str) -> Option<f64> {
    raw.trim_matches('"').parse().ok()
}

/// Counts of records by the name of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FieldCounts(BTreeMap<String, u64>);

impl FieldCounts {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts these names; past a hundred different ones, under `…`.
    pub fn add(&mut self, names: &[String]) {
        for name in names {
            let known = self.0.contains_key(name) || self.0.len() < MAX_NAMES;
            let name = if known { name.as_str() } else { "…" };
            match self.0.get_mut(name) {
                Some(count) => *count += 1,
                None => drop(self.0.insert(name.to_owned(), 1)),
            }
        }
    }
}
