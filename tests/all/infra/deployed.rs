//! What is deployed, set by set: roles and no more, the timer, the store, what an alert looks at.

use super::{deployment, json, of_type, root, texts, tools};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Ids of the roles that a deployment grants.
fn roles(deployed: &Value) -> BTreeSet<String> {
    let grants = of_type(deployed, "Microsoft.Authorization/roleAssignments");
    let id = |grant: &&Value| grant["properties"]["roleDefinitionId"].as_str().unwrap().to_owned();
    grants.iter().map(|grant| id(grant).rsplit('/').next().unwrap().to_owned()).collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

const HOST: [&str; 4] = [
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b", // Storage Blob Data Owner
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88", // Storage Queue Data Contributor
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3", // Storage Table Data Contributor
    "3913510d-42f4-4e42-8a64-420c390055eb", // Monitoring Metrics Publisher
];
const SECURITY_READER: &str = "39bc4728-0917-49c7-9d2c-d95423bc2eb4";
const SENTINEL_RESPONDER: &str = "3e150937-b8fe-4cfb-8069-0eaf05ecd056";
const SENTINEL_AUTOMATION: &str = "f4c81013-99ee-4d62-a7ee-b3f1f648599a";
const SECRETS_USER: &str = "4633458b-17de-408a-b874-0445c86b69e6";
const SECRETS_OFFICER: &str = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7";
const SIGNING: [&str; 2] =
    ["12338af0-0e69-4776-bea7-57ae8d297424", "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba"];

#[test]
fn a_deployment_grants_the_roles_that_its_parameters_need_and_no_other() {
    let Some(tools) = tools() else { return };
    let with = |more: &[&str]| set(&[&HOST, more].concat());
    let granted = |name: &str| roles(&deployment(&tools, name, &[]));

    assert_eq!(granted("identity-empty"), with(&[]));
    assert_eq!(granted("identity-given"), with(&[SECURITY_READER]));
    assert_eq!(granted("actions"), with(&[]));
    assert_eq!(granted("playbooks"), with(&[SENTINEL_RESPONDER, SENTINEL_AUTOMATION]));
    assert_eq!(granted("playbooks-provider"), with(&[SENTINEL_RESPONDER]));
    assert_eq!(granted("private-network"), with(&[SECRETS_USER]));
    assert_eq!(granted("provider"), with(&[SECRETS_OFFICER]));
    assert_eq!(granted("provider-certificate"), with(&[&[SECRETS_USER], &SIGNING[..]].concat()));
}

#[test]
fn every_rule_can_be_sent_to_and_every_subscription_be_read() {
    let Some(tools) = tools() else { return };
    let deployed = deployment(&tools, "identity-given", &[]);
    let grants = of_type(&deployed, "Microsoft.Authorization/roleAssignments");
    let at = |part: &str| {
        grants.iter().filter(|grant| grant["id"].as_str().unwrap().contains(part)).count()
    };

    let rules = json("infra/generated/tables.json")["rules"].as_array().unwrap().len();
    assert_eq!(at("/dataCollectionRules/"), rules);
    let subscriptions: BTreeSet<_> = grants
        .iter()
        .filter(|grant| !grant["scope"].as_str().unwrap().contains("/resourceGroups/"))
        .map(|grant| grant["scope"].as_str().unwrap())
        .collect();
    assert_eq!(subscriptions.len(), 2, "{subscriptions:?}");
}

#[test]
fn the_workspaces_parts_are_deployed_where_it_is() {
    let Some(tools) = tools() else { return };
    let there = "/subscriptions/99999999-1111-1111-1111-111111111111/resourceGroups/security/";
    let deployed = deployment(&tools, "workspace-elsewhere", &[]);

    let tables = of_type(&deployed, "Microsoft.OperationalInsights/workspaces/tables");
    assert_eq!(
        tables.len(),
        json("infra/generated/tables.json")["tables"].as_array().unwrap().len()
    );
    assert!(tables.iter().all(|table| table["id"].as_str().unwrap().starts_with(there)));
    assert!(of_type(&deployed, "Microsoft.OperationalInsights/workspaces").is_empty());
    assert!(of_type(&deployed, "Microsoft.SecurityInsights/onboardingStates").is_empty());
    let new = deployment(&tools, "identity-empty", &[]);
    assert_eq!(of_type(&new, "Microsoft.SecurityInsights/onboardingStates").len(), 1);
}

#[test]
fn a_given_identity_is_not_made_and_actions_have_one_of_their_own() {
    let Some(tools) = tools() else { return };
    let made = |name: &str| {
        of_type(&deployment(&tools, name, &[]), "Microsoft.ManagedIdentity/userAssignedIdentities")
            .len()
    };
    let attached = |name: &str| {
        let deployed = deployment(&tools, name, &[]);
        of_type(&deployed, "Microsoft.Web/sites")[0]["identity"]["userAssignedIdentities"]
            .as_object()
            .unwrap()
            .len()
    };

    assert_eq!((made("identity-empty"), made("identity-given"), made("actions")), (1, 0, 0));
    assert_eq!(made("without-code"), 1, "actions without a given identity make one");
    assert_eq!(
        (attached("identity-given"), attached("actions"), attached("without-code")),
        (1, 2, 2)
    );
}

#[test]
fn only_what_ages_is_removed_from_the_store() {
    let Some(tools) = tools() else { return };
    let deployed = deployment(&tools, "identity-given", &[]);
    let policy = of_type(&deployed, "Microsoft.Storage/storageAccounts/managementPolicies");
    let rules = policy[0]["properties"]["policy"]["rules"].as_array().unwrap();

    assert_eq!(rules.len(), 1);
    let prefixes: BTreeSet<_> =
        texts(&rules[0]["definition"]["filters"]["prefixMatch"]).into_iter().collect();
    let expected = ["records", "rejected", "runs", "findings", "parquet"]
        .map(|kind| format!("posture/{kind}/"));
    assert_eq!(prefixes, expected.iter().map(String::as_str).collect());
    let actions = &rules[0]["definition"]["actions"]["baseBlob"];
    assert_eq!(actions["delete"]["daysAfterModificationGreaterThan"], 400);
    let declared = &super::template()["parameters"]["recordRetentionInDays"];
    assert_eq!(declared["minValue"], 30);
    let slowest = posture::source::ALL.iter().map(|source| source.every.as_hours()).max().unwrap();
    assert!(slowest < 30 * 24, "a source is read every {slowest} hours: keep records for longer");
}

#[test]
fn the_alerts_query_names_columns_and_statuses_that_there_are() {
    let text =
        std::fs::read_to_string(root().join(Path::new("infra/modules/collection-failure.kql")))
            .unwrap();
    let tables = json("infra/generated/tables.json");
    let runs = tables["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|table| table["name"] == "PostureRuns_CL")
        .unwrap();
    let columns: BTreeSet<_> = texts(&runs["columns"]).into_iter().collect();

    for column in
        ["TimeGenerated", "Ended", "Status", "Message", "TenantName", "AadTenantId", "Source"]
    {
        assert!(text.contains(column) && columns.contains(column), "{column}");
    }
    use posture::report::Status;
    for status in [Status::Failed, Status::Refused] {
        let name = status.name();
        assert!(text.contains(&format!("'{name}'")), "{name}");
    }
}
