//! Forms and tags over the wire: what a caller asks for is what it gets.

use super::collect::World;
use crate::support;
use crate::support::http::{self, Reply};
use posture::source::DEVICES;
use serde_json::json;

impl World {
    /// Asks for a path with a header.
    async fn gets(&self, path: &str, header: &str) -> Reply {
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n");
        http::raw(self.service.port, head.as_bytes()).await.unwrap()
    }

    async fn collects(&self, source: &str) {
        let (code, output, _) =
            crate::commands::run(&self.environment, &["collect", "--source", source]).await;
        assert_eq!(code, Some(0), "{output}");
    }
}

#[tokio::test]
async fn an_answer_that_the_caller_has_is_not_sent_again_until_something_changes() {
    let world = World::new(5).await;
    world.collects("graph.secure_scores").await;

    let first = world.gets("/api/summary", "Accept: application/json").await;
    let tag = first.header("etag").unwrap().to_owned();
    let again = world.gets("/api/summary", &format!("If-None-Match: \"x\", {tag}")).await;
    let other = world.gets("/api/summary", "If-None-Match: \"x\"").await;
    world.collects("defender.exposure_score").await;
    // What the ledger says is answered from memory for five seconds.
    tokio::time::sleep(posture::app::KNOWN_FOR).await;
    let changed = world.gets("/api/summary", &format!("If-None-Match: {tag}")).await;

    assert!(tag.starts_with("W/\""), "{tag}");
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(again.header("etag"), Some(tag.as_str()));
    assert_eq!((other.status, changed.status), (200, 200));
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

#[tokio::test]
async fn the_form_goes_by_format_then_by_accept() {
    let world = World::new(5).await;
    world.collects("graph.secure_scores").await;

    for (path, accept, is) in [
        ("/api/summary", "*/*", "application/json"),
        ("/api/summary", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("/api/summary", "text/markdown", "text/markdown; charset=utf-8"),
        ("/api/summary", "text/csv", "text/csv; charset=utf-8; header=present"),
        ("/api/summary?format=json", "text/html", "application/json"),
        ("/api/health", "text/html", "application/json"),
    ] {
        let reply = world.gets(path, &format!("Accept: {accept}")).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some(is)),
            "{path} {accept}"
        );
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    }
    for path in ["/api/summary?format=pdf", "/api/health?format=csv"] {
        let reply = world.gets(path, "Accept: */*").await;
        assert_eq!(reply.status, 406, "{}", reply.body);
        assert!(reply.body.contains("format is one of json"), "{}", reply.body);
    }
}

#[tokio::test]
async fn a_hostile_name_is_no_formula_and_no_markup() {
    let world = World::new(8).await;
    let evil = "=HYPERLINK(\"https://evil.example\",\"x\")<script>";
    let fields = json!({ "computerDnsName": evil, "osPlatform": evil });
    world.microsoft.alter_device(&support::tenant(0).id, 0, fields);
    world.collects(DEVICES.name).await;

    let csv = world.gets("/api/devices?format=csv", "Accept: */*").await;
    let html = world.gets("/api/devices?format=html", "Accept: */*").await;
    let page = world.gets("/api/devices?top=3&format=csv", "Accept: */*").await;

    assert_eq!((csv.status, html.status), (200, 200), "{}", csv.body);
    assert!(csv.body.contains("\"'=HYPERLINK("), "{}", csv.body);
    assert!(!csv.body.lines().any(|line| line.split(',').any(|cell| cell.starts_with('='))));
    assert!(
        html.body.contains("&lt;script&gt;") && !html.body.contains("<script"),
        "{}",
        html.body
    );
    assert_eq!(page.body.lines().count(), 4, "three rows and their names");
    let link = page.header("link").unwrap();
    let next = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    let rest = world.gets(&next, "Accept: */*").await;
    assert!(link.ends_with("rel=\"next\"") && rest.body.lines().count() == 4, "{link}");
    assert_ne!(rest.body.lines().nth(1), page.body.lines().nth(1));
}
