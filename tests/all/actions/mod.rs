//! Response actions: what is carried out, what is refused, and that both are written down.

mod callers;
mod cards;
mod crashes;
mod customers;
mod doors;
mod following;
mod guards;
mod keys;
mod playbook;
mod written;

use crate::support::{self, Folder, job};
use bytes::Bytes;
use jiff::Timestamp;
use posture::action::{Caps, Deny, Policy};
use posture::app::App;
use posture::cloud::Identity;
use posture::host::Reply;
use posture::ledger::Ledger;
use posture::report::Status;
use posture::routes::{self, Request};
use posture::run::run;
use posture::settings::Action;
use posture::source::hunting::ASSET_CRITICALITY;
use posture::tenant::{Roster, Tenant, Way};
use serde_json::{Value, json};
use simulator::{Acted, Api, Simulator};
use std::sync::Arc;
use warp::http::HeaderMap;

/// Devices of the tenant: enough to have every kind.
const DEVICES: u32 = 60;

/// Everything that the identity for actions needs.
const ROLES: [&str; 3] = ["Machine.Isolate", "Machine.Scan", "SecurityEvents.ReadWrite.All"];

/// A simulator and a tenant in which everything is possible that a test doesn't forbid.
struct World {
    microsoft: Simulator,
    folder: Folder,
    app: App,
}

fn policy() -> Policy {
    Policy {
        allowed: Action::ALL.into_iter().collect(),
        deny: Deny::read(Deny::DEFAULT.split(',')).unwrap(),
        caps: Caps::default(),
    }
}

/// The registration for actions of a tenant.
fn acting(microsoft: &Simulator, tenant: &simulator::Tenant) -> Identity {
    let client = microsoft.action_client(&tenant.id).unwrap();
    Identity::client_secret(&tenant.id, &client, tenant.action_secret.clone())
}

fn tenants() -> Vec<simulator::Tenant> {
    vec![support::tenant(DEVICES), simulator::Tenant::new(2, "Fabrikam", 20)]
}

impl World {
    /// The tenant's critical assets are collected.
    async fn new() -> World {
        let world = World::of(policy()).await;
        assert!(
            run(&world.app, &job(&world.app, ASSET_CRITICALITY)).await.status == Status::Complete
        );
        world
    }

    /// Nothing is collected yet.
    async fn of(policy: Policy) -> World {
        let mut options = simulator::Options::new(tenants(), posture::describe::tables_json());
        options.limits = false;
        let microsoft = support::start(options).await;
        for tenant in tenants() {
            microsoft.let_act(&tenant.id, &ROLES);
        }
        let folder = Folder::new();
        let app = app(&microsoft, folder.ledger(), &policy);
        World { microsoft, folder, app }
    }

    /// The number of a device that is fit for every action; `skip` gives others.
    fn fit(&self, skip: usize) -> u64 {
        let is_fit = |number: &u64| {
            let device = self.device(*number);
            device["onboardingStatus"] == "Onboarded"
                && device["healthStatus"] == "Active"
                && device["osPlatform"].as_str().unwrap().starts_with("Windows1")
                && number % 4 != 1
        };
        (0..u64::from(DEVICES)).filter(is_fit).nth(skip).unwrap()
    }

    fn device(&self, number: u64) -> Value {
        self.microsoft.device(&support::tenant(0).id, number)
    }

    fn id(&self, number: u64) -> String {
        self.device(number)["id"].as_str().unwrap().to_owned()
    }

    fn alter(&self, number: u64, fields: Value) {
        self.microsoft.alter_device(&support::tenant(0).id, number, fields);
    }

    /// Asks for an action on a device.
    async fn ask(&self, device: &str, verb: &str, key: &str, body: Value) -> Reply {
        let path = format!("/api/response/devices/{device}/{verb}");
        call(&self.app, "POST", &path, "wait=20", key, body).await
    }

    /// What the audit files say, in the order of the attempts.
    async fn audit(&self) -> Vec<Value> {
        audit(&*self.folder.ledger()).await
    }

    /// What the workspace got of attempts.
    fn rows(&self) -> Vec<Value> {
        self.microsoft.received().tables.get("PostureAudit_CL").cloned().unwrap_or_default()
    }

    fn acted(&self) -> Vec<Acted> {
        self.microsoft.acted()
    }
}

/// The way to the simulator, without heed to documented limits.
fn way(microsoft: &Simulator) -> Way {
    Way { rules: None, ..support::way(microsoft) }
}

/// An app of all tenants, each with its own registration for actions.
fn app(microsoft: &Simulator, ledger: Arc<dyn Ledger>, policy: &Policy) -> App {
    let all = tenants();
    let mut app = support::app(microsoft, &all, ledger);
    let way = way(microsoft);
    let Roster::Fixed(present) = &mut app.roster else { unreachable!("the tenants are fixed") };
    let present = Arc::get_mut(present).unwrap();
    for (tenant, own) in present.tenants.iter_mut().zip(&all) {
        let plain: Tenant = (**tenant).clone();
        let identity = Ok(acting(microsoft, own));
        *tenant = Arc::new(plain.acting_as(policy.clone(), identity, &way));
    }
    app
}

/// A call to a route as the host passes it on, about the first tenant unless the query says another.
async fn call(app: &App, method: &str, path: &str, query: &str, key: &str, body: Value) -> Reply {
    let mut headers = HeaderMap::new();
    if !key.is_empty() {
        headers.insert("idempotency-key", key.parse().unwrap());
    }
    call_with(app, method, path, query, headers, body).await
}

/// The same with other headers.
async fn call_with(
    app: &App,
    method: &str,
    path: &str,
    query: &str,
    headers: HeaderMap,
    body: Value,
) -> Reply {
    let query = match query.contains("tenant=") {
        true => query.to_owned(),
        false => format!("{query}&tenant={}", support::tenant(0).id),
    };
    let body = match body {
        Value::Null => Bytes::new(),
        body => Bytes::from(body.to_string()),
    };
    let request = Request { method, path, query: &query, headers: &headers, body: &body };
    routes::answer(app, request).await
}

fn reason() -> Value {
    json!({ "reason": "Ticket 4711: contain it" })
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("no JSON: {}", reply.body))
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}

async fn audit(ledger: &dyn Ledger) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ledger.list("audit/").await.unwrap() {
        let (bytes, _) = ledger.read(&path).await.unwrap().unwrap();
        all.push(serde_json::from_slice::<Value>(&bytes).unwrap());
    }
    let at = |one: &Value| one["requested"].as_str().unwrap().parse::<Timestamp>().unwrap();
    all.sort_by_key(at);
    all
}

/// How often Defender was asked for an action, whatever it answered.
fn asked_to_act(microsoft: &Simulator) -> usize {
    let acts = |seen: &&simulator::Seen| {
        (seen.api == Api::Defender && seen.method == "POST")
            || (seen.api == Api::Graph && seen.method == "PATCH")
    };
    microsoft.requests().iter().filter(acts).count()
}
