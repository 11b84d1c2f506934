//! Records that are none, that are too large, or that carry no key: noted, and the run goes on.

use super::{MACHINES, World, ids, status};
use crate::support::rejected;
use posture::report::Status;
use posture::source::{DEVICES, SECURE_SCORE_CONTROLS};
use serde_json::Value;
use simulator::{Api, Fault, FaultKind};

async fn noted(world: &World) -> Vec<Value> {
    let text = rejected(&*world.folder.ledger()).await;
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn what_is_no_object_is_noted_and_the_rest_is_kept() {
    let world = World::new(0).await;
    world.answer_devices(r#"{"value":[null,{"id":"a"},7,[1],"x",{"id":"b"}]}"#);

    let report = world.collect(DEVICES).await;

    world.is_whole(&report, DEVICES, 2).await;
    assert_eq!((report.tally.read, report.tally.rejected), (6, 4));
    let noted = noted(&world).await;
    let texts: Vec<_> = noted.iter().map(|note| note["record"].as_str().unwrap()).collect();
    assert_eq!(texts, ["null", "7", "[1]", r#""x""#]);
    assert!(noted.iter().all(|note| note["reason"] == "not a JSON object"));
    world.the_others_are_complete().await;
}

#[tokio::test]
async fn a_page_of_nothing_but_odd_things_is_a_page_without_records() {
    let world = World::new(0).await;
    world.answer_devices(r#"{"value":[null,7]}"#);

    let report = world.collect(DEVICES).await;

    assert_eq!(report.status, Status::Complete, "{report}");
    assert_eq!((report.tally.kept, report.tally.rejected, noted(&world).await.len()), (0, 2, 2));
}

/// Controls lie within days: a day that is no object is noted, one without a list has no controls.
#[tokio::test]
async fn a_day_that_is_no_object_is_noted_too() {
    let world = World::new(0).await;
    let day = r#""createdDateTime":"2026-11-22T00:00:00Z""#;
    let list = r#"[null,{"controlName":"MFA","score":1.10}]"#;
    let body = format!(
        r#"{{"value":[7,{{"id":"t_1",{day},"controlScores":{list}}},{{"id":"t_0",{day}}}]}}"#
    );
    let kind = FaultKind::Body { content_type: "application/json".into(), body: body.into_bytes() };
    world.inject(Fault::new(Api::Graph, "", kind));

    let report = world.collect(SECURE_SCORE_CONTROLS).await;

    world.is_whole(&report, SECURE_SCORE_CONTROLS, 1).await;
    let noted = noted(&world).await;
    let texts: Vec<_> = noted.iter().map(|note| note["record"].as_str().unwrap()).collect();
    assert_eq!(texts, ["7", "null"]);
}

#[tokio::test]
async fn a_record_of_ten_megabytes_is_kept_and_noted_as_too_large_to_send() {
    let world = World::new(12).await;
    let huge = FaultKind::HugeRecord(10_000_000);
    world.inject(Fault::new(Api::Defender, MACHINES, huge));

    let report = world.collect(DEVICES).await;

    assert_eq!(report.status, Status::Complete, "{report}");
    let tally = &report.tally;
    assert_eq!((tally.read, tally.kept, tally.sent, tally.rejected), (13, 13, 12, 1));
    let kept = world.kept(DEVICES).await;
    assert_eq!((kept.len(), kept[12].len() > 10_000_000), (13, true));
    let noted = noted(&world).await;
    assert_eq!(noted.len(), 1);
    assert!(noted[0]["reason"].as_str().unwrap().ends_with("the workspace takes 1 MB"));
    let line: Value = serde_json::from_str(&kept[12]).unwrap();
    assert_eq!(noted[0]["RecordId"], line["RecordId"]);
    assert_eq!(world.latest_run(DEVICES).await, Some(report.run.to_string()));
    world.the_others_are_complete().await;
}

/// Its key is its own bytes then, so two alike are one to whoever reads by `RecordId`.
#[tokio::test]
async fn a_record_without_its_key_is_known_by_its_bytes() {
    let world = World::new(0).await;
    world.answer_devices(r#"{"value":[{"id":null,"x":1},{"x":1},{},{"ID":"a"},{"id":7}]}"#);

    let report = world.collect(DEVICES).await;

    world.is_whole(&report, DEVICES, 5).await;
}

/// A page that is asked for again goes on after what is kept, though a note stands at that place.
#[tokio::test]
async fn a_note_at_the_end_of_a_part_repeats_nothing() {
    let world = World::new(0).await;
    let text = "x".repeat(400_000);
    let record = |id: &str| format!(r#"{{"id":"{id}","exclusionReason":"{text}"}}"#);
    let (a, b, c) = (record("a"), record("b"), record("c"));
    world.answer_devices(format!(r#"{{"value":[{a},{b},null,{c}]}}"#));
    world.inject(Fault::new(Api::Logs, "", status(500)).times(3));

    let failed = world.collect(DEVICES).await;
    let went_on = world.collect_days_on(DEVICES, 1).await;

    assert_eq!((failed.status, &failed.run), (Status::Failed, &went_on.run));
    world.is_whole(&went_on, DEVICES, 3).await;
    assert_eq!((went_on.tally.read, went_on.tally.rejected), (4, 1));
    assert_eq!(noted(&world).await.len(), 1);
}

/// A byte order mark in front, escapes in names, nesting and blanks between tokens.
#[tokio::test]
async fn json_is_kept_however_it_is_written() {
    let world = World::new(0).await;
    let own = r#""\u0069d" : "a", "computerDnsName":"\u0000 \ud83d\ude00 \/ é","deep":[[[[{}]]]] "#;
    world.answer_devices(format!("\u{feff}{{\"value\":[{{{own}}},{{\"id\":\"b\"}}]}}\n"));

    let report = world.collect(DEVICES).await;

    world.is_whole(&report, DEVICES, 2).await;
    let kept = world.kept(DEVICES).await;
    assert!(kept[0].ends_with(&format!(",{own}}}")), "{}", kept[0]);
    let rows = world.rows_of(&report, &DEVICES.table);
    assert_eq!(ids(&rows).len(), 2);
}
