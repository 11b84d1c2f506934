//! Pulls a case: alerts, incidents and hunting results of one window into a folder of its own.

use super::progress::{run_all, say, table};
use super::{Failure, observe, one_of, settings};
use crate::app::App;
use crate::case::{Case, CaseError, Manifest, State};
use crate::ledger::path;
use crate::plan::Window;
use crate::settings::Platform;
use std::process::ExitCode;

/// What to pull.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The tenant, by id
    #[arg(long, value_name = "ID")]
    tenant: String,
    /// From this time or date on
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Up to this time or date
    #[arg(long, value_name = "TIME")]
    to: String,
    /// Hunting packs to run for these times
    #[arg(long, value_name = "PACK", num_args = 1..)]
    hunt: Vec<String>,
    /// The case's name; by default its times
    #[arg(long, value_name = "CASE")]
    name: Option<String>,
}

/// Pulls the case. The exit code is 1 where a source isn't there as a whole.
pub async fn run(options: Options, platform: &Platform) -> Result<ExitCode, Failure> {
    let settings = settings(platform)?;
    let telemetry = observe(tracing::Level::WARN, settings.otlp.as_ref());
    let app = App::build(&settings).map_err(Failure::Other)?;
    let window = Window::read(&options.from, &options.to).map_err(Failure::Other)?;
    let present = app.tenants().await.map_err(|error| Failure::Other(error.to_string()))?;
    let tenant = one_of(&present, Some(&options.tenant))?;
    let case = Case::new(tenant, options.name.as_deref(), window, &options.hunt)?;
    let folder = path::case(&case.tenant, &case.name);
    let open = case.open(&app).await?;
    say(&table(&run_all(&open.app, open.jobs.clone()).await));
    telemetry.stop().await;
    let Some(manifest) = open.close().await? else {
        let text = "another attempt is at work on the case: wait for it, or pull again".to_owned();
        return Err(Failure::Other(text));
    };
    say(&shown(&manifest, &folder));
    Ok(if manifest.complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn shown(manifest: &Manifest, folder: &str) -> String {
    let records: u64 = manifest.sources.iter().map(|source| source.records).sum();
    let lacking = manifest.sources.iter().filter(|source| source.state != State::Complete);
    let lacking: Vec<_> = lacking.map(|source| source.source.as_str()).collect();
    let how = match lacking.is_empty() {
        true => "complete".to_owned(),
        false => {
            format!("not complete, {} lacks: pull it again when that is mended", lacking.join(", "))
        }
    };
    format!("{folder}/manifest.json: {records} records, {how}")
}

impl From<CaseError> for Failure {
    fn from(error: CaseError) -> Failure {
        Failure::Other(error.to_string())
    }
}
