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

#[tokio::test]
async fn a_customers_device_is_acted_on_by_the_second_registration_alone() {
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
    let (home, customer) = (&all[0], &all[1]);
    for tenant in [home, customer] {
        microsoft.let_act(&tenant.id, &ROLES);
        let fields = json!({ "onboardingStatus": "Onboarded", "healthStatus": "Active" });
        microsoft.alter_device(&tenant.id, 0, fields);
    }
    let (folder, acts) = (Folder::new(), json!({ "allowed": ["scan"] }));
    let second = microsoft.action_client(&customer.id).unwrap();
    let file = json!({ "tenants": [
        { "id": home.id, "actions": acts },
        { "id": customer.id, "actions": acts,
          "credential": { "kind": "federated-identity", "clientId": customer.client_id },
          "actionCredential": { "kind": "federated-identity", "clientId": second } },
    ]});
    let place = folder.path().join("tenants.json");
    std::fs::write(&place, file.to_string()).unwrap();
    let mut environment = environment(&microsoft, &folder.url());
    environment.retain(|(name, _)| !name.starts_with("POSTURE_TENANT_"));
    for (name, value) in [
        ("POSTURE_TENANTS", place.display().to_string()),
        ("POSTURE_ACTIONS", "scan".to_owned()),
        ("POSTURE_ACTION_DENY", "none".to_owned()),
        ("AZURE_CLIENT_ID", home.client_id.clone()),
        ("POSTURE_ACTION_CLIENT_ID", microsoft.action_client(&home.id).unwrap()),
    ] {
        environment.push((name.to_owned(), value));
    }
    let service = Service::start(&environment).await;

    for (tenant, key) in [(home, "a"), (customer, "b")] {
        let device = microsoft.device(&tenant.id, 0)["id"].as_str().unwrap().to_owned();
        let text = request(service.port, &tenant.id, &device, key);
        let reply = http::raw(service.port, text.as_bytes()).await.unwrap();
        assert_eq!(reply.status, 200, "{}: {} {}", tenant.name, reply.body, service.log());
    }

    let acted: Vec<_> =
        microsoft.acted().into_iter().map(|acted| (acted.tenant, acted.client)).collect();
    let home_client = microsoft.action_client(&home.id).unwrap();
    assert_eq!(acted, [(home.id.clone(), home_client), (customer.id.clone(), second)]);
    let crossed = microsoft.device(&home.id, 0)["id"].as_str().unwrap().to_owned();
    let text = request(service.port, &customer.id, &crossed, "c");
    assert_eq!(http::raw(service.port, text.as_bytes()).await.unwrap().status, 404);
    let unnamed = request(service.port, "", &crossed, "d");
    assert_eq!(http::raw(service.port, unnamed.as_bytes()).await.unwrap().status, 400);
}
