//! Waits that a service asks for, and those of our own.

use super::{MACHINES, World, says, status};
use posture::report::Status;
use posture::source::{DEVICES, RECOMMENDATIONS, RUNS};
use simulator::{Api, Fault, FaultKind};
use std::time::{Duration, Instant};

fn busy(code: u16, seconds: u64) -> FaultKind {
    FaultKind::Status { code, retry_after: Some(seconds.to_string()) }
}

#[tokio::test]
async fn a_wait_of_a_second_is_waited_and_counted() {
    for code in [429, 503] {
        let world = World::new(5).await;
        world.inject(Fault::new(Api::Defender, MACHINES, busy(code, 1)));
        let started = Instant::now();

        let report = world.collect(DEVICES).await;

        assert!(started.elapsed() >= Duration::from_secs(1));
        assert!(report.tally.waited_ms >= 1_000, "{} ms", report.tally.waited_ms);
        world.is_whole(&report, DEVICES, 5).await;
        let rows = world.rows_of(&report, &RUNS);
        assert_eq!(rows[0]["WaitedMs"], report.tally.waited_ms);
    }
}

/// A wait that the service asks for doesn't use the tries up: three tries here, four answers 429.
#[tokio::test]
async fn a_service_may_ask_for_more_waits_than_there_are_tries() {
    let world = World::new(5).await;
    world.inject(Fault::new(Api::Defender, MACHINES, busy(429, 1)).times(4));

    let report = world.collect(DEVICES).await;

    world.is_whole(&report, DEVICES, 5).await;
    assert!(report.tally.waited_ms >= 4_000, "{} ms", report.tally.waited_ms);
    assert_eq!(report.tally.throttled, 4);
    assert_eq!(world.rows_of(&report, &RUNS)[0]["Throttled"], 4);
}

#[tokio::test]
async fn a_wait_beyond_patience_puts_the_job_back_at_once() {
    let world = World::paged(3_000, 500).await;
    world.inject(Fault::new(Api::Defender, MACHINES, busy(429, 120)).after(3).always());
    let started = Instant::now();

    let throttled = world.collect(DEVICES).await;

    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    let text = "throttled at /api/machines for another 120 s: the next attempt goes on";
    says(&throttled, Status::Failed, &[text]);
    assert!(throttled.wants_retry() && throttled.tally.parts > 0);
    assert_eq!(world.latest_run(DEVICES).await, None);
    world.the_others_are_complete().await;
    world.microsoft.clear_faults();
    let went_on = world.collect_days_on(DEVICES, 1).await;
    assert_eq!(went_on.run, throttled.run);
    world.is_whole(&went_on, DEVICES, 3_000).await;
}

#[tokio::test]
async fn waits_end_with_the_run() {
    let mut world = World::new(5).await;
    world.app.limits.run = Duration::from_millis(2_500);
    world.inject(Fault::new(Api::Defender, MACHINES, busy(429, 1)).always());
    let started = Instant::now();

    let throttled = world.collect(DEVICES).await;

    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    says(&throttled, Status::Failed, &["throttled at /api/machines for another 1 s: "]);
    assert_eq!(world.requests(Api::Defender, MACHINES), 3);
}

/// "Come back in 0 seconds" for ever would otherwise be asked as fast as the network goes.
#[tokio::test]
async fn a_service_that_asks_for_no_wait_is_not_asked_without_end() {
    let world = World::new(5).await;
    world.inject(Fault::new(Api::Defender, MACHINES, busy(503, 0)).always());

    let report = world.collect(DEVICES).await;

    says(&report, Status::Failed, &["answered 503 at /api/machines after 3 tries: "]);
    assert_eq!(world.requests(Api::Defender, MACHINES), 3);
    world.the_others_are_complete().await;
}

#[tokio::test]
async fn throttling_without_a_named_wait_is_tried_again_and_given_back() {
    let world = World::new(5).await;
    world.inject(Fault::new(Api::Defender, MACHINES, status(429)).times(2));
    world.inject(Fault::new(Api::Defender, "/api/recommendations", status(429)).always());

    let devices = world.collect(DEVICES).await;
    let recommendations = world.collect(RECOMMENDATIONS).await;

    world.is_whole(&devices, DEVICES, 5).await;
    let text = "throttled at /api/recommendations for another 3 s: ";
    says(&recommendations, Status::Failed, &[text]);
}

#[tokio::test]
async fn a_slow_answer_is_read_to_its_end() {
    let world = World::new(50).await;
    let slow = FaultKind::SlowBody(Duration::from_millis(400));
    world.inject(Fault::new(Api::Defender, MACHINES, slow));

    let report = world.collect(DEVICES).await;

    world.is_whole(&report, DEVICES, 50).await;
    assert_eq!(report.tally.requests, 1 + 1 + 1);
}

/// The service, the sign-in service and the workspace may each say nothing at all.
#[tokio::test]
async fn a_silent_service_ends_with_the_run() {
    let silent = FaultKind::Hang(Duration::from_secs(30));
    for api in [Api::Defender, Api::Entra, Api::Logs] {
        let mut world = World::new(5).await;
        world.app.limits.run = Duration::from_secs(1);
        world.inject(Fault::new(api, "", silent.clone()).always());
        let started = Instant::now();

        let failed = world.collect(DEVICES).await;

        assert!(started.elapsed() < Duration::from_secs(4), "{api:?}: {:?}", started.elapsed());
        let (what, step) = ("no answer before the run's end", "the next attempt");
        says(&failed, Status::Failed, &[what, step]);
        world.microsoft.clear_faults();
        world.app.limits.run = Duration::from_secs(60);
        world.the_others_are_complete().await;
        let went_on = world.collect_days_on(DEVICES, 1).await;
        world.is_whole(&went_on, DEVICES, 5).await;
    }
}
