//! Serves the Functions host.

use super::{Failure, observe, settings};
use crate::app::App;
use crate::host;
use crate::settings::{Platform, Tenants};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

/// Connections that wait to be taken.
const BACKLOG: u32 = 1024;

/// Exit code after SIGTERM, as shells have it: 128 and the signal's number.
const TERMINATED: u8 = 143;

/// Serves `127.0.0.1:<port>` until a signal comes; then the exit code is 0 only for a person's.
pub async fn under_host(platform: &Platform, port: u16) -> Result<ExitCode, Failure> {
    let settings = settings(platform)?;
    let telemetry = observe(tracing::Level::INFO, settings.otlp.as_ref());
    let app = Arc::new(App::build(&settings).map_err(Failure::Other)?);
    let listener = listen(port)?;
    let version = env!("CARGO_PKG_VERSION");
    match &settings.tenants {
        Tenants::One(one) => {
            let (tenant, tenant_name) = (&one.id, &one.name);
            info!(port, tenant, tenant_name, "Posture {version} serves the Functions host");
        }
        Tenants::File { .. } => {
            info!(port, "Posture {version} serves the Functions host, for the tenants of a file");
        }
    }
    let ended = until_stopped(app, listener).await;
    telemetry.stop().await;
    ended
}

/// A listener on loopback whose port can be taken again at once after a crash.
pub fn listen(port: u16) -> Result<TcpListener, Failure> {
    let bind = || -> std::io::Result<TcpListener> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
        socket.listen(BACKLOG)
    };
    bind().map_err(|error| {
        Failure::Other(format!("port {port} can't be served ({error}): end what listens there"))
    })
}

/// Serves until SIGTERM or Ctrl-C. Only Ctrl-C, a person's, gives the exit code 0: after that the
/// Functions host leaves the program dead, and fails every call until the host itself restarts.
pub async fn until_stopped(app: Arc<App>, listener: TcpListener) -> Result<ExitCode, Failure> {
    let mut terminate = signal(SignalKind::terminate())
        .map_err(|error| Failure::Other(format!("signals can't be watched: {error}")))?;
    let (said, heard) = tokio::sync::oneshot::channel();
    let stop = async move {
        let code = tokio::select! {
            _ = terminate.recv() => ExitCode::from(TERMINATED),
            _ = tokio::signal::ctrl_c() => ExitCode::SUCCESS,
        };
        let _ = said.send(code);
    };
    host::serve(app, listener, stop).await;
    Ok(heard.await.unwrap_or(ExitCode::FAILURE))
}
