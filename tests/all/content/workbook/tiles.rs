//! What each tile shows of the demo's tenants, with the columns that its visual names.

use super::{HOURS, at_first, now, rows, tenants, workbook};
use crate::kql::{Column as Bound, Rows, asked, bind_beside_microsofts};
use content::workbook::{Column, Format, Item, Visual, Workbook, with};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Tiles that show nothing of the demo's tenants, and why. `samples.rs` gives each what it would show.
const EMPTY: &[(&str, &str)] = &[
    ("shadow-it/new-apps", "the second day brings the first day's apps"),
    (
        "collection-health/credentials",
        "the demo's tenants are signed in to without a credential that ends",
    ),
];

/// The columns of every tile's result, as the language service has them.
fn bound(workbook: &Workbook) -> BTreeMap<String, Vec<Bound>> {
    let query = |(tab, item): (&str, &Item)| json!({ "name": format!("{tab}/{}", item.name), "text": with(&item.query, &[]).unwrap() });
    let bound = bind_beside_microsofts(workbook.items().map(query).collect());
    bound
        .into_iter()
        .map(|bound| {
            assert_eq!(bound.errors, [""; 0], "{}", bound.name);
            (bound.name, bound.columns)
        })
        .collect()
}

/// What a visual asks of the columns and they aren't.
fn missing(item: &Item, columns: &[Bound]) -> Vec<String> {
    let kind = |name: &str| {
        columns.iter().find(|column| column.name == name).map(|column| column.kind.as_str())
    };
    let mut wrong = Vec::new();
    let mut must = |name: &str, kinds: &[&str]| {
        let there = kind(name);
        if there.is_none_or(|kind| !kinds.is_empty() && !kinds.contains(&kind)) {
            wrong.push(format!("{name} is {there:?}, not {kinds:?}"));
        }
    };
    const NUMBERS: &[&str] = &["real", "long", "int", "decimal"];
    if let Some(chart) = &item.chart {
        must(
            &chart.x,
            if item.visual == Visual::Linechart { &["datetime"] } else { &["string", "datetime"] },
        );
        chart.y.iter().for_each(|name| must(name, NUMBERS));
        chart.series.iter().for_each(|name| must(name, &["string"]));
    }
    if let Some(tile) = &item.tile {
        must(&tile.title, &["string"]);
        must(&tile.value, NUMBERS);
        must(&tile.note, &["string"]);
        must(&tile.order, NUMBERS);
    }
    item.exports.iter().for_each(|export| must(&export.column, &["string"]));
    for column in &item.columns {
        must(&column.name, kinds_of(column, NUMBERS));
    }
    wrong
}

fn kinds_of<'a>(column: &Column, numbers: &'a [&'a str]) -> &'a [&'a str] {
    match column.format {
        Format::Number | Format::Bar => numbers,
        Format::Date => &["datetime"],
        Format::Status | Format::Url => &["string"],
        Format::Text | Format::Hidden => &[],
    }
}

#[test]
fn every_visual_names_columns_that_its_query_yields() {
    let workbook = workbook();
    let bound = bound(&workbook);

    for (tab, item) in workbook.items() {
        let (name, columns) =
            (format!("{tab}/{}", item.name), &bound[&format!("{tab}/{}", item.name)]);
        assert_eq!(missing(item, columns), Vec::<String>::new(), "{name}");
        if item.visual == Visual::Table {
            let named: Vec<_> = item.columns.iter().map(|column| column.name.as_str()).collect();
            let there: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!(named, there, "{name}");
        }
    }
    let mut wrong = workbook.tabs[0].1.items[2].clone();
    wrong.chart.as_mut().unwrap().y[0] = "Score".to_owned();
    assert_eq!(missing(&wrong, &bound["overview/trend"]).len(), 1, "the check has turned silent");
}

/// Rows that are chosen of a table: not every one of them has something below it.
const CHOSEN: usize = 3;

/// Some rows of a table: those whose key rows of devices refer to first, then others.
fn chosen<'a>(from: &'a [Value], column: &str, referred: &BTreeSet<String>) -> Vec<&'a Value> {
    let is_referred = |row: &&Value| row[column].as_str().is_some_and(|key| referred.contains(key));
    let (first, rest): (Vec<_>, Vec<_>) = from.iter().partition(is_referred);
    first.into_iter().chain(rest).take(CHOSEN).collect()
}

/// Keys of the recommendations that devices' settings refer to.
fn referred(rows: &Rows) -> BTreeSet<String> {
    let settings = rows["PostureDeviceConfigurationsFile"].iter();
    let references = settings.filter_map(|row| row["RecommendationReference"].as_str());
    let hex = |byte: &u8| format!("{byte:02x}");
    references
        .map(|text| digest(&SHA256, text.as_bytes()).as_ref().iter().map(hex).collect())
        .collect()
}

/// Rows of every tile: of those that a chosen row shows, what the first of some rows has.
pub async fn all_shown(workbook: &Workbook) -> Option<BTreeMap<String, Vec<Value>>> {
    let rows = rows().await;
    let mut all = at_first().await?.clone();
    let (referred, mut queries) = (referred(rows), Vec::new());
    for (tab, item) in workbook.items() {
        for export in item.exports.iter().filter(|export| export.parameter != "Tenant") {
            let from = &all[&format!("{tab}/{}", item.name)];
            let hidden =
                |(_, other): &(&str, &Item)| other.when.as_deref() == Some(&export.parameter);
            for row in chosen(from, &export.column, &referred) {
                let value = row[&export.column].as_str().unwrap();
                for (tab, other) in workbook.items().filter(hidden) {
                    let text = with(&other.query, &[(export.parameter.as_str(), value)]).unwrap();
                    let (name, now) = (format!("{tab}/{}", other.name), now(rows).to_string());
                    queries.push(json!({ "name": name, "text": text, "now": now, "hours": HOURS }));
                }
            }
        }
    }
    for answer in asked(rows, queries)? {
        assert_eq!(answer.refused, None, "{}", answer.name);
        let there = all.entry(answer.name).or_default();
        if there.is_empty() {
            *there = answer.rows;
        }
    }
    Some(all)
}

#[tokio::test]
async fn every_tile_shows_the_demos_tenants() {
    let (workbook, rows) = (workbook(), rows().await);
    let Some(all) = all_shown(&workbook).await else { return };
    let ids = tenants(rows);

    for (tab, item) in workbook.items() {
        let name = format!("{tab}/{}", item.name);
        let rows = &all[&name];
        let is_listed = EMPTY.iter().any(|(listed, _)| *listed == name);
        assert_eq!(rows.is_empty(), is_listed, "{name}");
        for row in rows {
            assert_row(&name, item, row, &ids);
        }
    }
}

/// A row's statuses have icons, its links name a tenant of ours, its ids can stand inside quotes.
fn assert_row(name: &str, item: &Item, row: &Value, ids: &BTreeMap<String, String>) {
    for column in &item.columns {
        let value = row[&column.name].as_str().unwrap_or_default();
        match column.format {
            Format::Status if !value.is_empty() => {
                let known = column.words.iter().any(|word| word == value);
                // A device may have no exposure, no risk and no group.
                assert!(
                    known || value == "None" || value == "Informational",
                    "{name}: {} is {value}",
                    column.name
                );
            }
            Format::Url if value.contains("security.microsoft.com") => {
                let tenant = value.split("?tid=").nth(1).unwrap_or_default();
                assert!(ids.values().any(|id| id == tenant), "{name}: {value}");
                assert!(value.starts_with("https://"), "{name}: {value}");
            }
            Format::Url => {
                assert!(value.is_empty() || value.starts_with("https://"), "{name}: {value}")
            }
            _ => {}
        }
    }
    for export in &item.exports {
        let value = row[&export.column].as_str().unwrap();
        let is_plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        assert!(is_plain && !value.is_empty(), "{name}: {value}");
    }
}
