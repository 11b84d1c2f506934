//! Exports: files behind signed links, and the same rows in pages.

use std::collections::BTreeSet;
use std::io::Read;

use serde_json::Value;
use simulator::{Api, Fault, FaultKind, RowsPerDevice};

use crate::support::{Answer, DEFENDER, Recorded, World, send};

/// Names of the file form and of the pages, rows per device, and what makes a row unique.
const SETS: [(&str, &str, usize, &[&str]); 7] = [
    ("SoftwareVulnerabilitiesExport", "SoftwareVulnerabilitiesByMachine", 6, &["id"]),
    (
        "SoftwareInventoryExport",
        "SoftwareInventoryByMachine",
        10,
        &["deviceId", "softwareVendor", "softwareName", "softwareVersion"],
    ),
    (
        "SecureConfigurationsAssessmentExport",
        "SecureConfigurationsAssessmentByMachine",
        15,
        &["deviceId", "configurationId"],
    ),
    ("BaselineComplianceAssessmentExport", "baselineComplianceAssessmentByMachine", 5, &["id"]),
    (
        "certificateAssessmentExport",
        "certificateAssessmentByMachine",
        4,
        &["deviceId", "thumbprint", "path"],
    ),
    (
        "browserextensionsinventoryExport",
        "BrowserExtensionsInventoryByMachine",
        2,
        &["DeviceId", "BrowserName", "ExtensionId"],
    ),
    (
        "HardwareFirmwareInventoryExport",
        "HardwareFirmwareInventoryByMachine",
        2,
        &["deviceId", "componentType", "componentName"],
    ),
];

pub fn unpacked(file: &Answer) -> Vec<Value> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(&file.body[..]).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub async fn links(world: &World, name: &str) -> Vec<String> {
    let answer = world.defender(&format!("machines/{name}")).await;
    let links = answer.json()["exportFiles"].as_array().unwrap().clone();
    links.iter().map(|link| link.as_str().unwrap().to_owned()).collect()
}

/// The key of a file's row, spelled as the row of a page.
fn spelled(name: &str) -> String {
    match name.strip_prefix("os") {
        Some(rest) => format!("OS{rest}"),
        None => format!("{}{}", name[..1].to_ascii_uppercase(), &name[1..]),
    }
}

#[tokio::test]
async fn files_and_pages_hold_the_same_rows() {
    let world = World::start(|options| options.page_size = Some(11)).await;
    for (files, pages, rows, key) in SETS {
        let mut of_files = Vec::new();
        let mut lengths = Vec::new();
        for link in links(&world, files).await {
            let lines = unpacked(&send("GET", &link, &[], b"").await.unwrap());
            lengths.push(lines.len());
            of_files.extend(lines);
        }
        let url = format!("{}/api/machines/{pages}", world.simulator.defender_url());
        let of_pages = world.walk(url, DEFENDER).await;

        assert_eq!((of_files.len(), of_pages.len()), (7 * rows, 7 * rows), "{files}");
        assert_eq!((lengths.len(), lengths[1]), (4, 0), "{files}");
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        let keys = |rows: &[Value], spell: fn(&str) -> String| -> BTreeSet<Vec<String>> {
            rows.iter()
                .map(|row| key.iter().map(|name| text(row, &spell(name))).collect())
                .collect()
        };
        assert_eq!(keys(&of_files, spelled), keys(&of_pages, str::to_owned), "{files}");
        assert_eq!(keys(&of_files, spelled).len(), 7 * rows, "{files}");
    }
}

#[tokio::test]
async fn files_have_capitals_and_no_nulls_and_pages_the_reverse() {
    let world = World::start(|_| {}).await;
    let link = links(&world, "SoftwareVulnerabilitiesExport").await.remove(0);

    let file = unpacked(&send("GET", &link, &[], b"").await.unwrap());
    let page = world.defender("machines/SoftwareVulnerabilitiesByMachine").await.json();

    let row = &file[0];
    assert!(row["DeviceId"].is_string() && row["OSPlatform"].is_string());
    assert_eq!(
        row["LastSeenTimestamp"].as_str().unwrap().len(),
        "2026-11-20 12:00:00.1234567".len()
    );
    let clean: Vec<&Value> = file.iter().filter(|row| row.get("CveId").is_none()).collect();
    assert_eq!(clean.len() * 6, file.len());
    assert!(file.iter().all(|row| row.as_object().unwrap().values().all(|value| !value.is_null())));
    let row = &page["value"][5];
    assert!(row["cveId"].is_null() && row.get("osPlatform").is_some());
    assert!(row.get("recommendedSecurityUpdateId").is_some());
}

#[tokio::test]
async fn a_snapshot_keeps_its_time_and_links_until_the_next() {
    let world = World::start(|_| {}).await;
    let ask = || world.defender("machines/SoftwareInventoryExport");
    let generated = |answer: &Answer| answer.json()["generatedTime"].as_str().unwrap().to_owned();

    let (first, again) = (ask().await, ask().await);
    world.simulator.advance_snapshot();
    let next = ask().await;

    assert_eq!(generated(&first), "2026-11-20T12:00:00Z");
    assert_eq!(generated(&again), generated(&first));
    assert_eq!(generated(&next), "2026-11-20T18:00:00Z");
    let link = first.json()["exportFiles"][0].as_str().unwrap().to_owned();
    let start = format!(
        "{}/export/{}/2026-11-20/1200/SoftwareInventory/json/OrgId=",
        world.simulator.storage_url(),
        world.tenant.id
    );
    assert!(link.starts_with(&start), "{link}");
    assert_eq!(send("GET", &link, &[], b"").await.unwrap().status, 200);
}

#[tokio::test]
async fn storage_opens_to_a_signed_link_and_nothing_else() {
    let world = World::start(|_| {}).await;
    let link = links(&world, "SoftwareInventoryExport").await.remove(0);
    let status = async |link: &str, headers: &[String]| {
        send("GET", link, headers, b"").await.unwrap().status
    };

    let token = [world.token(DEFENDER).await];
    let with_token = status(&link, &token).await;
    let without_signature = status(link.split_once("&sig=").unwrap().0, &[]).await;
    let altered = status(&link.replace("part-00000", "part-00002"), &[]).await;
    let later = status(&link.replace("se=2", "se=3"), &[]).await;
    let right = status(&link, &[]).await;
    world.simulator.inject(Fault::new(Api::Storage, "", FaultKind::Skew(3700)));
    let hour_later = status(&link, &[]).await;
    world.simulator.expire_links();
    let expired = send("GET", &link, &[], b"").await.unwrap();

    assert_eq!([with_token, without_signature, altered, later], [400, 403, 403, 403]);
    assert_eq!([right, hour_later, expired.status], [200, 403, 403]);
    assert_eq!(expired.header("x-ms-error-code"), Some("AuthenticationFailed"));
    assert!(expired.text().contains("<Code>AuthenticationFailed</Code>"));
}

#[tokio::test]
async fn the_sixth_call_for_files_in_a_minute_is_throttled_by_endpoint() {
    let world = World::start(|_| {}).await;

    for _ in 0..5 {
        assert_eq!(world.defender("machines/SoftwareInventoryExport").await.status, 200);
    }
    let sixth = world.defender("machines/SoftwareInventoryExport").await;
    let other = world.defender("machines/certificateAssessmentExport").await;

    assert_eq!((sixth.status, other.status), (429, 200));
    assert!(sixth.header("retry-after").is_some());
}

#[tokio::test]
async fn what_exports_do_not_know_is_refused() {
    let world = World::start(|options| options.limits = false).await;
    for (query, status) in [
        ("SoftwareInventoryExport?sasValidHours=6", 200),
        ("SoftwareInventoryExport?sasValidHours=0", 400),
        ("SoftwareInventoryExport?sasValidHours=7", 400),
        ("SoftwareInventoryExport?pageSize=7", 400),
        ("SoftwareInventoryByMachine?pageSize=200000", 200),
        ("SoftwareInventoryByMachine?pageSize=200001", 400),
        ("SoftwareInventoryByMachine?sinceTime=2026-11-19T00:00:00Z", 400),
        ("SoftwareInventoryByMachine?$skiptoken=odd", 400),
    ] {
        let answer = world.defender(&format!("machines/{query}")).await;
        assert_eq!(answer.status, status, "{query}");
    }
    let base = world.simulator.defender_url();
    let urls = SETS.map(|(files, ..)| format!("{base}/api/machines/{files}"));
    let statuses = world.statuses_with("Software.Read.All", &urls, DEFENDER).await;
    assert_eq!(statuses, [403, 200, 403, 403, 403, 200, 200]);
    let baselines = "SecurityBaselinesAssessment.Read.All";
    let statuses = world.statuses_with(baselines, &urls, DEFENDER).await;
    assert_eq!(statuses, [403, 403, 403, 200, 403, 403, 403]);
}

#[tokio::test]
async fn a_third_of_the_settings_fails() {
    let world = World::start(|options| options.rows_per_device = RowsPerDevice::full()).await;

    let page = world.defender("machines/SecureConfigurationsAssessmentByMachine").await.json();

    let rows = page["value"].as_array().unwrap();
    let fails = |row: &&Value| row["isApplicable"] == true && row["isCompliant"] == false;
    assert_eq!((rows.len(), rows.iter().filter(fails).count()), (7 * 150, 7 * 50));
}

#[tokio::test]
async fn an_explicit_top_of_an_export_has_no_link() {
    let world = World::start(|_| {}).await;

    let top = world.defender("machines/SoftwareInventoryByMachine?$top=3").await.json();
    let page = world.defender("machines/SoftwareInventoryByMachine?pageSize=3").await.json();

    assert_eq!(top["value"].as_array().unwrap().len(), 3);
    assert!(top.get("@odata.nextLink").is_none());
    let link = page["@odata.nextLink"].as_str().unwrap();
    assert!(link.contains("?pagesize=3&$skiptoken="), "{link}");
}

#[tokio::test]
async fn faults_meet_files_too() {
    let world = World::start(|_| {}).await;
    let link = links(&world, "SoftwareVulnerabilitiesExport").await.remove(0);
    let under = async |kind: FaultKind| {
        world.simulator.inject(Fault::new(Api::Storage, "/export/", kind));
        send("GET", &link, &[], b"").await.unwrap()
    };

    let cut = under(FaultKind::CutBody).await;
    let unknown = unpacked(&under(FaultKind::UnknownValues).await);
    let huge = unpacked(&under(FaultKind::HugeRecord(100_000)).await);
    let empty = unpacked(&under(FaultKind::EmptyPage).await);
    let busy = under(FaultKind::Status { code: 503, retry_after: None }).await;

    assert!(!cut.whole && !cut.body.is_empty());
    assert_eq!(unknown[0]["VulnerabilitySeverityLevel"], "SomethingNew");
    assert_eq!(huge.last().unwrap().to_string().len(), 100_000);
    assert_eq!((empty.len(), busy.status), (0, 503));
    assert!(busy.text().contains("<Error>"));
}

#[tokio::test]
async fn recorded_exports_have_pages_and_no_files() {
    let folder = Recorded::new("exports", &["defender.certificates"]);
    let world = World::start(|options| options.replay = Some(folder.0.clone())).await;

    let files = world.defender("machines/certificateAssessmentExport").await;
    let pages = world.defender("machines/certificateAssessmentByMachine").await.json();
    let none = world.defender("machines/SoftwareInventoryByMachine").await.json();

    assert_eq!(files.status, 403);
    assert_eq!(pages["value"][0]["id"], "defender.certificates");
    assert_eq!(none["value"].as_array().unwrap().len(), 0);
}
