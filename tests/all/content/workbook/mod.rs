//! The workbook: its form, and what each of its tiles shows of the demo's tenants.

mod compliance;
mod filters;
mod form;
mod history;
mod picture;
mod samples;
mod tiles;

use super::workspace;
use crate::kql::{Answer, Rows, asked};
use content::workbook::{Item, Workbook, read, with};
use jiff::{SignedDuration, Timestamp};
use posture::source::EVERYONE;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::sync::OnceCell;

/// The time range that the workbook opens with.
const HOURS: u32 = 14 * 24;

/// The demo's rows, with the clock of a day later in those of the second run. It was planned for then, and
/// the process that carried it out has no clock but the real one.
async fn rows() -> &'static Rows {
    static ROWS: OnceCell<Rows> = OnceCell::const_new();
    ROWS.get_or_init(|| async { a_day_later(workspace::demo().await.clone()) }).await
}

fn a_day_later(mut rows: Rows) -> Rows {
    let second = second_run(&rows);
    for row in rows.values_mut().flatten().filter(|row| row["RunId"] == second.as_str()) {
        for key in ["TimeGenerated", "CollectedTime", "Began", "Ended"] {
            if let Some(time) = row[key].as_str() {
                let time: Timestamp = time.parse().unwrap();
                row[key] = (time + SignedDuration::from_hours(25)).to_string().into();
            }
        }
    }
    rows
}

/// The id of the newer of the two runs.
fn second_run(rows: &Rows) -> String {
    let ids = rows["PostureRuns_CL"].iter().filter_map(|row| row["RunId"].as_str());
    ids.max().unwrap().to_owned()
}

/// A moment after the last row.
fn now(rows: &Rows) -> Timestamp {
    let times = rows["PostureRuns_CL"].iter().filter_map(|row| row["Ended"].as_str());
    let newest: Timestamp = times.map(|time| time.parse().unwrap()).max().unwrap();
    newest + SignedDuration::from_mins(30)
}

/// Values of parameters.
type Values<'a> = &'a [(&'a str, &'a str)];

/// What tiles show with these values of parameters, by `tab/name`; none where the engine isn't installed.
fn shown(
    rows: &Rows,
    at: Timestamp,
    workbook: &Workbook,
    chosen: impl Fn(&Item) -> bool,
    values: Values<'_>,
) -> Option<BTreeMap<String, Vec<Value>>> {
    let items = workbook.items().filter(|(_, item)| chosen(item));
    let query = |(tab, item): (&str, &Item)| {
        let text = with(&item.query, values).unwrap();
        json!({ "name": format!("{tab}/{}", item.name), "text": text, "now": at.to_string(), "hours": HOURS })
    };
    let answers = asked(rows, items.map(query).collect())?;
    Some(answers.into_iter().map(of_answer).collect())
}

fn of_answer(answer: Answer) -> (String, Vec<Value>) {
    assert_eq!(answer.refused, None, "{}", answer.name);
    (answer.name, answer.rows)
}

/// What every tile shows of the demo's tenants before a row is chosen, asked once for all tests.
async fn at_first() -> Option<&'static BTreeMap<String, Vec<Value>>> {
    static SHOWN: OnceCell<Option<BTreeMap<String, Vec<Value>>>> = OnceCell::const_new();
    let rows = rows().await;
    SHOWN.get_or_init(|| async { shown(rows, now(rows), &workbook(), opened, &[]) }).await.as_ref()
}

fn opened(item: &Item) -> bool {
    item.when.is_none()
}

/// The demo's tenants by name, without the one that stands for all.
fn tenants(rows: &Rows) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows["PostureRuns_CL"]
        .iter()
        .filter(|row| row["AadTenantId"] != EVERYONE)
        .map(|row| (text(&row["TenantName"]), text(&row["AadTenantId"])))
        .collect()
}

fn workbook() -> Workbook {
    read().unwrap()
}
