//! The description of the routes: what it says is what is answered.

use crate::support::{self, Folder, answer, job};
use posture::routes::{all, openapi};
use posture::run::run;
use posture::source::defaults;
use serde_json::Value;
use std::collections::BTreeSet;

/// What a value has that its shape doesn't tell, or lacks that it requires.
fn strays(value: &Value, shape: &Value, document: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(place) = shape["$ref"].as_str() {
        let place = place.trim_start_matches('#');
        return strays(value, document.pointer(place).unwrap(), document, at, found);
    }
    if value.is_null() {
        return;
    }
    for shapes in ["allOf", "oneOf", "anyOf"] {
        for part in shape[shapes].as_array().into_iter().flatten() {
            if shapes == "allOf" {
                strays(value, part, document, at, found);
            }
        }
    }
    match (value, shape["type"].as_str()) {
        (Value::Object(fields), Some("object")) => {
            let known = shape["properties"].as_object();
            let required = shape["required"].as_array().into_iter().flatten();
            for name in
                required.filter_map(Value::as_str).filter(|name| !fields.contains_key(*name))
            {
                found.push(format!("{at}.{name} is missing"));
            }
            for (name, value) in fields {
                match known.and_then(|known| known.get(name)) {
                    Some(shape) => strays(value, shape, document, &format!("{at}.{name}"), found),
                    None if shape["additionalProperties"].is_object() => {}
                    None if known.is_none() => {}
                    None => found.push(format!("{at}.{name} is not described")),
                }
            }
        }
        (Value::Array(values), Some("array")) => {
            for value in values {
                strays(value, &shape["items"], document, &format!("{at}[]"), found);
            }
        }
        (_, None | Some("object")) | (Value::String(_), Some("string")) => {}
        (Value::Number(number), Some("integer")) if !number.is_f64() => {}
        (Value::Number(_), Some("number")) | (Value::Bool(_), Some("boolean")) => {}
        (value, kind) => found.push(format!("{at} is {value}, not {kind:?}")),
    }
}

#[tokio::test]
async fn every_answer_without_a_varying_segment_has_the_shape_that_is_described() {
    let (microsoft, folder) = (support::microsoft(20).await, Folder::new());
    let app = support::app(&microsoft, &[support::tenant(20)], folder.ledger());
    for source in defaults() {
        run(&app, &job(&app, source)).await;
    }
    let document = openapi::document();

    let mut seen = BTreeSet::new();
    for route in all().filter(|route| route.method == "GET" && !route.path.contains('{')) {
        let reply = answer(&app, "GET", &format!("/api/{}", route.path), "").await;
        if reply.content_type != "application/json" {
            continue;
        }
        assert_eq!(reply.status, 200, "{}: {}", route.path, reply.body);
        let value: Value = serde_json::from_str(&reply.body).unwrap();
        let operation = &document["paths"][format!("/{}", route.path)]["get"];
        let shape = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let mut found = Vec::new();
        strays(&value, shape, &document, route.path, &mut found);
        assert_eq!(found, [""; 0]);
        seen.insert(route.path);
    }
    assert!(seen.len() >= 3, "{seen:?}");
}
