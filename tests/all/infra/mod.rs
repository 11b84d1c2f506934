//! What is deployed: Bicep, the compiled template behind the portal's button, its form, and the settings
//! that it gives the app. Compiled, linted and expanded by the tools of `../shared/tools`, where they are
//! beside the checkout; what only Azure knows (quotas, free names, regions) stays open.

mod analytics;
mod compiling;
mod deployed;
mod files;
mod form;
mod names;
mod plans;
mod playbooks;
mod release;
mod rows;
mod secrets;
mod settings;
mod snapshots;
mod workbook;

use crate::support::tools::root;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, OnceLock};

/// The compiler, linter and expander; what is left out without them is said once.
fn tools() -> Option<PathBuf> {
    static SAID: OnceLock<()> = OnceLock::new();
    let found = root().join("../shared/tools");
    let text = "left out: compiling, linting and expanding infra/, which needs ../shared/tools beside the checkout";
    found.join("bicep2arm/bicep2arm.mjs").exists().then_some(found).or_else(|| {
        SAID.get_or_init(|| drop(writeln!(std::io::stderr(), "{text}")));
        None
    })
}

/// One of the tools with these arguments, run at the project's root.
fn run(script: &Path, arguments: &[&str]) -> Output {
    let mut node = Command::new("node");
    node.arg(script).args(arguments).current_dir(root());
    node.output().expect("Node.js is needed for the tests, see README.md")
}

/// What `bicep2arm` says to these arguments: all it prints, where it is satisfied.
fn bicep2arm(tools: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = run(&tools.join("bicep2arm/bicep2arm.mjs"), arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    if output.status.success() { Ok(out) } else { Err(out + &err) }
}

fn json(path: &str) -> Value {
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The committed template.
fn template() -> Value {
    json("infra/azuredeploy.json")
}

/// The names of the parameter sets beside the snapshots.
fn sets() -> Vec<String> {
    let files = std::fs::read_dir(root().join("tests/fixtures/infra")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut sets: Vec<_> =
        names.filter_map(|name| name.strip_suffix(".parameters.json").map(str::to_owned)).collect();
    sets.sort();
    assert!(sets.len() >= 8, "{sets:?}");
    sets
}

/// What a deployment with this parameter set gives: `resources`, `outputs`; no error and no warning. Expanded
/// once, whichever tests ask for it.
fn deployment(tools: &Path, set: &str, more: &[&str]) -> Arc<Value> {
    type Deployments = Mutex<BTreeMap<String, Arc<OnceLock<Arc<Value>>>>>;
    static DEPLOYMENTS: Deployments = Mutex::new(BTreeMap::new());
    let key = format!("{set} {}", more.join(" "));
    let cell = DEPLOYMENTS.lock().unwrap().entry(key).or_default().clone();
    cell.get_or_init(|| Arc::new(expand(tools, set, more))).clone()
}

fn expand(tools: &Path, set: &str, more: &[&str]) -> Value {
    let parameters = format!("tests/fixtures/infra/{set}.parameters.json");
    let mut arguments = vec!["infra/azuredeploy.json", "--json", "--params", &parameters];
    arguments.extend(more);
    let output = run(&tools.join("armexpand/expand.mjs"), &arguments);
    let deployed: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let (errors, warnings) = (&deployed["errors"], &deployed["warnings"]);
    assert!(output.status.success(), "{set}: {errors} {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(warnings.as_array().map(Vec::len), Some(0), "{set}: {warnings}");
    deployed
}

/// The resources of a deployment that are of a type.
fn of_type<'a>(deployed: &'a Value, kind: &str) -> Vec<&'a Value> {
    let all = deployed["resources"].as_array().unwrap();
    all.iter().filter(|resource| resource["type"] == kind).collect()
}

/// Every JSON object below a value, itself included.
fn objects(value: &Value) -> Vec<&serde_json::Map<String, Value>> {
    let below: Vec<&Value> = match value {
        Value::Object(members) => members.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    let own = value.as_object().into_iter();
    own.chain(below.into_iter().flat_map(objects)).collect()
}

/// Every text below a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
