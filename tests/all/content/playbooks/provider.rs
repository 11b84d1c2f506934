//! A provider with two customers, whose notices differ, and the playbooks' identity allowed for both.

use super::walker::Walk;
use super::world::{HOME, PLAYBOOKS};
use crate::routes::signed_in;
use crate::support::http;
use crate::support::service::{Service, environment};
use crate::support::{self, Folder};
use jiff::{SignedDuration, Timestamp};
use posture::source::{ALERTS, SECURE_SCORES};
use serde_json::{Value, json};
use simulator::{Options, Simulator};

pub const CHANNEL: &str = "https://teams.microsoft.com/l/channel/19%3Aab12%40thread.tacv2/SOC?groupId=\
                           11111111-2222-3333-4444-555555555555";

pub struct Provider {
    pub tenants: [simulator::Tenant; 2],
    pub service: Service,
    pub folder: Folder,
    variables: Vec<(String, String)>,
    _microsoft: Simulator,
}

impl Provider {
    /// With these notices of each customer; alerts and scores are collected.
    pub async fn start(notices: [Value; 2]) -> Provider {
        let tenants = [1, 2].map(|number| {
            let name = ["", "Contoso", "Fabrikam"][number];
            let mut tenant = simulator::Tenant::new(number as u32, name, 5);
            tenant.alerts = 300;
            tenant
        });
        let options = Options::new(tenants.to_vec(), posture::describe::tables_json());
        let (microsoft, folder) = (support::start(options).await, Folder::new());
        let mut variables = environment(&microsoft, &folder.url());
        let own = ["POSTURE_TENANT_ID", "POSTURE_TENANT_NAME"];
        variables.retain(|(name, _)| !own.contains(&name.as_str()));
        let entry = |(tenant, notices): (&simulator::Tenant, Value)| {
            json!({ "id": tenant.id, "name": tenant.name, "notices": notices,
                "callers": [{ "tenant": HOME, "object": PLAYBOOKS }] })
        };
        let list: Vec<_> = tenants.iter().zip(notices).map(entry).collect();
        let path = folder.path().join("tenants.json");
        std::fs::write(&path, json!({ "tenants": list }).to_string()).unwrap();
        for (name, value) in [("POSTURE_TENANTS", "tenants.json"), ("WEBSITE_AUTH_ENABLED", "True")]
        {
            variables.push((name.to_owned(), value.to_owned()));
        }
        let service = Service::start(&variables).await;
        for (tenant, source) in tenants.iter().flat_map(|one| [(one, ALERTS), (one, SECURE_SCORES)])
        {
            let message = json!({ "run": "20261126T001500Z", "tenant": tenant.id, "source": source.name,
                "now": true });
            assert_eq!(service.run(&message).await.status, 200, "{}", service.log());
        }
        Provider { tenants, service, folder, variables, _microsoft: microsoft }
    }

    /// The program anew, as after an update.
    pub async fn restart(&mut self) {
        self.service.kill();
        self.service = Service::start(&self.variables).await;
    }

    /// A tenant's file of notices, read and written.
    fn state(&self, tenant: usize) -> std::path::PathBuf {
        self.folder.path().join(format!("state/{}/notices.json", self.tenants[tenant].id))
    }

    /// As if somebody had asked for notices for so many hours.
    pub fn asked_since(&self, tenant: usize, hours: i64) {
        let since = posture::app::clock() - SignedDuration::from_hours(hours);
        let path = self.state(tenant);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, json!({ "version": 1, "since": since }).to_string()).unwrap();
    }

    /// As if all that is held had been taken half an hour earlier.
    pub fn half_an_hour_later(&self, tenant: usize) {
        let path = self.state(tenant);
        let mut state: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for held in state["held"].as_object_mut().unwrap().values_mut() {
            let at: Timestamp = held["at"].as_str().unwrap().parse().unwrap();
            held["at"] = (at - SignedDuration::from_mins(30)).to_string().into();
        }
        std::fs::write(path, state.to_string()).unwrap();
    }

    pub fn walk<'a>(&self, definition: &'a Value) -> Walk<'a> {
        let identity = signed_in(HOME, PLAYBOOKS);
        Walk::new(definition, self.service.port, &identity, Value::Null)
    }

    /// A post without a body, with these headers.
    pub async fn posts(&self, path: &str, headers: &str) -> http::Reply {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 0\r\n\
                               Connection: close\r\n\r\n"
        );
        http::raw(self.service.port, request.as_bytes()).await.unwrap()
    }

    /// The same by a function key.
    pub async fn asks(&self, path: &str) -> http::Reply {
        self.posts(path, "").await
    }

    /// The alerts of a tenant that were created within so many hours, of these severities.
    pub async fn alerts(&self, tenant: usize, hours: i64, severities: &str) -> Vec<Value> {
        let since = posture::app::clock() - SignedDuration::from_hours(hours);
        let id = &self.tenants[tenant].id;
        let path = format!("/api/alerts?tenant={id}&top=1000&since={since}&severity={severities}");
        let answer = self.service.get(&path).await.json();
        answer["value"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    }
}
