//! Look-ups at Defender, and the same out of what is kept.

mod card;
mod incident;
mod inventory;
mod limits;
mod listed;

use crate::support::{self, Folder, answer, job};
use posture::app::App;
use posture::host::Reply;
use posture::run::run;
use posture::source::Source;
use serde_json::Value;
use simulator::{Api, Fault, FaultKind, Simulator};

/// A tenant of some devices, and the app that looks them up.
struct World {
    microsoft: Simulator,
    app: App,
    tenant: simulator::Tenant,
    _folder: Folder,
}

impl World {
    async fn start(devices: u32) -> World {
        let (microsoft, folder) = (support::microsoft(devices).await, Folder::new());
        let tenant = support::tenant(devices);
        let app = support::app(&microsoft, std::slice::from_ref(&tenant), folder.ledger());
        World { microsoft, app, tenant, _folder: folder }
    }

    /// Collects these sources.
    async fn keep(&self, sources: &[Source]) {
        for source in sources {
            run(&self.app, &job(&self.app, *source)).await;
        }
    }

    async fn get(&self, path: &str, query: &str) -> Reply {
        answer(&self.app, "GET", path, query).await
    }

    /// A right answer as JSON.
    async fn json(&self, path: &str, query: &str) -> Value {
        let reply = self.get(path, query).await;
        assert_eq!(reply.status, 200, "{path}?{query}: {}", reply.body);
        body(&reply)
    }

    /// Defender refuses everything below this path from now on.
    fn refuse(&self, path: &str) {
        let refused = FaultKind::Status { code: 403, retry_after: None };
        self.microsoft.inject(Fault::new(Api::Defender, path, refused).always());
    }

    /// Roles of the tenant's identity but these, before it has a token.
    fn without(&self, roles: &[&str]) {
        let held = self.tenant.roles.iter().map(String::as_str);
        let held: Vec<&str> = held.filter(|role| !roles.contains(role)).collect();
        self.microsoft.set_roles(&self.tenant.id, &held);
    }
}

fn body(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field}: {value}"))
}

/// The reason for which a part is missing.
fn reason<'a>(answer: &'a Value, part: &str) -> &'a str {
    let all = answer["missing"].as_array().unwrap();
    let found = all.iter().find(|one| one["part"] == part);
    found.unwrap_or_else(|| panic!("{part} isn't missing: {all:?}"))["reason"].as_str().unwrap()
}

/// The first device of the list that is so.
async fn device(world: &World, is: impl Fn(&Value) -> bool) -> Value {
    let ledger = &*world.app.ledger;
    let lines = support::kept_lines(ledger, posture::source::DEVICES).await;
    let devices = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    devices.into_iter().find(is).expect("a device like that")
}
