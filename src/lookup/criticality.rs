//! How critical the exposure graph holds a device.

use super::Lookup;
use super::gap::Gap;
use super::kept::Snapshot;
use super::machine::Device;
use crate::digest::lenient;
use crate::schema;
use crate::source::hunting::ASSET_CRITICALITY;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Rules that an answer names at most.
const MOST_RULES: usize = 20;

/// How critical the exposure graph holds a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Criticality {
    /// 0 is very high, 1 high, 2 medium, 3 low; null where the graph doesn't hold it critical.
    pub level: Option<u8>,
    /// The rules that say so, such as `Domain Controller`.
    pub rules: Vec<String>,
    /// When the graph was asked.
    #[schemars(with = "schema::Timestamp")]
    pub collected: Timestamp,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Node {
    #[serde(deserialize_with = "lenient::owned")]
    node_name: Option<String>,
    #[serde(deserialize_with = "lenient::number")]
    criticality_level: Option<f64>,
    rule_names: Value,
    entity_ids: Value,
}

impl Node {
    /// Whether it is the device with one of these ids, in lower case, or with this name.
    fn is_of(&self, ids: &[String], name: Option<&str>) -> bool {
        let same = |own: &str| name.is_some_and(|name| name.eq_ignore_ascii_case(own));
        let own = self.entity_ids.to_string().to_ascii_lowercase();
        ids.iter().any(|id| own.contains(id)) || self.node_name.as_deref().is_some_and(same)
    }

    /// One that says no level counts as the highest: it is there because it is critical.
    fn level(&self) -> u8 {
        let level = self.criticality_level.filter(|level| (0.0..=3.0).contains(level));
        level.map_or(0, |level| level as u8)
    }

    /// A list, or one that hunting has answered as text.
    fn rules(&self) -> Vec<String> {
        let text = self.rule_names.as_str().and_then(|text| serde_json::from_str(text).ok());
        let rules: Value = text.unwrap_or_else(|| self.rule_names.clone());
        let rules = rules.as_array().into_iter().flatten();
        rules.filter_map(|rule| rule.as_str().map(str::to_owned)).collect()
    }
}

impl Criticality {
    /// Of several nodes of a device the most critical one counts, and the rules of all.
    fn take(&mut self, node: &Node) {
        self.level = Some(self.level.map_or(node.level(), |level| level.min(node.level())));
        for rule in node.rules() {
            if self.rules.len() < MOST_RULES && !self.rules.contains(&rule) {
                self.rules.push(rule);
            }
        }
    }
}

impl Lookup<'_> {
    /// How critical a device is, by the newest kept answer of the exposure graph. Assets that aren't
    /// critical have no record.
    pub(super) async fn criticality(&self, device: &Device) -> Result<Criticality, Gap> {
        let snapshot = self.snapshot(ASSET_CRITICALITY)?;
        let key = format!("criticality of {} in {}", device.id, snapshot.run);
        let found = self.remembered(&key, false, self.in_graph(device, &snapshot)).await?;
        Ok(found.as_ref().clone())
    }

    async fn in_graph(&self, device: &Device, snapshot: &Snapshot) -> Result<Criticality, Gap> {
        let ids = [Some(&device.id), device.aad_device_id.as_ref()].into_iter().flatten();
        let ids: Vec<String> = ids.map(|id| id.to_ascii_lowercase()).collect();
        let name = device.computer_dns_name.clone();
        let read = Arc::new(move |line: &[u8]| {
            lenient::record::<Node>(line).filter(|node| node.is_of(&ids, name.as_deref()))
        });
        let mut found = Criticality { level: None, rules: Vec::new(), collected: snapshot.made };
        self.scan(snapshot, None, read, |node| found.take(&node)).await?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_a_devices_by_id_or_by_name() {
        let line = br#"{"NodeName":"PC-17","CriticalityLevel":"0","RuleNames":["x"],"EntityIds":"[{\"type\":\"DeviceInventoryId\",\"id\":\"00AA\"}]"}"#;
        let ids = |id: &str| [id.to_owned()];

        let node = lenient::record::<Node>(line).unwrap();

        assert!(node.is_of(&ids("00aa"), None) && node.is_of(&ids("11bb"), Some("pc-17")));
        assert!(!node.is_of(&ids("11bb"), Some("pc-1")));
        assert_eq!(node.level(), 0);
    }

    #[test]
    fn the_most_critical_node_counts_with_the_rules_of_all() {
        let node = |line: &str| lenient::record::<Node>(line.as_bytes()).unwrap();
        let collected = Timestamp::UNIX_EPOCH;
        let mut found = Criticality { level: None, rules: Vec::new(), collected };

        found.take(&node(r#"{"CriticalityLevel":3,"RuleNames":"[\"Printer\"]"}"#));
        found
            .take(&node(r#"{"CriticalityLevel":1.0,"RuleNames":["Domain Controller","Printer"]}"#));

        assert_eq!((found.level, found.rules.len()), (Some(1), 2));
        found.take(&node(r#"{"CriticalityLevel":"?"}"#));
        assert_eq!(found.level, Some(0));
    }
}
