//! Azure: subscriptions, Defender for Cloud's lists, Resource Graph.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simulator::{Api, Fault, FaultKind};

use crate::support::{ARM, Answer, GRAPH, Recorded, World};

const SECURITY: &str = "providers/Microsoft.Security";

async fn get(world: &World, path: &str) -> Answer {
    world.get(&format!("{}{path}", world.simulator.arm_url()), ARM).await
}

/// Every record from a path on, page by page.
async fn walk(world: &World, path: &str) -> Vec<Value> {
    let (mut records, mut next) =
        (Vec::new(), Some(format!("{}{path}", world.simulator.arm_url())));
    while let Some(url) = next {
        let mut page = world.get(&url, ARM).await.json();
        records.append(page["value"].as_array_mut().unwrap_or(&mut Vec::new()));
        next = page["nextLink"].as_str().map(str::to_owned);
    }
    records
}

async fn subscriptions(world: &World) -> Vec<Value> {
    walk(world, "/subscriptions?api-version=2022-12-01").await
}

async fn first(world: &World) -> String {
    subscriptions(world).await[0]["id"].as_str().unwrap().to_owned()
}

async fn query(world: &World, body: Value) -> Answer {
    let base = world.simulator.arm_url();
    let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01";
    world.post_json(&format!("{base}{path}"), ARM, &body).await
}

fn rows_of(kind: &str) -> String {
    format!(
        "securityresources\n| where type =~ '{kind}'\n| project id, name, subscriptionId, tenantId, properties\n| order by id asc"
    )
}

fn ids(records: &[Value]) -> BTreeSet<&str> {
    records.iter().map(|record| record["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn subscriptions_page_by_link_and_one_is_delegated() {
    let world = World::start(|options| options.page_size = Some(2)).await;

    let all = subscriptions(&world).await;

    assert_eq!((all.len(), ids(&all).len()), (4, 4));
    let own = all.iter().filter(|one| one["tenantId"] == world.tenant.id.as_str()).count();
    assert_eq!(own, 3);
}

#[tokio::test]
async fn every_list_of_a_subscription_answers_in_pages() {
    let world = World::start(|options| options.page_size = Some(7)).await;
    let start = format!("{}/{SECURITY}", first(&world).await);
    for (path, version, length) in [
        ("secureScores", "2020-01-01", 1),
        ("secureScoreControls", "2020-01-01", 12),
        ("secureScores/ascScore/secureScoreControls", "2020-01-01", 12),
        ("assessments", "2021-06-01", 30),
        ("regulatoryComplianceStandards", "2019-01-01-preview", 3),
    ] {
        let records = walk(&world, &format!("{start}/{path}?api-version={version}")).await;
        assert_eq!((records.len(), ids(&records).len()), (length, length), "{path}");
    }
    let definitions = format!("/{SECURITY}/secureScoreControlDefinitions?api-version=2020-01-01");
    assert_eq!(walk(&world, &definitions).await.len(), 12);
}

#[tokio::test]
async fn compliance_is_walked_from_standard_to_assessment() {
    let world = World::start(|_| {}).await;
    let version = "api-version=2019-01-01-preview";
    let start = format!("{}/{SECURITY}/regulatoryComplianceStandards", first(&world).await);
    let mut found = Vec::new();

    for standard in walk(&world, &format!("{start}?{version}")).await {
        let path = format!("{}/regulatoryComplianceControls", standard["id"].as_str().unwrap());
        for control in walk(&world, &format!("{path}?{version}")).await {
            let id = control["id"].as_str().unwrap();
            let path = format!("{id}/regulatoryComplianceAssessments?{version}");
            let assessments = walk(&world, &path).await;
            assert!(ids(&assessments).iter().all(|one| one.starts_with(id)), "{id}");
            found.extend(assessments);
        }
    }

    assert_eq!((found.len(), ids(&found).len()), (60, 60));
}

#[tokio::test]
async fn lists_have_only_what_was_asked_for() {
    let world = World::start(|_| {}).await;
    let start = format!("{}/{SECURITY}", first(&world).await);
    let controls = format!("{start}/secureScoreControls?api-version=2020-01-01");

    let plain = walk(&world, &controls).await;
    let expanded = walk(&world, &format!("{controls}&$expand=definition")).await;
    let older = walk(&world, &format!("{start}/assessments?api-version=2021-06-01")).await;
    let newest = walk(&world, &format!("{start}/assessments?api-version=2025-05-04")).await;

    assert!(plain[0]["properties"].get("definition").is_none());
    assert!(expanded[0]["properties"]["definition"]["properties"]["maxScore"].is_u64());
    assert!(older[0]["properties"].get("risk").is_none());
    assert!(newest[0]["properties"]["risk"]["level"].is_string());
    assert!(newest[0]["properties"].get("metadata").is_none());
}

#[tokio::test]
async fn versions_audience_and_places_are_checked() {
    let world = World::start(|_| {}).await;
    let subscription = first(&world).await;
    for (path, status, code) in [
        ("/subscriptions".to_owned(), 400, "MissingApiVersionParameter"),
        ("/subscriptions?api-version=2020-01-02".to_owned(), 400, "InvalidApiVersionParameter"),
        (
            format!("{subscription}/{SECURITY}/secureScores?api-version=2021-06-01"),
            400,
            "InvalidApiVersionParameter",
        ),
        (
            format!("{subscription}/{SECURITY}/assessments?api-version=2021-06-01&$filter=x"),
            400,
            "BadRequest",
        ),
        (
            format!("/subscriptions/nobody/{SECURITY}/secureScores?api-version=2020-01-01"),
            404,
            "SubscriptionNotFound",
        ),
        (
            format!("{subscription}/{SECURITY}/nothing?api-version=2020-01-01"),
            404,
            "ResourceNotFound",
        ),
    ] {
        let answer = get(&world, &path).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (status, &code.into()),
            "{path}"
        );
    }
    let url = format!("{}/subscriptions?api-version=2022-12-01", world.simulator.arm_url());
    assert_eq!(world.get(&url, GRAPH).await.status, 401);
}

#[tokio::test]
async fn resource_graph_has_the_rows_of_every_subscription() {
    let world = World::start(|_| {}).await;
    let subscription = first(&world).await;
    let list = format!("{subscription}/{SECURITY}/assessments?api-version=2021-06-01");
    let listed = walk(&world, &list).await;
    let text = rows_of("Microsoft.Security/assessments");
    let (mut rows, mut token) = (Vec::new(), Value::Null);

    loop {
        let options = json!({"$top": 50, "$skipToken": token});
        let page = query(&world, json!({"query": text, "options": options})).await.json();
        assert_eq!(
            (&page["resultTruncated"], &page["totalRecords"]),
            (&"false".into(), &120.into())
        );
        rows.extend(page["data"].as_array().unwrap().clone());
        token = page["$skipToken"].clone();
        if token.is_null() {
            break;
        }
    }

    assert_eq!((rows.len(), ids(&rows).len()), (120, 120));
    assert!(ids(&rows).is_superset(&ids(&listed)));
    let tenants: BTreeSet<&str> =
        rows.iter().map(|row| row["tenantId"].as_str().unwrap()).collect();
    assert_eq!(tenants.len(), 2);
    assert_eq!(rows[0]["type"], "microsoft.security/assessments");
    assert!(rows[0]["properties"]["metadata"]["severity"].is_string());
    assert!(rows[0]["properties"]["status"]["statusChangeDate"].is_string());
}

#[tokio::test]
async fn a_result_without_id_is_cut_with_a_sign() {
    let world = World::start(|options| options.limits = false).await;
    let text = "securityresources | where type =~ 'microsoft.security/securescores' | project name, properties";

    let cut = query(&world, json!({"query": text, "options": {"$top": 3}})).await.json();
    let one = subscriptions(&world).await[0]["subscriptionId"].clone();
    let text = rows_of("microsoft.security/securescores");
    let own = query(&world, json!({"query": text, "subscriptions": [one]})).await.json();
    let containers = "resourcecontainers | where type =~ 'microsoft.resources/subscriptions'";
    let containers = query(&world, json!({"query": containers})).await.json();

    assert_eq!((&cut["resultTruncated"], &cut["count"]), (&"true".into(), &3.into()));
    assert!(cut.get("$skipToken").is_none() && cut["data"][0].get("id").is_none());
    assert_eq!(own["count"], 1);
    assert_eq!(own["data"][0]["subscriptionId"], one);
    assert_eq!(containers["count"], 4);
}

#[tokio::test]
async fn queries_that_are_not_understood_are_refused() {
    let world = World::start(|_| {}).await;
    let good = rows_of("microsoft.security/assessments");

    for body in [
        json!({"options": {}}),
        json!({"query": "resources | take 1"}),
        json!({"query": rows_of("microsoft.security/assessments") + " | where type =~ 'x'"}),
        json!({"query": good, "options": {"$top": 1001}}),
        json!({"query": good, "options": {"$skipToken": "other"}}),
        json!({"query": good, "options": {"resultFormat": "table"}}),
    ] {
        assert_eq!(query(&world, body.clone()).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn the_sixteenth_query_in_five_seconds_is_over_the_quota() {
    let world = World::start(|_| {}).await;
    let body = json!({"query": rows_of("microsoft.security/securescores")});

    let first = query(&world, body.clone()).await;
    // At once, so that a busy machine doesn't make the window pass.
    let others = futures::future::join_all((0..15).map(|_| query(&world, body.clone()))).await;

    assert_eq!(first.header("x-ms-user-quota-remaining"), Some("14"));
    let over: Vec<&Answer> = others.iter().filter(|answer| answer.status != 200).collect();
    assert_eq!((over.len(), over[0].status), (1, 429));
    assert_eq!(over[0].header("x-ms-user-quota-remaining"), Some("0"));
    assert_eq!(over[0].header("x-ms-user-quota-resets-after"), Some("00:00:05"));
    assert_eq!(over[0].json()["error"]["code"], "RateLimiting");
}

#[tokio::test]
async fn without_a_role_everything_looks_empty() {
    let world = World::start(|_| {}).await;
    let subscription = first(&world).await;
    world.simulator.refuse_subscriptions(true);

    let all = subscriptions(&world).await;
    let rows = query(&world, json!({"query": rows_of("microsoft.security/assessments")})).await;
    let scores = format!("{subscription}/{SECURITY}/secureScores?api-version=2020-01-01");
    let scores = get(&world, &scores).await;

    assert_eq!((all.len(), &rows.json()["data"]), (0, &json!([])));
    assert_eq!(
        (scores.status, &scores.json()["error"]["code"]),
        (403, &"AuthorizationFailed".into())
    );
}

#[tokio::test]
async fn recorded_rows_answer_lists_and_resource_graph() {
    let folder = Recorded::new("arm", &["azure.assessments"]);
    let world = World::start(|options| options.replay = Some(folder.0.clone())).await;
    let subscription = first(&world).await;
    let path = |list: &str, version: &str| {
        format!("{subscription}/{SECURITY}/{list}?api-version={version}")
    };

    let listed = walk(&world, &path("assessments", "2021-06-01")).await;
    let none = walk(&world, &path("secureScores", "2020-01-01")).await;
    let rows = query(&world, json!({"query": rows_of("microsoft.security/assessments")})).await;

    assert_eq!(subscriptions(&world).await.len(), 1);
    assert_eq!((listed.len(), none.len()), (1, 0));
    assert_eq!(rows.json()["data"], json!(listed));
}

#[tokio::test]
async fn faults_speak_arms_language() {
    let world = World::start(|_| {}).await;
    let same = Fault::new(Api::Arm, "/subscriptions", FaultKind::SameLink);
    world.simulator.inject(same);

    let page = get(&world, "/subscriptions?api-version=2022-12-01").await.json();

    let own = format!("{}/subscriptions?api-version=2022-12-01", world.simulator.arm_url());
    assert_eq!(page["nextLink"], own);
    assert!(page.get("@odata.nextLink").is_none());
}
