//! What the host takes from our real answers: pairs that list what it accepts, and what it must
//! never be sent.

use super::{Deployment, HTTP, QUEUE, TIMER, accepted, defender, delivery, job, tick};
use crate::support::fake_host::{Answer, Function, Verdict};
use crate::support::http::Reply;
use serde_json::{Value, json};
use simulator::{Api, Fault, FaultKind};

/// A caller's request as an envelope, in the words of pair 25.
fn request(url: &str, query: Value) -> String {
    let request = json!({
        "Url": url,
        "Method": "GET",
        "Query": query,
        "Headers": {
            "Accept-Charset": ["UTF-8"], "Accept": ["text/plain"], "Content-Length": ["13"],
        },
        "Params": { "path": null },
        "Identities": [{ "AuthenticationType": null, "IsAuthenticated": false, "Claims": [] }],
        "Body": "\"hello world\"",
    });
    json!({ "Data": { "req": request }, "Metadata": {} }).to_string()
}

/// Our answers of every kind: timer; jobs complete, unneeded, failed, refused, incomplete; HTTP.
async fn answers() -> Vec<(&'static str, Reply)> {
    let deployment = Deployment::start(3).await;
    let complete = delivery(&job("defender.devices"), 1);
    let busy = FaultKind::Status { code: 503, retry_after: Some("3600".to_owned()) };
    let mut answers = vec![(TIMER, deployment.post(TIMER, &tick(Value::Null, false)).await)];
    answers.push((QUEUE, deployment.post(QUEUE, &complete).await));
    answers.push((QUEUE, deployment.post(QUEUE, &complete).await));
    deployment.microsoft.inject(defender("/api/vulnerabilities", busy));
    let failing = delivery(&job("defender.vulnerabilities"), 1);
    answers.push((QUEUE, deployment.post(QUEUE, &failing).await));
    let denied = FaultKind::Status { code: 403, retry_after: None };
    deployment.microsoft.inject(defender("/api/recommendations", denied));
    let refused = delivery(&job("defender.recommendations"), 1);
    answers.push((QUEUE, deployment.post(QUEUE, &refused).await));
    let partial = Fault::new(Api::Defender, "/api/exposureScore", FaultKind::Partial);
    deployment.microsoft.inject(partial);
    let incomplete = delivery(&job("defender.exposure_score"), 1);
    answers.push((QUEUE, deployment.post(QUEUE, &incomplete).await));
    for url in ["http://localhost/api/summary", "http://localhost/api/nothing"] {
        answers.push((HTTP, deployment.post(HTTP, &request(url, json!({}))).await));
    }
    answers
}

#[tokio::test]
async fn pair_04_every_answer_of_ours_is_one_that_the_host_takes() {
    let answers = answers().await;

    let statuses: Vec<_> = answers.iter().map(|(_, reply)| reply.status).collect();
    assert_eq!(statuses, [200, 200, 200, 500, 200, 200, 200, 200]);
    for (function, reply) in answers.iter().filter(|(_, reply)| reply.status == 200) {
        accepted(function, reply);
    }
    let log = |index: usize| accepted(QUEUE, &answers[index].1).logs[0].clone();
    assert!(log(1).contains("3 records in 1 pages"), "{}", log(1));
    assert!(log(2).contains("nothing to do"), "{}", log(2));
    assert!(log(4).contains("SecurityRecommendation.Read.All"), "{}", log(4));
    assert!(log(5).contains("; "), "what is missing is said: {}", log(5));
}

#[tokio::test]
async fn pair_16_logs_are_lines_and_outputs_are_bindings_by_their_exact_names() {
    for (function, reply) in answers().await {
        let Verdict::Success(accepted) = Function::read(function).judge(&reply) else { continue };
        assert!(accepted.logs.iter().all(|line| !line.is_empty() && !line.contains('\n')));
        assert_eq!(accepted.logs.len(), usize::from(function != HTTP), "{reply:?}");
        assert!(accepted.returned.is_none() && accepted.ignored.is_empty(), "{reply:?}");
    }
}

/// Pairs 15 and 26 are sound ways to send one message; ours is the array of objects of pair 18, of
/// any length.
#[tokio::test]
async fn pair_15_every_output_message_is_a_job_of_ours() {
    let deployment = Deployment::start(1).await;

    let planned = deployment.succeeds(TIMER, &tick(Value::Null, false)).await;

    for message in &planned.queues["jobs"] {
        let read: posture::plan::Message = serde_json::from_slice(message).unwrap();
        assert_eq!(read.tenant, crate::support::tenant(0).id);
    }
}

#[tokio::test]
async fn pairs_17_19_20_21_no_answer_of_ours_hangs_or_is_misread() {
    for (function, reply) in answers().await {
        assert!(!reply.body.is_empty() && reply.body != "null", "{reply:?}");
        assert!(reply.json().is_object() && reply.status != 204, "{reply:?}");
        match Function::read(function).judge(&reply) {
            Verdict::Success(_) => drop(accepted(function, &reply)),
            Verdict::Failure(reason) => assert_eq!(reason, "status 500"),
            Verdict::Hang => panic!("the host would wait for ever: {reply:?}"),
        }
    }
}

#[tokio::test]
async fn pair_25_a_request_in_an_envelope_is_answered_through_the_output() {
    let deployment = Deployment::start(1).await;
    let query = json!({ "id": "149656222", "name": "Ink And Toner" });
    let url = "http://localhost?id=149656222&name=Ink%20And%20Toner";

    let unknown = deployment.succeeds(HTTP, &request(url, query)).await.http.unwrap();
    let health = request("https://app.example/api/health?x=1", json!({ "x": "1,2" }));
    let health = deployment.succeeds(HTTP, &health).await.http.unwrap();

    assert_eq!((unknown.status, unknown.content_type.as_str()), (404, "application/problem+json"));
    assert_eq!((health.status, health.content_type.as_str()), (200, "application/json"));
    assert!(serde_json::from_str::<Value>(&health.body).unwrap().is_object());
}

#[tokio::test]
async fn pair_26_an_envelope_comes_to_the_http_function_though_forwarding_is_on() {
    let deployment = Deployment::start(1).await;
    let tenant = crate::support::tenant(0).id;
    let url = format!("https://app.example/api/summary?tenant={tenant}");

    let envelope = request(&url, json!({ "tenant": tenant }));
    let wrapped = deployment.succeeds(HTTP, &envelope).await.http.unwrap();
    let direct = deployment.service.get(&format!("/api/summary?tenant={tenant}")).await;

    assert_eq!(wrapped.status, direct.status);
    assert_eq!(Some(wrapped.content_type.as_str()), direct.header("content-type"));
    let keys = |text: &str| {
        let body: Value = serde_json::from_str(text).unwrap();
        body.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys(&wrapped.body), keys(&direct.body));
}

#[tokio::test]
async fn pair_27_every_try_of_a_retry_policy_is_answered() {
    let deployment = Deployment::start(1).await;

    for count in 0..3 {
        let retry = json!({
            "RetryCount": count, "MaxRetryCount": 2, "Exception": null, "Instance": null, "State": {},
        });
        let metadata = json!({ "RetryContext": retry });
        let envelope = json!({ "Data": { "req": {} }, "Metadata": metadata }).to_string();
        let answer: Answer = deployment.succeeds(HTTP, &envelope).await.http.unwrap();
        assert_eq!(answer.status, 400);
        let timer = json!({ "Data": { "tick": {} }, "Metadata": metadata }).to_string();
        deployment.succeeds(TIMER, &timer).await;
    }
}
