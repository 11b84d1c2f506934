//! `POST /v1.0/security/runHuntingQuery`: what a query asks for, and the answer's shape.
//!
//! Of a query its table and `hash(column, n) == k` are carried out, no other operator: the rows have
//! the table's columns, as many as there are, and at most 100,000.

use bytes::Bytes;
use jiff::{Span, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Form, Page};
use crate::export::View;
use crate::generate::Draw;
use crate::graph::tables::{TABLES, Table, Type};
use crate::limits::Rate;

pub(crate) const PATH: &str = "/v1.0/security/runHuntingQuery";
pub(crate) const ROLE: &str = "ThreatHunting.Read.All";
pub(crate) const RATE: Rate = Rate::new(45, 60);

/// More rows are cut without a sign.
///
/// <https://learn.microsoft.com/graph/api/security-security-runhuntingquery>
const MOST: usize = 100_000;

const RESULTS: Form = Form { array: "results", link: "@odata.nextLink" };

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Body {
    query: String,
    timespan: Option<String>,
}

/// What a query asks for.
pub(crate) struct Query {
    table: &'static Table,
    /// `hash(column, parts) == part`.
    part: Option<(&'static str, u64, u64)>,
}

/// Reads a request's body; what is wrong with it otherwise.
pub(crate) fn read(content_type: Option<&str>, body: &[u8]) -> Result<Query, String> {
    if !content_type.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err("The Content-Type must be application/json.".to_owned());
    }
    let body: Body = serde_json::from_slice(body)
        .map_err(|error| format!("Unable to read JSON request payload: {error}."))?;
    if let Some(span) = body.timespan.as_deref().filter(|span| !is_timespan(span)) {
        return Err(format!("The Timespan '{span}' is not a valid ISO 8601 interval."));
    }
    let lines = body.query.lines().filter(|line| !line.trim_start().starts_with("//"));
    let text: String = lines.collect::<Vec<&str>>().join("\n");
    let table = table_of(&text)?;
    Ok(Query { table, part: part_of(&text, table)? })
}

/// A span, an instant, or two of them of which one is an instant.
fn is_timespan(text: &str) -> bool {
    let is_instant = |text: &str| text.parse::<Timestamp>().is_ok();
    let is_span = |text: &str| text.starts_with('P') && text.parse::<Span>().is_ok();
    match text.split_once('/') {
        Some((from, to)) => {
            (is_instant(from) && (is_instant(to) || is_span(to)))
                || (is_span(from) && is_instant(to))
        }
        None => is_instant(text) || is_span(text),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| !word.is_empty())
}

/// The table that a query begins with; behind `let` the first one that is known.
fn table_of(text: &str) -> Result<&'static Table, String> {
    let known = |word: &str| TABLES.iter().find(|table| table.name == word);
    let first = words(text).next().unwrap_or_default();
    let table = match first {
        "let" => words(text).find_map(known),
        first => known(first),
    };
    table.ok_or_else(|| {
        format!("'take' operator: Failed to resolve table or column expression named '{first}'")
    })
}

/// The part of the rows that `hash(column, n) == k` chooses.
fn part_of(text: &str, table: &'static Table) -> Result<Option<(&'static str, u64, u64)>, String> {
    let Some((_, rest)) = text.split_once("hash(") else { return Ok(None) };
    let wrong = || format!("Query is invalid: the simulator doesn't carry out 'hash({rest}'.");
    let (call, rest) = rest.split_once(')').ok_or_else(wrong)?;
    let (column, parts) = call.split_once(',').ok_or_else(wrong)?;
    let column = column.trim();
    let column = table.columns.iter().map(|column| column.name).find(|name| *name == column);
    let column = column.ok_or("Failed to resolve scalar expression in 'hash'.")?;
    let part = rest.trim_start().strip_prefix("==").ok_or_else(wrong)?;
    let part = words(part).next().and_then(|word| word.parse().ok()).ok_or_else(wrong)?;
    match parts.trim().parse() {
        Ok(parts) if parts > 0 => Ok(Some((column, parts, part))),
        _ => Err(wrong()),
    }
}

/// The answer to a query; without rows where recorded pages take the place of generated ones.
pub(crate) fn answer(view: View, query: Query, is_replay: bool) -> Answer {
    let Query { table, part } = query;
    let schema: Vec<Value> = table
        .columns
        .iter()
        .map(|column| json!({"name": column.name, "type": column.kind.name()}))
        .collect();
    let total = if is_replay { 0 } else { (table.total)(&view) };
    let is_chosen = move |row: &Map<String, Value>| match part {
        Some((column, parts, part)) => hash(&row[column]) % parts == part,
        None => true,
    };
    let rows = (0..total)
        .filter_map(move |number| (table.row)(&view, number))
        .map(move |row| table.columns.iter().map(|column| column.of(&row)).collect())
        .filter(is_chosen);
    let context =
        "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.security.huntingQueryResults";
    Answer::page(Page {
        form: &RESULTS,
        opening: format!(
            r#""@odata.context":{},"schema":{},"#,
            Value::from(context),
            Value::from(schema)
        ),
        length: (total as usize).min(MOST),
        records: Box::new(rows.take(MOST).map(move |row| written(table, &row))),
        next: None,
    })
}

fn hash(value: &Value) -> u64 {
    Draw::new(7, value.as_str().unwrap_or_default(), 0).next()
}

/// A row as the service writes it: truth as numbers, what is empty as `{}`, types beside values.
fn written(table: &Table, row: &Map<String, Value>) -> Bytes {
    let mut written = Map::new();
    for column in table.columns {
        let value = row.get(column.name).cloned().unwrap_or_default();
        let value = match (column.kind, value) {
            (Type::SByte, value) => {
                written.insert(format!("{}@odata.type", column.name), "#SByte".into());
                u8::from(value == true).into()
            }
            (Type::List, value) => {
                let name = format!("{}@odata.type", column.name);
                written.insert(name, "#Collection(String)".into());
                value
            }
            (Type::DateTime | Type::Object, Value::Null) => json!({}),
            (Type::String, Value::Null) => "".into(),
            (_, value) => value,
        };
        written.insert(column.name.to_owned(), value);
    }
    Value::Object(written).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timespan_is_an_interval_a_span_or_an_instant() {
        for span in [
            "2026-10-01T00:00:00Z/2026-11-01T00:00:00Z",
            "P7D/2026-11-01T00:00:00Z",
            "2026-10-01T00:00:00Z/P7D",
            "P7D",
            "2026-10-01T00:00:00Z",
        ] {
            assert!(is_timespan(span), "{span}");
        }
        for span in ["", "7", "P7D/P7D", "2026-10-01", "yesterday"] {
            assert!(!is_timespan(span), "{span}");
        }
    }

    #[test]
    fn a_query_is_known_by_its_table_and_part() {
        let read = |query: &str| {
            let body = json!({"Query": query}).to_string();
            read(Some("application/json; charset=utf-8"), body.as_bytes())
        };
        let query = read("// all\nDeviceInfo\n| where hash(DeviceId, 8) == 3 | take 5").unwrap();
        assert_eq!((query.table.name, query.part), ("DeviceInfo", Some(("DeviceId", 8, 3))));
        assert_eq!(read("let x = 1;\nAlertInfo | take 5").unwrap().table.name, "AlertInfo");
        for query in [
            "",
            "deviceinfo",
            "Other | join DeviceInfo",
            "AlertInfo | where hash(DeviceId, 2) == 0",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
