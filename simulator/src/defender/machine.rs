//! Single devices by their records.

use serde_json::Value;

use crate::scene::Scene;

/// A device of the tenant.
pub(crate) fn by_id(scene: &Scene, id: &str) -> Option<Value> {
    all(scene).find(|machine| machine["id"] == id)
}

/// Every device, as the list has it.
pub(super) fn all(scene: &Scene) -> impl Iterator<Item = Value> {
    let number = 0..u64::from(scene.tenant.devices);
    number.filter_map(|number| serde_json::from_slice(&scene.device(number)).ok())
}
