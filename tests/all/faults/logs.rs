//! A workspace that takes nothing, takes it twice, or takes less: the ledger has it all meanwhile.

use super::{World, ids, says, status};
use crate::support::{first, rejected};
use futures::future::join_all;
use posture::cloud::Meter;
use posture::report::Status;
use posture::source::{
    ALERTS, DEVICES, EXPOSURE_SCORE, RECOMMENDATIONS, RUNS, SECURE_SCORES, SOFTWARE,
};
use serde_json::Value;
use simulator::{Api, Fault, FaultKind};
use std::collections::BTreeMap;
use std::time::Duration;

/// Devices go to the workspace by this path; the reports' rows by another one.
fn devices_rows(world: &World, kind: FaultKind) -> Fault {
    let rule = posture::describe::rules()
        .iter()
        .position(|rule| rule.iter().any(|stream| stream.name() == DEVICES.stream(false)))
        .unwrap();
    let (rule, stream) = (&world.microsoft.rules()[rule], DEVICES.table.stream());
    Fault::new(Api::Logs, &format!("/dataCollectionRules/{rule}/streams/{stream}"), kind)
}

/// Where the rows of reports go.
fn reports_path(world: &World) -> String {
    format!("/dataCollectionRules/{}/streams/{}", world.microsoft.rules()[0], RUNS.stream())
}

#[tokio::test]
async fn a_publisher_who_is_refused_keeps_the_part_and_sends_it_later() {
    let world = World::paged(3_000, 500).await;
    world.microsoft.refuse_publisher(true);

    let refused = world.collect(DEVICES).await;

    says(&refused, Status::Refused, &["refused (403 OperationFailed) at /dataCollectionRules/"]);
    says(&refused, Status::Refused, &["grant Monitoring Metrics Publisher on the data collection"]);
    let kept = world.kept(DEVICES).await;
    assert!(!kept.is_empty() && kept.len() < 3_000);
    assert!(world.state(DEVICES).await["refused"]["advice"].is_string());
    assert_eq!(world.latest_run(DEVICES).await, None);

    world.microsoft.refuse_publisher(false);
    world.the_others_are_complete().await;
    let went_on = world.collect_days_on(DEVICES, 1).await;
    assert_eq!(went_on.run, refused.run);
    world.is_whole(&went_on, DEVICES, 3_000).await;
    assert_eq!(world.kept(DEVICES).await[..kept.len()], kept);
    assert_eq!((went_on.tally.read, went_on.tally.sent), (3_000, 3_000));
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_split_and_arrives_whole() {
    let world = World::new(300).await;
    world.inject(devices_rows(&world, status(413)).times(3));

    let report = world.collect(DEVICES).await;

    world.is_whole(&report, DEVICES, 300).await;
    assert_eq!((report.tally.sent, report.tally.rejected), (300, 0));
    let sizes: Vec<u64> = world.microsoft.received().batches.iter().map(|b| b.rows).collect();
    assert_eq!(sizes, [37, 38, 75, 150, 1]);
    world.the_others_are_complete().await;
}

/// The API has no idempotency key: a batch whose answer is lost is sent again, under the same ids.
#[tokio::test]
async fn a_lost_answer_repeats_a_batch_under_the_same_ids() {
    let world = World::new(50).await;
    world.inject(devices_rows(&world, FaultKind::CutBody));

    let report = world.collect(DEVICES).await;

    assert_eq!(report.status, Status::Complete, "{report}");
    let rows = world.rows_of(&report, &DEVICES.table);
    let mut times: BTreeMap<_, u32> = BTreeMap::new();
    rows.iter().for_each(|row| *times.entry(row["RecordId"].to_string()).or_default() += 1);
    assert_eq!((times.len(), rows.len()), (50, 100));
    assert!(times.values().all(|times| *times == 2));
    assert_eq!(world.kept(DEVICES).await.len(), 50);
    assert_eq!((report.tally.kept, report.tally.sent), (50, 50));
}

#[tokio::test]
async fn a_workspace_out_of_order_gets_the_kept_part_later() {
    let html = (FaultKind::Drop, "the connection broke");
    for (kind, what) in [(status(500), "answered 500"), (status(503), "answered 503"), html] {
        let world = World::paged(3_000, 500).await;
        world.inject(devices_rows(&world, kind).always());

        let failed = world.collect(DEVICES).await;

        let step = "the next attempt sends the kept part again";
        says(&failed, Status::Failed, &["the workspace took nothing (", what, step]);
        let kept = world.kept(DEVICES).await;
        assert!(!kept.is_empty() && world.rows_of(&failed, &DEVICES.table).is_empty());
        assert_eq!(world.latest_run(DEVICES).await, None);
        world.the_others_are_complete().await;

        world.microsoft.clear_faults();
        let went_on = world.collect_days_on(DEVICES, 1).await;
        assert_eq!(went_on.run, failed.run);
        world.is_whole(&went_on, DEVICES, 3_000).await;
        assert_eq!(world.kept(DEVICES).await[..kept.len()], kept);
    }
}

#[tokio::test]
async fn a_workspace_that_asks_for_a_wait_gets_it() {
    let world = World::new(5).await;
    let busy = |seconds: &str| FaultKind::Status { code: 429, retry_after: Some(seconds.into()) };
    world.inject(devices_rows(&world, busy("1")));
    let waited = world.collect(DEVICES).await;
    world.inject(devices_rows(&world, busy("600")));
    let put_back = world.collect_days_on(DEVICES, 1).await;
    let went_on = world.collect_days_on(DEVICES, 1).await;

    assert!(waited.tally.waited_ms >= 1_000);
    world.is_whole(&went_on, DEVICES, 5).await;
    says(
        &put_back,
        Status::Failed,
        &["took nothing", "for another 600 s", ": the next attempt goes on"],
    );
}

#[tokio::test]
async fn a_workspace_that_takes_no_token_says_where_to_look() {
    let world = World::new(5).await;
    world.inject(devices_rows(&world, status(401)).always());

    let report = world.collect(DEVICES).await;

    says(&report, Status::Refused, &["refused (401) at /dataCollectionRules/", "POSTURE_CLOUD"]);
    assert_eq!(world.kept(DEVICES).await.len(), 5);
    world.the_others_are_complete().await;
}

#[tokio::test]
async fn a_rule_that_is_not_there_is_named_as_a_setting() {
    let world = World::new(5).await;
    world.inject(devices_rows(&world, status(404)).always());

    let report = world.collect(DEVICES).await;

    says(&report, Status::Refused, &["answered 404 NotFound at", "POSTURE_LOGS_RULES"]);
    world.the_others_are_complete().await;
}

/// Rows that the workspace calls malformed are in the ledger and noted; the run goes on.
#[tokio::test]
async fn a_batch_that_the_workspace_calls_malformed_is_noted() {
    let world = World::new(5).await;
    world.inject(devices_rows(&world, status(400)).always());

    let report = world.collect(DEVICES).await;

    assert_eq!(report.status, Status::Complete, "{report}");
    assert_eq!((report.tally.kept, report.tally.sent, report.tally.rejected), (5, 0, 5));
    let noted = rejected(&*world.folder.ledger()).await;
    let noted: Vec<Value> = noted.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(ids(&noted).len(), 5);
    assert_eq!(noted[0]["reason"], "the workspace answered 400 BadRequest");
}

/// A batch is halved until the bad row is alone, so that it doesn't cost the others their place.
#[tokio::test]
async fn a_bad_row_does_not_cost_its_batch() {
    let world = World::new(5).await;
    // All five, then the first two, then the first: each is called malformed.
    world.inject(devices_rows(&world, status(400)).times(3));

    let report = world.collect(DEVICES).await;

    assert_eq!(report.status, Status::Complete, "{report}");
    assert_eq!((report.tally.kept, report.tally.sent, report.tally.rejected), (5, 4, 1));
}

/// The report's own row is the last thing sent: without it the run isn't over.
#[tokio::test]
async fn a_report_that_does_not_arrive_is_sent_by_the_next_attempt() {
    let world = World::new(5).await;
    world.inject(Fault::new(Api::Logs, &reports_path(&world), status(500)).always());

    let failed = world.collect(SECURE_SCORES).await;
    world.microsoft.clear_faults();
    let went_on = world.collect_days_on(SECURE_SCORES, 1).await;

    says(&failed, Status::Failed, &["the workspace took nothing (answered 500"]);
    assert_eq!((went_on.run.clone(), went_on.tally.kept), (failed.run, 90));
    world.is_whole(&went_on, SECURE_SCORES, 90).await;
    assert_eq!(world.rows_of(&went_on, &RUNS).len(), 1);
}

/// Each job ends with one row of its own; those that end while a request is under way share the next one.
#[tokio::test]
async fn jobs_that_end_at_the_same_time_send_their_reports_together() {
    let world = World::new(5).await;
    let late = FaultKind::Hang(Duration::from_secs(3));
    world.inject(Fault::new(Api::Logs, &reports_path(&world), late));
    let sources = [SECURE_SCORES, EXPOSURE_SCORE, RECOMMENDATIONS, SOFTWARE, ALERTS];

    let reports = join_all(sources.map(|source| world.collect(source))).await;

    reports.iter().for_each(|report| assert_eq!(report.status, Status::Complete, "{report}"));
    let rows: Vec<_> = reports.iter().flat_map(|report| world.rows_of(report, &RUNS)).collect();
    assert_eq!(ids(&rows).len(), 5);
    let requests = world.requests(Api::Logs, &reports_path(&world));
    assert!(requests < 5, "{requests} requests for 5 rows");
}

/// A job may be ended while it sends for others: these send their rows again.
#[tokio::test]
async fn a_sender_that_is_ended_leaves_the_others_rows_to_them() {
    let world = World::new(5).await;
    let late = FaultKind::Hang(Duration::from_secs(600));
    world.inject(Fault::new(Api::Logs, &reports_path(&world), late));
    let logs = first(&world.app).logs.clone().unwrap();
    let (stream, patience, meter) = (RUNS.stream(), world.app.limits.patience, Meter::default());
    let row = |id: &str| {
        let time = "2026-11-26T00:00:00.000000Z";
        format!(r#"{{"TimeGenerated":"{time}","RunId":"x","RecordId":"{id}"}}"#).into_bytes()
    };
    let mut ended = Box::pin(logs.send_row(&stream, row("a"), &patience, &meter));
    while world.requests(Api::Logs, &reports_path(&world)) == 0 {
        assert!(futures::poll!(&mut ended).is_pending());
        tokio::task::yield_now().await;
    }
    let mut waits = Box::pin(logs.send_row(&stream, row("b"), &patience, &meter));
    assert!(futures::poll!(&mut waits).is_pending());

    drop(ended);
    waits.await.unwrap();

    let received = world.microsoft.received();
    assert!(received.tables[RUNS.name].iter().any(|row| row["RecordId"] == "b"), "{received:?}");
}
