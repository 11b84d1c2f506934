//! From an output to queue messages, as the Functions host and its queue extension make them.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

/// The messages of one output, before the base64 of their transport.
///
/// # Errors
///
/// Where the host fails the call.
pub fn messages(value: Option<&Value>, is_binary: bool) -> Result<Vec<Vec<u8>>, String> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items.iter().map(rendered).collect()),
        Some(Value::String(text)) => of_text(text, is_binary),
        Some(other) => Ok(vec![rendered(other)]),
    }
}

fn of_text(text: &str, is_binary: bool) -> Result<Vec<Vec<u8>>, String> {
    if let Some(date) = date(text) {
        return Ok(vec![plain(date)]);
    }
    if let Some(bytes) = base64(text).filter(|_| !is_binary) {
        return Ok(vec![bytes]);
    }
    if !(text.starts_with(['{', '[']) && text.ends_with(['}', ']'])) {
        return Ok(vec![text.as_bytes().to_vec()]);
    }
    match serde_json::from_str(text) {
        Ok(Value::Array(items)) => Ok(items.iter().map(rendered).collect()),
        Ok(other) => Ok(vec![rendered(&other)]),
        Err(error) => Err(format!("an output that looks like JSON is none: {error}")),
    }
}

/// One message. An object is written anew, indented, its dates in the host's zone.
fn rendered(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => Vec::new(),
        Value::Bool(true) => b"True".to_vec(),
        Value::Bool(false) => b"False".to_vec(),
        Value::Number(number) => number.to_string().into_bytes(),
        Value::String(text) => date(text).map_or_else(|| text.as_bytes().to_vec(), plain),
        Value::Array(_) | Value::Object(_) => {
            serde_json::to_string_pretty(&with_dates_rewritten(value)).unwrap().into_bytes()
        }
    }
}

fn with_dates_rewritten(value: &Value) -> Value {
    match value {
        Value::String(text) => match date(text) {
            Some(date) => date.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string().into(),
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(with_dates_rewritten).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), with_dates_rewritten(value))).collect()
        }
        other => other.clone(),
    }
}

fn plain(date: Timestamp) -> Vec<u8> {
    date.strftime("%m/%d/%Y %H:%M:%S").to_string().into_bytes()
}

/// The date that the host takes a text for.
fn date(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() < 19 || bytes[4] != b'-' || bytes[10] != b'T' {
        return None;
    }
    let in_utc = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    text.parse().ok().or_else(in_utc)
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let dense: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    GeneralPurpose::new(&STANDARD, config).decode(dense).ok()
}

/// Texts of an output that the host would change on their way: dates at any depth, and base64 where
/// it is taken apart or where one could believe that it is, which is not inside objects.
pub fn traps(output: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let own = output.as_array().map_or(std::slice::from_ref(output), Vec::as_slice);
    let looks_base64 = |text: &&str| base64(text).is_some();
    found.extend(own.iter().filter_map(Value::as_str).filter(looks_base64).map(str::to_owned));
    dates(output, &mut found);
    found
}

fn dates(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if date(text).is_some() => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| dates(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| dates(field, found)),
        _ => {}
    }
}
