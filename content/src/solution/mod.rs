//! The solution as the content hub's packaging tool takes it: the folder `Solutions/Posture` of the repository
//! Azure/Azure-Sentinel. Microsoft's `createSolutionV3.ps1` makes the package of it.
//!
//! <https://github.com/Azure/Azure-Sentinel/tree/master/Tools/Create-Azure-Sentinel-Solution/V3>

mod playbook;

use crate::project::Function;
use crate::{Written, connector, parts, playbooks, project, root};
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;

/// `content/solution.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Part {
    name: String,
    author: String,
    publisher_id: String,
    offer_id: String,
    version: String,
    first_publish_date: String,
    last_publish_date: String,
    providers: Vec<String>,
    domains: Vec<String>,
    support: Support,
    logo: String,
    description: String,
    workbook: Workbook,
    notes: Vec<Note>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Support {
    name: String,
    email: String,
    tier: String,
    link: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workbook {
    title: String,
    subtitle: String,
    description: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    version: String,
    date: String,
    text: String,
}

/// Every file of the solution, by its path below `Solutions/<name>/`.
///
/// # Errors
///
/// The part or written file that is wrong.
pub fn files() -> Result<Vec<Written>, String> {
    let part: Part = parts::one("solution")?;
    let mut files = copied("rules", "Analytic Rules", "yaml")?;
    files.extend(copied("hunts", "Hunting Queries", "yaml")?);
    files.push((format!("Workbooks/{}.json", part.name), content("generated/workbook.json")?));
    files.push(("Workbooks/WorkbooksMetadata.json".to_owned(), pretty(&gallery(&part)?)));
    let page = format!("Data Connectors/{0}/{0}.json", part.name);
    files.push((page, pretty(&connector::page()?)));
    for function in project::functions()? {
        files.push((format!("Parsers/{}.yaml", function.name), parser(&part, &function)));
    }
    for one in playbooks::all()? {
        let path = format!("Playbooks/{}/azuredeploy.json", one.name);
        files.push((path, pretty(&playbook::template(&part, &one))));
    }
    files.push((format!("Data/Solution_{}.json", part.name), pretty(&input(&part, &files)?)));
    files.push(("SolutionMetadata.json".to_owned(), pretty(&metadata(&part))));
    files.push(("ReleaseNotes.md".to_owned(), notes(&part)));
    Ok(files)
}

/// The section of `docs/content.md`.
///
/// # Errors
///
/// The part or written file that is wrong.
pub fn section() -> Result<String, String> {
    let part: Part = parts::one("solution")?;
    let count = |folder: &str, files: &[Written]| {
        files.iter().filter(|(path, _)| path.starts_with(folder)).count()
    };
    let files = files()?;
    let mut text = format!(
        "## Content hub\n\n`cargo run -p content -- solution <folder>` writes the solution, `Solutions/{}/` in the \
         layout of the repository Azure/Azure-Sentinel, from which Microsoft's packaging tool \
         (`Tools/Create-Azure-Sentinel-Solution/V3/createSolutionV3.ps1`, PowerShell) makes the package:\n\n\
         | folder | files |\n| --- | ---: |\n",
        part.name
    );
    for folder in FOLDERS {
        writeln!(text, "| `{folder}/` | {} |", count(&format!("{folder}/"), &files)).ok();
    }
    text += "\nPublisher, offer, dates and support stand in `content/solution.yaml`: the releasing party's to change. \
             Publishing goes through Microsoft Partner Center and a pull request to that repository.\n";
    Ok(text)
}

const FOLDERS: [&str; 6] =
    ["Analytic Rules", "Hunting Queries", "Workbooks", "Parsers", "Data Connectors", "Playbooks"];

/// The file that the packaging tool begins with.
fn input(part: &Part, files: &[Written]) -> Result<Value, String> {
    let below = |folder: &str| -> Vec<&str> {
        let there = files.iter().map(|(path, _)| path.as_str());
        there.filter(|path| path.starts_with(folder) && !path.contains("Metadata")).collect()
    };
    let release = project::release()?;
    let logo = format!("{}/{}/content/{}", release.raw, release.tag, part.logo);
    let mut input = json!({
        "Name": part.name,
        "Author": part.author,
        "Logo": format!(r#"<img src="{logo}" width="75px" height="75px">"#),
        "Description": part.description,
        "WorkbookDescription": [part.workbook.description],
        "BasePath": format!("Solutions/{}", part.name),
        "Version": part.version,
        "Metadata": "SolutionMetadata.json",
        "TemplateSpec": true,
        "Is1PConnector": false,
    });
    for folder in FOLDERS {
        input[folder] = below(&format!("{folder}/")).into();
    }
    Ok(input)
}

fn metadata(part: &Part) -> Value {
    json!({
        "publisherId": part.publisher_id,
        "offerId": part.offer_id,
        "firstPublishDate": part.first_publish_date,
        "lastPublishDate": part.last_publish_date,
        "providers": part.providers,
        "categories": { "domains": part.domains },
        "support": part.support,
    })
}

/// The workbook's entry in the gallery's list, a list of one.
fn gallery(part: &Part) -> Result<Value, String> {
    let tables: Vec<_> = project::tables()?.into_iter().map(|table| table.name).collect();
    Ok(json!([{
        "workbookKey": format!("{}Workbook", part.name),
        "logoFileName": part.logo,
        "description": part.workbook.description,
        "dataTypesDependencies": tables,
        "dataConnectorsDependencies": [part.name],
        "previewImagesFileNames": [],
        "version": part.version,
        "title": part.workbook.title,
        "templateRelativePath": format!("{}.json", part.name),
        "subtitle": part.workbook.subtitle,
        "provider": part.providers.join(", "),
    }]))
}

/// A saved function in the hub's layout of parsers.
fn parser(part: &Part, function: &Function) -> String {
    let Function { name, parameters, query } = function;
    let mut text = format!(
        "id: {}\nFunction:\n  Title: {name}\n  Version: '{}'\n  LastUpdated: '{}'\n\
         Category: Microsoft Sentinel Parser\nFunctionName: {name}\nFunctionAlias: {name}\n",
        id(&format!("parser/{name}")),
        part.version,
        part.last_publish_date,
    );
    if !parameters.is_empty() {
        text += "FunctionParams:\n";
        for parameter in parameters.split(',') {
            let (name, kind) = parameter.split_once(':').unwrap_or((parameter, "string"));
            let (name, kind) = (name.trim(), kind.trim());
            writeln!(text, "  - Name: {name}\n    Type: {kind}").ok();
        }
    }
    text += "FunctionQuery: |-\n";
    for line in query.trim_end().lines() {
        let line = format!("    {line}");
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A GUID that follows from what it stands for, so that it stays over releases.
#[must_use]
pub fn id(of: &str) -> String {
    let hash = digest::digest(&digest::SHA256, format!("posture/{of}").as_bytes());
    let mut hex = String::new();
    for byte in &hash.as_ref()[..16] {
        write!(hex, "{byte:02x}").ok();
    }
    // Version 8: the bits are the maker's own.
    format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

fn notes(part: &Part) -> String {
    let mut text = "| **Version** | **Date Modified (DD-MM-YYYY)** | **Change History** |\n\
                    |---|---|---|\n"
        .to_owned();
    for Note { version, date, text: note } in &part.notes {
        writeln!(text, "| {version} | {date} | {note} |").ok();
    }
    text
}

/// The files of a folder of `content/` with an ending, under the hub's folder.
fn copied(folder: &str, into: &str, ending: &str) -> Result<Vec<Written>, String> {
    let there = root().join("content").join(folder);
    let entries = fs::read_dir(there).map_err(|error| format!("{folder}: {error}"))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(ending)).collect();
    names.sort();
    let read = |name: String| {
        content(&format!("{folder}/{name}")).map(|text| (format!("{into}/{name}"), text))
    };
    names.into_iter().map(read).collect()
}

fn content(path: &str) -> Result<String, String> {
    let file = root().join("content").join(path);
    fs::read_to_string(file).map_err(|error| format!("{path}: {error}"))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_and_is_a_guid() {
        assert_eq!(id("parser/PostureDevices"), id("parser/PostureDevices"));
        assert_ne!(id("parser/PostureDevices"), id("parser/PostureRuns"));
        let lengths: Vec<_> = id("x").split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }

    #[test]
    fn a_parser_keeps_its_query_and_its_parameters() {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Parser {
            function_query: String,
            function_params: Vec<Parameter>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Parameter {
            name: String,
            r#type: String,
        }
        let part: Part = parts::one("solution").unwrap();
        let query = "// Devices: some.\n\nT\n| where a == ': #'\n".to_owned();
        let parameters = "device: string".to_owned();
        let function = Function { name: "Card".to_owned(), parameters, query: query.clone() };

        let read: Parser = parts::parse(&parser(&part, &function)).unwrap();

        assert_eq!(read.function_query.trim_end(), query.trim_end());
        let [Parameter { name, r#type }] = &read.function_params[..] else { panic!() };
        assert_eq!((name.as_str(), r#type.as_str()), ("device", "string"));
    }
}
