//! Names: within Azure's lengths for the longest inputs, and the same at every deployment.

use super::{deployment, objects, run, sets, template, texts, tools};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The longest and shortest names that Azure takes, of what the template names.
///
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>
const LENGTHS: &[(&str, usize, usize)] = &[
    ("Microsoft.Authorization/roleAssignments", 36, 36),
    ("Microsoft.Insights/actionGroups", 1, 260),
    ("Microsoft.Insights/components", 1, 260),
    ("Microsoft.Insights/dataCollectionEndpoints", 3, 44),
    // 64 of other kinds than Direct.
    ("Microsoft.Insights/dataCollectionRules", 3, 30),
    ("Microsoft.Insights/scheduledQueryRules", 1, 260),
    ("Microsoft.Insights/workbooks", 36, 36),
    ("Microsoft.KeyVault/vaults", 3, 24),
    ("Microsoft.Logic/workflows", 1, 80),
    ("Microsoft.ManagedIdentity/userAssignedIdentities", 3, 128),
    ("Microsoft.Network/privateDnsZones", 1, 63 * 3),
    ("Microsoft.Network/privateEndpoints", 2, 64),
    ("Microsoft.Network/virtualNetworks", 2, 64),
    ("Microsoft.OperationalInsights/workspaces", 4, 63),
    ("Microsoft.Resources/deployments", 1, 64),
    ("Microsoft.SecurityInsights/alertRules", 36, 36),
    ("Microsoft.SecurityInsights/dataConnectorDefinitions", 1, 63),
    ("Microsoft.Storage/storageAccounts", 3, 24),
    ("Microsoft.Web/connections", 1, 80),
    ("Microsoft.Web/serverfarms", 1, 40),
    // The host takes the first 32 characters for its id, and two apps of one id disturb each other.
    ("Microsoft.Web/sites", 2, 32),
];

fn problems(deployed: &Value) -> Vec<String> {
    let all = deployed["resources"].as_array().unwrap();
    all.iter()
        .filter_map(|resource| {
            let (kind, name) = (resource["type"].as_str()?, resource["name"].as_str()?);
            let (_, least, most) = LENGTHS.iter().find(|(known, ..)| *known == kind)?;
            let fits = (*least..=*most).contains(&name.chars().count());
            (!fits).then(|| format!("{kind} {name}: {} characters", name.len()))
        })
        .collect()
}

#[test]
fn the_longest_and_the_shortest_prefix_give_names_that_azure_takes() {
    let Some(tools) = tools() else { return };

    for prefix in ["abcdefghij", "abc"] {
        let parameter = format!("prefix={prefix}");
        for set in sets() {
            let deployed = deployment(&tools, &set, &["--param", &parameter]);
            assert_eq!(problems(&deployed), Vec::<String>::new(), "{set}");
        }
    }
    let long = json!({ "resources": [{ "type": "Microsoft.Web/sites", "name": "x".repeat(33) }] });
    assert_eq!(problems(&long).len(), 1, "the check has turned silent");
}

#[test]
fn a_longer_prefix_is_refused() {
    let Some(tools) = tools() else { return };

    let arguments = ["infra/azuredeploy.json", "--json", "--param", "prefix=abcdefghijk"];
    let output = run(&tools.join("armexpand/expand.mjs"), &arguments);

    assert!(!output.status.success());
}

#[test]
fn every_type_that_has_a_name_of_its_own_has_a_length_here() {
    let known: BTreeSet<_> = LENGTHS.iter().map(|(kind, ..)| *kind).collect();
    let template = template();
    let deployed = objects(&template).into_iter().filter(|body| body.contains_key("apiVersion"));
    let kinds: BTreeSet<_> = deployed.filter_map(|body| body.get("type")?.as_str()).collect();

    let top = kinds.iter().filter(|kind| kind.matches('/').count() == 1);
    let fixed = ["Microsoft.SecurityInsights/onboardingStates"];
    let unknown: Vec<_> =
        top.filter(|kind| !known.contains(*kind) && !fixed.contains(kind)).collect();
    assert!(unknown.is_empty(), "{unknown:?}: say in LENGTHS how long their names may be");
}

/// Names, role assignments' GUIDs among them, of one deployment.
fn names(deployed: &Value) -> BTreeSet<(String, String)> {
    let all = deployed["resources"].as_array().unwrap();
    let text = |resource: &Value, key: &str| resource[key].as_str().unwrap().to_owned();
    all.iter().map(|resource| (text(resource, "id"), text(resource, "name"))).collect()
}

#[test]
fn a_second_deployment_at_another_time_names_everything_the_same() {
    let Some(tools) = tools() else { return };
    let later = ["--now", "2031-01-01T00:00:00Z", "--deployment-name", "another"];

    for set in sets() {
        assert_eq!(
            names(&deployment(&tools, &set, &[])),
            names(&deployment(&tools, &set, &later)),
            "{set}"
        );
    }
    let template = template();
    // A workflow's own expressions begin otherwise, and are evaluated when it runs.
    let random = texts(&template)
        .into_iter()
        .filter(|text| text.starts_with('['))
        .find(|text| text.contains("utcNow(") || text.contains("newGuid("));
    assert_eq!(random, None);
}

#[test]
fn one_parameter_changes_only_its_part() {
    let Some(tools) = tools() else { return };
    let before = names(&deployment(&tools, "identity-given", &[]));

    let alert = names(&deployment(
        &tools,
        "identity-given",
        &["--param", "alertEmail=soc@contoso.example"],
    ));
    let classic =
        names(&deployment(&tools, "identity-given", &["--param", "classicTables=create"]));
    let of = |more: &BTreeSet<(String, String)>, kind: &str| {
        assert!(more.is_superset(&before));
        more.difference(&before).all(|(id, _)| id.contains(kind) || id.contains("/deployments/"))
    };

    assert!(of(&alert, "/Microsoft.Insights/"));
    assert!(of(&classic, "/tables/"));
    assert_eq!(
        classic.len() - before.len(),
        super::json("infra/generated/tables.json")["classicTables"].as_array().unwrap().len()
    );
}

/// Button first: the second deployment names the identity that the first one has made, in whatever case the
/// portal shows its id; or its workspace.
#[test]
fn naming_what_an_earlier_deployment_made_makes_nothing_else() {
    let Some(tools) = tools() else { return };
    let first = deployment(&tools, "identity-empty", &[]);
    let made = first["outputs"]["identityResourceId"]["value"].as_str().unwrap();
    let again = |id: &str| {
        let parameter = format!("identityResourceId={id}");
        names(&deployment(&tools, "identity-empty", &["--param", &parameter]))
    };

    let second = again(made);

    assert_eq!(second, names(&first));
    assert_eq!(again(&made.replace("resourceGroups", "resourcegroups")), second);
    let workspace = first["outputs"]["workspaceResourceId"]["value"].as_str().unwrap();
    let parameter = format!("workspaceResourceId={workspace}");
    assert_eq!(names(&deployment(&tools, "identity-empty", &["--param", &parameter])), second);
}
