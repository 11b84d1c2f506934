//! A hunting pack as its file says it, checked, and as the catalogue's code. Used when the program is
//! built, and by tests; the program itself reads no YAML.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::Write;

/// The service keeps 30 days.
const MAX_PERIOD_MINUTES: u64 = 30 * 24 * 60;
/// Hunting queries have a share of the tenant's CPU: more often than this they would eat it.
const MIN_CADENCE_MINUTES: u64 = 15;

/// One file of `hunting/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    name: String,
    description: String,
    query: String,
    period: String,
    cadence: String,
    key: Vec<String>,
    default: bool,
    sends: Sends,
    table: String,
    columns: Vec<Column>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sends {
    All,
    Nothing,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    String,
    Real,
    Boolean,
    DateTime,
    Dynamic,
}

/// Reads a pack; `stem` is its file's name without the ending.
///
/// # Errors
///
/// The field, what is wrong with it, and what to do.
pub fn read(stem: &str, text: &str) -> Result<Pack, String> {
    let pack: Pack = serde_saphyr::from_str(text).map_err(|error| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        format!("{line}: see docs/hunting.md for the fields")
    })?;
    check(stem, &pack)?;
    Ok(pack)
}

fn check(stem: &str, pack: &Pack) -> Result<(), String> {
    let snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if pack.name != stem
        || !stem.starts_with(|c: char| c.is_ascii_lowercase())
        || !stem.chars().all(snake)
    {
        let name = &pack.name;
        return Err(format!(
            "`name` is {name:?} in {stem}.yaml: both must be the same, in lower case with _"
        ));
    }
    let plain = |text: &str| !text.is_empty() && !text.contains(['"', '\\', '\n']);
    if !plain(&pack.description) {
        return Err("`description` must be one line without quotes: write what a row is".to_owned());
    }
    check_query(&pack.query)?;
    let period = minutes("period", &pack.period)?;
    if period > MAX_PERIOD_MINUTES {
        return Err(
            "`period` is over 30 days, which is all that the service keeps: shorten it".to_owned()
        );
    }
    if minutes("cadence", &pack.cadence)? < MIN_CADENCE_MINUTES {
        return Err("`cadence` is under 15 minutes: hunting shares the tenant's CPU, lengthen it"
            .to_owned());
    }
    check_columns(pack)
}

/// What a query may not have: anything that leaves rows out, since the reader splits and counts them.
fn check_query(query: &str) -> Result<(), String> {
    let text = query.trim();
    if text.is_empty() || text.starts_with('.') {
        return Err("`query` must be a query that begins with a table or `let`".to_owned());
    }
    if text.ends_with(';') {
        return Err("`query` ends with `;`: take it away, operators are appended to it".to_owned());
    }
    for line in text.lines().filter_map(|line| line.trim_start().strip_prefix('|')) {
        let operator = line.split_whitespace().next().unwrap_or_default();
        let why = match operator {
            "take" | "limit" | "sample" | "top" => "leaves rows out",
            "sort" | "order" | "serialize" => "is done by the reader",
            "count" | "render" | "invoke" | "evaluate" | "externaldata" => "isn't for packs",
            _ => continue,
        };
        return Err(format!("`query` has `| {operator}`, which {why}: take it away"));
    }
    match text.contains("\"#") {
        true => {
            Err("`query` has \"#, which its constant can't hold: write it otherwise".to_owned())
        }
        false => Ok(()),
    }
}

fn check_columns(pack: &Pack) -> Result<(), String> {
    let table = pack.table.strip_prefix("PostureHunting").and_then(|rest| rest.strip_suffix("_CL"));
    if !table
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric()))
    {
        let table = &pack.table;
        return Err(format!(
            "`table` is {table:?}, expected PostureHunting…_CL in letters and digits"
        ));
    }
    let mut seen = BTreeSet::new();
    for Column { name, .. } in &pack.columns {
        let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !letters
            || !name.starts_with(|c: char| c.is_ascii_alphabetic())
            || !(2..=45).contains(&name.len())
        {
            return Err(format!("`columns` has {name:?}, expected 2 to 45 letters, digits and _"));
        }
        if !seen.insert(name.to_lowercase()) {
            return Err(format!("`columns` has {name} twice: take one away"));
        }
    }
    let is_column = |key: &&String| pack.columns.iter().any(|column| column.name == **key);
    if let Some(key) = pack.key.iter().find(|key| !is_column(key)) {
        return Err(format!("`key` has {key}, which is none of `columns`: add it there"));
    }
    match pack.key.is_empty() {
        true => Err("`key` is empty: name the columns that tell two rows apart".to_owned()),
        false => Ok(()),
    }
}

/// `P<n>D`, `PT<n>H` or `PT<n>M` in minutes.
fn minutes(field: &str, text: &str) -> Result<u64, String> {
    let wrong =
        || format!("`{field}` is {text:?}, expected days, hours or minutes like P7D, PT6H, PT30M");
    let rest = text.strip_prefix('P').ok_or_else(wrong)?;
    let (rest, unit) = match (rest.strip_suffix('D'), rest.strip_prefix('T')) {
        (Some(days), _) => (days, 24 * 60),
        (None, Some(time)) => match (time.strip_suffix('H'), time.strip_suffix('M')) {
            (Some(hours), _) => (hours, 60),
            (None, Some(minutes)) => (minutes, 1),
            (None, None) => return Err(wrong()),
        },
        (None, None) => return Err(wrong()),
    };
    let count = rest.parse::<u32>().ok().filter(|count| *count > 0).ok_or_else(wrong)?;
    Ok(u64::from(count) * unit)
}

/// # Errors
///
/// Where two packs share a table.
pub fn unlike(packs: &[Pack]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    match packs.iter().find(|pack| !seen.insert(pack.table.to_lowercase())) {
        Some(pack) => {
            Err(format!("hunting/{}.yaml: `table` {} is another pack's too", pack.name, pack.table))
        }
        None => Ok(()),
    }
}

/// The packs as constants, and the list of their names.
pub fn code(packs: &[Pack]) -> String {
    let mut code: String = packs.iter().map(constant).collect();
    let names = packs.iter().map(|pack| format!("\"graph.hunting.{}\"", pack.name));
    let names = names.collect::<Vec<_>>().join(", ");
    // Writing to a string never fails.
    let _ = writeln!(code, "#[cfg(test)]\npub(super) const NAMES: &[&str] = &[{names}];");
    code
}

fn constant(pack: &Pack) -> String {
    let Pack { name, description, query, period, cadence, key, default, sends, table, columns } =
        pack;
    let (period, cadence) = (minutes("", period), minutes("", cadence));
    let (period, cadence) = (period.unwrap_or_default(), cadence.unwrap_or_default());
    let columns = columns.iter().map(|Column { name, kind }| {
        let kind = match kind {
            Kind::String => "text",
            Kind::Real => "real",
            Kind::Boolean => "hunted_boolean",
            Kind::DateTime => "hunted_datetime",
            Kind::Dynamic => "hunted_dynamic",
        };
        format!("{kind}({name:?})")
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    format!(
        "/// {description}.\npub const {constant}: Source = pack(\n    \"graph.hunting.{name}\", \
         {description:?},\n    Hunting {{ query: r#\"{query}\"#, period: SignedDuration::from_mins({period}) }},\n    \
         &{key:?},\n    {default}, SignedDuration::from_mins({cadence}), Sends::{sends:?},\n    \
         {table:?}, &[{columns}],\n);\n",
        constant = name.to_uppercase(),
        query = query.trim(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name: x\ndescription: Rows\nquery: DeviceInfo\nperiod: P1D\ncadence: PT6H\n\
        key: [DeviceId]\ndefault: false\nsends: nothing\ntable: PostureHuntingX_CL\n\
        columns:\n  - { name: DeviceId, type: string }\n";

    fn refused(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        read("x", &GOOD.replace(from, to)).unwrap_err()
    }

    #[test]
    fn a_pack_that_is_wrong_is_refused_by_field_with_what_to_do() {
        read("x", GOOD).unwrap();

        for (from, to, says) in [
            ("sends:", "send:", "send"),
            ("period: P1D\n", "", "period"),
            ("name: x\n", "name: y\n", "`name` is \"y\" in x.yaml: both must be the same"),
            ("Rows", "'a \"b\"'", "`description` must be one line without quotes"),
            ("DeviceInfo", "DeviceInfo;", "`query` ends with `;`: take it away"),
            (
                "DeviceInfo",
                "\"DeviceInfo\\n| take 5\"",
                "`query` has `| take`, which leaves rows out",
            ),
            ("DeviceInfo", ".show tables", "`query` must be a query"),
            ("P1D", "P31D", "`period` is over 30 days"),
            ("P1D", "1 day", "`period` is \"1 day\", expected"),
            ("PT6H", "PT5M", "`cadence` is under 15 minutes"),
            ("PT6H", "PT0H", "`cadence` is \"PT0H\", expected"),
            ("[DeviceId]", "[Id]", "`key` has Id, which is none of `columns`"),
            ("[DeviceId]", "[]", "`key` is empty"),
            ("PostureHuntingX_CL", "DeviceInfo", "`table` is \"DeviceInfo\", expected"),
            ("type: string", "type: text", "text"),
            ("name: DeviceId", "name: Device-Id", "`columns` has \"Device-Id\""),
        ] {
            let problem = refused(from, to);
            assert!(problem.contains(says), "{to}: {problem}");
        }
    }

    #[test]
    fn two_packs_with_one_table_are_refused() {
        let other = GOOD.replace("name: x\n", "name: y\n");
        let packs = [read("x", GOOD).unwrap(), read("y", &other).unwrap()];

        assert!(unlike(&packs).unwrap_err().starts_with("hunting/y.yaml: `table`"));
        assert!(unlike(&packs[..1]).is_ok());
    }

    #[test]
    fn a_pack_becomes_a_constant() {
        let code = code(&[read("x", GOOD).unwrap()]);

        let part = "query: r#\"DeviceInfo\"#, period: SignedDuration::from_mins(1440) }";
        for part in ["pub const X: Source = pack(", part, "Sends::Nothing", "&[text(\"DeviceId\")]"]
        {
            assert!(code.contains(part), "{part}: {code}");
        }
        assert!(code.contains(r#"NAMES: &[&str] = &["graph.hunting.x"]"#), "{code}");
    }

    #[test]
    fn a_duration_has_one_unit() {
        assert_eq!(minutes("period", "P7D"), Ok(7 * 24 * 60));
        assert_eq!(minutes("period", "PT6H"), Ok(360));
        assert_eq!(minutes("period", "PT30M"), Ok(30));
        assert!(
            ["P", "PT", "P1Y", "PT1S", "P-1D", "P1DT1H", "7D"]
                .iter()
                .all(|t| minutes("x", t).is_err())
        );
    }
}
