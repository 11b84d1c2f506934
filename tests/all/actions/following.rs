//! An action on its way: done, pending, refused by Microsoft, answered late or not at all.

use super::*;
use simulator::{Fault, FaultKind};
use std::time::Duration;

#[tokio::test]
async fn an_isolation_is_followed_to_its_end_and_comes_from_the_identity_for_actions() {
    let world = World::new().await;
    let number = world.fit(0);
    let body =
        json!({ "reason": "Ticket 4711", "isolationType": "Selective", "requestedBy": "Ana" });

    let reply = world.ask(&world.id(number), "isolate", "incident-1", body).await;
    let released = world.ask(&world.id(number), "release", "incident-1-end", reason()).await;

    assert_eq!(reply.status, 200, "{}", reply.body);
    let answer = json_of(&reply);
    assert_eq!(answer["outcome"], "succeeded");
    assert_eq!(answer["machineAction"]["status"], "Succeeded");
    assert_eq!(answer["target"]["name"], world.device(number)["computerDnsName"]);
    assert_eq!(json_of(&released)["outcome"], "succeeded", "{}", released.body);
    let acted = world.acted();
    assert_eq!(acted[0].scope.as_deref(), Some("Selective"));
    assert!(acted[0].comment.starts_with("Ticket 4711 [posture "), "{}", acted[0].comment);
    assert_eq!(acted[1].kind, "Unisolate");
    let client = world.microsoft.action_client(&support::tenant(0).id).unwrap();
    assert!(acted.iter().all(|one| one.client == client), "never the identity that collects");
}

#[tokio::test]
async fn a_device_that_is_offline_stays_pending_and_is_followed_by_its_location() {
    let world = World::new().await;
    let number = world.fit(0);
    world.alter(number, json!({ "healthStatus": "Inactive" }));
    let path = format!("/api/response/devices/{}/isolate", world.id(number));

    let reply = call(&world.app, "POST", &path, "wait=1", "k", reason()).await;

    assert_eq!(reply.status, 202, "{}", reply.body);
    assert!(header(&reply, "retry-after").is_some());
    let location = header(&reply, "location").unwrap().to_owned();
    let (path, query) = location.split_once('?').unwrap();
    let later = call(&world.app, "GET", path, query, "", Value::Null).await;
    assert_eq!((later.status, &json_of(&later)["outcome"]), (200, &json!("pending")));
    assert!(header(&later, "retry-after").is_some());
    let rows = world.rows().len();
    let once_more = call(&world.app, "GET", path, query, "", Value::Null).await;
    assert_eq!(once_more.body, later.body);
    assert_eq!(world.rows().len(), rows, "what hasn't changed is not written down again");
    let comment =
        call(&world.app, "GET", path, &format!("{query}&format=html"), "", Value::Null).await;
    assert!(comment.body.contains("pending at Defender"), "{}", comment.body);
}

#[tokio::test]
async fn what_is_under_way_already_is_explained() {
    let world = World::new().await;
    let number = world.fit(0);
    world.alter(number, json!({ "healthStatus": "Inactive" }));
    let path = format!("/api/response/devices/{}/isolate", world.id(number));
    assert_eq!(call(&world.app, "POST", &path, "", "a", reason()).await.status, 202);

    let second = call(&world.app, "POST", &path, "", "b", reason()).await;

    assert_eq!(second.status, 409, "{}", second.body);
    assert!(second.body.contains("under way already"), "{}", second.body);
    let first = &world.acted()[0];
    assert!(
        second.body.contains(&format!("(Isolate {}, Pending since ", first.id)),
        "{}",
        second.body
    );
    assert_eq!(world.acted().len(), 1);
    // Nothing was carried out for this key, so it may be used again.
    let again = call(&world.app, "POST", &path, "", "b", reason()).await;
    assert!(again.body.contains("under way already"), "{}", again.body);
}

#[tokio::test]
async fn a_missing_role_names_the_role_and_the_identity() {
    let world = World::of(Policy { deny: Deny::default(), ..policy() }).await;
    let two = &tenants()[1];
    let device = world.microsoft.device(&two.id, 0);
    world.microsoft.alter_device(&two.id, 0, json!({ "onboardingStatus": "Onboarded" }));
    let forbidden = FaultKind::Status { code: 403, retry_after: None };
    let path = format!("/api/machines/{}/runAntiVirusScan", device["id"].as_str().unwrap());
    world.microsoft.inject(Fault::new(Api::Defender, &path, forbidden));

    let path = format!("/api/response/devices/{}/scan", device["id"].as_str().unwrap());
    let query = format!("tenant={}", two.id);
    let reply = call(&world.app, "POST", &path, &query, "k", reason()).await;

    assert_eq!(reply.status, 502, "{}", reply.body);
    assert!(reply.body.contains("grant the app role Machine.Scan to the identity for actions"));
    assert_eq!(call(&world.app, "POST", &path, &query, "k", reason()).await.status, 202);
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_never_asked_for_again() {
    let world = World::new().await;
    let id = world.id(world.fit(0));
    let path = format!("/api/machines/{id}/isolate");
    world.microsoft.inject(Fault::new(Api::Defender, &path, FaultKind::CutBody));

    let reply = world.ask(&id, "isolate", "k", reason()).await;

    assert_eq!(json_of(&reply)["outcome"], "succeeded", "{}", reply.body);
    assert_eq!((world.acted().len(), asked_to_act(&world.microsoft)), (1, 1));
}

#[tokio::test]
async fn where_microsoft_never_got_it_nothing_is_repeated_and_the_end_is_said() {
    let mut world = World::new().await;
    let id = world.id(world.fit(0));
    world.microsoft.inject(Fault::new(Api::Defender, "/api/machines/", FaultKind::Drop).after(1));
    let path = format!("/api/response/devices/{id}/isolate");

    let lost = call(&world.app, "POST", &path, "", "k", reason()).await;
    let again = call(&world.app, "POST", &path, "", "k", reason()).await;

    assert_eq!((lost.status, again.status), (202, 202), "{} {}", lost.body, again.body);
    assert_eq!(json_of(&again)["outcome"], "unknown");
    world.app.clock = || posture::app::clock() + jiff::SignedDuration::from_mins(7);
    let late = call(&world.app, "POST", &path, "", "k", reason()).await;
    assert_eq!(late.status, 409, "{}", late.body);
    assert!(
        late.body.contains("nothing was carried out, ask again with a new key"),
        "{}",
        late.body
    );
    assert_eq!((world.acted().len(), asked_to_act(&world.microsoft)), (0, 1));
}

#[tokio::test]
async fn throttling_carries_nothing_out_and_says_when() {
    let world = World::new().await;
    let id = world.id(world.fit(0));
    let busy = FaultKind::Status { code: 429, retry_after: Some("7".to_owned()) };
    let at = format!("/api/machines/{id}/runAntiVirusScan");
    world.microsoft.inject(Fault::new(Api::Defender, &at, busy));

    let throttled = world.ask(&id, "scan", "k", reason()).await;
    let again = world.ask(&id, "scan", "k", reason()).await;

    assert_eq!((throttled.status, header(&throttled, "retry-after")), (503, Some("7")));
    assert_eq!(again.status, 200, "the key is free: {}", again.body);
    assert_eq!(world.acted().len(), 1);
}

#[tokio::test]
async fn a_control_is_changed_with_the_vendors_information_and_read_back() {
    let world = World::new().await;
    let path = "/api/response/controls/InventedMFARegistration";
    let body = json!({ "state": "ThirdParty", "assignedTo": "ana@contoso.example",
        "comment": "Covered by the mail gateway" });

    let reply = call(&world.app, "PATCH", path, "", "k", body.clone()).await;
    let again = call(&world.app, "PATCH", path, "", "k", body).await;

    assert_eq!(json_of(&reply)["outcome"], "succeeded", "{}", reply.body);
    assert_eq!(json_of(&again)["id"], json_of(&reply)["id"]);
    assert_eq!(asked_to_act(&world.microsoft), 1);
    let kept = run(&world.app, &job(&world.app, posture::source::CONTROL_PROFILES)).await;
    assert_eq!(kept.status, Status::Complete);
    let lines =
        support::kept_lines(&*world.folder.ledger(), posture::source::CONTROL_PROFILES).await;
    let changed = lines.iter().find(|line| line.contains("InventedMFARegistration")).unwrap();
    assert!(changed.contains("Covered by the mail gateway [posture "), "{changed}");
}

#[tokio::test]
async fn a_slow_device_is_answered_while_it_works() {
    let world = World::new().await;
    world.microsoft.set_action_span(Duration::from_secs(600));
    let id = world.id(world.fit(0));
    let path = format!("/api/response/devices/{id}/scan");

    let reply = call(
        &world.app,
        "POST",
        &path,
        "wait=1",
        "k",
        json!({ "reason": "r", "scanType": "Full" }),
    );
    let reply = reply.await;

    assert_eq!((reply.status, &json_of(&reply)["outcome"]), (202, &json!("pending")));
    assert_eq!(world.acted()[0].scope.as_deref(), Some("Full"));
}
