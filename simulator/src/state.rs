//! What all simulated APIs share: tenants, the clock, faults, and the record of what was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp};
use serde_json::Value;
use tokio::sync::watch;
use warp::http::{HeaderMap, Method};

use crate::defender::acted::Acted;
use crate::entra::Grants;
use crate::export::{self, View};
use crate::fault::{Api, Faults};
use crate::generate::Draw;
use crate::graph::directory::Granted;
use crate::graph::profile::Changes;
use crate::limits::Limits;
use crate::logs::Workspace;
use crate::options::{Options, Tenant};
use crate::scene::{Scene, Touch};
use crate::vault::Vault;

/// The time of this machine's clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(crate) fn clock() -> Timestamp {
    Timestamp::now()
}

/// One request that was made, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The API asked.
    pub api: Api,
    /// HTTP method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query as it was sent, without the question mark.
    pub query: String,
    /// Tenant of the token, or of the token request.
    pub tenant: Option<String>,
    /// Status answered; 0 while there is no answer, and for ever where the connection was closed.
    pub status: u16,
}

/// One request as it came in.
pub(crate) struct Request {
    pub api: Api,
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Everything that lives as long as the simulator.
pub(crate) struct State {
    pub options: Options,
    pub bases: BTreeMap<Api, String>,
    pub identity_header: String,
    pub faults: Mutex<Faults>,
    pub limits: Arc<Limits>,
    pub workspace: Mutex<Workspace>,
    pub refuses_publisher: AtomicBool,
    pub refuses_subscriptions: AtomicBool,
    pub days_ahead: AtomicI32,
    pub steps_ahead: AtomicI64,
    /// Records of NVD that were changed at the start.
    pub nvd_touched: AtomicU64,
    /// Records that NVD manages to give on one page; 0 for all that it is asked for.
    pub nvd_manages: AtomicU64,
    /// Links to storage of an earlier generation have expired.
    pub link_generation: AtomicU64,
    pub stop: watch::Sender<bool>,
    pub grants: Mutex<Grants>,
    pub vault: Mutex<Vault>,
    pub granted: Mutex<Granted>,
    /// Machine actions that were asked for, the oldest first.
    pub acted: Mutex<Vec<Acted>>,
    /// How long each state of an action lasts, in milliseconds.
    pub action_span_ms: AtomicI64,
    /// Changes of control profiles, by tenant and control.
    pub profile_updates: Mutex<Changes>,
    /// Fields of devices that a test has set, by tenant and number.
    pub altered: Mutex<BTreeMap<String, Arc<BTreeMap<u64, Value>>>>,
    /// Tenants that never had Defender for Endpoint.
    pub without_defender: Mutex<BTreeSet<String>>,
    secrets: Mutex<BTreeMap<String, String>>,
    begun: Instant,
    touches: Mutex<Vec<Touch>>,
    roles: Mutex<BTreeMap<String, Vec<String>>>,
    seen: Mutex<Vec<Seen>>,
    ids: AtomicU64,
}

/// Locks even after a panic elsewhere: what is behind these locks is whole after every statement.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    pub(crate) fn new(options: Options, bases: BTreeMap<Api, String>) -> State {
        let roles = options.tenants.iter().map(|tenant| (tenant.id.clone(), tenant.roles.clone()));
        State {
            begun: Instant::now(),
            touches: Mutex::default(),
            roles: Mutex::new(roles.collect()),
            workspace: Mutex::new(Workspace::new(&options.tables, options.keep_rows)),
            identity_header: Draw::new(7, "identity header", 0).guid(),
            options,
            bases,
            faults: Mutex::default(),
            limits: Arc::default(),
            refuses_publisher: AtomicBool::new(false),
            refuses_subscriptions: AtomicBool::new(false),
            days_ahead: AtomicI32::new(0),
            nvd_touched: AtomicU64::default(),
            nvd_manages: AtomicU64::default(),
            steps_ahead: AtomicI64::new(0),
            link_generation: AtomicU64::new(0),
            stop: watch::Sender::new(false),
            grants: Mutex::default(),
            vault: Mutex::default(),
            granted: Mutex::default(),
            acted: Mutex::default(),
            action_span_ms: AtomicI64::new(300),
            profile_updates: Mutex::default(),
            altered: Mutex::default(),
            without_defender: Mutex::default(),
            secrets: Mutex::default(),
            seen: Mutex::default(),
            ids: AtomicU64::new(0),
        }
    }

    pub(crate) fn base(&self, api: Api) -> &str {
        self.bases.get(&api).map_or("", String::as_str)
    }

    pub(crate) fn tenant(&self, id: &str) -> Option<&Tenant> {
        self.options.tenants.iter().find(|tenant| tenant.id.eq_ignore_ascii_case(id))
    }

    pub(crate) fn roles(&self, tenant: &str) -> Vec<String> {
        lock(&self.roles).get(tenant).cloned().unwrap_or_default()
    }

    pub(crate) fn set_roles(&self, tenant: &str, roles: &[&str]) {
        let roles = roles.iter().map(|&role| role.to_owned()).collect();
        lock(&self.roles).insert(tenant.to_ascii_lowercase(), roles);
    }

    /// The secret of a tenant's application now.
    pub(crate) fn client_secret(&self, tenant: &Tenant) -> String {
        let secrets = lock(&self.secrets);
        secrets.get(&tenant.id).unwrap_or(&tenant.client_secret).clone()
    }

    pub(crate) fn set_client_secret(&self, tenant: &str, secret: &str) {
        lock(&self.secrets).insert(tenant.to_ascii_lowercase(), secret.to_owned());
    }

    /// The newest secure-score day.
    pub(crate) fn today(&self) -> Date {
        let ahead = Span::new().days(self.days_ahead.load(Ordering::Relaxed));
        self.options.today.saturating_add(ahead)
    }

    /// The simulator's clock: goes on from [`Options::started`].
    pub(crate) fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        let now = self.options.started.saturating_add(SignedDuration::from_micros(passed));
        now.unwrap_or(Timestamp::MAX)
    }

    /// Updates the next `count` alerts of every tenant.
    pub(crate) fn touch_alerts(&self, count: u32) {
        let at = self.now();
        let mut touches = lock(&self.touches);
        let first = touches.last().map_or(0, |last| last.first + last.count);
        touches.push(Touch { first, count: count.into(), at });
    }

    /// The clock that exports go by: [`State::now`], moved on by whole steps.
    pub(crate) fn export_now(&self) -> Timestamp {
        let ahead = self.steps_ahead.load(Ordering::Relaxed).saturating_mul(export::STEP_S);
        self.now().saturating_add(SignedDuration::from_secs(ahead)).unwrap_or(Timestamp::MAX)
    }

    /// A tenant as of the newest snapshot.
    pub(crate) fn view(&self, tenant: &Tenant) -> View {
        let first = export::step_at(self.options.started);
        let step = export::step_at(self.export_now());
        View { scene: self.scene(tenant), step, first, rows: self.options.rows_per_device }
    }

    /// What a tenant's records are made from now.
    pub(crate) fn scene(&self, tenant: &Tenant) -> Scene {
        let started = self.options.started;
        let touches = lock(&self.touches).clone();
        let acted =
            lock(&self.acted).iter().filter(|one| one.tenant == tenant.id).cloned().collect();
        Scene {
            tenant: tenant.clone(),
            today: self.today(),
            started,
            touches,
            now: self.now(),
            acted: Arc::new(acted),
            action_span: self.action_span(),
            altered: lock(&self.altered).get(&tenant.id).cloned().unwrap_or_default(),
        }
    }

    /// How long each state of an action lasts.
    pub(crate) fn action_span(&self) -> SignedDuration {
        SignedDuration::from_millis(self.action_span_ms.load(Ordering::Relaxed))
    }

    /// A new request id.
    pub(crate) fn id(&self) -> String {
        Draw::new(0, "request", self.ids.fetch_add(1, Ordering::Relaxed)).guid()
    }

    /// Writes a request down; the number is for [`State::answered`].
    pub(crate) fn note(&self, request: &Request, tenant: Option<String>) -> usize {
        let mut seen = lock(&self.seen);
        seen.push(Seen {
            api: request.api,
            method: request.method.to_string(),
            path: request.path.clone(),
            query: request.query.clone(),
            tenant,
            status: 0,
        });
        seen.len() - 1
    }

    pub(crate) fn answered(&self, number: usize, status: u16) {
        if let Some(seen) = lock(&self.seen).get_mut(number) {
            seen.status = status;
        }
    }

    pub(crate) fn asked(&self) -> usize {
        lock(&self.seen).len()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }
}
