//! The context of a Sentinel incident.

use super::{World, body, device, reason, text};
use crate::support;
use posture::host::Reply;
use posture::routes::{self, Request};
use posture::source::{DEVICE_VULNERABILITIES, DEVICES, RISKY_USERS, VULNERABILITIES};
use serde_json::{Value, json};
use warp::http::HeaderMap;

async fn post(world: &World, query: &str, body: &str) -> Reply {
    let (headers, body) = (HeaderMap::new(), body.as_bytes());
    let (method, path) = ("POST", "/api/incident-context");
    routes::answer(&world.app, Request { method, path, query, headers: &headers, body }).await
}

/// Some device, a user at risk and a vulnerability of the tenant.
async fn known(world: &World) -> (Value, Value, String) {
    world.keep(&[DEVICES, RISKY_USERS, DEVICE_VULNERABILITIES, VULNERABILITIES]).await;
    let users = support::kept_lines(&*world.app.ledger, RISKY_USERS).await;
    let flaws = support::kept_lines(&*world.app.ledger, VULNERABILITIES).await;
    let flaw: Value = serde_json::from_str(&flaws[1]).unwrap();
    let is = |one: &Value| one["healthStatus"] == "Active";
    (
        device(world, is).await,
        serde_json::from_str(&users[0]).unwrap(),
        text(&flaw, "id").to_owned(),
    )
}

fn incident(device: &Value, user: &Value, cve: &str) -> Value {
    let name = text(device, "computerDnsName");
    let (host, domain) = name.split_once('.').unwrap();
    let (account, suffix) = text(user, "userPrincipalName").split_once('@').unwrap();
    json!({
        "objectSchemaType": "Incident", "objectEventType": "Create",
        "object": { "name": "99999999-0000-4000-8000-000000000001", "properties": {
            "title": format!("Invented use of {cve}"), "severity": "Medium", "status": "New",
            "incidentNumber": 7,
            "relatedEntities": [
                {"id": "", "type": "Microsoft.SecurityInsights/Entities", "kind": "Host",
                    "properties": {"hostName": host, "dnsDomain": domain,
                        "additionalData": {"MdatpDeviceId": device["id"]}}},
                {"kind": "Host", "properties": {"hostName": host}},
                {"kind": "Host", "properties": {"hostName": "nobody-17"}},
                {"kind": "Account", "properties": {"accountName": account, "upnSuffix": suffix}},
                {"kind": "Ip", "properties": {"address": device["lastIpAddress"]}},
                {"kind": "Ip", "properties": {"address": device["lastExternalIpAddress"]}},
            ],
        }},
    })
}

#[tokio::test]
async fn every_entity_of_an_incident_is_looked_up_once() {
    let world = World::start(40).await;
    let (device, user, cve) = known(&world).await;
    let incident = incident(&device, &user, &cve).to_string();

    let reply = post(&world, "", &incident).await;

    assert_eq!(reply.status, 200, "{}", reply.body);
    let context = body(&reply);
    let hosts = context["hosts"].as_array().unwrap();
    assert_eq!(hosts.len(), 2, "{hosts:?}");
    assert_eq!(hosts[0]["card"]["device"]["id"], device["id"]);
    assert!(text(&hosts[1], "problem").starts_with("no device of this name: "), "{}", hosts[1]);
    assert_eq!(context["level"], hosts[0]["card"]["level"]);
    let accounts = context["accounts"].as_array().unwrap();
    assert_eq!(accounts[0]["name"], user["userPrincipalName"]);
    assert_eq!(accounts[0]["risk"]["riskLevel"], user["riskLevel"]);
    let addresses = context["addresses"].as_array().unwrap();
    assert_eq!(addresses.len(), 2);
    for address in addresses {
        let found = address["devices"].as_array().unwrap();
        assert!(found.iter().any(|one| one["id"] == device["id"]), "{address}");
    }
    assert_eq!(
        (&context["cves"][0]["id"], context["cves"].as_array().unwrap().len()),
        (&json!(cve), 1)
    );
    assert!(context["cves"][0]["about"]["severity"].is_string());
    assert_eq!(
        (&context["title"], &context["incidentNumber"]),
        (&json!(format!("Invented use of {cve}")), &json!(7))
    );
    assert_eq!(context["missing"], json!([]));
}

#[tokio::test]
async fn the_flattened_lists_give_the_same_answer() {
    let world = World::start(40).await;
    let (device, user, cve) = known(&world).await;
    let (host, domain) = text(&device, "computerDnsName").split_once('.').unwrap();
    let lists = json!({
        "Hosts": [{"HostName": host, "DnsDomain": domain}],
        "Accounts": [{"Name": user["userPrincipalName"], "AadUserId": user["id"]}],
        "IPs": [{"Address": device["lastIpAddress"]}],
        "CVEs": [cve],
    });

    let flat = body(&post(&world, "", &lists.to_string()).await);
    let whole = body(&post(&world, "", &incident(&device, &user, &cve).to_string()).await);

    assert_eq!(flat["hosts"][0]["card"]["device"], whole["hosts"][0]["card"]["device"]);
    assert_eq!(flat["accounts"][0]["risk"], whole["accounts"][0]["risk"]);
    assert_eq!(flat["addresses"][0], whole["addresses"][0]);
    assert_eq!(flat["cves"], whole["cves"]);
}

#[tokio::test]
async fn what_defender_refuses_comes_from_what_is_kept_or_says_why() {
    let world = World::start(40).await;
    let (device, user, cve) = known(&world).await;
    world.refuse("/api/");

    let context = body(&post(&world, "", &incident(&device, &user, &cve).to_string()).await);

    let card = &context["hosts"][0]["card"];
    assert_eq!((&card["kept"], &card["device"]["id"]), (&json!(true), &device["id"]));
    assert!(reason(card, "live").contains("403"));
    assert_eq!(context["addresses"][0]["devices"][0]["id"], device["id"]);
    assert!(context["cves"][0]["about"]["severity"].is_string());
}

#[tokio::test]
async fn an_incident_is_also_answered_as_a_comment() {
    let world = World::start(40).await;
    let (device, user, cve) = known(&world).await;
    let mut incident = incident(&device, &user, &cve);
    incident["object"]["properties"]["title"] = "<script>alert(1)</script>".into();

    let html = post(&world, "format=html", &incident.to_string()).await;

    assert_eq!((html.status, html.content_type), (200, "text/html; charset=utf-8"));
    assert!(html.body.contains(text(&device, "computerDnsName")), "{}", html.body);
    assert!(html.body.contains("<h4>Accounts</h4>") && !html.body.contains("<script"));
    assert!(html.body.chars().count() <= 30_000);
}

#[tokio::test]
async fn a_body_without_entities_is_answered_and_no_json_is_refused() {
    let world = World::start(3).await;

    for (sent, status) in
        [("{}", 200), ("[]", 200), ("", 400), ("7", 400), ("{", 400), ("null", 400)]
    {
        assert_eq!(post(&world, "", sent).await.status, status, "{sent}");
    }
    let many: Vec<Value> = (0..25).map(|n| json!({"Address": format!("203.0.113.{n}")})).collect();
    let context = body(&post(&world, "", &json!({ "IPs": many }).to_string()).await);
    assert_eq!(
        (context["addresses"].as_array().unwrap().len(), &context["leftOut"]),
        (10, &json!(15))
    );
}
