//! The values of one column in a row group.

use crate::digest::instant;
use crate::source::ColumnType;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::SerializedColumnWriter;
use serde_json::Value;

/// A column's values, and of each row whether it has one.
pub(super) enum Cells {
    /// Texts.
    Texts(Vec<ByteArray>, Vec<i16>),
    /// Numbers.
    Reals(Vec<f64>, Vec<i16>),
    /// Whole numbers; instants as microseconds since 1970.
    Wholes(Vec<i64>, Vec<i16>),
    /// True or false.
    Flags(Vec<bool>, Vec<i16>),
}

impl Cells {
    /// No values of a column of that type yet.
    pub(super) fn of(kind: ColumnType) -> Cells {
        match kind {
            ColumnType::Text
            | ColumnType::Guid
            | ColumnType::Dynamic
            | ColumnType::HuntedDynamic => Cells::Texts(Vec::new(), Vec::new()),
            ColumnType::Real | ColumnType::TextReal => Cells::Reals(Vec::new(), Vec::new()),
            ColumnType::Long
            | ColumnType::Int
            | ColumnType::DateTime
            | ColumnType::HuntedDateTime => Cells::Wholes(Vec::new(), Vec::new()),
            ColumnType::Boolean | ColumnType::HuntedBoolean => Cells::Flags(Vec::new(), Vec::new()),
        }
    }

    /// Adds a row's value; null where it doesn't fit.
    pub(super) fn push(&mut self, kind: ColumnType, value: &Value) {
        fn add<T>(value: Option<T>, values: &mut Vec<T>, levels: &mut Vec<i16>) {
            levels.push(i16::from(value.is_some()));
            values.extend(value);
        }
        match self {
            Cells::Texts(values, levels) => {
                let text = text(kind, value).map(|text| ByteArray::from(text.into_bytes()));
                add(text, values, levels);
            }
            Cells::Reals(values, levels) => add(real(value), values, levels),
            Cells::Wholes(values, levels) => add(whole(kind, value), values, levels),
            Cells::Flags(values, levels) => add(flag(value), values, levels),
        }
    }

    /// Writes them as a row group's column.
    pub(super) fn write(self, column: &mut SerializedColumnWriter<'_>) -> Result<()> {
        fn all<T: DataType>(
            column: &mut SerializedColumnWriter<'_>,
            values: &[T::T],
            levels: &[i16],
        ) -> Result<()> {
            column.typed::<T>().write_batch(values, Some(levels), None).map(|_| ())
        }
        match self {
            Cells::Texts(values, levels) => all::<ByteArrayType>(column, &values, &levels),
            Cells::Reals(values, levels) => all::<DoubleType>(column, &values, &levels),
            Cells::Wholes(values, levels) => all::<Int64Type>(column, &values, &levels),
            Cells::Flags(values, levels) => all::<BoolType>(column, &values, &levels),
        }
    }
}

/// Whether a column of that type says all that the value says; nothing is said by null.
pub(super) fn fits(kind: ColumnType, value: &Value) -> bool {
    let is_nothing = value.is_null() || is_hunted(kind) && is_empty(value);
    is_nothing
        || match Cells::of(kind) {
            Cells::Texts(..) => text(kind, value).is_some(),
            Cells::Reals(..) => real(value).is_some(),
            Cells::Wholes(..) => whole(kind, value).is_some(),
            Cells::Flags(..) => flag(value).is_some(),
        }
}

/// Hunting writes `{}` for nothing.
fn is_hunted(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::HuntedDateTime | ColumnType::HuntedDynamic)
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// A text as it is, anything else as its JSON.
fn text(kind: ColumnType, value: &Value) -> Option<String> {
    match (kind, value) {
        (_, Value::Null) => None,
        (ColumnType::HuntedDynamic, value) if is_empty(value) => None,
        // Of hunting, a text that holds JSON and the JSON itself are the same.
        (ColumnType::Dynamic, value) => Some(value.to_string()),
        (_, Value::String(text)) => Some(text.clone()),
        (_, value) => Some(value.to_string()),
    }
}

fn real(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|real: &f64| real.is_finite()),
        _ => None,
    }
}

fn whole(kind: ColumnType, value: &Value) -> Option<i64> {
    if matches!(kind, ColumnType::DateTime | ColumnType::HuntedDateTime) {
        return instant(value.as_str()?.trim()).map(|at| at.as_microsecond());
    }
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_that_a_column_cant_say_doesnt_fit() {
        for (kind, fitting, odd) in [
            (ColumnType::Real, json!("7.5"), json!("many")),
            (ColumnType::Long, json!(7), json!(7.5)),
            (ColumnType::Boolean, json!("True"), json!("perhaps")),
            (ColumnType::DateTime, json!("2026-11-20T04:00:00Z"), json!("yesterday")),
            (ColumnType::HuntedBoolean, json!(1), json!(2)),
            (ColumnType::HuntedDateTime, json!({}), json!({ "a": 1 })),
        ] {
            assert!(fits(kind, &fitting) && fits(kind, &Value::Null), "{kind:?} {fitting}");
            assert!(!fits(kind, &odd), "{kind:?} {odd}");
        }
        assert_eq!(text(ColumnType::Text, &json!({ "a": 1 })).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(text(ColumnType::Dynamic, &json!("a")).as_deref(), Some(r#""a""#));
        assert_eq!(whole(ColumnType::DateTime, &json!("1970-01-01 00:00:01.5")), Some(1_500_000));
    }
}
