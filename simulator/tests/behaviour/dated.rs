//! Graph's lists by date: alerts, incidents, risky users, risk detections.

use std::collections::BTreeSet;

use serde_json::Value;
use simulator::{Api, Fault, FaultKind};

use crate::support::{GRAPH, STARTED, World};

fn field<'a>(records: &'a [Value], name: &str) -> Vec<&'a str> {
    records.iter().map(|record| record[name].as_str().unwrap()).collect()
}

async fn walk(world: &World, path: &str) -> Vec<Value> {
    world.walk(format!("{}/v1.0/{path}", world.simulator.graph_url()), GRAPH).await
}

#[tokio::test]
async fn alerts_come_newest_first_with_evidence_and_ties() {
    let world = World::start(|options| options.page_size = Some(7)).await;

    let alerts = walk(&world, "security/alerts_v2").await;

    let ids: BTreeSet<&str> = field(&alerts, "id").into_iter().collect();
    assert_eq!((alerts.len(), ids.len()), (40, 40));
    let time = |name: &str| -> Vec<jiff::Timestamp> {
        field(&alerts, name).iter().map(|text| text.parse().unwrap()).collect()
    };
    let created = time("createdDateTime");
    assert!(created.is_sorted_by(|newer, older| newer > older));
    let updated: BTreeSet<_> = time("lastUpdateDateTime").into_iter().collect();
    assert!(updated.len() <= 30, "{} different times", updated.len());
    assert!(updated.iter().all(|time| *time <= STARTED.parse().unwrap()));
    let kinds: BTreeSet<&str> = alerts
        .iter()
        .flat_map(|alert| alert["evidence"].as_array().unwrap())
        .map(|evidence| evidence["@odata.type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert!(alerts.iter().all(|alert| alert["mitreTechniques"].is_array()));
}

#[tokio::test]
async fn every_alert_belongs_to_an_incident_in_the_list() {
    let world = World::start(|_| {}).await;

    let alerts = walk(&world, "security/alerts_v2?$top=1000").await;
    let incidents = walk(&world, "security/incidents?$top=5").await;

    let of_alerts: BTreeSet<&str> = field(&alerts, "incidentId").into_iter().collect();
    let known: BTreeSet<&str> = field(&incidents, "id").into_iter().collect();
    assert_eq!(of_alerts, known);
    assert_eq!(incidents.len(), 14);
}

#[tokio::test]
async fn touched_alerts_and_their_incidents_are_all_that_is_newer() {
    let world = World::start(|options| options.page_size = Some(2)).await;
    let since = format!("$filter=lastUpdateDateTime%20gt%20{STARTED}");
    let before = walk(&world, &format!("security/alerts_v2?{since}")).await;

    world.simulator.touch_alerts(5);
    let alerts = walk(&world, &format!("security/alerts_v2?{since}")).await;
    let incidents = walk(&world, &format!("security/incidents?{since}")).await;
    world.simulator.touch_alerts(5);
    let more = walk(&world, &format!("security/alerts_v2?{since}")).await;

    assert_eq!((before.len(), alerts.len(), incidents.len(), more.len()), (0, 5, 2, 10));
    let times: BTreeSet<&str> = field(&alerts, "lastUpdateDateTime").into_iter().collect();
    assert_eq!(times.len(), 1);
    let of_incidents = field(&incidents, "lastUpdateDateTime");
    assert!(of_incidents.iter().all(|time| times.contains(time)));
}

#[tokio::test]
async fn two_bounds_cut_a_window_out() {
    let world = World::start(|options| options.limits = false).await;
    for (path, name) in [
        ("security/alerts_v2", "createdDateTime"),
        ("identityProtection/riskyUsers", "riskLastUpdatedDateTime"),
        ("identityProtection/riskDetections", "detectedDateTime"),
    ] {
        let all = walk(&world, path).await;
        let times = field(&all, name);
        let (newest, oldest) = (times[1], times[3]);

        let query = format!("$filter={name}%20ge%20{oldest}%20and%20{name}%20le%20{newest}");
        let window = walk(&world, &format!("{path}?{query}&$top=2")).await;
        let after = walk(&world, &format!("{path}?$filter={name}+gt+{newest}")).await;

        assert_eq!(field(&window, name), times[1..=3], "{path}");
        assert_eq!(after.len(), 1, "{path}");
    }
}

#[tokio::test]
async fn pages_have_their_documented_sizes() {
    let world = World::start(|options| {
        options.tenants[0].alerts = 60;
        options.tenants[0].devices = 100;
    });
    let world = world.await;

    for (path, length) in [
        ("security/alerts_v2", 50),
        ("security/alerts_v2?$top=55", 55),
        ("security/incidents", 20),
        ("identityProtection/riskDetections", 20),
    ] {
        let url = format!("{}/v1.0/{path}", world.simulator.graph_url());
        let page = world.get(&url, GRAPH).await.json();
        assert_eq!(page["value"].as_array().unwrap().len(), length, "{path}");
        assert_eq!(page.get("@odata.nextLink").is_some(), !path.ends_with("incidents"), "{path}");
    }
}

#[tokio::test]
async fn too_large_pages_and_other_filters_are_refused() {
    let world = World::start(|options| options.limits = false).await;
    let base = world.simulator.graph_url();
    let too_many = world.graph("incidents?$top=51").await;
    assert_eq!(too_many.status, 400);
    assert!(too_many.text().contains("The limit of '50' for Top query has been exceeded"));

    for path in [
        "security/alerts_v2?$top=1001",
        "security/alerts_v2?$filter=severity%20eq%20'high'",
        "security/alerts_v2?$filter=lastUpdateDateTime%20ge%20now",
        "security/alerts_v2?$orderby=createdDateTime",
        "security/incidents?$expand=alerts",
        "identityProtection/riskyUsers?$top=501",
        "identityProtection/riskDetections?$top=501",
        "identityProtection/riskDetections?$filter=createdDateTime%20gt%202026-11-01T00:00:00Z",
    ] {
        let answer = world.get(&format!("{base}/v1.0/{path}"), GRAPH).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.json()["error"]["code"], "BadRequest", "{path}");
    }
}

#[tokio::test]
async fn each_list_by_date_needs_its_own_role() {
    let world = World::start(|options| options.limits = false).await;
    let base = world.simulator.graph_url();
    let urls = [
        "security/alerts_v2",
        "security/incidents",
        "identityProtection/riskyUsers",
        "identityProtection/riskDetections",
    ]
    .map(|path| format!("{base}/v1.0/{path}"));

    for (number, role) in [
        "SecurityAlert.Read.All",
        "SecurityIncident.Read.All",
        "IdentityRiskyUser.Read.All",
        "IdentityRiskEvent.Read.All",
    ]
    .into_iter()
    .enumerate()
    {
        let mut expected = [403; 4];
        expected[number] = 200;
        assert_eq!(world.statuses_with(role, &urls, GRAPH).await, expected, "{role}");
    }
}

#[tokio::test]
async fn identity_protection_takes_one_call_a_second_and_says_not_when() {
    let world = World::start(|_| {}).await;
    let base = world.simulator.graph_url();
    let users = format!("{base}/v1.0/identityProtection/riskyUsers");

    let detections = users.replace("riskyUsers", "riskDetections");
    let (one, other) = tokio::join!(world.get(&users, GRAPH), world.get(&detections, GRAPH));

    let (first, second) = if one.status == 200 { (one, other) } else { (other, one) };
    assert_eq!((first.status, second.status), (200, 429));
    assert_eq!(second.header("retry-after"), None);
}

#[tokio::test]
async fn faults_and_recorded_pages_meet_the_lists_by_date() {
    let folder = std::env::temp_dir().join(format!("simulator-dated-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("graph.alerts")).unwrap();
    let page = |id: u32| format!(r#"{{"value":[{{"id":"{id}"}}]}}"#);
    std::fs::write(folder.join("graph.alerts/page-1.json"), page(1)).unwrap();
    std::fs::write(folder.join("graph.alerts/page-2.json"), page(2)).unwrap();
    let world = World::start(|options| options.replay = Some(folder.clone())).await;
    let kind = FaultKind::Status { code: 503, retry_after: None };
    world.simulator.inject(Fault::new(Api::Graph, "/v1.0/security/alerts_v2", kind));

    let busy = world.graph("alerts_v2").await;
    let alerts = walk(&world, "security/alerts_v2").await;
    let incidents = walk(&world, "security/incidents").await;
    std::fs::remove_dir_all(&folder).unwrap();

    assert_eq!(busy.status, 503);
    assert_eq!((field(&alerts, "id"), incidents.len()), (vec!["1", "2"], 0));
}
