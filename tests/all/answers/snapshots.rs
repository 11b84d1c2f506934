//! Every route's answer beside the one that is committed.

use super::World;
use std::path::PathBuf;

/// Each route with the name of its snapshot, and its query.
const ROUTES: &[(&str, &str, &str)] = &[("summary.json", "/api/summary", "")];

/// The same in other forms.
const FORMS: &[(&str, &str, &str)] = &[
    ("summary.md", "/api/summary", "format=markdown"),
    ("summary.html", "/api/summary", "format=html"),
    ("summary.csv", "/api/summary", "format=csv"),
];

#[expect(
    clippy::disallowed_methods,
    reason = "no setting: whoever runs the tests renews what they expect"
)]
fn renews() -> bool {
    std::env::var_os("RENEW_ANSWERS").is_some()
}

fn fixture(name: &str) -> PathBuf {
    crate::support::tools::root().join("tests/fixtures/answers").join(name)
}

#[tokio::test]
async fn every_route_answers_what_it_did() {
    let world = World::collected().await;
    let mut changed = Vec::new();
    for (name, path, query) in ROUTES.iter().chain(FORMS) {
        let reply = world.get(path, query).await;
        assert_eq!(reply.status, 200, "{path}?{query}: {}", reply.body);
        let text = match name.ends_with(".json") {
            true => {
                let value: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
                format!("{value:#}\n")
            }
            false => reply.body,
        };
        if renews() {
            std::fs::write(fixture(name), &text).unwrap();
        }
        if std::fs::read_to_string(fixture(name)).unwrap_or_default() != text {
            changed.push(*name);
        }
    }
    assert!(
        changed.is_empty(),
        "{changed:?} differ from tests/fixtures/answers: if that is meant, renew them with \
         RENEW_ANSWERS=1 cargo test --test all -- answers"
    );
}
