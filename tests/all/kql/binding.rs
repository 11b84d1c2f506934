//! Every transformation and every function binds against our schemas and yields the columns that it
//! declares.

use super::{Column, bind, bind_beside_microsofts, columns_of, flows, flows_of, tables};
use posture::describe::tables_json_with;
use posture::kql::{self, Function};
use posture::source::Own;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the functions that are no table's newest state yield.
const COLUMNS: &[(&str, &str)] = &[
    ("PostureSources", "Source:string About:string EveryHours:real TableName:string"),
    (
        "PostureSecureScoreTrend",
        "AadTenantId:string TenantName:string Day:datetime currentScore:real maxScore:real Percent:real \
         activeUserCount:real licensedUserCount:real",
    ),
    (
        "PostureTopActions",
        "AadTenantId:string TenantName:string ControlProfileId:string ControlTitle:string \
         controlCategory:string service:string Points:real maxScore:real Current:real rank:real tier:string \
         implementationCost:string userImpact:string remediation:string actionUrl:string \
         ScoredDay:datetime",
    ),
    (
        "PostureVulnerabilityRisk",
        "AadTenantId:string TenantName:string CveId:string Risk:real exposedMachines:real severity:string \
         cvssV3:real KnownExploited:bool ExploitedSince:datetime ExploitedDue:datetime Ransomware:bool \
         Probability:real Percentile:real Model:string ScoreDate:datetime Exposure:real \
         OfExploitation:real OfProbability:real OfSeverity:real OfExposure:real OfCriticality:real \
         CatalogueReleased:datetime",
    ),
    (
        "PostureDeviceCard",
        "AadTenantId:string TenantName:string DeviceId:string computerDnsName:string exposureLevel:string \
         riskScore:string healthStatus:string onboardingStatus:string defenderAvStatus:string \
         deviceValue:string osPlatform:string osVersion:string lastIpAddress:string \
         lastExternalIpAddress:string rbacGroupName:string machineTags:dynamic isExcluded:bool \
         firstSeen:datetime lastSeen:datetime LastAction:string LastActionStatus:string \
         LastActionTime:datetime Collected:datetime Link:string",
    ),
    (
        "PostureCollectionHealth",
        "AadTenantId:string TenantName:string Source:string Health:string Status:string Message:string \
         RunId:string Ended:datetime CompleteRunId:string Collected:datetime HoursOld:real \
         EveryHours:real Kept:long Sent:long Withheld:long Rejected:long Advice:string \
         Throttled:long Newest:datetime",
    ),
    (
        "PostureScoreHistory",
        "AadTenantId:string TenantName:string Score:string Scope:string Day:datetime Points:real \
         Maximum:real Percent:real",
    ),
];

fn expected(function: &str, tables: &BTreeMap<String, Vec<Column>>) -> Vec<Column> {
    let column = |text: &str| {
        let (name, kind) = text.split_once(':').unwrap();
        Column { name: name.to_owned(), kind: kind.to_owned() }
    };
    match COLUMNS.iter().find(|(name, _)| *name == function) {
        Some((_, columns)) => columns.split_whitespace().map(column).collect(),
        None => tables[&format!("{function}_CL")].clone(),
    }
}

fn by_name() -> BTreeMap<String, Vec<Column>> {
    let name = |table: &Value| table["name"].as_str().unwrap().to_owned();
    tables().iter().map(|table| (name(table), columns_of(table))).collect()
}

#[test]
fn every_transformation_yields_its_tables_columns() {
    let (flows, tables) = (flows(), by_name());
    let queries = flows
        .iter()
        .map(|flow| json!({ "name": flow.into, "text": flow.transform, "source": flow.columns }));

    let bound = bind(queries.collect());

    assert_eq!(bound.len(), flows.len());
    for bound in bound {
        assert_eq!(bound.errors, [""; 0], "{}", bound.name);
        assert_eq!(bound.columns, tables[&bound.name], "{}", bound.name);
    }
}

/// In a table of which files are a stream of their own, and in one without.
#[test]
fn columns_of_an_installations_own_come_behind_the_catalogues() {
    let text = r#"{"tables":{
        "PostureDevices_CL": {
            "columns": [
                {"field":"ipInterfaces","type":"dynamic"},
                {"field":"title","name":"Heading","type":"string"}
            ],
            "transform": ["where Heading != 'none'", "extend Heading = toupper(Heading)"]
        },
        "PostureDeviceSoftware_CL": {"columns": [{"field":"osBuild","name":"Build","type":"real"}]}
    }}"#;
    let own = Own::read(text, posture::source::tables()).unwrap();
    let described = tables_json_with(&own);
    let (flows, plain) = (flows_of(&described), by_name());
    let is_changed = |table: &str| text.contains(&format!("\"{table}\""));
    let queries = flows
        .iter()
        .filter(|flow| is_changed(&flow.into))
        .map(|flow| json!({ "name": flow.into, "text": flow.transform, "source": flow.columns }));

    let bound = bind(queries.collect());

    assert_eq!(bound.len(), 3);
    for bound in bound {
        let tables = described["tables"].as_array().unwrap();
        let table = tables.iter().find(|table| table["name"] == *bound.name).unwrap();
        assert_eq!(bound.errors, [""; 0], "{}", bound.name);
        assert_eq!(bound.columns, columns_of(table), "{}", bound.name);
        let before = &plain[&bound.name];
        assert_eq!(bound.columns[..before.len()], before[..], "the catalogue's come first");
        assert!(bound.columns.len() > before.len());
    }
}

#[test]
fn every_function_yields_its_columns() {
    let (functions, tables) = (kql::functions(), by_name());
    let query = |function: &Function| {
        let declared = match function.parameters {
            "" => String::new(),
            parameters => format!("declare query_parameters({parameters});\n"),
        };
        json!({ "name": function.name, "text": format!("{declared}{}", function.query) })
    };

    let bound = bind(functions.iter().map(query).collect());

    for bound in bound {
        assert_eq!(bound.errors, [""; 0], "{}", bound.name);
        assert_eq!(bound.columns, expected(&bound.name, &tables), "{}", bound.name);
    }
}

/// Over our tables and functions, and the tables that Microsoft fills.
#[test]
fn every_query_in_the_documents_binds() {
    let mut queries = Vec::new();
    for entry in std::fs::read_dir("docs").unwrap().filter_map(Result::ok) {
        let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
        for block in text.split("```kusto\n").skip(1) {
            let text = block.split("```").next().unwrap();
            queries.push(json!({ "name": entry.file_name().to_str(), "text": text }));
        }
    }
    let there = queries.len();

    let bound = bind_beside_microsofts(queries);

    assert!(there > 0 && bound.len() == there);
    bound.iter().for_each(|bound| assert_eq!(bound.errors, [""; 0], "{}", bound.name));
}

#[test]
fn a_query_that_names_what_is_not_there_is_found() {
    let query = |text| json!({ "name": text, "text": text });

    let bound = bind(vec![
        query("PostureDevices_CL | where nothing == 1"),
        query("PostureDevice()"),
        query("PostureDeviceCard()"),
    ]);

    assert!(bound.iter().all(|bound| !bound.errors.is_empty()), "{bound:?}");
}

#[test]
fn every_file_of_infra_kql_is_a_function() {
    let functions = kql::functions();
    let mut there = 0;
    for entry in std::fs::read_dir("infra/kql").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let function = name.trim_end_matches(".kql");
        assert!(functions.iter().any(|known| known.name == function), "{name} is no function");
        there += 1;
    }
    assert_eq!(there, functions.len());
    for function in functions {
        assert!(function.query.starts_with(&format!("// {}", function.name)), "{}", function.name);
    }
}

/// The alert's query isn't a function, but it goes to the same workspace.
#[test]
fn the_alert_on_collection_failure_binds() {
    let query = std::fs::read_to_string("infra/modules/collection-failure.kql").unwrap();
    let bound = bind(vec![json!({ "name": "collection-failure", "text": query })]);

    assert_eq!(bound[0].errors, Vec::<String>::new());
    let names: Vec<_> = bound[0].columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["AadTenantId", "TenantName", "Source", "Status", "Message"]);
}
