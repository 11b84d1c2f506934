//! Which run's rows are a table's state, told by what the runs reported.

use super::engine::{Rows, answers};
use posture::kql::name_of;
use posture::source::{DEVICES, RUNS, Source, VULNERABILITIES};
use serde_json::json;

/// A run's status, and how many pages it read; records it kept, sent, withheld and rejected.
type Reported = (&'static str, [u32; 5]);

const SENT: Reported = ("complete", [1, 1, 1, 0, 0]);

/// A tenant: its source, what its runs reported, and the run, from 0, whose row is the state.
struct Case(&'static str, Source, &'static [Reported], Option<usize>);

const CASES: &[Case] = &[
    Case("newer", DEVICES, &[SENT, SENT], Some(1)),
    Case("withheld", DEVICES, &[SENT, ("complete", [1, 1, 0, 1, 0])], Some(0)),
    Case("nothing", DEVICES, &[SENT, ("complete", [1, 0, 0, 0, 0])], None),
    Case("unchanged", DEVICES, &[SENT, ("complete", [0, 0, 0, 0, 0])], Some(0)),
    Case("rejected", DEVICES, &[SENT, ("complete", [1, 1, 0, 0, 1])], Some(0)),
    Case("failed", DEVICES, &[SENT, ("failed", [1, 1, 1, 0, 0])], Some(0)),
    Case("partial", DEVICES, &[SENT, ("incomplete", [1, 1, 1, 0, 0])], Some(0)),
    Case("never", DEVICES, &[("refused", [1, 1, 1, 0, 0])], None),
    Case("safe", VULNERABILITIES, &[SENT, ("complete", [1, 1, 0, 1, 0])], None),
    Case("bad", VULNERABILITIES, &[SENT, ("complete", [1, 2, 0, 1, 1])], Some(0)),
];

/// What the workspace received of all cases: each run's report, and one row where it sent any, twice, as
/// after a lost answer.
fn received() -> Rows {
    let mut received = Rows::new();
    for Case(tenant, source, runs, _) in CASES {
        for (number, (status, [pages, kept, sent, withheld, rejected])) in runs.iter().enumerate() {
            let began = format!("2026-11-2{number}T00:00:00Z");
            let envelope = json!({
                "TimeGenerated": began, "CollectedTime": began, "AadTenantId": tenant,
                "TenantName": tenant, "Source": source.name, "RunId": number.to_string(),
                "RecordId": "one",
            });
            let mut report = envelope.clone();
            for (field, value) in [
                ("Status", json!(status)),
                ("Began", json!(began)),
                ("Ended", json!(began)),
                ("Pages", json!(pages)),
                ("Kept", json!(kept)),
                ("Sent", json!(sent)),
                ("Withheld", json!(withheld)),
                ("Rejected", json!(rejected)),
            ] {
                report[field] = value;
            }
            received.entry(RUNS.name.to_owned()).or_default().push(report);
            if *sent > 0 {
                let rows = received.entry(source.table.name.to_owned()).or_default();
                rows.extend([envelope.clone(), envelope]);
            }
        }
    }
    received
}

#[test]
fn a_run_counts_where_it_completed_and_its_rows_are_the_state() {
    let calls = ["PostureDevices()", "PostureVulnerabilities()"];
    let Some(answers) = answers(&received(), &calls) else { return };

    for Case(tenant, source, _, state) in CASES {
        let call = format!("{}()", name_of(&source.table));
        let answer = answers.iter().find(|answer| answer.name == call).unwrap();
        let rows = answer.rows.iter().filter(|row| row["AadTenantId"] == *tenant);
        let runs: Vec<_> = rows.map(|row| row["RunId"].as_str().unwrap()).collect();
        let expected: Vec<_> = state.iter().map(usize::to_string).collect();
        assert_eq!(runs, expected, "{tenant}");
    }
}
