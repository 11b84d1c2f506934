//! Playbooks as they are deployed: each definition as it stands in `content/`, with what it takes and no more.

use super::{deployment, of_type, texts, tools};
use serde_json::Value;
use std::collections::BTreeSet;

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

/// The name of the playbook that a workflow is.
fn name(workflow: &Value) -> &str {
    workflow["name"].as_str().unwrap().split('-').nth(1).unwrap()
}

#[test]
fn each_playbook_that_is_named_is_deployed_as_it_stands_with_its_identity_alone() {
    let Some(tools) = tools() else { return };
    let deployed = deployment(&tools, "playbooks", &[]);
    let workflows = of_type(&deployed, "Microsoft.Logic/workflows");
    let playbooks = content::playbooks::all().unwrap();

    let names: BTreeSet<_> = workflows.iter().map(|workflow| name(workflow)).collect();
    assert_eq!(names, playbooks.iter().map(|one| one.name.as_str()).collect());
    for workflow in workflows {
        let playbook = playbooks.iter().find(|one| one.name == name(workflow)).unwrap();
        let identities = &workflow["identity"]["userAssignedIdentities"];
        let identity = keys(identities).into_iter().next().unwrap();
        assert_eq!(
            (keys(identities).len(), &workflow["identity"]["type"]),
            (1, &"UserAssigned".into())
        );
        let own = playbook.definition.to_string().replace("{identityResourceId}", identity);
        let definition = &workflow["properties"]["definition"];
        assert_eq!(*definition, serde_json::from_str::<Value>(&own).unwrap(), "{}", playbook.name);
        assert!(own.contains(identity) || playbook.about.connections == ["azuresentinel"]);
    }
}

#[test]
fn each_playbook_is_given_what_it_declares_and_the_connections_that_it_says() {
    let Some(tools) = tools() else { return };
    let deployed = deployment(&tools, "playbooks", &[]);
    let connections = of_type(&deployed, "Microsoft.Web/connections");
    let ids: BTreeSet<_> = connections.iter().map(|one| one["id"].as_str().unwrap()).collect();
    let playbooks = content::playbooks::all().unwrap();

    assert_eq!(connections.len(), 3);
    for connection in &connections {
        let by_identity = connection["name"].as_str().unwrap().contains("azuresentinel");
        let kind = &connection["properties"]["parameterValueType"];
        assert_eq!(*kind == "Alternative", by_identity, "{connection}");
    }
    for workflow in of_type(&deployed, "Microsoft.Logic/workflows") {
        let given = &workflow["properties"]["parameters"];
        let declared = &workflow["properties"]["definition"]["parameters"];
        assert_eq!(keys(given), keys(declared), "{}", name(workflow));
        let playbook = playbooks.iter().find(|one| one.name == name(workflow)).unwrap();
        let own = &given["$connections"]["value"];
        let said: BTreeSet<_> = playbook.about.connections.iter().map(String::as_str).collect();
        assert_eq!(keys(own), said, "{}", playbook.name);
        for (api, connection) in own.as_object().unwrap() {
            assert!(ids.contains(connection["connectionId"].as_str().unwrap()), "{connection}");
            let authentication = &connection["connectionProperties"]["authentication"]["type"];
            assert_eq!(*authentication == "ManagedServiceIdentity", api == "azuresentinel");
        }
        assert_eq!(given["audience"]["value"], "api://44444444-1111-1111-1111-111111111111");
        assert!(given["address"]["value"].as_str().unwrap().starts_with("https://"));
    }
}

#[test]
fn without_names_or_without_a_registration_there_is_none() {
    let Some(tools) = tools() else { return };
    let of = |set: &str, more: &[&str]| {
        let deployed = deployment(&tools, set, more);
        ["Microsoft.Logic/workflows", "Microsoft.Web/connections"]
            .map(|kind| of_type(&deployed, kind).len())
    };

    assert_eq!(of("actions", &[]), [0, 0]);
    assert_eq!(of("playbooks", &["--param", "apiClientId="]), [0, 0]);
    assert_eq!(of("playbooks-provider", &[]), [1, 2]);
}

#[test]
fn no_definition_leads_to_the_azure_portal() {
    for playbook in content::playbooks::all().unwrap() {
        let found =
            texts(&playbook.definition).into_iter().any(|text| text.contains("portal.azure"));
        assert!(!found, "{}", playbook.name);
    }
}
