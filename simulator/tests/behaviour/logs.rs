//! The workspace takes what Logs Ingestion takes and counts what is wrong with it.

use std::io::Write;

use serde_json::json;
use simulator::{Api, Fault, FaultKind};

use crate::support::World;

const STREAM: &str = "Custom-PostureDevices_CL";
const TABLE: &str = "PostureDevices_CL";

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(body).unwrap();
    writer.finish().unwrap()
}

#[tokio::test]
async fn rows_arrive_as_sent_and_faults_in_them_are_counted() {
    let world = World::start(|_| {}).await;
    let rows = json!([
        {"TimeGenerated": "2026-11-20T00:00:00.1234567Z", "RunId": "r1", "score": 3, "count": 5_000_000_000_u64,
         "seen": "2026-11-02 08:15:11.1234567", "tags": {"a": []}, "small": null},
        {"score": "3.5", "count": 1.5, "seen": "soon", "small": 5_000_000_000_u64, "extra": 1},
    ]);

    let answer =
        world.post(STREAM, &["content-encoding: gzip"], &gzip(rows.to_string().as_bytes())).await;

    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let received = world.simulator.received();
    assert_eq!(received.tables[TABLE], *rows.as_array().unwrap());
    assert_eq!(received.counts[TABLE], 2);
    assert_eq!(received.missing_time_generated, 1);
    assert_eq!(received.undeclared[&format!("{TABLE}.extra")], 1);
    let wrong: Vec<&str> = received.wrong_types.keys().map(String::as_str).collect();
    assert_eq!(
        wrong,
        [
            "PostureDevices_CL.count: expected long, got real",
            "PostureDevices_CL.score: expected real, got string",
            "PostureDevices_CL.seen: expected datetime, got string",
            "PostureDevices_CL.small: expected int, got long",
        ]
    );
    assert_eq!((received.batches[0].run_id.as_str(), received.batches[0].rows), ("r1", 2));
}

#[tokio::test]
async fn a_body_over_one_megabyte_is_too_large_packed_or_not() {
    let world = World::start(|_| {}).await;
    let row = format!(r#"[{{"TimeGenerated":"{}"}}]"#, "x".repeat(1024 * 1024));

    let plain = world.post(STREAM, &[], row.as_bytes()).await.unwrap();
    let packed =
        world.post(STREAM, &["content-encoding: gzip"], &gzip(row.as_bytes())).await.unwrap();

    assert_eq!((plain.status, packed.status), (413, 413));
    assert_eq!(packed.header("x-ms-error-code"), Some("ContentLengthLimitExceeded"));
    assert_eq!(world.simulator.received().requests, 0);
}

#[tokio::test]
async fn what_is_no_array_or_leads_nowhere_is_refused() {
    let world = World::start(|_| {}).await;

    let object = world.post(STREAM, &[], b"{}").await.unwrap();
    let cut = world.post(STREAM, &[], b"[{").await.unwrap();
    let nowhere = world.post("Custom-Other", &[], b"[]").await.unwrap();
    let empty = world.post(STREAM, &[], b"[]").await.unwrap();
    world.simulator.refuse_publisher(true);
    let refused = world.post(STREAM, &[], b"[]").await.unwrap();

    let statuses = [&object, &cut, &nowhere, &empty, &refused].map(|answer| answer.status);
    assert_eq!(statuses, [400, 400, 404, 204, 403]);
    assert_eq!(refused.json()["error"]["code"], "OperationFailed");
}

#[tokio::test]
async fn a_lost_answer_has_stored_its_rows_and_a_dropped_request_has_not() {
    let world = World::start(|_| {}).await;
    world.simulator.inject(Fault::new(Api::Logs, "", FaultKind::CutBody));
    world.simulator.inject(Fault::new(Api::Logs, "", FaultKind::Drop));
    let row = br#"[{"TimeGenerated":"2026-11-20T00:00:00Z"}]"#;

    let lost = world.post(STREAM, &[], row).await;
    let stored = world.simulator.received().counts[TABLE];
    let dropped = world.post(STREAM, &[], row).await;

    assert!(lost.is_none() && dropped.is_none());
    assert_eq!((stored, world.simulator.received().counts[TABLE]), (1, 1));
}
