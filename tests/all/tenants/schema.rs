//! The schema that is shipped takes what the service takes, and refuses what it refuses.

use crate::support::tools;
use posture::settings::schema;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

/// Whether each document fits the schema, by an independent judge.
fn fits(documents: &Value) -> Vec<bool> {
    let mut node = Command::new("node")
        .arg("schema.mjs")
        .current_dir(tools::node())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = json!({ "schema": schema(), "documents": documents });
    node.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_schema_takes_the_example_and_refuses_what_the_service_refuses() {
    let example = std::fs::read_to_string("tenants.json.example").unwrap();
    let example: Value = serde_json::from_str(&example).unwrap();
    let id = "11111111-2222-3333-4444-555555555555";
    let with = |field: &str, value: Value| json!({ "tenants": [{ "id": id, field: value }] });

    let verdicts = fits(&json!([
        example,
        { "tenants": [{ "id": id }] },
        with("workspace", Value::Null),
        with("sources", json!("all")),
        with("sources", json!(["-graph.alerts"])),
        { "tenants": [] },
        { "tenants": [{ "id": "contoso" }] },
        { "tenants": [{ "name": "no id" }] },
        with("nmae", json!("x")),
        with("cloud", json!("mars")),
        with("sources", json!("some")),
        with("credential", json!({ "kind": "password" })),
        with("credential", json!({ "kind": "client-secret", "clientSecret": "a value" })),
        with("ocsf", json!([1])),
        with("notices", json!([{ "severity": [], "recipients": ["a@b.c"], "channel": "mail" }])),
    ]));

    assert_eq!(verdicts[..5], [true; 5]);
    assert_eq!(verdicts[5..], [false; 10]);
}
