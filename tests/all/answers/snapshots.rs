//! Every route's answer beside the one that is committed.

use super::World;
use std::path::PathBuf;

/// Each route with the name of its snapshot, and its query.
const ROUTES: &[(&str, &str, &str)] = &[
    ("summary.json", "/api/summary", ""),
    ("secure-scores.json", "/api/secure-scores", "top=3"),
    ("secure-scores-date.json", "/api/secure-scores/2026-03-08", ""),
    ("controls.json", "/api/controls", "top=3"),
    ("controls-id.json", "/api/controls/INVENTED_control_13", ""),
    ("improvement-actions.json", "/api/improvement-actions", "top=3"),
    ("recommendations.json", "/api/recommendations", "top=3"),
    ("vulnerabilities.json", "/api/vulnerabilities", "top=2"),
    ("compliance.json", "/api/compliance", "top=3"),
    ("cloud-apps.json", "/api/cloud-apps", "top=3"),
    ("cloud-apps-name.json", "/api/cloud-apps/invented%20CLOUDSTORAGE%2039", ""),
    ("alerts.json", "/api/alerts", "top=3"),
    ("incidents.json", "/api/incidents", "top=3"),
    ("runs.json", "/api/runs", "top=3"),
];

/// The same in other forms.
const FORMS: &[(&str, &str, &str)] = &[
    ("summary.md", "/api/summary", "format=markdown"),
    ("summary.html", "/api/summary", "format=html"),
    ("summary.csv", "/api/summary", "format=csv"),
    ("secure-scores.csv", "/api/secure-scores", "format=csv&since=2026-03-01"),
    ("secure-scores-date.md", "/api/secure-scores/2026-03-08", "format=markdown"),
    ("controls-id.html", "/api/controls/scid_2007", "format=html"),
    ("improvement-actions.md", "/api/improvement-actions", "format=markdown"),
    ("recommendations.csv", "/api/recommendations", "format=csv"),
    ("vulnerabilities.csv", "/api/vulnerabilities", "format=csv&minimumMachines=5"),
    ("vulnerabilities.md", "/api/vulnerabilities", "format=markdown&severity=critical"),
    ("compliance.md", "/api/compliance", "format=markdown"),
    ("cloud-apps.csv", "/api/cloud-apps", "format=csv&maximumScore=3"),
    ("alerts.html", "/api/alerts", "format=html&status=open"),
    ("incidents.csv", "/api/incidents", "format=csv"),
];

/// What is looked up: live, and out of what is kept.
const LOOKUPS: &[(&str, &str, &str)] = &[
    ("devices.json", "/api/devices", "top=2"),
    ("devices.csv", "/api/devices", "format=csv&os=Windows11"),
    ("devices-profiles.json", "/api/devices/profiles", ""),
    ("devices-profiles.md", "/api/devices/profiles", "format=markdown"),
    ("devices-id.json", "/api/devices/a0f1f9211206a80b30dc640659d8696b00000001", ""),
    ("devices-id.html", "/api/devices/a0f1f9211206a80b30dc640659d8696b00000001", "format=html"),
    ("devices-id-kept.json", "/api/devices/a0f1f9211206a80b30dc640659d8696b00000001", "kept=true"),
    ("cves-cve.json", "/api/cves/CVE-2024-20006", ""),
    ("cves-cve.md", "/api/cves/CVE-2024-20006", "format=markdown"),
    ("cves-cve-kept.json", "/api/cves/CVE-2024-20006", "kept=true"),
    ("software-id.json", "/api/software/fabrikam-_-reader", ""),
    ("software-id.html", "/api/software/fabrikam-_-reader", "format=html"),
    ("software-id-kept.json", "/api/software/fabrikam-_-reader", "kept=true"),
    ("software-id-devices.json", "/api/software/fabrikam-_-reader/devices", "top=2"),
    ("software-id-devices.csv", "/api/software/fabrikam-_-reader/devices", "kept=true&format=csv"),
];

#[expect(
    clippy::disallowed_methods,
    reason = "no setting: whoever runs the tests renews what they expect"
)]
fn renews() -> bool {
    std::env::var_os("RENEW_ANSWERS").is_some()
}

/// How long something took is another every time.
fn without_durations(value: &mut serde_json::Value) {
    let items = value.get_mut("value").and_then(serde_json::Value::as_array_mut);
    for run in items.into_iter().flatten() {
        if run["tookMs"].is_u64() {
            run["tookMs"] = 0.into();
        }
    }
}

fn fixture(name: &str) -> PathBuf {
    crate::support::tools::root().join("tests/fixtures/answers").join(name)
}

#[tokio::test]
async fn every_route_answers_what_it_did() {
    let world = World::collected().await;

    compare(&world, ROUTES).await;
    compare(&world, FORMS).await;
    compare(&world, LOOKUPS).await;
}

/// Compares answers with the committed ones, or commits them anew.
pub async fn compare(world: &World, routes: &[(&str, &str, &str)]) {
    let mut changed = Vec::new();
    for (name, path, query) in routes {
        let reply = world.get(path, query).await;
        assert_eq!(reply.status, 200, "{path}?{query}: {}", reply.body);
        let text = match name.ends_with(".json") {
            true => {
                let mut value: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
                without_durations(&mut value);
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
         RENEW_ANSWERS=1 cargo test --test all -- answers::"
    );
}
