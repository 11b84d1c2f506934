//! A kept line apart: what our envelope says, and the service's own record.

use crate::source::ENVELOPE;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// A kept line, read whole.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// The fields in front: ours.
    envelope: Map<String, Value>,
    /// The service's record. Of a key that comes twice the last one counts.
    pub own: Map<String, Value>,
}

impl Line {
    /// A line of the ledger; nothing where it is no JSON object, or our envelope isn't in front.
    pub fn read(text: &str) -> Option<Line> {
        let line: Line = serde_json::from_str(text).ok()?;
        line.said("RecordId").is_some().then_some(line)
    }

    /// What is known of a line that can't be read: the envelope of its neighbours, with this id.
    pub fn unreadable(envelope: Map<String, Value>, text: &str) -> Line {
        let own = Map::from_iter([("record".to_owned(), Value::from(text))]);
        Line { envelope, own }
    }

    /// A text of the envelope.
    pub fn said(&self, name: &str) -> Option<&str> {
        self.envelope.get(name).and_then(Value::as_str)
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Line, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Line;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a kept record")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Line, M::Error> {
                let mut line = Line::default();
                // A record's own field may have a name of ours: ours come first, in their order.
                let mut ours = ENVELOPE.iter().map(|column| column.name).peekable();
                while let Some(name) = map.next_key::<String>()? {
                    match ours.next_if(|our| *our == name) {
                        Some(our) => line.envelope.insert(our.to_owned(), map.next_value()?),
                        None => line.own.insert(name, map.next_value()?),
                    };
                }
                Ok(line)
            }
        }
        from.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"TimeGenerated":"2026-11-22T10:15:00.000000Z","CollectedTime":"2026-11-22T10:15:00.000000Z","AadTenantId":"t","TenantName":"n","Source":"defender.device_baselines","RunId":"20261122T101500Z","RecordId":"00aa","Source":{"a":1},"id":"x"}"#;

    #[test]
    fn a_records_own_field_with_a_name_of_ours_is_its_own() {
        let line = Line::read(LINE).unwrap();

        assert_eq!(line.said("Source"), Some("defender.device_baselines"));
        assert_eq!(line.own["Source"]["a"], 1);
        assert_eq!(line.own.len(), 2);
        assert!(Line::read("[1]").is_none() && Line::read(r#"{"id":"x"}"#).is_none());
    }
}
