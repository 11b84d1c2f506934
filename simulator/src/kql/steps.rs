//! Carries operators out.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::Step;
use super::expression::{Expression, order};

/// A row: its values, and its bytes where it was recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub values: Map<String, Value>,
    pub recorded: Option<Bytes>,
}

impl Row {
    pub(crate) fn of(values: Map<String, Value>) -> Row {
        Row { values, recorded: None }
    }
}

type Rows<'a> = Box<dyn Iterator<Item = Row> + 'a>;

pub(super) fn run<'a>(steps: impl IntoIterator<Item = &'a Step>, rows: Rows<'a>) -> Vec<Row> {
    steps.into_iter().fold(rows, apply).collect()
}

fn apply<'a>(rows: Rows<'a>, step: &'a Step) -> Rows<'a> {
    match step {
        Step::Where(condition) => {
            Box::new(rows.filter(|row| condition.of(&row.values) == Value::Bool(true)))
        }
        Step::Extend(columns) => Box::new(rows.map(|mut row| {
            row.values.extend(computed(columns, &row.values));
            row
        })),
        Step::Project(columns) => Box::new(rows.map(|row| Row::of(computed(columns, &row.values)))),
        Step::Newest { column, by } => Box::new(newest(rows, column, by).into_iter()),
        Step::Sort(keys) => {
            let mut rows: Vec<Row> = rows.collect();
            rows.sort_by(|one, other| compare(&one.values, &other.values, keys));
            Box::new(rows.into_iter())
        }
        Step::Take(count) => Box::new(rows.take(*count)),
        Step::Count => {
            let values = [("Count".to_owned(), Value::from(rows.count()))];
            Box::new(std::iter::once(Row::of(Map::from_iter(values))))
        }
    }
}

fn computed(columns: &[(String, Expression)], row: &Map<String, Value>) -> Map<String, Value> {
    columns.iter().map(|(name, value)| (name.clone(), value.of(row))).collect()
}

fn newest(rows: Rows, column: &str, by: &[String]) -> Vec<Row> {
    let mut groups: BTreeMap<String, Row> = BTreeMap::new();
    for row in rows {
        let key: Vec<_> = by.iter().map(|name| row.values[name].to_string()).collect();
        let there = groups.entry(key.join("\n")).or_insert_with(|| row.clone());
        if order(&row.values[column], &there.values[column]) == Ordering::Greater {
            *there = row;
        }
    }
    groups.into_values().collect()
}

fn compare(
    one: &Map<String, Value>,
    other: &Map<String, Value>,
    keys: &[(String, bool)],
) -> Ordering {
    let orders = keys.iter().map(|(name, ascends)| {
        let order = order(value(one, name), value(other, name));
        if *ascends { order } else { order.reverse() }
    });
    orders.fold(Ordering::Equal, Ordering::then)
}

fn value<'a>(row: &'a Map<String, Value>, name: &str) -> &'a Value {
    row.get(name).unwrap_or(&Value::Null)
}
