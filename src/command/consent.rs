//! A user's consent: a sign-in in the browser gives the first refresh token, which is kept where
//! `POSTURE_REFRESH_TOKEN` says.

use super::progress::say;
use super::{Failure, log_to_stdout, one_of, settings};
use crate::app::{self, App};
use crate::cloud::{Consent, Identity, Material, Wire};
use crate::settings::{Platform, Settings};
use crate::tenant::Tenant;
use azure_core::http::Url;
use futures::future::{self, Either};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use warp::Filter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

/// How long the browser's last answer may take to leave.
const LAST_ANSWER: Duration = Duration::from_secs(5);

const NOT_OURS: &str = "This is no answer to the sign-in that was started.";
const KEPT: &str = "Posture has kept the refresh token. You can close this window.";
const NOT_KEPT: &str = "Posture has kept nothing; the program says why. You can close this window.";

/// How the browser comes back.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The tenant to sign in to, by id; needed where there are several
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Port of the loopback address that the browser comes back to; a free one by default
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
}

/// The query that a browser came back with, and where its answer goes.
type Return = (String, oneshot::Sender<(u16, &'static str)>);

/// Prints the link to open, waits for the browser to come back, and keeps the refresh token.
pub async fn run(options: Options, platform: &Platform) -> Result<ExitCode, Failure> {
    log_to_stdout(tracing::Level::WARN);
    let settings = settings(platform)?;
    let app = App::build(&settings).map_err(Failure::Other)?;
    let present = app.tenants().await.map_err(|error| Failure::Other(error.to_string()))?;
    let tenant = one_of(&present, options.tenant.as_deref())?;
    let place = place(tenant.tokens().identity())?;
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await;
    let port = listener.as_ref().ok().and_then(|one| one.local_addr().ok()).map(|at| at.port());
    let (Ok(listener), Some(port)) = (listener, port) else {
        let port = options.port;
        return Err(Failure::Other(format!("port {port} is taken: choose another with --port")));
    };
    let consent = consent(&settings, tenant, &format!("http://localhost:{port}"))?;
    say(&format!(
        "Open this link in a browser on this machine and sign in:\n\n{}\n",
        consent.link()
    ));
    let (returned, returns) = mpsc::channel(1);
    let (done, finished) = oneshot::channel();
    let server = std::pin::pin!(serve(listener, returned, finished));
    let waiting = std::pin::pin!(wait(&consent, returns));
    let outcome = match future::select(waiting, server).await {
        Either::Left((outcome, server)) => {
            let _ = done.send(());
            let _ = tokio::time::timeout(LAST_ANSWER, server).await;
            outcome
        }
        Either::Right(((), _)) => Err(Failure::Other("the browser can't come back".to_owned())),
    };
    outcome?;
    say(&format!("The refresh token is kept at {place}."));
    Ok(ExitCode::SUCCESS)
}

/// Where the refresh token is to be kept.
fn place(identity: &Identity) -> Result<String, Failure> {
    match identity {
        Identity::Delegated { refresh_token: Material::Vault(reference), .. } => {
            Ok(reference.to_string())
        }
        Identity::Delegated { refresh_token: Material::File(path), .. } => {
            Ok(path.display().to_string())
        }
        Identity::Delegated { refresh_token: Material::Given(_), .. } => Err(Failure::Other(
            "POSTURE_REFRESH_TOKEN is a token itself: set it to where the new one is to be kept, \
             @vault:<address of a secret> or file:///<path>"
                .to_owned(),
        )),
        _ => Err(Failure::Other(
            "POSTURE_CREDENTIAL needs no user's consent: set it to refresh-token".to_owned(),
        )),
    }
}

fn consent(settings: &Settings, tenant: &Tenant, redirect: &str) -> Result<Consent, Failure> {
    let wire = Wire::new(settings.routes.clone());
    let vault = Arc::new(app::vault(settings, wire.clone()));
    let identity = tenant.tokens().identity().clone();
    Consent::new(identity, tenant.cloud, redirect, wire, vault, app::clock).ok_or_else(|| {
        Failure::Other("no sign-in can be started: check POSTURE_CREDENTIAL".to_owned())
    })
}

/// Answers the browser on the loopback address until `finished`.
async fn serve(
    listener: TcpListener,
    returned: mpsc::Sender<Return>,
    finished: oneshot::Receiver<()>,
) {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let service = warp::get()
        .and(warp::path::end())
        .and(query)
        .then(move |query: String| answer(returned.clone(), query));
    let finished = async {
        let _ = finished.await;
    };
    warp::serve(service).incoming(listener).graceful(finished).run().await;
}

/// Hands a browser's return on and tells the browser what became of it.
async fn answer(returned: mpsc::Sender<Return>, query: String) -> Response {
    let (reply, told) = oneshot::channel();
    let _ = returned.send((query, reply)).await;
    let (status, text) = told.await.unwrap_or((400, NOT_OURS));
    let mut response = text.into_response();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// Waits for the browser's return; what doesn't belong to this sign-in changes nothing.
async fn wait(consent: &Consent, mut returns: mpsc::Receiver<Return>) -> Result<(), Failure> {
    while let Some((query, reply)) = returns.recv().await {
        let pairs = Url::parse(&format!("http://localhost/?{query}")).ok();
        let value = |name: &str| {
            let mut pairs = pairs.as_ref()?.query_pairs();
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let is_ours = value("state").is_some_and(|state| consent.is_answer(&state));
        let outcome = match (is_ours, value("code")) {
            (false, _) => {
                let _ = reply.send((400, NOT_OURS));
                continue;
            }
            (true, Some(code)) => consent.take(&code).await,
            (true, None) => Err(consent.refused(&value("error_description").unwrap_or_default())),
        };
        let _ = reply.send((200, if outcome.is_ok() { KEPT } else { NOT_KEPT }));
        return outcome.map_err(|error| Failure::Other(error.to_string()));
    }
    Err(Failure::Other("nobody came back: run it again".to_owned()))
}
