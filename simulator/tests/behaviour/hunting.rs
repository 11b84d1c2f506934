//! Hunting queries: tables, the shape of their rows, and what is refused.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simulator::{Api, Fault, FaultKind};

use crate::support::{Answer, GRAPH, World, send};

const TABLES: [&str; 11] = [
    "DeviceTvmSoftwareVulnerabilities",
    "DeviceTvmSoftwareInventory",
    "DeviceTvmSecureConfigurationAssessment",
    "DeviceTvmBrowserExtensions",
    "DeviceTvmCertificateInfo",
    "DeviceTvmHardwareFirmware",
    "DeviceTvmInfoGathering",
    "DeviceTvmSoftwareEvidenceBeta",
    "ExposureGraphNodes",
    "DeviceInfo",
    "AlertInfo",
];

fn url(world: &World) -> String {
    format!("{}/v1.0/security/runHuntingQuery", world.simulator.graph_url())
}

async fn hunt(world: &World, query: &str) -> Answer {
    world.post_json(&url(world), GRAPH, &json!({"Query": query})).await
}

fn rows(answer: &Answer) -> Vec<Value> {
    answer.json()["results"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_table_has_a_schema_and_rows_of_it() {
    let world = World::start(|_| {}).await;
    for table in TABLES {
        let answer = hunt(&world, &format!("{table} | take 1000")).await;

        assert_eq!(answer.status, 200, "{table}");
        let schema = answer.json()["schema"].as_array().unwrap().clone();
        let names: BTreeSet<&str> =
            schema.iter().map(|column| column["name"].as_str().unwrap()).collect();
        assert!(!rows(&answer).is_empty(), "{table}");
        for row in rows(&answer) {
            let keys = row.as_object().unwrap().keys().filter(|key| !key.contains("@odata."));
            assert_eq!(keys.map(String::as_str).collect::<BTreeSet<_>>(), names, "{table}");
        }
    }
}

#[tokio::test]
async fn truth_is_a_number_and_nothing_is_an_object() {
    let world = World::start(|options| options.tenants[0].devices = 40).await;

    let settings = rows(&hunt(&world, "DeviceTvmSecureConfigurationAssessment").await);
    let software = rows(&hunt(&world, "DeviceTvmSoftwareInventory").await);
    let nodes = rows(&hunt(&world, "ExposureGraphNodes").await);
    let flaws = rows(&hunt(&world, "DeviceTvmSoftwareVulnerabilities").await);

    assert_eq!(settings[0]["IsCompliant@odata.type"], "#SByte");
    assert!(settings.iter().all(|row| row["IsCompliant"] == 0 || row["IsCompliant"] == 1));
    assert_eq!(settings[0]["Context"], json!({}));
    let dates: BTreeSet<bool> =
        software.iter().map(|row| row["EndOfSupportDate"].is_string()).collect();
    assert_eq!(dates.len(), 2);
    assert!(software.iter().all(|row| !row["EndOfSupportDate"].is_null()));
    assert_eq!(nodes[0]["Categories@odata.type"], "#Collection(String)");
    assert_eq!(flaws.len(), 200);
    assert!(flaws.iter().all(|row| row["CveId"].as_str().unwrap().starts_with("CVE-")));
}

#[tokio::test]
async fn parts_by_hash_make_up_the_whole() {
    let world = World::start(|options| options.tenants[0].devices = 40).await;
    let ids = |rows: Vec<Value>| -> Vec<String> {
        rows.iter().map(|row| row["DeviceId"].as_str().unwrap().to_owned()).collect()
    };

    let newest = "DeviceInfo\n| summarize arg_max(Timestamp, *) by DeviceId";
    let whole = ids(rows(&hunt(&world, newest).await));
    let mut parts = Vec::new();
    for part in 0..4 {
        let query = format!("{newest}\n| where hash(DeviceId, 4) == {part}\n| project DeviceId");
        let part = ids(rows(&hunt(&world, &query).await));
        assert!((1..40).contains(&part.len()), "{} rows", part.len());
        parts.extend(part);
    }

    assert_eq!((whole.len(), parts.len()), (40, 40));
    assert_eq!(BTreeSet::from_iter(whole), BTreeSet::from_iter(parts));
}

#[tokio::test]
async fn a_count_is_one_row() {
    let world = World::start(|options| options.tenants[0].devices = 40).await;

    let count = hunt(&world, "// who asks\nExposureGraphNodes | count").await.json();

    assert_eq!(count["schema"], json!([{"name": "Count", "type": "Int64"}]));
    assert_eq!(count["results"], json!([{"Count": 40}]));
}

#[tokio::test]
async fn more_than_a_hundred_thousand_rows_are_cut_without_a_sign() {
    let world = World::start(|options| options.tenants[0].alerts = 130_000).await;

    let all = hunt(&world, "AlertInfo").await.json();
    let part = rows(&hunt(&world, "AlertInfo | where hash(AlertId, 64) == 0").await);

    assert_eq!(all["results"].as_array().unwrap().len(), 100_000);
    assert_eq!(all.as_object().unwrap().len(), 3);
    assert!((1_000..2_000).contains(&part.len()), "{}", part.len());
}

#[tokio::test]
async fn what_hunting_does_not_understand_is_refused() {
    let world = World::start(|_| {}).await;
    for body in [
        json!({}),
        json!({"query": "DeviceInfo"}),
        json!({"Query": "DeviceInfo", "Other": 1}),
        json!({"Query": "NoSuchTable | take 1"}),
        json!({"Query": "DeviceInfo", "Timespan": "7 days"}),
        json!({"Query": "AlertInfo | where hash(DeviceId, 8) == 0"}),
        json!({"Query": "DeviceInfo | project DeviceId | where OSPlatform == 'Linux'"}),
        json!({"Query": "DeviceInfo | join AlertInfo on DeviceId"}),
    ] {
        let answer = world.post_json(&url(&world), GRAPH, &body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.json()["error"]["code"], "BadRequest", "{body}");
    }
    let token = [world.token(GRAPH).await];
    let untyped = send("POST", &url(&world), &token, br#"{"Query":"DeviceInfo"}"#).await.unwrap();
    let right = json!({"Query": "DeviceInfo", "Timespan": "P7D"});
    let right = world.post_json(&url(&world), GRAPH, &right).await;
    assert_eq!((untyped.status, right.status), (400, 200));
    assert_eq!(world.get(&url(&world), GRAPH).await.status, 405);
    world.simulator.set_roles(&world.tenant.id, &["SecurityEvents.Read.All"]);
    assert_eq!(hunt(&world, "DeviceInfo").await.status, 403);
}

#[tokio::test]
async fn the_forty_sixth_query_of_a_minute_is_throttled_and_faults_work() {
    let world = World::start(|_| {}).await;
    let kind = FaultKind::CutBody;
    world.simulator.inject(Fault::new(Api::Graph, "/v1.0/security/runHuntingQuery", kind));

    let cut = hunt(&world, "DeviceInfo").await;
    for _ in 0..44 {
        assert_eq!(hunt(&world, "DeviceInfo").await.status, 200);
    }
    let over = hunt(&world, "DeviceInfo").await;

    assert!(!cut.whole);
    assert_eq!((over.status, &over.json()["error"]["code"]), (429, &"TooManyRequests".into()));
}
