//! Look-ups of one machine, vulnerability or product: strict, and consistent with lists and exports.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{DEFENDER, World};

async fn world() -> World {
    World::start(|options| options.tenants[0].devices = 40).await
}

/// Every record of a list.
async fn all(world: &World, path: &str) -> Vec<Value> {
    let url = format!("{}/api/{path}", world.simulator.defender_url());
    world.walk(url, DEFENDER).await
}

fn texts(records: &[Value], field: &str) -> BTreeSet<String> {
    records.iter().map(|record| record[field].as_str().unwrap_or_default().to_owned()).collect()
}

fn escaped(filter: &str) -> String {
    filter.replace(' ', "%20").replace('\'', "%27")
}

#[tokio::test]
async fn a_machine_is_found_by_id_name_entra_id_and_address() {
    let world = world().await;
    let machines = all(&world, "machines").await;
    let one = machines
        .iter()
        .find(|one| one["aadDeviceId"].is_string() && one["healthStatus"] == "Active");
    let one = one.unwrap();
    let text = |field: &str| one[field].as_str().unwrap();
    let (id, name) = (text("id"), text("computerDnsName"));

    let by_id = world.defender(&format!("machines/{id}")).await.json();
    assert_eq!(by_id["computerDnsName"], name);
    assert!(by_id["@odata.context"].as_str().unwrap().ends_with("#Machines/$entity"));
    let by_name = world.defender(&format!("machines/{name}")).await.json();
    assert_eq!(by_name["id"], id);
    let now = "2026-11-20T14:30:00Z";
    for path in [
        format!("machines?$filter={}", escaped(&format!("computerDnsName eq '{name}'"))),
        format!(
            "machines?$filter=startswith(computerDnsName,'{}')",
            name.split('.').next().unwrap()
        ),
        format!("machines?$filter={}", escaped(&format!("aadDeviceId eq {}", text("aadDeviceId")))),
        format!(
            "machines?$filter={}",
            escaped(&format!("lastIpAddress eq '{}'", text("lastIpAddress")))
        ),
        format!("machines/findbyip(ip='{}',timestamp={now})", text("lastIpAddress")),
    ] {
        let found = world.defender(&path).await;
        let recent = world.defender(&path.replace(now, &recent())).await;
        let found = if path.contains("findbyip") { recent } else { found };
        assert_eq!(
            texts(found.json()["value"].as_array().unwrap(), "id"),
            [id.to_owned()].into(),
            "{path}"
        );
    }
}

/// A moment ago, by this machine's clock.
fn recent() -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64 - 30;
    jiff::Timestamp::from_second(now).unwrap().to_string()
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let world = world().await;

    for (path, status, code) in [
        (format!("machines/{}", "0".repeat(40)), 404, "ResourceNotFound"),
        ("machines/pc-999999.fabrikam.example/alerts".to_owned(), 404, "ResourceNotFound"),
        (
            "machines/findbyip(ip='10.0.0.300',timestamp=2026-11-20T00:00:00Z)".to_owned(),
            400,
            "InvalidIpAddress",
        ),
        (
            "machines/findbyip(ip='10.0.0.3',timestamp=2020-11-20T00:00:00Z)".to_owned(),
            400,
            "BadRequest",
        ),
        ("machines/findbyip(ip='10.0.0.3')".to_owned(), 400, "BadRequest"),
        (format!("machines?$filter={}", escaped("osPlatform eq 'Linux'")), 400, "ODataError"),
        (format!("machines?$filter={}", escaped("aadDeviceId eq 'x'")), 400, "ODataError"),
        ("vulnerabilities/CVE-1999-0001".to_owned(), 404, "ResourceNotFound"),
        ("vulnerabilities/machinesVulnerabilities".to_owned(), 400, "ODataError"),
        ("Software/nobody-_-nothing".to_owned(), 404, "ResourceNotFound"),
        ("Software/nobody-_-nothing/distributions".to_owned(), 404, "ResourceNotFound"),
    ] {
        let answer = world.defender(&path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.json()["error"]["code"], code, "{path}");
    }
}

#[tokio::test]
async fn each_look_up_needs_its_own_role() {
    let world = world().await;
    let machines = all(&world, "machines").await;
    let id = machines[0]["id"].as_str().unwrap();
    let base = format!("{}/api/machines/{id}", world.simulator.defender_url());
    let parts = [
        "",
        "/alerts",
        "/logonusers",
        "/vulnerabilities",
        "/recommendations",
        "/getmissingkbs",
        "/software",
    ];
    let urls = parts.map(|part| format!("{base}{part}"));

    for (role, allowed) in [
        ("Machine.Read.All", vec![0]),
        ("Alert.Read.All", vec![1]),
        ("User.Read.All", vec![2]),
        ("Vulnerability.Read.All", vec![3]),
        ("SecurityRecommendation.Read.All", vec![4]),
        ("Software.Read.All", vec![5, 6]),
    ] {
        let statuses = world.statuses_with(role, &urls, DEFENDER).await;
        let expected: Vec<u16> =
            (0..urls.len()).map(|at| if allowed.contains(&at) { 200 } else { 403 }).collect();
        assert_eq!(statuses, expected, "{role}");
    }
}

#[tokio::test]
async fn a_machines_vulnerabilities_and_settings_are_those_of_the_exports() {
    let world = world().await;
    let machines = all(&world, "machines").await;
    let id = machines[5]["id"].as_str().unwrap();
    let rows = all(&world, "machines/SoftwareVulnerabilitiesByMachine").await;
    let own: Vec<Value> = rows.into_iter().filter(|row| row["deviceId"] == id).collect();
    let settings = all(&world, "machines/SecureConfigurationsAssessmentByMachine").await;
    let fails = |row: &&Value| {
        row["deviceId"] == id && row["isApplicable"] == true && row["isCompliant"] == false
    };

    let flaws = all(&world, &format!("machines/{id}/vulnerabilities")).await;
    let advice = all(&world, &format!("machines/{id}/recommendations")).await;

    let mut cves = texts(&own, "cveId");
    cves.remove("");
    assert_eq!(texts(&flaws, "id"), cves);
    assert!(flaws.iter().all(|flaw| flaw["description"].is_string()));
    let changes =
        advice.iter().filter(|one| one["remediationType"] == "ConfigurationChange").count();
    assert_eq!(changes, settings.iter().filter(fails).count());
    assert!(advice.len() > changes);
}

#[tokio::test]
async fn the_machines_of_a_vulnerability_and_a_product_are_those_of_the_exports() {
    let world = world().await;
    let rows = all(&world, "machines/SoftwareVulnerabilitiesByMachine").await;
    let cve = rows.iter().find_map(|row| row["cveId"].as_str()).unwrap();
    let with_cve: Vec<Value> = rows.iter().filter(|row| row["cveId"] == cve).cloned().collect();
    let software = all(&world, "machines/SoftwareInventoryByMachine").await;
    let (vendor, name) = (&software[0]["softwareVendor"], &software[0]["softwareName"]);
    let product = format!("{}-_-{}", vendor.as_str().unwrap(), name.as_str().unwrap());
    let has = |row: &&Value| row["softwareVendor"] == *vendor && row["softwareName"] == *name;
    let with_product: Vec<Value> = software.iter().filter(has).cloned().collect();

    let machines = all(&world, &format!("vulnerabilities/{cve}/machineReferences")).await;
    let filter = escaped(&format!("cveId eq '{cve}'"));
    let flaws =
        all(&world, &format!("vulnerabilities/machinesVulnerabilities?$filter={filter}")).await;
    let holders = all(&world, &format!("Software/{product}/machineReferences")).await;
    let versions = all(&world, &format!("Software/{product}/distributions")).await;

    assert_eq!(texts(&machines, "id"), texts(&with_cve, "deviceId"));
    assert_eq!(texts(&flaws, "machineId"), texts(&with_cve, "deviceId"));
    assert_eq!(texts(&flaws, "productVersion"), texts(&with_cve, "softwareVersion"));
    assert_eq!(texts(&holders, "id"), texts(&with_product, "deviceId"));
    assert_eq!(texts(&versions, "version"), texts(&with_product, "softwareVersion"));
    let installed: u64 = versions.iter().map(|one| one["installations"].as_u64().unwrap()).sum();
    assert_eq!(installed as usize, holders.len());
}

#[tokio::test]
async fn a_machines_alerts_are_in_defenders_own_shape() {
    let world = world().await;
    let alerts = all_alerts(&world).await;
    let device = |alert: &Value| alert["evidence"][0]["mdeDeviceId"].as_str().map(str::to_owned);
    let id = alerts.iter().find_map(device).unwrap();
    let of_device: Vec<Value> =
        alerts.into_iter().filter(|alert| device(alert).as_ref() == Some(&id)).collect();

    let found = all(&world, &format!("machines/{id}/alerts")).await;

    assert_eq!(texts(&found, "id"), texts(&of_device, "id"));
    for alert in &found {
        assert!(alert["incidentId"].is_u64() && alert["machineId"] == id.as_str(), "{alert}");
        let severity = alert["severity"].as_str().unwrap();
        assert!(["Informational", "Low", "Medium", "High"].contains(&severity), "{severity}");
    }
}

async fn all_alerts(world: &World) -> Vec<Value> {
    let url = format!("{}/v1.0/security/alerts_v2", world.simulator.graph_url());
    world.walk(url, crate::support::GRAPH).await
}

#[tokio::test]
async fn a_machines_vulnerabilities_may_be_asked_for_fifty_times_a_minute() {
    let world = world().await;
    let machines = all(&world, "machines").await;
    let path = format!("machines/{}/vulnerabilities", machines[0]["id"].as_str().unwrap());

    for _ in 0..50 {
        assert_eq!(world.defender(&path).await.status, 200);
    }
    let refused = world.defender(&path).await;

    assert_eq!((refused.status, refused.header("retry-after").is_some()), (429, true));
}
