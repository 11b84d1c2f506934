//! The tabs as pictures for the docs, laid out from the workbook's own parts with the demo's rows by the
//! report's chart library: no screenshots of Azure.
//!
//! `RENEW_FIGURES=1 cargo test --test all -- content::workbook::picture` draws them anew.

mod charts;
mod draw;
mod table;

use super::tiles::all_shown;
use super::workbook;
use content::workbook::{Item, Size, Tab, Visual, Workbook};
use draw::{ACCENT, Area, FAINT, INK, TITLE_SIZE, label, line, rectangle, texts_of_size};
use serde_json::Value;
use std::collections::BTreeMap;

const WIDTH: i32 = 1200;
const MARGIN: i32 = 16;
const GAP: i32 = 12;
/// Where tiles begin, below the name, the filters and the tabs.
const TOP: i32 = 118;

type Shown = BTreeMap<String, Vec<Value>>;

/// A tile's place: left, top, width, height.
#[derive(Clone, Copy)]
struct Place(i32, i32, i32, i32);

const fn height(item: &Item) -> i32 {
    match (item.visual, item.size) {
        (Visual::Tiles, _) => 132,
        (_, Size::Large) => 300,
        (Visual::Table, Size::Small) => 150,
        (Visual::Table, _) => 210,
        _ => 240,
    }
}

/// Places of tiles: beside one another as long as their shares of the width fit, as the portal lays them out.
fn places(items: &[Item]) -> (Vec<Place>, i32) {
    let whole = WIDTH - 2 * MARGIN;
    let (mut places, mut used, mut top, mut row) = (Vec::new(), 0, TOP, 0);
    for item in items {
        let share = i32::try_from(item.width).unwrap();
        if used + share > 100 {
            (top, used, row) = (top + row + GAP, 0, 0);
        }
        let inset = if used > 0 { GAP / 2 } else { 0 };
        let left = MARGIN + whole * used / 100 + inset;
        let width = whole * share / 100 - inset - if used + share < 100 { GAP / 2 } else { 0 };
        places.push(Place(left, top, width, height(item)));
        used += share;
        row = row.max(height(item));
    }
    (places, top + row + MARGIN)
}

fn picture(workbook: &Workbook, name: &str, tab: &Tab, shown: &Shown) -> String {
    let (places, height) = places(&tab.items);
    draw::svg((WIDTH, height), |area| {
        head(area, workbook, name);
        for (item, place) in tab.items.iter().zip(&places) {
            let rows = shown.get(&format!("{name}/{}", item.name)).map_or(&[][..], Vec::as_slice);
            tile(area, item, *place, rows);
        }
    })
}

fn head(area: &Area<'_>, workbook: &Workbook, name: &str) {
    label(area, (MARGIN, 16), &workbook.frame.title, 22, INK);
    let days = workbook.frame.time_range.default;
    label(area, (MARGIN, 50), &format!("Time range: Last {days} days  ·  Tenant: All"), 13, ACCENT);
    let mut left = MARGIN;
    for (other, tab) in &workbook.tabs {
        let width = i32::try_from(tab.label.chars().count()).unwrap() * 8 + 24;
        label(area, (left, 82), &tab.label, 14, if other == name { ACCENT } else { INK });
        if other == name {
            rectangle(area, (left, 102, width - 24, 3), ACCENT);
        }
        left += width;
    }
    line(area, &[(MARGIN, 106), (WIDTH - MARGIN, 106)], FAINT, 1);
}

fn tile(area: &Area<'_>, item: &Item, place: Place, rows: &[Value]) {
    let Place(left, top, width, height) = place;
    draw::outline(area, (left, top, width, height));
    let title = draw::cut(&item.title, width - 20, TITLE_SIZE);
    label(area, (left + 10, top + 8), &title, TITLE_SIZE, INK);
    let inner = Place(left + 10, top + 32, width - 20, height - 42);
    if rows.is_empty() {
        let empty = item.empty.split_whitespace().collect::<Vec<_>>().join(" ");
        label(area, (inner.0, inner.1), &draw::cut(&empty, inner.2, 12), 12, draw::GREY);
        return;
    }
    match item.visual {
        Visual::Table => table::table(area, item, inner, rows),
        Visual::Tiles => table::tiles(area, item.tile.as_ref().unwrap(), inner, rows),
        Visual::Linechart => charts::lines(area, item.chart.as_ref().unwrap(), inner, rows),
        Visual::Barchart => charts::bars(area, item.chart.as_ref().unwrap(), inner, rows),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "no setting: whoever runs the tests renews what they expect"
)]
fn renews() -> bool {
    std::env::var_os("RENEW_FIGURES").is_some()
}

/// Titles of tiles as a picture of the parts has them, whatever the rows are.
fn titles(tab: &Tab) -> Vec<String> {
    let (places, _) = places(&tab.items);
    tab.items
        .iter()
        .zip(places)
        .map(|(item, place)| draw::cut(&item.title, place.2 - 20, TITLE_SIZE))
        .collect()
}

#[tokio::test]
async fn every_tab_has_a_picture_of_its_tiles() {
    let workbook = workbook();
    let shown = if renews() { all_shown(&workbook).await } else { None };
    let figures = crate::support::tools::root().join("docs/figures");

    for (name, tab) in &workbook.tabs {
        let file = figures.join(format!("workbook-{name}.svg"));
        if let Some(shown) = &shown {
            std::fs::write(&file, picture(&workbook, name, tab, shown)).unwrap();
        }
        let there = std::fs::read_to_string(&file).unwrap_or_default();
        let renew = "RENEW_FIGURES=1 cargo test --test all -- content::workbook::picture";
        assert_eq!(texts_of_size(&there, TITLE_SIZE), titles(tab), "{name}: renew it with {renew}");
        for heading in tab.items.iter().filter_map(table::first_heading) {
            assert!(
                there.contains(&draw::escaped(&heading)),
                "{name}: {heading}: renew it with {renew}"
            );
        }
    }
}
