//! One vulnerability, one software, and who has them.

use super::{World, reason, text};
use posture::host::Problem;
use posture::ledger::path;
use posture::lookup::Lookup;
use posture::source::{
    DEVICE_SOFTWARE, DEVICE_VULNERABILITIES, DEVICE_VULNERABILITY_CHANGES, DEVICES, SOFTWARE,
    VULNERABILITIES,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// The rows of a kept source.
async fn rows(world: &World, source: posture::source::Source) -> Vec<Value> {
    let lines = crate::support::kept_lines(&*world.app.ledger, source).await;
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn set<'a>(values: impl IntoIterator<Item = &'a Value>, field: &str) -> BTreeSet<String> {
    values.into_iter().map(|value| text(value, field).to_owned()).collect()
}

/// A world that keeps everything here, and a vulnerability that devices have.
async fn world() -> (World, String) {
    let world = World::start(40).await;
    world.keep(&[VULNERABILITIES, DEVICE_VULNERABILITIES, SOFTWARE, DEVICE_SOFTWARE]).await;
    let rows = rows(&world, DEVICE_VULNERABILITIES).await;
    let cve = rows.iter().find_map(|row| row["CveId"].as_str().or(row["cveId"].as_str()));
    let cve = cve.unwrap().to_owned();
    (world, cve)
}

#[tokio::test]
async fn a_vulnerability_is_told_alike_live_and_from_what_is_kept() {
    let (world, cve) = world().await;
    let path = format!("/api/cves/{}", cve.to_lowercase());

    let live = world.json(&path, "").await;
    let kept = world.json(&path, "kept=true").await;

    for cve in [&live, &kept] {
        assert_eq!(cve["missing"], json!([]), "{cve}");
        assert!(text(cve, "description").starts_with("Summary: "));
        assert!(text(&cve["links"], "nvd").ends_with(text(cve, "id")));
    }
    assert_eq!((&live["kept"], &kept["kept"]), (&json!(false), &json!(true)));
    assert!(kept["ageSeconds"].is_u64());
    assert_eq!(live["severity"], kept["severity"]);
    let devices = |cve: &Value| set(cve["exposedDevices"]["value"].as_array().unwrap(), "id");
    assert!(!devices(&live).is_empty());
    assert_eq!(devices(&live), devices(&kept));
    assert_eq!(
        live["software"].as_array().unwrap().len(),
        kept["software"].as_array().unwrap().len()
    );
    let first = |cve: &Value| cve["software"][0].clone();
    assert_eq!(
        (&first(&live)["id"], &first(&live)["devices"]),
        (&first(&kept)["id"], &first(&kept)["devices"])
    );
    assert_eq!(live["fixes"].as_array().unwrap().len(), kept["fixes"].as_array().unwrap().len());
}

#[tokio::test]
async fn where_defender_refuses_a_vulnerability_is_told_from_what_is_kept() {
    let (world, cve) = world().await;
    world.refuse("/api/vulnerabilities/");

    let told = world.json(&format!("/api/cves/{cve}"), "").await;
    let comment = world.get(&format!("/api/cves/{cve}"), "format=html").await;

    assert_eq!(told["kept"], true);
    assert!(reason(&told, "live").contains("grant the app role Vulnerability.Read.All"), "{told}");
    assert!(comment.body.contains(&cve) && comment.body.contains("As kept"), "{}", comment.body);
}

#[tokio::test]
async fn what_is_not_known_or_no_id_is_said() {
    let (world, _) = world().await;

    for (path, query, status) in [
        ("/api/cves/CVE-1999-0001", "", 404),
        ("/api/cves/CVE-1999-0001", "kept=true", 404),
        ("/api/cves/CVE-1999", "", 400),
        ("/api/cves/x'%20or%201", "", 400),
        ("/api/software/nobody-_-nothing", "", 404),
        ("/api/software/nobody-_-nothing", "kept=true", 404),
        ("/api/software/nobody-_-nothing/devices", "", 404),
        ("/api/software/nobody-_-nothing/devices", "kept=true", 404),
        ("/api/software/nothing", "", 400),
        ("/api/software/a-_-b%27c/devices", "", 400),
        ("/api/software/a-_-b", "kept=maybe", 400),
    ] {
        let reply = world.get(path, query).await;
        assert_eq!(reply.status, status, "{path}?{query}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_software_and_its_devices_are_told_alike_live_and_from_what_is_kept() {
    let (world, _) = world().await;
    let rows = rows(&world, DEVICE_SOFTWARE).await;
    let field = |row: &Value, name: &str| {
        let file = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        row[name].as_str().or(row[&file].as_str()).unwrap().to_owned()
    };
    let id = format!("{}-_-{}", field(&rows[0], "softwareVendor"), field(&rows[0], "softwareName"));
    let path = format!("/api/software/{id}");

    let live = world.json(&path, "").await;
    let kept = world.json(&path, "kept=true").await;
    let of_live = world.json(&format!("{path}/devices"), "").await;
    let of_kept = world.json(&format!("{path}/devices"), "kept=true").await;

    assert_eq!((&live["missing"], &kept["missing"]), (&json!([]), &json!([])));
    assert_eq!(live["weaknesses"], kept["weaknesses"]);
    let versions = |told: &Value| {
        let all = told["versions"].as_array().unwrap().iter();
        all.map(|one| (text(one, "version").to_owned(), one["installations"].clone()))
            .collect::<Vec<_>>()
    };
    let sorted = |mut versions: Vec<(String, Value)>| {
        versions.sort_by(|a, b| a.0.cmp(&b.0));
        versions
    };
    assert_eq!(sorted(versions(&live)), sorted(versions(&kept)));
    assert!(live["vulnerabilities"]["total"].is_u64() && kept["vulnerabilities"]["total"].is_u64());
    let devices = |page: &Value| set(page["value"].as_array().unwrap(), "id");
    assert_eq!(devices(&of_live), devices(&of_kept));
    assert!(of_kept["collected"].is_string() && of_live.get("collected").is_none());
    assert!(of_kept["value"].as_array().unwrap().iter().all(|one| one["version"].is_string()));
}

#[tokio::test]
async fn the_devices_of_a_software_come_by_pages_and_as_csv() {
    let (world, _) = world().await;
    let software = rows(&world, SOFTWARE).await;
    let path = format!("/api/software/{}/devices", text(&software[3], "id"));
    let all = world.json(&path, "kept=true").await;
    let total = all["total"].as_u64().unwrap();

    let first = world.json(&path, "kept=true&top=2").await;
    let token = text(&first, "continuation");
    let second = world.json(&path, &format!("kept=true&top=2&continuation={token}")).await;
    let csv = world.get(&path, "kept=true&format=csv").await;

    assert!(total > 2, "{total}");
    assert_eq!(
        (first["total"].as_u64(), first["value"].as_array().unwrap().len()),
        (Some(total), 2)
    );
    assert_eq!(second["value"][0], all["value"][2]);
    assert_eq!(csv.body.lines().count() as u64, total + 1);
    assert!(csv.body.starts_with("computerDnsName,id,osPlatform"), "{}", csv.body);
}

#[tokio::test]
async fn a_snapshot_whose_parts_are_gone_is_no_answer() {
    let (world, cve) = world().await;
    let latest = path::latest(&world.tenant.id, DEVICE_VULNERABILITIES.name);
    assert!(world.app.ledger.read(&latest).await.unwrap().is_some());
    for part in world.app.ledger.list("records/").await.unwrap() {
        if part.contains(DEVICE_VULNERABILITIES.name) {
            world.app.ledger.remove(&part).await.unwrap();
        }
    }

    let reply = world.get(&format!("/api/cves/{cve}"), "kept=true").await;

    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("is gone: the next run keeps a new snapshot"), "{}", reply.body);
}

#[tokio::test]
async fn a_scan_that_takes_too_long_says_what_answers_instead() {
    let (world, cve) = world().await;
    let tenant = crate::support::first(&world.app);
    let known = world.app.known(tenant).await.unwrap();
    let lookup = Lookup::new(&world.app, tenant, known).scanning_for(Duration::ZERO);

    let stop = lookup.cve(&cve, true).await.unwrap_err();

    let problem = Problem::from(stop);
    assert_eq!((problem.status, problem.retry_after), (503, Some(60)));
    let query = format!("PostureVulnerabilities() | where VulnerabilityId == '{cve}'");
    assert!(
        problem.detail.contains("read 0 of ") && problem.detail.contains(&query),
        "{problem:?}"
    );
}

#[tokio::test]
async fn kept_rows_have_the_changes_since_the_full_snapshot() {
    let (world, _) = world().await;
    world.keep(&[DEVICES]).await;
    let full = rows(&world, DEVICE_VULNERABILITIES).await;
    (0..3).for_each(|_| world.microsoft.advance_snapshot());
    world.keep(&[DEVICE_VULNERABILITY_CHANGES]).await;
    let changes = rows(&world, DEVICE_VULNERABILITY_CHANGES).await;
    let changed = set(&changes, "deviceId");
    assert!(changed.len() > 2 && changes.len() < full.len(), "{}", changes.len());

    for device in changed {
        let live = world.json(&format!("/api/devices/{device}"), "").await;
        let kept = world.json(&format!("/api/devices/{device}"), "kept=true").await;
        let of = |card: &Value| card["vulnerabilities"]["bySeverity"].clone();
        assert_eq!(of(&kept), of(&live), "{device}");
    }
    let cves: BTreeSet<&str> = changes.iter().filter_map(|row| row["cveId"].as_str()).collect();
    for cve in cves {
        let live = world.json(&format!("/api/cves/{cve}"), "").await;
        let kept = world.json(&format!("/api/cves/{cve}"), "kept=true").await;
        let of = |cve: &Value| set(cve["exposedDevices"]["value"].as_array().unwrap(), "id");
        assert_eq!(of(&kept), of(&live), "{cve}");
    }
}
