//! `POST /api/hunt`: a pack now, for the caller's period.

use crate::support::{self, Folder, answer, posted};
use serde_json::{Value, json};
use simulator::{Api, Fault, FaultKind};

#[tokio::test]
async fn a_packs_rows_are_answered_and_kept_apart_from_its_snapshots() {
    let (microsoft, folder) = (support::microsoft(60).await, Folder::new());
    let app = support::app(&microsoft, &[support::tenant(60)], folder.ledger());
    let wanted = json!({ "pack": "software_evidence", "period": "P2D" });

    let json = posted(&app, "/api/hunt", "", &wanted).await;
    let csv = posted(&app, "/api/hunt", "format=csv", &wanted).await;

    assert_eq!(json.status, 200, "{}", json.body);
    let hunted: Value = serde_json::from_str(&json.body).unwrap();
    let total = hunted["total"].as_u64().unwrap();
    assert!(total > 0 && hunted["complete"] == true);
    assert_eq!(hunted["value"].as_array().unwrap().len() as u64, total.min(1_000));
    let place = hunted["kept"].as_str().unwrap();
    let kept = folder.ledger().list(&format!("{place}/records/")).await.unwrap();
    assert!(!kept.is_empty());
    let from: jiff::Timestamp = hunted["from"].as_str().unwrap().parse().unwrap();
    let to: jiff::Timestamp = hunted["to"].as_str().unwrap().parse().unwrap();
    assert_eq!(to.duration_since(from), jiff::SignedDuration::from_hours(48));
    assert!(
        folder.ledger().list("latest/").await.unwrap().is_empty(),
        "no snapshot of the pack's own"
    );
    assert!(microsoft.received().tables.is_empty(), "nothing goes to the workspace");
    assert_eq!(csv.content_type, "text/csv; charset=utf-8; header=present");
    assert_eq!(csv.body.lines().count() as u64, total.min(1_000) + 1);
}

#[tokio::test]
async fn what_can_not_be_hunted_is_told_with_the_next_step() {
    let (microsoft, folder) = (support::microsoft(3).await, Folder::new());
    let app = support::app(&microsoft, &[support::tenant(3)], folder.ledger());

    for (body, says) in [
        (json!({ "pack": "nothing" }), "choose from"),
        (json!({ "pack": "unmanaged_devices", "period": "P60D" }), "PT1M to P30D"),
        (json!({ "pack": "unmanaged_devices", "period": "soon" }), "PT1M to P30D"),
        (json!({ "query": "DeviceInfo" }), "not what this route takes"),
        (json!({}), "either a pack or a query"),
        (json!({ "pack": "unmanaged_devices", "kql": "DeviceInfo" }), "either a pack or a query"),
    ] {
        let reply = posted(&app, "/api/hunt", "", &body).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.body);
        assert!(reply.body.contains(says), "{body}: {}", reply.body);
    }
    let kind = FaultKind::Status { code: 403, retry_after: None };
    microsoft.inject(Fault::new(Api::Graph, "/v1.0/security/runHuntingQuery", kind).always());
    let refused = posted(&app, "/api/hunt", "", &json!({ "pack": "unmanaged_devices" })).await;
    assert_eq!(refused.status, 502);
    assert!(refused.body.contains("ThreatHunting.Read.All"), "{}", refused.body);
    assert_eq!(answer(&app, "GET", "/api/hunt", "").await.status, 405);
}

#[tokio::test]
async fn any_query_is_off_unless_allowed_and_then_written_down_before_it_is_asked() {
    let (microsoft, folder) = (support::microsoft(30).await, Folder::new());
    let mut app = support::app(&microsoft, &[support::tenant(30)], folder.ledger());
    let asked = json!({ "kql": "DeviceInfo | project DeviceId, DeviceName", "reason": "inc 7" });
    let audits = format!("audit/{}/", support::tenant(0).id);

    let off = posted(&app, "/api/hunt", "", &asked).await;
    let requests = microsoft.requests().len();
    app.free_kql = true;
    let without_reason = posted(&app, "/api/hunt", "", &json!({ "kql": "DeviceInfo" })).await;
    let on = posted(&app, "/api/hunt", "", &asked).await;
    let broken = posted(&app, "/api/hunt", "", &json!({ "kql": "| |", "reason": "x" })).await;

    assert_eq!((off.status, requests), (403, 0), "{}", off.body);
    assert_eq!(without_reason.status, 400);
    let hunted: Value = serde_json::from_str(&on.body).unwrap();
    assert_eq!(on.status, 200, "{}", on.body);
    let rows = hunted["value"].as_array().unwrap();
    assert!(!rows.is_empty() && rows[0]["DeviceName"].is_string(), "{hunted}");
    let kept = folder.ledger().read(hunted["kept"].as_str().unwrap()).await.unwrap().unwrap().0;
    assert_eq!(kept.split(|byte| *byte == b'\n').count(), rows.len() + 1);
    assert_eq!(broken.status, 502, "{}", broken.body);
    let paths = folder.ledger().list(&audits).await.unwrap();
    let mut outcomes = Vec::new();
    for path in &paths {
        let audit = folder.ledger().read(path).await.unwrap().unwrap().0;
        let audit: Value = serde_json::from_slice(&audit).unwrap();
        assert_eq!((&audit["action"], &audit["caller"]), (&json!("hunt"), &json!("function key")));
        outcomes.push(audit["outcome"].as_str().unwrap().to_owned());
    }
    outcomes.sort();
    assert_eq!(outcomes, ["failed", "succeeded"]);
    let received = microsoft.received();
    let told = &received.tables["PostureAudit_CL"];
    assert_eq!(told.len(), 2);
    assert!(told.iter().any(|row| row["Reason"] == "inc 7" && row["Outcome"] == "succeeded"));
}
