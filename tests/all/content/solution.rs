//! The solution in the content hub's layout: every file fits what is published of it, and every path leads to
//! a file.

use super::schema;
use crate::support::tools::{fits, root};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

fn files() -> BTreeMap<String, String> {
    content::solution::files().unwrap().into_iter().collect()
}

fn parsed(files: &BTreeMap<String, String>, path: &str) -> Value {
    serde_json::from_str(&files[path]).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_file_has_its_published_fields() {
    let files = files();
    let parsers = files.iter().filter(|(path, _)| path.starts_with("Parsers/"));
    let parsers: Vec<Value> =
        parsers.map(|(_, text)| content::parts::parse(text).unwrap()).collect();
    let one = |path: &str| vec![parsed(&files, path)];
    let kinds = [
        ("solution-input", one("Data/Solution_Posture.json")),
        ("solution-metadata", one("SolutionMetadata.json")),
        ("workbook-metadata", one("Workbooks/WorkbooksMetadata.json")),
        ("connector-page", one("Data Connectors/Posture/Posture.json")),
        ("parser", parsers),
    ];

    for (kind, documents) in kinds {
        let found = fits(&schema(kind), &documents);
        assert!(!found.is_empty() && found.iter().all(|fits| *fits), "{kind}: {found:?}");
    }
    let mut wrong = one("SolutionMetadata.json").remove(0);
    wrong["categories"]["domains"][0] = "Security".into();
    assert_eq!(
        fits(&schema("solution-metadata"), &[wrong]),
        [false],
        "the check has turned silent"
    );
}

#[test]
fn the_input_names_every_file_once_and_no_other() {
    let files = files();
    let input = parsed(&files, "Data/Solution_Posture.json");
    let lists = input.as_object().unwrap().values().filter_map(Value::as_array).flatten();
    let mut named: Vec<_> =
        lists.filter_map(Value::as_str).filter(|text| text.contains('/')).collect();
    named.sort_unstable();

    let beside = ["Data/Solution_Posture.json", "ReleaseNotes.md", "SolutionMetadata.json"];
    let content = files.keys().map(String::as_str).filter(|path| {
        !beside.contains(path)
            && !path.ends_with("WorkbooksMetadata.json")
            && !path.ends_with(".md")
    });
    assert_eq!(named, content.collect::<Vec<_>>());
}

#[test]
fn versions_and_logo_are_the_releases() {
    let files = files();
    let input = parsed(&files, "Data/Solution_Posture.json");
    let version = input["Version"].as_str().unwrap();

    assert!(files["ReleaseNotes.md"].contains(&format!("| {version} |")));
    assert_eq!(parsed(&files, "Workbooks/WorkbooksMetadata.json")[0]["version"], version);
    assert!(root().join("content/Posture.svg").exists());
    assert!(input["Logo"].as_str().unwrap().contains("/content/Posture.svg"));
}

/// Each playbook's template alone: it fits its resource types, and Resource Manager would deploy it.
#[test]
fn every_playbook_is_a_template_that_deploys() {
    let tools = root().join("../shared/tools");
    if !tools.exists() {
        // Said once by infra::, which leaves out the same.
        return;
    }
    let folder = crate::support::Folder::new();
    let node = |script: &str, arguments: &[&str]| {
        let mut node = Command::new("node");
        node.arg(tools.join(script)).args(arguments).output().unwrap()
    };
    let files = files();
    let templates: Vec<_> =
        files.iter().filter(|(path, _)| path.starts_with("Playbooks/")).collect();
    assert_eq!(templates.len(), 6);
    for (path, text) in templates {
        let file = folder.path().join("template.json");
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();

        let lint = node("bicep2arm/bicep2arm.mjs", &["lint", file]);
        let mut given = vec![file, "--json"];
        for pair in [
            "IdentityResourceId=/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i",
            "address=https://posture.example",
            "audience=api://posture",
            "approvers=a@contoso.example",
        ] {
            let name = pair.split('=').next().unwrap();
            if text.contains(&format!("parameters('{name}')")) {
                given.extend(["--param", pair]);
            }
        }
        let deployed = node("armexpand/expand.mjs", &given);

        assert!(lint.status.success(), "{path}: {}", String::from_utf8_lossy(&lint.stdout));
        let said = String::from_utf8_lossy(&deployed.stdout);
        assert!(
            deployed.status.success(),
            "{path}: {said} {}",
            String::from_utf8_lossy(&deployed.stderr)
        );
        assert!(
            !said.contains("{identityResourceId}") && said.contains("Microsoft.Logic/workflows")
        );
    }
}

#[test]
fn the_command_writes_the_folder() {
    let folder = crate::support::Folder::new();
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--package", "content", "--", "solution"]).arg(folder.path());

    let output = command.current_dir(root()).output().unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (path, text) in files() {
        assert_eq!(std::fs::read_to_string(folder.path().join(&path)).unwrap(), text, "{path}");
    }
}
