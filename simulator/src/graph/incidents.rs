//! Records of `GET /v1.0/security/incidents`. Incident 0 is the newest.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use crate::generate::{Draw, domain};
use crate::graph::alerts::{self, SEVERITIES};
use crate::scene::Scene;

/// Alerts of one incident: neighbours in time.
pub(crate) const ALERTS: u64 = 3;

/// Number of incidents.
pub(crate) fn total(scene: &Scene) -> u64 {
    u64::from(scene.tenant.alerts).div_ceil(ALERTS)
}

/// When an incident was created, with its oldest alert, or last updated, with any of its alerts.
pub(crate) fn date(scene: &Scene, number: u64, field: &str) -> Timestamp {
    let total = u64::from(scene.tenant.alerts);
    let own = number * ALERTS..((number + 1) * ALERTS).min(total);
    let dates = own.map(|alert| alerts::date(scene, alert, field));
    let chosen = if field == "createdDateTime" { dates.min() } else { dates.max() };
    chosen.unwrap_or(scene.started)
}

/// One incident.
pub(crate) fn record(scene: &Scene, number: u64) -> Bytes {
    let mut draw = Draw::new(scene.tenant.seed, "incident", number);
    let id = (1000 + number).to_string();
    let status = draw.pick(&["active", "active", "inProgress", "resolved"]);
    let mail = |name: &str| format!("{name}@{}", domain(&scene.tenant));
    let is_resolved = status == "resolved";
    let comments = match draw.chance(20) {
        true => json!([{"comment": "Seen", "createdByDisplayName": "Lena",
            "createdDateTime": date(scene, number, "createdDateTime").to_string()}]),
        false => json!([]),
    };
    json!({
        "id": id, "displayName": format!("Invented incident {number}"),
        "description": null, "summary": null, "status": status,
        "severity": draw.pick(&SEVERITIES),
        "classification": if is_resolved { "truePositive" } else { "unknown" },
        "determination": if is_resolved { "securityTesting" } else { "unknown" },
        "priorityScore": draw.chance(70).then(|| draw.below(101)),
        "assignedTo": (status != "active").then(|| mail("omar")),
        "customTags": if draw.chance(20) { json!(["pilot"]) } else { json!([]) },
        "systemTags": [], "comments": comments,
        "redirectIncidentId": null, "resolvingComment": is_resolved.then_some("Done"),
        "lastModifiedBy": "Invented-IncidentCreation", "tenantId": scene.tenant.id,
        "incidentWebUrl": format!("https://security.example/incident2/{id}/overview"),
        "createdDateTime": date(scene, number, "createdDateTime").to_string(),
        "lastUpdateDateTime": date(scene, number, "lastUpdateDateTime").to_string(),
    })
    .to_string()
    .into()
}
