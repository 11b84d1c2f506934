//! Checks a deployment from where it is started: what works and what doesn't, or what its ingestion
//! comes to.

use super::progress::say;
use super::{Failure, NO_SUCH_TENANT, log_to_stdout, settings};
use crate::app::App;
use crate::bill;
use crate::check::{self, Finding, Verdict};
use crate::checkpoint;
use crate::ledger::{LedgerError, path};
use crate::plan::RunId;
use crate::settings::Platform;
use crate::source::Source;
use crate::tenant::Tenant;
use comfy_table::{ColumnConstraint, Table, Width, presets::UTF8_FULL_CONDENSED};
use serde::Deserialize;
use std::process::ExitCode;
use std::sync::Arc;

/// Characters of the widest column.
const WIDEST_FOUND: u16 = 90;

/// What to check.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Print gigabytes a month per table and tenant, from the newest complete runs
    #[arg(long)]
    cost: bool,
    /// The one tenant to look at, by its id
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
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

/// Prints what is asked for. Ends with 1 where something doesn't work until somebody does something.
pub async fn run(options: Options, platform: &Platform) -> Result<ExitCode, Failure> {
    log_to_stdout(tracing::Level::ERROR);
    let settings = settings(platform)?;
    let app = App::build(&settings).map_err(Failure::Other)?;
    match options.cost {
        true => cost(&app, options.tenant.as_deref()).await,
        false => doctor(&app, options.tenant.as_deref()).await,
    }
}

async fn doctor(app: &App, tenant: Option<&str>) -> Result<ExitCode, Failure> {
    let Some(diagnosis) = check::check(app, tenant).await else {
        return Err(Failure::Other(NO_SUCH_TENANT.to_owned()));
    };
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["", "tenant", "area", "what", "found"]);
    for Finding { tenant_name, area, what, verdict, says, .. } in &diagnosis.findings {
        table.add_row([word(*verdict), tenant_name.as_deref().unwrap_or(""), area, what, says]);
    }
    if let Some(found) = table.column_mut(4) {
        found.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(WIDEST_FOUND)));
    }
    say(&table.to_string());
    // Below the table, one line each, so that commands can be copied.
    for Finding { tenant_name, area, what, next, .. } in
        diagnosis.findings.iter().filter(|finding| !finding.next.is_empty())
    {
        let tenant = tenant_name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
        say(&format!("{tenant}{area}, {what}: {next}"));
    }
    let count = |wanted| diagnosis.findings.iter().filter(|one| one.verdict == wanted).count();
    let [wrong, warnings, good] = [Verdict::Wrong, Verdict::Warning, Verdict::Good].map(count);
    say(&format!("{wrong} wrong, {warnings} warnings, {good} good"));
    Ok(if diagnosis.status == Verdict::Wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Warning => "warning",
        Verdict::Wrong => "wrong",
    }
}

/// Prints what a month's ingestion comes to; reads the ledger only.
async fn cost(app: &App, named: Option<&str>) -> Result<ExitCode, Failure> {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["tenant", "table", "newest run", "rows", "MB", "GB a month"]);
    let mut total = 0.0;
    let present = app.tenants().await.map_err(|error| Failure::Other(error.to_string()))?;
    if named.is_some_and(|id| present.tenant(id).is_none()) {
        return Err(Failure::Other(NO_SUCH_TENANT.to_owned()));
    }
    let shown = |tenant: &&Arc<Tenant>| named.is_none_or(|id| tenant.id.eq_ignore_ascii_case(id));
    let for_all = app.for_all(&present).map(Arc::new).filter(|_| named.is_none());
    for tenant in present.tenants.iter().filter(shown).chain(&for_all) {
        for source in &tenant.sources {
            let newest = newest(app, tenant, source).await;
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
