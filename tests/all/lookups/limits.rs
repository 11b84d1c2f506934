//! Documented limits and tenants: nobody is asked too often, and nobody gets another's answer.

use crate::support::{self, Folder, answer, job};
use posture::source::VULNERABILITIES;
use serde_json::Value;
use simulator::Options;

fn json(reply: &posture::host::Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("no JSON: {}", reply.body))
}

#[tokio::test]
async fn look_ups_keep_to_the_documented_limits_and_then_answer_from_what_is_kept() {
    let tenant = support::tenant(40);
    let options = Options::new(vec![tenant.clone()], posture::describe::tables_json());
    let (microsoft, folder) = (support::start(options).await, Folder::new());
    let app = support::app_of(&microsoft, &[tenant], folder.ledger(), true);
    posture::run::run(&app, &job(&app, VULNERABILITIES)).await;
    let lines = support::kept_lines(&*app.ledger, VULNERABILITIES).await;
    let ids = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone());
    let ids: Vec<String> = ids.map(|id| id.as_str().unwrap().to_owned()).collect();

    let mut told = Vec::new();
    for id in ids.iter().take(40) {
        told.push(json(&answer(&app, "GET", &format!("/api/cves/{id}"), "").await));
    }

    // Three calls each, of a hundred a minute.
    let kept = told.iter().filter(|cve| cve["kept"] == true).count();
    assert!((5..=8).contains(&kept), "{kept}");
    let last = told.last().unwrap();
    let reason = last["missing"].as_array().unwrap().iter().find(|one| one["part"] == "live");
    assert!(
        reason.unwrap()["reason"]
            .as_str()
            .unwrap()
            .starts_with("throttled at /api/vulnerabilities/"),
        "{last}"
    );
    assert_eq!(microsoft.pressure()["lists"].refused, 0);
}

#[tokio::test]
async fn what_was_looked_up_for_one_tenant_is_no_answer_for_another() {
    let tenants = [(1, "Contoso"), (2, "Fabrikam")]
        .map(|(number, name)| simulator::Tenant::new(number, name, 20));
    let mut options = Options::new(tenants.to_vec(), posture::describe::tables_json());
    options.limits = false;
    let (microsoft, folder) = (support::start(options).await, Folder::new());
    let app = support::app(&microsoft, &tenants, folder.ledger());
    let id = "CVE-2019-20001";

    let mut told = Vec::new();
    for tenant in tenants.iter().chain([&tenants[0]]) {
        let query = format!("tenant={}", tenant.id);
        told.push(json(&answer(&app, "GET", &format!("/api/cves/{id}"), &query).await));
    }

    assert_eq!(told[0]["id"], id, "{}", told[0]);
    assert_ne!(told[0]["description"], told[1]["description"]);
    assert_eq!(told[0]["description"], told[2]["description"]);
    assert_eq!(told[1]["tenant"]["id"], tenants[1].id);
}
