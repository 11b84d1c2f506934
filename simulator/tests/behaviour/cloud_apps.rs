//! Cloud Discovery: streams, and the apps of one.

use serde_json::Value;
use simulator::{Api, Fault, FaultKind};

use crate::support::{GRAPH, World};

const STREAMS: &str = "/beta/security/dataDiscovery/cloudAppDiscovery/uploadedStreams";

async fn stream(world: &World, name: &str) -> String {
    let url = format!("{}{STREAMS}", world.simulator.graph_url());
    let streams = world.walk(url.clone(), GRAPH).await;
    let stream = streams.iter().find(|stream| stream["displayName"] == name).unwrap();
    format!("{url}/{}", stream["id"].as_str().unwrap())
}

async fn apps(world: &World, stream: &str, period: &str) -> Vec<Value> {
    let url = format!("{stream}/aggregatedAppsDetails(period=duration'{period}')");
    world.walk(url, GRAPH).await
}

#[tokio::test]
async fn apps_of_a_stream_come_in_pages_of_a_hundred() {
    let world = World::start(|options| options.tenants[0].devices = 150).await;
    let endpoints = stream(&world, "Defender-managed endpoints").await;
    let global = stream(&world, "Global view").await;
    let url = format!("{endpoints}/aggregatedAppsDetails(period=duration'P30D')");

    let first = world.get(&url, GRAPH).await.json();
    let all = apps(&world, &endpoints, "P30D").await;
    let elsewhere = apps(&world, &global, "P90D").await;

    assert_eq!(first["value"].as_array().unwrap().len(), 100);
    assert!(first["@odata.nextLink"].as_str().unwrap().ends_with("')?$skip=100"));
    assert_eq!((all.len(), elsewhere.len()), (115, 115));
    assert!(all.iter().all(|app| app["deviceCount"].is_u64()));
    assert!(elsewhere.iter().all(|app| app.get("deviceCount").is_none()));
}

#[tokio::test]
async fn other_periods_streams_and_forms_are_refused() {
    let world = World::start(|_| {}).await;
    let stream = stream(&world, "Global view").await;
    let long = "microsoft.graph.security.aggregatedAppsDetails(period=duration'P7D')";

    for (url, status) in [
        (format!("{stream}/{long}"), 200),
        (format!("{stream}/aggregatedAppsDetails(period=duration'P31D')"), 400),
        (format!("{stream}/aggregatedAppsDetails(period=duration'P7D')?$filter=x"), 400),
        (format!("{stream}/aggregatedAppsDetails%20(period=duration'P7D')"), 404),
        (format!("{stream}0/{long}"), 404),
        (stream.replace("/security", ""), 404),
    ] {
        assert_eq!(world.get(&url, GRAPH).await.status, status, "{url}");
    }
    let url = [format!("{stream}/{long}")];
    assert_eq!(world.statuses_with("SecurityEvents.Read.All", &url, GRAPH).await, [403]);
}

#[tokio::test]
async fn throttling_has_its_own_words() {
    let world = World::start(|_| {}).await;
    let busy = FaultKind::Status { code: 429, retry_after: None };
    world.simulator.inject(Fault::new(Api::Graph, STREAMS, busy));

    let answer = world.get(&format!("{}{STREAMS}", world.simulator.graph_url()), GRAPH).await;

    assert_eq!(answer.status, 429);
    assert!(answer.json()["detail"].as_str().unwrap().starts_with("Request was throttled."));
}

#[tokio::test]
async fn recorded_apps_stand_behind_one_stream() {
    let folder = std::env::temp_dir().join(format!("simulator-apps-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let world = World::start(|options| options.replay = Some(folder.clone())).await;
    let url = format!("{}{STREAMS}", world.simulator.graph_url());

    let without = world.walk(url.clone(), GRAPH).await;
    std::fs::create_dir_all(folder.join("graph.cloud_apps")).unwrap();
    let page = r#"{"value":[{"id":"1"}]}"#;
    std::fs::write(folder.join("graph.cloud_apps/page-1.json"), page).unwrap();
    let with = world.walk(url, GRAPH).await;
    let stream = stream(&world, "Defender-managed endpoints").await;
    let recorded = apps(&world, &stream, "P30D").await;
    std::fs::remove_dir_all(&folder).unwrap();

    assert_eq!((without.len(), with.len()), (0, 1));
    assert_eq!(recorded, [serde_json::json!({"id": "1"})]);
}
