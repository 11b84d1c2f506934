use super::*;
use std::collections::BTreeSet;

/// Names that Log Analytics keeps for itself.
///
/// <https://learn.microsoft.com/azure/azure-monitor/logs/create-custom-table>
const RESERVED: &[&str] = &[
    "id",
    "BilledSize",
    "IsBillable",
    "InvalidTimeGenerated",
    "TenantId",
    "Title",
    "Type",
    "UniqueId",
    "_ItemId",
    "_ResourceGroup",
    "_ResourceId",
    "_SubscriptionId",
    "_TimeReceived",
];

#[test]
fn every_source_has_a_name_a_table_and_a_stream_of_its_own() {
    let names: BTreeSet<_> = ALL.iter().map(|source| source.name).collect();
    let tables: BTreeSet<_> = ALL.iter().map(|source| source.table.name).collect();

    assert_eq!(names.len(), ALL.len(), "two sources share a name");
    assert_eq!(tables.len(), ALL.len(), "two sources share a table");
    for source in ALL {
        assert!(source.table.name.ends_with("_CL"), "{} must end in _CL", source.table.name);
        assert!(!source.key.is_empty(), "{} has no key", source.name);
        assert_eq!(Source::named(&source.name.to_uppercase()).unwrap().name, source.name);
    }
}

#[test]
fn no_column_has_a_reserved_name_or_differs_from_another_only_in_letter_case() {
    for table in ALL.iter().map(|source| source.table).chain([RUNS]) {
        let mut seen = BTreeSet::new();
        for column in table.all_columns() {
            let name = column.name;
            let reserved = RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name));
            assert!(!reserved, "{}.{name} is reserved: rename it with .named()", table.name);
            assert!((2..=45).contains(&name.len()), "{}.{name}: 2 to 45 characters", table.name);
            assert!(seen.insert(name.to_lowercase()), "{}.{name} is there twice", table.name);
        }
        assert!(seen.len() <= 500, "{} has over 500 columns", table.name);
    }
}

#[test]
fn every_source_has_a_recorded_page() {
    for source in ALL {
        let page = format!("tests/fixtures/{}/page-1.json", source.name);
        assert!(
            std::fs::exists(&page).unwrap(),
            "record one answer of `{}` at {page}",
            source.name
        );
    }
}
