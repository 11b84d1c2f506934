//! Says what an administrator grants, and to whom; grants it where that is asked for.

use super::progress::say;
use super::{Failure, log_to_stdout, one_of, settings};
use crate::app::{self, App};
use crate::cloud::{Identity, Patience, Pipeline, Wire};
use crate::grant::{self, Directory, Grant, Outcome, Wanted};
use crate::permissions;
use crate::settings::{Platform, Settings};
use crate::source::Api;
use crate::tenant::{Present, Tenant, guid};
use clap::builder::PossibleValuesParser;
use futures::{StreamExt, stream};
use std::process::ExitCode;
use std::sync::Arc;

/// Tenants asked beside one another.
const PARALLEL_TENANTS: usize = 16;

/// What to grant, and to whom.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// A provider's customer: print what it has to do
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// The identity that collects, by client id or object id; by default that of the settings
    #[arg(long, value_name = "ID", value_parser = id)]
    identity: Option<String>,
    /// The identity that acts; by default `POSTURE_ACTION_CLIENT_ID`
    #[arg(long, value_name = "ID", value_parser = id)]
    act_identity: Option<String>,
    /// Also what live look-ups need
    #[arg(long)]
    live: bool,
    /// Also what these response actions need, separated by commas
    #[arg(long, value_name = "ACTIONS", value_delimiter = ',',
          value_parser = PossibleValuesParser::new(permissions::actions()))]
    act: Vec<String>,
    /// Grant the app roles now, as whoever has run `az login`
    #[arg(long)]
    apply: bool,
}

fn id(text: &str) -> Result<String, &'static str> {
    guid(text).ok_or("is no id, expected a GUID")
}

/// Prints the commands, what a customer does, or who must consent again; or grants.
pub async fn run(options: Options, platform: &Platform) -> Result<ExitCode, Failure> {
    log_to_stdout(tracing::Level::WARN);
    let settings = settings(platform)?;
    let app = App::build(&settings).map_err(Failure::Other)?;
    let present = app.tenants().await.map_err(|error| Failure::Other(error.to_string()))?;
    if options.tenant.is_none() && !options.apply && present.tenants.len() > 1 {
        return Ok(overview(&present, options.live).await);
    }
    let tenant = one_of(&present, options.tenant.as_deref())?;
    let wanted = wanted(&options, &settings, tenant);
    let grants = grant::plan(tenant, &wanted).map_err(Failure::Other)?;
    let is_customer =
        options.tenant.is_some() && tenant.tokens().identity().application().is_some();
    match (options.apply, is_customer) {
        (true, _) => return apply(&settings, tenant, &grants).await,
        (false, true) => {
            say(&grant::customer(tenant, &grants));
            let standing = grant::standing(tenant, options.live).await;
            let standing = grant::overview(tenant, &standing).replace('\n', "\n# ");
            say(&format!("\n# At present:\n# {standing}"));
        }
        (false, false) => {
            let own = app_identity(&settings, tenant, &wanted);
            say(&grant::commands(tenant, &grants, own));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An application that the settings name collects; else the app's own identity does.
fn wanted(options: &Options, settings: &Settings, tenant: &Tenant) -> Wanted {
    let of_settings = match tenant.tokens().identity().client_id() {
        Some(id) => Some(id.to_owned()),
        None => settings.app_client_id.clone(),
    };
    Wanted {
        identity: options.identity.clone().or(of_settings),
        act_identity: options.act_identity.clone().or_else(|| settings.action_client_id.clone()),
        live: options.live,
        actions: options.act.clone(),
    }
}

/// The identity that sends rows: the collecting one where no application of its own collects.
fn app_identity<'a>(
    settings: &'a Settings,
    tenant: &Tenant,
    wanted: &'a Wanted,
) -> Option<&'a str> {
    let is_own = tenant.tokens().identity().application().is_none();
    let collecting = wanted.identity.as_deref().filter(|_| is_own);
    settings.app_client_id.as_deref().or(collecting)
}

/// Says of each tenant whether it must consent again.
async fn overview(present: &Present, live: bool) -> ExitCode {
    let collected = present.tenants.iter().filter(|tenant| tenant.enabled);
    let standings = stream::iter(collected)
        .map(|tenant| async move { (tenant, grant::standing(tenant, live).await) });
    let mut standings = standings.buffered(PARALLEL_TENANTS);
    let mut is_complete = true;
    while let Some((tenant, standing)) = standings.next().await {
        is_complete &= standing.is_complete();
        say(&grant::overview(tenant, &standing));
    }
    say("`posture grant --tenant <id>` prints what one of them has to do.");
    if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn apply(
    settings: &Settings,
    tenant: &Tenant,
    grants: &[Grant<'_>],
) -> Result<ExitCode, Failure> {
    let wire = Wire::new(settings.routes.clone());
    let signed_in = Identity::AzureCli { tenant: Some(tenant.id.clone()) };
    let tokens = Arc::new(app::way(wire.clone()).tokens(signed_in, tenant.cloud));
    let graph = Pipeline::new(wire, tokens, tenant.cloud.scope(Api::Graph), None);
    let directory = Directory::new(graph, tenant.cloud, Patience::DEFAULT);
    let outcomes = directory.apply(grants).await;
    let outcomes = outcomes.map_err(|error| Failure::Other(error.to_string()))?;
    say(&grant::applied(grants, &outcomes));
    let lacks = outcomes.iter().flatten().any(|outcome| *outcome == Outcome::NoProduct);
    Ok(if lacks { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
