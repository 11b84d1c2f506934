//! A strict stand-in for the Microsoft APIs that Posture reads and writes, on loopback ports.
//!
//! Each API listens on a port of its own on 127.0.0.1. Tenants are synthetic and deterministic:
//! a record follows from its tenant's seed and its number, and is made while the page is sent.
//! The simulator refuses what the real services refuse, and misbehaves on demand ([`Fault`]).
//!
//! ```text
//! options    tenants, tables, strictness         entra/     tokens, and what the APIs accept
//! fault      which requests go wrong, and how    graph/     scores, alerts, risks, apps, hunting, roles
//! spoil      what a fault does to an answer      defender/  lists by a catalogue of endpoints, look-ups
//! server     connections, routes, bodies         logs       ingestion and its workspace
//! state      what the APIs share                 generate   records from seed and number
//! answer     one answer, made while sent         scene      what a record follows from
//! columns    what a rule takes of a row
//! limits     rate limits                         records    devices, flaws, recommendations
//! export/    rows per device: pages and files    gzip       lines of an export file
//! arm/       subscriptions, Defender for Cloud, Resource Graph
//! vault/     secrets, keys that sign, certificates
//! cve/       CISA's catalogue, FIRST's scores, NVD
//! filter     dates in $filter                    replay     recorded pages; web: query strings
//! ```

mod answer;
mod arm;
mod columns;
mod cve;
mod defender;
mod entra;
mod export;
mod fault;
mod filter;
mod generate;
mod graph;
mod gzip;
mod kql;
mod limits;
mod logs;
mod options;
mod records;
mod replay;
mod scene;
mod server;
mod spoil;
mod state;
mod vault;
mod web;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use tokio::net::TcpListener;

pub use defender::acted::Acted;
pub use fault::{Api, Fault, FaultKind};
pub use limits::Pressure;
pub use logs::{Batch, Received};
pub use options::{Federated, Options, RowsPerDevice, Tenant};
pub use state::Seen;

use state::{State, lock};

/// The running simulator. Dropping it closes its ports and ends what is still being sent.
pub struct Simulator {
    state: Arc<State>,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.state.stop.send_replace(true);
    }
}

impl Simulator {
    /// Starts every API on a free port of 127.0.0.1, on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// Where a port cannot be opened.
    pub async fn start(options: Options) -> std::io::Result<Simulator> {
        let mut listeners = Vec::new();
        let mut bases = BTreeMap::new();
        for api in Api::ALL {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            bases.insert(api, format!("http://{}", listener.local_addr()?));
            listeners.push((api, listener));
        }
        let state = Arc::new(State::new(options, bases));
        for (api, listener) in listeners {
            tokio::spawn(server::serve(listener, api, state.clone()));
        }
        Ok(Simulator { state })
    }

    /// Base URL of Entra ID, `http://127.0.0.1:PORT` like the others.
    pub fn entra_url(&self) -> String {
        self.url(Api::Entra)
    }

    /// Base URL of Microsoft Graph.
    pub fn graph_url(&self) -> String {
        self.url(Api::Graph)
    }

    /// Base URL of Defender for Endpoint.
    pub fn defender_url(&self) -> String {
        self.url(Api::Defender)
    }

    /// Base URL of Azure Resource Manager.
    pub fn arm_url(&self) -> String {
        self.url(Api::Arm)
    }

    /// Base URL of Logs Ingestion.
    pub fn logs_url(&self) -> String {
        self.url(Api::Logs)
    }

    /// Base URL of the storage that export files lie in.
    pub fn storage_url(&self) -> String {
        self.url(Api::Storage)
    }

    /// Base URL of Key Vault.
    pub fn vault_url(&self) -> String {
        self.url(Api::Vault)
    }

    /// Base URL of CISA's site.
    pub fn kev_url(&self) -> String {
        self.url(Api::Kev)
    }

    /// Base URL of the host of CISA's copy.
    pub fn kev_mirror_url(&self) -> String {
        self.url(Api::KevMirror)
    }

    /// Base URL of FIRST's files.
    pub fn epss_url(&self) -> String {
        self.url(Api::Epss)
    }

    /// Base URL of NVD.
    pub fn nvd_url(&self) -> String {
        self.url(Api::Nvd)
    }

    /// The key that NVD takes.
    pub fn nvd_key(&self) -> &'static str {
        cve::KEY
    }

    /// Changes the first `count` records of NVD, as of the simulator's start.
    pub fn touch_nvd(&self, count: u64) {
        self.state.nvd_touched.store(count, Ordering::Relaxed);
    }

    /// NVD answers 524 to who asks for more records than that on one page.
    pub fn slow_nvd(&self, manages: u64) {
        self.state.nvd_manages.store(manages, Ordering::Relaxed);
    }

    /// Value for `IDENTITY_ENDPOINT`; its tokens are for the first tenant.
    pub fn identity_endpoint(&self) -> String {
        self.url(Api::Identity) + entra::identity::PATH
    }

    /// Value for `IDENTITY_HEADER`.
    pub fn identity_header(&self) -> String {
        self.state.identity_header.clone()
    }

    fn url(&self, api: Api) -> String {
        self.state.base(api).to_owned()
    }

    /// Immutable ids of the collection rules, in the order of the tables file.
    pub fn rules(&self) -> Vec<String> {
        lock(&self.state.workspace).rules()
    }

    /// Adds a fault. Where several meet a request, the oldest one whose turn it is counts.
    pub fn inject(&self, fault: Fault) {
        lock(&self.state.faults).add(fault);
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        lock(&self.state.faults).clear();
    }

    /// Every request so far, in order.
    pub fn requests(&self) -> Vec<Seen> {
        self.state.seen()
    }

    /// How many requests there were so far.
    pub fn asked(&self) -> usize {
        self.state.asked()
    }

    /// The requests that the workspace has accepted, in order.
    pub fn batches(&self) -> Vec<Batch> {
        lock(&self.state.workspace).received.batches.clone()
    }

    /// What came of the documented limits so far, by the kind of call.
    pub fn pressure(&self) -> BTreeMap<String, Pressure> {
        self.state.limits.pressure()
    }

    /// What the simulated workspace holds now.
    pub fn received(&self) -> Received {
        lock(&self.state.workspace).received.clone()
    }

    /// Object id of the user-assigned identity, which lives in the first tenant and has that
    /// tenant's client id.
    pub fn identity_principal(&self) -> String {
        entra::identity::principal(true)
    }

    /// Gives a tenant's application another secret; the old one is wrong from now on.
    pub fn set_client_secret(&self, tenant: &str, secret: &str) {
        self.state.set_client_secret(tenant, secret);
    }

    /// A refresh token of a user of the tenant, who has consented.
    pub fn refresh_token(&self, tenant: &str) -> String {
        let id = self.state.id();
        lock(&self.state.grants).refresh_token(tenant, &id)
    }

    /// Ends every refresh token that was given out so far.
    pub fn revoke_refresh_tokens(&self) {
        lock(&self.state.grants).revoke();
    }

    /// Puts a new version of a secret into the vault, kept there since `created`.
    pub fn put_secret(&self, name: &str, value: &str, created: Timestamp, ends: Option<Timestamp>) {
        lock(&self.state.vault).put(name, value, created, ends);
    }

    /// The values that a secret of the vault has had, oldest first.
    pub fn secret_versions(&self, name: &str) -> Vec<String> {
        lock(&self.state.vault).versions(name)
    }

    /// Puts a certificate (DER) into the vault whose key (PKCS#8) never leaves it.
    pub fn put_certificate(&self, name: &str, der: &[u8], key: &[u8]) {
        lock(&self.state.vault).put_certificate(name, der, key);
    }

    /// Whether the vault forbids everything to everybody.
    pub fn refuse_vault(&self, refuse: bool) {
        lock(&self.state.vault).refuses = refuse;
    }

    /// Changes the app roles of a tenant's tokens. Tokens that were issued before keep theirs.
    pub fn set_roles(&self, tenant: &str, roles: &[&str]) {
        self.state.set_roles(tenant, roles);
    }

    /// A Graph token of a developer of the tenant, such as the Azure CLI has; it may grant app roles where
    /// the developer is Privileged Role Administrator.
    pub fn developer_token(&self, tenant: &str, may_grant: bool) -> Option<String> {
        let tenant = self.state.tenant(tenant)?;
        let roles: &[&str] = match may_grant {
            true => &[graph::directory::PRIVILEGED_ROLE_ADMINISTRATOR],
            false => &[],
        };
        Some(entra::developer(&self.state, tenant, roles, state::clock()))
    }

    /// Client id of the identity for response actions in a tenant's directory.
    pub fn action_client(&self, tenant: &str) -> Option<String> {
        self.state.tenant(tenant).map(graph::directory::action_client)
    }

    /// Object id of the identity for response actions in a tenant.
    pub fn action_principal(&self, tenant: &str) -> Option<String> {
        self.state.tenant(tenant).map(graph::directory::action_principal)
    }

    /// Grants these roles to the identity for response actions of a tenant.
    pub fn let_act(&self, tenant: &str, roles: &[&str]) {
        if let Some(tenant) = self.state.tenant(tenant) {
            graph::directory::let_act(&self.state, tenant, roles);
        }
    }

    /// The machine actions that were asked for so far, the oldest first.
    pub fn acted(&self) -> Vec<Acted> {
        lock(&self.state.acted).clone()
    }

    /// How long an action is pending, and then again in progress.
    pub fn set_action_span(&self, span: std::time::Duration) {
        let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        self.state.action_span_ms.store(ms, Ordering::Relaxed);
    }

    /// The record of a tenant's device, as `GET /api/machines/{id}` answers it.
    pub fn device(&self, tenant: &str, number: u64) -> serde_json::Value {
        let record =
            self.state.tenant(tenant).map(|tenant| self.state.scene(tenant).device(number));
        record.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Sets fields of a tenant's device.
    pub fn alter_device(&self, tenant: &str, number: u64, fields: serde_json::Value) {
        let mut altered = lock(&self.state.altered);
        let of_tenant = altered.entry(tenant.to_ascii_lowercase()).or_default();
        Arc::make_mut(of_tenant).insert(number, fields);
    }

    /// Names of the app roles that an identity of a tenant's directory holds.
    pub fn held(&self, tenant: &str, client_id: &str) -> Vec<String> {
        let tenant = self.state.tenant(tenant);
        let names = tenant.map(|tenant| graph::directory::names(&self.state, tenant, client_id));
        names.unwrap_or_default()
    }

    /// Takes Defender for Endpoint out of a tenant's directory, as where the tenant never had it.
    pub fn without_defender(&self, tenant: &str) {
        lock(&self.state.without_defender).insert(tenant.to_owned());
    }

    /// Whether Logs Ingestion says that the caller isn't a publisher of any rule.
    pub fn refuse_publisher(&self, refuse: bool) {
        self.state.refuses_publisher.store(refuse, Ordering::Relaxed);
    }

    /// Whether the identity has no role on any subscription: subscriptions and Resource Graph answer
    /// empty, and a subscription's own lists are forbidden.
    pub fn refuse_subscriptions(&self, refuse: bool) {
        self.state.refuses_subscriptions.store(refuse, Ordering::Relaxed);
    }

    /// Updates alerts of every tenant now, and with them their incidents: the newest `count` at the
    /// first call, the `count` after those at the next. They all get the same `lastUpdateDateTime`.
    pub fn touch_alerts(&self, count: u32) {
        self.state.touch_alerts(count);
    }

    /// Makes the next six-hour snapshot of the exports: `generatedTime` and the rows move on.
    pub fn advance_snapshot(&self) {
        self.state.steps_ahead.fetch_add(1, Ordering::Relaxed);
    }

    /// Expires every link to an export file that was given out so far.
    pub fn expire_links(&self) {
        self.state.link_generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Moves the newest secure-score day.
    pub fn advance_days(&self, days: i32) {
        self.state.days_ahead.fetch_add(days, Ordering::Relaxed);
    }
}
