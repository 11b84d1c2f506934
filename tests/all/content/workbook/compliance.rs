//! Regulatory compliance: the tiles' figures against a count of the raw rows.

use super::{at_first, rows, second_run};
use serde_json::Value;
use std::collections::BTreeMap;

/// Passed, failed, skipped and unsupported controls of each standard of each tenant.
type Counts = BTreeMap<(String, String), [f64; 4]>;

const COLUMNS: [&str; 4] =
    ["passedControls", "failedControls", "skippedControls", "unsupportedControls"];

/// The newest run's rows, each standard of a subscription once.
fn counted(rows: &[Value], run: &str) -> Counts {
    let of_run = rows.iter().filter(|row| row["RunId"] == run);
    let once: BTreeMap<_, _> = of_run.map(|row| (row["id"].as_str().unwrap(), row)).collect();
    let mut counts = Counts::new();
    for row in once.values() {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        let sums = counts.entry((text("TenantName"), text("name"))).or_default();
        for (sum, column) in sums.iter_mut().zip(COLUMNS) {
            *sum += row[column].as_f64().unwrap_or(0.0);
        }
    }
    counts
}

#[tokio::test]
async fn a_standards_share_is_passed_of_passed_and_failed() {
    let rows = rows().await;
    let Some(all) = at_first().await else { return };
    let expected = counted(&rows["PostureAzureComplianceStandards_CL"], &second_run(rows));
    assert!(expected.values().any(|[_, _, skipped, _]| *skipped > 0.0), "nothing is skipped");

    let mut there = Counts::new();
    for row in &all["azure/standards"] {
        let number = |key: &str| row[key].as_f64().unwrap();
        let counts = ["Passed", "Failed", "Skipped", "Unsupported"].map(number);
        let share = 100.0 * counts[0] / (counts[0] + counts[1]);
        assert!((number("Share") - share).abs() <= 0.05, "{row}");
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        there.insert((text("TenantName"), text("StandardName")), counts);
    }
    assert_eq!(there, expected);
}

/// A skipped control counts as skipped, whatever its assessments are.
#[tokio::test]
async fn controls_are_counted_by_the_state_that_microsoft_gives() {
    let rows = rows().await;
    let Some(all) = at_first().await else { return };
    let run = second_run(rows);
    let controls =
        rows["PostureAzureComplianceControls_CL"].iter().filter(|row| row["RunId"] == run.as_str());
    let once: BTreeMap<_, _> = controls.map(|row| (row["id"].as_str().unwrap(), row)).collect();
    let mut expected: BTreeMap<(String, String), i64> = BTreeMap::new();
    for (id, row) in once {
        let standard = id.split("/regulatoryComplianceStandards/").nth(1).unwrap();
        let standard = standard.split('/').next().unwrap().to_owned();
        *expected.entry((standard, row["state"].as_str().unwrap().to_owned())).or_default() += 1;
    }

    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let there = all["azure/compliance-states"].iter();
    let there = there.map(|row| {
        ((text(&row["Standard"]), text(&row["state"])), row["Controls"].as_i64().unwrap())
    });
    assert_eq!(there.collect::<BTreeMap<_, _>>(), expected);
    assert!(expected.keys().any(|(_, state)| state == "Skipped"));
}
