//! Records as events of the Open Cybersecurity Schema Framework: one event per record, by the rows of a
//! mapping.
//!
//! What a mapping doesn't take, or takes and translates, is under `unmapped` as the service sent it; a
//! field of an unexpected type is a missing one, and no record is dropped.
//!
//! <https://schema.ocsf.io/1.8.0/>

mod azure;
mod common;
mod compliance;
mod detection;
mod device;
mod place;
mod row;
mod vulnerability;

pub use common::{Class, ENDING, HEAD};
pub use row::{Const, How, Row, Word};

use super::line::Line;
use row::take_away;
use serde_json::{Map, Value};

/// Version of the schema that every event states.
///
/// <https://schema.ocsf.io/1.8.0/>
pub const VERSION: &str = "1.8.0";

/// How the records of a source become events.
#[derive(Clone, Copy, Debug)]
pub struct Mapping {
    /// The source's name.
    pub source: &'static str,
    /// The class of its events.
    pub class: &'static Class,
    /// The product that found it.
    pub product: &'static str,
    /// Which field becomes which attribute; a later row overrides an earlier one.
    pub rows: &'static [&'static [Row]],
}

/// Every mapping, by class.
pub const ALL: &[Mapping] = &[
    compliance::SECURE_SCORES,
    azure::SECURE_SCORES,
    compliance::DEVICE_SECURE_SCORE,
    compliance::SECURE_SCORE_CONTROLS,
    compliance::DEVICE_CONFIGURATIONS,
    azure::ASSESSMENTS,
    azure::SECURE_SCORE_CONTROLS,
    azure::COMPLIANCE_STANDARDS,
    azure::COMPLIANCE_CONTROLS,
    azure::COMPLIANCE_ASSESSMENTS,
    vulnerability::DEVICE_VULNERABILITIES,
    vulnerability::DEVICE_VULNERABILITY_CHANGES,
    detection::ALERTS,
    device::DEVICES,
];

/// The mapping of a source, where it has one.
pub fn mapping(source: &str) -> Option<&'static Mapping> {
    ALL.iter().find(|mapping| mapping.source == source)
}

impl Mapping {
    /// All rows in the order in which they are applied, those that all events have in common included.
    pub fn all_rows(&self) -> impl Iterator<Item = &'static Row> {
        let own = self.rows.iter().flat_map(|rows| rows.iter());
        HEAD.iter().chain(own).chain(self.class.ending).chain(ENDING)
    }

    /// The event of one kept line.
    pub fn event(&self, line: Line) -> Value {
        let Class { uid, name, category, category_name, activities, .. } = *self.class;
        let mut event = Map::new();
        let mut taken = Vec::new();
        place::put(&mut event, "metadata.product.name", self.product.into());
        for row in self.all_rows() {
            taken.extend(row.apply(&line, &mut event));
        }
        for (attribute, value) in [("class_uid", uid), ("category_uid", category)] {
            event.insert(attribute.to_owned(), value.into());
        }
        event.insert("class_name".to_owned(), name.into());
        event.insert("category_name".to_owned(), category_name.into());
        let activity = event.get("activity_id").and_then(Value::as_i64).unwrap_or(0);
        let known = activities.iter().find(|(id, _)| *id == activity);
        let activity_name = known.map_or("Other", |(_, name)| name);
        event.remove("activity");
        event.insert("activity_name".to_owned(), activity_name.into());
        event.insert("type_uid".to_owned(), (uid * 100 + activity).into());
        event.insert("type_name".to_owned(), format!("{name}: {activity_name}").into());
        let mut rest = line.own;
        taken.iter().for_each(|path| take_away(&mut rest, path));
        rest.retain(|_, value| !is_empty(value));
        if !rest.is_empty() {
            event.insert("unmapped".to_owned(), Value::Object(rest));
        }
        Value::Object(event)
    }
}

/// Whether a value says nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(inner) => inner.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
