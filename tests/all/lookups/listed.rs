//! The list of devices, and their profiles.

use super::{World, body, text};
use crate::support;
use posture::source::{
    DEVICE_SOFTWARE, DEVICE_VULNERABILITIES, DEVICES, SOFTWARE, VULNERABILITIES,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

async fn kept(world: &World) -> Vec<Value> {
    let lines = support::kept_lines(&*world.app.ledger, DEVICES).await;
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(page: &Value) -> BTreeSet<String> {
    page["value"].as_array().unwrap().iter().map(|one| text(one, "id").to_owned()).collect()
}

#[tokio::test]
async fn devices_are_filtered_by_what_their_records_say() {
    let world = World::start(60).await;
    world.keep(&[DEVICES]).await;
    let devices = kept(&world).await;

    for (query, field, value) in [
        ("os=windows11", "osPlatform", "Windows11"),
        ("osVersion=24H2", "version", "24H2"),
        ("risk=High", "riskScore", "High"),
        ("exposure=medium", "exposureLevel", "Medium"),
        ("group=servers", "rbacGroupName", "Servers"),
        ("tag=PILOT", "machineTags", "pilot"),
    ] {
        let page = world.json("/api/devices", query).await;
        let is = |one: &&Value| one[field] == value || one[field] == json!([value]);
        let expected: BTreeSet<String> =
            devices.iter().filter(is).map(|one| text(one, "id").to_owned()).collect();
        assert!(!expected.is_empty(), "{query}");
        assert_eq!(ids(&page), expected, "{query}");
        assert_eq!(page["total"], expected.len(), "{query}");
    }
    let both = world.json("/api/devices", "os=windows11&risk=High").await;
    let all = both["value"].as_array().unwrap();
    assert!(all.iter().all(|one| one["osPlatform"] == "Windows11" && one["riskScore"] == "High"));
    for wrong in ["software=x", "cve=1", "top=0", "top=1001"] {
        assert_eq!(world.get("/api/devices", wrong).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn devices_are_filtered_by_software_and_vulnerability() {
    let world = World::start(40).await;
    world
        .keep(&[DEVICES, VULNERABILITIES, DEVICE_VULNERABILITIES, SOFTWARE, DEVICE_SOFTWARE])
        .await;
    let software = support::kept_lines(&*world.app.ledger, SOFTWARE).await;
    let software: Value = serde_json::from_str(&software[2]).unwrap();
    let rows = support::kept_lines(&*world.app.ledger, DEVICE_VULNERABILITIES).await;
    let row: Value = serde_json::from_str(&rows[0]).unwrap();
    let (software, cve) = (text(&software, "id"), text(&row, "CveId"));
    let holders = world.json(&format!("/api/software/{software}/devices"), "kept=true").await;
    let exposed = world.json(&format!("/api/cves/{cve}"), "kept=true").await;

    let with_software = world.json("/api/devices", &format!("software={software}")).await;
    let with_cve = world.json("/api/devices", &format!("cve={cve}")).await;
    let with_both = world.json("/api/devices", &format!("software={software}&cve={cve}")).await;

    assert_eq!(ids(&with_software), ids(&holders));
    assert_eq!(ids(&with_cve), ids(&exposed["exposedDevices"]));
    let both: BTreeSet<String> =
        ids(&holders).intersection(&ids(&exposed["exposedDevices"])).cloned().collect();
    assert_eq!(ids(&with_both), both);
}

#[tokio::test]
async fn the_list_comes_by_pages_of_one_snapshot_and_one_filter() {
    let world = World::start(25).await;
    world.keep(&[DEVICES]).await;
    let order: Vec<String> =
        kept(&world).await.iter().map(|one| text(one, "id").to_owned()).collect();

    let (mut seen, mut query, mut first) = (Vec::new(), "top=10".to_owned(), None);
    loop {
        let reply = world.get("/api/devices", &query).await;
        let page = body(&reply);
        seen.extend(page["value"].as_array().unwrap().iter().map(|one| text(one, "id").to_owned()));
        let link = reply.headers.iter().find(|(name, _)| *name == "link");
        let Some(token) = page["continuation"].as_str() else {
            assert!(link.is_none());
            break;
        };
        assert!(link.unwrap().1.contains(token), "{link:?}");
        query = format!("top=10&continuation={token}");
        first.get_or_insert_with(|| token.to_owned());
    }
    let other = format!("os=Linux&continuation={}", first.unwrap());

    assert_eq!(seen, order);
    assert_eq!(world.get("/api/devices", &other).await.status, 410);
}

#[tokio::test]
async fn the_list_is_also_csv_and_says_its_age() {
    let world = World::start(12).await;
    world.keep(&[DEVICES]).await;

    let csv = world.get("/api/devices", "format=csv").await;
    let page = world.json("/api/devices", "").await;

    assert_eq!(csv.content_type, "text/csv; charset=utf-8; header=present");
    assert_eq!(csv.body.lines().count(), 13);
    assert!(csv.body.starts_with("computerDnsName,id,aadDeviceId,osPlatform"), "{}", csv.body);
    assert!(page["collected"].is_string());
    let link = text(&page["value"][0], "link");
    assert!(link.starts_with("https://security.microsoft.com/machines/v2/"), "{link}");
}

#[tokio::test]
async fn devices_are_counted_by_system_and_by_system_and_version() {
    let world = World::start(60).await;
    world.keep(&[DEVICES]).await;
    let mut expected = BTreeMap::<String, u64>::new();
    for device in kept(&world).await {
        let (platform, version) = (text(&device, "osPlatform"), text(&device, "version"));
        *expected.entry(platform.to_owned()).or_default() += 1;
        *expected.entry(format!("{platform}_{version}")).or_default() += 1;
    }

    let told = world.json("/api/devices/profiles", "").await;
    let listed = world.json("/api/devices", "top=1").await;

    let profiles = told["value"].as_array().unwrap();
    let counts: BTreeMap<String, u64> = profiles
        .iter()
        .map(|one| (text(one, "profile").to_owned(), one["devices"].as_u64().unwrap()))
        .collect();
    assert_eq!(counts, expected);
    assert_eq!((&told["devices"], &told["unprofiled"]), (&json!(60), &json!(0)));
    let levels = ["None", "Informational", "Low", "Medium", "High"];
    assert!(profiles.iter().all(|one| levels.contains(&text(one, "worstRisk"))), "{profiles:?}");
    let first = &listed["value"][0];
    let named: Vec<&str> =
        first["profiles"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(named.iter().all(|name| counts.contains_key(*name)) && named.len() == 2, "{named:?}");
}

#[tokio::test]
async fn without_a_snapshot_there_is_no_list() {
    let world = World::start(3).await;

    for path in ["/api/devices", "/api/devices/profiles"] {
        let reply = world.get(path, "").await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.body.contains("defender.devices isn't kept: "), "{}", reply.body);
    }
}
