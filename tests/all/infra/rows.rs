//! The catalogue and the rules meet here: tables, streams, transformations and functions that are deployed
//! are those that `describe` has written.

use super::{deployment, json, of_type, tools};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Longest transformation of a flow, in characters.
///
/// <https://learn.microsoft.com/azure/azure-monitor/service-limits>
const MAX_TRANSFORM: usize = 15_360;
/// Flows, and streams, of a rule at most; the same page.
const MAX_OF_A_RULE: usize = 10;

fn generated() -> Value {
    json("infra/generated/tables.json")
}

/// The streams of each rule in the catalogue's order, with transformation by output.
type Flows = Vec<BTreeSet<(String, String, String)>>;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn deployed_flows(deployed: &Value) -> Flows {
    let rules = of_type(deployed, "Microsoft.Insights/dataCollectionRules");
    let flow = |flow: &Value| {
        (text(&flow["streams"][0]), text(&flow["outputStream"]), text(&flow["transformKql"]))
    };
    rules
        .iter()
        .map(|rule| rule["properties"]["dataFlows"].as_array().unwrap().iter().map(flow).collect())
        .collect()
}

fn described_flows(classic: bool) -> Flows {
    let of_stream = |stream: &Value| {
        let name = text(&stream["stream"]);
        let more = stream["classicFlows"].as_array().unwrap().iter().filter(move |_| classic);
        let all: Vec<_> = stream["flows"].as_array().unwrap().iter().chain(more).collect();
        all.into_iter()
            .map(move |flow| {
                (name.clone(), text(&flow["outputStream"]), text(&flow["transformKql"]))
            })
            .collect::<Vec<_>>()
    };
    let rules = generated()["rules"].as_array().unwrap().clone();
    rules
        .iter()
        .map(|rule| rule["streams"].as_array().unwrap().iter().flat_map(of_stream).collect())
        .collect()
}

#[test]
fn rules_have_the_catalogues_flows_in_its_order() {
    let Some(tools) = tools() else { return };

    assert_eq!(deployed_flows(&deployment(&tools, "identity-given", &[])), described_flows(false));
    assert_eq!(deployed_flows(&deployment(&tools, "classic-tables", &[])), described_flows(true));
    assert_eq!(deployed_flows(&deployment(&tools, "classic-existing", &[])), described_flows(true));
}

#[test]
fn rules_declare_the_catalogues_columns_and_stay_within_azures_limits() {
    let Some(tools) = tools() else { return };
    let deployed = deployment(&tools, "classic-tables", &[]);
    let described = generated();
    let streams = described["rules"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|rule| rule["streams"].as_array().unwrap());
    let described: BTreeMap<_, _> =
        streams.map(|stream| (text(&stream["stream"]), &stream["columns"])).collect();

    let mut declared = BTreeMap::new();
    for rule in of_type(&deployed, "Microsoft.Insights/dataCollectionRules") {
        let properties = &rule["properties"];
        let of_rule = properties["streamDeclarations"].as_object().unwrap();
        assert!(of_rule.len() <= MAX_OF_A_RULE);
        let flows = properties["dataFlows"].as_array().unwrap();
        assert!(flows.len() <= MAX_OF_A_RULE);
        assert!(
            flows.iter().all(|flow| text(&flow["transformKql"]).chars().count() <= MAX_TRANSFORM)
        );
        declared.extend(of_rule.iter().map(|(name, stream)| (name.clone(), &stream["columns"])));
    }

    assert_eq!(declared, described);
}

/// Tables that are written, with their columns.
fn tables(deployed: &Value) -> BTreeMap<String, Value> {
    let all = of_type(deployed, "Microsoft.OperationalInsights/workspaces/tables");
    let schema = |table: &&Value| table["properties"]["schema"].clone();
    all.iter()
        .map(schema)
        .map(|schema| (text(&schema["name"]), schema["columns"].clone()))
        .collect()
}

#[test]
fn tables_have_the_catalogues_columns_and_what_is_migrated_is_left_alone() {
    let Some(tools) = tools() else { return };
    let described = generated();
    let of = |keys: &[&str]| -> BTreeMap<String, Value> {
        let all = keys.iter().flat_map(|key| described[*key].as_array().unwrap());
        all.map(|table| (text(&table["name"]), table["columns"].clone())).collect()
    };

    assert_eq!(tables(&deployment(&tools, "identity-given", &[])), of(&["tables"]));
    assert_eq!(
        tables(&deployment(&tools, "classic-tables", &[])),
        of(&["tables", "classicTables"])
    );
    let none = tables(&deployment(&tools, "classic-existing", &[]));
    assert!(none.is_empty(), "a write drops columns that it doesn't list");
}

#[test]
fn a_basic_table_leaves_its_days_to_the_service() {
    let Some(tools) = tools() else { return };
    let deployed = deployment(&tools, "workspace-existing", &[]);
    let all = of_type(&deployed, "Microsoft.OperationalInsights/workspaces/tables");

    let basic: Vec<_> = all.iter().filter(|table| table["properties"]["plan"] == "Basic").collect();
    assert_eq!(basic.len(), 1);
    assert_eq!(basic[0]["properties"]["schema"]["name"], "PostureDeviceSoftware_CL");
    assert!(basic[0]["properties"]["retentionInDays"].is_null());
    assert_eq!(all[0]["properties"]["retentionInDays"], -1);
}

#[test]
fn every_function_is_saved_unless_that_is_switched_off() {
    let Some(tools) = tools() else { return };
    let saved = |set: &str| -> BTreeMap<String, (Value, Value)> {
        let deployed = deployment(&tools, set, &[]);
        let all = of_type(&deployed, "Microsoft.OperationalInsights/workspaces/savedSearches");
        let one = |function: &&Value| {
            let of = &function["properties"];
            (text(&of["functionAlias"]), (of["functionParameters"].clone(), of["query"].clone()))
        };
        all.iter().map(one).collect()
    };
    let described = json("infra/generated/functions.json");
    let described = described.as_array().unwrap().iter();
    let described: BTreeMap<_, _> = described
        .map(|one| (text(&one["name"]), (one["parameters"].clone(), one["query"].clone())))
        .collect();

    assert_eq!(saved("identity-given"), described);
    assert!(saved("workspace-existing").is_empty());
}

#[test]
fn rules_come_with_an_address_of_their_own_or_behind_the_endpoint() {
    let Some(tools) = tools() else { return };
    let of = |set: &str| deployment(&tools, set, &[]);
    let kinds = |deployed: &Value| -> Vec<(Value, bool)> {
        let rules = of_type(deployed, "Microsoft.Insights/dataCollectionRules");
        let of_rule = |rule: &&Value| {
            (rule["kind"].clone(), rule["properties"]["dataCollectionEndpointId"].is_string())
        };
        rules.iter().map(of_rule).collect()
    };

    assert!(kinds(&of("identity-given")).iter().all(|kind| *kind == ("Direct".into(), false)));
    assert!(kinds(&of("private-network")).iter().all(|kind| *kind == (Value::Null, true)));
    let endpoints = "Microsoft.Insights/dataCollectionEndpoints";
    let closed = of("private-network");
    let endpoint = of_type(&closed, endpoints);
    assert_eq!(endpoint[0]["properties"]["networkAcls"]["publicNetworkAccess"], "Disabled");
    assert!(of_type(&of("identity-given"), endpoints).is_empty());
}
