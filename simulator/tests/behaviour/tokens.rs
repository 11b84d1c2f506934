//! Tokens are refused as the real services refuse them.

use simulator::{Api, Fault, FaultKind};

use crate::support::{DEFENDER, GRAPH, World, send};

#[tokio::test]
async fn a_wrong_secret_is_refused_with_its_number() {
    let world = World::start(|_| {}).await;

    let answer = world.ask_token("wrong", &format!("{GRAPH}/.default")).await;

    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["error"], "invalid_client");
    assert_eq!(answer.json()["error_codes"][0], 7000215);
}

#[tokio::test]
async fn a_scope_of_another_form_or_resource_is_refused() {
    let world = World::start(|_| {}).await;
    let secret = world.tenant.client_secret.clone();

    let form = world.ask_token(&secret, GRAPH).await;
    let unknown = world.ask_token(&secret, "https://other.example/.default").await;

    assert_eq!((form.status, &form.json()["error_codes"][0]), (400, &70011.into()));
    assert_eq!((unknown.status, &unknown.json()["error_codes"][0]), (400, &500011.into()));
}

#[tokio::test]
async fn an_unknown_tenant_is_not_found() {
    let world = World::start(|_| {}).await;
    let url = format!("{}/nobody/oauth2/v2.0/token", world.simulator.entra_url());

    let answer = send("POST", &url, &[], b"grant_type=client_credentials").await.unwrap();

    assert_eq!((answer.status, &answer.json()["error_codes"][0]), (400, &90002.into()));
}

#[tokio::test]
async fn a_request_without_token_or_with_another_apis_is_unauthorized() {
    let world = World::start(|_| {}).await;
    let url = format!("{}/api/machines", world.simulator.defender_url());

    let without = send("GET", &url, &[], b"").await.unwrap();
    let other = world.get(&url, GRAPH).await;

    assert_eq!((without.status, other.status), (401, 401));
    assert_eq!(other.json()["error"]["code"], "Unauthorized");
    assert_eq!(other.json()["error"]["target"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn an_expired_token_is_unauthorized() {
    let world = World::start(|_| {}).await;
    let hour_ago = FaultKind::Skew(-3600);
    world.simulator.inject(Fault::new(Api::Entra, "", hour_ago));

    let answer = world.graph("secureScores").await;

    assert_eq!(answer.status, 401);
    assert!(answer.text().contains("Lifetime validation failed"), "{}", answer.text());
}

#[tokio::test]
async fn a_missing_role_is_forbidden_and_the_others_still_work() {
    let world = World::start(|_| {}).await;
    world.simulator.set_roles(&world.tenant.id, &["Score.Read.All"]);

    let machines = world.defender("machines").await;
    let graph = world.graph("secureScores").await;
    let score = world.defender("exposureScore").await;

    assert_eq!((machines.status, graph.status, score.status), (403, 403, 200));
    let message = machines.json()["error"]["message"].clone();
    assert_eq!(
        message,
        "Missing application roles. API required roles: Machine.Read.All, application roles: Score.Read.All."
    );
    assert_eq!(graph.json()["error"]["code"], "Forbidden");
}

#[tokio::test]
async fn the_managed_identity_needs_its_header_and_speaks_for_the_first_tenant() {
    let world = World::start(|_| {}).await;
    let endpoint = world.simulator.identity_endpoint();
    let url = format!("{endpoint}?api-version=2019-08-01&resource={DEFENDER}");
    let header = format!("x-identity-header: {}", world.simulator.identity_header());

    let without = send("GET", &url, &[], b"").await.unwrap();
    let other = format!("{url}&client_id=00000000-0000-4000-8000-000000000000");
    let other = send("GET", &other, std::slice::from_ref(&header), b"").await.unwrap();
    let right = send("GET", &url, &[header], b"").await.unwrap();

    assert_eq!((without.status, other.status, right.status), (400, 400, 200));
    assert_eq!(without.json()["statusCode"], 400);
    assert!(right.json()["expires_on"].is_string());
    let token = right.json()["access_token"].as_str().unwrap().to_owned();
    let machines = format!("{}/api/machines", world.simulator.defender_url());
    let answer = send("GET", &machines, &[format!("authorization: Bearer {token}")], b"").await;
    assert_eq!(answer.unwrap().status, 200);
}

#[tokio::test]
async fn every_request_is_written_down_with_its_tenant_and_status() {
    let world = World::start(|_| {}).await;
    world.graph("secureScores?$top=1").await;

    let seen = world.simulator.requests();

    assert_eq!((seen[0].api, seen[0].status), (Api::Entra, 200));
    assert_eq!(seen[1].path, "/v1.0/security/secureScores");
    assert_eq!(seen[1].query, "$top=1");
    assert_eq!(seen[1].tenant.as_deref(), Some(world.tenant.id.as_str()));
    assert_eq!(seen[1].status, 200);
}
