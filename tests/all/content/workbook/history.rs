//! `PostureScoreHistory()`: each score once a day, of complete runs alone.

use super::{now, rows, second_run};
use crate::kql::{Rows, asked};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn history(rows: &Rows) -> Option<Vec<Value>> {
    let text = "PostureScoreHistory()";
    let query =
        json!({ "name": text, "text": text, "now": now(rows).to_string(), "hours": super::HOURS });
    let answer = asked(rows, vec![query])?.remove(0);
    assert_eq!(answer.refused, None);
    Some(answer.rows)
}

#[tokio::test]
async fn a_score_is_there_once_a_day() {
    let rows = rows().await;
    let Some(history) = history(rows) else { return };

    let key =
        |row: &Value| ["AadTenantId", "Score", "Scope", "Day"].map(|key| row[key].to_string());
    assert_eq!(history.iter().map(key).collect::<BTreeSet<_>>().len(), history.len());
    let of = |score: &str, tenant: &str| {
        let is_it = |row: &&Value| {
            row["Score"] == score && row["Scope"] == "" && row["TenantName"] == tenant
        };
        history.iter().filter(is_it).count()
    };
    for score in ["Exposure score", "Device secure score", "Azure secure score"] {
        assert_eq!(of(score, "Contoso"), 2, "{score}: a run on each of two days");
    }
    assert_eq!(
        of("Exposure score", "Northwind"),
        1,
        "its permission was withdrawn on the second day"
    );
    assert!(of("Secure Score", "Contoso") >= 90, "the first run brings 90 days");
}

/// A tenant's score is its subscriptions' by their weight: what Microsoft's portal shows.
#[tokio::test]
async fn a_tenants_azure_score_is_its_subscriptions_by_weight() {
    let rows = rows().await;
    let Some(history) = history(rows) else { return };
    let run = second_run(rows);
    let scores = rows["PostureAzureSecureScores_CL"].iter();
    let scores =
        scores.filter(|row| row["RunId"] == run.as_str() && row["TenantName"] == "Contoso");
    let (sum, weight) = scores.fold((0.0, 0.0), |(sum, all), row| {
        let number = |key: &str| row[key].as_f64().unwrap();
        let share = 100.0 * number("currentScore") / number("maxScore");
        (sum + share * number("weight"), all + number("weight"))
    });

    let is_it = |row: &&Value| {
        row["Score"] == "Azure secure score" && row["Scope"] == "" && row["TenantName"] == "Contoso"
    };
    let newest = history.iter().filter(is_it).max_by_key(|row| row["Day"].to_string()).unwrap();
    assert!((newest["Percent"].as_f64().unwrap() - sum / weight).abs() < 0.01, "{newest}");
}

#[tokio::test]
async fn a_run_that_is_not_complete_has_no_score() {
    let mut rows = rows().await.clone();
    let second = second_run(&rows);
    let source = "defender.exposure_score";
    for row in rows.get_mut("PostureRuns_CL").unwrap() {
        if row["RunId"] == second.as_str() && row["Source"] == source {
            row["Status"] = "failed".into();
        }
    }
    let Some(history) = history(&rows) else { return };

    let is_it = |row: &&Value| row["Score"] == "Exposure score" && row["Scope"] == "";
    assert_eq!(history.iter().filter(is_it).count(), 3, "the first day's of each tenant");
}
