//! What the page about the content says of the workbook.

use super::needs::needs;
use super::{Item, Tab, read};
use std::fmt::Write;

/// The workbook's section of the page about the content.
///
/// # Errors
///
/// The part that is wrong, and how.
pub fn section() -> Result<String, String> {
    let workbook = read()?;
    let mut text = format!(
        "## Workbook\n\n\
         *{}*, in Microsoft Sentinel below *Workbooks*, *My workbooks*; the deployment's switch is `workbook`. \
         Filters for time and tenant hold for all of it, and a chosen row shows what belongs to it below. An empty tile \
         says why it may be empty. Queries are paid by nobody on the plan Analytics; on Basic they don't run.\n\n\
         The pictures are drawn by this project from the demo's rows and the workbook's own parts: they are no \
         screenshots of Azure, and names in them are invented.\n",
        workbook.frame.title
    );
    for (name, tab) in &workbook.tabs {
        of_tab(&mut text, name, tab)?;
    }
    Ok(text)
}

fn of_tab(text: &mut String, name: &str, tab: &Tab) -> Result<(), String> {
    let Tab { label, items, .. } = tab;
    // Writing to a string never fails.
    let _ = write!(
        text,
        "\n### {label}\n\n![{label}, drawn from the demo's rows](figures/workbook-{name}.svg)\n\n"
    );
    text.push_str("| tile | shows | asks | reads | empty |\n| --- | --- | --- | --- | --- |\n");
    for item in items {
        text.push_str(&row(item)?);
    }
    Ok(())
}

fn row(item: &Item) -> Result<String, String> {
    let needs = needs(&item.query)?;
    let functions: Vec<_> = needs.functions.iter().map(|name| format!("`{name}()`")).collect();
    let sources: Vec<_> = needs.sources.keys().map(|source| format!("`{source}`")).collect();
    let sources =
        if sources.is_empty() { "reports of jobs".to_owned() } else { sources.join(", ") };
    let chosen = item.when.as_ref().map_or("", |_| " (once a row is chosen)");
    let flat =
        |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let (title, shows, empty) = (flat(&item.title), flat(&item.shows), flat(&item.empty));
    Ok(format!("| {title} | {shows}{chosen} | {} | {sources} | {empty} |\n", functions.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_a_row_for_every_tile() {
        let (section, workbook) = (section().unwrap(), read().unwrap());

        assert!(section.starts_with("## Workbook\n"));
        assert_eq!(section.matches("\n### ").count(), workbook.tabs.len());
        for (_, item) in workbook.items() {
            let title = item.title.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(section.contains(&format!("| {title} |")), "{}", item.name);
        }
    }
}
