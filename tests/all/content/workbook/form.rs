//! The workbook's form: what the portal would not say is wrong with it.

use content::workbook::parameters;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn written() -> Value {
    let written = content::workbook::written().unwrap();
    serde_json::from_str(&written[0].1).unwrap()
}

/// What is wrong with items, given the parameters that are defined before them; new ones are added.
fn problems(items: &Value, defined: &mut BTreeSet<String>) -> Vec<String> {
    items.as_array().unwrap().iter().flat_map(|item| of_item(item, defined)).collect()
}

fn of_item(item: &Value, defined: &mut BTreeSet<String>) -> Vec<String> {
    let content = &item["content"];
    let mut wrong = Vec::new();
    let mut says = |problem: String| wrong.push(format!("{}: {problem}", item["name"]));
    let condition = &item["conditionalVisibility"]["parameterName"];
    for name in
        [condition, &content["timeContextFromParameter"]].into_iter().filter_map(Value::as_str)
    {
        if !defined.contains(name) {
            says(format!("{name} isn't defined before it"));
        }
    }
    for text in ["query", "json", "title", "noDataMessage"]
        .map(|key| content[key].as_str().unwrap_or_default())
    {
        for problem in undefined(text, defined) {
            says(problem);
        }
    }
    match item["type"].as_u64().unwrap() {
        1 if content["json"].as_str().is_none_or(str::is_empty) => says("no text".to_owned()),
        1 => {}
        3 => {
            for key in
                ["query", "title", "noDataMessage", "visualization", "timeContextFromParameter"]
            {
                if content[key].as_str().is_none_or(|text| text.trim().is_empty()) {
                    says(format!("no {key}"));
                }
            }
            defined.extend(content["exportParameterName"].as_str().map(str::to_owned));
        }
        9 => {
            for parameter in content["parameters"].as_array().unwrap() {
                for problem in undefined(parameter["query"].as_str().unwrap_or_default(), defined) {
                    says(problem);
                }
                defined.insert(parameter["name"].as_str().unwrap().to_owned());
            }
        }
        11 => {
            let links = content["links"].as_array().unwrap().iter();
            defined.extend(links.map(|link| link["cellValue"].as_str().unwrap().to_owned()));
        }
        12 => wrong.extend(problems(&content["items"], defined)),
        other => says(format!("kind {other}")),
    }
    wrong
}

/// Parameters of a text that aren't defined, or whose form isn't.
fn undefined(text: &str, defined: &BTreeSet<String>) -> Vec<String> {
    let is_known = |parameter: &str| match parameter.split_once(':') {
        Some(("TimeRange", form)) => {
            defined.contains("TimeRange") && ["grain", "label"].contains(&form)
        }
        Some(_) => false,
        None => defined.contains(parameter),
    };
    let unknown = parameters(text).into_iter().filter(|parameter| !is_known(parameter));
    unknown.map(|parameter| format!("{{{parameter}}} isn't defined before it")).collect()
}

fn found(workbook: &Value) -> Vec<String> {
    problems(&workbook["items"], &mut BTreeSet::new())
}

/// Every tile of the workbook.
fn tiles(workbook: &Value) -> Vec<&Value> {
    let groups = workbook["items"].as_array().unwrap().iter().filter(|item| item["type"] == 12);
    let items = groups.flat_map(|group| group["content"]["items"].as_array().unwrap());
    items.filter(|item| item["type"] == 3).collect()
}

#[test]
fn every_parameter_is_defined_before_it_is_used_and_every_tile_is_whole() {
    let workbook = written();

    assert_eq!(workbook["version"], "Notebook/1.0");
    assert_eq!(found(&workbook), Vec::<String>::new());
    assert!(tiles(&workbook).len() >= 50);
}

#[test]
fn a_wrong_workbook_is_found() {
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut workbook = written();
        let tab =
            workbook["items"].as_array().unwrap().iter().position(|item| item["name"] == "devices");
        change(&mut workbook["items"][tab.unwrap()]["content"]["items"]);
        found(&workbook)
    };
    let first_tile = |items: &mut Value| items[1]["content"].clone();

    assert!(!changed(&|items| items[1]["content"]["title"] = json!("")).is_empty());
    assert!(
        !changed(&|items| drop(
            items[1]["content"].as_object_mut().unwrap().remove("noDataMessage")
        ))
        .is_empty()
    );
    assert!(
        !changed(&|items| items[1]["content"]["query"] = json!("T | where x == '{Nothing}'"))
            .is_empty()
    );
    assert!(!changed(&|items| items[0]["content"]["json"] = json!("")).is_empty());
    let without_exports = |items: &mut Value| {
        for item in items.as_array_mut().unwrap() {
            item["content"].as_object_mut().unwrap().remove("exportParameterName");
        }
        let _ = first_tile(items);
    };
    assert!(changed(&without_exports).iter().any(|problem| problem.contains("{Device}")));
}

#[test]
fn names_are_there_once() {
    let workbook = written();
    let names: Vec<_> =
        tiles(&workbook).iter().map(|tile| tile["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

/// A chosen row shows something: a tile asks for what the row gives, and is hidden until then.
#[test]
fn what_a_row_gives_is_asked_for_by_a_tile_after_it() {
    let workbook = super::workbook();
    let items: Vec<_> = workbook.items().collect();
    let asks = |item: &content::workbook::Item, name: &str| parameters(&item.query).contains(&name);

    for (at, (tab, item)) in items.iter().enumerate() {
        for export in &item.exports {
            let follows = |(other, later): &&(&str, &content::workbook::Item)| {
                other == tab && asks(later, &export.parameter)
            };
            let after: Vec<_> = items[at + 1..].iter().filter(follows).collect();
            assert!(
                !after.is_empty(),
                "{tab}/{}: nothing asks for {}",
                item.name,
                export.parameter
            );
            // The filter is always set.
            let hidden = |(_, later): &&(&str, &content::workbook::Item)| {
                export.parameter == "Tenant" || later.when.as_deref() == Some(&export.parameter)
            };
            assert!(after.iter().all(hidden), "{tab}/{}", item.name);
        }
        if let Some(when) = &item.when {
            assert!(asks(item, when), "{tab}/{} doesn't ask for {when}", item.name);
        }
        assert!(item.exports.len() <= 1, "{tab}/{}", item.name);
    }
}

/// Text of a template takes so much.
#[test]
fn it_fits_into_a_template() {
    let written = content::workbook::written().unwrap();
    assert!(written[0].1.chars().count() < 131_072, "{}", written[0].1.chars().count());
}
