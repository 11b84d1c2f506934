//! One line of a mapping: which of a record's fields becomes which attribute, and how.

use super::place;
use crate::digest::instant;
use crate::findings::line::Line;
use jiff::tz::TimeZone;
use serde_json::{Map, Number, Value};

/// From a record's field to an event's attribute.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Paths of fields, read regardless of letter case: the first one that fits counts. `@` in front: a
    /// field of our envelope.
    pub from: &'static [&'static str],
    /// The attribute's place in the event.
    pub to: &'static str,
    /// What becomes of the value.
    pub how: How,
    /// A place: where something is there already, this row says nothing.
    pub unless: &'static str,
    /// A place: where nothing is there yet, this row says nothing.
    pub only_with: &'static str,
}

/// A source's word and the number and word that OCSF has for it.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The source's, compared regardless of letter case.
    pub is: &'static str,
    /// The number.
    pub id: i64,
    /// OCSF's word.
    pub caption: &'static str,
}

/// A value that is always the same.
#[derive(Clone, Copy, Debug)]
pub enum Const {
    /// A text.
    Text(&'static str),
    /// A number.
    Number(i64),
    /// True or false.
    Flag(bool),
    /// An empty list.
    None,
}

/// What becomes of a value.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// A text; numbers as text.
    Text,
    /// A list of texts; a text alone is a list of one.
    Texts,
    /// One object of the list for each text.
    EachText,
    /// One object of the list for each element, as it is.
    EachAsIs,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// An instant as milliseconds since 1970.
    Time,
    /// The number of the source's word, with OCSF's word beside it; 99 and the source's own where it
    /// isn't among these.
    Words(&'static [Word]),
    /// The same, where the source's word is among these only.
    Among(&'static [Word]),
    /// The first word where the number is at least this, else the second.
    Least(f64, &'static [Word; 2]),
    /// Whether the text is another than this.
    Unlike(&'static str),
    /// What stands in an id behind this, up to the next slash.
    Behind(&'static str),
    /// What stands in an id before this.
    Before(&'static str),
    /// The fields joined by `_`, dates as their day.
    Joined,
    /// Always this, where one of the fields is there or none is named.
    Always(Const),
    /// This, where nothing has come there from elsewhere and what it belongs to is there.
    Missing(Const),
}

/// A row that takes the field as it is in this way.
pub const fn row(from: &'static [&'static str], to: &'static str, how: How) -> Row {
    Row { from, to, how, unless: "", only_with: "" }
}

/// A row that takes no field.
pub const fn always(to: &'static str, value: Const) -> Row {
    row(&[], to, How::Always(value))
}

/// A row for what must be there.
pub const fn missing(to: &'static str, value: Const) -> Row {
    row(&[], to, How::Missing(value))
}

impl Row {
    /// The same, which says nothing where something is at that place already.
    pub const fn unless(self, unless: &'static str) -> Row {
        Row { unless, ..self }
    }

    /// The same, which says nothing where nothing is at that place yet.
    pub const fn only_with(self, only_with: &'static str) -> Row {
        Row { only_with, ..self }
    }

    fn is_meant(&self, event: &Map<String, Value>) -> bool {
        let is_there = |place: &str| place::is_there(event, place);
        (self.unless.is_empty() || !is_there(self.unless))
            && (self.only_with.is_empty() || is_there(self.only_with))
    }

    /// Puts the attribute into the event; the path of the field that it was taken from as it is.
    pub(super) fn apply(
        &self,
        line: &Line,
        event: &mut Map<String, Value>,
    ) -> Option<&'static str> {
        if !self.is_meant(event) {
            return None;
        }
        match self.how {
            How::Always(value) => {
                if self.from.is_empty() || self.values(line).next().is_some() {
                    place::put(event, self.to, value.value());
                }
                None
            }
            How::Missing(value) => {
                let belongs = !self.only_with.is_empty() || place::has_parent(event, self.to);
                if belongs && !place::is_there(event, self.to) {
                    place::put(event, self.to, value.value());
                }
                None
            }
            How::Joined => {
                let parts: Vec<_> =
                    self.values(line).filter_map(|(_, value)| joint(&value)).collect();
                if parts.len() == self.from.len() {
                    place::put(event, self.to, parts.join("_").into());
                }
                None
            }
            _ => {
                self.values(line).find_map(|(path, value)| self.take(&value, event).then_some(path))
            }
        }
        .filter(|_| self.how.is_whole())
    }

    /// The fields that are there, in the row's order.
    fn values<'a>(&self, line: &'a Line) -> impl Iterator<Item = (&'static str, Value)> + 'a {
        let from = self.from;
        from.iter().filter_map(|path| {
            let value = match path.strip_prefix('@') {
                Some(ours) => Value::from(line.said(ours)?),
                None => find(&line.own, path)?.clone(),
            };
            (!value.is_null()).then_some((*path, value))
        })
    }

    /// Whether the value fits, and is in the event now.
    fn take(&self, value: &Value, event: &mut Map<String, Value>) -> bool {
        let one = |value: Option<Value>, event: &mut Map<String, Value>| {
            value.map(|value| place::put(event, self.to, value)).is_some()
        };
        let word = |word: Option<(i64, String)>, event: &mut Map<String, Value>| {
            let Some((id, caption)) = word else { return false };
            place::put(event, self.to, id.into());
            if let Some(to) = self.caption() {
                place::put(event, to, caption.into());
            }
            true
        };
        match self.how {
            How::Text => one(text(value).map(Value::from), event),
            How::Texts => one(texts(value), event),
            How::Number => one(number(value), event),
            How::Flag => one(flag(value).map(Value::from), event),
            How::Time => one(milliseconds(value), event),
            How::Unlike(word) => {
                one(text(value).map(|text| (!text.eq_ignore_ascii_case(word)).into()), event)
            }
            How::Behind(what) => one(segment(value, what), event),
            How::Before(what) => one(before(value, what), event),
            How::Words(words) => word(named(value, words, true), event),
            How::Among(words) => word(named(value, words, false), event),
            How::Least(least, words) => {
                let number = number(value).and_then(|number| number.as_f64());
                let found = number.map(|number| words[usize::from(number < least)]);
                word(found.map(|word| (word.id, word.caption.to_owned())), event)
            }
            How::EachText | How::EachAsIs => self.each(value, event),
            How::Joined | How::Always(_) | How::Missing(_) => false,
        }
    }

    fn each(&self, value: &Value, event: &mut Map<String, Value>) -> bool {
        let Value::Array(list) = value else { return false };
        let elements: Option<Vec<Value>> = match self.how {
            How::EachText => list.iter().map(|value| text(value).map(Value::from)).collect(),
            _ => Some(list.clone()),
        };
        let elements = elements.unwrap_or_default();
        for (index, element) in elements.iter().enumerate() {
            place::put_at(event, self.to, index, element.clone());
        }
        !elements.is_empty()
    }

    /// Where OCSF's word for a number goes: beside it, under the name without `_id`.
    pub fn caption(&self) -> Option<&'static str> {
        self.to.strip_suffix("_id")
    }
}

impl How {
    /// Whether the attribute says all that the field said; else the field stays under `unmapped` too.
    fn is_whole(self) -> bool {
        use How::{EachAsIs, EachText, Flag, Number, Text, Texts, Time};
        matches!(self, Text | Texts | EachText | EachAsIs | Number | Flag | Time)
    }
}

impl Const {
    /// Its JSON.
    pub fn value(self) -> Value {
        match self {
            Const::Text(text) => text.into(),
            Const::Number(number) => number.into(),
            Const::Flag(flag) => flag.into(),
            Const::None => Value::Array(Vec::new()),
        }
    }
}

/// The field of a path, names compared regardless of letter case.
pub(super) fn find<'a>(own: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let exact = own.get(name);
    let value = exact.or_else(|| {
        own.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    })?;
    if rest.is_empty() { Some(value) } else { find(value.as_object()?, rest) }
}

/// Takes a field away, and what is empty then.
pub(super) fn take_away(own: &mut Map<String, Value>, path: &str) {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(name) = own.keys().find(|own| own.eq_ignore_ascii_case(name)).cloned() else { return };
    let is_done = match own.get_mut(&name) {
        Some(Value::Object(inner)) if !rest.is_empty() => {
            take_away(inner, rest);
            inner.is_empty()
        }
        _ => true,
    };
    if is_done {
        own.remove(&name);
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn texts(value: &Value) -> Option<Value> {
    let list: Option<Vec<Value>> = match value {
        Value::Array(list) => list.iter().map(|value| text(value).map(Value::from)).collect(),
        value => text(value).map(|text| vec![text.into()]),
    };
    list.filter(|list| !list.is_empty()).map(Value::Array)
}

fn number(value: &Value) -> Option<Value> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.and_then(Number::from_f64).map(Value::Number)
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn milliseconds(value: &Value) -> Option<Value> {
    instant(value.as_str()?.trim()).map(|at| at.as_millisecond().into())
}

/// The word of a value: a text's, or `true` and `false`.
fn named(value: &Value, words: &[Word], any: bool) -> Option<(i64, String)> {
    let word = match value {
        Value::Bool(flag) => flag.to_string(),
        value => text(value)?,
    };
    let known = words.iter().find(|known| known.is.eq_ignore_ascii_case(&word));
    match known {
        Some(known) => Some((known.id, known.caption.to_owned())),
        None => any.then_some((99, word)),
    }
}

fn segment(value: &Value, behind: &str) -> Option<Value> {
    let text = value.as_str()?;
    let start = place_of(text, behind)? + behind.len();
    let segment = text[start..].split('/').next().filter(|segment| !segment.is_empty());
    segment.map(Value::from)
}

fn before(value: &Value, what: &str) -> Option<Value> {
    let text = value.as_str()?;
    place_of(text, what).filter(|end| *end > 0).map(|end| text[..end].into())
}

/// Where that last stands in an id, regardless of letter case.
fn place_of(text: &str, what: &str) -> Option<usize> {
    // Lower case in ASCII moves nothing.
    text.to_ascii_lowercase().rfind(&what.to_ascii_lowercase())
}

/// A text, or an instant's day.
fn joint(value: &Value) -> Option<String> {
    let text = text(value)?;
    let day = |at| TimeZone::UTC.to_datetime(at).date().to_string();
    Some(instant(&text).map_or(text, day))
}
