//! The running program with App Service authentication, a simulated Microsoft behind it, and an identity of
//! the playbooks that may ask and act.

use super::incidents::{Portal, incident};
use super::walker::Walk;
use crate::routes::signed_in;
use crate::support::service::{Service, environment};
use crate::support::{self, Folder};
use posture::source::hunting::ASSET_CRITICALITY;
use serde_json::{Value, json};
use simulator::Simulator;
use std::time::Duration;

pub const HOME: &str = "aaaaaaaa-0000-4000-8000-000000000000";
pub const PLAYBOOKS: &str = "bbbbbbbb-0000-4000-8000-000000000001";
const DEVICES: u32 = 60;

pub struct World {
    pub microsoft: Simulator,
    pub service: Service,
    pub tenant: String,
    _folder: Folder,
}

impl World {
    /// One tenant with devices and critical assets collected, in which every response action is on.
    pub async fn start(more: &[(&str, &str)]) -> World {
        let (microsoft, folder) = (support::microsoft(DEVICES).await, Folder::new());
        let tenant = support::tenant(0).id;
        microsoft.let_act(&tenant, &["Machine.Isolate", "Machine.Scan"]);
        microsoft.set_action_span(Duration::from_secs(2));
        let fields = json!({ "onboardingStatus": "Onboarded", "healthStatus": "Active", "osPlatform": "Windows11" });
        (0..2).for_each(|number| microsoft.alter_device(&tenant, number, fields.clone()));
        let mut variables = environment(&microsoft, &folder.url());
        let caller = format!("{HOME}/{PLAYBOOKS}");
        for (name, value) in [
            ("WEBSITE_AUTH_ENABLED", "True"),
            ("POSTURE_CALLERS", &caller),
            ("POSTURE_ACTION_CALLERS", &caller),
            ("POSTURE_ACTIONS", "isolate,release,scan"),
            ("POSTURE_ACTION_CLIENT_ID", &microsoft.action_client(&tenant).unwrap()),
        ]
        .iter()
        .chain(more)
        {
            variables.push(((*name).to_owned(), (*value).to_owned()));
        }
        let service = Service::start(&variables).await;
        for source in [posture::source::DEVICES.name, ASSET_CRITICALITY.name] {
            let message = json!({ "run": "20261122T101500Z", "tenant": tenant, "source": source, "now": true });
            assert_eq!(service.run(&message).await.status, 200, "{}", service.log());
        }
        World { microsoft, service, tenant, _folder: folder }
    }

    pub fn device(&self, number: u64) -> Value {
        self.microsoft.device(&self.tenant, number)
    }

    pub fn incident(&self, portal: Portal, numbers: &[u64]) -> Value {
        let devices: Vec<_> = numbers.iter().map(|number| self.device(*number)).collect();
        incident(portal, &self.tenant, &devices)
    }

    /// A run of a playbook as its identity.
    pub fn walk<'a>(&self, definition: &'a Value, trigger: Value) -> Walk<'a> {
        Walk::new(definition, self.service.port, &signed_in(HOME, PLAYBOOKS), trigger)
    }
}
