//! Columns and transformation lines of an installation's own: `infra/own-columns.json`, compiled in, so
//! that tables, rules, functions and the count of undeclared fields agree.

use super::table::{Column, ColumnType, RESERVED, Table};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const FILE: &str = "infra/own-columns.json";
const TEXT: &str = include_str!("../../infra/own-columns.json");

static COMPILED: LazyLock<Own> = LazyLock::new(|| {
    // A faulty file fails `describe` and a test; the service goes on with the catalogue's columns.
    Own::read(TEXT, super::tables()).unwrap_or_default()
});

/// What an installation adds to the catalogue's tables.
#[derive(Debug, Default)]
pub struct Own {
    tables: BTreeMap<String, Added>,
}

/// What is added to one table.
#[derive(Debug, Default)]
struct Added {
    columns: Vec<Column>,
    transform: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    tables: BTreeMap<String, FileTable>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileTable {
    columns: Vec<FileColumn>,
    transform: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileColumn {
    field: String,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: String,
}

impl Own {
    /// What was in the file when this program was built.
    pub fn compiled() -> &'static Own {
        &COMPILED
    }

    /// Whether the file that this program was built with is right.
    ///
    /// # Errors
    ///
    /// As [`Own::read`].
    pub fn check() -> Result<(), String> {
        Own::read(TEXT, super::tables()).map(|_| ())
    }

    /// What a file's text adds to `tables`; an empty text adds nothing.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its table and column, and the next step.
    pub fn read(text: &str, tables: impl Iterator<Item = Table>) -> Result<Own, String> {
        if text.trim().is_empty() {
            return Ok(Own::default());
        }
        let file: File = serde_json::from_str(text).map_err(|error| {
            format!("{FILE} is not of the documented form ({error}): see docs/own-columns.md")
        })?;
        let known: BTreeMap<&str, Table> = tables.map(|table| (table.name, table)).collect();
        let mut own = Own::default();
        for (name, added) in file.tables {
            let table = known.get(name.as_str()).ok_or_else(|| {
                format!("{FILE} names the table {name}, which no source has: see docs/sources.md")
            })?;
            own.tables.insert(name, Added::read(added, table)?);
        }
        Ok(own)
    }

    /// The columns added to a table, after the catalogue's.
    pub fn columns(&self, table: &Table) -> &[Column] {
        self.tables.get(table.name).map_or(&[], |added| &added.columns)
    }

    /// The lines that end the transformation of each of a table's streams, as operators without pipe.
    pub fn transform(&self, table: &Table) -> &[String] {
        self.tables.get(table.name).map_or(&[], |added| &added.transform)
    }
}

impl Added {
    fn read(added: FileTable, table: &Table) -> Result<Added, String> {
        let mut names: BTreeSet<String> =
            table.all_columns().map(|column| column.name.to_lowercase()).collect();
        let mut fields: BTreeSet<String> =
            table.all_columns().map(|column| column.field.to_lowercase()).collect();
        let mut columns = Vec::new();
        for FileColumn { field, name, kind } in added.columns {
            let name = name.unwrap_or_else(|| field.clone());
            let wrong = |what: &str| Err(format!("{FILE}: {}.{name} {what}", table.name));
            if !is_name(&name) {
                return wrong("has other than 2 to 45 letters, digits and _: name it otherwise");
            }
            if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(&name)) {
                return wrong(
                    "is a name that the workspace reserves: give the column another `name`",
                );
            }
            let Some(kind) = ColumnType::of_stream(&kind) else {
                return wrong(&format!(
                    "has the type {kind:?}: choose string, real, long, int, boolean, datetime or dynamic"
                ));
            };
            if !names.insert(name.to_lowercase()) {
                return wrong(
                    "is there already, whatever the letter case: take it out or rename it",
                );
            }
            if field.is_empty()
                || field.contains(['\'', '\\'])
                || !fields.insert(field.to_lowercase())
            {
                return wrong(&format!(
                    "takes the field {field:?}, which has a column: take it out"
                ));
            }
            // Read once per process.
            columns.push(Column { field: field.leak(), name: name.leak(), kind });
        }
        let begins_with_pipe = |line: &&String| line.trim_start().starts_with('|');
        if let Some(line) = added.transform.iter().find(begins_with_pipe) {
            let table = table.name;
            return Err(format!("{FILE}: {table} has the line {line:?}: leave its pipe out"));
        }
        Ok(Added { columns, transform: added.transform })
    }
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (2..=45).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{DEVICES, tables};

    fn read(columns: &str) -> Result<Own, String> {
        let text = format!(r#"{{"tables":{{"PostureDevices_CL":{{"columns":[{columns}]}}}}}}"#);
        Own::read(&text, tables())
    }

    #[test]
    fn the_file_that_is_compiled_in_is_right() {
        assert_eq!(Own::check(), Ok(()));
    }

    #[test]
    fn nothing_and_an_empty_list_add_nothing() {
        for text in ["", "{}", r#"{"tables":{}}"#, r#"{"tables":{"PostureDevices_CL":{}}}"#] {
            assert!(Own::read(text, tables()).unwrap().columns(&DEVICES.table).is_empty());
        }
    }

    #[test]
    fn a_column_is_named_after_its_field_unless_it_has_a_name() {
        let own = read(
            r#"{"field":"madeUpField","type":"string"},{"field":"title","name":"Heading","type":"string"}"#,
        );

        let own = own.unwrap();
        let names: Vec<_> = own.columns(&DEVICES.table).iter().map(|one| one.name).collect();
        assert_eq!(names, ["madeUpField", "Heading"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_table_its_column_and_the_next_step() {
        for (columns, what) in [
            (
                r#"{"field":"title","type":"string"}"#,
                "PostureDevices_CL.title is a name that the workspace",
            ),
            (r#"{"field":"x","type":"string"}"#, "PostureDevices_CL.x has other than 2 to 45"),
            (
                r#"{"field":"ab","type":"text"}"#,
                r#"PostureDevices_CL.ab has the type "text": choose"#,
            ),
            (
                r#"{"field":"RiskScore","type":"string"}"#,
                "PostureDevices_CL.RiskScore is there already",
            ),
            (
                r#"{"field":"riskScore","name":"Mine","type":"string"}"#,
                "takes the field \"riskScore\"",
            ),
            (
                r#"{"field":"ab","type":"string"},{"field":"b","name":"AB","type":"int"}"#,
                "PostureDevices_CL.AB is there already, whatever the letter case",
            ),
            (r#"{"field":"ab"}"#, "missing field `type`"),
        ] {
            let error = read(columns).unwrap_err();
            assert!(error.contains(what) && error.contains(": "), "{error}");
        }
        let error = Own::read(r#"{"tables":{"Other_CL":{}}}"#, tables()).unwrap_err();
        assert!(error.contains("Other_CL, which no source has: see docs/sources.md"), "{error}");
    }
}
