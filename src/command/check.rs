//! Checks a deployment from where it is started: what its ingestion comes to.

use super::progress::say;
use super::{Failure, log_to_stdout, settings};
use crate::app::App;
use crate::bill;
use crate::checkpoint;
use crate::ledger::{LedgerError, path};
use crate::plan::RunId;
use crate::settings::Platform;
use crate::source::Source;
use crate::tenant::Tenant;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde::Deserialize;
use std::process::ExitCode;

/// What to check.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Print gigabytes a month per table and tenant, from the newest complete runs
    #[arg(long, required = true)]
    cost: bool,
}

/// What of a kept report the bill needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    #[serde(default)]
    sent_bytes: u64,
    #[serde(default)]
    sent: u64,
}

/// Prints what is asked for; reads the ledger only.
pub async fn run(_: Options, platform: &Platform) -> Result<ExitCode, Failure> {
    log_to_stdout(tracing::Level::WARN);
    let settings = settings(platform)?;
    let app = App::build(&settings).map_err(Failure::Other)?;
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["tenant", "table", "newest run", "rows", "MB", "GB a month"]);
    let mut total = 0.0;
    let present = app.tenants().await.map_err(|error| Failure::Other(error.to_string()))?;
    for tenant in &present.tenants {
        for source in &tenant.sources {
            let newest = newest(&app, tenant, source).await;
            let newest = newest.map_err(|error| Failure::Other(error.to_string()))?;
            let Some((run, kept)) = newest else { continue };
            let gigabytes = bill::monthly(source, kept.sent_bytes);
            total += gigabytes;
            table.add_row([
                tenant.name.clone(),
                source.table.name.to_owned(),
                run.to_string(),
                kept.sent.to_string(),
                format!("{:.1}", kept.sent_bytes as f64 / 1e6),
                format!("{gigabytes:.3}"),
            ]);
        }
    }
    say(&table.to_string());
    say(&format!("{total:.2} GB a month, as JSON before the service's own overhead"));
    Ok(ExitCode::SUCCESS)
}

async fn newest(
    app: &App,
    tenant: &Tenant,
    source: &Source,
) -> Result<Option<(RunId, Kept)>, LedgerError> {
    let state = path::state(&tenant.id, source.name);
    let (state, _) = checkpoint::read(&*app.ledger, &state).await?;
    let Some(completed) = state.completed else { return Ok(None) };
    let report = path::report(&tenant.id, source.name, &completed.run);
    let report = app.ledger.read(&report).await?;
    let kept = report.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok());
    Ok(kept.map(|kept| (completed.run, kept)))
}
