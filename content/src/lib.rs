//! The content for Microsoft Sentinel: what stands in the readable parts of `content/`, and what is written
//! from them. `cargo run -p content` writes; a test of the service fails where a written file is stale.
//!
//! Nothing of the service is known here but its written tables and functions.

pub mod parts;
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
    workbook::queries()
}

/// All that is written from the parts, in order.
///
/// # Errors
///
/// The part that is wrong, and how.
pub fn written() -> Result<Vec<Written>, String> {
    workbook::written()
}

/// The project's root.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
