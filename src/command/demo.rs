//! The demo: three invented tenants of a simulator, collected, summarised and served.

use super::progress::{run_all, say, table};
use super::{Failure, collect, log_to_stdout, serve};
use crate::app::{self, App};
use crate::cloud::{Cloud, Identity, Pipeline, Route, Tokens, Wire};
use crate::describe;
use crate::findings::Formats;
use crate::ledger::FolderLedger;
use crate::plan::RunId;
use crate::source::{ALL, Api, Source};
use crate::summary;
use crate::tenant::{Present, Tenant, Way};
use azure_core::http::Url;
use simulator::Simulator;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

const NAMES: [&str; 3] = ["Contoso", "Fabrikam", "Northwind"];

/// What to show.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// End after collecting instead of serving the API
    #[arg(long)]
    once: bool,
    /// Serve recorded answers: FOLDER/<source>/page-1.json, page-2.json …
    #[arg(long, value_name = "FOLDER")]
    replay: Option<PathBuf>,
    /// Devices of each tenant
    #[arg(long, value_name = "NUMBER", default_value_t = 200)]
    devices: u32,
    /// Port of the API; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 7071)]
    port: u16,
    /// Where records are kept
    #[arg(long, value_name = "FOLDER", default_value = "posture-data/demo")]
    folder: PathBuf,
}

/// Runs the demo. The exit code is 1 where a source ended otherwise than complete.
pub async fn run(options: Options) -> Result<ExitCode, Failure> {
    log_to_stdout(tracing::Level::WARN);
    let tenants: Vec<_> =
        (1..).zip(NAMES).map(|(n, name)| invented(n, name, options.devices)).collect();
    let simulator = simulate(&tenants, options.replay.clone()).await?;
    let app = Arc::new(build(&simulator, &tenants, &options)?);
    let served = match &options.replay {
        Some(folder) => format!("the answers in {}", folder.display()),
        None => format!("{} devices each", options.devices),
    };
    say(&format!("Simulator: {} tenants, {served}", tenants.len()));
    say(&format!("Records:   {}", options.folder.display()));

    let run = RunId::at(app.now());
    let present = app.tenants().await.map_err(|error| Failure::Other(error.to_string()))?;
    let jobs = present.tenants.iter().flat_map(|tenant| {
        tenant.sources.iter().map(|source| app.job(tenant, *source, run.clone(), true))
    });
    let mut reports = run_all(&app, jobs.collect()).await;
    // What concerns whom is known after the tenants' own.
    if let Some(everyone) = app.for_all(&present) {
        let jobs = everyone.sources.iter().map(|one| app.job(&everyone, *one, run.clone(), true));
        reports.extend(run_all(&app, jobs.collect()).await);
    }
    say(&table(&reports));
    say_received(&simulator);
    say_formats(&app, &options).await?;
    say_summaries(&app, &present).await?;
    if options.once {
        return Ok(collect::code(&reports));
    }
    let listener = serve::listen(options.port)?;
    say_addresses(&present, &listener);
    serve::until_stopped(app, listener).await
}

fn invented(number: u32, name: &str, devices: u32) -> simulator::Tenant {
    simulator::Tenant::new(number, name, devices)
}

async fn simulate(
    tenants: &[simulator::Tenant],
    replay: Option<PathBuf>,
) -> Result<Simulator, Failure> {
    let missing = replay.as_ref().filter(|folder| !folder.is_dir());
    if let Some(folder) = missing {
        let folder = folder.display();
        return Err(Failure::Other(format!(
            "{folder} is no folder: give one with <source>/page-1.json"
        )));
    }
    let mut options = simulator::Options::new(tenants.to_vec(), describe::tables_json());
    options.replay = replay;
    options.keep_rows = false;
    let started = Simulator::start(options).await;
    started
        .map_err(|error| Failure::Other(format!("the simulator can't listen on loopback: {error}")))
}

fn build(
    simulator: &Simulator,
    tenants: &[simulator::Tenant],
    options: &Options,
) -> Result<App, Failure> {
    let cloud =
        Cloud::named("public").ok_or_else(|| Failure::Other("no public cloud".to_owned()))?;
    let wire = Wire::new(vec![
        Route::new(cloud.sign_in, address(&simulator.entra_url())?),
        Route::new(cloud.origin(Api::Graph), address(&simulator.graph_url())?),
        Route::new(cloud.origin(Api::Defender), address(&simulator.defender_url())?),
        Route::new(cloud.origin(Api::Arm), address(&simulator.arm_url())?),
        Route::new(cloud.feeds.kev, address(&simulator.kev_url())?),
        Route::new(cloud.feeds.kev_mirror, address(&simulator.kev_mirror_url())?),
        Route::new(cloud.feeds.epss, address(&simulator.epss_url())?),
        Route::new(cloud.feeds.nvd, address(&simulator.nvd_url())?),
    ]);
    let way = app::way(wire);
    let ours = tenants.iter().map(|tenant| {
        let mut ours =
            Tenant::new(&tenant.id, &tenant.name, cloud, ALL.to_vec(), identity(tenant), &way);
        ours.formats = Formats::all();
        ours
    });
    let logs = app::logs(&rules(simulator)?, sender(&way, cloud, &tenants[0]), false);
    let ledger = Arc::new(FolderLedger::new(options.folder.clone()));
    let mut app = App::new(ours.collect(), ledger, logs);
    let shared = ALL.iter().copied().filter(Source::is_shared).collect();
    let mut everyone = App::everyone_of(cloud, shared, identity(&tenants[0]), &way);
    everyone.formats = Formats::all();
    app.everyone = Some(everyone);
    Ok(app)
}

fn identity(tenant: &simulator::Tenant) -> Identity {
    Identity::client_secret(&tenant.id, &tenant.client_id, tenant.client_secret.clone())
}

fn sender(way: &Way, cloud: &'static Cloud, tenant: &simulator::Tenant) -> Pipeline {
    let tokens = Tokens::new(identity(tenant), cloud.sign_in, way.wire.clone(), way.clock);
    let scope = format!("{}/.default", cloud.logs_audience);
    Pipeline::new(way.wire.clone(), Arc::new(tokens), scope, None).within(way.rules.clone())
}

fn rules(simulator: &Simulator) -> Result<Vec<Url>, Failure> {
    let endpoint = simulator.logs_url();
    let ids = simulator.rules().into_iter();
    ids.map(|id| address(&format!("{endpoint}/dataCollectionRules/{id}"))).collect()
}

fn address(text: &str) -> Result<Url, Failure> {
    Url::parse(text).map_err(|_| Failure::Other(format!("{text} is no address")))
}

fn say_received(simulator: &Simulator) {
    let received = simulator.received();
    let rows: u64 = received.counts.values().sum();
    let tables = received.counts.len();
    say(&format!(
        "Simulated workspace: {rows} rows in {tables} tables, {} requests, {} kB of JSON",
        received.requests,
        received.bytes / 1000
    ));
    for (what, count) in &received.wrong_types {
        say(&format!("  wrong type in {count} rows: {what}"));
    }
    for (what, count) in &received.undeclared {
        say(&format!("  no column for {what} in {count} rows: kept in the ledger only"));
    }
}

/// Where snapshots are in open formats, and how many files of them.
async fn say_formats(app: &App, options: &Options) -> Result<(), Failure> {
    for (format, kind) in [("OCSF events", "findings"), ("Parquet", "parquet")] {
        let files = app.ledger.list(&format!("{kind}/")).await;
        let files = files.map_err(|error| Failure::Other(error.to_string()))?;
        let files = files.iter().filter(|path| !path.ends_with(".json")).count();
        say(&format!("{format}: {files} files in {}", options.folder.join(kind).display()));
    }
    Ok(())
}

async fn say_summaries(app: &App, present: &Present) -> Result<(), Failure> {
    for tenant in &present.tenants {
        let known = app.known(tenant).await.map_err(|error| Failure::Other(error.to_string()))?;
        let portal = tenant.cloud.portal;
        let summary = summary::summary(&tenant.id, &tenant.name, portal, &known, app.now());
        let mut shown = comfy_table::Table::new();
        shown.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
        shown.set_header([tenant.name.as_str(), tenant.id.as_str()]);
        for (label, value) in summary::lines(&summary) {
            shown.add_row([label, value]);
        }
        say(&shown.to_string());
    }
    Ok(())
}

fn say_addresses(present: &Present, listener: &tokio::net::TcpListener) {
    let Ok(address) = listener.local_addr() else { return };
    say(&format!("Serving until Ctrl-C:\n  http://{address}/api/health"));
    for tenant in &present.tenants {
        say(&format!("  http://{address}/api/summary?tenant={}  ({})", tenant.id, tenant.name));
    }
}
