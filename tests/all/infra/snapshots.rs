//! What each parameter set deploys: scope, type and name of every resource.
//!
//! A set that is meant to deploy something else is written anew by
//! `RENEW_INFRA=1 cargo test --test all -- infra::snapshots`; look at the difference before you commit it.

use super::{deployment, root, sets, tools};
use serde_json::Value;

#[expect(
    clippy::disallowed_methods,
    reason = "no setting: whoever runs the tests renews what they expect"
)]
fn renews() -> bool {
    std::env::var_os("RENEW_INFRA").is_some()
}

fn line(resource: &Value) -> String {
    let text = |key: &str| resource[key].as_str().unwrap().to_owned();
    let scope = text("scope").replace("/subscriptions/", "").replace("resourceGroups/", "");
    format!("{scope}  {}  {}\n", text("type"), text("name"))
}

#[test]
fn every_parameter_set_deploys_what_it_did() {
    let Some(tools) = tools() else { return };
    let mut changed = Vec::new();

    for set in sets() {
        let deployed = deployment(&tools, &set, &[]);
        let mut lines: Vec<_> =
            deployed["resources"].as_array().unwrap().iter().map(line).collect();
        lines.sort();
        let (text, file) = (lines.concat(), root().join(format!("tests/fixtures/infra/{set}.txt")));
        if renews() {
            std::fs::write(&file, &text).unwrap();
        }
        if std::fs::read_to_string(file).unwrap_or_default() != text {
            changed.push(set);
        }
    }

    assert!(
        changed.is_empty(),
        "{changed:?} differ from tests/fixtures/infra: if that is meant, renew them with \
         RENEW_INFRA=1 cargo test --test all -- infra::snapshots"
    );
}
