//! Sources that are read by their last update: no gap, and what is known is kept once.

use crate::support::{self, Folder, job, kept_lines, later};
use posture::app::App;
use posture::report::{Report, Status};
use posture::run::run;
use posture::source::{ALERTS, INCIDENTS, MACHINE_ACTIONS, RISK_DETECTIONS, RISKY_USERS, Source};
use serde_json::Value;
use simulator::{Api, Fault, FaultKind, Options, Simulator};
use std::collections::BTreeMap;

async fn collected(app: &App, source: Source, minutes: i64) -> Report {
    let report = run(app, &later(app, source, minutes)).await;
    assert_eq!(report.status, Status::Complete, "{report}");
    report
}

/// Lines by id and update, with how often each is kept.
async fn versions(folder: &Folder, source: Source, stamp: &str) -> BTreeMap<(String, String), u32> {
    let mut versions = BTreeMap::new();
    for line in kept_lines(&*folder.ledger(), source).await {
        let row: Value = serde_json::from_str(&line).unwrap();
        let key = (row["RecordId"].to_string(), row[stamp].to_string());
        *versions.entry(key).or_default() += 1;
    }
    versions
}

fn filters(microsoft: &Simulator) -> Vec<String> {
    let asked = microsoft.requests().into_iter();
    asked.filter(|seen| seen.path.contains("alerts_v2")).map(|seen| seen.query).collect()
}

#[tokio::test]
async fn an_alert_is_kept_once_per_update() {
    let microsoft = support::microsoft(10).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(10)], folder.ledger());

    let first = collected(&app, ALERTS, 0).await;
    let unchanged = collected(&app, ALERTS, 5).await;
    microsoft.touch_alerts(7);
    let touched = collected(&app, ALERTS, 10).await;
    let after = collected(&app, ALERTS, 15).await;

    assert!(first.tally.kept > 0);
    assert_eq!((unchanged.tally.kept, touched.tally.kept, after.tally.kept), (0, 7, 0));
    let versions = versions(&folder, ALERTS, "lastUpdateDateTime").await;
    assert!(versions.values().all(|times| *times == 1), "kept twice");
    assert_eq!(versions.len() as u64, first.tally.kept + 7);
}

#[tokio::test]
async fn a_summary_counts_each_open_alert_in_its_newest_state() {
    let microsoft = support::microsoft(10).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(10)], folder.ledger());

    collected(&app, ALERTS, 0).await;
    microsoft.touch_alerts(7);
    collected(&app, ALERTS, 5).await;
    let known = app.known(support::first(&app)).await.unwrap();
    let alerts = posture::summary::summary("", "", "", &known, app.now()).alerts.unwrap();

    let mut newest = BTreeMap::new();
    for line in kept_lines(&*folder.ledger(), ALERTS).await {
        let row: Value = serde_json::from_str(&line).unwrap();
        newest.insert(row["RecordId"].to_string(), row);
    }
    let open: Vec<_> = newest.values().filter(|row| row["status"] != "resolved").collect();
    let high = open.iter().filter(|row| row["severity"] == "high").count() as u64;
    assert!(open.len() < newest.len(), "none is resolved");
    assert_eq!((alerts.open, alerts.by_severity.high), (open.len() as u64, high));
}

#[tokio::test]
async fn a_run_by_updates_asks_from_a_little_before_the_newest_known_one() {
    let microsoft = support::microsoft(10).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(10)], folder.ledger());

    collected(&app, ALERTS, 0).await;
    collected(&app, ALERTS, 5).await;

    let filters = filters(&microsoft);
    assert!(
        filters.iter().all(|query| query.contains("lastUpdateDateTime%20ge%20")),
        "{filters:?}"
    );
    assert!(filters.last().unwrap() > filters.first().unwrap(), "a later beginning: {filters:?}");
}

#[tokio::test]
async fn ties_and_late_updates_in_the_overlap_are_not_lost() {
    let microsoft = support::microsoft(10).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(10)], folder.ledger());
    collected(&app, ALERTS, 0).await;
    microsoft.touch_alerts(3);
    // The first page of the next run breaks for good; what it would have brought comes later.
    let broken = FaultKind::Status { code: 500, retry_after: None };
    microsoft.inject(Fault::new(Api::Graph, "/v1.0/security/alerts_v2", broken).always());
    let failed = run(&app, &later(&app, ALERTS, 5)).await;
    microsoft.clear_faults();
    microsoft.touch_alerts(3);

    let report = collected(&app, ALERTS, 10).await;

    assert_eq!(failed.status, Status::Failed);
    assert_eq!(report.tally.kept, 6, "two groups of three with one date each");
}

#[tokio::test]
async fn an_unfiltered_list_is_read_whole_and_its_known_records_passed_over() {
    let microsoft = support::microsoft(40).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(40)], folder.ledger());

    let first = collected(&app, MACHINE_ACTIONS, 0).await;
    let second = collected(&app, MACHINE_ACTIONS, 20).await;

    assert!(first.tally.kept > 0 && first.tally.sent == first.tally.kept, "{first}");
    assert_eq!((second.tally.kept, second.tally.pages), (0, 1));
}

#[tokio::test]
async fn alerts_and_incidents_stay_in_the_ledger_unless_a_deployment_sends_them() {
    let microsoft = support::microsoft(10).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(10)], folder.ledger());

    let alerts = collected(&app, ALERTS, 0).await;
    let incidents = collected(&app, INCIDENTS, 0).await;

    assert!(alerts.tally.kept > 0 && incidents.tally.kept > 0);
    assert_eq!((alerts.tally.sent, incidents.tally.sent), (0, 0));
    assert_eq!(alerts.tally.withheld, alerts.tally.kept);
}

#[tokio::test]
async fn identity_protection_is_read_at_its_own_pace() {
    let options = Options::new(vec![support::tenant(10)], posture::describe::tables_json());
    let microsoft = support::start(options).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(10)], folder.ledger());

    // One request a second over all: the second waits without being told how long.
    let jobs = [job(&app, RISKY_USERS), job(&app, RISK_DETECTIONS)];
    let reports = futures::future::join_all(jobs.iter().map(|job| run(&app, job))).await;

    for report in reports {
        let patient = report.status == Status::Complete || report.message.contains("throttled");
        assert!(patient, "{report}");
    }
}
