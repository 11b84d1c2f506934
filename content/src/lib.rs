//! The content for Microsoft Sentinel: what stands in the readable parts of `content/`, and what is written
//! from them. `cargo run -p content` writes; a test of the service fails where a written file is stale.
//!
//! Nothing of the service is known here but its written tables and functions.

pub mod connector;
pub mod entity;
pub mod hunts;
mod layout;
mod mitre;
pub mod page;
pub mod parts;
pub mod playbooks;
pub mod project;
pub mod release;
pub mod rules;
pub mod solution;
pub mod workbook;

use std::path::PathBuf;

/// A file that is written from the parts: its path below the project's root, and what it holds.
pub type Written = (String, String);

/// A query that somewhere in the content is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Where it stands, such as `rules/SecureScoreDrop`.
    pub name: String,
    /// KQL as the workspace gets it, with a value in the place of every parameter.
    pub text: String,
}

/// Every query of the content, in order.
///
/// # Errors
///
/// The part that is wrong, and how.
pub fn queries() -> Result<Vec<Query>, String> {
    let kinds = [connector::queries()?, rules::queries()?, hunts::queries()?, workbook::queries()?];
    Ok(kinds.concat())
}

/// All that is written from the parts, in order.
///
/// # Errors
///
/// The part that is wrong, and how.
pub fn written() -> Result<Vec<Written>, String> {
    let json = |name: &str, value: serde_json::Value| {
        (format!("content/generated/{name}.json"), format!("{value:#}\n"))
    };
    let mut files = vec![
        json("connector", connector::definition()?),
        json("rules", rules::resources()?),
        json("hunts", hunts::resources()?),
        ("docs/content.md".to_owned(), page::text()?),
    ];
    files.extend(workbook::written()?);
    Ok(files)
}

/// The project's root.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
