//! The real binary, killed around the call to Microsoft.

use super::*;
use crate::support::http;
use crate::support::service::{Service, environment};
use simulator::{Fault, FaultKind};
use std::time::{Duration, Instant};

/// A deployment that collects and acts by managed identities of its own tenant.
pub(super) fn deployment(microsoft: &Simulator, folder: &Folder) -> Vec<(String, String)> {
    let mut all = environment(microsoft, &folder.url());
    let tenant = support::tenant(0).id;
    microsoft.let_act(&tenant, &ROLES);
    for (name, value) in [
        ("POSTURE_ACTIONS", "isolate,scan".to_owned()),
        ("POSTURE_ACTION_DENY", "none".to_owned()),
        ("POSTURE_ACTION_CLIENT_ID", microsoft.action_client(&tenant).unwrap()),
    ] {
        all.push((name.to_owned(), value));
    }
    all
}

fn request(port: u16, device: &str, query: &str) -> String {
    let body = reason().to_string();
    format!(
        "POST /api/response/devices/{device}/isolate?{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\
         Idempotency-Key: incident-9\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

async fn post(service: &Service, device: &str, query: &str) -> http::Reply {
    let request = request(service.port, device, query);
    http::raw(service.port, request.as_bytes()).await.unwrap()
}

pub(super) async fn world() -> (Simulator, Folder, String) {
    let microsoft = support::microsoft(DEVICES).await;
    let tenant = support::tenant(0).id;
    let fields = json!({ "onboardingStatus": "Onboarded", "healthStatus": "Active" });
    microsoft.alter_device(&tenant, 0, fields);
    let id = microsoft.device(&tenant, 0)["id"].as_str().unwrap().to_owned();
    (microsoft, Folder::new(), id)
}

/// Starts a call, and kills the service as soon as Defender is asked to act.
async fn killed_in_the_call(microsoft: &Simulator, service: &mut Service, device: &str) {
    let (port, text) = (service.port, request(service.port, device, ""));
    let call = tokio::spawn(async move { http::raw(port, text.as_bytes()).await });
    let started = Instant::now();
    while asked_to_act(microsoft) == 0 {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", service.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    service.kill();
    assert!(call.await.unwrap().is_err(), "the service answered before it was killed");
}

#[tokio::test]
async fn killed_before_defender_has_it_the_key_acts_never() {
    let (microsoft, folder, id) = world().await;
    let environment = deployment(&microsoft, &folder);
    let mut service = Service::start(&environment).await;
    let path = format!("/api/machines/{id}/isolate");
    // Nothing is done before the time is over, and the test is over by then.
    let hang = FaultKind::Hang(Duration::from_secs(300));
    microsoft.inject(Fault::new(Api::Defender, &path, hang));

    killed_in_the_call(&microsoft, &mut service, &id).await;
    let service = Service::start(&environment).await;
    let again = post(&service, &id, "").await;
    let third = post(&service, &id, "wait=1").await;

    assert_eq!((again.status, third.status), (202, 202), "{} {}", again.body, third.body);
    assert_eq!(again.json()["outcome"], "intended");
    assert!(again.header("location").is_some() && again.header("retry-after").is_some());
    assert_eq!((asked_to_act(&microsoft), microsoft.acted().len()), (1, 0));
}

#[tokio::test]
async fn killed_before_the_answer_the_action_is_found_again_and_not_repeated() {
    let (microsoft, folder, id) = world().await;
    let environment = deployment(&microsoft, &folder);
    let mut service = Service::start(&environment).await;
    let late = FaultKind::Late(Duration::from_secs(60));
    microsoft.inject(Fault::new(Api::Defender, &format!("/api/machines/{id}/isolate"), late));

    killed_in_the_call(&microsoft, &mut service, &id).await;
    let started = Instant::now();
    while microsoft.acted().is_empty() {
        assert!(started.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let service = Service::start(&environment).await;
    let again = post(&service, &id, "wait=20").await;

    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(again.json()["outcome"], "succeeded");
    assert_eq!((asked_to_act(&microsoft), microsoft.acted().len()), (1, 1));
    let client = microsoft.action_client(&support::tenant(0).id).unwrap();
    assert_eq!(microsoft.acted()[0].client, client, "the managed identity for actions");
    let audit = audit(&*folder.ledger()).await;
    assert_eq!(audit[0]["outcome"], "succeeded", "{audit:?}");
    assert!(!service.log().contains("incident-9"), "the key is nobody's to read");
}

#[tokio::test]
async fn two_processes_share_the_hours_number_and_the_keys() {
    let (microsoft, folder, _) = world().await;
    let tenant = support::tenant(0).id;
    let mut environment = deployment(&microsoft, &folder);
    environment.push(("POSTURE_ACTION_CAPS".to_owned(), "isolate=4".to_owned()));
    let (one, two) = (Service::start(&environment).await, Service::start(&environment).await);
    let mut calls = Vec::new();
    for number in 0..12 {
        microsoft.alter_device(&tenant, number, json!({ "onboardingStatus": "Onboarded" }));
        let id = microsoft.device(&tenant, number)["id"].as_str().unwrap().to_owned();
        let port = if number % 2 == 0 { one.port } else { two.port };
        let text = request(port, &id, "").replace("incident-9", &format!("incident-{number}"));
        calls.push(async move { http::raw(port, text.as_bytes()).await.unwrap().status });
    }

    let mut statuses = futures::future::join_all(calls).await;

    statuses.sort_unstable();
    assert_eq!(statuses, [[202; 4].as_slice(), &[429; 8]].concat());
    assert_eq!((asked_to_act(&microsoft), microsoft.acted().len()), (4, 4));
}

/// Processes that are killed, each at another instant of an action's way.
const KILLS: u64 = 16;

#[tokio::test]
async fn killed_at_any_instant_a_key_acts_at_most_once_and_what_it_did_is_told() {
    let (microsoft, folder, _) = world().await;
    let tenant = support::tenant(0).id;
    let mut environment = deployment(&microsoft, &folder);
    environment.push(("POSTURE_ACTION_CAPS".to_owned(), "isolate=1000".to_owned()));
    for number in 0..KILLS {
        let fields = json!({ "onboardingStatus": "Onboarded", "healthStatus": "Active" });
        microsoft.alter_device(&tenant, number, fields);
        let id = microsoft.device(&tenant, number)["id"].as_str().unwrap().to_owned();
        let text =
            |port: u16| request(port, &id, "").replace("incident-9", &format!("incident-{number}"));
        let mut service = Service::start(&environment).await;
        let (port, first) = (service.port, text(service.port));
        let call = tokio::spawn(async move { http::raw(port, first.as_bytes()).await });
        // From before the first look at the device to after the answer.
        tokio::time::sleep(Duration::from_millis(4 + number * 4)).await;
        service.kill();
        drop(call.await);

        let service = Service::start(&environment).await;
        let again = http::raw(service.port, text(service.port).as_bytes()).await.unwrap();

        let acted = microsoft.acted().iter().filter(|acted| acted.machine == id).count();
        assert!(acted <= 1, "{number}: {}", again.body);
        let outcome = again.json()["outcome"].as_str().unwrap().to_owned();
        let told = match acted {
            0 => outcome == "intended",
            _ => outcome == "pending" || outcome == "succeeded",
        };
        assert!(told, "{number}: {outcome} after {acted}");
    }
}

#[tokio::test]
async fn the_setting_is_off_unless_it_is_set() {
    let (microsoft, folder, id) = world().await;
    let mut environment = deployment(&microsoft, &folder);
    environment.retain(|(name, _)| name != "POSTURE_ACTIONS");
    let service = Service::start(&environment).await;

    let reply = post(&service, &id, "").await;

    assert_eq!(reply.status, 403, "{}", reply.body);
    assert_eq!(asked_to_act(&microsoft), 0);
}
