//! What a person or the host starts: one file each, thin.

mod case;
mod check;
mod collect;
mod consent;
#[cfg(feature = "demo")]
mod demo;
mod describe;
mod grant;
mod progress;
mod retry;
mod serve;

use crate::settings::{Otlp, Platform, SettingError, Settings, environment};
use crate::telemetry::Telemetry;
use crate::tenant::{Present, Tenant};
use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;
use std::sync::Arc;
use tracing::level_filters::LevelFilter;
use tracing::warn;
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};

/// Microsoft security posture into Blob Storage and Log Analytics.
///
/// Under the Azure Functions host it serves and takes no command.
#[derive(Debug, Parser)]
#[command(name = "posture", version)]
struct Line {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Collect three invented tenants from a simulator, then serve their summaries
    #[cfg(feature = "demo")]
    Demo(demo::Options),
    /// Collect now what the settings describe
    Collect(collect::Options),
    /// Pull alerts, incidents and hunting results of one time window into a folder of its own
    Case(case::Options),
    /// Look at everything the deployment needs and say what to do; or print what ingestion comes to
    Check(check::Options),
    /// Sign a user in by the browser and keep the refresh token
    Consent(consent::Options),
    /// Print or carry out what an administrator grants, and say who must consent again
    Grant(grant::Options),
    /// Write tables, rules, permissions and the sources page from the catalogue
    Describe(describe::Options),
}

/// A failure to show to whoever started the program: one line, with the next step.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Runs what the command line and the platform ask for. An exit code other than 0 makes the host
/// start the program again.
pub async fn main() -> ExitCode {
    let line = Line::parse();
    let outcome = match (line.command, Platform::read(environment)) {
        (_, Err(error)) => Err(error.into()),
        (None, Ok(platform)) => match platform.port {
            Some(port) => serve::under_host(&platform, port).await,
            None => {
                let _ = Line::command().print_help();
                return ExitCode::from(2);
            }
        },
        #[cfg(feature = "demo")]
        (Some(Command::Demo(options)), Ok(_)) => demo::run(options).await,
        (Some(Command::Collect(options)), Ok(platform)) => collect::run(options, &platform).await,
        (Some(Command::Case(options)), Ok(platform)) => case::run(options, &platform).await,
        (Some(Command::Check(options)), Ok(platform)) => check::run(options, &platform).await,
        (Some(Command::Consent(options)), Ok(platform)) => consent::run(options, &platform).await,
        (Some(Command::Grant(options)), Ok(platform)) => grant::run(options, &platform).await,
        (Some(Command::Describe(options)), Ok(_)) => describe::run(&options),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            // Standard error: the host shows its last lines where a start fails.
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("posture: {failure}\n").as_bytes(),
            );
            ExitCode::FAILURE
        }
    }
}

/// Log lines on standard output, without colours; a reader that goes away changes nothing.
fn log_to_stdout(level: tracing::Level) {
    let _ = observe(level, None);
}

/// Log lines on standard output, and spans to the receiver that the settings name.
fn observe(level: tracing::Level, otlp: Option<&Otlp>) -> Telemetry {
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_target(false)
        .log_internal_errors(false);
    // A caller that hangs up is no matter for anybody; a line has its own fields, and no span's.
    let ours = Targets::new()
        .with_default(level.min(tracing::Level::WARN))
        .with_target("posture", level)
        .with_target("warp", LevelFilter::OFF);
    let lines = lines.with_filter(ours.and(filter_fn(|what| what.is_event())));
    let (telemetry, trouble) = match otlp.map(Telemetry::start).transpose() {
        Ok(telemetry) => (telemetry.unwrap_or_default(), None),
        Err(trouble) => (Telemetry::default(), Some(trouble)),
    };
    let all = tracing_subscriber::registry().with(telemetry.layer()).with(lines);
    // A second call in one process changes nothing.
    let _ = tracing::subscriber::set_global_default(all);
    if let Some(trouble) = trouble {
        warn!("No spans are exported, everything else goes on: {trouble}");
    }
    telemetry
}

const NO_SUCH_TENANT: &str =
    "no such tenant: compare --tenant with POSTURE_TENANT_ID, or with the tenants file";

/// The tenant of that id, or the only one.
fn one_of<'a>(present: &'a Present, id: Option<&str>) -> Result<&'a Tenant, Failure> {
    let found = match (id, present.tenants.as_slice()) {
        (Some(id), _) => present.tenant(id),
        (None, [only]) => Some(only),
        (None, _) => {
            return Err(Failure::Other("there are several tenants: name one by --tenant".into()));
        }
    };
    found.map(Arc::as_ref).ok_or_else(|| Failure::Other(NO_SUCH_TENANT.to_owned()))
}

fn settings(platform: &Platform) -> Result<Settings, Failure> {
    Ok(Settings::read(platform, environment)?)
}
