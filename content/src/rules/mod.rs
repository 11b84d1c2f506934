//! Analytics rules: `content/rules/`, one file each, in the layout of the repository Azure/Azure-Sentinel.

mod check;
mod section;

pub use section::section;

use crate::entity::Mapping;
use crate::{Query, parts};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A rule that is evaluated on a schedule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rule {
    /// A GUID that stays.
    pub id: String,
    /// Its name in the portal.
    pub name: String,
    /// What it finds, and when a fact counts as new.
    pub description: String,
    /// `High`, `Medium`, `Low` or `Informational`.
    pub severity: String,
    /// `Available`.
    pub status: String,
    /// Whose rows it asks.
    pub required_data_connectors: Vec<Connector>,
    /// How often it is evaluated, such as `1h`.
    pub query_frequency: String,
    /// How far back it sees, such as `14d`.
    pub query_period: String,
    /// `gt`, `lt`, `eq` or `ne`.
    pub trigger_operator: String,
    /// Rows that it compares with.
    pub trigger_threshold: u32,
    /// Tactics of MITRE ATT&CK; none where the rule watches the collection itself.
    pub tactics: Vec<String>,
    /// Their techniques.
    pub relevant_techniques: Vec<String>,
    /// KQL.
    pub query: String,
    /// Which columns name entities.
    #[serde(default)]
    pub entity_mappings: Vec<Mapping>,
    /// Columns beside the alert, by the name that they get.
    pub custom_details: BTreeMap<String, String>,
    /// The alert's name and text, out of columns.
    pub alert_details_override: Details,
    /// Whether each row is an alert.
    pub event_grouping_settings: Grouping,
    /// How alerts become incidents.
    pub incident_configuration: Incidents,
    /// Such as `1.0.0`; goes up when anything of the rule changes.
    pub version: String,
    /// `Scheduled`.
    pub kind: String,
}

/// A data connector, and the tables of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Connector {
    /// Its id.
    pub connector_id: String,
    /// Tables.
    pub data_types: Vec<String>,
}

/// An alert's name and text with columns in double braces, three at most in each.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Details {
    /// The name.
    pub alert_display_name_format: String,
    /// The text.
    pub alert_description_format: String,
}

/// How rows become alerts.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Grouping {
    /// `AlertPerResult` or `SingleAlert`.
    pub aggregation_kind: String,
}

/// How alerts become incidents.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Incidents {
    /// Whether they do.
    pub create_incident: bool,
    /// Which alerts share an incident.
    pub grouping_configuration: Together,
}

/// Which alerts share an incident.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Together {
    /// Whether any do.
    pub enabled: bool,
    /// Whether a closed incident is opened again.
    pub reopen_closed_incident: bool,
    /// Since when, as an ISO 8601 duration.
    pub lookback_duration: String,
    /// `Selected`: those with the same values of what follows.
    pub matching_method: String,
    /// Entity types.
    pub group_by_entities: Vec<String>,
    /// `DisplayName`, `Severity`.
    pub group_by_alert_details: Vec<String>,
    /// Names of custom details.
    pub group_by_custom_details: Vec<String>,
}

/// Every rule by its file's name, in the order of the names; each holds to Sentinel's limits.
///
/// # Errors
///
/// The file, and what is wrong with it.
pub fn all() -> Result<Vec<(String, Rule)>, String> {
    let rules = parts::of::<Rule>("rules")?;
    let mut ids = BTreeMap::new();
    for (file, rule) in &rules {
        check::rule(rule).map_err(|problem| format!("rules/{file}.yaml: {problem}"))?;
        if let Some(other) = ids.insert(&rule.id, file) {
            return Err(format!("rules/{file}.yaml: {other} has the same id"));
        }
    }
    Ok(rules)
}

/// The query of every rule.
///
/// # Errors
///
/// As [`all`].
pub fn queries() -> Result<Vec<Query>, String> {
    let query =
        |(file, rule): (String, Rule)| Query { name: format!("rules/{file}"), text: rule.query };
    Ok(all()?.into_iter().map(query).collect())
}

/// The rules as the deployment loops over them: an id and the properties of each, save whether it is enabled.
///
/// # Errors
///
/// As [`all`].
pub fn resources() -> Result<Value, String> {
    let resource =
        |(_, rule): &(String, Rule)| json!({ "id": rule.id, "properties": rule.properties() });
    Ok(all()?.iter().map(resource).collect())
}

impl Rule {
    /// What the resource `Microsoft.SecurityInsights/alertRules` of kind `Scheduled` says, save `enabled`.
    fn properties(&self) -> Value {
        let operator = match self.trigger_operator.as_str() {
            "lt" => "LessThan",
            "eq" => "Equal",
            "ne" => "NotEqual",
            _ => "GreaterThan",
        };
        let mut properties = json!({
            "displayName": format!("Posture: {}", self.name),
            "description": self.description.trim_end().replace('\n', " "),
            "severity": self.severity,
            "query": self.query.trim_end(),
            "queryFrequency": iso(&self.query_frequency),
            "queryPeriod": iso(&self.query_period),
            "triggerOperator": operator,
            "triggerThreshold": self.trigger_threshold,
            "suppressionEnabled": false,
            "suppressionDuration": "PT5H",
            "tactics": self.tactics,
            "techniques": self.relevant_techniques,
            "customDetails": self.custom_details,
            "alertDetailsOverride": self.alert_details_override,
            "eventGroupingSettings": self.event_grouping_settings,
            "incidentConfiguration": self.incident_configuration,
        });
        // The service refuses an empty list.
        if !self.entity_mappings.is_empty() {
            properties["entityMappings"] = json!(self.entity_mappings);
        }
        properties
    }

    /// Every column of its result that it names: of entities, details, the alert's name and text.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let Details { alert_display_name_format, alert_description_format } =
            &self.alert_details_override;
        let mut columns: Vec<_> = crate::entity::columns(&self.entity_mappings).collect();
        columns.extend(self.custom_details.values().map(String::as_str));
        columns.extend(check::braced(alert_display_name_format));
        columns.extend(check::braced(alert_description_format));
        columns
    }

    /// How often it is evaluated, in minutes.
    #[must_use]
    pub fn frequency_minutes(&self) -> u32 {
        minutes(&self.query_frequency).unwrap_or_default()
    }

    /// How far back it sees, in minutes.
    #[must_use]
    pub fn period_minutes(&self) -> u32 {
        minutes(&self.query_period).unwrap_or_default()
    }
}

/// A duration of the layout, `5m`, `1h` or `14d`, in minutes.
fn minutes(text: &str) -> Option<u32> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(minutes)
}

/// A duration of the layout as Azure writes it: `PT1H`, `P14D`.
fn iso(text: &str) -> String {
    let upper = text.to_uppercase();
    if text.ends_with('d') { format!("P{upper}") } else { format!("PT{upper}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_azures() {
        assert_eq!([iso("5m"), iso("1h"), iso("14d")], ["PT5M", "PT1H", "P14D"]);
        assert_eq!(
            [minutes("5m"), minutes("1h"), minutes("14d")],
            [Some(5), Some(60), Some(20160)]
        );
        assert_eq!([minutes(""), minutes("h"), minutes("1w"), minutes("1é")], [None; 4]);
    }

    #[test]
    fn a_resource_has_no_empty_mappings() {
        for resource in resources().unwrap().as_array().unwrap() {
            let mappings = &resource["properties"]["entityMappings"];
            assert!(mappings.is_null() || mappings.as_array().is_some_and(|list| !list.is_empty()));
        }
    }
}
