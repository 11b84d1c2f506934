//! A static file server and a sink without limits, the same for every contender: it checks nothing,
//! refuses nothing and waits for nothing, so that what is measured is the contender.
//!
//! It lists and serves export files, drains what is sent to Logs Ingestion, and takes block blobs
//! in just the form in which Azure's own client libraries upload them. This is for benches only:
//! tests keep records in Azurite or in a folder, never here. Tokens are the simulator's.
//!
//! ```text
//! GET  /api/machines/SoftwareVulnerabilitiesExport   links to the files     files
//! GET  /export/<file>                                one file               files
//! POST /dataCollectionRules/…/streams/<stream>       drained, counted       drain
//! …    /devstoreaccount1/<container>/<blob>          blobs                  blobs
//! ```

mod blobs;
mod drain;
mod files;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Buf;
use clap::Parser;
use futures::Stream;
use simulator::{Options, Simulator, Tenant};
use tokio::net::TcpListener;
use warp::Filter;
use warp::filters::path::FullPath;
use warp::http::{HeaderMap, Method};
use warp::reply::Response;

use blobs::Blobs;
use drain::{Counts, drain};

/// Serves export files, and takes what is sent and kept, until it is interrupted; then prints what
/// it has taken as JSON.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of export files
    #[arg(long)]
    files: PathBuf,
    /// The service's tables (`infra/generated/tables.json`)
    #[arg(long)]
    tables: PathBuf,
    /// Inflate what comes in and count its records
    #[arg(long)]
    count: bool,
}

/// Everything that lives as long as the sink.
struct Sink {
    base: String,
    files: PathBuf,
    count: bool,
    counts: Counts,
    blobs: Blobs,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let tables = serde_json::from_slice(&std::fs::read(&arguments.tables)?)?;
    let tenant = Tenant::new(1, "Fabrikam 1", 1);
    let simulator = Simulator::start(Options::new(vec![tenant.clone()], tables)).await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let base = format!("http://{}", listener.local_addr()?);
    print_settings(&base, &tenant, &simulator)?;
    let Arguments { files, count, .. } = arguments;
    let (counts, blobs) = (Counts::default(), Blobs::default());
    let sink = Arc::new(Sink { base, files, count, counts, blobs });
    let served = sink.clone();
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let service = warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |method: Method, path: FullPath, query: String, headers: HeaderMap, body| {
            let sink = served.clone();
            async move { sink.answer(&method, path.as_str(), &query, &headers, body).await }
        });
    let interrupted = async {
        tokio::signal::ctrl_c().await.ok();
    };
    warp::serve(service).incoming(listener).graceful(interrupted).run().await;
    println!("{}", sink.counts.to_json());
    Ok(())
}

impl Sink {
    async fn answer(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        body: impl Stream<Item = Result<impl Buf, warp::Error>>,
    ) -> Response {
        if let Some(stream) = files::stream_of(path) {
            let drained = drain(body, self.count).await;
            return self.counts.add(stream, drained);
        }
        if path.starts_with(blobs::ACCOUNT) {
            return self.blobs.answer(self, method, (path, query), headers, body).await;
        }
        match path.strip_prefix(files::FOLDER) {
            Some(name) => files::file(&self.files, name),
            None => files::listing(&self.files, &self.base),
        }
    }
}

/// The settings that lead Posture, and its peers, to this sink.
fn print_settings(base: &str, tenant: &Tenant, simulator: &Simulator) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for (name, value) in [
        ("POSTURE_ENTRA_URL", simulator.entra_url()),
        ("POSTURE_DEFENDER_URL", base.to_owned()),
        ("POSTURE_LOGS_URL", base.to_owned()),
        ("POSTURE_LOGS_RULES", simulator.rules().join(",")),
        ("POSTURE_STORAGE", format!("{base}{}", blobs::ACCOUNT.trim_end_matches('/'))),
        ("POSTURE_TENANT_ID", tenant.id.clone()),
        ("POSTURE_TENANT_NAME", tenant.name.clone()),
        ("POSTURE_CREDENTIAL", "managed-identity".to_owned()),
        ("IDENTITY_ENDPOINT", simulator.identity_endpoint()),
        ("IDENTITY_HEADER", simulator.identity_header()),
    ] {
        writeln!(out, "{name}={value}")?;
    }
    // The end of the settings, for whoever waits for them.
    writeln!(out)?;
    out.flush()
}
