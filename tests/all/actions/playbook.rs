//! A playbook from end to end, over HTTP as Logic Apps call: an incident in, a comment out, then the device
//! isolated within the guards and followed until it is done.

use super::crashes::{deployment, world};
use super::*;
use crate::support::http;
use crate::support::service::Service;
use std::time::{Duration, Instant};

/// A call with a JSON body, and headers of its own.
async fn send(service: &Service, start: &str, headers: &str, body: &Value) -> http::Reply {
    let (port, body) = (service.port, body.to_string());
    let request = format!(
        "{start} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}Content-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    http::raw(port, request.as_bytes()).await.unwrap()
}

#[tokio::test]
async fn a_playbook_comments_isolates_and_follows_to_the_end() {
    let (microsoft, folder, id) = world().await;
    let tenant = support::tenant(0).id;
    let mut environment = deployment(&microsoft, &folder);
    environment.retain(|(name, _)| name != "POSTURE_ACTION_DENY");
    let service = Service::start(&environment).await;
    for source in [posture::source::DEVICES.name, ASSET_CRITICALITY.name] {
        let message =
            json!({ "run": "20261122T101500Z", "tenant": tenant, "source": source, "now": true });
        assert_eq!(service.run(&message).await.status, 200, "{}", service.log());
    }
    let device = microsoft.device(&tenant, 0);
    let (host, domain) = device["computerDnsName"].as_str().unwrap().split_once('.').unwrap();
    let incident = json!({ "object": { "properties": { "title": "Invented", "severity": "High",
        "incidentNumber": 4711, "relatedEntities": [{ "kind": "Host",
            "properties": { "hostName": host, "dnsDomain": domain } }] } } });

    let path = "POST /api/incident-context";
    let context = send(&service, path, "", &incident).await;
    let comment = send(&service, &format!("{path}?format=html"), "", &incident).await;
    let card = &context.json()["hosts"][0]["card"];
    let found = card["device"]["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(found, id, "{}", context.body);
    assert!(
        comment.body.contains(host) && comment.body.chars().count() <= 30_000,
        "{}",
        comment.body
    );
    let actions = card["actions"].as_array().unwrap();
    let isolate = actions.iter().find(|one| one["action"] == "isolate").unwrap();
    assert_eq!(isolate["possible"], true, "{isolate}");

    microsoft.set_action_span(Duration::from_secs(2));
    let start = format!("POST /api/response/devices/{found}/isolate");
    let reason = json!({ "reason": "Incident 4711: contain it", "requestedBy": "Ana" });
    let key = "Idempotency-Key: incident-4711/isolate\r\n";
    let asked = send(&service, &start, key, &reason).await;
    let repeated = send(&service, &start, key, &reason).await;
    assert_eq!((asked.status, repeated.status), (202, 202), "{} {}", asked.body, repeated.body);
    let location = asked.header("location").unwrap().to_owned();
    assert_eq!(repeated.header("location").unwrap(), location);

    let started = Instant::now();
    let done = loop {
        let now = service.get(&location).await;
        if now.json()["outcome"] == "succeeded" {
            break now;
        }
        assert!(now.header("retry-after").is_some(), "{}", now.body);
        assert!(started.elapsed() < Duration::from_secs(20), "{}", now.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(done.json()["requestedBy"], "Ana");
    assert!(done.header("retry-after").is_none());
    let last = service.get(&format!("{location}&format=markdown")).await;
    assert!(last.body.contains("**Outcome**: done"), "{}", last.body);
    assert_eq!(microsoft.acted().len(), 1);
}
