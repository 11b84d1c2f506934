//! Lists page as documented, and recorded pages keep their bytes.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use simulator::{Api, Fault, FaultKind};

use crate::support::{DEFENDER, GRAPH, World, send};

fn ids(records: &[Value]) -> BTreeSet<String> {
    records.iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn devices_and_vulnerabilities_page_to_their_number_without_duplicates() {
    let world = World::start(|options| options.page_size = Some(4)).await;
    let base = world.simulator.defender_url();

    let devices = world.walk(format!("{base}/api/machines"), DEFENDER).await;
    let flaws = world.walk(format!("{base}/api/Vulnerabilities"), DEFENDER).await;

    assert_eq!((devices.len(), ids(&devices).len()), (7, 7));
    assert_eq!((flaws.len(), ids(&flaws).len()), (54, 54));
    let unexposed = flaws.iter().filter(|flaw| flaw["exposedMachines"] == 0).count();
    assert!(unexposed > 27, "{unexposed} of 54");
}

#[tokio::test]
async fn ninety_days_of_scores_follow_from_top_one() {
    let world = World::start(|options| options.tenants[0].days = 12).await;
    let base = world.simulator.graph_url();

    let scores = world.walk(format!("{base}/v1.0/security/secureScores?$top=1"), GRAPH).await;

    assert_eq!((scores.len(), ids(&scores).len()), (12, 12));
    assert_eq!(scores[0]["id"], format!("{}_2026-11-20", world.tenant.id));
    assert_eq!(scores[11]["createdDateTime"], "2026-11-09T00:00:00Z");
    world.simulator.advance_days(1);
    let newest = world.graph("secureScores?$top=1").await.json();
    assert_eq!(newest["value"][0]["createdDateTime"], "2026-11-21T00:00:00Z");
}

#[tokio::test]
async fn profiles_come_in_two_pages() {
    let world = World::start(|_| {}).await;
    let first = world.graph("secureScoreControlProfiles?$count=true").await.json();

    let next = first["@odata.nextLink"].as_str().unwrap();
    let second = world.get(next, GRAPH).await.json();

    assert_eq!(first["value"].as_array().unwrap().len(), 50);
    assert_eq!(first["@odata.count"], 80);
    assert_eq!(second["value"].as_array().unwrap().len(), 30);
    assert!(second.get("@odata.nextLink").is_none());
}

#[tokio::test]
async fn an_explicit_top_switches_defenders_link_off() {
    let world = World::start(|_| {}).await;

    let page = world.defender("machines?$top=3&$skip=1").await.json();
    let too_many = world.defender("vulnerabilities?$top=8001").await;

    assert_eq!(page["value"].as_array().unwrap().len(), 3);
    assert!(page.get("@odata.nextLink").is_none());
    assert_eq!(too_many.status, 400);
    assert_eq!(too_many.json()["error"]["code"], "ODataError");
}

#[tokio::test]
async fn graph_refuses_what_it_does_not_know() {
    let world = World::start(|_| {}).await;

    for (path, status) in [
        ("secureScores?$top=1001", 400),
        ("secureScores?$skip=501", 400),
        ("secureScores?$foo=1", 400),
        ("secureScores?$filter=x", 400),
        ("nothing", 404),
    ] {
        let answer = world.graph(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.json()["error"]["innerError"]["request-id"].is_string(), "{path}");
        assert!(answer.header("request-id").is_some() && answer.header("date").is_some());
    }
}

#[tokio::test]
async fn the_hundred_and_first_call_to_defender_is_throttled() {
    let world = World::start(|_| {}).await;
    let token = world.token(DEFENDER).await;
    let url = format!("{}/api/exposureScore", world.simulator.defender_url());
    let call = || send("GET", &url, std::slice::from_ref(&token), b"");

    for _ in 0..100 {
        assert_eq!(call().await.unwrap().status, 200);
    }
    let answer = call().await.unwrap();

    assert_eq!(answer.status, 429);
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() <= 60);
}

#[tokio::test]
async fn a_fifth_request_at_once_to_graph_is_throttled() {
    let world = World::start(|_| {}).await;
    let slow = FaultKind::SlowBody(Duration::from_millis(300));
    world.simulator.inject(Fault::new(Api::Graph, "", slow).times(4));
    let token = world.token(GRAPH).await;
    let url = format!("{}/v1.0/security/secureScores?$top=1", world.simulator.graph_url());
    let ask = || send("GET", &url, std::slice::from_ref(&token), b"");

    let ((a, b, c, d), fifth) =
        tokio::join!(async { tokio::join!(ask(), ask(), ask(), ask()) }, async {
            while world.simulator.requests().iter().filter(|seen| seen.status == 200).count() < 5 {
                tokio::task::yield_now().await;
            }
            ask().await.unwrap()
        });

    assert!([a, b, c, d].into_iter().all(|answer| answer.unwrap().status == 200));
    assert_eq!((fifth.status, fifth.header("retry-after")), (429, Some("1")));
    assert_eq!(ask().await.unwrap().status, 200);
}

#[tokio::test]
async fn single_scores_are_objects() {
    let world = World::start(|_| {}).await;

    let exposure = world.defender("exposureScore").await;
    let configuration = world.defender("configurationScore").await.json();

    let text = exposure.text();
    let (_, decimals) = text.trim_end_matches('}').rsplit_once('.').unwrap();
    assert_eq!(decimals.len(), 15, "{text}");
    assert!(exposure.json()["score"].is_f64() && configuration["score"].is_f64());
}

#[tokio::test]
async fn recorded_pages_keep_every_byte_but_the_link() {
    let folder = std::env::temp_dir().join(format!("simulator-replay-{}", std::process::id()));
    let source = folder.join("defender.devices");
    std::fs::create_dir_all(&source).unwrap();
    let record = r#"{"value": [ {"id" : "a", "n": 1.50, "t":"\u00e9 é"} ]"#;
    std::fs::write(source.join("page-1.json"), format!("{record}\n}}")).unwrap();
    let last = format!("{record}, \"@odata.nextLink\": \"https://old.example\"}}");
    std::fs::write(source.join("page-2.json"), last).unwrap();
    let world = World::start(|options| options.replay = Some(folder.clone())).await;

    let first = world.defender("machines").await;
    let next = first.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    let second = world.get(&next, DEFENDER).await;
    let absent = world.graph("secureScores").await;
    std::fs::remove_dir_all(&folder).unwrap();

    assert_eq!(first.text(), format!("{record},\"@odata.nextLink\":\"{next}\"\n}}"));
    assert_eq!(second.text(), format!("{record}}}"));
    assert_eq!(absent.text(), r#"{"value":[]}"#);
}
