//! What a collection rule's columns can't take of a row.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::Value;

use crate::logs::{Received, Stream};

/// Longest value of a field, in bytes; the service cuts longer ones without a word.
const MAX_FIELD_BYTES: usize = 64 * 1024;

/// Counts what is wrong with a row. The service would drop, cut or blank it without a word.
pub(crate) fn check(row: &Value, stream: &Stream, received: &mut Received) {
    let table = &stream.table;
    if row.get("TimeGenerated").is_none_or(Value::is_null) {
        received.missing_time_generated += 1;
    }
    for (name, value) in row.as_object().into_iter().flatten() {
        let Some(expected) = stream.columns.get(name) else {
            *received.undeclared.entry(format!("{table}.{name}")).or_default() += 1;
            continue;
        };
        if let Some(got) = mismatch(expected, value) {
            let text = format!("{table}.{name}: expected {expected}, got {got}");
            *received.wrong_types.entry(text).or_default() += 1;
        }
        let length = match value {
            Value::String(text) => text.len(),
            Value::Array(_) | Value::Object(_) => value.to_string().len(),
            _ => 0,
        };
        if length > MAX_FIELD_BYTES {
            *received.too_long.entry(format!("{table}.{name}")).or_default() += 1;
        }
    }
}

/// The type of a value that its column cannot take; none where it can.
fn mismatch(expected: &str, value: &Value) -> Option<&'static str> {
    let (got, fits) = match value {
        Value::Null => return None,
        Value::Bool(_) => ("boolean", expected == "boolean"),
        Value::Number(number) if number.is_f64() => ("real", expected == "real"),
        Value::Number(number) => {
            let is_int = number.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
            let is_long = number.as_i64().is_some();
            match expected {
                "int" => (if is_long { "long" } else { "real" }, is_int),
                "long" => ("real", is_long),
                _ => (if is_int { "int" } else { "long" }, expected == "real"),
            }
        }
        Value::String(text) => match expected {
            "datetime" => ("string", is_time(text)),
            _ => ("string", matches!(expected, "string" | "guid")),
        },
        Value::Array(_) => ("array", false),
        Value::Object(_) => ("object", false),
    };
    (!fits && expected != "dynamic").then_some(got)
}

fn is_time(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok() || text.parse::<DateTime>().is_ok()
}
