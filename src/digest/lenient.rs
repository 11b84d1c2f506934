//! Fields read whatever their type: a value of the wrong type is a missing value, never a lost record.
//!
//! The services write numbers as text, drop properties, null them and change their type without
//! notice. Each helper here goes into a `#[serde(deserialize_with = "…")]` beside a
//! `#[serde(default)]`; none of them fails on valid JSON.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz::TimeZone};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The record of one kept line; `None` where the line isn't a JSON object.
///
/// Where a key comes twice the last one counts.
pub(crate) fn record<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Option<T> {
    // serde would take an array for a struct's fields in their order.
    if !line.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    // serde refuses a key that comes twice, which is too rare to look for in every line.
    let tolerant = || T::deserialize(serde_json::from_slice::<serde_json::Value>(line).ok()?).ok();
    serde_json::from_slice(line).ok().or_else(tolerant)
}

/// A text, borrowed where it has no escapes; empty text and other types are `None`.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    Ok(match scalar(from)? {
        Scalar::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    })
}

/// As [`text`], owned.
pub(crate) fn owned<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(text(from)?.map(Cow::into_owned))
}

/// As [`texts`], owned.
pub(crate) fn owned_texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(texts(from)?.into_iter().map(Cow::into_owned).collect())
}

/// A finite number, or one in text.
pub(crate) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Ok(scalar(from)?.number())
}

/// A number of things: not negative, a fraction is cut off.
pub(crate) fn count<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(scalar(from)?.number().filter(|number| *number >= 0.0).map(|number| number as u64))
}

/// A boolean, "true" or "false" in any letter case, or 0 or 1.
pub(crate) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Ok(match scalar(from)? {
        Scalar::Flag(flag) => Some(flag),
        Scalar::Number(number) => whether(number == 1.0, number == 0.0),
        Scalar::Text(text) => {
            let is = |word: &str| text.trim().eq_ignore_ascii_case(word);
            whether(is("true") || is("1"), is("false") || is("0"))
        }
        Scalar::Nothing => None,
    })
}

/// An instant: RFC 3339, or date and time without a zone, which is UTC.
pub(crate) fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(match scalar(from)? {
        Scalar::Text(text) => instant(text.trim()),
        _ => None,
    })
}

/// A list of objects; elements that aren't objects are left out, anything but a list is empty.
pub(crate) fn list<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    from.deserialize_any(ListVisitor(PhantomData))
}

/// A list of texts; elements that are none are left out, anything but a list is empty.
pub(crate) fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Cow<'de, str>>, D::Error> {
    let all: Vec<Text<'de>> = from.deserialize_any(EachVisitor(PhantomData))?;
    Ok(all.into_iter().filter_map(|text| text.0).collect())
}

/// The day of an instant in UTC.
pub(crate) fn day(time: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}

/// Midnight UTC of a day.
pub(crate) fn midnight(day: Date) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).ok()
}

/// At most `chars` characters of a text.
pub(crate) fn cut(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}

/// At most so many bytes of a text, whole characters: where what is kept is bounded in bytes.
pub(super) fn cut_bytes(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn whether(yes: bool, no: bool) -> Option<bool> {
    if yes { Some(true) } else { no.then_some(false) }
}

/// An instant in a text: RFC 3339, or date and time without a zone, which is UTC.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let without_zone = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    text.parse().ok().or_else(without_zone)
}

/// What a field holds, once lists and objects are out of the way.
enum Scalar<'a> {
    Nothing,
    Flag(bool),
    Number(f64),
    Text(Cow<'a, str>),
}

impl Scalar<'_> {
    fn number(&self) -> Option<f64> {
        let number = match self {
            Scalar::Number(number) => *number,
            Scalar::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }
}

fn scalar<'de, D: Deserializer<'de>>(from: D) -> Result<Scalar<'de>, D::Error> {
    from.deserialize_any(ScalarVisitor)
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Flag(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }
}

/// Reads a `T` out of an object, and `None` out of anything else.
struct Object<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ObjectVisitor(PhantomData)).map(Object)
    }
}

/// Forwards what isn't interesting to [`ScalarVisitor`], which swallows anything.
macro_rules! swallow {
    ($nothing:expr; $($method:ident: $type:ty),*) => {
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("any value")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        $(fn $method<E>(self, _: $type) -> Result<Self::Value, E> {
            Ok($nothing)
        })*
    };
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Option<T>;

    swallow!(None; visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        ScalarVisitor.visit_seq(list).map(|_| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(Some)
    }
}

/// A text, or anything else as none.
struct Text<'a>(Option<Cow<'a, str>>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text(from).map(Text)
    }
}

/// Reads each element of a list, whatever it is.
struct EachVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EachVisitor<T> {
    type Value = Vec<T>;

    swallow!(Vec::new(); visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        ScalarVisitor.visit_map(object).map(|_| Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(element) = list.next_element()? {
            found.push(element);
        }
        Ok(found)
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    swallow!(Vec::new(); visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        ScalarVisitor.visit_map(object).map(|_| Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(Object(element)) = list.next_element::<Object<T>>()? {
            found.extend(element);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
