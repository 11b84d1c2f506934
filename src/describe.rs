//! What is written from the catalogue: tables, rules, permissions, functions and the sources page. A
//! test fails when a written file is stale.

use crate::findings;
use crate::kql;
use crate::permissions;
use crate::routes::openapi;
use crate::settings;
use crate::source::{
    ALL, Classic, Column, ColumnType, ENVELOPE, FANNED, Fetch, MADE, Own, RUNS, Sends, Source,
    Table,
};
use serde_json::{Value, json};
use std::fmt::Write;

/// Data flows of one collection rule at most.
///
/// <https://learn.microsoft.com/azure/azure-monitor/service-limits#data-collection-rules>
const MAX_FLOWS: usize = 10;

/// Every table, in the order that collection rules are packed in: the reports', then the sources' with
/// those that came after them.
fn tables() -> impl Iterator<Item = Table> {
    let of_source = |source: &'static Source| std::iter::once(source.table).chain(made(source));
    std::iter::once(RUNS).chain(own_tables().flat_map(of_source))
}

/// The tables without a source that came after this one.
fn made(after: &'static Source) -> impl Iterator<Item = Table> {
    MADE.iter().filter(|(source, _)| *source == after.name).map(|(_, table)| *table)
}

/// What the records of this source fan out into.
fn fanned(of: &'static Source) -> impl Iterator<Item = Table> {
    FANNED.iter().filter(|(source, _)| *source == of.name).map(|(_, table)| *table)
}

/// The first source of each table: changes fill the table of what they change.
fn own_tables() -> impl Iterator<Item = &'static Source> {
    ALL.iter().filter(|source| source.identity() == source.name)
}

/// An input stream of a collection rule: a table's own, or that of export files, which spell the
/// same fields differently.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    table: Table,
    by_files: bool,
}

impl Stream {
    /// The stream's name.
    pub fn name(&self) -> String {
        if self.by_files { self.table.file_stream() } else { self.table.stream() }
    }

    /// Whether it feeds classic tables alone: without those, no rule has it.
    pub fn is_classic(&self) -> bool {
        FANNED.iter().any(|(_, table)| table.name == self.table.name)
    }

    /// Flows that it takes in its rule at most.
    fn flows(&self) -> usize {
        usize::from(!self.is_classic()) + self.table.classic.len()
    }

    /// Whether a row of this stream can bring a column. A field that files spell like one of the
    /// envelope's can't: on the wire the envelope's wins.
    fn brings(&self, column: &Column) -> bool {
        let is_ours = |name: &str| ENVELOPE.iter().any(|envelope| envelope.field == name);
        is_ours(column.field) || !is_ours(&self.field(column))
    }

    /// The fields that this stream spells differently from the catalogue, each with its spelling here.
    fn respelled(&self) -> Vec<(&'static str, String)> {
        let brought = self.table.columns.iter().filter(|column| self.brings(column));
        let spelled = brought.map(|column| (column.field, self.field(column)));
        spelled.filter(|(ours, theirs)| ours != theirs).collect()
    }

    /// A column's field as this stream spells it; the envelope is ours and always the same.
    fn field(&self, column: &Column) -> String {
        let ours = ENVELOPE.iter().any(|envelope| envelope.field == column.field);
        if self.by_files && !ours { column.file_field() } else { column.field.to_owned() }
    }
}

/// Every stream, in the order of the tables; the files' beside the table's own.
fn streams() -> impl Iterator<Item = Stream> {
    let of_source = |source: &'static Source| {
        let respelled = matches!(source.fetch, Fetch::Export { respelled: true, .. });
        let by_files = respelled.then_some(Stream { table: source.table, by_files: true });
        let made = made(source).map(|table| Stream { table, by_files: false });
        let own = Stream { table: source.table, by_files: false };
        let fanned = fanned(source).map(|table| Stream { table, by_files: false });
        std::iter::once(own).chain(by_files).chain(made).chain(fanned)
    };
    let reports = Stream { table: RUNS, by_files: false };
    std::iter::once(reports).chain(own_tables().flat_map(of_source))
}

/// The streams of each collection rule.
///
/// A stream's flows (its own and its classic ones, deployed or not) stay in one rule; a rule is
/// filled in order and never gone back to, so that a new source at the end moves no other.
pub fn rules() -> Vec<Vec<Stream>> {
    let mut rules: Vec<Vec<Stream>> = Vec::new();
    let mut flows = MAX_FLOWS;
    for stream in streams() {
        let needed = stream.flows();
        if flows + needed > MAX_FLOWS {
            rules.push(Vec::new());
            flows = 0;
        }
        flows += needed;
        if let Some(rule) = rules.last_mut() {
            rule.push(stream);
        }
    }
    rules
}

/// Every file that is written from the catalogue: its path from the root, and its content.
pub fn files() -> Vec<(String, String)> {
    let mut files = vec![
        ("infra/generated/tables.json".to_owned(), pretty(&tables_json())),
        ("infra/generated/permissions.json".to_owned(), pretty(&permissions::json())),
        ("infra/generated/functions.json".to_owned(), pretty(&functions_json())),
        ("infra/generated/tenants.schema.json".to_owned(), pretty(&settings::schema())),
        ("infra/generated/openapi.json".to_owned(), pretty(&openapi::document())),
        ("infra/generated/openapi-2.json".to_owned(), pretty(&openapi::document_2())),
        ("docs/routes.md".to_owned(), openapi::page()),
        ("docs/sources.md".to_owned(), sources_page()),
        ("docs/permissions.md".to_owned(), permissions::page()),
        ("docs/findings.md".to_owned(), findings::page()),
    ];
    let written = kql::functions().into_iter().filter(|function| function.written);
    files.extend(
        written.map(|function| (format!("infra/kql/{}.kql", function.name), function.query)),
    );
    files
}

/// All functions, written and by hand, for the deployment to save.
fn functions_json() -> Value {
    let function = |function: kql::Function| {
        let kql::Function { name, parameters, query, .. } = function;
        json!({ "name": name, "parameters": parameters, "query": query })
    };
    kql::functions().into_iter().map(function).collect()
}

fn pretty(value: &Value) -> String {
    // A value of ours always has a text.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// Tables and rules as JSON: what `infra/generated/tables.json` holds.
///
/// A stream's `flows` are always deployed, its `classicFlows` and the `classicTables` where a
/// deployment asks for them.
pub fn tables_json() -> Value {
    tables_json_with(Own::compiled())
}

/// The same with these columns of an installation's own behind the catalogue's.
pub fn tables_json_with(own: &Own) -> Value {
    let rules = rules().into_iter().enumerate().map(|(index, streams)| {
        let streams: Vec<_> = streams.iter().map(|stream| stream_json(stream, own)).collect();
        json!({ "name": format!("posture-{}", index + 1), "streams": streams })
    });
    let tables = tables().map(|table| {
        let columns = table
            .all_columns()
            .copied()
            .chain(own.columns(&table).iter().copied())
            .map(|column| json!({ "name": column.name, "type": column.kind.in_table() }));
        json!({ "name": table.name, "columns": columns.collect::<Vec<_>>() })
    });
    json!({
        "rules": rules.collect::<Vec<_>>(),
        "tables": tables.collect::<Vec<_>>(),
        "classicTables": classic_tables().map(classic_json).collect::<Vec<_>>(),
    })
}

/// Every classic table, in the order of the streams that feed them.
fn classic_tables() -> impl Iterator<Item = &'static Classic> {
    let of_source = |source: &'static Source| {
        source.table.classic.iter().chain(fanned(source).flat_map(|table| table.classic))
    };
    own_tables().flat_map(of_source)
}

fn classic_json(classic: &Classic) -> Value {
    let columns = classic
        .columns
        .iter()
        .map(|column| json!({ "name": column.name, "type": column.kind.in_table() }));
    json!({ "name": classic.table, "columns": columns.collect::<Vec<_>>() })
}

fn stream_json(stream: &Stream, own: &Own) -> Value {
    let table = stream.table;
    let columns = table.all_columns().copied().chain(own.columns(&table).iter().copied());
    let columns = columns.filter(|column| stream.brings(column));
    let columns = columns
        .map(|column| json!({ "name": stream.field(&column), "type": column.kind.in_stream() }));
    let respelled = stream.respelled();
    let classic = table.classic.iter().map(|classic| {
        let output = format!("Custom-{}", classic.table);
        json!({ "outputStream": output, "transformKql": classic.transform(&respelled) })
    });
    let flow = || json!({ "outputStream": table.stream(), "transformKql": transform(stream, own) });
    json!({
        "stream": stream.name(),
        "columns": columns.collect::<Vec<_>>(),
        "flows": (!stream.is_classic()).then(flow).into_iter().collect::<Vec<_>>(),
        "classicFlows": classic.collect::<Vec<_>>(),
    })
}

/// The rule's transformation: fields whose names the workspace reserves, or that files spell
/// differently, get their column's.
fn transform(stream: &Stream, own: &Own) -> String {
    let (brought, missing): (Vec<&Column>, Vec<&Column>) = stream
        .table
        .columns
        .iter()
        .chain(own.columns(&stream.table))
        .partition(|column| stream.brings(column));
    let renamed = brought.into_iter().filter_map(|column| {
        let field = stream.field(column);
        (field != column.name).then(|| format!("{} = ['{field}']", column.name))
    });
    let renamed: Vec<_> = renamed.collect();
    let empty = missing.into_iter().map(|column| {
        // Transformations know no literals of null and of dynamic.
        let empty = match column.kind {
            ColumnType::Text | ColumnType::Guid => "''",
            ColumnType::Real | ColumnType::TextReal => "toreal('')",
            ColumnType::Int => "toint('')",
            ColumnType::Long => "tolong('')",
            ColumnType::Boolean | ColumnType::HuntedBoolean => "tobool('')",
            ColumnType::DateTime | ColumnType::HuntedDateTime => "todatetime('')",
            ColumnType::Dynamic | ColumnType::HuntedDynamic => "parse_json('')",
        };
        format!(" | extend {} = {empty}", column.name)
    });
    let empty: String = empty.collect();
    let lines = own.transform(&stream.table).iter().map(|line| format!(" | {line}"));
    let lines: String = lines.collect();
    let converted = converted(stream.table);
    match renamed.is_empty() {
        true => format!("source{converted}{empty}{lines}"),
        false => {
            format!("source | project-rename {}{converted}{empty}{lines}", renamed.join(", "))
        }
    }
}

/// What makes a stream's values the table's, where hunting spells them in its own way.
fn converted(table: Table) -> String {
    let columns = table.columns.iter().filter_map(|column| {
        let value = column.kind.converted(column.name)?;
        Some(format!("{} = {value}", column.name))
    });
    let columns: Vec<_> = columns.collect();
    if columns.is_empty() { String::new() } else { format!(" | extend {}", columns.join(", ")) }
}

fn sources_page() -> String {
    let mut page = String::from(
        "# Sources\n\nWritten by `posture describe` from the catalogue; don't edit it by hand.\n\n\
         | source | what | needs | every | to the workspace | table |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for source in ALL {
        let Source { name, about, every, .. } = source;
        let api = source.api;
        let needs = match source.needs.role() {
            ("", _) => format!("{api}: nothing"),
            (role, _) => format!("{api}: `{role}`"),
        };
        let table = source.table.name;
        // Writing to a string never fails.
        let _ = writeln!(
            page,
            "| `{name}` | {about} | {needs} | {} h | {} | `{table}` |",
            every.as_hours(),
            sends(source.sends),
        );
    }
    page.push_str("\nAll records are kept in the ledger, whatever goes to the workspace.\n");
    for table in tables() {
        let _ =
            write!(page, "\n## {}\n\n| column | type | field |\n| --- | --- | --- |\n", table.name);
        for column in table.all_columns() {
            let kind = column.kind.in_table();
            let _ = writeln!(page, "| `{}` | {kind} | `{}` |", column.name, column.field);
        }
        let source = ALL.iter().find(|source| source.table.name == table.name);
        let fanned = source.into_iter().flat_map(fanned).flat_map(|table| table.classic);
        let classic = table.classic.iter().chain(fanned);
        let classic: Vec<_> = classic.map(|classic| format!("`{}`", classic.table)).collect();
        if !classic.is_empty() {
            let _ = writeln!(page, "\nOn request also: {}.", classic.join(", "));
        }
    }
    page
}

fn sends(sends: Sends) -> String {
    match sends {
        Sends::All => "all".to_owned(),
        Sends::Nothing => "none".to_owned(),
        Sends::Positive(field) => format!("where `{field}` is above 0"),
        Sends::Present(field) => format!("where `{field}` is there"),
        Sends::Fails(field, applies) => {
            format!("where `{field}` is false and `{applies}` isn't")
        }
        Sends::Exposed(_) => "vulnerabilities with exposed machines".to_owned(),
        Sends::FirstOfDay => "the day's first complete run (UTC)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn no_written_file_is_stale() {
        for (path, content) in files() {
            let there = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(there == content, "{path} is stale: run `cargo run -- describe`");
        }
    }

    #[test]
    fn a_rule_has_at_most_ten_flows_and_every_stream_is_in_one_rule() {
        let rules = rules();

        for rule in &rules {
            let flows: usize = rule.iter().map(Stream::flows).sum();
            assert!(flows <= MAX_FLOWS, "{flows} flows");
        }
        let names: std::collections::BTreeSet<_> =
            rules.iter().flatten().map(Stream::name).collect();
        assert_eq!(names.len(), streams().count());
    }

    #[test]
    fn a_published_stream_stays_in_its_rule() {
        let text = std::fs::read_to_string("infra/generated/released.json").unwrap();
        let released: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
        let published: BTreeMap<String, usize> =
            serde_json::from_value(released["assignments"].clone()).unwrap();

        let now: BTreeMap<String, usize> = rules()
            .iter()
            .enumerate()
            .flat_map(|(index, rule)| rule.iter().map(move |stream| (stream.name(), index)))
            .collect();

        for (stream, rule) in published {
            assert_eq!(now.get(&stream), Some(&rule), "{stream} has moved");
        }
    }
}
