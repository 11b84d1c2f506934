//! Bicep: every file compiles alone and is described; the committed template is what a compiler makes.

use super::{bicep2arm, objects, root, run, template, tools};
use crate::support::Folder;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Every Bicep file that the compiler at hand takes: all but those that need the Microsoft Graph extension,
/// which the portal's button can't deploy either.
fn bicep_files() -> Vec<PathBuf> {
    let of = |folder: &str| {
        let files = std::fs::read_dir(root().join(folder)).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "bicep"))
    };
    let all = of("infra").chain(of("infra/modules"));
    let mut files: Vec<_> = all.filter(|file| !needs_extension(file)).collect();
    files.sort();
    assert!(files.len() > 15, "{files:?}");
    files
}

/// Whether a file, or a module that it deploys, names an extension.
fn needs_extension(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().any(|line| {
        let module = line.strip_prefix("module ").and_then(|line| line.split('\'').nth(1));
        let below = module.map(|module| file.parent().unwrap().join(module));
        line.starts_with("extension ") || below.is_some_and(|module| needs_extension(&module))
    })
}

#[test]
fn every_bicep_file_compiles_alone_and_every_resource_fits_its_type() {
    let Some(tools) = tools() else { return };

    for file in bicep_files() {
        bicep2arm(&tools, &["lint", file.to_str().unwrap()]).unwrap();
    }
}

#[test]
fn every_parameter_and_output_is_described() {
    let Some(tools) = tools() else { return };

    for file in bicep_files() {
        let text = bicep2arm(&tools, &["build", file.to_str().unwrap(), "--stdout"]).unwrap();
        let compiled: Value = serde_json::from_str(&text).unwrap();
        let name = file.display();
        assert!(compiled["metadata"]["description"].is_string(), "{name} doesn't say what it is");
        for (parameter, body) in members(&compiled["parameters"]) {
            let about = body["metadata"]["description"].as_str().unwrap_or_default();
            let optional = body.get("defaultValue").is_some();
            let start = if optional { "Optional. " } else { "Required. " };
            assert!(
                about.starts_with(start),
                "{name}: {parameter} begins with other than {start:?}"
            );
        }
        for (output, body) in members(&compiled["outputs"]) {
            assert!(body["metadata"]["description"].is_string(), "{name}: {output} is undescribed");
        }
    }
}

fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

/// What a module is given against what it declares, in every nested template.
fn wrong_parameters(template: &Value) -> Vec<String> {
    let deployments = objects(template).into_iter().filter(|body| is_deployment(body));
    deployments.flat_map(|body| of_deployment(&body["name"], &body["properties"])).collect()
}

fn is_deployment(body: &Map<String, Value>) -> bool {
    body.get("type").is_some_and(|kind| kind == "Microsoft.Resources/deployments")
}

fn of_deployment(name: &Value, properties: &Value) -> Vec<String> {
    let (given, declared) = (&properties["parameters"], &properties["template"]["parameters"]);
    let unknown = members(given).filter(|(key, _)| declared.get(key).is_none());
    let unknown = unknown.map(|(key, _)| format!("{name} doesn't take {key}"));
    let is_needed = |(key, body): &(&String, &Value)| {
        body.get("defaultValue").is_none() && given.get(key.as_str()).is_none()
    };
    let missing = members(declared).filter(is_needed);
    unknown.chain(missing.map(|(key, _)| format!("{name} isn't given {key}"))).collect()
}

#[test]
fn modules_are_given_exactly_what_they_declare() {
    let mut template = template();
    let modules = objects(&template).into_iter().filter(|body| is_deployment(body)).count();
    let found = wrong_parameters(&template);

    assert!(modules > 15, "{modules} modules");
    assert_eq!(found, Vec::<String>::new());
    let given = template.pointer_mut("/resources/0/properties/parameters").unwrap();
    given["misspelt"] = serde_json::json!({ "value": 1 });
    assert_eq!(wrong_parameters(&template).len(), 1, "the check has turned silent");
}

/// `BICEP` names Microsoft's compiler, where it is at hand.
#[expect(
    clippy::disallowed_methods,
    reason = "no setting: whoever runs the tests may have Microsoft's compiler"
)]
fn microsofts_compiler() -> Option<PathBuf> {
    std::env::var_os("BICEP").map(PathBuf::from)
}

#[test]
fn the_committed_template_is_what_the_compiler_makes() {
    let compiled = match (microsofts_compiler(), tools()) {
        (Some(bicep), _) => {
            let arguments = ["build", "infra/main.bicep", "--stdout"];
            let output =
                std::process::Command::new(bicep).args(arguments).current_dir(root()).output();
            String::from_utf8(output.unwrap().stdout).unwrap()
        }
        (None, Some(tools)) => {
            bicep2arm(&tools, &["build", "infra/main.bicep", "--stdout"]).unwrap()
        }
        (None, None) => return,
    };
    let mut compiled: Value = serde_json::from_str(&compiled).unwrap();
    let mut committed = template();

    without_generator(&mut compiled);
    without_generator(&mut committed);
    assert!(
        compiled == committed,
        "infra/azuredeploy.json is stale: bicep build infra/main.bicep --outfile infra/azuredeploy.json"
    );
}

/// Takes out which compiler, and which of its versions, has made a template.
fn without_generator(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_generator),
        Value::Object(members) => {
            if let Some(metadata) = members.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("_generator");
                if metadata.is_empty() {
                    members.remove("metadata");
                }
            }
            members.values_mut().for_each(without_generator);
        }
        _ => {}
    }
}

#[test]
fn the_linter_finds_nothing_and_would_find_a_mistake() {
    let Some(tools) = tools() else { return };
    let folder = Folder::new();
    let broken = folder.path().join("broken.json");
    let text = std::fs::read_to_string(root().join("infra/azuredeploy.json")).unwrap();
    std::fs::write(&broken, text.replacen("\"allowSharedKeyAccess\"", "\"allowSharedKeys\"", 1))
        .unwrap();

    bicep2arm(&tools, &["lint", "infra/azuredeploy.json"]).unwrap();
    let found = bicep2arm(&tools, &["lint", broken.to_str().unwrap()]).unwrap_err();

    assert!(found.contains("allowSharedKeys"), "{found}");
}

#[test]
fn the_compiler_refuses_what_is_no_bicep() {
    let Some(tools) = tools() else { return };
    let folder = Folder::new();
    let file = folder.path().join("broken.bicep");
    std::fs::write(&file, "param missing string =\n").unwrap();

    let output =
        run(&tools.join("bicep2arm/bicep2arm.mjs"), &["build", file.to_str().unwrap(), "--stdout"]);

    assert_eq!(output.status.code(), Some(1));
}
