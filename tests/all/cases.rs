//! The responder's pull: the real binary against the simulator, its files against its manifest.

use crate::commands::run;
use crate::support::azurite::Azurite;
use crate::support::service::{Service, environment};
use crate::support::{self, Folder};
use posture::ledger::{FolderLedger, Ledger};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use simulator::{Api, Fault, FaultKind, Simulator};
use std::collections::BTreeSet;
use std::time::Duration;

const SOURCES: [&str; 3] = ["graph.alerts", "graph.incidents", "graph.hunting.unmanaged_devices"];

/// Twelve days up to half a day ago, to the second.
fn times() -> [String; 2] {
    let now = posture::app::clock();
    let ago = |hours| now - jiff::SignedDuration::from_hours(hours);
    [ago(12 * 24), ago(12)].map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Pulls a case of that name.
async fn pull(
    environment: &[(String, String)],
    [from, to]: &[String; 2],
    name: &str,
    packs: &[&str],
) -> (Option<i32>, String, String) {
    let id = support::tenant(0).id;
    let mut arguments = vec!["case", "--tenant", &id, "--from", from, "--to", to, "--name", name];
    for pack in packs {
        arguments.extend(["--hunt", pack]);
    }
    run(environment, &arguments).await
}

async fn simulated() -> Simulator {
    let mut tenant = support::tenant(40);
    tenant.alerts = 1_500;
    let mut options = simulator::Options::new(vec![tenant], posture::describe::tables_json());
    options.limits = false;
    support::start(options).await
}

fn folder_of(name: &str) -> String {
    format!("cases/{}/{name}", support::tenant(0).id)
}

async fn json(ledger: &dyn Ledger, path: &str) -> Value {
    let (bytes, _) = ledger.read(path).await.unwrap().unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

async fn manifest(ledger: &dyn Ledger, name: &str) -> Value {
    json(ledger, &format!("{}/manifest.json", folder_of(name))).await
}

fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The records of one source, after each file has been compared with what the manifest says of it.
async fn records(ledger: &dyn Ledger, name: &str, source: &Value) -> Vec<Value> {
    let mut records = Vec::new();
    for part in source["parts"].as_array().unwrap() {
        let path = format!("{}/{}", folder_of(name), part["path"].as_str().unwrap());
        let (bytes, _) = ledger.read(&path).await.unwrap().unwrap();
        let (text, _) = posture::part::open(&bytes).unwrap();
        assert_eq!(part["sha256"], hex(&bytes), "{path}");
        assert_eq!(part["contentSha256"], hex(text.as_bytes()), "{path}");
        assert_eq!(
            (&part["bytes"], &part["records"]),
            (&json!(bytes.len()), &json!(text.lines().count()))
        );
        records.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    assert_eq!(source["records"], records.len());
    let ids: BTreeSet<_> = records.iter().map(|row| row["RecordId"].to_string()).collect();
    assert_eq!(ids.len(), records.len(), "each record once");
    records
}

#[tokio::test]
async fn a_case_has_all_that_was_alive_in_its_window_and_is_the_same_every_time() {
    let microsoft = simulated().await;
    let folder = Folder::new();
    let environment = environment(&microsoft, &folder.url());
    let (times, packs) = (times(), ["unmanaged_devices"]);

    let first = pull(&environment, &times, "one", &packs).await;
    let asked = microsoft.requests().len();
    let before = manifest(&*folder.ledger(), "one").await;
    let again = pull(&environment, &times, "one", &packs).await;
    let asked_again = microsoft.requests().len();
    let other = pull(&environment, &times, "two", &packs).await;

    assert_eq!((first.0, again.0, other.0), (Some(0), Some(0), Some(0)), "{}{}", first.1, first.2);
    assert!(first.1.contains("manifest.json: ") && first.1.contains("complete"), "{}", first.1);
    let ledger = folder.ledger();
    assert_eq!(manifest(&*ledger, "one").await, before, "what is complete stays");
    assert_eq!(asked, asked_again, "what is complete isn't read again");
    let names: Vec<_> =
        before["sources"].as_array().unwrap().iter().map(|s| &s["source"]).collect();
    assert_eq!(names, SOURCES);
    let alerts = records(&*ledger, "one", &before["sources"][0]).await;
    let instant =
        |row: &Value, field: &str| row[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let [from, to] = [&times[0], &times[1]].map(|text| text.parse::<jiff::Timestamp>().unwrap());
    assert!(alerts.len() > 300 && alerts.len() < 1_400, "{}", alerts.len());
    assert!(alerts.iter().all(|row| instant(row, "createdDateTime") <= to));
    assert!(alerts.iter().all(|row| instant(row, "lastUpdateDateTime") >= from));
    assert!(alerts.iter().all(|row| instant(row, "TimeGenerated") == to), "no clock in a record");
    assert!(!records(&*ledger, "one", &before["sources"][1]).await.is_empty());
    assert!(!records(&*ledger, "one", &before["sources"][2]).await.is_empty());
    let asked = &before["sources"][2]["request"]["query"];
    assert_eq!(asked["timespan"], format!("{}/{}", times[0], times[1]));
    let mut two = manifest(&*ledger, "two").await;
    let mut one = before;
    for manifest in [&mut one, &mut two] {
        manifest["case"] = Value::Null;
        assert_eq!(manifest["pulled"].as_array().unwrap().len(), 3);
        manifest["pulled"] = Value::Null;
    }
    assert_eq!(one, two);
    assert!(microsoft.received().tables.is_empty(), "nothing goes to the workspace");
}

#[tokio::test]
async fn what_is_missing_is_in_the_manifest_and_is_pulled_later() {
    let microsoft = simulated().await;
    let folder = Folder::new();
    let environment = environment(&microsoft, &folder.url());
    let tenant = support::tenant(0);
    microsoft.set_roles(&tenant.id, &["SecurityAlert.Read.All", "SecurityIncident.Read.All"]);
    let times = times();

    let lacking = pull(&environment, &times, "c", &["graph.hunting.unmanaged_devices"]).await;
    let before = manifest(&*folder.ledger(), "c").await;
    let roles: Vec<&str> = tenant.roles.iter().map(String::as_str).collect();
    microsoft.set_roles(&tenant.id, &roles);
    let mended = pull(&environment, &times, "c", &[]).await;
    let after = manifest(&*folder.ledger(), "c").await;

    assert_eq!((lacking.0, mended.0), (Some(1), Some(0)), "{}", mended.1);
    let states = |manifest: &Value| -> Vec<String> {
        let sources = manifest["sources"].as_array().unwrap().iter();
        sources.map(|source| source["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(&before), ["complete", "complete", "refused"]);
    assert_eq!((&before["complete"], &after["complete"]), (&json!(false), &json!(true)));
    let message = before["sources"][2]["message"].as_str().unwrap();
    assert!(message.contains("ThreatHunting.Read.All"), "{message}");
    assert_eq!(states(&after), ["complete"; 3]);
    assert_eq!(before["sources"][0], after["sources"][0], "the others stay as they were");
}

#[tokio::test]
async fn a_wrong_case_is_refused_with_the_next_step() {
    let microsoft = simulated().await;
    let folder = Folder::new();
    let environment = environment(&microsoft, &folder.url());
    let times = times();
    assert_eq!(pull(&environment, &times, "c", &[]).await.0, Some(0));
    let earlier = ["2026-01-01".to_owned(), times[1].clone()];

    let other_times = pull(&environment, &earlier, "c", &[]).await;
    let name = pull(&environment, &times, "../c", &[]).await;
    let pack = pull(&environment, &times, "d", &["phones"]).await;
    let backwards = pull(&environment, &[times[1].clone(), times[0].clone()], "d", &[]).await;

    for (outcome, says) in [
        (&other_times, "the case c is there for other times"),
        (&name, "the case's name is \"../c\", expected"),
        (&pack, "no hunting pack \"phones\": choose from asset_criticality"),
        (&backwards, "put the earlier first"),
    ] {
        assert_eq!((outcome.0, outcome.2.lines().count()), (Some(1), 1), "{}", outcome.2);
        assert!(outcome.2.contains(says), "{}", outcome.2);
    }
}

#[tokio::test]
async fn a_case_of_the_queue_that_is_killed_goes_on_where_it_was() {
    let azurite = Azurite::start().await;
    let folder = Folder::new();
    let [from, to] = times().map(|at| at.replace(['-', ':'], ""));
    let message = json!({
        "kind": "case", "run": "20261122T101500Z", "tenant": support::tenant(0).id, "case": "q",
        "from": from, "to": to, "packs": ["unmanaged_devices"],
    });
    for storage in [folder.url(), azurite.url()] {
        let microsoft = simulated().await;
        let environment = environment(&microsoft, &storage);
        for after in [120, 250].map(Duration::from_millis) {
            let mut service = Service::start(&environment).await;
            let request = std::panic::AssertUnwindSafe(service.run(&message));
            let _ = tokio::time::timeout(after, futures::FutureExt::catch_unwind(request)).await;
            service.kill();
        }
        let service = Service::start(&environment).await;
        let busy = FaultKind::Status { code: 403, retry_after: None };
        microsoft.inject(Fault::new(Api::Graph, "/v1.0/security/runHuntingQuery", busy).times(1));

        let refused = service.run(&message).await;
        let whole = service.run(&message).await;

        assert_eq!((refused.status, whole.status), (200, 200), "{}", service.log());
        let blob;
        let ledger: &dyn Ledger = match storage.strip_prefix("file://") {
            Some(folder) => &FolderLedger::new(folder.into()),
            None => {
                blob = crate::azurite::blob(&azurite);
                &blob
            }
        };
        let manifest = manifest(ledger, "q").await;
        assert_eq!(manifest["complete"], true, "{manifest}");
        for source in manifest["sources"].as_array().unwrap() {
            assert!(!records(ledger, "q", source).await.is_empty(), "{source}");
        }
        let wrong = service
            .run(&json!({ "kind": "case", "run": "20261122T101500Z",
            "tenant": support::tenant(0).id, "case": "q", "packs": [] }))
            .await;
        assert_eq!(wrong.status, 400, "{}", service.log());
    }
}
