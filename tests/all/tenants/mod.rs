//! Many tenants in one deployment: a file says who, each is planned, collected and answered apart.

mod file;
mod many;
mod schema;

use crate::support::Folder;
use crate::support::service::environment;
use posture::app::App;
use posture::settings::{Platform, Settings};
use serde_json::{Value, json};
use simulator::{Options, Simulator};
use std::collections::BTreeMap;

/// The client id and secret of the provider's application, the same in every customer's tenant.
const SECRET: &str = "simulated-secret-of-the-provider";

/// Customers of a provider whose one application they have all consented to.
pub fn customers(count: u32, devices: u32) -> Vec<simulator::Tenant> {
    let provider = simulator::Tenant::new(1, "", 0);
    let customer = |number| simulator::Tenant {
        client_id: provider.client_id.clone(),
        client_secret: SECRET.to_owned(),
        days: 3,
        recommendations: 5,
        vulnerabilities: 5,
        ..simulator::Tenant::new(number, &format!("Customer {number}"), devices)
    };
    (1..=count).map(customer).collect()
}

pub async fn microsoft(customers: &[simulator::Tenant]) -> Simulator {
    let mut options = Options::new(customers.to_vec(), posture::describe::tables_json());
    options.limits = false;
    crate::support::start(options).await
}

/// The environment of a provider's deployment whose tenants are those of `tenants.json` in the ledger.
pub fn provider(microsoft: &Simulator, folder: &Folder, sources: &str) -> Vec<(String, String)> {
    let mut environment = environment(microsoft, &folder.url());
    environment.retain(|(name, _)| !name.starts_with("POSTURE_TENANT_"));
    let application = simulator::Tenant::new(1, "", 0).client_id;
    let more = [
        ("POSTURE_TENANTS", "tenants.json"),
        ("POSTURE_CREDENTIAL", "client-secret"),
        ("POSTURE_CLIENT_ID", &application),
        ("POSTURE_CLIENT_SECRET", SECRET),
        ("POSTURE_SOURCES", sources),
    ];
    environment.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    environment
}

/// An app of these settings in this process.
fn app(environment: &[(String, String)]) -> App {
    let all: BTreeMap<_, _> = environment.iter().cloned().collect();
    let platform = Platform { port: None, has_identity: false, authenticates: false };
    let settings = Settings::read(&platform, |name| all.get(name).cloned()).unwrap();
    App::build(&settings).unwrap()
}

pub fn entry(customer: &simulator::Tenant) -> Value {
    json!({ "id": customer.id, "name": customer.name })
}

pub fn write(folder: &Folder, tenants: &[Value]) {
    write_text(folder, &json!({ "tenants": tenants }).to_string());
}

fn write_text(folder: &Folder, text: &str) {
    std::fs::write(folder.path().join("tenants.json"), text).unwrap();
}
