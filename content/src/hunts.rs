//! Hunting queries: `content/hunts/`, one file each, in the layout of the repository Azure/Azure-Sentinel.

use crate::entity::{self, Mapping};
use crate::rules::Connector;
use crate::{Query, layout, mitre, parts};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A query that an analyst asks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Hunt {
    /// A GUID that stays.
    pub id: String,
    /// Its name in the portal.
    pub name: String,
    /// What it finds.
    pub description: String,
    /// Whose rows it asks.
    pub required_data_connectors: Vec<Connector>,
    /// Tactics of MITRE ATT&CK.
    pub tactics: Vec<String>,
    /// Their techniques.
    pub relevant_techniques: Vec<String>,
    /// KQL.
    pub query: String,
    /// Which columns name entities.
    pub entity_mappings: Vec<Mapping>,
    /// Such as `1.0.0`; goes up when anything of the query changes.
    pub version: String,
}

/// Every hunting query by its file's name, in the order of the names.
///
/// # Errors
///
/// The file, and what is wrong with it.
pub fn all() -> Result<Vec<(String, Hunt)>, String> {
    let hunts = parts::of::<Hunt>("hunts")?;
    let mut ids = BTreeMap::new();
    for (file, hunt) in &hunts {
        check(hunt).map_err(|problem| format!("hunts/{file}.yaml: {problem}"))?;
        if let Some(other) = ids.insert(&hunt.id, file) {
            return Err(format!("hunts/{file}.yaml: {other} has the same id"));
        }
    }
    Ok(hunts)
}

fn check(hunt: &Hunt) -> Result<(), String> {
    layout::head(&hunt.id, &hunt.name, &hunt.description, &hunt.version)?;
    layout::connectors(&hunt.required_data_connectors, &hunt.query)?;
    mitre::check(&hunt.tactics, &hunt.relevant_techniques)?;
    if hunt.tactics.is_empty() || hunt.entity_mappings.is_empty() {
        return Err("tactics and entityMappings: at least one of each".into());
    }
    entity::check(&hunt.entity_mappings)
}

/// The text of every hunting query.
///
/// # Errors
///
/// As [`all`].
pub fn queries() -> Result<Vec<Query>, String> {
    let query =
        |(file, hunt): (String, Hunt)| Query { name: format!("hunts/{file}"), text: hunt.query };
    Ok(all()?.into_iter().map(query).collect())
}

/// The queries as the deployment loops over them: an id and the properties of each saved search.
///
/// # Errors
///
/// As [`all`].
pub fn resources() -> Result<Value, String> {
    let resource = |(_, hunt): &(String, Hunt)| {
        let tag = |name: &str, value: String| json!({ "name": name, "value": value });
        json!({
            "id": hunt.id,
            "properties": {
                "category": "Hunting Queries",
                "displayName": format!("Posture: {}", hunt.name),
                "query": hunt.query.trim_end(),
                "version": 2,
                "tags": [
                    tag("description", hunt.description.trim_end().replace('\n', " ")),
                    tag("tactics", hunt.tactics.join(",")),
                    tag("techniques", hunt.relevant_techniques.join(",")),
                ],
            },
        })
    };
    Ok(all()?.iter().map(resource).collect())
}

impl Hunt {
    /// Every column of its result that names an entity.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        entity::columns(&self.entity_mappings).collect()
    }
}

/// The section of `docs/content.md`.
///
/// # Errors
///
/// As [`all`].
pub fn section() -> Result<String, String> {
    let mut text = HEAD.to_owned();
    for (file, hunt) in all()? {
        let connectors = hunt.required_data_connectors.iter();
        let tables: Vec<_> = connectors.flat_map(|one| &one.data_types).collect();
        let asked: Vec<_> = tables.iter().map(|table| format!("`{table}`")).collect();
        let finds = hunt.description.trim_end().replace('\n', " ");
        writeln!(text, "| **{}** (`{file}`) | {finds} | {} |", hunt.name, asked.join(", ")).ok();
    }
    Ok(text)
}

const HEAD: &str = "\
## Hunting queries

`huntingQueries=true` (the form asks for them) saves them in the workspace, where Sentinel shows them under Hunting. They
ask the saved functions (`saveFunctions`), see the time range that is chosen in the portal (take 14 days: full lists of
devices come weekly) and cost nothing on tables of the plan Analytics. Sources marked *off* in [sources.md](sources.md),
or whose rows stay in the ledger by default (`POSTURE_SEND`), leave their queries empty.

| query | finds | asks |
| --- | --- | --- |
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_names_every_query() {
        let (section, hunts) = (section().unwrap(), all().unwrap());

        assert!(hunts.len() >= 10);
        assert!(section.starts_with("## "));
        hunts
            .iter()
            .for_each(|(file, _)| assert!(section.contains(&format!("`{file}`")), "{file}"));
    }

    #[test]
    fn a_query_that_nobody_can_place_is_refused() {
        let (_, hunt) = all().unwrap().remove(0);
        assert_eq!(check(&hunt), Ok(()));

        assert!(check(&Hunt { entity_mappings: Vec::new(), ..hunt.clone() }).is_err());
        assert!(check(&Hunt { tactics: Vec::new(), ..hunt.clone() }).is_err());
        assert!(check(&Hunt { id: "1".into(), ..hunt }).is_err());
    }
}
