//! Counts of fields over many records.

use std::collections::BTreeMap;

/// Field names are counted up to this many different ones.
const MAX_NAMES: usize = 100;

/// Counts of records by the name of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FieldCounts(BTreeMap<String, u64>);

impl FieldCounts {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts these names; past a hundred different ones, under `…`.
    pub fn add(&mut self, names: &[String]) {
        for name in names {
            let known = self.0.contains_key(name) || self.0.len() < MAX_NAMES;
            let name = if known { name.as_str() } else { "…" };
            match self.0.get_mut(name) {
                Some(count) => *count += 1,
                None => drop(self.0.insert(name.to_owned(), 1)),
            }
        }
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &FieldCounts) {
        for (name, count) in &other.0 {
            let known = self.0.contains_key(name) || self.0.len() < MAX_NAMES;
            let name = if known { name.as_str() } else { "…" };
            *self.0.entry(name.to_owned()).or_default() += count;
        }
    }
}
