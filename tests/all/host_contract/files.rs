//! What the host reads before it starts us: host.json and the folders of the functions.

use super::QUEUE;
use crate::support::fake_host::Function;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

fn json(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The route template of an HTTP function, without the prefix.
fn route(function: &Function) -> Option<String> {
    let trigger = function.triggers()[0];
    let own = trigger["route"].as_str().unwrap_or(&function.name).to_owned();
    (trigger["type"] == "httpTrigger").then_some(own)
}

fn methods(function: &Function) -> BTreeSet<String> {
    let methods = function.triggers()[0]["methods"].as_array().unwrap();
    methods.iter().map(|method| method.as_str().unwrap().to_uppercase()).collect()
}

/// Whether a template takes a path, both without the prefix.
fn takes(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(part), _) if part.starts_with("{*") => return true,
            (Some(part), None) => return part.ends_with("?}"),
            (Some(part), Some(_)) if part.starts_with('{') => {}
            (Some(part), Some(given)) if part.eq_ignore_ascii_case(given) => {}
            _ => return false,
        }
    }
}

/// The function that the host sends a request to: the first in the order of names.
fn resolved<'a>(functions: &'a [Function], method: &str, path: &str) -> Option<&'a Function> {
    let fits = |function: &&Function| {
        route(function).is_some_and(|route| takes(&route, path))
            && methods(function).contains(method)
    };
    functions.iter().find(fits)
}

#[test]
fn every_function_has_one_trigger_and_bindings_of_letters_and_digits() {
    let functions = Function::all();

    assert!(functions.len() >= 3);
    for function in functions {
        assert_eq!(function.triggers().len(), 1, "{}", function.name);
        let mut names = BTreeSet::new();
        for binding in &function.bindings {
            let name = binding["name"].as_str().unwrap();
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric());
            assert!(plain && name.starts_with(|c: char| c.is_ascii_alphabetic()), "{name}");
            assert!(names.insert(name.to_lowercase()), "{} has {name} twice", function.name);
            assert!(["in", "out"].contains(&binding["direction"].as_str().unwrap()));
        }
    }
}

#[test]
fn every_functions_name_is_one_that_the_host_takes() {
    for Function { name, .. } in Function::all() {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        assert!(name.chars().all(fits) && name.starts_with(|c: char| c.is_ascii_alphabetic()));
        assert!(name.len() <= 128 && name != "host");
    }
}

#[test]
fn the_binary_answers_under_every_functions_name() {
    use posture::host::{HTTP, QUEUE, TIMER};
    let triggers = [(TIMER, "timerTrigger"), (QUEUE, "queueTrigger"), (HTTP, "httpTrigger")];

    for (name, trigger) in triggers {
        assert_eq!(Function::read(name).triggers()[0]["type"], trigger);
    }
}

#[test]
fn every_placeholder_stands_in_the_example_settings() {
    let settings = json("local.settings.json.example")["Values"].clone();
    let mut placeholders = 0;

    for function in Function::all() {
        for text in function.bindings.iter().flat_map(|binding| binding.as_object().unwrap()) {
            let Some(text) = text.1.as_str().filter(|text| text.contains('%')) else { continue };
            let name = text.strip_prefix('%').and_then(|text| text.strip_suffix('%')).unwrap();
            assert!(!settings[name].as_str().unwrap_or_default().is_empty(), "{name} is unset");
            placeholders += 1;
        }
        for binding in &function.bindings {
            if let Some(connection) = binding["connection"].as_str() {
                assert!(settings[connection].is_string(), "{connection} is unset");
            }
        }
    }
    assert!(placeholders >= 3);
    assert_eq!(settings["FUNCTIONS_WORKER_RUNTIME"], "custom");
}

/// The host tries routes in the order of names: a catch-all would hide what comes after it.
#[test]
fn every_route_resolves_in_the_hosts_order() {
    let functions = Function::all();

    for function in functions.iter().filter(|function| route(function).is_some()) {
        let route = route(function).unwrap();
        assert!(!route.starts_with("admin") && !route.starts_with("runtime"), "{route}");
        let example = route.replace("{*", "{").replace(['{', '}', '?'], "");
        for method in methods(function) {
            let found = resolved(&functions, &method, &example).map(|found| &found.name);
            assert_eq!(found, Some(&function.name), "{method} {example}");
        }
    }
    let catch_all = |function: &&Function| route(function).as_deref() == Some("{*path}");
    let last = functions.iter().rfind(|function| route(function).is_some()).unwrap();
    assert!(catch_all(&last), "{} comes after the catch-all", last.name);
    assert_eq!(functions.iter().filter(catch_all).count(), 1);
}

#[test]
fn every_route_of_ours_reaches_the_binary() {
    let functions = Function::all();
    let reached = |path| resolved(&functions, "GET", path).map(|found| found.name.clone());

    for path in ["health", "summary", "summary/devices", ""] {
        assert_eq!(reached(path), Some(posture::host::HTTP.to_owned()), "{path}");
    }
    assert_eq!(json("host.json")["extensions"]["http"]["routePrefix"], "api");
}

/// Forwarding needs exactly one HTTP trigger and one HTTP output.
#[test]
fn every_http_function_is_one_that_the_host_forwards() {
    for function in Function::all().iter().filter(|function| route(function).is_some()) {
        assert_eq!((function.bindings.len(), function.outputs("http").len()), (2, 1));
        assert!(!methods(function).is_empty());
    }
}

#[test]
fn the_queues_bytes_come_as_they_are() {
    let queue = Function::read(QUEUE);

    assert_eq!(queue.triggers()[0]["dataType"], "binary");
    // Messages of the timer go to the queue that the trigger reads.
    let timer = Function::read(super::TIMER);
    let output = timer.outputs("queue")[0];
    for key in ["queueName", "connection"] {
        assert_eq!(output[key], queue.triggers()[0][key]);
    }
    assert_eq!(output["dataType"], Value::Null);
}

#[test]
fn the_hosts_file_keeps_the_limits_that_jobs_rely_on() {
    let host = json("host.json");
    let queues = &host["extensions"]["queues"];

    assert_eq!((&host["version"], &host["functionTimeout"]), (&"2.0".into(), &"00:30:00".into()));
    assert_eq!(queues["visibilityTimeout"], "00:02:00");
    assert_eq!(queues["maxDequeueCount"], 5);
    assert_eq!(queues["messageEncoding"], "base64");
    assert!((1..=32).contains(&queues["batchSize"].as_u64().unwrap()));
    let handler = &host["customHandler"];
    assert_eq!(handler["enableForwardingHttpRequest"], true);
    assert_eq!(handler["enableProxyingHttpRequest"], true);
    assert_eq!(handler["description"]["defaultExecutablePath"], "posture");
    assert_ne!(handler["description"]["useStdErrorStreamForErrorsOnly"], false);
    // These would take the place of our folders, or repeat calls behind the queue's own count.
    assert_eq!((&handler["http"], &host["retry"]), (&Value::Null, &Value::Null));
    assert!(host["extensionBundle"]["id"].is_string(), "queues come with the bundle");
}
