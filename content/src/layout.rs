//! What rules and hunting queries share in the layout of the repository Azure/Azure-Sentinel.
//!
//! <https://github.com/Azure/Azure-Sentinel/wiki/Query-Style-Guide>

use crate::rules::Connector;

/// The id of our data connector.
const CONNECTOR: &str = "Posture";
/// Characters of a name, and of a description.
const MOST_NAME: usize = 256;
const MOST_DESCRIPTION: usize = 5_000;

/// Whether the fields that every part has are right.
///
/// # Errors
///
/// The field, and what is wrong with it.
pub(crate) fn head(id: &str, name: &str, description: &str, version: &str) -> Result<(), String> {
    if !is_guid(id) {
        return Err(format!("id {id} is no GUID in lower case"));
    }
    if name.is_empty() || name.chars().count() > MOST_NAME || name.ends_with('.') {
        return Err(format!("name: 1 to {MOST_NAME} characters without a full stop"));
    }
    if description.trim().is_empty() || description.chars().count() > MOST_DESCRIPTION {
        return Err(format!("description: 1 to {MOST_DESCRIPTION} characters"));
    }
    let numbers: Vec<_> = version.split('.').map(str::parse::<u32>).collect();
    let is_version = numbers.len() == 3 && numbers.iter().all(Result::is_ok);
    is_version.then_some(()).ok_or_else(|| format!("version {version} isn't three numbers"))
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    let lengths: Vec<_> = groups.iter().map(|group| group.len()).collect();
    let is_hex = |one: char| one.is_ascii_digit() || ('a'..='f').contains(&one);
    lengths == [8, 4, 4, 4, 12] && groups.concat().chars().all(is_hex)
}

/// Whether the connectors' tables are those that the query asks, by themselves or by their functions.
///
/// # Errors
///
/// The table that one of the two lacks.
pub(crate) fn connectors(connectors: &[Connector], query: &str) -> Result<(), String> {
    let ours = connectors.iter().find(|connector| connector.connector_id == CONNECTOR);
    let listed =
        &ours.ok_or_else(|| format!("requiredDataConnectors lacks {CONNECTOR}"))?.data_types;
    for table in listed {
        let stem = table.trim_end_matches("_CL");
        if !query.contains(table.as_str()) && !query.contains(&format!("{stem}(")) {
            return Err(format!("dataTypes names {table}, which the query doesn't ask"));
        }
    }
    let words = query.split(|one: char| !one.is_ascii_alphanumeric() && one != '_');
    let mut asked = words.filter(|word| word.starts_with("Posture") && word.ends_with("_CL"));
    let stray = asked.find(|word| !listed.iter().any(|table| table == word));
    stray.map_or(Ok(()), |table| Err(format!("dataTypes lacks {table}, which the query asks")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_checked_field_by_field() {
        let id = "4f19ff23-77c5-5789-9de9-c2add41254e1";
        assert_eq!(head(id, "Name", "Text", "1.0.10"), Ok(()));
        assert!(head("4F19FF23-77c5-5789-9de9-c2add41254e1", "N", "T", "1.0.0").is_err());
        assert!(head("4f19ff23", "N", "T", "1.0.0").is_err());
        assert!(head(id, "N.", "T", "1.0.0").is_err());
        assert!(head(id, "N", " ", "1.0.0").is_err());
        assert!(head(id, "N", "T", "1.0.x").is_err());
    }

    #[test]
    fn tables_that_are_asked_and_tables_that_are_named_agree() {
        let tables = |names: &[&str]| {
            let data_types = names.iter().map(|&name| name.to_owned()).collect();
            vec![Connector { connector_id: CONNECTOR.into(), data_types }]
        };
        let query = "PostureDevices() | join PostureRuns_CL on RunId";

        assert_eq!(connectors(&tables(&["PostureDevices_CL", "PostureRuns_CL"]), query), Ok(()));
        assert!(connectors(&tables(&["PostureDevices_CL"]), query).is_err());
        assert!(connectors(&tables(&["PostureRuns_CL", "PostureAudit_CL"]), query).is_err());
        assert!(connectors(&[], query).is_err());
    }
}
