//! Starts what the tests need: the simulator, the binary, Azurite, Node.js and Python tools.

pub mod azurite;
pub mod fake_host;
pub mod http;
pub mod queue_messages;
pub mod queue_trigger;
pub mod receiver;
pub mod service;
pub mod tools;

use jiff::Timestamp;
use posture::app::{self, App};
use posture::cloud::{Cloud, Identity, Patience, Pipeline, Route, Tokens, Wire};
use posture::describe;
use posture::host::Reply;
use posture::ledger::{FolderLedger, Ledger};
use posture::plan::{Job, RunId};
use posture::routes::{self, Request};
use posture::source::{ALL, Api, Source};
use posture::tenant::{Roster, Tenant, Way};
use simulator::{Options, Simulator};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use warp::http::HeaderMap;

/// A folder of a test's own, removed with it.
pub struct Folder(PathBuf);

impl Folder {
    /// A new empty folder below cargo's own for tests.
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The folder as `POSTURE_STORAGE` takes it.
    pub fn url(&self) -> String {
        format!("file://{}", self.0.display())
    }

    pub fn ledger(&self) -> Arc<dyn Ledger> {
        Arc::new(FolderLedger::new(self.0.clone()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// One invented tenant with so many devices.
pub fn tenant(devices: u32) -> simulator::Tenant {
    simulator::Tenant::new(1, "Contoso", devices)
}

/// A simulator of one tenant with so many devices, without the documented rate limits.
pub async fn microsoft(devices: u32) -> Simulator {
    let mut options = Options::new(vec![tenant(devices)], describe::tables_json());
    options.limits = false;
    start(options).await
}

/// A simulator of these options.
pub async fn start(options: Options) -> Simulator {
    Simulator::start(options).await.unwrap()
}

/// An app over the simulator, with short waits and without heed to documented limits; its tenants'
/// records go to `ledger`.
pub fn app(microsoft: &Simulator, tenants: &[simulator::Tenant], ledger: Arc<dyn Ledger>) -> App {
    app_of(microsoft, tenants, ledger, false)
}

/// The way to the simulator's APIs.
pub fn way(microsoft: &Simulator) -> Way {
    let cloud = Cloud::named("public").unwrap();
    let url = |text: String| text.parse().unwrap();
    app::way(Wire::new(vec![
        Route::new(cloud.sign_in, url(microsoft.entra_url())),
        Route::new(cloud.origin(Api::Graph), url(microsoft.graph_url())),
        Route::new(cloud.origin(Api::Defender), url(microsoft.defender_url())),
        Route::new(cloud.origin(Api::Arm), url(microsoft.arm_url())),
        Route::new(cloud.feeds.kev, url(microsoft.kev_url())),
        Route::new(cloud.feeds.kev_mirror, url(microsoft.kev_mirror_url())),
        Route::new(cloud.feeds.epss, url(microsoft.epss_url())),
        Route::new(cloud.feeds.nvd, url(microsoft.nvd_url())),
    ]))
}

/// The same, which keeps to the documented limits where `heeds_limits`.
pub fn app_of(
    microsoft: &Simulator,
    tenants: &[simulator::Tenant],
    ledger: Arc<dyn Ledger>,
    heeds_limits: bool,
) -> App {
    let cloud = Cloud::named("public").unwrap();
    let url = |text: String| text.parse().unwrap();
    let mut way = way(microsoft);
    way.rules = way.rules.filter(|_| heeds_limits);
    let identity = |tenant: &simulator::Tenant| {
        Identity::client_secret(&tenant.id, &tenant.client_id, tenant.client_secret.clone())
    };
    let ours = tenants.iter().map(|tenant| {
        Tenant::new(&tenant.id, &tenant.name, cloud, ALL.to_vec(), identity(tenant), &way)
    });
    let tokens = Tokens::new(identity(&tenants[0]), cloud.sign_in, way.wire.clone(), app::clock);
    let scope = format!("{}/.default", cloud.logs_audience);
    let sender = Pipeline::new(way.wire.clone(), Arc::new(tokens), scope, None);
    let sender = sender.within(way.rules.clone());
    let endpoint = microsoft.logs_url();
    let rules = microsoft.rules();
    let rules: Vec<_> =
        rules.iter().map(|id| url(format!("{endpoint}/dataCollectionRules/{id}"))).collect();
    let mut app = App::new(ours.collect(), ledger, app::logs(&rules, sender, true));
    app.limits.claim = Duration::from_secs(2);
    app.limits.patience = Patience {
        tries: 3,
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_secs(3),
        deadline: None,
    };
    app
}

/// What the app answers to a request with a function key, without headers and body.
pub async fn answer(app: &App, method: &str, path: &str, query: &str) -> Reply {
    let headers = HeaderMap::new();
    routes::answer(app, Request { method, path, query, headers: &headers, body: b"" }).await
}

/// What the app answers to a body that is posted with a function key.
pub async fn posted(app: &App, path: &str, query: &str, body: &serde_json::Value) -> Reply {
    let (headers, body) = (HeaderMap::new(), body.to_string());
    let (method, headers, body) = ("POST", &headers, body.as_bytes());
    routes::answer(app, Request { method, path, query, headers, body }).await
}

/// The app's first tenant.
pub fn first(app: &App) -> &Tenant {
    match &app.roster {
        Roster::Fixed(present) => &present.tenants[0],
        Roster::File(_) => panic!("an app of fixed tenants was expected"),
    }
}

/// The app's first tenant, to be changed before anything runs.
pub fn first_mut(app: &mut App) -> &mut Tenant {
    match &mut app.roster {
        Roster::Fixed(present) => {
            Arc::get_mut(&mut Arc::get_mut(present).unwrap().tenants[0]).unwrap()
        }
        Roster::File(_) => panic!("an app of fixed tenants was expected"),
    }
}

/// The jobs of the app's first tenant that are due at `now`.
pub async fn due(app: &App, now: Timestamp) -> Vec<Job> {
    let tenant = first(app);
    app.plan(tenant, tenant.sources.clone(), now).await.unwrap()
}

/// A job of the app's first tenant, planned now.
pub fn job(app: &App, source: Source) -> Job {
    let tenant = first(app);
    let source = tenant.source(source.name).unwrap_or(source);
    app.job(tenant, source, RunId::at(app.now()), true)
}

/// A job of the app's first tenant, planned so many minutes from now.
pub fn later(app: &App, source: Source, minutes: i64) -> Job {
    let at = app.now() + jiff::SignedDuration::from_mins(minutes);
    Job { run: RunId::at(at), ..job(app, source) }
}

/// All kept lines of a source, in order of parts, over all runs.
pub async fn kept_lines(ledger: &dyn Ledger, source: Source) -> Vec<String> {
    let mut lines = Vec::new();
    for path in ledger.list("records/").await.unwrap() {
        if path.contains(&format!("/{}/", source.name)) && path.ends_with(".jsonl.gz") {
            let (bytes, _) = ledger.read(&path).await.unwrap().unwrap();
            let (text, _) = posture::part::open(&bytes).unwrap();
            lines.extend(text.lines().map(str::to_owned));
        }
    }
    lines
}

/// All that is noted as rejected.
pub async fn rejected(ledger: &dyn Ledger) -> String {
    let mut text = String::new();
    for path in ledger.list("rejected/").await.unwrap() {
        let (bytes, _) = ledger.read(&path).await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&bytes).unwrap());
    }
    text
}
