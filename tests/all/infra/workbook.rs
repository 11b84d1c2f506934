//! The workbook as it is deployed.

use super::{deployment, of_type, root, tools};
use crate::support::tools::node;
use serde_json::{Value, json as made};
use std::io::Write;
use std::process::{Command, Stdio};

const WORKBOOKS: &str = "Microsoft.Insights/workbooks";

#[test]
fn the_workbook_lies_beside_its_workspace_and_is_what_the_parts_give() {
    let Some(tools) = tools() else { return };
    let written = std::fs::read_to_string(root().join("content/generated/workbook.json")).unwrap();

    for set in ["identity-given", "workspace-elsewhere"] {
        let deployed = deployment(&tools, set, &[]);
        let functions =
            of_type(&deployed, "Microsoft.OperationalInsights/workspaces/savedSearches");
        let workbook = of_type(&deployed, WORKBOOKS)[0];
        let properties = &workbook["properties"];
        assert_eq!(workbook["scope"], functions[0]["scope"], "{set}");
        assert_eq!(properties["serializedData"], written, "{set}");
        assert_eq!(properties["category"], "sentinel");
        let workspace = functions[0]["name"].as_str().unwrap().split('/').next().unwrap();
        let source = properties["sourceId"].as_str().unwrap();
        assert!(source.ends_with(&format!("/workspaces/{workspace}")), "{set}: {source}");
    }
}

#[test]
fn it_is_left_out_where_it_or_the_functions_are_switched_off() {
    let Some(tools) = tools() else { return };

    for (set, more) in
        [("workspace-existing", [].as_slice()), ("identity-given", &["--param", "workbook=false"])]
    {
        assert!(of_type(&deployment(&tools, set, more), WORKBOOKS).is_empty(), "{set}");
    }
}

/// Against Microsoft's own types, where they are beside the checkout.
#[test]
fn its_properties_are_those_that_azure_takes() {
    let (Some(tools), schema) = (tools(), root().join("../shared/azure-schemas")) else { return };
    let Ok(schema) =
        std::fs::read_to_string(schema.join("Microsoft.Insights.workbooks@2023-06-01.json"))
    else {
        return;
    };
    let deployed = deployment(&tools, "identity-given", &[]);
    let good = of_type(&deployed, WORKBOOKS)[0]["properties"].clone();
    let mut wrong = good.clone();
    wrong["serialisedData"] = "{}".into();
    let mut without = good.clone();
    without.as_object_mut().unwrap().remove("serializedData");

    assert_eq!(fits(&schema, &[good, wrong, without]), [true, false, false]);
}

/// Which of the properties fit the schema's type of them.
fn fits(schema: &str, documents: &[Value]) -> Vec<bool> {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let defs = &schema["$defs"];
    let of_properties = made!({ "$ref": "#/$defs/WorkbookProperties", "$defs": defs });
    let mut judge = Command::new("node");
    judge.arg("schema.mjs").current_dir(node()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut judge = judge.spawn().expect("Node.js is needed for the tests, see README.md");
    let input = made!({ "schema": of_properties, "documents": documents }).to_string();
    judge.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = judge.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}
