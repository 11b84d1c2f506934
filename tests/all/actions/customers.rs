//! A provider's customers: each tenant's actions by a second registration there, without any secret.

use super::*;
use crate::support::http;
use crate::support::service::{Service, environment};
use simulator::Federated;

/// The header lines and body of an action.
fn request(port: u16, tenant: &str, device: &str, key: &str) -> String {
    let body = reason().to_string();
    format!(
        "POST /api/response/devices/{device}/scan?tenant={tenant}&wait=20 HTTP/1.1\r\n\
         Host: 127.0.0.1:{port}\r\nIdempotency-Key: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A provider's own tenant and a customer's, which trusts the provider's identities: one that collects, and
/// one that acts.
async fn trusting() -> (Simulator, simulator::Tenant, simulator::Tenant) {
    let mut all = tenants();
    let trust = |subject: String| Federated {
        issuer: format!("https://login.microsoftonline.com/{}/v2.0", support::tenant(0).id),
        subject,
        audience: "api://AzureADTokenExchange".to_owned(),
    };
    let ids = support::microsoft(0).await;
    all[1].federated = vec![trust(ids.identity_principal())];
    all[1].action_federated = vec![trust(ids.action_principal(&all[0].id).unwrap())];
    let mut options = simulator::Options::new(all.clone(), posture::describe::tables_json());
    options.limits = false;
    let microsoft = support::start(options).await;
    for tenant in &all {
        microsoft.let_act(&tenant.id, &ROLES);
        let fields = json!({ "onboardingStatus": "Onboarded", "healthStatus": "Active" });
        microsoft.alter_device(&tenant.id, 0, fields);
    }
    let customer = all.pop().unwrap();
    (microsoft, all.pop().unwrap(), customer)
}

/// The provider's deployment of both.
fn deployment(
    microsoft: &Simulator,
    folder: &Folder,
    (home, customer): (&simulator::Tenant, &simulator::Tenant),
) -> Vec<(String, String)> {
    let acts = json!({ "allowed": ["scan"] });
    let client = |tenant: &simulator::Tenant| microsoft.action_client(&tenant.id).unwrap();
    let file = json!({ "tenants": [
        { "id": home.id, "actions": acts },
        { "id": customer.id, "actions": acts,
          "credential": { "kind": "federated-identity", "clientId": customer.client_id },
          "actionCredential": { "kind": "federated-identity", "clientId": client(customer) } },
    ]});
    let place = folder.path().join("tenants.json");
    std::fs::write(&place, file.to_string()).unwrap();
    let mut all = environment(microsoft, &folder.url());
    all.retain(|(name, _)| !name.starts_with("POSTURE_TENANT_"));
    for (name, value) in [
        ("POSTURE_TENANTS", place.display().to_string()),
        ("POSTURE_ACTIONS", "scan".to_owned()),
        ("POSTURE_ACTION_DENY", "none".to_owned()),
        ("AZURE_CLIENT_ID", home.client_id.clone()),
        ("POSTURE_ACTION_CLIENT_ID", client(home)),
    ] {
        all.push((name.to_owned(), value));
    }
    all
}

#[tokio::test]
async fn a_customers_device_is_acted_on_by_the_second_registration_alone() {
    let (microsoft, home, customer) = trusting().await;
    let folder = Folder::new();
    let service = Service::start(&deployment(&microsoft, &folder, (&home, &customer))).await;
    let device =
        |of: &simulator::Tenant| microsoft.device(&of.id, 0)["id"].as_str().unwrap().to_owned();
    let ask = async |tenant: &str, device: &str, key: &str| {
        let text = request(service.port, tenant, device, key);
        http::raw(service.port, text.as_bytes()).await.unwrap()
    };

    for (tenant, key) in [(&home, "a"), (&customer, "b")] {
        let reply = ask(&tenant.id, &device(tenant), key).await;
        assert_eq!(reply.status, 200, "{}: {} {}", tenant.name, reply.body, service.log());
    }
    let crossed = ask(&customer.id, &device(&home), "c").await;
    let unnamed = ask("", &device(&home), "d").await;

    let acted: Vec<_> =
        microsoft.acted().into_iter().map(|acted| (acted.tenant, acted.client)).collect();
    let client = |tenant: &simulator::Tenant| microsoft.action_client(&tenant.id).unwrap();
    let (homes, customers) = (client(&home), client(&customer));
    assert_eq!(acted, [(home.id.clone(), homes), (customer.id.clone(), customers)]);
    assert_eq!((crossed.status, unnamed.status), (404, 400), "{}", crossed.body);
}
