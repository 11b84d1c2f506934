//! A provider's customers, each looked at apart.

use super::{Diagnosis, diagnosis};
use crate::support::Folder;
use crate::support::service::Service;
use crate::tenants::{customers, entry, microsoft, provider, write};
use serde_json::json;

const SOURCES: &str = "defender.exposure_score,defender.devices";

/// The findings of one customer.
fn of(found: &Diagnosis, id: &str) -> Diagnosis {
    let findings = found.0["findings"].as_array().unwrap().iter();
    let theirs: Vec<_> = findings.filter(|one| one["tenant"] == id).cloned().collect();
    Diagnosis(json!({ "findings": theirs }))
}

#[tokio::test]
async fn each_customer_is_looked_at_and_one_without_consent_gets_the_link() {
    let customers = customers(3, 1);
    let (microsoft, folder) = (microsoft(&customers).await, Folder::new());
    let environment = provider(&microsoft, &folder, SOURCES);
    let off = json!({ "id": customers[2].id, "name": "Off", "enabled": false });
    write(&folder, &[entry(&customers[0]), entry(&customers[1]), off]);
    microsoft.set_roles(&customers[1].id, &[]);

    let all = diagnosis(&environment, "").await;
    let only = diagnosis(&environment, &format!("?tenant={}", customers[0].id)).await;

    let [first, second, third] = [0, 1, 2].map(|number| of(&all, &customers[number].id));
    first.says(("defender", "Score.Read.All"), "good", "granted, and", "");
    let link = format!(
        "https://login.microsoftonline.com/{}/adminconsent?client_id={}",
        customers[1].id, customers[1].client_id
    );
    second.says(("defender", "Machine.Read.All"), "wrong", "needed by defender.devices", &link);
    third.says(("tenants", "tenant"), "good", "`enabled: false`", "");
    all.says(("tenants", "list of tenants"), "good", "3 tenants", "");
    assert_eq!(only.0["status"], "good");
    assert!(of(&only, &customers[1].id).0["findings"].as_array().unwrap().is_empty());
    // The workspace is the provider's, looked at once.
    assert!(all.one("workspace", "token")["tenant"].is_null());
}

#[tokio::test]
async fn a_broken_list_and_an_unknown_customer_are_told() {
    let customers = customers(1, 1);
    let (microsoft, folder) = (microsoft(&customers).await, Folder::new());
    let environment = provider(&microsoft, &folder, SOURCES);
    write(&folder, &[json!({ "id": customers[0].id, "cloud": "mars" })]);
    let broken = diagnosis(&environment, "").await;
    write(&folder, &[entry(&customers[0])]);

    let service = Service::start(&environment).await;
    let unknown = service.get("/api/check?tenant=11111111-2222-3333-4444-555555555555").await;
    let posted = crate::support::http::raw(
        service.port,
        b"POST /api/check HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );

    broken.says(("tenants", "list of tenants"), "wrong", "field cloud", "mend the file");
    broken.says(("storage", "write, read, delete"), "good", "", "");
    assert_eq!(unknown.status, 404, "{}", unknown.body);
    assert_eq!(posted.await.unwrap().status, 405);
}
