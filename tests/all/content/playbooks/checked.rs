//! Every definition by the checker, and the checker by a definition of every mistake.

use super::checker::{empty_scopes, problems};
use super::{names, playbook};
use serde_json::{Value, json};

#[test]
fn every_definition_is_right() {
    let names = names();
    for name in &names {
        let (definition, connections) = playbook(name);
        assert_eq!(problems(&definition, &connections), [""; 0], "{name}");
        assert_eq!(empty_scopes(&definition), [""; 0], "{name}");
    }
    assert!(names.len() >= 6, "{names:?}");
}

/// The definition of enriching with something else at a place; null takes it away.
fn with(place: &str, value: Value) -> Vec<String> {
    let (mut definition, connections) = playbook("EnrichIncident");
    let (parent, key) = place.rsplit_once('/').unwrap();
    let parent = definition.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => drop(parent.remove(key).unwrap()),
        value => drop(parent.insert(key.to_owned(), value)),
    }
    problems(&definition, &connections)
}

#[test]
fn each_mistake_is_found() {
    let comment = "/actions/Comment/inputs/body/message";
    let after = |name: &str| json!({ name: ["Succeeded"] });
    for (place, value, says) in [
        (comment, json!("@body('Look_up'"), "')' is missing"),
        (comment, json!("@{body('Look_up')"), "'}' is missing"),
        (comment, json!("@boddy('Look_up')"), "boddy is no function"),
        (comment, json!("@body('Look_up', 1)"), "body has 2 arguments"),
        (comment, json!("@body('Look_down')"), "there is no action Look_down"),
        (comment, json!("@body('Comment_why')"), "Comment_why hasn't run by then"),
        (comment, json!("@parameters('secret')"), "there is no parameter"),
        (comment, json!("@variables('x')"), "there is no variable"),
        (comment, json!("@items('Look_up')"), "is no loop around it"),
        (comment, json!("@item()"), "item is of a query only"),
        ("/actions/Comment/runAfter", after("Tenants"), "which isn't in its scope"),
        ("/actions/Look_up/runAfter", after("Comment"), "it waits for itself"),
        ("/actions/Comment/runAfter", json!({ "Look_up": ["Done"] }), "to be"),
        ("/actions/Comment/runAfter", Value::Null, "runAfter is missing"),
        ("/actions/Comment/type", json!("Script"), "is no kind of action"),
        ("/actions/Comment/inputs/path", Value::Null, "/inputs/path is missing"),
        ("/actions/Look_up/inputs/authentication/audience", Value::Null, "as the identity"),
        (
            "/actions/Comment/inputs/host/connection/name",
            json!("@parameters('$connections')['teams']['connectionId']"),
            "no connection teams is declared",
        ),
        ("/actions/Comment/inputs/host/connection/name", json!("teams"), "names no connection"),
        ("/parameters/more", json!({ "type": "String" }), "more is used nowhere"),
        ("/triggers/again", json!({ "type": "Recurrence" }), "one trigger"),
        (
            "/actions/Why",
            json!({ "type": "If", "runAfter": { "Look_up": ["Failed"] }, "expression": true,
                "actions": { "Comment": { "type": "Compose", "runAfter": {}, "inputs": 1 } } }),
            "two actions have this name",
        ),
    ] {
        let found = with(place, value.clone());
        assert!(found.iter().any(|one| one.contains(says)), "{place} {value}: {found:?}");
    }
}

#[test]
fn what_a_loop_has_done_is_not_told_outside_of_it() {
    let (mut definition, connections) = playbook("ScanDevice");
    let after = json!({ "For_each_host": ["Succeeded"] });
    definition["actions"]["Last"] =
        json!({ "type": "Compose", "runAfter": after, "inputs": "@body('Act')?['id']" });

    let found = problems(&definition, &connections);

    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("Act hasn't run by then"), "{found:?}");
}
