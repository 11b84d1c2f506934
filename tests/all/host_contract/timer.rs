//! The timer's calls: answered at once with the due jobs as messages, whatever the schedule says.

use super::{Deployment, QUEUE, TIMER, sys, tick};
use crate::support::fake_host::Function;
use posture::source::{ALL, defaults};
use serde_json::{Value, json};

const LAST: &str = "2024-10-24T10:00:00.0012345+00:00";

fn first_run() -> Value {
    json!({ "Last": "0001-01-01T00:00:00", "Next": "2024-10-24T10:05:00+00:00", "LastUpdated": LAST })
}

#[tokio::test]
async fn pair_05_a_timer_without_a_schedule_status_answers_one_log() {
    let deployment = Deployment::start(1).await;

    let accepted = deployment.succeeds(TIMER, &tick(Value::Null, false)).await;

    assert_eq!(accepted.logs, [format!("Planned {} jobs", defaults().len())]);
    assert_eq!(accepted.queues["jobs"].len(), defaults().len());
}

#[tokio::test]
async fn pair_06_the_first_run_ever_plans_all_sources() {
    let deployment = Deployment::start(1).await;

    let accepted = deployment.succeeds(TIMER, &tick(first_run(), false)).await;

    assert_eq!(accepted.queues["jobs"].len(), defaults().len());
}

#[tokio::test]
async fn pair_07_a_catch_up_run_is_answered_like_any_other() {
    let deployment = Deployment::start(1).await;

    let accepted = deployment.succeeds(TIMER, &tick(first_run(), true)).await;

    assert_eq!(accepted.queues["jobs"].len(), defaults().len());
}

#[tokio::test]
async fn a_timers_value_of_another_shape_is_planned_all_the_same() {
    let deployment = Deployment::start(1).await;
    let odd = [
        json!({ "Data": { "tick": {} }, "Metadata": {} }),
        json!({ "Data": { "tick": { "ScheduleStatus": { "Last": "never" } } } }),
        json!({ "Data": { "tick": "null" }, "Metadata": { "sys": "clobbered" } }),
        json!({ "Data": {}, "Metadata": { "sys": sys() }, "More": [1] }),
    ];

    for envelope in odd {
        let accepted = deployment.succeeds(TIMER, &envelope.to_string()).await;
        assert_eq!(accepted.queues["jobs"].len(), defaults().len(), "{envelope}");
    }
}

/// What the timer sends is what the queue gets: through the host's indented JSON and its base64.
#[tokio::test]
async fn pair_18_the_timers_messages_run_as_the_host_delivers_them() {
    let deployment = Deployment::start(7).await;
    let reply = deployment.post(TIMER, &tick(first_run(), false)).await;
    let sent = &reply.json()["Outputs"]["jobs"];
    let messages = &super::accepted(TIMER, &reply).queues["jobs"];
    assert_eq!(messages.len(), defaults().len());

    for (index, message) in messages.iter().enumerate() {
        let text = std::str::from_utf8(message).unwrap();
        assert!(text.starts_with("{\n  \"") && message.len() < 48 * 1024, "{text}");
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), sent[index]);
        let ran = deployment.succeeds(QUEUE, &Function::read(QUEUE).delivery(message, 1)).await;
        assert!(ran.logs[0].contains(" records in "), "{:?}", ran.logs);
    }

    assert_eq!(deployment.devices_received(), 7);
    let next = deployment.succeeds(TIMER, &tick(first_run(), false)).await;
    assert!(next.queues["jobs"].is_empty(), "all sources were read a moment ago");
}

/// A failed timer call is only logged by the host; the next tick must find all as it was.
#[tokio::test]
async fn a_ledger_that_cant_be_read_fails_the_tick_and_not_the_next_one() {
    let deployment = Deployment::start(1).await;
    let tenant = crate::support::tenant(0).id;
    let path = format!("state/{tenant}/{}.json", ALL[0].name);
    let path = deployment.folder.path().join(path);
    std::fs::create_dir_all(&path).unwrap();

    let reason = deployment.fails(TIMER, &tick(Value::Null, false), 500).await;

    assert!(reason.contains(ALL[0].name), "{reason}");
    deployment.until_logged("Nothing is planned, the next tick tries again").await;
    std::fs::remove_dir(&path).unwrap();
    let accepted = deployment.succeeds(TIMER, &tick(Value::Null, false)).await;
    assert_eq!(accepted.queues["jobs"].len(), defaults().len());
}
