//! How critical the exposure graph holds a device.

use super::Lookup;
use super::gap::Gap;
use super::machine::Device;
use crate::digest::lenient;
use crate::schema;
use crate::source::hunting::ASSET_CRITICALITY;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
    #[serde(deserialize_with = "lenient::owned_texts")]
    rule_names: Vec<String>,
    entity_ids: serde_json::Value,
}

impl Node {
    fn is_of(&self, id: &str, name: Option<&str>) -> bool {
        let same = |own: &str| name.is_some_and(|name| name.eq_ignore_ascii_case(own));
        self.entity_ids.to_string().to_ascii_lowercase().contains(id)
            || self.node_name.as_deref().is_some_and(same)
    }
}

impl Lookup<'_> {
    /// How critical a device is, by the newest kept answer of the exposure graph.
    pub(super) async fn criticality(&self, device: &Device) -> Result<Criticality, Gap> {
        let snapshot = self.snapshot(ASSET_CRITICALITY)?;
        let (id, name) = (device.id.to_ascii_lowercase(), device.computer_dns_name.clone());
        let read = Arc::new(move |line: &[u8]| {
            lenient::record::<Node>(line).filter(|node| node.is_of(&id, name.as_deref()))
        });
        let mut found = Criticality { level: None, rules: Vec::new(), collected: snapshot.made };
        self.scan(&snapshot, None, read, |node| {
            let level = node.criticality_level.filter(|level| (0.0..4.0).contains(level));
            let level = level.map(|level| level as u8);
            if level.is_some() && found.level.is_none_or(|known| level < Some(known)) {
                (found.level, found.rules) = (level, node.rule_names);
            }
        })
        .await?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_a_devices_by_id_or_by_name() {
        let line = br#"{"NodeName":"PC-17","CriticalityLevel":"0","RuleNames":["x"],"EntityIds":"[{\"type\":\"DeviceInventoryId\",\"id\":\"00AA\"}]"}"#;

        let node = lenient::record::<Node>(line).unwrap();

        assert!(node.is_of("00aa", None) && node.is_of("11bb", Some("pc-17")));
        assert!(!node.is_of("11bb", Some("pc-1")));
        assert_eq!(node.criticality_level, Some(0.0));
    }
}
