//! `POST /v1.0/security/runHuntingQuery`: what a query asks for, and the answer's shape.
//!
//! Queries are carried out as far as `kql` knows the language; at most 100,000 rows are answered. Of
//! recorded rows only a part is chosen, sorted or counted: they are the rest's result already.

use bytes::Bytes;
use jiff::{Span, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Form, Page};
use crate::export::View;
use crate::graph::tables::TABLES;
use crate::kql::{Columns, Query, Row, Type};
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

/// What a request asks for.
pub(crate) struct Ask {
    query: Query,
    /// Rows with another `Timestamp` aren't looked at.
    span: (Timestamp, Timestamp),
    /// The source that the query's first comment names: the folder of its recorded rows.
    pub source: String,
}

/// Reads a request's body; what is wrong with it otherwise.
pub(crate) fn read(content_type: Option<&str>, body: &[u8], now: Timestamp) -> Result<Ask, String> {
    if !content_type.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err("The Content-Type must be application/json.".to_owned());
    }
    let body: Body = serde_json::from_slice(body)
        .map_err(|error| format!("Unable to read JSON request payload: {error}."))?;
    let span = body.timespan.as_deref().unwrap_or("P30D");
    let span = timespan(span, now)
        .ok_or_else(|| format!("The Timespan '{span}' is not a valid ISO 8601 interval."))?;
    let columns = |name: &str| {
        let table = TABLES.iter().find(|table| table.name == name)?;
        Some(table.columns.iter().map(|column| (column.name.to_owned(), column.kind)).collect())
    };
    let source = body.query.lines().next().and_then(|line| line.strip_prefix("// "));
    let source = source.filter(|name| !name.contains(['/', '\\'])).unwrap_or_default().to_owned();
    Ok(Ask { query: Query::read(&body.query, columns)?, span, source })
}

/// The instants that a timespan lies between: a span up to now, one from an instant to now, or two ends
/// of which one is an instant.
fn timespan(text: &str, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let instant = |text: &str| text.parse::<Timestamp>().ok();
    let span = |text: &str| {
        let span = text.starts_with('P').then(|| text.parse::<Span>().ok()).flatten()?;
        let day = jiff::SpanRelativeTo::days_are_24_hours();
        span.to_duration(day).ok()
    };
    match text.split_once('/') {
        Some((from, to)) => match (instant(from), instant(to)) {
            (Some(from), Some(to)) => Some((from, to)),
            (Some(from), None) => Some((from, from.checked_add(span(to)?).ok()?)),
            (None, Some(to)) => Some((to.checked_sub(span(from)?).ok()?, to)),
            (None, None) => None,
        },
        None => match instant(text) {
            Some(from) => Some((from, now)),
            None => Some((now.checked_sub(span(text)?).ok()?, now)),
        },
    }
}

/// The answer to a query: over the tenant's rows, or over those that were recorded of its source.
pub(crate) fn answer(view: &View, ask: &Ask, recorded: Option<Vec<Row>>) -> Answer {
    let query = &ask.query;
    let mut rows = match recorded {
        Some(rows) => query.run_over_results(rows),
        None => query.run(rows_of(view, &query.table).filter(|row| is_within(ask.span, row))),
    };
    rows.truncate(MOST);
    let columns = query.columns.iter();
    let schema: Vec<Value> =
        columns.map(|(name, kind)| json!({"name": name, "type": kind.name()})).collect();
    let rows: Vec<Bytes> = rows
        .into_iter()
        .map(|row| match row.recorded {
            Some(bytes) => bytes,
            None => written(&query.columns, &row.values),
        })
        .collect();
    let context =
        "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.security.huntingQueryResults";
    Answer::page(Page {
        form: &RESULTS,
        opening: format!(
            r#""@odata.context":{},"schema":{},"#,
            Value::from(context),
            Value::from(schema)
        ),
        length: rows.len(),
        records: Box::new(rows.into_iter()),
        next: None,
    })
}

fn rows_of<'a>(view: &'a View, name: &str) -> impl Iterator<Item = Row> + 'a {
    let table = TABLES.iter().find(|table| table.name == name);
    table.into_iter().flat_map(move |table| {
        let rows = (0..(table.total)(view)).filter_map(move |number| (table.row)(view, number));
        rows.map(move |row| Row::of(table.columns.iter().map(|column| column.of(&row)).collect()))
    })
}

/// Whether a row is of those times; one without a `Timestamp` is of all.
fn is_within((from, to): (Timestamp, Timestamp), row: &Row) -> bool {
    let at = row.values.get("Timestamp").and_then(Value::as_str);
    let at = at.and_then(|text| text.parse::<Timestamp>().ok());
    at.is_none_or(|at| from <= at && at <= to)
}

/// The rows of a recorded answer.
pub(crate) fn recorded(body: &[u8]) -> Vec<Row> {
    #[derive(Deserialize)]
    struct Recorded<'a> {
        #[serde(borrow)]
        results: Vec<&'a RawValue>,
    }
    let Ok(Recorded { results }) = serde_json::from_slice(body) else { return Vec::new() };
    let row = |raw: &RawValue| Row {
        values: serde_json::from_str(raw.get()).unwrap_or_default(),
        recorded: Some(Bytes::copy_from_slice(raw.get().as_bytes())),
    };
    results.into_iter().map(row).collect()
}

/// A row as the service writes it: truth as numbers, what is empty as `{}`, types beside values.
fn written(columns: &Columns, row: &Map<String, Value>) -> Bytes {
    let mut written = Map::new();
    for (name, kind) in columns {
        let value = row.get(name).cloned().unwrap_or_default();
        let value = match (*kind, value) {
            (Type::SByte, value) => {
                written.insert(format!("{name}@odata.type"), "#SByte".into());
                u8::from(value == true).into()
            }
            (Type::List, value) => {
                written.insert(format!("{name}@odata.type"), "#Collection(String)".into());
                value
            }
            (Type::DateTime | Type::Object, Value::Null) => json!({}),
            (Type::String, Value::Null) => "".into(),
            (_, value) => value,
        };
        written.insert(name.clone(), value);
    }
    Value::Object(written).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timespan_is_an_interval_a_span_or_an_instant() {
        let now = "2026-11-20T00:00:00Z".parse().unwrap();
        let of = |text: &str| timespan(text, now).map(|(from, to)| format!("{from} {to}"));

        for (text, expected) in [
            (
                "2026-10-01T00:00:00Z/2026-11-01T00:00:00Z",
                "2026-10-01T00:00:00Z 2026-11-01T00:00:00Z",
            ),
            ("P7D/2026-11-08T00:00:00Z", "2026-11-01T00:00:00Z 2026-11-08T00:00:00Z"),
            ("2026-11-01T00:00:00Z/PT6H", "2026-11-01T00:00:00Z 2026-11-01T06:00:00Z"),
            ("P7D", "2026-11-13T00:00:00Z 2026-11-20T00:00:00Z"),
            ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z 2026-11-20T00:00:00Z"),
        ] {
            assert_eq!(of(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "7", "P7D/P7D", "2026-10-01", "yesterday"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
