//! Reads in which the service left data out: kept, reported, and never shown as a snapshot.

use super::{World, says, status};
use crate::support::{job, later};
use posture::report::Status;
use posture::run::run;
use posture::source::{DEVICES, RUNS, SECURE_SCORE_CONTROLS, SECURE_SCORES};
use simulator::{Api, Fault, FaultKind};

const SCORES: &str = "/v1.0/security/securescores";

fn partial(after: u32) -> Fault {
    Fault::new(Api::Graph, SCORES, FaultKind::Partial).after(after)
}

#[tokio::test]
async fn a_206_is_kept_and_reported_and_latest_stays() {
    let world = World::new(5).await;
    let whole = world.collect(SECURE_SCORES).await;
    world.microsoft.advance_days(3);
    world.inject(partial(0));

    let incomplete = world.collect_days_on(SECURE_SCORES, 1).await;

    let what = "the service answered 206 with a warning, so data is missing: the earlier snapshot";
    says(&incomplete, Status::Incomplete, &[what, "read again in an hour"]);
    assert!(!incomplete.wants_retry());
    assert_eq!((incomplete.tally.kept, incomplete.tally.sent), (3, 3));
    assert_eq!(world.latest_run(SECURE_SCORES).await, Some(whole.run.to_string()));
    let rows = world.rows_of(&incomplete, &RUNS);
    assert_eq!((&rows[0]["Status"], &rows[0]["Kept"]), (&"incomplete".into(), &3.into()));
    let devices = world.collect(DEVICES).await;
    world.is_whole(&devices, DEVICES, 5).await;

    // What was read incompletely is read again: `since` hasn't moved.
    let whole_again = world.collect_days_on(SECURE_SCORES, 2).await;
    assert_ne!(whole_again.run, incomplete.run);
    world.is_whole(&whole_again, SECURE_SCORES, 3).await;
}

#[tokio::test]
async fn a_206_in_the_middle_counts_for_the_whole_run() {
    let world = World::new(5).await;
    world.inject(partial(3));

    let incomplete = world.collect(SECURE_SCORE_CONTROLS).await;

    says(&incomplete, Status::Incomplete, &["206"]);
    assert!(incomplete.tally.parts > 1 && incomplete.tally.kept > 1_000, "{incomplete}");
    assert_eq!(world.latest_run(SECURE_SCORE_CONTROLS).await, None);
    let whole = world.collect_days_on(SECURE_SCORE_CONTROLS, 1).await;
    world.is_whole(&whole, SECURE_SCORE_CONTROLS, incomplete.tally.kept as usize).await;
}

/// The page with the warning is kept, its send fails: the next attempt must still know.
#[tokio::test]
async fn a_206_is_not_forgotten_between_two_attempts() {
    for source in [SECURE_SCORES, SECURE_SCORE_CONTROLS] {
        let world = World::new(5).await;
        world.inject(partial(2));
        world.inject(Fault::new(Api::Logs, "", status(500)).times(3));

        let failed = world.collect(source).await;
        let went_on = world.collect_days_on(source, 1).await;

        assert_eq!((failed.status, &failed.run), (Status::Failed, &went_on.run));
        says(&went_on, Status::Incomplete, &["206"]);
        assert_eq!(world.latest_run(source).await, None, "a broken snapshot is in sight");
        let whole = world.collect_days_on(source, 2).await;
        world.is_whole(&whole, source, went_on.tally.kept as usize).await;
    }
}

/// A growing source's first part holds its newest days: where they were read to must be known.
#[tokio::test]
async fn a_kept_part_that_is_sent_later_still_moves_the_growing_read_on() {
    let world = World::new(5).await;
    world.inject(Fault::new(Api::Logs, "", status(500)).times(3));
    let failed = world.collect(SECURE_SCORE_CONTROLS).await;
    let went_on = world.collect_days_on(SECURE_SCORE_CONTROLS, 1).await;

    let nothing_new = world.collect_days_on(SECURE_SCORE_CONTROLS, 2).await;

    assert_eq!((failed.status, went_on.status), (Status::Failed, Status::Complete));
    assert!(world.kept_of(&failed, SECURE_SCORE_CONTROLS).await.len() > 1_000);
    assert_eq!((nothing_new.status, nothing_new.tally.kept), (Status::Complete, 0));
}

/// The queue may bring a message twice: the run that ended incomplete isn't begun again.
#[tokio::test]
async fn the_message_of_an_incomplete_run_does_nothing_the_second_time() {
    let world = World::new(5).await;
    world.inject(partial(0));
    let message = job(&world.app, SECURE_SCORES);

    let incomplete = run(&world.app, &message).await;
    let again = run(&world.app, &message).await;
    let next = run(&world.app, &later(&world.app, SECURE_SCORES, 60)).await;

    assert_eq!((incomplete.status, again.status), (Status::Incomplete, Status::Unneeded));
    world.is_whole(&next, SECURE_SCORES, 90).await;
}
