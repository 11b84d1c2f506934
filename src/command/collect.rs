//! Collects now, without a host.

use super::progress::{run_all, say, table, went_well};
use super::{Failure, observe, retry, settings};
use crate::app::App;
use crate::plan::{Job, RunId, Window};
use crate::report::Report;
use crate::settings::Platform;
use crate::source::{ALL, Source};
use crate::tenant::{Present, Tenant};
use std::process::ExitCode;

/// What to collect.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only this tenant, by id
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Only these sources; may be given several times
    #[arg(long, value_name = "NAME")]
    source: Vec<String>,
    /// Instead of collecting, carry out again what the host has given up (its poison queue)
    #[arg(long, conflicts_with_all = ["from", "to"])]
    retry: bool,
    /// From this time or date on, in place of the period of the hunting packs named by --source
    #[arg(long, value_name = "TIME", requires = "to")]
    from: Option<String>,
    /// Up to this time or date
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<String>,
}

/// Collects what the settings describe. The exit code is 1 where a source ended otherwise than
/// complete.
pub async fn run(options: Options, platform: &Platform) -> Result<ExitCode, Failure> {
    let settings = settings(platform)?;
    let telemetry = observe(tracing::Level::WARN, settings.otlp.as_ref());
    let app = App::build(&settings).map_err(Failure::Other)?;
    if options.retry {
        let ended = retry::run(&app, options.tenant.as_deref(), &options.source).await;
        telemetry.stop().await;
        return ended;
    }
    let present = app.tenants().await.map_err(|error| Failure::Other(error.to_string()))?;
    let jobs = jobs(&app, &present, &options)?;
    // What is the same for all is sent to whom it concerns, which the tenants' own jobs tell.
    let (shared, own): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.source.is_shared());
    let mut reports = run_all(&app, own).await;
    if !shared.is_empty() {
        reports.extend(run_all(&app, shared).await);
    }
    telemetry.stop().await;
    say(&table(&reports));
    Ok(code(&reports))
}

fn jobs(app: &App, present: &Present, options: &Options) -> Result<Vec<Job>, Failure> {
    let run = RunId::at(app.now());
    let window = window(options)?;
    let mut jobs = Vec::new();
    let everyone = app.for_all(present).map(std::sync::Arc::new);
    let tenants = present.tenants.iter().filter(|tenant| tenant.enabled).chain(&everyone);
    let tenants: Vec<_> = tenants.collect();
    check_names(&tenants, &options.source)?;
    for tenant in tenants {
        if options.tenant.as_ref().is_some_and(|id| !tenant.id.eq_ignore_ascii_case(id)) {
            continue;
        }
        let wanted = |name: &str| options.source.iter().any(|one| one.eq_ignore_ascii_case(name));
        let sources = tenant.sources.iter();
        let sources = sources.filter(|one| options.source.is_empty() || wanted(one.name));
        let sources: Vec<_> = sources.collect();
        if let (Some(_), Some(source)) = (&window, sources.iter().find(|one| !one.takes_times())) {
            let name = source.name;
            return Err(Failure::Other(format!(
                "{name} takes no --from and --to: name hunting packs by --source graph.hunting.…"
            )));
        }
        jobs.extend(sources.into_iter().map(|source| {
            let window = window.clone();
            Job { window, ..app.job(tenant, *source, run.clone(), true) }
        }));
    }
    match jobs.is_empty() {
        true => Err(Failure::Other(
            "no such tenant is collected: compare --tenant with POSTURE_TENANT_ID, or with the \
                 tenants file"
                .into(),
        )),
        false => Ok(jobs),
    }
}

/// Each name is a source of some tenant, or of the one that stands for all.
fn check_names(tenants: &[&std::sync::Arc<Tenant>], names: &[String]) -> Result<(), Failure> {
    let lacks = |name: &&String| tenants.iter().all(|tenant| tenant.source(name).is_none());
    let Some(name) = names.iter().find(lacks) else { return Ok(()) };
    let is_known = |one: &&Source| tenants.iter().any(|tenant| tenant.source(one.name).is_some());
    let known: Vec<_> = ALL.iter().filter(is_known).map(|source| source.name).collect();
    let known = known.join(", ");
    Err(Failure::Other(format!("no source {name:?}: choose from {known}")))
}

fn window(options: &Options) -> Result<Option<Window>, Failure> {
    let (Some(from), Some(to)) = (&options.from, &options.to) else { return Ok(None) };
    Window::read(from, to).map(Some).map_err(Failure::Other)
}

/// 0 where every job is complete or had nothing to do.
pub fn code(reports: &[Report]) -> ExitCode {
    if reports.iter().all(went_well) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
