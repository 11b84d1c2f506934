//! Planned, achievable and current-licence score: in the summary, and a row a day in the workspace.

use super::World;
use posture::plan::{Job, RunId};
use posture::report::{Report, Status};
use posture::run::run;
use posture::source::{CONTROL_PROFILES, ESTIMATED_SCORES, SECURE_SCORES};
use serde_json::Value;
use simulator::{Api, Fault, FaultKind};
use std::collections::BTreeSet;

fn rows(world: &World) -> Vec<Value> {
    let mut received = world.microsoft.received();
    received.tables.remove(ESTIMATED_SCORES.name).unwrap_or_default()
}

/// A run of the Secure Score, planned so many hours later.
async fn scores(world: &World, hours: i64) -> Report {
    let at = super::moment() + jiff::SignedDuration::from_hours(hours);
    let job = crate::support::job(&world.app, SECURE_SCORES);
    run(&world.app, &Job { run: RunId::at(at), ..job }).await
}

#[tokio::test]
async fn a_day_is_a_row_once_there_are_profiles() {
    let world = World::empty().await;

    scores(&world, 0).await;
    let before = rows(&world).len();
    world.collect(CONTROL_PROFILES).await;
    scores(&world, 6).await;
    scores(&world, 12).await;
    let first = rows(&world);
    world.microsoft.advance_days(1);
    scores(&world, 24).await;

    assert_eq!((before, first.len(), rows(&world).len()), (0, 1, 2));
    let row = &first[0];
    assert_eq!(
        (&row["Day"], &row["Estimated"]),
        (&"2026-03-10T00:00:00.000000Z".into(), &true.into())
    );
    assert_eq!(rows(&world)[1]["Day"], "2026-03-11T00:00:00.000000Z");
    let points = |name: &str| row[name].as_f64().unwrap();
    assert!(points("CurrentScore") < points("PlannedScore"), "{row}");
    assert!(points("PlannedScore") < points("AchievableScore"), "{row}");
    assert!(points("AchievableScore") < points("LicenceScore"), "{row}");
    // The simulator's controls all have a profile and are all licensed.
    assert_eq!(points("LicenceScore"), points("MaxScore"));
    assert_eq!((&row["ScoredControls"], &row["ControlsWithoutMaximum"]), (&60.into(), &0.into()));
    let received = world.microsoft.received();
    let odd = received.undeclared.keys().chain(received.wrong_types.keys());
    let odd: Vec<_> = odd.filter(|name| name.starts_with(ESTIMATED_SCORES.name)).collect();
    assert!(odd.is_empty(), "{odd:?}");
}

/// The row is there, its answer isn't: the run goes on and sends it once more.
#[tokio::test]
async fn a_row_that_is_sent_again_has_the_same_run_and_record() {
    let world = World::empty().await;
    world.collect(CONTROL_PROFILES).await;
    let stream = format!("/streams/{}", ESTIMATED_SCORES.stream());
    let rules = world.microsoft.rules();
    for rule in &rules {
        let path = format!("/dataCollectionRules/{rule}{stream}");
        world.microsoft.inject(Fault::new(Api::Logs, &path, FaultKind::CutBody).times(3));
    }

    let failed = scores(&world, 0).await;
    world.microsoft.clear_faults();
    let went_on = scores(&world, 0).await;

    assert_eq!(went_on.status, Status::Complete, "{failed}; {went_on}");
    let rows = rows(&world);
    assert!(rows.len() > 1, "{rows:?}");
    let ids: BTreeSet<_> =
        rows.iter().map(|row| (row["RunId"].to_string(), row["RecordId"].to_string())).collect();
    assert_eq!(ids.len(), 1);
    let scores: BTreeSet<_> = rows.iter().map(|row| row["PlannedScore"].to_string()).collect();
    assert_eq!(scores.len(), 1);
}

/// The program is newer than the deployed rules: the score itself is collected all the same.
#[tokio::test]
async fn a_workspace_that_does_not_know_the_table_costs_the_row_alone() {
    let world = World::empty().await;
    world.collect(CONTROL_PROFILES).await;
    for rule in world.microsoft.rules() {
        let path = format!("/dataCollectionRules/{rule}/streams/{}", ESTIMATED_SCORES.stream());
        let unknown = FaultKind::Status { code: 404, retry_after: None };
        world.microsoft.inject(Fault::new(Api::Logs, &path, unknown).always());
    }

    let without = scores(&world, 0).await;
    world.microsoft.clear_faults();
    let with = scores(&world, 6).await;

    assert_eq!((without.status, with.status), (Status::Complete, Status::Complete), "{without}");
    assert_eq!(rows(&world).len(), 1, "the next run sends the day's row");
    assert_eq!(rows(&world)[0]["RunId"], with.run.as_str());
}

#[tokio::test]
async fn the_summary_has_the_same_figures_as_the_row() {
    let world = World::empty().await;
    world.collect(CONTROL_PROFILES).await;
    scores(&world, 0).await;

    let summary = world.json("/api/summary", "").await;

    let (estimated, row) = (&summary["estimatedScores"], &rows(&world)[0]);
    assert_eq!(estimated["estimated"], true);
    for (name, column) in [
        ("current", "CurrentScore"),
        ("planned", "PlannedScore"),
        ("achievable", "AchievableScore"),
        ("licence", "LicenceScore"),
        ("categories", "Categories"),
        ("formula", "Formula"),
    ] {
        assert_eq!(estimated[name], row[column], "{name}");
    }
}
