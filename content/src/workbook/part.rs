//! What a part of the workbook holds, as it stands in its YAML file.

use serde::Deserialize;

/// What stands above the tabs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// The workbook's name.
    pub title: String,
    /// What it says below its name, as Markdown.
    pub about: String,
    /// The filter of time.
    pub time_range: TimeRange,
    /// KQL of the tenants to choose from: `value`, `label`.
    pub tenants: String,
}

/// The time ranges that can be chosen, in days.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeRange {
    /// Those offered.
    pub days: Vec<u32>,
    /// The one that the workbook opens with.
    pub default: u32,
}

/// A tab.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tab {
    /// What the tab is called.
    pub label: String,
    /// What it says above its tiles, as Markdown.
    pub about: String,
    /// Its tiles in order.
    pub items: Vec<Item>,
}

/// A tile: one query, and how its rows are shown.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its name, once in its tab.
    pub name: String,
    /// What stands above it.
    pub title: String,
    /// What it shows, in words, for the page about the content.
    pub shows: String,
    /// How its rows are shown.
    pub visual: Visual,
    /// How high it is.
    #[serde(default)]
    pub size: Size,
    /// Its share of the width, in percent.
    #[serde(default = "whole")]
    pub width: u32,
    /// Most rows of a table.
    pub rows: Option<u32>,
    /// Why there may be nothing to show.
    pub empty: String,
    /// The parameter without which it is hidden.
    pub when: Option<String>,
    /// What a chosen row sets.
    #[serde(default)]
    pub exports: Vec<Export>,
    /// Columns of a table: all that the query gives, in order.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// Axes of a chart.
    pub chart: Option<Chart>,
    /// Parts of a tile, where rows are shown as tiles.
    pub tile: Option<TileLayout>,
    /// KQL, with parameters in braces.
    pub query: String,
}

const fn whole() -> u32 {
    100
}

/// How rows are shown.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the workbook's own words")]
pub enum Visual {
    Table,
    Tiles,
    Linechart,
    Barchart,
}

/// How high a tile is.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the workbook's own words")]
pub enum Size {
    #[default]
    Medium,
    Small,
    Large,
    Tiny,
}

/// What a chosen row of a table sets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The column whose value is taken: an id of letters, digits, dots, dashes and underscores.
    pub column: String,
    /// The parameter that gets it.
    pub parameter: String,
}

/// A column of a table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name in the query's result.
    pub name: String,
    /// What stands above it; its name where there is none.
    pub label: Option<String>,
    /// How its values are shown.
    #[serde(default, rename = "as")]
    pub format: Format,
    /// What its numbers count.
    #[serde(default)]
    pub unit: Unit,
    /// Colour of a bar.
    #[serde(default)]
    pub colour: Colour,
    /// Words that a status can be.
    #[serde(default)]
    pub words: Vec<String>,
    /// What a link reads.
    pub text: Option<String>,
}

impl Column {
    /// What stands above the column.
    #[must_use]
    pub fn heading(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }
}

/// How a column's values are shown.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// As they are.
    #[default]
    Text,
    /// Not at all.
    Hidden,
    /// As a number.
    Number,
    /// As a number with a bar below it.
    Bar,
    /// As a date.
    Date,
    /// As a word with an icon.
    Status,
    /// As a link to the address that they are.
    Url,
}

/// What numbers count.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "units")]
pub enum Unit {
    #[default]
    None,
    Count,
    Percent,
    Bytes,
}

/// Colour of a bar.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "colours")]
pub enum Colour {
    #[default]
    Blue,
    Green,
    Orange,
}

/// Axes of a chart.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// The column along the axis.
    pub x: String,
    /// The columns that are drawn.
    pub y: Vec<String>,
    /// The column that tells lines or bars apart.
    pub series: Option<String>,
    /// What the numbers count.
    #[serde(default)]
    pub unit: Unit,
}

/// Parts of a tile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TileLayout {
    /// The column that stands above.
    pub title: String,
    /// The column that is the figure.
    pub value: String,
    /// The column that stands below.
    pub note: String,
    /// The column that tiles are ordered by.
    pub order: String,
}
