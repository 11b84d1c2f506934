//! Faults do what they say, to the requests they were made for.

use std::time::{Duration, Instant};

use simulator::{Api, Fault, FaultKind};

use crate::support::{Answer, DEFENDER, World, send};

/// The answer of the devices list under a fault, which then has passed.
async fn devices_under(kind: FaultKind) -> (World, Answer) {
    let world = World::start(|options| options.page_size = Some(4)).await;
    world.simulator.inject(Fault::new(Api::Defender, "/api/machines", kind));
    let answer = world.defender("machines").await;
    assert_eq!(world.defender("machines").await.json()["value"].as_array().unwrap().len(), 4);
    (world, answer)
}

fn length(answer: &Answer) -> usize {
    answer.json()["value"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_cut_body_begins_rightly_and_breaks_off() {
    let (_world, answer) = devices_under(FaultKind::CutBody).await;

    assert_eq!(answer.status, 200);
    assert!(!answer.whole && answer.body.len() > 1000, "{} bytes", answer.body.len());
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_err());
}

#[tokio::test]
async fn a_malformed_body_is_whole_http_and_half_json() {
    let (_world, answer) = devices_under(FaultKind::Malformed).await;

    assert!(answer.whole);
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_err());
}

#[tokio::test]
async fn a_partial_answer_has_its_warning_and_all_records() {
    let world = World::start(|_| {}).await;
    world.simulator.inject(Fault::new(
        Api::Graph,
        "/v1.0/security/securescores",
        FaultKind::Partial,
    ));

    let answer = world.graph("secureScores?$top=5").await;

    assert_eq!(answer.status, 206);
    assert_eq!(answer.header("warning"), Some(r#"199 - "Microsoft/SecureScore/503/10212""#));
    assert_eq!(length(&answer), 5);
}

#[tokio::test]
async fn links_lead_where_the_fault_says() {
    let own = |world: &World| format!("{}/api/machines", world.simulator.defender_url());

    let (world, empty) = devices_under(FaultKind::EmptyPage).await;
    assert_eq!((length(&empty), &empty.json()["@odata.nextLink"]), (0, &own(&world).into()));

    let (world, same) = devices_under(FaultKind::SameLink).await;
    assert_eq!((length(&same), &same.json()["@odata.nextLink"]), (4, &own(&world).into()));

    let (_world, foreign) = devices_under(FaultKind::NextLink("https://x.example".into())).await;
    assert_eq!(foreign.json()["@odata.nextLink"], "https://x.example");
}

#[tokio::test]
async fn records_are_spoiled_one_at_a_time() {
    let (_world, broken) = devices_under(FaultKind::NonUtf8).await;
    assert!(std::str::from_utf8(&broken.body).is_err());

    let (_world, null) = devices_under(FaultKind::NullNumbers).await;
    assert!(null.json()["value"][0]["osBuild"].is_null());
    assert!(null.json()["value"][1]["osBuild"].is_number());

    let (_world, unknown) = devices_under(FaultKind::UnknownValues).await;
    assert_eq!(unknown.json()["value"][0]["exposureLevel"], "SomethingNew");
    assert!(unknown.json()["value"][0]["somethingNew"].is_object());

    let (_world, huge) = devices_under(FaultKind::HugeRecord(300_000)).await;
    assert_eq!(length(&huge), 5);
    assert_eq!(huge.json()["value"][4]["id"], "huge");
    assert_eq!(huge.json()["value"][4].to_string().len(), 300_000);

    let (_world, without) = devices_under(FaultKind::NoValue).await;
    assert!(without.json().get("value").is_none());
}

#[tokio::test]
async fn an_answer_can_be_another_one() {
    let throttled = FaultKind::Status { code: 429, retry_after: Some("7".into()) };
    let (_world, throttled) = devices_under(throttled).await;
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, Some("7")));
    assert_eq!(throttled.json()["error"]["code"], "TooManyRequests");

    let (_world, nothing) = devices_under(FaultKind::NoContent).await;
    assert_eq!((nothing.status, nothing.body.len()), (204, 0));

    let (_world, html) = devices_under(FaultKind::Html).await;
    assert_eq!((html.status, html.header("content-type")), (200, Some("text/html")));

    let body = FaultKind::Body { content_type: "text/plain".into(), body: b"hello".to_vec() };
    let (_world, other) = devices_under(body).await;
    assert_eq!(
        (other.text().as_str(), other.header("content-type")),
        ("hello", Some("text/plain"))
    );
}

#[tokio::test]
async fn a_slow_or_hanging_answer_is_right_in_the_end() {
    for kind in [FaultKind::SlowBody, FaultKind::Hang] {
        let start = Instant::now();
        let (_world, answer) = devices_under(kind(Duration::from_millis(200))).await;

        assert!(start.elapsed() >= Duration::from_millis(200));
        assert_eq!(length(&answer), 4);
    }
}

#[tokio::test]
async fn a_dropped_connection_has_no_answer_and_status_zero() {
    let world = World::start(|_| {}).await;
    let token = world.token(DEFENDER).await;
    let fault = Fault::new(Api::Defender, "", FaultKind::Drop).tenant(&world.tenant.id);
    world.simulator.inject(fault.always());
    let url = format!("{}/api/machines", world.simulator.defender_url());

    let answer = send("GET", &url, std::slice::from_ref(&token), b"").await;

    assert!(answer.is_none());
    assert_eq!(world.simulator.requests().last().unwrap().status, 0);
    world.simulator.clear_faults();
    assert_eq!(send("GET", &url, &[token], b"").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_skewed_clock_shows_in_the_date_and_ends_tokens_early() {
    let world = World::start(|_| {}).await;
    let right = world.defender("exposureScore").await;
    world.simulator.inject(Fault::new(Api::Defender, "", FaultKind::Skew(86_400)));

    let skewed = world.defender("exposureScore").await;

    assert_eq!((right.status, skewed.status), (200, 401));
    assert_ne!(right.header("date").unwrap()[..16], skewed.header("date").unwrap()[..16]);
    assert!(skewed.text().contains("has expired"), "{}", skewed.text());
}

#[tokio::test]
async fn entra_and_the_identity_endpoint_fail_in_their_own_words() {
    let world = World::start(|_| {}).await;
    let busy = || FaultKind::Status { code: 503, retry_after: None };
    world.simulator.inject(Fault::new(Api::Entra, "", busy()));
    world.simulator.inject(Fault::new(Api::Identity, "", busy()));

    let entra = world.ask_token("any", "any").await;
    let identity = send("GET", &world.simulator.identity_endpoint(), &[], b"").await.unwrap();

    assert_eq!((entra.status, identity.status), (503, 503));
    assert_eq!(entra.json()["error"], "temporarily_unavailable");
    assert_eq!(entra.json()["error_codes"][0], 90033);
    assert_eq!(identity.json()["statusCode"], 503);
}

#[tokio::test]
async fn a_dropped_simulator_ends_a_hanging_answer_and_closes_its_ports() {
    let world = World::start(|_| {}).await;
    let fault = Fault::new(Api::Graph, "", FaultKind::Hang(Duration::from_secs(600)));
    world.simulator.inject(fault);
    let url = format!("{}/v1.0/x", world.simulator.graph_url());
    let simulator = world.simulator;

    let hanging = tokio::spawn(async move { send("GET", &url, &[], b"").await });
    while simulator.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(simulator);

    assert!(hanging.await.unwrap().is_none());
}
