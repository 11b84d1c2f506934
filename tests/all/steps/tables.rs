//! Tables keep every column.

use super::{Azure, WORKSPACE, text};
use serde_json::{Value, json};

/// An old table of the Data Collector API with a column of the customer's own.
fn classic(azure: &Azure, first: Value) {
    azure.change(|state| {
        state["tables"]["M365SecureScore_CL"] = json!({
            "plan": "Analytics", "retentionInDays": 90, "totalRetentionInDays": 180,
            "schema": {
                "name": "M365SecureScore_CL", "tableSubType": "Classic",
                "standardColumns": [{ "name": "TimeGenerated", "type": "dateTime" }],
                "columns": [first, { "name": "mine_s", "type": "string", "description": "a, b] \"c\"" }],
            },
        });
    });
}

fn columns(table: &Value) -> Vec<String> {
    table["schema"]["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| text(&column["name"]))
        .collect()
}

/// Leaves the first few tables of ours in the copy: each takes some calls.
fn few(azure: &Azure) -> Vec<Value> {
    let path = azure.folder.path().join("infra/generated/tables.json");
    let mut all: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    all["tables"].as_array_mut().unwrap().truncate(3);
    std::fs::write(path, serde_json::to_string_pretty(&all).unwrap()).unwrap();
    all["tables"].as_array().unwrap().clone()
}

#[test]
fn an_older_solutions_tables_are_migrated_in_place_with_the_union_of_columns() {
    let azure = Azure::new();
    classic(&azure, json!({ "name": "id_s", "type": "string" }));

    let printed = azure.run("tables.sh", &["existing", "--workspace", WORKSPACE]);

    assert_eq!((printed.code, printed.errors.as_str()), (0, ""), "{}", printed.out);
    let state = azure.state();
    assert_eq!(state["dropped"], json!([]));
    let table = &state["tables"]["M365SecureScore_CL"];
    assert_eq!(table["schema"]["tableSubType"], "DataCollectionRuleBased");
    assert_eq!(
        (&table["retentionInDays"], &table["totalRetentionInDays"]),
        (&json!(90), &json!(180))
    );
    assert_eq!(table["schema"]["columns"][1]["description"], "a, b] \"c\"", "as it was");
    let generated = std::fs::read(azure.folder.path().join("infra/generated/tables.json")).unwrap();
    let generated: Value = serde_json::from_slice(&generated).unwrap();
    for wanted in generated["classicTables"].as_array().unwrap() {
        let there = columns(&state["tables"][wanted["name"].as_str().unwrap()]);
        for column in wanted["columns"].as_array().unwrap() {
            assert!(there.contains(&text(&column["name"])), "{column} of {}", wanted["name"]);
        }
    }
    azure.run("tables.sh", &["existing", "--workspace", WORKSPACE]);
    assert_eq!(azure.writes(), [""; 0]);
}

#[test]
fn a_column_of_another_type_stays_and_is_told() {
    let azure = Azure::new();
    classic(&azure, json!({ "name": "currentScore_d", "type": "string" }));

    let printed = azure.run("tables.sh", &["existing", "--workspace", WORKSPACE]);

    assert_eq!(printed.code, 1);
    assert!(
        printed
            .out
            .contains("the column currentScore_d of type real is there as currentScore_d string")
    );
    assert_eq!(azure.state()["dropped"], json!([]));
}

#[test]
fn an_upgrade_keeps_our_tables_columns_and_names_those_that_a_release_does_not_list() {
    let azure = Azure::new();
    let tables = few(&azure);
    let mut older = tables[0]["columns"].as_array().unwrap().clone();
    let newest = older.pop().unwrap();
    older.push(json!({ "name": "TheirOwn", "type": "string" }));
    azure.change(|state| {
        state["tables"][tables[0]["name"].as_str().unwrap()] = json!({
            "plan": "Auxiliary", "retentionInDays": 30, "totalRetentionInDays": 365,
            "schema": { "name": tables[0]["name"], "standardColumns": [], "columns": older },
        });
    });

    let printed = azure.run("tables.sh", &["upgrade", "--workspace", WORKSPACE]);

    let state = azure.state();
    let table = &state["tables"][tables[0]["name"].as_str().unwrap()];
    assert_eq!((printed.code, printed.errors.as_str()), (1, ""));
    assert!(
        columns(table).contains(&text(&newest["name"]))
            && columns(table).contains(&"TheirOwn".to_owned())
    );
    assert_eq!(
        (&table["plan"], &table["totalRetentionInDays"]),
        (&json!("Auxiliary"), &json!(365))
    );
    assert!(
        printed.out.contains("columns that this release doesn't list (TheirOwn)"),
        "{}",
        printed.out
    );
    assert_eq!(state["tables"].as_object().unwrap().len(), 3);
    assert_eq!(state["dropped"], json!([]));
}

#[test]
fn whoever_may_not_write_a_table_is_told_who_may() {
    let azure = Azure::new();
    azure.refuse("--method PUT", "Forbidden({\"error\":{\"code\":\"AuthorizationFailed\"}})");

    let printed = azure.run("tables.sh", &["existing", "--workspace", WORKSPACE]);

    assert_eq!((printed.code, printed.errors.lines().count()), (1, 1));
    assert!(printed.errors.contains("somebody with Log Analytics Contributor on the workspace"));
}
