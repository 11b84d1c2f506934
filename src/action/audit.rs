//! Attempts written down: a file each, and a row of the workspace, now or later.
//!
//! The file comes first. Beside it a note says that the workspace hasn't got the row; it is taken away
//! once the row is there, else every tick of the timer sends it again. A row that is there twice has the
//! same `RecordId`.

use super::{Attempt, Delivery};
use crate::app::App;
use crate::cloud::{Meter, Patience};
use crate::ledger::{self, LedgerError, path};
use crate::source::AUDIT;
use crate::tenant::Tenant;
use bytes::Bytes;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::cmp::Reverse;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{info, warn};

/// How long an answer waits for the workspace.
const SEND_FOR: Duration = Duration::from_secs(8);
/// How old a note is before another process sends the row: whoever has written it is at it until then.
const LATE: SignedDuration = SignedDuration::from_mins(2);
/// Rows that one tick sends at most.
const MOST_ROWS: usize = 100;
/// Attempts that a list shows at most, and those that are read beside one another.
const MOST_LISTED: usize = 500;
const READS_AT_ONCE: usize = 16;

/// Writes an attempt's file, and that its row isn't in the workspace yet.
///
/// # Errors
///
/// Where the ledger can't be written: nothing may be carried out then.
pub async fn write(app: &App, tenant: &Tenant, attempt: &mut Attempt) -> Result<(), LedgerError> {
    attempt.updated = app.now();
    attempt.workspace = match takes_rows(tenant) {
        true => Delivery::Waiting,
        false => Delivery::Nowhere,
    };
    if attempt.workspace == Delivery::Waiting {
        app.ledger.keep(&path::unsent(&tenant.id, &attempt.id), Bytes::from_static(b"{}")).await?;
    }
    put(app, attempt).await
}

/// Writes an attempt's file and sends its row. A workspace that can't be reached is no error: the file
/// says so, and the row is sent later.
///
/// # Errors
///
/// As [`write`].
pub async fn tell(app: &App, tenant: &Tenant, attempt: &mut Attempt) -> Result<(), LedgerError> {
    write(app, tenant, attempt).await?;
    if attempt.workspace == Delivery::Waiting && send(app, tenant, attempt).await {
        attempt.workspace = Delivery::Sent;
        put(app, attempt).await?;
        app.ledger.remove(&path::unsent(&tenant.id, &attempt.id)).await?;
    }
    Ok(())
}

fn takes_rows(tenant: &Tenant) -> bool {
    tenant.logs.as_ref().is_some_and(|logs| logs.takes(&AUDIT.stream()))
}

async fn put(app: &App, attempt: &Attempt) -> Result<(), LedgerError> {
    let path = place(&attempt.tenant, &attempt.id).ok_or_else(|| LedgerError::Failed {
        path: path::audits(&attempt.tenant),
        what: "an attempt has no id".to_owned(),
    })?;
    ledger::put(&*app.ledger, &path, content(attempt)).await
}

fn content(attempt: &Attempt) -> Bytes {
    serde_json::to_vec_pretty(attempt).unwrap_or_default().into()
}

fn place(tenant: &str, id: &str) -> Option<String> {
    Some(path::audit(tenant, &Attempt::day(id)?, id))
}

/// Whether the workspace has taken the row.
async fn send(app: &App, tenant: &Tenant, attempt: &Attempt) -> bool {
    let Some(logs) = &tenant.logs else { return false };
    let patience = Patience { longest_wait: SEND_FOR, ..app.limits.patience };
    let patience = patience.until(Instant::now() + SEND_FOR);
    let sent = logs.send_row(&AUDIT.stream(), attempt.row(), &patience, &Meter::default()).await;
    if let Err(error) = &sent {
        let (id, tenant) = (&attempt.id, &tenant.id);
        warn!(attempt = id, tenant, "The row of an action is sent later: {error}");
    }
    sent.is_ok()
}

/// An attempt of a tenant, as it is written down; nothing where there is none.
///
/// # Errors
///
/// Where the ledger can't be read.
pub async fn read(app: &App, tenant: &str, id: &str) -> Result<Option<Attempt>, LedgerError> {
    let Some(path) = place(tenant, id) else { return Ok(None) };
    let there = app.ledger.read(&path).await?;
    Ok(there.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok()))
}

/// A tenant's attempts of the last `days`, the newest first, 500 at most.
///
/// # Errors
///
/// Where the ledger can't be read.
pub async fn list(app: &App, tenant: &str, days: i32) -> Result<Vec<Attempt>, LedgerError> {
    let mut paths = Vec::new();
    for back in 0..days {
        let day = app.now().checked_sub((24 * back).hours()).unwrap_or(Timestamp::UNIX_EPOCH);
        let prefix = format!("{}{}/", path::audits(tenant), day.strftime("%Y/%m/%d"));
        let mut of_day = app.ledger.list(&prefix).await?;
        of_day.reverse();
        paths.extend(of_day);
        if paths.len() >= MOST_LISTED {
            break;
        }
    }
    paths.truncate(MOST_LISTED);
    let reads = paths.into_iter().map(|path| async move { app.ledger.read(&path).await });
    let read: Vec<_> = stream::iter(reads).buffered(READS_AT_ONCE).collect().await;
    let mut attempts: Vec<Attempt> = Vec::new();
    for there in read {
        attempts.extend(there?.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok()));
    }
    // Ids are in order to the second only.
    attempts.sort_by_key(|attempt| Reverse(attempt.requested));
    Ok(attempts)
}

/// Sends the rows that the workspace hasn't got yet, of all tenants, a hundred at most. What still can't
/// be sent stays noted.
///
/// # Errors
///
/// Where the ledger can't be read or written.
pub async fn send_late(app: &App) -> Result<usize, LedgerError> {
    let notes = app.ledger.entries(path::UNSENT).await?;
    let now = app.now();
    let late = notes.into_iter().filter(|(_, written)| now.duration_since(*written) > LATE);
    let late: Vec<_> = late.map(|(path, _)| path).collect();
    if late.is_empty() {
        return Ok(0);
    }
    let Ok(present) = app.tenants().await else { return Ok(0) };
    let mut sent = 0;
    for note in late {
        let below = note.strip_prefix(path::UNSENT).and_then(|rest| rest.strip_suffix(".json"));
        let Some((tenant, id)) = below.and_then(|rest| rest.split_once('/')) else { continue };
        let Some(tenant) = present.tenant(tenant).filter(|tenant| takes_rows(tenant)) else {
            continue;
        };
        if !send_one(app, tenant, id, &note).await? {
            break;
        }
        sent += 1;
        if sent == MOST_ROWS {
            break;
        }
    }
    if sent > 0 {
        info!(rows = sent, "Sent {sent} rows of actions that the workspace had missed");
    }
    Ok(sent)
}

/// Sends the row of one note; false where the workspace takes none.
async fn send_one(app: &App, tenant: &Tenant, id: &str, note: &str) -> Result<bool, LedgerError> {
    let Some(path) = place(&tenant.id, id) else { return Ok(true) };
    let there = app.ledger.read(&path).await?;
    let attempt = there.and_then(|(bytes, version)| {
        Some((serde_json::from_slice::<Attempt>(&bytes).ok()?, version))
    });
    // A note without a file: whoever wrote it was cut short before anything was done.
    let Some((mut attempt, version)) = attempt else {
        app.ledger.remove(note).await?;
        return Ok(true);
    };
    if !send(app, tenant, &attempt).await {
        return Ok(false);
    }
    attempt.workspace = Delivery::Sent;
    match app.ledger.replace(&path, content(&attempt), Some(&version)).await {
        // Somebody has written more meanwhile, and sends that.
        Err(LedgerError::Conflict { .. }) => Ok(true),
        outcome => {
            outcome?;
            app.ledger.remove(note).await?;
            Ok(true)
        }
    }
}
