//! Looks a record over in one pass: its key, what decides over sending, fields that no column takes.

use super::facts::{Decides, Facts, Role};
use crate::source::{Api, Column, ENVELOPE, Fetch, Own, Sends, Source};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// Fields of a record whose place is remembered.
const MAX_ORDER: usize = 200;

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
    /// The fields that the source's digest reads; nothing where it reads whole lines.
    folds: Option<&'static [&'static str]>,
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
        let folds = source.digest.fields();
        let (key, sends) = (source.key, source.sends);
        Shape { key, ignores_case, sends, stamps, folds, annotated, declared }
    }

    /// Looks a record over in one pass; nothing where it is no JSON object.
    pub fn look(&self, raw: &str, parent: &[(&'static str, &str)]) -> Option<Facts> {
        let mut facts = Facts::default();
        self.look_into(raw, parent, &mut facts).then_some(facts)
    }

    /// Whether the source's digest reads the fields in [`Facts::folds`] only.
    pub fn has_folds(&self) -> bool {
        self.folds.is_some()
    }

    /// As [`Shape::look`], into facts that were found of another record of this shape: their memory is
    /// used again, so that a row of many costs no allocation.
    pub fn look_into(&self, raw: &str, parent: &[(&'static str, &str)], facts: &mut Facts) -> bool {
        facts.clear(self.key.len());
        for (name, value) in parent {
            self.note(facts, self.role(name), name, value, false);
        }
        let scan = Scan { shape: self, facts };
        if scan.deserialize(&mut serde_json::Deserializer::from_str(raw)).is_err() {
            return false;
        }
        facts.join_key(self.ignores_case);
        true
    }

    /// What a field of that name is for.
    fn role(&self, name: &str) -> Role {
        let is = |field: &&str| field.eq_ignore_ascii_case(name);
        let decides = match self.sends {
            Sends::Positive(field) if is(&field) => Some(Decides::Positive),
            Sends::Present(field) if is(&field) => Some(Decides::Present),
            Sends::Fails(field, _) if is(&field) => Some(Decides::Fails),
            Sends::Fails(_, applies) if is(&applies) => Some(Decides::Applies),
            _ => None,
        };
        Role {
            key: self.key.iter().position(is),
            decides,
            stamps: self.stamps.contains(&name),
            of_envelope: ENVELOPE.iter().any(|column| column.name == name),
            declared: self.declared.contains(name) || self.annotated && name.contains("@odata."),
            folded: self.folds.is_some_and(|fields| fields.iter().any(is)),
        }
    }

    fn note(&self, facts: &mut Facts, role: Role, name: &str, value: &str, own: bool) {
        if let Some(index) = role.key
            && let Some(slot) = facts.slots.get_mut(index).filter(|slot| !slot.found)
        {
            slot.found = plain_text_into(value, &mut slot.text);
        }
        match role.decides {
            Some(Decides::Positive) => facts.wanted = number(value).unwrap_or(0.0) > 0.0,
            Some(Decides::Present) => facts.wanted = value != "null",
            Some(Decides::Fails) => facts.wanted = is_false(value),
            Some(Decides::Applies) => facts.needless = is_false(value),
            None => {}
        }
        if role.stamps {
            facts.stamp = plain_text(value);
        }
        if own && role.of_envelope {
            facts.clashes = true;
            return;
        }
        if role.folded {
            facts.fold(name, value);
        }
        if !role.declared {
            facts.undeclared.push(name.to_owned());
        } else if is_too_long(value) {
            facts.cut.push(name.to_owned());
        }
    }
}

fn is_false(value: &str) -> bool {
    matches!(value, "false" | "\"false\"" | "\"False\"" | "0")
}

struct Scan<'a> {
    shape: &'a Shape,
    facts: &'a mut Facts,
}

impl Scan<'_> {
    /// What a field is for. `place` is where it is expected, after those that the record has had so far;
    /// a field that this record lacks is passed over, one that none had so far is remembered there.
    fn role(&mut self, place: &mut usize, name: &str) -> Role {
        let order = &mut self.facts.order;
        let rest = order.get(*place..).unwrap_or_default();
        if let Some(found) = rest.iter().position(|(known, _)| known == name) {
            *place += found + 1;
            return order[*place - 1].1;
        }
        let role = self.shape.role(name);
        if order.len() < MAX_ORDER {
            order.insert((*place).min(order.len()), (name.to_owned(), role));
            *place += 1;
        }
        role
    }
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

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
        let mut place = 0;
        while let Some(Name(name)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            let role = self.role(&mut place, &name);
            self.shape.note(self.facts, role, &name, value.get(), true);
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

/// As [`plain_text`], over an earlier text; false for null.
fn plain_text_into(raw: &str, text: &mut String) -> bool {
    text.clear();
    let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
    match inner.filter(|inner| !inner.contains('\\')) {
        Some(inner) => text.push_str(inner),
        None => match plain_text(raw) {
            Some(plain) => *text = plain,
            None => return false,
        },
    }
    true
}

/// Whether the workspace cuts a value: a text's own characters count, without its escapes.
fn is_too_long(raw: &str) -> bool {
    raw.len() > MAX_VALUE_BYTES && plain_text(raw).is_some_and(|text| text.len() > MAX_VALUE_BYTES)
}

/// A number, also one written as text.
fn number(raw: &str) -> Option<f64> {
    raw.trim_matches('"').parse().ok()
}
