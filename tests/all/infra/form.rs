//! The form behind the button: it gives the template parameters that there are, in values that it takes.

use super::{json, root, run, template, tools};
use crate::support::Folder;
use serde_json::{Map, Value, json as made};
use std::collections::BTreeMap;

fn form() -> Value {
    json("infra/createUiDefinition.json")["parameters"].clone()
}

/// Every field: its step (none: basics), and itself.
fn fields() -> Vec<(Option<String>, Value)> {
    let form = form();
    let list = |value: &Value| value.as_array().unwrap().clone();
    let basics = list(&form["basics"]).into_iter().map(|field| (None, field));
    let steps = list(&form["steps"]).into_iter().flat_map(|step| {
        let name = step["name"].as_str().unwrap().to_owned();
        step["elements"]
            .as_array()
            .unwrap()
            .clone()
            .into_iter()
            .map(move |field| (Some(name.clone()), field))
    });
    basics.chain(steps).collect()
}

fn reference((step, field): &(Option<String>, Value)) -> String {
    let name = field["name"].as_str().unwrap();
    match step {
        None => format!("basics('{name}')"),
        Some(step) => format!("steps('{step}').{name}"),
    }
}

#[test]
fn its_outputs_are_parameters_and_those_without_a_default_are_there() {
    let (form, template) = (form(), template());
    let outputs = form["outputs"].as_object().unwrap();
    let parameters = template["parameters"].as_object().unwrap();

    for output in outputs.keys() {
        assert!(parameters.contains_key(output), "{output} is no parameter");
    }
    for (name, _) in parameters.iter().filter(|(_, body)| body.get("defaultValue").is_none()) {
        assert!(outputs.contains_key(name), "{name} has no default and is asked nowhere");
    }
    let definition = json("infra/createUiDefinition.json");
    assert_eq!(definition["handler"], "Microsoft.Azure.CreateUIDef");
    assert_eq!(definition["version"], "0.1.2-preview");
}

#[test]
fn every_field_is_explained_used_and_every_reference_is_a_field() {
    let outputs = form()["outputs"].to_string();
    let fields = fields();
    let mut references = 0;
    for field in &fields {
        let reference = reference(field);
        let shows =
            fields.iter().any(|(_, other)| other["visible"].to_string().contains(&reference));
        assert!(outputs.contains(&reference) || shows, "{reference} is asked and not used");
        assert!(field.1["toolTip"].as_str().is_some_and(|tip| tip.ends_with('.')), "{reference}");
        references += outputs.matches(&reference).count();
        if field.1["constraints"]["regex"].is_string() {
            assert!(field.1["constraints"]["validationMessage"].is_string(), "{reference}");
        }
    }
    let written = outputs.matches("basics(").count() + outputs.matches("steps(").count();
    assert!(references >= written, "an output refers to a field that isn't there");
}

/// What the form gives where nobody changes anything.
fn defaults() -> Map<String, Value> {
    let mut values: BTreeMap<String, Value> = BTreeMap::new();
    for field in fields() {
        let default = &field.1["defaultValue"];
        let choices = field.1["constraints"]["allowedValues"].as_array();
        let chosen = choices.and_then(|all| all.iter().find(|one| one["label"] == *default));
        assert!(choices.is_none() || chosen.is_some(), "{default} is no choice");
        let value = chosen.map_or(default, |one| &one["value"]);
        values.insert(reference(&field), if value.is_null() { "".into() } else { value.clone() });
    }
    let outputs = form()["outputs"].as_object().unwrap().clone();
    let plain = outputs.iter().filter_map(|(name, output)| {
        let text = output.as_str().unwrap().trim_start_matches('[').trim_end_matches(']');
        let number = text.strip_prefix("int(").and_then(|text| text.strip_suffix(')'));
        let value = values.get(number.unwrap_or(text))?;
        let value = if number.is_some() {
            value.as_str()?.parse::<i64>().ok()?.into()
        } else {
            value.clone()
        };
        Some((name.clone(), made!({ "value": value })))
    });
    plain.collect()
}

#[test]
fn what_it_gives_by_default_deploys() {
    let Some(tools) = tools() else { return };
    let (folder, given) = (Folder::new(), defaults());
    let file = folder.path().join("form.json");
    std::fs::write(&file, made!({ "parameters": given }).to_string()).unwrap();

    let arguments = ["infra/azuredeploy.json", "--json", "--params", file.to_str().unwrap()];
    let output = run(&tools.join("armexpand/expand.mjs"), &arguments);

    assert!(given.len() >= 10, "{given:?}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn its_choices_are_those_of_the_template() {
    let template = template();
    for (_, field) in fields() {
        let allowed = &template["parameters"][field["name"].as_str().unwrap()]["allowedValues"];
        let (Some(allowed), Some(choices)) =
            (allowed.as_array(), field["constraints"]["allowedValues"].as_array())
        else {
            continue;
        };
        for choice in choices {
            assert!(allowed.contains(&choice["value"]), "{}: {}", field["name"], choice["value"]);
        }
    }
}

#[test]
fn azds_parameters_are_the_templates() {
    let (parameters, template) = (json("infra/main.parameters.json"), template());
    for name in parameters["parameters"].as_object().unwrap().keys() {
        assert!(template["parameters"].get(name).is_some(), "{name} is no parameter");
    }
    let azd = std::fs::read_to_string(root().join("azure.yaml")).unwrap();
    for line in ["path: infra", "module: main", "language: custom"] {
        assert!(azd.contains(line), "azure.yaml lacks {line}");
    }
}
