//! Tiles that show nothing of the demo's tenants, with rows that they would show.

use super::{now, rows, second_run, shown, workbook};
use crate::kql::Rows;
use content::workbook::Item;
use serde_json::{Value, json};

/// What a tile shows of the demo's rows and one more: a row of the second run, changed.
async fn with_one_more(tile: &str, stream: &str, change: Value) -> Option<Vec<Value>> {
    let mut all: Rows = rows().await.clone();
    let second = second_run(&all);
    let is_ours = |row: &&Value| row["RunId"] == second.as_str() && row["Status"] != "refused";
    let mut row = all[stream].iter().find(is_ours).unwrap().clone();
    for (key, value) in change.as_object().unwrap() {
        row[key] = value.clone();
    }
    all.get_mut(stream).unwrap().push(row);
    let is_it = |item: &Item| tile.ends_with(&format!("/{}", item.name));
    shown(&all, now(&all), &workbook(), is_it, &[])?.remove(tile)
}

#[tokio::test]
async fn an_app_that_only_the_second_run_has_is_new() {
    let app =
        json!({ "id": "99999", "displayName": "Invented newcomer", "RecordId": "0".repeat(32) });
    let Some(rows) = with_one_more("shadow-it/new-apps", "PostureCloudApps_CL", app).await else {
        return;
    };

    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["App"], "Invented newcomer");
}

/// The first run in the time range brings what was there before: nothing of it is new, unless Cloud
/// Discovery says when it first saw it.
#[tokio::test]
async fn an_app_that_cloud_discovery_first_saw_in_the_time_range_is_new() {
    let seen = now(rows().await) - jiff::SignedDuration::from_hours(48);
    let app = json!({ "firstSeenDateTime": seen.to_string(), "RecordId": "0".repeat(32) });
    let Some(rows) = with_one_more("shadow-it/new-apps", "PostureCloudApps_CL", app).await else {
        return;
    };

    assert_eq!(rows.len(), 1, "{rows:?}");
}

#[tokio::test]
async fn a_credential_that_ends_soon_shows_with_its_days() {
    let at = now(rows().await);
    let ended = at - jiff::SignedDuration::from_mins(1);
    let report = json!({
        "CredentialEnds": (at + jiff::SignedDuration::from_hours(24 * 9)).to_string(), "Ended": ended.to_string(),
        "Source": "graph.control_profiles",
    });
    let tile = "collection-health/credentials";
    let Some(rows) = with_one_more(tile, "PostureRuns_CL", report).await else { return };

    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["Verdict"], "soon");
    assert!((8..=9).contains(&rows[0]["DaysLeft"].as_i64().unwrap()), "{rows:?}");
}

#[tokio::test]
async fn throttled_answers_are_counted() {
    let report =
        json!({ "Throttled": 7, "Source": "graph.control_profiles", "RunId": "20261127T000000Z" });
    let tile = "collection-health/throttling";
    let Some(rows) = with_one_more(tile, "PostureRuns_CL", report).await else { return };

    assert_eq!(rows.iter().filter_map(|row| row["Throttled"].as_i64()).sum::<i64>(), 7, "{rows:?}");
}
