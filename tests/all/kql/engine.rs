//! `duckdb-kql` over what a world's workspace received, and such a world.

use crate::kql::{documented, flows, functions_json, piped, tables};
use crate::support::{self, Folder, kept_lines, tools};
use posture::app::App;
use posture::ledger::path;
use posture::report::Report;
use posture::source::{Source, Table};
use serde::Deserialize;
use serde_json::{Value, json};
use simulator::Simulator;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Once;

/// The rows of each stream as they came, by its name without `Custom-`: the table's, save for files.
pub type Rows = BTreeMap<String, Vec<Value>>;

/// What became of a query.
#[derive(Debug, Deserialize)]
pub struct Answer {
    pub name: String,
    #[serde(default)]
    pub rows: Vec<Value>,
    pub refused: Option<String>,
}

/// The answers of queries over received rows; none where the engine isn't installed, which is said once.
pub fn answers(received: &Rows, queries: &[&str]) -> Option<Vec<Answer>> {
    asked(received, queries.iter().map(|text| json!({ "name": text, "text": text })).collect())
}

/// The same of queries with a `name`, and where wanted with the instant `now` and the `hours` before it that
/// they see (`tests/python/run_kql.py`). Microsoft's tables are there too, with rows where some are given.
pub fn asked(received: &Rows, queries: Vec<Value>) -> Option<Vec<Answer>> {
    let Some(python) = tools::python() else {
        static SAID: Once = Once::new();
        #[expect(
            clippy::explicit_write,
            reason = "the test harness keeps what `eprintln!` says to itself"
        )]
        SAID.call_once(|| {
            let left_out = "left out: running the KQL functions, which needs tests/python/.venv \
                            (see CONTRIBUTING.md)";
            writeln!(std::io::stderr(), "{left_out}").unwrap();
        });
        return None;
    };
    let none = Vec::new();
    let flows = flows();
    let flows = flows.iter().map(|flow| {
        let rows = received.get(&flow.from).unwrap_or(&none);
        json!({
            "columns": flow.columns, "transform": flow.transform, "table": flow.into, "rows": rows,
        })
    });
    let microsofts = documented("standard-tables.txt");
    // What Microsoft fills, it fills as it is.
    let filled = microsofts.iter().filter_map(|table| {
        let name = table["name"].as_str()?;
        let rows = received.get(name)?;
        Some(json!({ "columns": table["columns"], "transform": "source", "table": name, "rows": rows }))
    });
    let flows: Vec<_> = flows.chain(filled).collect();
    let tables = [tables(), microsofts].concat();
    let asked = json!({
        "tables": tables,
        "flows": flows,
        "functions": functions_json(),
        "queries": queries,
    });
    let script = tools::root().join("tests/python/run_kql.py");
    Some(serde_json::from_slice(&piped(&python, &script, &asked)).unwrap())
}

/// The rows of one query.
pub fn answer(received: &Rows, query: &str) -> Option<Vec<Value>> {
    let answer = answers(received, &[query])?.remove(0);
    assert_eq!(answer.refused, None, "{query}");
    Some(answer.rows)
}

/// All rows of a table, whichever stream they came through.
pub fn rows_of(received: &Rows, table: &Table) -> Vec<Value> {
    let streams = [table.stream(), table.file_stream()];
    let names = streams.iter().map(|stream| stream.replacen("Custom-", "", 1));
    names.filter_map(|name| received.get(&name)).flatten().cloned().collect()
}

/// A column's texts, sorted.
pub fn texts(rows: &[Value], column: &str) -> Vec<String> {
    let mut texts: Vec<_> =
        rows.iter().map(|row| row[column].as_str().unwrap().to_owned()).collect();
    texts.sort();
    texts
}

/// A ledger, and the simulators that were collected into it: what they received is one workspace.
pub struct World {
    folder: Folder,
    microsoft: Vec<Simulator>,
}

impl World {
    pub fn new() -> World {
        World { folder: Folder::new(), microsoft: Vec::new() }
    }

    /// The tenant with so many devices from now on, on small pages.
    pub async fn has_devices(&mut self, devices: u32) -> App {
        let tenants = [support::tenant(devices)];
        let described = posture::describe::tables_json();
        let mut options = simulator::Options::new(tenants.to_vec(), described);
        options.page_size = Some(300);
        options.limits = false;
        let microsoft = support::start(options).await;
        let app = support::app(&microsoft, &tenants, self.folder.ledger());
        self.microsoft.push(microsoft);
        app
    }

    pub fn now(&self) -> &Simulator {
        self.microsoft.last().unwrap()
    }

    pub fn received(&self) -> Rows {
        let mut all = Rows::new();
        for mut received in self.microsoft.iter().map(Simulator::received) {
            for batch in received.batches {
                let rows = received.tables.get_mut(&batch.table).unwrap();
                let rest = rows.split_off(batch.rows as usize);
                let stream = batch.stream.replacen("Custom-", "", 1);
                all.entry(stream).or_default().extend(std::mem::replace(rows, rest));
            }
        }
        all
    }

    /// Forgets the run under way, as an administrator does who deletes it, or a day that has passed.
    pub fn abandon(&self, app: &App, source: Source) {
        let state = path::state(&support::first(app).id, source.name);
        let file = self.folder.path().join(state);
        let mut state: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert!(state["current"].is_object(), "no run is under way");
        state["current"] = Value::Null;
        std::fs::write(&file, state.to_string()).unwrap();
    }

    /// The `RecordId`s that a run has kept.
    pub async fn kept(&self, source: Source, report: &Report) -> Vec<String> {
        let lines = kept_lines(&*self.folder.ledger(), source).await;
        let rows: Vec<Value> = lines.iter().map(|l| serde_json::from_str(l).unwrap()).collect();
        let of_run = rows.into_iter().filter(|row| row["RunId"] == report.run.as_str());
        texts(&of_run.collect::<Vec<_>>(), "RecordId")
    }
}
