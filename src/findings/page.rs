//! The page of the mappings, from the very rows that are applied.

use super::ocsf::{ALL, Class, Const, ENDING, HEAD, How, Mapping, Row, VERSION};
use std::fmt::Write;

/// `docs/findings.md`.
pub fn page() -> String {
    let mut page = format!(
        "# Findings in open formats\n\nWritten by `posture describe` from the mappings; don't edit it by \
         hand.\n\n{INTRODUCTION}\n\n## Mappings to OCSF {VERSION}\n\n{RULES}\n"
    );
    section(&mut page, "What every event begins with", HEAD.iter());
    for mapping in ALL {
        let Mapping { source, class, product, .. } = mapping;
        let title = format!("`{source}`: {} ({})", class.name, class.uid);
        section(&mut page, &title, mapping.rows.iter().flat_map(|rows| rows.iter()));
        // Writing to a string never fails.
        let _ = writeln!(page, "\n`metadata.product.name` is {product} unless a row says another.");
    }
    let mut classes: Vec<&Class> = ALL.iter().map(|mapping| mapping.class).collect();
    classes.dedup_by_key(|class| class.uid);
    for class in classes {
        let title = format!("What every event of {} ends with", class.uid);
        section(&mut page, &title, class.ending.iter());
    }
    section(&mut page, "What every event ends with", ENDING.iter());
    page
}

const INTRODUCTION: &str = include_str!("introduction.md");
const RULES: &str = include_str!("rules.md");

fn section<'a>(page: &mut String, title: &str, rows: impl Iterator<Item = &'a Row>) {
    let _ = write!(page, "\n### {title}\n\n| field | attribute | how |\n| --- | --- | --- |\n");
    for row in rows {
        let from = row.from.iter().map(|from| format!("`{from}`")).collect::<Vec<_>>();
        let between = if matches!(row.how, How::Joined) { " and " } else { ", else " };
        let _ = writeln!(page, "| {} | `{}` | {} |", from.join(between), row.to, how(row));
    }
}

fn how(row: &Row) -> String {
    let words = |words: &[super::ocsf::Word]| {
        let words = words.iter().map(|word| format!("{} → {} {}", word.is, word.id, word.caption));
        words.collect::<Vec<_>>().join("; ")
    };
    let text = match row.how {
        How::Text => "text".to_owned(),
        How::Texts => "list of texts".to_owned(),
        How::EachText => "one object for each text".to_owned(),
        How::EachAsIs => "one object for each element, as it is".to_owned(),
        How::Number => "number".to_owned(),
        How::Flag => "true or false".to_owned(),
        How::Time => "milliseconds since 1970".to_owned(),
        How::Words(list) => format!("{}; other → 99 and the source's word", words(list)),
        How::Among(list) => words(list),
        How::Least(least, [at_least, below]) => format!(
            "at least {least} → {} {}; below → {} {}",
            at_least.id, at_least.caption, below.id, below.caption
        ),
        How::Unlike(word) => format!("whether it is another than `{word}`"),
        How::Behind(what) => format!("what stands behind `{what}`"),
        How::Before(what) => format!("what stands before `{what}`"),
        How::Joined => "joined by `_`, an instant as its day".to_owned(),
        How::Always(value) => constant(value),
        How::Missing(value) => format!("{} where nothing has come there", constant(value)),
    };
    let unless = match row.unless {
        "" => String::new(),
        place => format!(", unless `{place}` is there"),
    };
    let only_with = match row.only_with {
        "" => String::new(),
        place => format!(", where `{place}` is there"),
    };
    format!("{text}{unless}{only_with}")
}

fn constant(value: Const) -> String {
    match value {
        Const::Text(text) => format!("always `{text}`"),
        Const::None => "an empty list".to_owned(),
        value => format!("always {}", value.value()),
    }
}
