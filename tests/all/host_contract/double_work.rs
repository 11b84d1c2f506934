//! Calls that come twice or beside one another, and a process killed in the middle of one.

use super::{Deployment, QUEUE, TIMER, defender, delivery, job, tick, within};
use crate::support::fake_host::Function;
use crate::support::http;
use crate::support::service::{Service, environment};
use futures::future::join_all;
use posture::source::{DEVICES, defaults};
use serde_json::Value;
use simulator::{Api, Fault, FaultKind};
use std::collections::BTreeSet;
use std::time::Duration;

/// Longer than any test: a job that meets it is at work until the test is over.
const FOR_EVER: Duration = Duration::from_secs(300);

#[tokio::test]
async fn pair_08_two_timer_calls_do_no_double_work() {
    let deployment = Deployment::start(20).await;
    let tick = tick(Value::Null, false);

    let (one, other) =
        tokio::join!(deployment.succeeds(TIMER, &tick), deployment.succeeds(TIMER, &tick));
    let messages: Vec<_> = [&one, &other].iter().flat_map(|call| &call.queues["jobs"]).collect();
    let queue = Function::read(QUEUE);
    let delivered = messages.iter().map(|message| queue.delivery(message, 1));
    let runs = delivered.map(async |envelope| deployment.succeeds(QUEUE, &envelope).await);
    let runs = join_all(runs).await;

    assert_eq!(runs.len(), 2 * defaults().len());
    let complete = runs.iter().filter(|run| run.logs[0].contains(" records in "));
    assert_eq!(complete.count(), defaults().len());
    let received = deployment.microsoft.received();
    assert_eq!(received.counts[DEVICES.table.name], 20);
    for (table, rows) in &received.tables {
        let ids: BTreeSet<_> = rows.iter().map(|row| row["RecordId"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), rows.len(), "{table} has rows twice");
    }
    assert_eq!(received.counts["PostureRuns_CL"], defaults().len() as u64);
}

#[tokio::test]
async fn pair_08_a_tick_beside_a_running_job_leaves_that_job_out() {
    let deployment = Deployment::start_with(5, &[("POSTURE_CLAIM_SECONDS", "30")]).await;
    deployment.microsoft.inject(defender("/api/machines", FaultKind::Hang(FOR_EVER)));
    let envelope = delivery(&job("defender.devices"), 1);
    let port = deployment.service.port;
    let running = tokio::spawn(async move { http::envelope(port, QUEUE, &envelope).await });
    deployment.until_asked("/api/machines").await;

    let accepted = deployment.succeeds(TIMER, &tick(Value::Null, false)).await;

    let messages = &accepted.queues["jobs"];
    let text = |message: &Vec<u8>| String::from_utf8(message.clone()).unwrap();
    assert_eq!(messages.len(), defaults().len() - 1);
    assert!(!messages.iter().any(|message| text(message).contains("defender.devices")));
    assert!(!running.is_finished());
    running.abort();
}

#[tokio::test]
async fn pair_02_fifty_probes_are_answered_while_a_job_runs() {
    let deployment = Deployment::start(5).await;
    deployment.microsoft.inject(defender("/api/machines", FaultKind::Hang(FOR_EVER)));
    let envelope = delivery(&job("defender.devices"), 1);
    let port = deployment.service.port;
    let running = tokio::spawn(async move { http::envelope(port, QUEUE, &envelope).await });
    deployment.until_asked("/api/machines").await;

    for _ in 0..50 {
        let answer = tokio::time::timeout(Duration::from_secs(1), deployment.service.get("/"));
        assert_eq!(answer.await.expect("answered within a second").status, 200);
    }

    assert!(!running.is_finished());
    running.abort();
}

/// A caller that hangs up, as a host that restarts does, doesn't end the job in the middle.
#[tokio::test]
async fn a_job_goes_on_when_its_caller_hangs_up() {
    let deployment = Deployment::start(6).await;
    let slow = FaultKind::Hang(Duration::from_millis(300));
    deployment.microsoft.inject(Fault::new(Api::Defender, "/api/machines", slow));
    let envelope = delivery(&job("defender.devices"), 1);
    let port = deployment.service.port;
    let caller = tokio::spawn(async move { http::envelope(port, QUEUE, &envelope).await });
    deployment.until_asked("/api/machines").await;

    caller.abort();

    deployment.until_logged("defender.devices of Contoso: 6 records").await;
    assert_eq!(deployment.devices_received(), 6);
}

#[tokio::test]
async fn pair_33_a_killed_process_starts_again_at_once_on_its_port() {
    let mut deployment = Deployment::start(9).await;
    let stuck = FaultKind::Hang(FOR_EVER);
    deployment.microsoft.inject(Fault::new(Api::Defender, "/api/machines", stuck));
    let message = job("defender.devices");
    let port = deployment.service.port;
    let request = http::envelope_request(port, QUEUE, &delivery(&message, 1));
    let cut_short = tokio::spawn(async move { http::raw(port, &request).await });
    deployment.until_asked("/api/machines").await;

    deployment.service.kill();
    let environment = environment(&deployment.microsoft, &deployment.folder.url());
    deployment.service = within(Service::start_on(port, &environment)).await;

    assert!(!matches!(within(cut_short).await, Ok(Ok(_))), "the first call had no answer");
    let again = deployment.succeeds(QUEUE, &delivery(&message, 2)).await;
    assert!(
        again.logs[0].starts_with("defender.devices of Contoso: 9 records"),
        "{:?}",
        again.logs
    );
    assert_eq!(deployment.devices_received(), 9);
}
