//! KQL, checked twice: bound by Microsoft's language service against our schemas, and run over what the
//! simulated workspace received.

mod binding;
mod engine;
mod estimated;
mod running;
mod states;
mod transforms;

pub use engine::{Answer, Rows, answers, asked};

use posture::describe;
use posture::kql::{self, Function};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// One flow of a collection rule.
struct Flow {
    /// The table whose rows come in.
    from: String,
    /// The table that it fills.
    into: String,
    transform: String,
    /// The stream's declaration.
    columns: Value,
}

/// Every flow of every rule, our own and the classic ones.
fn flows() -> Vec<Flow> {
    flows_of(&describe::tables_json())
}

fn flows_of(described: &Value) -> Vec<Flow> {
    let rules = described["rules"].as_array().unwrap();
    let streams = rules.iter().flat_map(|rule| rule["streams"].as_array().unwrap());
    let table = |stream: &Value| stream.as_str().unwrap().replacen("Custom-", "", 1);
    let flows = streams.flat_map(|stream| {
        let own = stream["flows"].as_array().unwrap();
        own.iter().chain(stream["classicFlows"].as_array().unwrap()).map(move |flow| Flow {
            from: table(&stream["stream"]),
            into: table(&flow["outputStream"]),
            transform: flow["transformKql"].as_str().unwrap().to_owned(),
            columns: stream["columns"].clone(),
        })
    });
    flows.collect()
}

/// Every table, ours and the classic ones, as both checkers take them.
fn tables() -> Vec<Value> {
    let described = describe::tables_json();
    let lists = [&described["tables"], &described["classicTables"]];
    lists.into_iter().flat_map(|list| list.as_array().unwrap().clone()).collect()
}

fn functions_json() -> Vec<Value> {
    let json = |function: &Function| {
        let Function { name, parameters, query, .. } = function;
        json!({ "name": name, "parameters": parameters, "query": query })
    };
    kql::functions().iter().map(json).collect()
}

/// What the language service says of a query.
#[derive(Debug, Deserialize)]
pub struct Bound {
    pub name: String,
    pub errors: Vec<String>,
    pub columns: Vec<Column>,
    kinds: Vec<String>,
    calls: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
}

/// Binds queries in a workspace that has our tables and functions.
fn bind(queries: Vec<Value>) -> Vec<Bound> {
    bind_over(tables(), functions_json(), queries)
}

/// Binds queries in a workspace that has Microsoft's tables too.
pub fn bind_beside_microsofts(queries: Vec<Value>) -> Vec<Bound> {
    let known = [tables(), documented("standard-tables.txt")].concat();
    bind_over(known, functions_json(), queries)
}

fn bind_over(tables: Vec<Value>, functions: Vec<Value>, queries: Vec<Value>) -> Vec<Bound> {
    let script = crate::support::tools::node().join("kusto.mjs");
    let asked = json!({ "tables": tables, "functions": functions, "queries": queries });
    serde_json::from_slice(&piped(Path::new("node"), &script, &asked)).unwrap()
}

/// Tables that Microsoft fills, as a fixture lists them: `<table>: <column>:<type> …`, one a line.
fn documented(fixture: &str) -> Vec<Value> {
    let documented = std::fs::read_to_string(format!("tests/fixtures/{fixture}")).unwrap();
    let column = |text: &str| {
        let (name, kind) = text.split_once(':').unwrap();
        json!({ "name": name, "type": kind })
    };
    let table = |line: &str| {
        let (name, columns) = line.split_once(": ").unwrap();
        let columns: Vec<_> = columns.split_whitespace().map(column).collect();
        json!({ "name": name, "columns": columns })
    };
    documented.lines().map(table).collect()
}

/// What the language service says of hunting queries over the documented tables: errors and columns.
pub fn bind_hunting(queries: &[(&str, &str)]) -> Vec<(Vec<String>, Vec<String>)> {
    let queries = queries.iter().map(|(name, text)| json!({ "name": name, "text": text }));
    let bound = bind_over(documented("hunting-tables.txt"), Vec::new(), queries.collect());
    let names = |columns: Vec<Column>| columns.into_iter().map(|column| column.name).collect();
    bound.into_iter().map(|bound| (bound.errors, names(bound.columns))).collect()
}

/// The columns of a table as the language service names them.
fn columns_of(table: &Value) -> Vec<Column> {
    let columns = table["columns"].as_array().unwrap();
    let column = |column: &Value| {
        let kind = column["type"].as_str().unwrap().to_lowercase();
        let kind = if kind == "boolean" { "bool".to_owned() } else { kind };
        Column { name: column["name"].as_str().unwrap().to_owned(), kind }
    };
    columns.iter().map(column).collect()
}

/// What a script answers on its standard output to what it is asked on its standard input.
fn piped(program: &Path, script: &Path, asked: &Value) -> Vec<u8> {
    let mut command = Command::new(program);
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let asked = asked.to_string();
    let writer = std::thread::spawn(move || stdin.write_all(asked.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{} ended with {}", script.display(), output.status);
    output.stdout
}
