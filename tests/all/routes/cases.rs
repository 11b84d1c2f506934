//! `POST /api/cases` and `GET /api/cases/{id}`: a pull by the queue, read back.

use super::collect::World;
use serde_json::json;

#[tokio::test]
async fn a_case_is_started_pulled_by_the_queue_and_told() {
    let world = World::new(40).await;
    let now = posture::app::clock();
    let ago = |days: i64| (now - jiff::SignedDuration::from_hours(24 * days)).to_string();
    let wanted =
        json!({ "name": "inc-7", "from": ago(25), "to": ago(0), "packs": ["unmanaged_devices"] });

    let none = world.asks("GET", "/api/cases/inc-7", "").await;
    let begun = world.asks("POST", "/api/cases", &wanted.to_string()).await;
    let running = world.asks("GET", "/api/cases/inc-7", "").await;
    let messages = world.waiting().await;
    let pulled = world.service.run(&messages[0]).await;
    let told = world.asks("GET", "/api/cases/inc-7", "").await;
    let comment = world.asks("GET", "/api/cases/inc-7?format=markdown", "").await;
    let other = json!({ "name": "inc-7", "from": ago(3), "to": ago(1) });
    let other = world.asks("POST", "/api/cases", &other.to_string()).await;

    assert_eq!((none.status, begun.status, pulled.status), (404, 202, 200), "{}", begun.body);
    assert!(begun.header("location").unwrap().starts_with("/api/cases/inc-7?tenant="));
    assert_eq!((&running.json()["state"], running.status), (&json!("running"), 200));
    assert_eq!((&messages[0]["kind"], messages.len()), (&json!("case"), 1));
    let told = told.json();
    assert_eq!(told["state"], "complete", "{told}");
    let alerts = told["manifest"]["sources"][0]["records"].as_u64().unwrap();
    let severities = told["summary"]["alertsBySeverity"].as_object().unwrap().values();
    assert!(alerts > 0);
    assert_eq!(severities.map(|count| count.as_u64().unwrap()).sum::<u64>(), alerts);
    let days = told["summary"]["timeline"].as_object().unwrap().values();
    assert_eq!(days.map(|day| day["alerts"].as_u64().unwrap()).sum::<u64>(), alerts);
    assert!(!told["summary"]["devices"].as_array().unwrap().is_empty(), "{}", told["summary"]);
    assert!(comment.body.starts_with("### Case inc"), "{}", comment.body);
    assert_eq!(other.status, 409, "{}", other.body);
}

#[tokio::test]
async fn a_wrong_case_is_refused_with_the_next_step() {
    let world = World::new(1).await;

    for (body, says) in [
        (json!({}), "not what this route takes"),
        (json!({ "from": "yesterday", "to": "2026-11-02" }), "expected a time or date"),
        (json!({ "from": "2026-11-02", "to": "2026-11-01" }), "the earlier first"),
        (json!({ "from": "2026-11-01", "to": "2026-11-02", "name": "../x" }), "1 to 64 letters"),
        (json!({ "from": "2026-11-01", "to": "2026-11-02", "packs": ["x"] }), "choose from"),
    ] {
        let reply = world.asks("POST", "/api/cases", &body.to_string()).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.body);
        assert!(reply.body.contains(says), "{body}: {}", reply.body);
    }
    let odd = world.asks("GET", "/api/cases/a%20b", "").await;
    assert_eq!(odd.status, 404);
    assert!(world.waiting().await.is_empty());
}
