//! How critical a device is, from the newest kept snapshot of the exposure graph's critical assets.

use super::{Criticality, Device};
use crate::app::App;
use crate::digest::Latest;
use crate::ledger::{LedgerError, path};
use crate::part;
use crate::plan::RunId;
use crate::source::hunting::ASSET_CRITICALITY;
use crate::tenant::Tenant;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// How many of its intervals a snapshot may be old: one is missed now and then.
const INTERVALS: i32 = 2;
/// What the exposure graph's own rule for domain controllers is called.
///
/// <https://learn.microsoft.com/security-exposure-management/predefined-classification-rules-and-levels>
const CONTROLLER: &str = "domain controller";

/// How critical a device is. Assets that aren't critical have no record: a device that a fresh snapshot
/// doesn't name isn't critical.
///
/// # Errors
///
/// Where the ledger can't be read.
pub async fn of(app: &App, tenant: &Tenant, device: &Device) -> Result<Criticality, LedgerError> {
    let unknown = |reason: &str| Ok(Criticality::Unknown(reason.to_owned()));
    let source = tenant.source(ASSET_CRITICALITY.name).unwrap_or(ASSET_CRITICALITY);
    let there = app.ledger.read(&path::latest(&tenant.id, source.name)).await?;
    let Some((bytes, _)) = there else { return unknown("it has never been collected") };
    let Ok(latest) = serde_json::from_slice::<Latest>(&bytes) else {
        return unknown("the snapshot is another release's");
    };
    if let Some(age) = stale(&latest, app.now(), source.every) {
        return Ok(Criticality::Unknown(format!("the newest snapshot is {age} h old")));
    }
    let Ok(run) = latest.run.parse::<RunId>() else {
        return unknown("the snapshot has no run");
    };
    let mut found = Criticality::Known { level: None, is_domain_controller: false };
    for number in 1..=latest.parts {
        let place = format!("{}{number:06}.jsonl.gz", path::parts(&tenant.id, source.name, &run));
        let there = app.ledger.read(&place).await?;
        let text = there.and_then(|(bytes, _)| part::open(&bytes).ok());
        let Some((text, _)) = text else { return unknown("a part of the snapshot is missing") };
        for line in text.lines() {
            let Ok(node) = serde_json::from_str::<Value>(line) else {
                return unknown("a record of the snapshot can't be read");
            };
            if is_of(&node, device) {
                found = higher(found, &node);
            }
        }
    }
    Ok(found)
}

/// The snapshot's age in hours, where it is too old.
fn stale(latest: &Latest, now: Timestamp, every: SignedDuration) -> Option<i64> {
    let age = now.duration_since(latest.began);
    (age > every * INTERVALS).then(|| age.as_hours())
}

/// Whether a node of the graph is the device: by Defender's id, or by its name.
fn is_of(node: &Value, device: &Device) -> bool {
    let ids = plain(&node["EntityIds"]);
    let has_id = ids.as_array().into_iter().flatten().any(|one| {
        let id = one["id"].as_str().unwrap_or_default();
        id.eq_ignore_ascii_case(&device.id)
            || device.entra_id.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(id))
    });
    let name = node["NodeName"].as_str().unwrap_or_default();
    has_id
        || device
            .name
            .as_ref()
            .is_some_and(|own| !name.is_empty() && own.eq_ignore_ascii_case(name))
}

/// The more critical of what was found and what a node says. One of the device that says no level counts as
/// the highest: it has a record because it is critical.
fn higher(found: Criticality, node: &Value) -> Criticality {
    let Criticality::Known { level, is_domain_controller } = found else { return found };
    let said = node["CriticalityLevel"].as_f64().filter(|level| (0.0..=3.0).contains(level));
    let said = said.map_or(0, |level| level as u8);
    let rules = plain(&node["RuleNames"]).to_string().to_lowercase();
    Criticality::Known {
        level: Some(level.map_or(said, |level| level.min(said))),
        is_domain_controller: is_domain_controller || rules.contains(CONTROLLER),
    }
}

/// JSON that hunting may have answered as text.
fn plain(value: &Value) -> Value {
    let text = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    text.unwrap_or_else(|| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn device() -> Device {
        let name = Some("Srv-1.contoso.example".to_owned());
        Device { id: "a".repeat(40), name, ..Device::default() }
    }

    #[test]
    fn a_node_is_the_device_by_id_or_name_as_json_or_as_text() {
        let id = "A".repeat(40);
        let by = |ids: Value, name: &str| {
            is_of(&json!({ "EntityIds": ids, "NodeName": name }), &device())
        };

        assert!(by(json!([{ "type": "DeviceInventoryId", "id": id }]), "x"));
        assert!(by(json!(format!(r#"[{{"type":"DeviceInventoryId","id":"{id}"}}]"#)), "x"));
        assert!(by(json!([]), "srv-1.contoso.example"));
        assert!(!by(json!({}), "srv-1") && !by(Value::Null, ""));
    }

    #[test]
    fn the_most_critical_record_counts_and_one_without_a_level_is_the_highest() {
        let start = Criticality::Known { level: None, is_domain_controller: false };
        let low = higher(start, &json!({ "CriticalityLevel": 3, "RuleNames": "[\"Printer\"]" }));
        let high = higher(
            low.clone(),
            &json!({ "CriticalityLevel": 1.0,
            "RuleNames": ["Domain Controller"] }),
        );

        assert_eq!(low, Criticality::Known { level: Some(3), is_domain_controller: false });
        assert_eq!(high, Criticality::Known { level: Some(1), is_domain_controller: true });
        let odd = higher(high, &json!({ "CriticalityLevel": "?" }));
        assert_eq!(odd, Criticality::Known { level: Some(0), is_domain_controller: true });
    }
}
