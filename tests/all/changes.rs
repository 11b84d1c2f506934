//! Changes of the vulnerabilities on devices: read since the run before, counted with the full.

use crate::exports::{World, ids};
use crate::support;
use posture::source::{DEVICE_VULNERABILITIES, DEVICE_VULNERABILITY_CHANGES};
use serde_json::Value;

#[tokio::test]
async fn a_change_has_the_id_of_the_row_that_it_changes() {
    let world = World::new(60).await;
    world.complete(DEVICE_VULNERABILITIES, 0).await;
    let before = ids(&world.rows(DEVICE_VULNERABILITIES).await);
    world.microsoft.advance_snapshot();

    let report = world.complete(DEVICE_VULNERABILITY_CHANGES, 1).await;

    let changes = world.rows(DEVICE_VULNERABILITY_CHANGES).await;
    assert!(!changes.is_empty() && report.tally.rejected == 0, "{report}");
    let known = |row: &&Value| before.contains(row["RecordId"].as_str().unwrap());
    let of =
        |status: &str| changes.iter().filter(|row| row["status"] == status).collect::<Vec<_>>();
    assert!(of("Updated").iter().all(known), "an update of a row that nobody knows");
    assert!(of("Fixed").iter().any(known));
    assert!(changes.iter().all(|row| row["eventTimestamp"].is_string()));
    let received = world.microsoft.received();
    assert!(received.wrong_types.is_empty() && received.undeclared.is_empty());
    let table = DEVICE_VULNERABILITY_CHANGES.table.name;
    assert!(received.tables[table].iter().any(|row| row["Source"] == report.source));
}

/// The summary's rows by severity and exploit: the full with the changes applied is the next full.
#[tokio::test]
async fn a_summary_counts_the_full_with_its_changes_as_the_next_full() {
    let world = World::new(200).await;
    let summary = async || {
        let app = support::app(&world.microsoft, &[support::tenant(200)], world.folder.ledger());
        let known = app.known(support::first(&app)).await.unwrap();
        posture::summary::summary("", "", "", &known, app.now()).device_vulnerabilities.unwrap()
    };
    world.complete(DEVICE_VULNERABILITIES, 0).await;
    let full = summary().await;
    for run in 1..=3 {
        (0..8).for_each(|_| world.microsoft.advance_snapshot());
        world.complete(DEVICE_VULNERABILITY_CHANGES, run).await;
    }

    let applied = summary().await;
    world.complete(DEVICE_VULNERABILITIES, 4).await;
    let next = summary().await;

    assert_eq!((full.changes_through, full.exact, applied.exact), (None, true, true));
    assert_eq!((full.total, full.full_total), (200 * 5, 200 * 5));
    assert_ne!(applied.by_severity, full.by_severity, "nothing has changed");
    assert_eq!(applied.by_severity, next.by_severity);
    assert_eq!(applied.by_exploitability, next.by_exploitability);
    assert_eq!(applied.with_exploit, next.with_exploit);
    assert_eq!(applied.full_generated, full.full_generated);
    assert!(applied.changes_through.is_some() && next.full_generated > full.full_generated);
}

#[tokio::test]
async fn changes_are_asked_for_since_the_run_before() {
    let world = World::new(10).await;
    let since = |world: &World| {
        let asked = world.microsoft.requests().into_iter();
        let asked = asked.filter(|seen| seen.path.contains("ChangesByMachine"));
        asked.map(|seen| seen.query).collect::<Vec<_>>()
    };

    world.complete(DEVICE_VULNERABILITY_CHANGES, 0).await;
    world.complete(DEVICE_VULNERABILITY_CHANGES, 6 * 60).await;

    let since = since(&world);
    assert!(since.len() == 2 && since.iter().all(|query| query.contains("sinceTime=")));
    assert!(since[1] > since[0], "{since:?}");
}

/// Changes that are refused for weeks must not bring the full export at every tick.
#[tokio::test]
async fn a_gap_in_the_changes_brings_the_full_source_once() {
    let world = World::new(5).await;
    world.complete(DEVICE_VULNERABILITY_CHANGES, -15 * 24 * 60).await;
    world.complete(DEVICE_VULNERABILITIES, -2 * 24 * 60).await;
    let planned = async || {
        let jobs = support::due(&world.app, world.app.now()).await;
        jobs.iter().any(|job| job.source.name == DEVICE_VULNERABILITIES.name)
    };

    // The gap opened a day ago, the newest full run is two days old: within its week, yet due.
    assert!(planned().await);
    world.microsoft.advance_snapshot();
    world.complete(DEVICE_VULNERABILITIES, 0).await;
    assert!(!planned().await);
}
