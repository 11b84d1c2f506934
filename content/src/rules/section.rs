//! What `docs/content.md` says of the rules.

use super::{Rule, all};
use std::fmt::Write;

/// The section of `docs/content.md`.
///
/// # Errors
///
/// As [`all`].
pub fn section() -> Result<String, String> {
    let rules = all()?;
    let mut text = format!(
        "{HEAD}| rule | finds | severity | every, sees | asks |\n| --- | --- | --- | --- | --- |\n"
    );
    for (file, rule) in &rules {
        let tables: Vec<_> = rule.tables().map(|table| format!("`{table}`")).collect();
        let Rule { name, description, severity, query_frequency, query_period, .. } = rule;
        let finds = description.trim_end().replace('\n', " ");
        writeln!(
            text,
            "| **{name}** (`{file}`) | {finds} | {severity} | {query_frequency}, {query_period} | {} |",
            tables.join(", ")
        )
        .ok();
    }
    Ok(text)
}

impl Rule {
    /// The tables that it needs.
    fn tables(&self) -> impl Iterator<Item = &str> {
        self.required_data_connectors.iter().flat_map(|one| &one.data_types).map(String::as_str)
    }
}

const HEAD: &str = "\
## Analytics rules

`analyticsRules=disabled` deploys them switched off, to look at and to switch on one by one; `enabled` switches all on.
Microsoft Sentinel must be on in the workspace, and the functions saved there (`saveFunctions`). A deployment writes each
rule anew: change thresholds in a copy of the rule, or in `content/rules/`. They stand in `let` lines at the top.

- **New means once.** A rule looks at the runs that ended in the hour (the day, for the exposure score) before a quarter
  of an hour ago, by which time their rows are there. The next evaluation looks at the next hour. Five minutes overlap, so
  that none is missed: what falls into them alerts twice, into the same incident.
- **Incidents.** Each row is an alert; alerts of one rule and tenant within a day share an incident.
- **No alert** comes from a tenant's first run, from rows of old days that come late, from the weekly full list of device
  vulnerabilities, from a batch that was sent twice, from a run that didn't complete, or of a tenant without data.
- **Cost.** Queries of rules cost nothing on tables of the plan Analytics. A table of the plan Basic can't be asked.
- Three rules watch the Secure Score: switch on those that suit the tenants, since one fall may meet all three.

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_names_every_rule() {
        let (section, rules) = (section().unwrap(), all().unwrap());

        assert!(rules.len() >= 15);
        assert!(section.starts_with("## "));
        rules
            .iter()
            .for_each(|(file, _)| assert!(section.contains(&format!("`{file}`")), "{file}"));
    }
}
