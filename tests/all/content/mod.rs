//! What Sentinel gets of us (`content/`): bound, run over rows as a workspace has them, and held against
//! the layouts that it takes.

mod connector;
mod hunts;
mod playbooks;
mod queries;
mod rules;
mod samples;
mod solution;
mod workbook;
mod workspace;
mod written;

/// A layout that is published, as a JSON schema of `tests/fixtures/content/schemas`.
fn schema(name: &str) -> serde_json::Value {
    let file = format!("tests/fixtures/content/schemas/{name}.schema.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}
