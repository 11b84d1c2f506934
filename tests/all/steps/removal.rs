//! Removal leaves nothing of ours, and everything of others.

use super::{Azure, WORKSPACE};
use serde_json::json;

const MANAGEMENT_GROUP: &str = "/providers/Microsoft.Management/managementGroups/m";

fn arguments() -> Vec<&'static str> {
    let where_ = ["--resource-group", "rg", "--workspace", WORKSPACE, "--scope", MANAGEMENT_GROUP];
    [&where_[..], &["--provider", "posture"]].concat()
}

/// A deployment as it stands, beside what others have.
fn deployed() -> Azure {
    let azure = Azure::new();
    let role = |id: &str, principal: &str, scope: &str| json!({ "id": id, "principalId": principal, "scope": scope, "roleDefinitionName": "Security Reader" });
    azure.change(|state| {
        state["groups"] = json!({ "rg": { "name": "rg" } });
        state["identities"] = json!({ "posture-collect": { "principalId": "ours" } });
        state["resources"] = json!([
            { "type": "Microsoft.KeyVault/vaults", "name": "kv", "id": "/kv" },
            { "type": "Microsoft.OperationalInsights/workspaces", "name": "law", "id": "/law" },
        ]);
        state["roles"] = json!([
            role("r1", "ours", "/subscriptions/sub-1"),
            role("r2", "ours", MANAGEMENT_GROUP),
            role("r3", "theirs", "/subscriptions/sub-1"),
        ]);
        state["functions"] = json!([
            { "name": "f1", "properties": { "functionAlias": "PostureDevices" } },
            { "name": "f2", "properties": { "functionAlias": "Theirs" } },
            { "name": "f3", "properties": {} },
        ]);
        state["tables"] =
            json!({ "PostureDevices_CL": { "schema": {} }, "Theirs_CL": { "schema": {} } });
        state["applications"] =
            json!([{ "uniqueName": "posture", "id": "object", "appId": "app" }]);
    });
    azure
}

#[test]
fn without_yes_it_only_says_what_would_go() {
    let azure = deployed();
    let before = azure.state();

    let printed = azure.run("remove.sh", &arguments());

    assert_eq!((printed.code, printed.errors.as_str()), (0, ""));
    assert_eq!((azure.writes(), azure.state()), (vec![], before));
    assert_eq!(printed.out.matches("would go: ").count(), 9, "{}", printed.out);
}

#[test]
fn everything_of_ours_goes_and_nothing_of_others() {
    let azure = deployed();

    let printed = azure.run("remove.sh", &[arguments(), vec!["--yes"]].concat());

    assert_eq!((printed.code, printed.errors.as_str()), (0, ""), "{}", printed.out);
    let state = azure.state();
    for gone in ["groups", "identities"] {
        assert_eq!(state[gone], json!({}), "{gone}");
    }
    for gone in ["resources", "applications", "deleted", "deletedVaults"] {
        assert_eq!(state[gone], json!([]), "{gone}");
    }
    assert_eq!(state["roles"].as_array().unwrap().len(), 1);
    assert_eq!(state["roles"][0]["id"], "r3");
    assert_eq!(state["functions"].as_array().unwrap().len(), 2);
    assert_eq!(state["tables"], json!({ "Theirs_CL": { "schema": {} } }));
    let writes = azure.writes();
    let at = |words: &str| writes.iter().position(|call| call.starts_with(words)).unwrap();
    assert!(
        at("role assignment delete") < at("group delete"),
        "who holds them is unknown afterwards"
    );
    assert!(at("monitor log-analytics workspace delete") < at("group delete"));
}

#[test]
fn a_second_removal_finds_nothing() {
    let azure = deployed();
    azure.run("remove.sh", &[arguments(), vec!["--yes"]].concat());

    let again = azure.run("remove.sh", &[arguments(), vec!["--yes"]].concat());

    assert_eq!((again.code, azure.writes()), (0, vec![]), "{}", again.errors);
    assert!(again.out.contains("nothing was to change"));
}

#[test]
fn what_is_refused_is_named_and_the_rest_goes() {
    let azure = deployed();
    azure.refuse("keyvault purge", "(Forbidden) purge protection is on");

    let printed = azure.run("remove.sh", &[arguments(), vec!["--yes"]].concat());

    assert_eq!((printed.code, printed.errors.as_str()), (1, ""));
    assert!(printed.out.contains("- the deleted Key Vault kv: this is the turn of an owner"));
    assert_eq!(azure.state()["applications"], json!([]));
}
