//! How rows are shown, in the workbook's own form.

use super::part::{Chart, Colour, Column, Format, Item, TileLayout, Unit};
use super::words::icon;
use serde_json::{Value, json};

/// Numbers of the renderers of cells.
const TEXT: u8 = 1;
const BAR_BELOW: u8 = 4;
const HIDDEN: u8 = 5;
const DATE: u8 = 6;
const LINK: u8 = 7;
const BIG_NUMBER: u8 = 12;
const THRESHOLDS: u8 = 18;
const AUTOMATIC: u8 = 0;

/// Settings of a table.
///
/// # Errors
///
/// A status with a word that has no icon.
pub(super) fn grid(item: &Item) -> Result<Value, String> {
    let formatters: Result<Vec<_>, _> =
        item.columns.iter().map(|column| formatter(column, &item.columns)).collect();
    let labels = item.columns.iter().filter_map(|column| {
        Some(json!({ "columnId": column.name, "label": column.label.as_ref()? }))
    });
    let mut settings = json!({
        "formatters": formatters?,
        "filter": true,
        "labelSettings": labels.collect::<Vec<_>>(),
    });
    if let Some(rows) = item.rows {
        settings["rowLimit"] = rows.into();
    }
    Ok(settings)
}

fn formatter(column: &Column, all: &[Column]) -> Result<Value, String> {
    let number = match column.format {
        Format::Text => TEXT,
        Format::Hidden => HIDDEN,
        Format::Number => AUTOMATIC,
        Format::Bar => BAR_BELOW,
        Format::Date => DATE,
        Format::Status => THRESHOLDS,
        Format::Url => LINK,
    };
    let mut formatter = json!({ "columnMatch": matching(column, all), "formatter": number });
    match column.format {
        Format::Bar => {
            formatter["formatOptions"] = json!({ "min": 0, "palette": palette(column.colour) })
        }
        Format::Status => formatter["formatOptions"] = thresholds(column)?,
        Format::Url => {
            let text = column.text.as_deref().unwrap_or("Open");
            formatter["formatOptions"] = json!({ "linkTarget": "Url", "linkLabel": text });
        }
        _ => {}
    }
    if matches!(column.format, Format::Number | Format::Bar) {
        formatter["numberFormat"] = numbers(column.unit);
    }
    Ok(formatter)
}

/// A column's name as a formatter takes it: it is an expression, which would match longer names too.
fn matching(column: &Column, all: &[Column]) -> String {
    let name = &column.name;
    match all.iter().any(|other| other.name != *name && other.name.contains(name.as_str())) {
        true => format!("^{name}$"),
        false => name.clone(),
    }
}

fn thresholds(column: &Column) -> Result<Value, String> {
    let mut grid = Vec::new();
    for word in &column.words {
        let icon = icon(word).ok_or(format!("{}: {word} has no icon", column.name))?;
        grid.push(json!({ "operator": "==", "thresholdValue": word, "representation": icon, "text": "{0}{1}" }));
    }
    // What a service adds is shown as it is.
    grid.push(json!({ "operator": "Default", "thresholdValue": null, "representation": "Blank", "text": "{0}{1}" }));
    Ok(json!({ "thresholdsOptions": "icons", "thresholdsGrid": grid }))
}

const fn palette(colour: Colour) -> &'static str {
    match colour {
        Colour::Blue => "blue",
        Colour::Green => "green",
        Colour::Orange => "orange",
    }
}

fn numbers(unit: Unit) -> Value {
    let unit = match unit {
        Unit::None => 0,
        Unit::Percent => 1,
        Unit::Bytes => 2,
        Unit::Count => 17,
    };
    json!({ "unit": unit, "options": { "style": "decimal", "maximumFractionDigits": 2 } })
}

/// Settings of a chart.
pub(super) fn chart(chart: &Chart) -> Value {
    let mut settings = json!({
        "xAxis": chart.x,
        "yAxis": chart.y,
        "showLegend": true,
        "ySettings": { "numberFormatSettings": numbers(chart.unit) },
    });
    if let Some(series) = &chart.series {
        settings["group"] = series.as_str().into();
        settings["createOtherGroup"] = 20.into();
    }
    settings
}

/// Settings of tiles.
pub(super) fn tiles(layout: &TileLayout) -> Value {
    json!({
        "titleContent": { "columnMatch": layout.title, "formatter": TEXT },
        "leftContent": {
            "columnMatch": layout.value,
            "formatter": BIG_NUMBER,
            "formatOptions": { "palette": "auto" },
            "numberFormat": numbers(Unit::Count),
        },
        "secondaryContent": { "columnMatch": layout.note, "formatter": TEXT },
        "showBorder": true,
        "sortCriteriaField": layout.order,
        "sortOrderField": 1,
    })
}
