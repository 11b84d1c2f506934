//! Defender's smaller lists: scores of groups, software, machine actions.

use serde_json::Value;
use simulator::{Api, Fault, FaultKind};

use crate::support::{DEFENDER, World};

fn times(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["lastUpdateDateTimeUtc"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn three_machine_groups_have_an_exposure_score() {
    let world = World::start(|_| {}).await;

    let groups = world.defender("exposureScore/ByMachineGroups").await.json();

    let groups = groups["value"].as_array().unwrap();
    assert_eq!(groups.len(), 3);
    assert!(groups.iter().all(|group| group["score"].is_f64() && group["time"].is_string()));
    assert_eq!(groups[0]["rbacGroupName"], "Workstations");
}

#[tokio::test]
async fn software_pages_to_its_number_without_duplicates() {
    let world = World::start(|options| {
        options.tenants[0].devices = 300;
        options.page_size = Some(50);
    });
    let world = world.await;
    let url = format!("{}/api/software", world.simulator.defender_url());

    let software = world.walk(url, DEFENDER).await;

    let ids: std::collections::BTreeSet<&str> =
        software.iter().map(|product| product["id"].as_str().unwrap()).collect();
    assert_eq!((software.len(), ids.len()), (180, 180));
}

#[tokio::test]
async fn machine_actions_are_newest_first_and_filtered_by_their_update() {
    let world = World::start(|options| {
        options.tenants[0].devices = 60;
        options.page_size = Some(5);
    });
    let world = world.await;
    let url = format!("{}/api/machineactions", world.simulator.defender_url());
    let all = world.walk(url.clone(), DEFENDER).await;
    let middle = times(&all)[6].to_owned();

    let from = format!("{url}?$filter=lastUpdateDateTimeUtc%20ge%20{middle}");
    let from = world.walk(from, DEFENDER).await;
    let after = world.walk(format!("{url}?$filter=lastUpdateDateTimeUtc+gt+{middle}"), DEFENDER);
    let after = after.await;

    assert_eq!((all.len(), from.len(), after.len()), (12, 7, 6));
    assert!(times(&all).is_sorted_by(|newer, older| newer > older), "{:?}", times(&all));
}

#[tokio::test]
async fn other_filters_and_larger_pages_are_refused() {
    let world = World::start(|_| {}).await;

    for path in [
        "machineactions?$filter=status%20eq%20'Pending'",
        "machineactions?$filter=lastUpdateDateTimeUtc%20ge%20yesterday",
        "machineactions?$top=10001",
        "Software?$top=10001",
        "Software?$filter=name%20eq%20'x'",
        "exposureScore/ByMachineGroups?$top=1",
    ] {
        let answer = world.defender(path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.json()["error"]["code"], "ODataError", "{path}");
    }
}

#[tokio::test]
async fn each_list_needs_its_own_role() {
    let world = World::start(|_| {}).await;
    let base = world.simulator.defender_url();
    let urls = ["Software", "machineactions", "exposureScore/ByMachineGroups"]
        .map(|name| format!("{base}/api/{name}"));

    let statuses = world.statuses_with("Software.Read.All", &urls, DEFENDER).await;

    assert_eq!(statuses, [200, 403, 403]);
}

#[tokio::test]
async fn faults_meet_the_new_lists_too() {
    let world = World::start(|_| {}).await;
    world.simulator.inject(Fault::new(Api::Defender, "/api/software", FaultKind::NoValue));

    let answer = world.defender("Software").await;

    assert!(answer.json().get("value").is_none());
}

#[tokio::test]
async fn recorded_pages_of_the_new_lists_are_found_by_folder() {
    let folder = std::env::temp_dir().join(format!("simulator-defender-{}", std::process::id()));
    for source in ["defender.exposure_score_by_group", "defender.software"] {
        std::fs::create_dir_all(folder.join(source)).unwrap();
        let page = format!(r#"{{"value":[{{"id":"{source}"}}]}}"#);
        std::fs::write(folder.join(source).join("page-1.json"), page).unwrap();
    }
    let world = World::start(|options| options.replay = Some(folder.clone())).await;

    let groups = world.defender("exposureScore/ByMachineGroups").await.json();
    let software = world.defender("Software").await.json();
    let actions = world.defender("machineactions").await.json();
    std::fs::remove_dir_all(&folder).unwrap();

    assert_eq!(groups["value"][0]["id"], "defender.exposure_score_by_group");
    assert_eq!(software["value"][0]["id"], "defender.software");
    assert_eq!(actions["value"].as_array().unwrap().len(), 0);
}
