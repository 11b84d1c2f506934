//! What a query needs: functions, sources behind them, and the permissions of those.

use crate::root;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// What the workspace must have before a query shows anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Functions that the query calls, in order of their names.
    pub functions: Vec<String>,
    /// Sources whose rows it reads, each with its permission.
    pub sources: BTreeMap<String, String>,
}

/// What a query needs.
///
/// # Errors
///
/// A written file that can't be read.
pub fn needs(query: &str) -> Result<Needs, String> {
    let functions = functions()?;
    let permissions = permissions()?;
    let called = called(query, &functions);
    let mut seen = BTreeSet::new();
    let mut open: Vec<&str> = called.iter().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        if seen.insert(name) {
            open.extend(
                functions.keys().map(String::as_str).filter(|other| calls(&functions[name], other)),
            );
        }
    }
    // The list of all sources isn't what a query reads.
    let texts =
        seen.iter().filter(|name| **name != "PostureSources").map(|name| functions[*name].as_str());
    let texts: Vec<_> = texts.chain([query]).collect();
    let tables = tables(&functions["PostureSources"]);
    let is_read = |source: &str| {
        let table = tables.get(source).map_or(source, String::as_str);
        texts.iter().any(|text| text.contains(table))
    };
    let sources = permissions.into_iter().filter(|(source, _)| is_read(source)).collect();
    Ok(Needs { functions: called, sources })
}

impl Needs {
    /// What a tile that shows nothing says about them.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut by_permission: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (source, permission) in &self.sources {
            by_permission.entry(permission).or_default().push(source);
        }
        let one = |(permission, sources): (&&str, &Vec<&str>)| {
            format!("{} ({permission})", sources.join(", "))
        };
        let all: Vec<_> = by_permission.iter().map(one).collect();
        match all.is_empty() {
            true => "It reads the reports of jobs, PostureRuns_CL.".to_owned(),
            false => {
                format!("It needs {}. See Collection health for what is missing.", all.join(", "))
            }
        }
    }
}

fn called(query: &str, functions: &BTreeMap<String, String>) -> Vec<String> {
    functions.keys().filter(|name| calls(query, name)).cloned().collect()
}

fn calls(text: &str, function: &str) -> bool {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.into_iter().any(|line| line.contains(&format!("{function}(")))
}

/// Texts of the saved functions by name.
fn functions() -> Result<BTreeMap<String, String>, String> {
    let all = json("infra/generated/functions.json")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = all.as_array().cloned().unwrap_or_default();
    Ok(all.iter().map(|function| (text(&function["name"]), text(&function["query"]))).collect())
}

/// The table of each source, out of the function that lists them.
fn tables(list: &str) -> BTreeMap<String, String> {
    let rows = list.lines().filter_map(|line| line.trim().strip_prefix('\''));
    let row = |row: &str| {
        let (source, rest) = row.split_once('\'')?;
        let table = rest.trim_end_matches("',").rsplit_once('\'')?.1;
        Some((source.to_owned(), table.to_owned()))
    };
    rows.filter_map(row).collect()
}

/// The permission of each source.
fn permissions() -> Result<BTreeMap<String, String>, String> {
    let collect = json("infra/generated/permissions.json")?["collect"].clone();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let roles = list(&collect["apis"]).into_iter().flat_map(|api| list(&api["appRoles"]));
    let mut permissions = BTreeMap::new();
    for role in roles.chain(list(&collect["azureRoles"])) {
        for source in list(&role["sources"]) {
            let (source, name) =
                (source.as_str().unwrap_or_default(), role["name"].as_str().unwrap_or_default());
            permissions.insert(source.to_owned(), name.to_owned());
        }
    }
    Ok(permissions)
}

fn json(path: &str) -> Result<Value, String> {
    let text = fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_those_behind_the_functions_that_a_query_calls() {
        let needs = needs("PostureSecureScoreTrend() | take 1").unwrap();

        assert_eq!(needs.functions, ["PostureSecureScoreTrend"]);
        let sources: Vec<_> = needs.sources.iter().collect();
        assert_eq!(
            format!("{sources:?}"),
            r#"[("graph.secure_scores", "SecurityEvents.Read.All")]"#
        );
        assert!(
            needs.sentence().starts_with("It needs graph.secure_scores (SecurityEvents.Read.All).")
        );
    }

    #[test]
    fn a_source_is_read_where_its_table_is() {
        let needs = needs("PostureScoreHistory()").unwrap();
        for source in
            ["azure.secure_scores", "defender.exposure_score_by_group", "graph.secure_scores"]
        {
            assert!(needs.sources.contains_key(source), "{source}: {needs:?}");
        }
        assert_eq!(needs.sources.len(), 5, "{needs:?}");
    }

    #[test]
    fn reports_of_jobs_need_no_source() {
        let needs = needs("PostureCollectionHealth()").unwrap();
        assert!(needs.sources.is_empty() && needs.sentence().contains("PostureRuns_CL"));
    }
}
