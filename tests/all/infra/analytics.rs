//! Rules and hunting queries as they are deployed: where the workspace is, by their switches, valid for Azure.

use super::{deployment, json, of_type, root, tools};
use crate::support::tools::fits;
use serde_json::Value;

const RULES: &str = "Microsoft.SecurityInsights/alertRules";
const SEARCHES: &str = "Microsoft.OperationalInsights/workspaces/savedSearches";

fn hunts(deployed: &Value) -> Vec<&Value> {
    let searches = of_type(deployed, SEARCHES);
    searches.into_iter().filter(|one| one["properties"]["category"] == "Hunting Queries").collect()
}

/// A resource as a template says it, for the schemas.
fn resource(deployed: &Value, version: &str) -> Value {
    let mut resource = deployed.clone();
    let fields = resource.as_object_mut().unwrap();
    fields
        .retain(|name, _| ["type", "name", "kind", "etag", "properties"].contains(&name.as_str()));
    resource["apiVersion"] = version.into();
    resource
}

#[test]
fn the_switches_deploy_all_rules_and_queries_or_none() {
    let Some(tools) = tools() else { return };
    let count = |file: &str| json(file).as_array().unwrap().len();
    let (rules, queries) =
        (count("content/generated/rules.json"), count("content/generated/hunts.json"));
    let deployed = |set: &str| {
        let deployed = deployment(&tools, set, &[]);
        let there = of_type(&deployed, RULES);
        let enabled = there.iter().filter(|rule| rule["properties"]["enabled"] == true).count();
        (there.len(), enabled, hunts(&deployed).len())
    };

    assert_eq!(deployed("identity-given"), (0, 0, 0));
    assert_eq!(deployed("actions"), (rules, rules, queries));
    assert_eq!(deployed("workspace-elsewhere"), (rules, 0, queries));
}

#[test]
fn they_are_deployed_where_the_workspace_is_after_the_functions() {
    let Some(tools) = tools() else { return };
    let there = "/subscriptions/99999999-1111-1111-1111-111111111111/resourceGroups/security/";
    let deployed = deployment(&tools, "workspace-elsewhere", &[]);

    let rules = of_type(&deployed, RULES);
    for resource in rules.iter().chain(&hunts(&deployed)) {
        assert!(resource["id"].as_str().unwrap().starts_with(there), "{}", resource["id"]);
    }
    let all = deployed["resources"].as_array().unwrap();
    let at = |is: &dyn Fn(&Value) -> bool| all.iter().position(is).unwrap();
    let function = at(&|one| one["type"] == SEARCHES && one["name"] == "soc/PostureRuns");
    assert!(function < at(&|one| one["type"] == RULES), "rules come before what they ask");
}

#[test]
fn azures_own_types_take_them_and_would_not_take_a_misspelt_one() {
    let Some(tools) = tools() else { return };
    let schema = |kind: &str| {
        let file = root().join(format!("../shared/azure-schemas/{kind}.json"));
        file.exists().then(|| json(&format!("../shared/azure-schemas/{kind}.json")))
    };
    let deployed = deployment(&tools, "actions", &[]);
    for (kind, version, there) in [
        ("Microsoft.SecurityInsights.alertRules", "2025-09-01", of_type(&deployed, RULES)),
        ("Microsoft.OperationalInsights.workspaces.savedSearches", "2025-07-01", hunts(&deployed)),
    ] {
        let Some(schema) = schema(&format!("{kind}@{version}")) else { continue };
        let mut all: Vec<_> = there.iter().map(|one| resource(one, version)).collect();
        let mut misspelt = all[0].clone();
        misspelt["properties"]["qury"] = "PostureRuns()".into();
        all.push(misspelt);

        let found = fits(&schema, &all);

        let expected: Vec<_> = (0..all.len()).map(|number| number + 1 < all.len()).collect();
        assert_eq!(found, expected, "{kind}");
    }
}
