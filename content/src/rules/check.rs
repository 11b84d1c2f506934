//! What Sentinel takes of a rule: its limits, and the names of its layout.

use super::{Rule, minutes};
use crate::{entity, layout, mitre};

/// Bounds of how often a rule is evaluated and how far it sees, in minutes.
///
/// <https://learn.microsoft.com/azure/sentinel/create-analytics-rules>
const SHORTEST: u32 = 5;
const LONGEST: u32 = 14 * 24 * 60;
/// A rule that sees further than this is evaluated once an hour at most.
const FAR: u32 = 2 * 24 * 60;
/// Characters of a query, of an alert's name and of its text.
const MOST_QUERY: usize = 10_000;
const MOST_NAME: usize = 256;
const MOST_TEXT: usize = 5_000;
/// Columns in an alert's name, and in its text.
const MOST_COLUMNS: usize = 3;
/// Custom details of a rule, and characters of a name.
///
/// <https://learn.microsoft.com/azure/sentinel/surface-custom-details-in-alerts>
const MOST_DETAILS: usize = 20;
const MOST_DETAIL_NAME: usize = 20;

/// Whether a rule is one that Sentinel takes.
///
/// # Errors
///
/// The field, and what is wrong with it.
pub(super) fn rule(rule: &Rule) -> Result<(), String> {
    layout::head(&rule.id, &rule.name, &rule.description, &rule.version)?;
    is_one_of("kind", &rule.kind, &["Scheduled"])?;
    is_one_of("status", &rule.status, &["Available"])?;
    is_one_of("severity", &rule.severity, &["High", "Medium", "Low", "Informational"])?;
    is_one_of("triggerOperator", &rule.trigger_operator, &["gt", "lt", "eq", "ne"])?;
    let kind = &rule.event_grouping_settings.aggregation_kind;
    is_one_of("aggregationKind", kind, &["AlertPerResult", "SingleAlert"])?;
    layout::connectors(&rule.required_data_connectors, &rule.query)?;
    mitre::check(&rule.tactics, &rule.relevant_techniques)?;
    entity::check(&rule.entity_mappings)?;
    schedule(rule)?;
    within("query", &rule.query, MOST_QUERY)?;
    details(rule)?;
    alert(rule)
}

fn is_one_of(field: &str, value: &str, known: &[&str]) -> Result<(), String> {
    let is_known = known.contains(&value);
    is_known.then_some(()).ok_or_else(|| format!("{field} is {value}, one of {}", known.join(", ")))
}

fn within(field: &str, text: &str, most: usize) -> Result<(), String> {
    let length = text.chars().count();
    let fits = (1..=most).contains(&length);
    fits.then_some(()).ok_or_else(|| format!("{field} has {length} characters, 1 to {most}"))
}

fn schedule(rule: &Rule) -> Result<(), String> {
    let read = |field: &str, text: &str| {
        let there = minutes(text).filter(|there| (SHORTEST..=LONGEST).contains(there));
        there.ok_or_else(|| format!("{field} is {text}, 5m to 14d"))
    };
    let frequency = read("queryFrequency", &rule.query_frequency)?;
    let period = read("queryPeriod", &rule.query_period)?;
    if frequency > period {
        return Err(
            "queryPeriod is shorter than queryFrequency: rows between two evaluations are missed"
                .into(),
        );
    }
    if period > FAR && frequency < 60 {
        return Err("a rule that sees further than 2d is evaluated every 1h at most".into());
    }
    Ok(())
}

fn details(rule: &Rule) -> Result<(), String> {
    let details = &rule.custom_details;
    if details.len() > MOST_DETAILS {
        return Err(format!("{} customDetails, at most {MOST_DETAILS}", details.len()));
    }
    for name in details.keys() {
        within("a name in customDetails", name, MOST_DETAIL_NAME)?;
        let is_plain = name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_');
        if !is_plain || !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(format!("{name} in customDetails: letters and digits, a letter first"));
        }
    }
    for (name, column) in [("TenantId", "AadTenantId"), ("TenantName", "TenantName")] {
        if details.get(name).is_none_or(|there| there != column) {
            return Err(format!("customDetails lacks {name}: {column}"));
        }
    }
    let grouped = &rule.incident_configuration.grouping_configuration.group_by_custom_details;
    let stray = grouped.iter().find(|name| !details.contains_key(*name));
    stray.map_or(Ok(()), |name| Err(format!("groupByCustomDetails names {name}, which isn't one")))
}

fn alert(rule: &Rule) -> Result<(), String> {
    let formats = &rule.alert_details_override;
    let (name, text) = (&formats.alert_display_name_format, &formats.alert_description_format);
    within("alertDisplayNameFormat", name, MOST_NAME)?;
    within("alertDescriptionFormat", text, MOST_TEXT)?;
    for (field, format) in [("alertDisplayNameFormat", name), ("alertDescriptionFormat", text)] {
        let columns = braced(format).count();
        if columns > MOST_COLUMNS {
            return Err(format!("{field} names {columns} columns, at most {MOST_COLUMNS}"));
        }
    }
    // `Tenant` is both in one column, where the name needs the others.
    let names_tenant = |column: &str| braced(name).any(|there| there == column);
    let is_there =
        names_tenant("Tenant") || (names_tenant("TenantName") && names_tenant("AadTenantId"));
    is_there
        .then_some(())
        .ok_or_else(|| "alertDisplayNameFormat doesn't name the tenant and its id".into())
}

/// The columns that a format names in double braces.
pub(super) fn braced(format: &str) -> impl Iterator<Item = &str> {
    format.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(column, _)| column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{parts, root};

    fn broken(from: &str, to: &str) -> String {
        let file = root().join("content/rules/ActionRefused.yaml");
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains(from), "{from}");
        let read = parts::parse::<Rule>(&text.replacen(from, to, 1));
        read.and_then(|broken| rule(&broken)).unwrap_err()
    }

    #[test]
    fn what_sentinel_would_refuse_is_refused_with_its_field() {
        let long = "x".repeat(MOST_NAME);
        for (from, to, says) in [
            ("severity: Medium", "severity: Grave", "severity is Grave"),
            ("queryPeriod: 1d", "queryPeriod: 15d", "queryPeriod is 15d"),
            ("queryPeriod: 1d", "queryPeriod: 30m", "shorter than queryFrequency"),
            (
                "queryFrequency: 1h\nqueryPeriod: 1d",
                "queryFrequency: 10m\nqueryPeriod: 3d",
                "every 1h",
            ),
            ("  TenantId: AadTenantId\n", "", "lacks TenantId"),
            ("  MdatpDeviceId:", "  TheDefenderDeviceIdItself:", "25 characters"),
            ("  MdatpDeviceId:", "  Device-Id:", "Device-Id"),
            ("in {{Tenant}}'", "'", "tenant"),
            ("in {{Tenant}}'", "in {{Tenant}} {{Guard}}'", "4 columns"),
            ("refused by a guard in {{", &format!("{long} {{{{"), "alertDisplayNameFormat has"),
            ("      - TenantId\n", "      - Customer\n", "Customer"),
            ("      - PostureAudit_CL\n", "      - PostureDevices_CL\n", "PostureDevices_CL"),
            ("  - T1499\n", "  - T1190\n", "T1190"),
            ("version: 1.0.0", "version: '1.0'", "version"),
            ("kind: Scheduled", "kind: NRT", "NRT"),
            ("kind: Scheduled", "kind: Scheduled\nenabled: true", "enabled"),
        ] {
            let problem = broken(from, to);
            assert!(problem.contains(says), "{to}: {problem}");
        }
        let long = format!("PostureAudit()\n  // {}\n", "x".repeat(MOST_QUERY));
        assert!(broken("PostureAudit()\n", &long).starts_with("query has"));
    }
}
