//! What is written down: files, rows, lists; and that no secret is among it.

use super::*;
use posture::action::audit::send_late;
use simulator::{Fault, FaultKind};

#[tokio::test]
async fn an_attempt_is_a_file_and_a_row_with_caller_reason_and_outcome() {
    let world = World::new().await;
    let id = world.id(world.fit(0));
    let body = json!({ "reason": "Ticket 4711", "requestedBy": "Ana" });

    let reply = world.ask(&id, "isolate", "a-key-that-is-nobodys", body).await;

    let attempt = json_of(&reply)["id"].as_str().unwrap().to_owned();
    let (year, month, day) = (&attempt[..4], &attempt[4..6], &attempt[6..8]);
    let tenant = support::tenant(0).id;
    let path = format!("audit/{tenant}/{year}/{month}/{day}/{attempt}.json");
    let ledger = world.folder.ledger();
    let (bytes, _) = ledger.read(&path).await.unwrap().expect(&path);
    let file: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(file, json_of(&reply), "the answer is what is written down");
    for (name, value) in [
        ("caller", "function key"),
        ("reason", "Ticket 4711"),
        ("requestedBy", "Ana"),
        ("outcome", "succeeded"),
        ("workspace", "sent"),
    ] {
        assert_eq!(file[name], value, "{file}");
    }
    let rows = world.rows();
    let row = rows.last().unwrap();
    assert_eq!(row["AttemptId"], *attempt);
    assert_eq!((&row["Outcome"], &row["Reason"]), (&json!("succeeded"), &json!("Ticket 4711")));
    assert_eq!(row["TargetId"], *id);
    assert_eq!(ledger.list("unsent/").await.unwrap(), Vec::<String>::new());
    let kept = ledger.list(&format!("state/{tenant}/actions/")).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(!kept[0].contains("a-key-that-is-nobodys"));
}

#[tokio::test]
async fn where_the_workspace_is_out_of_reach_the_answer_says_so_and_the_row_comes_later() {
    let mut world = World::new().await;
    let id = world.id(world.fit(0));
    world.microsoft.refuse_publisher(true);

    let reply = world.ask(&id, "isolate", "k", reason()).await;

    assert_eq!((reply.status, &json_of(&reply)["workspace"]), (200, &json!("waiting")));
    assert_eq!(world.acted().len(), 1, "the action itself is carried out");
    assert_eq!(world.audit().await[0]["workspace"], "waiting");
    world.microsoft.refuse_publisher(false);
    assert_eq!(send_late(&world.app).await.unwrap(), 0, "whoever wrote it may still be at it");
    world.app.clock = || posture::app::clock() + jiff::SignedDuration::from_mins(3);
    assert_eq!(send_late(&world.app).await.unwrap(), 1);
    assert_eq!(send_late(&world.app).await.unwrap(), 0);
    assert_eq!(world.rows().len(), 1);
    assert_eq!(world.audit().await[0]["workspace"], "sent");
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_carried_out() {
    let world = World::of(Policy { deny: Deny::default(), ..policy() }).await;
    let id = world.id(world.fit(0));
    let audit = world.folder.path().join("audit");
    std::fs::write(&audit, "in the way").unwrap();

    let reply = world.ask(&id, "isolate", "k", reason()).await;

    assert_eq!(reply.status, 503, "{}", reply.body);
    assert_eq!(asked_to_act(&world.microsoft), 0);
    std::fs::remove_file(&audit).unwrap();
    assert_eq!(world.ask(&id, "isolate", "k", reason()).await.status, 200);
}

#[tokio::test]
async fn attempts_are_listed_newest_first_as_json_comment_and_csv() {
    let world = World::new().await;
    let id = world.id(world.fit(0));
    world.ask(&id, "isolate", "a", json!({ "reason": "=HYPERLINK(1)" })).await;
    world.ask("nobody", "scan", "b", json!({ "reason": "<script>alert(1)</script>" })).await;
    let list = |query: &'static str| {
        let app = &world.app;
        async move { call(app, "GET", "/api/response/actions", query, "", Value::Null).await }
    };

    let all = json_of(&list("").await);
    let page = json_of(&list("top=1").await);
    let csv = list("format=csv").await.body;
    let html = list("format=html").await.body;

    assert_eq!(all["total"], 2);
    assert_eq!(all["value"][0]["action"], "scan", "{all}");
    assert!(page["continuation"].is_string() && page["value"].as_array().unwrap().len() == 1);
    assert!(
        csv.contains("isolate") && !csv.contains("\n=HYPERLINK") && !csv.contains(",=HYPERLINK")
    );
    assert!(!html.contains("<script>"), "{html}");
    assert_eq!(list("days=0").await.status, 400);
    let other = format!("tenant={}", tenants()[1].id);
    let others = call(&world.app, "GET", "/api/response/actions", &other, "", Value::Null).await;
    assert_eq!(json_of(&others)["total"], 0, "no tenant sees another's");
}

#[tokio::test]
async fn no_secret_is_written_down_answered_or_sent() {
    let world = World::new().await;
    let id = world.id(world.fit(0));
    let (key, tenant) = ("sig-4f1e-of-a-caller", support::tenant(0));
    let forbidden = FaultKind::Status { code: 403, retry_after: None };
    let path = format!("/api/machines/{id}/runAntiVirusScan");
    world.microsoft.inject(Fault::new(Api::Defender, &path, forbidden));

    let mut texts = Vec::new();
    for (verb, key) in [("isolate", key), ("isolate", key), ("scan", key), ("scan", "k2")] {
        texts.push(world.ask(&id, verb, key, reason()).await.body);
    }
    let ledger = world.folder.ledger();
    for path in ledger.list("").await.unwrap() {
        let (bytes, _) = ledger.read(&path).await.unwrap().unwrap();
        texts.push(format!("{path} {}", String::from_utf8_lossy(&bytes)));
    }
    texts.push(format!("{:?} {:?}", world.rows(), world.acted()));

    for text in texts {
        for secret in
            [key, tenant.action_secret.as_str(), &tenant.client_secret, ".simulated", "Bearer"]
        {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn the_caller_is_named_where_the_platform_knows_it_and_two_keys_are_none() {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let mut world = World::of(Policy { deny: Deny::default(), ..policy() }).await;
    let (who, home) = ("99999999-2222-3333-4444-555555555555", support::tenant(0).id);
    let claim = |name: &str, value: &str| json!({ "typ": name, "val": value });
    let principal = json!({ "claims": [claim("oid", who), claim("tid", &home)] }).to_string();
    let headers = |keys: &[&str]| {
        let mut headers = HeaderMap::new();
        headers.insert("x-ms-client-principal-id", who.parse().unwrap());
        let principal = BASE64_STANDARD.encode(&principal);
        headers.insert("x-ms-client-principal", principal.parse().unwrap());
        keys.iter().for_each(|key| _ = headers.append("idempotency-key", key.parse().unwrap()));
        headers
    };
    let path = format!("/api/response/devices/{}/scan", world.id(world.fit(0)));

    let spoofed = call_with(&world.app, "POST", &path, "", headers(&["a"]), reason()).await;
    world.app.authenticates = true;
    let known =
        call_with(&world.app, "POST", &path, "dryRun=true", headers(&["b"]), reason()).await;
    let twice = call_with(&world.app, "POST", &path, "", headers(&["c", "d"]), reason()).await;

    assert_eq!(json_of(&spoofed)["caller"], "function key");
    assert_eq!(json_of(&known)["caller"], format!("{home}/{who} with a function key"));
    assert!(twice.status == 400 && twice.body.contains("more than once"), "{}", twice.body);
    assert_eq!(world.acted().len(), 1);
}
