//! Rows as a table and as tiles.

use super::Place;
use super::draw::{ACCENT, Area, FAINT, GREY, INK, RGB, cut, dot, label, line, outline, rectangle};
use content::workbook::{Colour, Column, Format, Item, TileLayout, Unit, icon};
use serde_json::Value;

const ROW: i32 = 22;
const SIZE: i32 = 12;
/// Columns that fit beside one another; a table of the portal scrolls.
const COLUMNS: usize = 10;

/// The heading of a table's first column, which is never cut.
pub fn first_heading(item: &Item) -> Option<String> {
    columns(item).next().map(|column| column.heading().to_owned())
}

fn columns(item: &Item) -> impl Iterator<Item = &Column> {
    item.columns.iter().filter(|column| column.format != Format::Hidden).take(COLUMNS)
}

pub fn table(area: &Area<'_>, item: &Item, place: Place, rows: &[Value]) {
    let Place(left, top, width, height) = place;
    let most = usize::try_from(height / ROW - 1).unwrap();
    let rows = &rows[..rows.len().min(most)];
    let columns: Vec<_> = columns(item).collect();
    let widths = widths(&columns, rows, width);
    let mut x = left;
    for (column, width) in columns.iter().zip(&widths) {
        label(area, (x, top), &cut(column.heading(), *width - 8, SIZE), SIZE, GREY);
        let largest = rows.iter().filter_map(|row| row[&column.name].as_f64()).fold(0.0, f64::max);
        for (row, y) in rows.iter().zip((1..).map(|at| top + at * ROW)) {
            cell(area, column, (x, y, *width - 8), &row[&column.name], largest);
        }
        x += width;
    }
    for at in 1..=i32::try_from(rows.len()).unwrap() {
        line(area, &[(left, top + at * ROW - 4), (left + width, top + at * ROW - 4)], FAINT, 1);
    }
}

/// Widths of columns by what is in them.
fn widths(columns: &[&Column], rows: &[Value], width: i32) -> Vec<i32> {
    let wants = |column: &&&Column| {
        let longest = rows.iter().map(|row| text(column, &row[&column.name]).chars().count()).max();
        longest.unwrap_or(0).max(column.heading().chars().count()).clamp(7, 44) + 2
    };
    let wanted: Vec<usize> = columns.iter().map(|column| wants(&column)).collect();
    let all: usize = wanted.iter().sum();
    wanted
        .iter()
        .map(|want| width * i32::try_from(*want).unwrap() / i32::try_from(all).unwrap())
        .collect()
}

fn cell(
    area: &Area<'_>,
    column: &Column,
    (x, y, width): (i32, i32, i32),
    value: &Value,
    largest: f64,
) {
    let text = text(column, value);
    match column.format {
        Format::Status if !text.is_empty() => {
            dot(area, (x + 4, y + 6), colour_of(icon(&text)));
            label(area, (x + 13, y), &cut(&text, width - 13, SIZE), SIZE, INK);
        }
        Format::Bar => {
            label(area, (x, y), &cut(&text, width, SIZE), SIZE, INK);
            let share = if largest > 0.0 { value.as_f64().unwrap_or(0.0) / largest } else { 0.0 };
            let colour = match column.colour {
                Colour::Blue => ACCENT,
                Colour::Green => RGB(44, 138, 90),
                Colour::Orange => RGB(214, 118, 24),
            };
            rectangle(area, (x, y + 13, (f64::from(width) * share) as i32, 3), colour);
        }
        Format::Url if !text.is_empty() => {
            label(area, (x, y), column.text.as_deref().unwrap_or("Open"), SIZE, ACCENT);
        }
        _ => label(area, (x, y), &cut(&text, width, SIZE), SIZE, INK),
    }
}

fn colour_of(icon: Option<&str>) -> RGB {
    match icon {
        Some("success") => RGB(44, 138, 90),
        Some("4") => RGB(190, 60, 70),
        Some("2" | "3") => RGB(214, 118, 24),
        Some("1") => RGB(220, 180, 60),
        _ => FAINT,
    }
}

/// A value as the portal shows it, more or less.
fn text(column: &Column, value: &Value) -> String {
    match (column.format, value) {
        (_, Value::Null) => String::new(),
        (Format::Date, Value::String(time)) => time.replace('T', " ").chars().take(16).collect(),
        (Format::Url, Value::String(url)) if !url.is_empty() => "Open".to_owned(),
        (_, Value::String(text)) => text.clone(),
        (_, number) => {
            number.as_f64().map_or(number.to_string(), |number| self::number(column.unit, number))
        }
    }
}

pub fn number(unit: Unit, number: f64) -> String {
    let plain = |number: f64| {
        let text = format!("{number:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match unit {
        Unit::Percent => format!("{} %", plain(number)),
        Unit::Bytes if number >= 1e12 => format!("{:.1} TB", number / 1e12),
        Unit::Bytes if number >= 1e9 => format!("{:.1} GB", number / 1e9),
        Unit::Bytes if number >= 1e6 => format!("{:.1} MB", number / 1e6),
        Unit::Bytes if number >= 1e3 => format!("{:.1} kB", number / 1e3),
        _ => plain(number),
    }
}

pub fn tiles(area: &Area<'_>, layout: &TileLayout, place: Place, rows: &[Value]) {
    let Place(left, top, width, height) = place;
    let each = (width / i32::try_from(rows.len().max(4)).unwrap()).min(240);
    for (row, x) in rows.iter().zip((0..).map(|at| left + at * each)) {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        outline(area, (x, top, each - 10, height));
        label(area, (x + 10, top + 8), &cut(&text(&layout.title), each - 24, 12), 12, INK);
        let value = number(Unit::Count, row[&layout.value].as_f64().unwrap_or_default());
        label(area, (x + 10, top + 28), &value, 26, ACCENT);
        label(area, (x + 10, top + 64), &cut(&text(&layout.note), each - 20, 11), 11, GREY);
    }
}
