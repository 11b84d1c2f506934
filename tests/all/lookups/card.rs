//! The device card.

use super::{World, body, device, reason, text};
use posture::source::hunting::{ASSET_CRITICALITY, INTERNET_FACING_DEVICES};
use posture::source::{DEVICE_CONFIGURATIONS, DEVICE_VULNERABILITIES, DEVICES, VULNERABILITIES};
use serde_json::{Value, json};
use simulator::{Api, Fault, FaultKind};

#[tokio::test]
async fn a_device_is_found_by_id_entra_id_name_host_and_address() {
    let world = World::start(40).await;
    world.keep(&[DEVICES]).await;
    let known =
        device(&world, |one| one["aadDeviceId"].is_string() && one["healthStatus"] == "Active")
            .await;
    let (id, name) = (text(&known, "id"), text(&known, "computerDnsName"));
    let host = name.split('.').next().unwrap();
    let address = text(&known, "lastIpAddress");

    for kept in ["", "kept=true"] {
        for named in [id, text(&known, "aadDeviceId"), name, host, address, &name.to_uppercase()] {
            let card = world.json(&format!("/api/devices/{named}"), kept).await;
            assert_eq!(card["device"]["id"], id, "{named} {kept}");
            assert_eq!(card["kept"], !kept.is_empty(), "{named}");
        }
    }
    for (named, status) in [("pc-999999", 404), ("a%20b", 400), ("x'y", 400), ("10.9.9.9", 404)] {
        let reply = world.get(&format!("/api/devices/{named}"), "").await;
        assert_eq!(reply.status, status, "{named}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_device_that_has_been_silent_is_found_by_its_last_address() {
    let world = World::start(40).await;
    world.keep(&[DEVICES]).await;
    let silent = device(&world, |one| one["healthStatus"] == "Inactive").await;

    let card = world.json(&format!("/api/devices/{}", text(&silent, "lastIpAddress")), "").await;

    assert_eq!(card["device"]["id"], silent["id"]);
}

#[tokio::test]
async fn a_name_that_several_devices_have_is_answered_with_all_of_them() {
    let world = World::start(40).await;
    let two = json!({"value": [
        {"id": "a".repeat(40), "computerDnsName": "pc-7.one.example", "lastSeen": "2026-11-01T00:00:00Z"},
        {"id": "b".repeat(40), "computerDnsName": "pc-7.two.example", "lastSeen": "2026-11-02T00:00:00Z"},
        {"id": "c".repeat(40), "computerDnsName": "pc-70.two.example"},
    ]});
    let body_of_two = FaultKind::Body {
        content_type: "application/json".to_owned(),
        body: two.to_string().into_bytes(),
    };
    world.microsoft.inject(Fault::new(Api::Defender, "/api/machines", body_of_two));

    let reply = world.get("/api/devices/pc-7", "").await;

    let problem = body(&reply);
    assert_eq!((reply.status, reply.content_type), (409, "application/problem+json"));
    let names = problem["candidates"].as_array().unwrap().iter().map(|one| text(one, "name"));
    assert_eq!(names.collect::<Vec<_>>(), ["pc-7.two.example", "pc-7.one.example"]);
    assert!(text(&problem, "detail").contains("2 devices have this name: "), "{problem}");
}

#[tokio::test]
async fn a_card_has_all_its_parts_live_and_asks_for_each_once_in_five_minutes() {
    let world = World::start(40).await;
    world.keep(&[DEVICES, ASSET_CRITICALITY, INTERNET_FACING_DEVICES]).await;
    let known = device(&world, |one| one["onboardingStatus"] == "Onboarded").await;
    let path = format!("/api/devices/{}", text(&known, "id"));

    let card = world.json(&path, "").await;
    let asked = world.microsoft.asked();
    let again = world.json(&path, "").await;

    assert_eq!(card["missing"], json!([]));
    for part in
        ["alerts", "vulnerabilities", "failedConfigurations", "criticality", "internetFacing"]
    {
        assert!(card[part].is_object(), "{part}: {card}");
    }
    for part in ["missingUpdates", "loggedOnUsers"] {
        assert!(!card[part].as_array().unwrap().is_empty(), "{part}: {card}");
    }
    let vulnerabilities = &card["vulnerabilities"];
    let by: u64 = vulnerabilities["bySeverity"]
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(Some(by), vulnerabilities["total"].as_u64());
    assert!(text(&vulnerabilities["worst"], "description").starts_with("Summary: "));
    assert!(!text(&card, "level").is_empty() && card["reasons"].is_array());
    let tenant = &world.tenant.id;
    let link = format!(
        "https://security.microsoft.com/machines/v2/{}/overview?tid={tenant}",
        text(&known, "id")
    );
    assert_eq!(card["links"]["overview"], link);
    let off = &card["actions"][0];
    assert_eq!(
        (&off["action"], &off["possible"], &off["code"]),
        (&json!("isolate"), &json!(false), &json!("switchedOff"))
    );
    assert_eq!((world.microsoft.asked(), &again["vulnerabilities"]), (asked, vulnerabilities));
}

#[tokio::test]
async fn a_part_that_is_refused_or_throttled_leaves_the_rest() {
    let world = World::start(40).await;
    world.keep(&[DEVICES, ASSET_CRITICALITY]).await;
    let known = device(&world, |_| true).await;
    let path = |part: &str| format!("/api/machines/{}/{part}", text(&known, "id"));
    world.refuse(&path("alerts"));
    world.refuse(&path("logonusers"));
    let throttled = FaultKind::Status { code: 429, retry_after: Some("30".to_owned()) };
    world.microsoft.inject(Fault::new(Api::Defender, &path("getmissingkbs"), throttled));

    let card = world.json(&format!("/api/devices/{}", text(&known, "id")), "").await;

    assert_eq!(card["kept"], false);
    assert_eq!(
        [&card["alerts"], &card["loggedOnUsers"], &card["missingUpdates"]],
        [&Value::Null; 3]
    );
    assert!(card["vulnerabilities"].is_object());
    assert!(reason(&card, "alerts").contains("grant the app role Alert.Read.All"));
    assert!(reason(&card, "loggedOnUsers").contains("(403 Forbidden)"));
    let late = reason(&card, "missingUpdates");
    assert!(late.contains("throttled at /api/machines/") && late.contains("in 30 s"), "{late}");
}

#[tokio::test]
async fn where_defender_refuses_the_kept_snapshots_answer_with_their_age() {
    let world = World::start(40).await;
    world
        .keep(&[
            DEVICES,
            DEVICE_VULNERABILITIES,
            DEVICE_CONFIGURATIONS,
            VULNERABILITIES,
            ASSET_CRITICALITY,
            INTERNET_FACING_DEVICES,
        ])
        .await;
    let known = device(&world, |_| true).await;
    let path = format!("/api/devices/{}", text(&known, "id"));
    let live = world.json(&path, "").await;
    let other = device(&world, |one| one["id"] != known["id"]).await;
    world.refuse("/api/machines/");

    let refused = world.json(&format!("/api/devices/{}", text(&other, "id")), "").await;
    let kept = world.json(&path, "kept=true").await;

    assert_eq!((&refused["kept"], &refused["device"]["id"]), (&json!(true), &other["id"]));
    assert!(reason(&refused, "live").contains("403"), "{refused}");
    assert!(kept["ageSeconds"].is_u64() && kept["collected"].is_string(), "{kept}");
    let (ours, theirs) = (&kept["vulnerabilities"], &live["vulnerabilities"]);
    assert_eq!(ours["total"], theirs["total"]);
    assert_eq!(ours["bySeverity"], theirs["bySeverity"]);
    assert!(text(&ours["worst"], "description").starts_with("Summary: "));
    let failed = |card: &Value| card["failedConfigurations"]["failed"].as_u64().unwrap();
    assert_eq!(failed(&kept), failed(&live));
    let names = |card: &Value| {
        let updates = card["missingUpdates"].as_array().unwrap();
        updates
            .iter()
            .map(|one| text(one, "name").to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(&kept), names(&live));
    assert_eq!(kept["criticality"], live["criticality"]);
    assert_eq!(kept["internetFacing"], live["internetFacing"]);
    assert!(reason(&kept, "alerts").contains("looked up, not kept"));
}

#[tokio::test]
async fn without_a_snapshot_the_refusal_itself_is_the_answer() {
    let world = World::start(5).await;
    world.without(&["Machine.Read.All"]);
    let id = "0".repeat(40);

    let refused = world.get(&format!("/api/devices/{id}"), "").await;
    let kept = world.get(&format!("/api/devices/{id}"), "kept=true").await;

    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("grant the app role Machine.Read.All"), "{}", refused.body);
    assert_eq!(kept.status, 404);
    assert!(kept.body.contains("defender.devices isn't kept: "), "{}", kept.body);
}

#[tokio::test]
async fn a_card_is_also_a_comment() {
    let world = World::start(40).await;
    world.keep(&[DEVICES]).await;
    let known = device(&world, |_| true).await;
    let path = format!("/api/devices/{}", text(&known, "id"));

    let (html, markdown) =
        (world.get(&path, "format=html").await, world.get(&path, "format=markdown").await);

    assert_eq!(html.content_type, "text/html; charset=utf-8");
    assert!(html.body.contains(text(&known, "computerDnsName")), "{}", html.body);
    assert!(html.body.contains("<th>Action</th>") && html.body.contains("Missing updates"));
    assert!(markdown.body.starts_with("### ") && markdown.body.contains("Response actions"));
}

/// The factor `exposure` of the worst vulnerability of a card.
fn exposure(card: &Value) -> &Value {
    let factor = &card["vulnerabilities"]["worst"]["risk"]["factors"][3];
    assert_eq!(factor["name"], "exposure", "{card}");
    factor
}

#[tokio::test]
async fn a_device_that_faces_the_internet_is_more_exposed() {
    let world = World::start(40).await;
    world.keep(&[DEVICES, DEVICE_VULNERABILITIES, INTERNET_FACING_DEVICES]).await;
    let lines = crate::support::kept_lines(&*world.app.ledger, INTERNET_FACING_DEVICES).await;
    let rows = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let facing: Vec<Value> = rows.map(|row| row["DeviceId"].clone()).collect();
    let devices = world.json("/api/devices", "top=1000").await;

    let mut seen = [0, 0, 0];
    for device in devices["value"].as_array().unwrap() {
        let path = format!("/api/devices/{}", text(device, "id"));
        let card = world.json(&path, "kept=true").await;
        let (said, factor) = (&card["internetFacing"]["facing"], exposure(&card));
        let (place, value, weight) = match said {
            Value::Bool(true) => (0, json!("internet-facing"), json!(1.0)),
            Value::Bool(false) => (1, json!("not internet-facing"), json!(0.4)),
            _ => (2, Value::Null, json!(0.7)),
        };
        seen[place] += 1;
        assert_eq!(*said == true, facing.contains(&device["id"]), "{card}");
        assert_eq!((&factor["value"], &factor["weight"]), (&value, &weight), "{card}");
        assert_eq!(factor["asOf"].is_null(), place == 2, "{factor}");
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
}

#[tokio::test]
async fn where_nobody_has_asked_which_devices_face_the_internet_the_card_says_so() {
    let world = World::start(40).await;
    world.keep(&[DEVICES, DEVICE_VULNERABILITIES]).await;
    let known = device(&world, |_| true).await;

    let card = world.json(&format!("/api/devices/{}", text(&known, "id")), "kept=true").await;

    assert!(card["internetFacing"].is_null(), "{card}");
    assert!(reason(&card, "internetFacing").contains("internet_facing_devices isn't kept"));
    assert_eq!(
        (&exposure(&card)["value"], &exposure(&card)["weight"]),
        (&Value::Null, &json!(0.7))
    );
}
