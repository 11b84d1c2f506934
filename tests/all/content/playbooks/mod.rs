//! Playbooks: their definitions checked, held against the served description, walked against the running
//! program with incidents as both portals send them, and deployed.

mod calling;
mod checked;
mod checker;
mod described;
mod enriching;
mod expression;
mod functions;
mod incidents;
mod noticing;
mod provider;
mod reporting;
mod responding;
mod tree;
mod walker;
mod walking;
mod world;

use serde_json::Value;

/// The names of the playbooks.
fn names() -> Vec<String> {
    let all = content::playbooks::all().unwrap();
    all.into_iter().map(|playbook| playbook.name).collect()
}

/// A playbook's definition, and the connections that it declares.
fn playbook(name: &str) -> (Value, Vec<String>) {
    let all = content::playbooks::all().unwrap();
    let found = all.into_iter().find(|playbook| playbook.name == name);
    let found = found.unwrap_or_else(|| panic!("there is no playbook {name}"));
    (found.definition, found.about.connections)
}
