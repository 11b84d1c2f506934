//! Azure's resources: what Resource Graph is asked, and the lists that hold the same.

use super::table::Column;

/// The list of subscriptions, which every walk through further lists begins at.
pub const SUBSCRIPTIONS_LIST: &str = "/subscriptions";
/// Version of that list.
pub const SUBSCRIPTIONS_VERSION: &str = "2022-12-01";
/// Columns that Resource Graph has of every resource.
const COLUMNS: [&str; 8] =
    ["id", "name", "type", "tenantId", "subscriptionId", "resourceGroup", "tags", "properties"];

/// Resources of one type: rows of Resource Graph over all subscriptions, or the same from lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Table and type in Resource Graph; nothing where only the lists have them.
    pub rows: Option<(&'static str, &'static str)>,
    /// Path of the list, and its query if it has one. Each `{}` stands for a name out of the list
    /// at the path before it; the first of them is a subscription's id.
    pub list: &'static str,
    /// `api-version` of the list.
    pub version: &'static str,
    /// Fields from inside a resource that are put in front of it, since a table's columns are
    /// top-level fields: each one's name, and where it may be, keys in any letter case.
    pub fields: &'static [(&'static str, &'static [&'static str])],
}

impl Resources {
    /// The query for Resource Graph; nothing where that doesn't have them.
    ///
    /// It asks for those of the service's columns that the table has too. It names `id` and sorts by
    /// it, without which there are no further pages.
    pub fn query(self, columns: &[Column]) -> Option<String> {
        let (table, kind) = self.rows?;
        let declared = |name: &&str| columns.iter().any(|column| column.field == *name);
        let asked: Vec<_> = COLUMNS.into_iter().filter(declared).collect();
        let asked = asked.join(", ");
        Some(format!("{table} | where type =~ '{kind}' | project {asked} | order by id asc"))
    }

    /// How many names lead to one of its lists.
    pub fn depth(self) -> usize {
        self.list.matches("{}").count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{ALL, ASSESSMENTS, CONTROL_DEFINITIONS, Fetch, Source};

    fn resources(source: &Source) -> Option<Resources> {
        match source.fetch {
            Fetch::Resources(resources) => Some(resources),
            _ => None,
        }
    }

    #[test]
    fn a_query_names_the_id_sorts_by_it_and_asks_for_the_tables_columns() {
        let query = |source: Source| resources(&source)?.query(source.table.columns);

        assert_eq!(
            query(ASSESSMENTS).unwrap(),
            "securityresources | where type =~ 'microsoft.security/assessments' | project id, name, \
             type, tenantId, subscriptionId, resourceGroup, properties | order by id asc"
        );
        for source in ALL.iter().filter(|source| resources(source).is_some()) {
            let Some(query) = query(*source) else { continue };
            let named = "| project id, name, type, tenantId, subscriptionId, ";
            assert!(query.contains(named) && query.contains(", properties |"), "{query}");
        }
        assert_eq!(query(CONTROL_DEFINITIONS), None);
    }

    #[test]
    fn every_field_that_is_drawn_out_has_a_column() {
        for source in ALL {
            let Some(resources) = resources(source) else { continue };
            for (name, _) in resources.fields {
                let declared = source.table.columns.iter().any(|column| column.field == *name);
                assert!(declared, "{}.{name} has no column", source.name);
            }
        }
    }
}
