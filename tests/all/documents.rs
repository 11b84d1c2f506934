//! Documents against the program: what docs/operate.md quotes is what the program says.

use crate::support::tools::root;
use std::fs;
use std::path::Path;

/// All Rust texts below a folder, lines that a text goes on over joined.
fn source(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap().filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            all += &source(&path);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            all += &fs::read_to_string(path).unwrap();
        }
    }
    all
}

/// A text that is broken by `\` at a line's end, as the program says it.
fn joined(text: &str) -> String {
    let mut lines = text.split("\\\n");
    let mut all = lines.next().unwrap_or_default().to_owned();
    lines.for_each(|line| all += line.trim_start());
    all
}

/// The quoted messages of the page's tables: the first cell of each row.
fn messages(page: &str) -> Vec<String> {
    let (_, tables) = page.split_once("## Troubleshooting by message").unwrap();
    let cells = tables.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    cells.map(|(message, _)| message.to_owned()).collect()
}

#[test]
fn every_message_that_the_operators_page_explains_is_one_of_the_programs() {
    let page = fs::read_to_string(root().join("docs/operate.md")).unwrap();
    let source = joined(&source(&root().join("src")));
    let said = |message: &str| {
        let pieces = message.split('…').map(str::trim).filter(|piece| piece.len() > 3);
        pieces.into_iter().all(|piece| source.contains(piece))
    };
    let messages = messages(&page);

    let unknown: Vec<_> = messages.iter().filter(|message| !said(message)).collect();

    assert!(messages.len() > 40, "{messages:?}");
    assert!(unknown.is_empty(), "the program doesn't say {unknown:#?}");
    assert!(!said("nobody ever says this"), "the check has turned silent");
}
