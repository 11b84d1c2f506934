use super::table::RESERVED;
use super::*;
use std::collections::BTreeSet;

#[test]
fn every_source_has_a_name_a_table_and_a_stream_of_its_own() {
    let names: BTreeSet<_> = ALL.iter().map(|source| source.name).collect();
    let own: Vec<_> = ALL.iter().filter(|source| source.identity() == source.name).collect();
    let tables: BTreeSet<_> = own.iter().map(|source| source.table.name).collect();

    assert_eq!(names.len(), ALL.len(), "two sources share a name");
    assert_eq!(tables.len(), own.len(), "two sources share a table");
    for source in ALL {
        assert!(source.table.name.ends_with("_CL"), "{} must end in _CL", source.table.name);
        assert!(!source.key.is_empty(), "{} has no key", source.name);
        assert_eq!(Source::named(&source.name.to_uppercase()).unwrap().name, source.name);
    }
}

#[test]
fn no_column_has_a_reserved_name_or_differs_from_another_only_in_letter_case() {
    for table in tables().chain([RUNS]) {
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
fn a_table_without_a_source_comes_behind_one_that_is_there() {
    for (source, table) in MADE.iter().chain(FANNED) {
        assert!(Source::named(source).is_some(), "{}: there is no {source}", table.name);
        assert!(ALL.iter().all(|source| source.table.name != table.name), "{}", table.name);
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

#[test]
fn every_pack_has_its_line_in_the_catalogue() {
    for name in hunting::NAMES {
        assert!(
            ALL.iter().any(|source| source.name == *name),
            "{name}: add its constant of `hunting::` at the end of `ALL` in src/source/mod.rs"
        );
    }
}

/// The names, columns and types of the published solutions, as recorded from them.
#[test]
fn classic_tables_have_the_columns_of_the_solutions_they_come_from() {
    let text = std::fs::read_to_string("tests/fixtures/classic-tables.json").unwrap();
    let recorded: serde_json::Value = serde_json::from_str(&text).unwrap();
    let fed = ALL.iter().flat_map(|source| source.table.classic);
    let classic: Vec<_> = fed.chain(FANNED.iter().flat_map(|(_, table)| table.classic)).collect();

    for (table, types) in recorded["mdvm_connector_tables"].as_object().unwrap() {
        let ours = classic.iter().find(|classic| classic.table == table).unwrap();
        let ours = ours.columns.iter().map(|column| {
            let kind = column.kind.in_stream().to_owned();
            (column.name.to_owned(), serde_json::Value::from(kind))
        });
        assert_eq!(ours.collect::<serde_json::Map<_, _>>(), *types.as_object().unwrap(), "{table}");
    }
    for (table, parts) in recorded["m365_security_posture_classic_tables"].as_object().unwrap() {
        if table == "McasShadowItReporting" {
            continue; // Microsoft's own table: only its connector fills it.
        }
        let ours = classic.iter().find(|classic| classic.table == table).unwrap();
        let ours: BTreeSet<_> = ours.columns.iter().map(|column| column.name).collect();
        let implied = ["implied", "implied_by_ParseJSON_schema"];
        let implied = implied.iter().filter_map(|name| parts[name].as_object());
        let named = implied.flat_map(|columns| columns.keys()).flat_map(|name| name.split('|'));
        let shown = parts["workbook"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
        assert_eq!(ours, named.chain(shown).chain(["TimeGenerated"]).collect(), "{table}");
    }
}

#[test]
fn a_suffix_tells_the_type_of_a_classic_column() {
    let suffixed = ALL.iter().flat_map(|source| source.table.classic);
    for classic in suffixed.filter(|classic| !classic.table.starts_with("MDVM")) {
        for column in classic.columns.iter().filter(|column| column.name != "TimeGenerated") {
            let expected = match column.name.rsplit_once('_').unwrap().1 {
                "s" => ColumnType::Text,
                "d" => ColumnType::Real,
                "b" => ColumnType::Boolean,
                "t" => ColumnType::DateTime,
                "g" => ColumnType::Guid,
                other => panic!("{other}"),
            };
            assert_eq!(column.kind, expected, "{}.{}", classic.table, column.name);
        }
    }
}
