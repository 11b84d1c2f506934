//! The identity and its app roles.

use super::{Azure, DEFENDER, ids, text};
use serde_json::{Value, json};

const HERE: [&str; 4] = ["--resource-group", "rg", "--location", "westeurope"];

/// The app roles that the identity of that name holds.
fn held(azure: &Azure, identity: &str) -> Vec<String> {
    let state = azure.state();
    let principal = &state["identities"][identity]["principalId"];
    let all = state["assignments"].as_array().unwrap();
    let own = all.iter().filter(|one| one["principalId"] == *principal);
    let mut roles: Vec<_> = own.map(|one| text(&one["appRoleId"])).collect();
    roles.sort();
    roles
}

#[test]
fn one_line_makes_the_identity_and_grants_what_collecting_needs() {
    let azure = Azure::new();

    let printed = azure.run("grant.sh", &HERE);

    assert_eq!((printed.code, printed.errors.as_str()), (0, ""), "{}", printed.out);
    assert_eq!(held(&azure, "posture-collect"), ids("collect", |_| true));
    let resource = text(&azure.state()["identities"]["posture-collect"]["id"]);
    assert!(printed.out.contains(&format!("its resource id, for the template: {resource}")));
    assert!(azure.state()["identities"]["posture-act"].is_null(), "nothing acts unless asked for");
    let writes = azure.writes();
    assert!(writes[0].starts_with("group create") && writes[1].starts_with("identity create"));
}

#[test]
fn a_second_run_changes_nothing_and_a_new_source_adds_its_role_alone() {
    let azure = Azure::new();
    azure.run("grant.sh", &HERE);

    let again = azure.run("grant.sh", &["--resource-group", "rg"]);

    assert_eq!((again.code, azure.writes().len()), (0, 0), "{:?}", azure.writes());
    assert!(again.out.contains("nothing was to change"));
    let missing = ids("collect", |_| true)[3].clone();
    azure.change(|state| {
        state["assignments"].as_array_mut().unwrap().retain(|one| one["appRoleId"] != missing[..]);
    });
    azure.run("grant.sh", &["--resource-group", "rg"]);
    assert_eq!(azure.writes().len(), 1);
    assert!(azure.writes()[0].contains(&missing));
}

#[test]
fn an_identity_apart_gets_the_roles_of_the_wanted_actions_only() {
    let azure = Azure::new();

    let printed =
        azure.run("grant.sh", &[&HERE[..], &["--live", "--act", "isolate,release"]].concat());

    assert_eq!(printed.code, 0, "{}", printed.errors);
    let isolate =
        ids("act", |role| role["actions"].as_array().unwrap().contains(&"isolate".into()));
    assert_eq!((held(&azure, "posture-act"), isolate.len()), (isolate, 1));
    let mut reading = [ids("collect", |_| true), ids("live", |_| true)].concat();
    reading.sort();
    reading.dedup();
    assert_eq!(held(&azure, "posture-collect"), reading);
}

#[test]
fn a_refused_grant_names_what_is_missing_and_whose_turn_it_is() {
    let azure = Azure::new();
    azure.change(|state| state["mayGrant"] = false.into());

    let printed = azure.run("grant.sh", &HERE);

    assert_eq!((printed.code, printed.errors.as_str()), (1, ""));
    let missing: Vec<_> = printed.out.lines().filter(|line| line.starts_with("- ")).collect();
    assert_eq!(missing.len(), ids("collect", |_| true).len());
    assert!(
        missing
            .iter()
            .all(|line| line.contains("this is the turn of a Privileged Role Administrator"))
    );
    assert!(
        missing
            .iter()
            .any(|line| line
                .contains("Machine.Read.All of WindowsDefenderATP, for defender.devices"))
    );
}

#[test]
fn a_product_that_the_tenant_never_had_costs_the_others_nothing() {
    let azure = Azure::new();
    azure.change(|state| {
        state["principals"].as_array_mut().unwrap().retain(|one| one["appId"] != DEFENDER);
    });

    let printed = azure.run("grant.sh", &HERE);

    assert_eq!(printed.code, 1);
    assert!(!held(&azure, "posture-collect").is_empty());
    let advice =
        format!("where it has the licence, az ad sp create --id {DEFENDER} and run this again");
    assert!(printed.out.contains(&advice), "{}", printed.out);
}

#[test]
fn whoever_may_not_make_an_identity_is_told_who_may() {
    let azure = Azure::new();
    azure.change(|state| {
        state["groups"]["rg"] = json!({ "name": "rg", "location": "westeurope" });
        state["mayMake"] = Value::Bool(false);
    });

    let printed = azure.run("grant.sh", &HERE);

    assert_eq!((printed.code, printed.errors.lines().count()), (1, 1), "{}", printed.errors);
    assert!(printed.errors.contains("this is the turn of an owner of the subscription"));
    assert!(azure.state()["assignments"].as_array().unwrap().is_empty());
}

#[test]
fn wrong_words_are_refused_before_anything_is_called() {
    for (arguments, reason) in [
        (vec![], "--resource-group"),
        (vec!["-g", "rg", "--act", "destroy"], "--act destroy isn't one of"),
        (vec!["-g", "rg", "--name", "posture-act"], "give them two names"),
        (vec!["-g", "rg", "--certificate", "vault"], "go with --provider"),
        (vec!["-g", "rg", "--provider", "it's"], "letters, digits"),
        (vec!["-g"], "-g needs a value"),
    ] {
        let azure = Azure::new();

        let printed = azure.run("grant.sh", &arguments);

        assert_eq!((printed.code, printed.errors.lines().count()), (1, 1), "{arguments:?}");
        assert!(printed.errors.contains(reason), "{}", printed.errors);
        assert!(azure.calls().is_empty());
    }
}

#[test]
fn an_identity_of_the_template_is_named_by_its_id_and_reads_a_management_group() {
    let azure = Azure::new();
    let id = "/subscriptions/sub-1/resourceGroups/rg/providers/Microsoft.ManagedIdentity/\
              userAssignedIdentities/id-posture-1";
    azure.change(|state| {
        state["groups"]["rg"] = json!({ "name": "rg", "location": "westeurope" });
        let identity = json!({ "id": id, "principalId": "made", "clientId": "client" });
        state["identities"]["id-posture-1"] = identity;
        let principal = json!({ "id": "made", "appId": "client" });
        state["principals"].as_array_mut().unwrap().push(principal);
    });

    let printed = azure.run("grant.sh", &["--identity", id, "--management-group", "root"]);
    azure.run("grant.sh", &["--identity", id, "--management-group", "root"]);

    assert_eq!((printed.code, printed.errors.as_str()), (0, ""), "{}", printed.out);
    assert_eq!((held(&azure, "id-posture-1"), azure.writes()), (ids("collect", |_| true), vec![]));
    let roles = azure.state()["roles"].clone();
    assert_eq!(roles.as_array().unwrap().len(), 1);
    let group = "/providers/Microsoft.Management/managementGroups/root";
    assert_eq!((&roles[0]["scope"], &roles[0]["principalId"]), (&json!(group), &json!("made")));
    let elsewhere = id.replace("sub-1", "sub-2");
    let refused = azure.run("grant.sh", &["--identity", &elsewhere]);
    assert!(refused.errors.contains("az account set --subscription sub-2"), "{}", refused.errors);
}

/// Whoever grants may see nothing of the subscription, and whoever made the identity may not grant.
#[test]
fn two_people_share_the_step_by_the_line_that_the_first_one_gets() {
    let azure = Azure::new();
    azure.change(|state| state["mayGrant"] = false.into());
    let first = azure.run("grant.sh", &[&HERE[..], &["--act", "scan"]].concat());
    azure.change(|state| {
        state["mayGrant"] = true.into();
        state["faults"] = json!([{ "at": "identity ", "error": "(AuthorizationFailed)" },
                                 { "at": "group ", "error": "(AuthorizationFailed)" }]);
    });
    let lines = first.out.lines().filter_map(|line| line.split_once("infra/grant.sh "));
    let mut lines: Vec<_> = lines.map(|(_, arguments)| arguments).collect();
    lines.dedup();

    for line in &lines {
        let printed = azure.run("grant.sh", &line.split(' ').collect::<Vec<_>>());
        assert_eq!((printed.code, printed.errors.as_str()), (0, ""), "{line}: {}", printed.out);
    }

    assert_eq!(lines.len(), 2, "{}", first.out);
    assert_eq!(held(&azure, "posture-collect"), ids("collect", |_| true));
    assert_eq!(held(&azure, "posture-act").len(), 1);
}
