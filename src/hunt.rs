//! Any query of a caller's, where a setting allows that: bounded, written down before it is asked, its rows
//! kept.

use crate::app::App;
use crate::cloud::{Answer, CallError, Meter, Patience};
use crate::ledger::{self, LedgerError, path};
use crate::plan::Window;
use crate::record::{Envelope, Facts};
use crate::source::{AUDIT, Api};
use crate::tenant::Tenant;
use azure_core::http::{Method, Request, Url};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;
use tracing::warn;

/// Rows that a query is answered at most.
pub const MOST_ROWS: usize = 1_000;
/// Longest query, in bytes.
pub const LONGEST_QUERY: usize = 10_000;
/// How long a query may take; the service itself ends it after three minutes.
const ASK_FOR: Duration = Duration::from_secs(90);
/// How long the row of the audit may take.
const SEND_FOR: Duration = Duration::from_secs(8);

const PATH: &str = "/v1.0/security/runHuntingQuery";

/// A query that somebody asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its text.
    pub kql: String,
    /// Its times.
    pub window: Window,
    /// Why, in the caller's words.
    pub reason: String,
    /// Who.
    pub caller: String,
}

/// What is written down of a query: `audit/<tenant>/…/<id>.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Audit {
    id: String,
    action: String,
    tenant: String,
    kql: String,
    from: Timestamp,
    to: Timestamp,
    reason: String,
    caller: String,
    requested: Timestamp,
    updated: Timestamp,
    /// `intended`, then `succeeded` or `failed`.
    outcome: String,
    detail: String,
    rows: usize,
}

/// What a query has found.
#[derive(Debug)]
pub struct Found {
    /// Its rows, 1,000 at most.
    pub rows: Vec<Value>,
    /// Whether there are more.
    pub cut: bool,
    /// The file that keeps them, one a line.
    pub file: String,
}

/// Why a query has found nothing.
#[derive(Debug, thiserror::Error)]
pub enum HuntError {
    /// It isn't written down, and so it isn't asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Microsoft has refused it, or gave no answer.
    #[error("Microsoft Graph gave no rows ({0}): mend the query, or ask again later")]
    Call(#[from] CallError),
}

/// Asks a tenant's advanced hunting a query of the caller's.
///
/// It is written down first; where that fails nothing is asked. 1,001 rows are asked for, so that it shows
/// whether there are more than the 1,000 that are answered and kept.
///
/// # Errors
///
/// [`HuntError`]; the audit file has it too.
///
/// <https://learn.microsoft.com/graph/api/security-security-runhuntingquery>
pub async fn free(app: &App, tenant: &Tenant, asked: &Asked) -> Result<Found, HuntError> {
    let mut audit = begun(app, tenant, asked);
    keep(app, &audit).await?;
    let outcome = ask(tenant, asked).await;
    let found = match outcome {
        Ok(rows) => kept(app, &audit, rows).await.map_err(HuntError::from),
        Err(error) => Err(HuntError::from(error)),
    };
    audit.updated = app.now();
    (audit.outcome, audit.detail, audit.rows) = match &found {
        Ok(found) => ("succeeded".to_owned(), format!("kept as {}", found.file), found.rows.len()),
        Err(error) => ("failed".to_owned(), error.to_string(), 0),
    };
    keep(app, &audit).await?;
    tell(app, tenant, &audit).await;
    found
}

fn begun(app: &App, tenant: &Tenant, asked: &Asked) -> Audit {
    let (now, id) = (app.now(), azure_core::Uuid::new_v4().simple().to_string());
    let run = crate::plan::RunId::at(now);
    Audit {
        id: format!("{run}-{}", &id[..16]),
        action: "hunt".to_owned(),
        tenant: tenant.id.clone(),
        kql: asked.kql.clone(),
        from: asked.window.from.instant(),
        to: asked.window.to.instant(),
        reason: asked.reason.clone(),
        caller: asked.caller.clone(),
        requested: now,
        updated: now,
        outcome: "intended".to_owned(),
        detail: "on its way to Microsoft".to_owned(),
        rows: 0,
    }
}

async fn keep(app: &App, audit: &Audit) -> Result<(), LedgerError> {
    let day = crate::plan::RunId::at(audit.requested).day_path();
    let path = path::audit(&audit.tenant, &day, &audit.id);
    let json = serde_json::to_vec_pretty(audit).map(Bytes::from);
    let json =
        json.map_err(|error| LedgerError::Failed { path: path.clone(), what: error.to_string() })?;
    ledger::put(&*app.ledger, &path, json).await
}

async fn ask(tenant: &Tenant, asked: &Asked) -> Result<Vec<Value>, CallError> {
    let broken = || CallError::Rejected { status: 404, code: None, path: PATH.to_owned() };
    let url = Url::parse(&format!("{}{PATH}", tenant.cloud.origin(Api::Graph)));
    let mut request = Request::new(url.map_err(|_| broken())?, Method::Post);
    request.insert_header("content-type", "application/json; charset=utf-8");
    let query = format!("{}\n| take {}", asked.kql.trim_end(), MOST_ROWS + 1);
    let text = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (from, to) = (asked.window.from.instant(), asked.window.to.instant());
    let span = format!("{}/{}", text(from), text(to));
    request.set_body(json!({ "Query": query, "Timespan": span }).to_string());
    let patience =
        Patience { tries: 2, longest_wait: Duration::from_secs(10), ..Patience::DEFAULT };
    let patience = patience.until(Instant::now() + ASK_FOR);
    let pipeline = tenant.pipeline(Api::Graph);
    pipeline.send(&request, &patience, &Meter::default(), rows).await
}

#[derive(Deserialize)]
struct Results {
    results: Vec<Value>,
}

fn rows(answer: Answer) -> Result<Vec<Value>, String> {
    let read = serde_json::from_slice::<Results>(&answer.body);
    read.map(|read| read.results).map_err(|_| "the answer holds no results".to_owned())
}

async fn kept(app: &App, audit: &Audit, mut rows: Vec<Value>) -> Result<Found, LedgerError> {
    let cut = rows.len() > MOST_ROWS;
    rows.truncate(MOST_ROWS);
    let file = format!("{}/rows.jsonl", path::case(&audit.tenant, &format!("hunt-{}", audit.id)));
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    app.ledger.keep(&file, lines.into()).await?;
    Ok(Found { rows, cut, file })
}

/// Sends the audit's row. Where the workspace takes none the file alone has it, and the log says so.
async fn tell(app: &App, tenant: &Tenant, audit: &Audit) {
    let Some(logs) = tenant.logs.as_ref().filter(|logs| logs.takes(&AUDIT.stream())) else {
        return;
    };
    let run = crate::plan::RunId::at(audit.requested);
    let named = ("audit", "audit");
    let envelope = Envelope::new(&tenant.id, &tenant.name, named, &run, audit.requested);
    let row = json!({
        "AttemptId": audit.id, "Action": audit.action, "TargetType": "tenant",
        "Reason": audit.reason, "Caller": audit.caller, "DryRun": false, "Outcome": audit.outcome,
        "Detail": format!("{} ({} rows): {}", audit.detail, audit.rows, audit.kql),
        "Requested": audit.requested, "Updated": audit.updated,
    });
    let mut line = Vec::new();
    envelope.write(&row.to_string(), &[], &Facts::of_key(audit.id.clone()), &mut line);
    let patience = Patience { tries: 2, ..app.limits.patience };
    let patience = patience.until(Instant::now() + SEND_FOR);
    let sent = logs.send_row(&AUDIT.stream(), line, &patience, &Meter::default()).await;
    if let Err(error) = sent {
        let (id, tenant) = (&audit.id, &tenant.id);
        warn!(hunt = id, tenant, "The row of a query is in its audit file only: {error}");
    }
}
