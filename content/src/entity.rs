//! Entities of Sentinel: which columns of a query name a host, an account or another thing.

use serde::{Deserialize, Serialize};

/// Field mappings of one entity at most.
const MOST_FIELDS: usize = 3;
/// Entity mappings of one rule at most.
///
/// <https://learn.microsoft.com/azure/sentinel/map-data-fields-to-entities>
const MOST_MAPPINGS: usize = 10;

/// Entity types that our rows have, each with its identifiers; the first ones are strong enough alone.
///
/// <https://learn.microsoft.com/azure/sentinel/entities-reference>
const IDENTIFIERS: &[(&str, &[&str], &[&str])] = &[
    (
        "Account",
        &["Name", "FullName", "AadUserId", "Sid"],
        &["UPNSuffix", "DisplayName", "AadTenantId"],
    ),
    ("AzureResource", &["ResourceId"], &[]),
    ("CloudApplication", &["AppId", "Name"], &["InstanceName"]),
    ("Host", &["HostName", "FullName", "AzureID"], &["DnsDomain", "OSFamily", "OSVersion"]),
    ("IP", &["Address"], &[]),
    ("URL", &["Url"], &[]),
];

/// One entity of a row.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Mapping {
    /// Such as `Host`.
    pub entity_type: String,
    /// What identifies it.
    pub field_mappings: Vec<Field>,
}

/// A column that identifies an entity.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Field {
    /// Such as `HostName`.
    pub identifier: String,
    /// The column of the query's result.
    pub column_name: String,
}

/// Whether Sentinel takes these mappings.
///
/// # Errors
///
/// The mapping that is wrong, and how.
pub fn check(mappings: &[Mapping]) -> Result<(), String> {
    if mappings.len() > MOST_MAPPINGS {
        return Err(format!("{} entity mappings, at most {MOST_MAPPINGS}", mappings.len()));
    }
    mappings.iter().try_for_each(check_one)
}

fn check_one(mapping: &Mapping) -> Result<(), String> {
    let Mapping { entity_type, field_mappings } = mapping;
    let known = IDENTIFIERS.iter().find(|(name, ..)| name == entity_type);
    let (_, strong, more) = known.ok_or_else(|| format!("{entity_type} is no entity type"))?;
    if field_mappings.is_empty() || field_mappings.len() > MOST_FIELDS {
        return Err(format!(
            "{entity_type} has {} fields, 1 to {MOST_FIELDS}",
            field_mappings.len()
        ));
    }
    let is = |names: &[&str], field: &Field| names.contains(&field.identifier.as_str());
    if let Some(stray) = field_mappings.iter().find(|field| !is(strong, field) && !is(more, field))
    {
        return Err(format!("{} identifies no {entity_type}", stray.identifier));
    }
    let has_strong = field_mappings.iter().any(|field| is(strong, field));
    has_strong
        .then_some(())
        .ok_or_else(|| format!("{entity_type} needs one of {}", strong.join(", ")))
}

/// The columns that mappings name.
pub fn columns(mappings: &[Mapping]) -> impl Iterator<Item = &str> {
    mappings
        .iter()
        .flat_map(|mapping| &mapping.field_mappings)
        .map(|field| field.column_name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(entity_type: &str, identifiers: &[&str]) -> Mapping {
        let field = |name: &&str| Field { identifier: (*name).into(), column_name: "C".into() };
        Mapping {
            entity_type: entity_type.into(),
            field_mappings: identifiers.iter().map(field).collect(),
        }
    }

    #[test]
    fn an_entity_needs_an_identifier_that_is_enough() {
        assert_eq!(check(&[mapping("Host", &["HostName", "DnsDomain"])]), Ok(()));
        for (entity, identifiers, says) in [
            ("Host", &["DnsDomain"][..], "HostName"),
            ("Host", &["Name"], "Name"),
            ("Host", &[], "0 fields"),
            ("Hosts", &["HostName"], "Hosts"),
            ("Account", &["Name", "UPNSuffix", "Sid", "AadUserId"], "4 fields"),
        ] {
            let problem = check(&[mapping(entity, identifiers)]).unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
    }

    #[test]
    fn ten_mappings_are_enough() {
        let many = vec![mapping("Host", &["HostName"]); 11];

        assert!(check(&many).is_err());
        assert_eq!(check(&many[1..]), Ok(()));
    }
}
