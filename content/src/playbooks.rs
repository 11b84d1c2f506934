//! Playbooks: a folder each in `content/playbooks/`, with the workflow's definition and what is said of it.

use crate::{parts, root};
use serde::Deserialize;
use serde_json::Value;
use std::fmt::Write;
use std::fs;

/// What is said of a playbook: `about.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Its name for people.
    pub title: String,
    /// What it does.
    pub about: String,
    /// What starts it.
    pub trigger: String,
    /// The API connections that it uses, by their names in `$connections`.
    pub connections: Vec<String>,
    /// What it takes beside the app.
    pub needs: Vec<String>,
}

/// A playbook.
#[derive(Clone, Debug)]
pub struct Playbook {
    /// Its name: that of its folder, and the one that the template takes.
    pub name: String,
    /// What is said of it.
    pub about: About,
    /// The workflow's definition. `{identityResourceId}` stands where the deployment puts the identity.
    pub definition: Value,
}

/// Every playbook, in the order of the names.
///
/// # Errors
///
/// A file that can't be read, or that is not what it must be.
pub fn all() -> Result<Vec<Playbook>, String> {
    let folder = root().join("content/playbooks");
    let entries = fs::read_dir(&folder).map_err(|error| format!("playbooks: {error}"))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.into_iter().map(read).collect()
}

fn read(name: String) -> Result<Playbook, String> {
    let text = |file: &str| {
        let path = root().join("content/playbooks").join(&name).join(file);
        fs::read_to_string(path).map_err(|error| format!("playbooks/{name}/{file}: {error}"))
    };
    let about = parts::parse(&text("about.yaml")?)
        .map_err(|error| format!("playbooks/{name}/about.yaml: {error}"))?;
    let definition = serde_json::from_str(&text("definition.json")?)
        .map_err(|error| format!("playbooks/{name}/definition.json: {error}"))?;
    Ok(Playbook { name, about, definition })
}

impl Playbook {
    /// How many actions of each kind its definition has, at any depth: a run that takes every branch and every
    /// loop once carries out that many at most. Calls of connections are billed apart.
    #[must_use]
    pub fn actions(&self) -> (usize, usize) {
        let mut found = (0, 0);
        count(&self.definition["actions"], &mut found);
        found
    }
}

/// Counts actions that are built in, and those of connections.
fn count(actions: &Value, found: &mut (usize, usize)) {
    for (_, action) in actions.as_object().into_iter().flatten() {
        match action["type"].as_str().is_some_and(|kind| kind.starts_with("ApiConnection")) {
            true => found.1 += 1,
            false => found.0 += 1,
        }
        count(&action["actions"], found);
        count(&action["else"]["actions"], found);
    }
}

/// The playbooks' part of `docs/content.md`.
///
/// # Errors
///
/// The part that is wrong, and how.
pub fn section() -> Result<String, String> {
    let mut page = "## Playbooks\n\nDeployed by the parameter `playbooks`, a list of these names. All call the app as \
                    one user-assigned identity, without a secret; their links lead to the Defender portal. How they \
                    are set up: [playbooks.md](playbooks.md).\n\nAn action is billed when it is carried out, one of a \
                    connection at a higher price than one that is built in; the numbers are those of the definition, \
                    which a run that finds nothing to do stays far below.\n"
        .to_owned();
    for playbook in all()? {
        // Writing to a text can't fail.
        let _ = write_one(&mut page, &playbook);
    }
    Ok(page)
}

fn write_one(page: &mut String, playbook: &Playbook) -> std::fmt::Result {
    let Playbook { name, about, .. } = playbook;
    writeln!(page, "\n### {} (`{name}`)\n\n{}\n", about.title, about.about)?;
    writeln!(page, "- Starts: {}.", about.trigger)?;
    writeln!(page, "- Connections: {}.", about.connections.join(", "))?;
    for need in &about.needs {
        writeln!(page, "- Needs {need}.")?;
    }
    let (own, connected) = playbook.actions();
    writeln!(page, "- Costs: {own} actions of its own, {connected} of connections.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_tells_of_every_playbook_what_it_does_needs_and_costs() {
        let section = section().unwrap();

        assert!(section.starts_with("## Playbooks\n"));
        for playbook in all().unwrap() {
            assert!(
                section.contains(&format!("(`{}`)\n\n{}", playbook.name, playbook.about.about))
            );
            assert!(!playbook.about.needs.is_empty(), "{}", playbook.name);
        }
        assert_eq!(section.matches("- Costs: ").count(), all().unwrap().len());
    }

    #[test]
    fn actions_are_counted_at_any_depth() {
        let connected = serde_json::json!({ "type": "ApiConnection" });
        let inner = serde_json::json!({ "A": connected, "B": { "type": "Http" } });
        let outer = serde_json::json!({ "C": { "type": "If", "actions": inner.clone(),
            "else": { "actions": { "D": connected } } } });
        let mut found = (0, 0);

        count(&outer, &mut found);

        assert_eq!(found, (2, 2));
    }
}
