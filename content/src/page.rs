//! `docs/content.md`, from the sections of the kinds.

use crate::{connector, hunts, playbooks, rules, solution, workbook};

const HEAD: &str = "\
# Content for Microsoft Sentinel

<!-- Written by `cargo run -p content`: change content/ instead. -->

What the deployment puts into the workspace and beside it so that the data is used: each by its own switch
([deploy.md](deploy.md)). All of it stands in readable parts under `content/`; `cargo run -p content` writes what is
deployed (`content/generated/`) and this page.
";

/// The page.
///
/// # Errors
///
/// The part or written file that is wrong.
pub fn text() -> Result<String, String> {
    let sections = [
        workbook::section()?,
        rules::section()?,
        playbooks::section()?,
        hunts::section()?,
        connector::section()?,
        solution::section()?,
    ];
    Ok(format!("{HEAD}\n{}", sections.join("\n")))
}
