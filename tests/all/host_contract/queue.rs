//! The queue's calls: a message is decoded as often as it was encoded, and a payload that is no job
//! is refused with its reason logged.

use super::{Deployment, HTTP, LONG, QUEUE, TIMER, defender, delivery, job, problem, sys, within};
use crate::support::fake_host::Function;
use crate::support::{self, http};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use simulator::FaultKind;

/// The reason of a payload that is JSON, or text, and no job.
const NO_JOB: &str = "the payload is no job";

/// What the host sends with a message that came for the first time.
fn metadata(dequeue_count: &str) -> Value {
    json!({
        "DequeueCount": dequeue_count,
        "Id": "\"a1\"",
        "PopReceipt": "\"AgAA\"",
        "ExpirationTime": "2024-10-31T10:00:00+00:00",
        "InsertionTime": "2024-10-24T10:00:00+00:00",
        "NextVisibleTime": "2024-10-24T10:10:00+00:00",
        "sys": sys(),
    })
}

/// A message as the host sends it without `dataType: binary`: text, encoded a second time.
fn text_envelope(name: &str, text: &str, metadata: &Value) -> String {
    let literal = Value::String(text.to_owned()).to_string();
    json!({ "Data": { name: literal }, "Metadata": metadata }).to_string()
}

/// Refused with that reason, which is logged with the host's id and without the payload.
async fn is_refused(envelope: &str, reason: &str, payload: &str) {
    let deployment = Deployment::start(1).await;

    let detail = deployment.fails(QUEUE, envelope, 400).await;

    assert!(detail.contains(reason), "{detail}");
    deployment.until_logged(&format!("A queue message is refused: {reason}")).await;
    let log = deployment.service.log();
    assert!(log.contains("83a33220-a921-460a-bec0-b3f043dcf1ff"), "{log}");
    assert!(payload.is_empty() || !log.contains(payload), "{log}");
    deployment.is_alive().await;
}

#[tokio::test]
async fn pair_03_a_message_of_plain_text_is_refused() {
    let metadata = json!({
        "dequeueCount": "4",
        "VisibleTime": "2019-10-01T00:00:00",
        "VisibleTimeOffset": "2019-10-01T00:00:00+00:00",
        "helloString": "\"helloMetadata\"",
    });

    is_refused(&text_envelope("myqueueItem", "HelloWorld", &metadata), NO_JOB, "HelloWorld").await;
}

#[tokio::test]
async fn pair_09_text_is_decoded_twice_and_refused() {
    is_refused(&text_envelope("msg", "hello", &metadata("1")), NO_JOB, "hello").await;
}

#[tokio::test]
async fn pair_10_an_object_that_is_no_job_is_refused() {
    let clobbered = json!({ "DequeueCount": "2", "id": "\"7\"", "Id": "\"7\"", "sys": sys() });

    is_refused(&text_envelope("msg", r#"{"id":7}"#, &clobbered), NO_JOB, "{\"id\"").await;
}

#[tokio::test]
async fn pair_10_metadata_that_the_payload_has_overwritten_is_never_used() {
    let deployment = Deployment::start(3).await;
    let message = job("defender.devices");
    let clobbered = json!({
        "DequeueCount": "\"many\"", "Id": "\"7\"", "run": "\"x\"", "tenant": "\"other\"",
        "source": "\"graph.secure_scores\"", "sys": "\"mine\"",
    });

    let envelope = text_envelope("job", &message.to_string(), &clobbered);
    let ran = deployment.succeeds(QUEUE, &envelope).await;

    assert!(ran.logs[0].starts_with("defender.devices of Contoso: 3 records"), "{:?}", ran.logs);
}

#[tokio::test]
async fn pair_11_bytes_are_decoded_once_and_refused() {
    let metadata = json!({ "DequeueCount": "1", "Id": "\"a1\"", "sys": sys() });
    let envelope = json!({ "Data": { "msg": "eyJpZCI6N30=" }, "Metadata": metadata });

    is_refused(&envelope.to_string(), NO_JOB, "eyJpZCI6N30=").await;
}

/// Proves the decoding of pairs 9 to 11: in both forms the job runs.
#[tokio::test]
async fn pair_11_a_real_job_runs_as_text_and_as_bytes() {
    let deployment = Deployment::start(4).await;
    let (devices, score) = (job("defender.devices"), job("defender.exposure_score"));

    let text = text_envelope("job", &devices.to_string(), &metadata("1"));
    let as_text = deployment.succeeds(QUEUE, &text).await;
    let as_bytes = deployment.succeeds(QUEUE, &delivery(&score, 1)).await;

    assert!(as_text.logs[0].starts_with("defender.devices of Contoso: 4 records"));
    assert!(as_bytes.logs[0].starts_with("defender.exposure_score of Contoso: 1 records"));
    assert_eq!(deployment.devices_received(), 4);
}

#[tokio::test]
async fn pair_12_an_array_is_refused() {
    let metadata = json!({ "DequeueCount": "1", "sys": sys() });

    is_refused(&text_envelope("msg", "[1,2]", &metadata), NO_JOB, "[1,2]").await;
}

#[tokio::test]
async fn pair_13_a_manual_run_without_ids_is_refused_without_a_panic() {
    is_refused(&text_envelope("msg", "", &json!({ "sys": sys() })), NO_JOB, "").await;
}

#[tokio::test]
async fn pair_14_the_last_delivery_of_no_job_fails() {
    is_refused(&text_envelope("msg", "hello", &metadata("5")), NO_JOB, "hello").await;
}

#[tokio::test]
async fn pair_14_the_last_delivery_of_a_job_that_fails_is_no_success() {
    let deployment = Deployment::start(2).await;
    // More than a run waits for, so that the job ends at once.
    let busy = FaultKind::Status { code: 503, retry_after: Some("3600".to_owned()) };
    deployment.microsoft.inject(defender("/api/machines", busy));

    let reason = deployment.fails(QUEUE, &delivery(&job("defender.devices"), 5), 500).await;

    assert!(reason.contains("/api/machines"), "{reason}");
    deployment.until_logged("WARN").await;
    deployment.microsoft.clear_faults();
    deployment.succeeds(QUEUE, &delivery(&job("defender.devices"), 1)).await;
    assert_eq!(deployment.devices_received(), 2);
}

#[tokio::test]
async fn a_job_of_a_kind_source_or_tenant_unknown_here_is_refused() {
    let deployment = Deployment::start(1).await;
    let changed = |key: &str, value: &str| {
        let mut message = job("defender.devices");
        message[key] = value.into();
        delivery(&message, 1)
    };

    for (key, value) in [
        ("kind", "surprise"),
        ("source", "defender.nothing"),
        ("tenant", "11111111-2222-3333-4444-555555555555"),
        ("run", "2026-11-22T10:15:00Z"),
    ] {
        deployment.fails(QUEUE, &changed(key, value), 400).await;
        assert!(!deployment.service.log().contains(value), "{}", deployment.service.log());
    }
    let fields = format!(r#"["20261122T101500Z","{}","defender.devices"]"#, support::tenant(0).id);
    let in_order = json!({ "Data": { "job": BASE64_STANDARD.encode(fields) } }).to_string();
    deployment.fails(QUEUE, &in_order, 400).await;
    deployment.is_alive().await;
}

#[tokio::test]
async fn pair_22_a_bad_envelope_is_refused_by_every_function() {
    let deployment = Deployment::start(1).await;
    let deep = "[".repeat(100_000);
    let bad = ["", "[]", "null", "7", "hello", r#"{"Data":[]}"#, r#"{"Data":null}"#, &deep];

    // Every folder of a function, so that none is added that the binary doesn't know.
    for function in Function::all() {
        for envelope in bad {
            deployment.fails(&function.name, envelope, 400).await;
        }
    }
    for payload in [json!("no base64!"), json!("\"half"), Value::Null, json!(4), json!({})] {
        let envelope = json!({ "Data": { "job": payload }, "Metadata": {} }).to_string();
        deployment.fails(QUEUE, &envelope, 400).await;
    }
    deployment.is_alive().await;
}

#[tokio::test]
async fn pair_22_bytes_that_are_no_text_are_refused() {
    let deployment = Deployment::start(1).await;
    let port = deployment.service.port;

    for function in [TIMER, QUEUE, HTTP] {
        let mut request = http::envelope_request(port, function, r#"{"Data":{"t":"~~"}}"#);
        request.iter_mut().filter(|byte| **byte == b'~').for_each(|byte| *byte = 0xff);
        problem(&within(http::raw(port, &request)).await.unwrap(), 400);
    }
    deployment.is_alive().await;
}

#[tokio::test]
async fn pair_24_an_envelope_cut_off_is_refused() {
    let deployment = Deployment::start(1).await;

    for function in [TIMER, QUEUE, HTTP] {
        let reason = deployment.fails(function, r#"{"Data":"#, 400).await;
        assert!(reason.contains("the body is no envelope"), "{reason}");
    }
    for refused in ["The timer's call", "A queue message", "An HTTP call"] {
        deployment.until_logged(&format!("{refused} is refused: the body is no envelope")).await;
    }
    deployment.is_alive().await;
}

/// The host dies in the middle of its own request.
#[tokio::test]
async fn pair_24_a_connection_cut_off_leaves_the_process_serving() {
    let deployment = Deployment::start(1).await;
    let port = deployment.service.port;
    let whole = http::envelope_request(port, QUEUE, &delivery(&job("defender.devices"), 1));

    for length in [10, whole.len() / 2, whole.len() - 3] {
        let stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        std::io::Write::write_all(&mut &stream, &whole[..length]).unwrap();
        drop(stream);
        deployment.is_alive().await;
    }

    assert_eq!(deployment.devices_received(), 0);
    deployment.succeeds(QUEUE, &delivery(&job("defender.devices"), 1)).await;
}
