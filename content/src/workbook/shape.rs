//! The workbook in the portal's form, `Notebook/1.0`.
//!
//! <https://learn.microsoft.com/azure/azure-monitor/visualize/workbooks-create-workbook>

use super::needs::needs;
use super::part::{Frame, Item, Size, Tab, Visual};
use super::{Workbook, visual};
use serde_json::{Value, json};

/// Numbers of the kinds of items.
const TEXT: u8 = 1;
const QUERY: u8 = 3;
const PARAMETERS: u8 = 9;
const LINKS: u8 = 11;
const GROUP: u8 = 12;

/// Numbers of the kinds of parameters.
const DROP_DOWN: u8 = 2;
const TIME_RANGE: u8 = 4;

const WORKSPACES: &str = "microsoft.operationalinsights/workspaces";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The parameter that a tab sets.
const TAB: &str = "Tab";
/// The filter that a row of the tenants sets too.
const TENANT: &str = "Tenant";

/// The workbook as the portal takes it.
///
/// # Errors
///
/// The tile that is wrong, and how.
pub fn shape(workbook: &Workbook) -> Result<Value, String> {
    let Workbook { frame, tabs } = workbook;
    let about = json!({
        "type": TEXT, "content": { "json": format!("# {}\n{}", frame.title, frame.about) }, "name": "about",
    });
    let mut items = vec![about, filters(frame), choice(tabs)];
    for (name, tab) in tabs {
        items.push(group(name, tab)?);
    }
    Ok(json!({
        "version": "Notebook/1.0",
        "items": items,
        "fromTemplateId": "sentinel-SecurityPosture",
        "$schema": "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json",
    }))
}

fn filters(frame: &Frame) -> Value {
    let range = |days: u32| json!({ "durationMs": u64::from(days) * DAY_MS });
    let ranges: Vec<_> = frame.time_range.days.iter().map(|days| range(*days)).collect();
    let time = json!({
        "id": id("TimeRange"), "version": "KqlParameterItem/1.0", "name": "TimeRange", "label": "Time range",
        "type": TIME_RANGE, "isRequired": true, "isGlobal": true, "value": range(frame.time_range.default),
        "typeSettings": { "selectableValues": ranges, "allowCustom": true },
    });
    // Ids without quotes: queries put the list inside quotes of their own, and an id has none.
    let tenant = json!({
        "id": id(TENANT), "version": "KqlParameterItem/1.0", "name": TENANT, "label": "Tenant", "type": DROP_DOWN,
        "isRequired": true, "isGlobal": true, "multiSelect": true, "quote": "", "delimiter": ",",
        "query": frame.tenants, "queryType": 0, "resourceType": WORKSPACES,
        "timeContextFromParameter": "TimeRange",
        "typeSettings": {
            "additionalResourceOptions": ["value::all"], "selectAllValue": "*", "showDefault": false,
        },
        "defaultValue": "value::all", "value": ["value::all"],
    });
    json!({
        "type": PARAMETERS,
        "content": {
            "version": "KqlParameterItem/1.0", "style": "pills", "queryType": 0, "resourceType": WORKSPACES,
            "parameters": [time, tenant],
        },
        "name": "filters",
    })
}

fn choice(tabs: &[(String, Tab)]) -> Value {
    let link = |(name, tab): &(String, Tab)| {
        json!({
            "id": id(name), "cellValue": TAB, "linkTarget": "parameter", "linkLabel": tab.label,
            "subTarget": name, "style": "link",
        })
    };
    json!({
        "type": LINKS,
        "content": {
            "version": "LinkItem/1.0", "style": "tabs", "links": tabs.iter().map(link).collect::<Vec<_>>(),
        },
        "name": "tabs",
    })
}

fn group(name: &str, tab: &Tab) -> Result<Value, String> {
    let about = json!({
        "type": TEXT, "content": { "json": tab.about, "style": "info" }, "name": format!("{name}-about"),
    });
    let tiles = tab.items.iter().map(|item| tile(name, item));
    let items: Result<Vec<_>, _> = std::iter::once(Ok(about)).chain(tiles).collect();
    Ok(json!({
        "type": GROUP,
        "content": { "version": "NotebookGroup/1.0", "groupType": "editable", "items": items? },
        "conditionalVisibility": { "parameterName": TAB, "comparison": "isEqualTo", "value": name },
        "name": name,
    }))
}

fn tile(tab: &str, item: &Item) -> Result<Value, String> {
    let wrong = |problem: String| format!("{tab}/{}: {problem}", item.name);
    let mut content = json!({
        "version": "KqlItem/1.0",
        "query": item.query,
        "size": size(item.size),
        "title": item.title,
        "noDataMessage": format!("{} {}", item.empty, needs(&item.query)?.sentence()),
        "timeContextFromParameter": "TimeRange",
        "queryType": 0,
        "resourceType": WORKSPACES,
    });
    let (visual, settings, value) = match (item.visual, &item.chart, &item.tile) {
        (Visual::Table, None, None) => {
            ("table", "gridSettings", visual::grid(item).map_err(wrong)?)
        }
        (Visual::Tiles, None, Some(layout)) => ("tiles", "tileSettings", visual::tiles(layout)),
        (Visual::Linechart, Some(chart), None) => {
            ("linechart", "chartSettings", visual::chart(chart))
        }
        (Visual::Barchart, Some(chart), None) => {
            ("barchart", "chartSettings", visual::chart(chart))
        }
        _ => {
            return Err(wrong(
                "chart belongs to charts, tile to tiles, neither to a table".to_owned(),
            ));
        }
    };
    content["visualization"] = visual.into();
    content[settings] = value;
    if item.visual == Visual::Table {
        content["showExportToExcel"] = true.into();
    }
    if let Some(export) = item.exports.first() {
        content["exportFieldName"] = export.column.as_str().into();
        content["exportParameterName"] = export.parameter.as_str().into();
        // The filter keeps what it is until a row is chosen.
        if export.parameter != TENANT {
            content["exportDefaultValue"] = "".into();
        }
    }
    let mut tile =
        json!({ "type": QUERY, "content": content, "name": format!("{tab}-{}", item.name) });
    if item.width != 100 {
        tile["customWidth"] = item.width.to_string().into();
    }
    if let Some(parameter) = &item.when {
        tile["conditionalVisibility"] =
            json!({ "parameterName": parameter, "comparison": "isNotEqualTo" });
    }
    Ok(tile)
}

const fn size(size: Size) -> u8 {
    match size {
        Size::Medium => 0,
        Size::Small => 1,
        Size::Large => 2,
        Size::Tiny => 4,
    }
}

/// An id in the form of a GUID that a name always gets (FNV-1a of it, twice).
fn id(name: &str) -> String {
    let hash = |seed: u64| {
        name.bytes()
            .fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let text = format!("{:016x}{:016x}", hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4));
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}
