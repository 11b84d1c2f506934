//! What is wrong with a definition, as the platform would say when it is deployed or run.

use super::expression::{Expression, texts};
use super::functions;
use super::tree::{Tree, scopes, waits_for};
use serde_json::Value;
use std::collections::BTreeSet;

/// The kinds of actions that our definitions may have, and what each needs.
const KINDS: &[(&str, &[&str])] = &[
    ("ApiConnection", &["/inputs/host/connection/name", "/inputs/method", "/inputs/path"]),
    ("ApiConnectionWebhook", &["/inputs/host/connection/name", "/inputs/body", "/inputs/path"]),
    ("Compose", &["/inputs"]),
    ("Foreach", &["/foreach", "/actions"]),
    ("Http", &["/inputs/method", "/inputs/uri", "/inputs/authentication"]),
    ("If", &["/expression", "/actions"]),
    ("Query", &["/inputs/from", "/inputs/where"]),
    ("Switch", &["/expression", "/cases"]),
    ("Until", &["/expression", "/limit/count", "/limit/timeout", "/actions"]),
    ("Wait", &["/inputs/interval/count", "/inputs/interval/unit"]),
];

const STATUSES: [&str; 4] = ["Succeeded", "Failed", "Skipped", "TimedOut"];

/// How a connection is named in a definition.
const CONNECTION: (&str, &str) = ("@parameters('$connections')['", "']['connectionId']");

/// Everything that is wrong, one line each; nothing where all is well.
pub fn problems(definition: &Value, connections: &[String]) -> Vec<String> {
    let tree = Tree::of(definition);
    let mut found: Vec<String> =
        tree.repeated.iter().map(|name| format!("{name}: two actions have this name")).collect();
    let triggers = definition["triggers"].as_object().into_iter().flatten();
    for (name, trigger) in triggers {
        connected(name, trigger, connections, &mut found);
        expressions(&tree, definition, name, trigger, &BTreeSet::new(), &mut found);
    }
    for (name, place) in &tree.places {
        shape(name, place.action, &mut found);
        order(&tree, name, &mut found);
        connected(name, place.action, connections, &mut found);
        let mut before = tree.before(name);
        if place.action["type"] == "Until" {
            before.extend(tree.inside(name));
        }
        expressions(&tree, definition, name, &own(place.action), &before, &mut found);
    }
    unused(definition, connections, &mut found);
    found
}

/// An action without those in it.
fn own(action: &Value) -> Value {
    let mut own = action.clone();
    if let Some(members) = own.as_object_mut() {
        ["actions", "else", "default", "runAfter", "description"]
            .iter()
            .for_each(|name| drop(members.remove(*name)));
        if let Some(cases) = members.get_mut("cases").and_then(Value::as_object_mut) {
            cases.values_mut().for_each(|case| *case = case["case"].clone());
        }
    }
    own
}

fn shape(name: &str, action: &Value, found: &mut Vec<String>) {
    let kind = action["type"].as_str().unwrap_or_default();
    let Some((_, needs)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        return found.push(format!("{name}: {kind:?} is no kind of action"));
    };
    let lacks = needs.iter().filter(|need| action.pointer(need).is_none());
    found.extend(lacks.map(|need| format!("{name}: {need} is missing")));
    if kind == "Http" {
        let authentication = &action["inputs"]["authentication"];
        if authentication["type"] != "ManagedServiceIdentity"
            || authentication["audience"].is_null()
        {
            found.push(format!("{name}: it doesn't call as the identity"));
        }
    }
    if name.len() > 80 || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        found.push(format!("{name}: no such name is taken"));
    }
}

/// That it waits for actions of its scope only, and none of them for it.
fn order(tree: &Tree, name: &str, found: &mut Vec<String>) {
    let place = tree.places[name];
    let after = place.action["runAfter"].as_object();
    if after.is_none() {
        found.push(format!("{name}: runAfter is missing"));
    }
    for (earlier, statuses) in after.into_iter().flatten() {
        if !place.siblings.contains_key(earlier) {
            found.push(format!("{name}: it waits for {earlier}, which isn't in its scope"));
        }
        let statuses = statuses.as_array().map(Vec::as_slice).unwrap_or_default();
        let known = |status: &Value| status.as_str().is_some_and(|one| STATUSES.contains(&one));
        if statuses.is_empty() || !statuses.iter().all(known) {
            found.push(format!("{name}: it waits for {earlier} to be {statuses:?}"));
        }
    }
    let mut open: Vec<_> = waits_for(place.action).collect();
    let mut seen = BTreeSet::new();
    while let Some(one) = open.pop() {
        if one == name {
            return found.push(format!("{name}: it waits for itself"));
        }
        if let Some(action) = place.siblings.get(one).filter(|_| seen.insert(one)) {
            open.extend(waits_for(action));
        }
    }
}

/// That its connection, where it has one, is declared.
fn connected(name: &str, action: &Value, connections: &[String], found: &mut Vec<String>) {
    let Some(text) = action.pointer("/inputs/host/connection/name").and_then(Value::as_str) else {
        return;
    };
    let key = text.strip_prefix(CONNECTION.0).and_then(|rest| rest.strip_suffix(CONNECTION.1));
    match key {
        Some(key) if connections.iter().any(|one| one == key) => {}
        Some(key) => found.push(format!("{name}: no connection {key} is declared")),
        None => found.push(format!("{name}: {text} names no connection")),
    }
}

fn expressions(
    tree: &Tree,
    definition: &Value,
    name: &str,
    value: &Value,
    before: &BTreeSet<&str>,
    found: &mut Vec<String>,
) {
    let mut all = Vec::new();
    texts(value, name, &mut all);
    for (place, text) in all {
        match Expression::of(text) {
            Err(problem) => found.push(format!("{place}: {problem}")),
            Ok(expression) => {
                let calls = expression.all().into_iter().filter_map(|one| match one {
                    Expression::Call(function, arguments) => Some((function, arguments)),
                    _ => None,
                });
                for (function, arguments) in calls {
                    let wrong = functions::wrong(function, arguments.len());
                    let wrong = wrong.or_else(|| {
                        reference(tree, definition, (name, before), function, arguments)
                    });
                    found.extend(wrong.map(|wrong| format!("{place}: {wrong}")));
                }
            }
        }
    }
}

/// What is wrong with what a function refers to.
fn reference(
    tree: &Tree,
    definition: &Value,
    (name, before): (&str, &BTreeSet<&str>),
    function: &str,
    arguments: &[Expression],
) -> Option<String> {
    let one = arguments.first().and_then(Expression::text);
    let action = tree.places.get(name).map(|place| place.action);
    match (function, one) {
        ("body" | "outputs" | "actions" | "result", None) => {
            Some(format!("{function} names no action"))
        }
        ("body" | "outputs" | "actions" | "result", Some(one)) => match tree.places.get(one) {
            None => Some(format!("there is no action {one}")),
            Some(_) if !before.contains(one) => Some(format!("{one} hasn't run by then")),
            Some(_) => None,
        },
        ("items", one) => {
            let is_loop = |outer: &&str| tree.places[*outer].action["type"] == "Foreach";
            let around = tree.around(name);
            let found =
                around.iter().filter(|outer| is_loop(outer)).any(|outer| Some(*outer) == one);
            (!found).then(|| format!("{one:?} is no loop around it"))
        }
        ("item", _) => (action?["type"] != "Query").then(|| "item is of a query only".to_owned()),
        ("parameters", one) => {
            let declared = one.is_some_and(|one| definition["parameters"].get(one).is_some());
            (!declared).then(|| format!("there is no parameter {one:?}"))
        }
        ("variables", one) => Some(format!("there is no variable {one:?}")),
        ("triggerBody" | "trigger" | "triggerOutputs", _) => {
            let kinds = definition["triggers"].as_object().into_iter().flatten();
            let has_body = kinds.into_iter().any(|(_, trigger)| trigger["type"] != "Recurrence");
            (!has_body).then(|| "the trigger has no body".to_owned())
        }
        _ => None,
    }
}

/// Parameters and connections that nothing uses.
fn unused(definition: &Value, connections: &[String], found: &mut Vec<String>) {
    let used = definition["actions"].to_string() + &definition["triggers"].to_string();
    let parameters = definition["parameters"].as_object().into_iter().flatten();
    for (name, _) in parameters {
        if !used.contains(&format!("parameters('{name}')")) {
            found.push(format!("the parameter {name} is used nowhere"));
        }
    }
    for name in connections {
        if !used.contains(&format!("{}{name}{}", CONNECTION.0, CONNECTION.1)) {
            found.push(format!("the connection {name} is used nowhere"));
        }
    }
    let empty = definition["actions"].as_object().is_none_or(|actions| actions.is_empty());
    if empty || definition["triggers"].as_object().is_none_or(|triggers| triggers.len() != 1) {
        found.push("one trigger and an action at least are missing".to_owned());
    }
}

/// Every action that has scopes has something in the first one.
pub fn empty_scopes(definition: &Value) -> Vec<String> {
    let tree = Tree::of(definition);
    let has_none = |action: &Value| scopes(action).iter().any(|scope| scope.is_empty());
    let all = tree.places.iter().filter(|(_, place)| has_none(place.action));
    all.map(|(name, _)| (*name).to_owned()).collect()
}
