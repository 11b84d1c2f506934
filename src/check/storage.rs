//! Whether storage takes, gives and removes.

use super::Finding;
use crate::app::App;
use crate::ledger::LedgerError;
use bytes::Bytes;

const AREA: &str = "storage";

/// Writes one small thing below `check/`, reads it and removes it.
pub(super) async fn look(app: &App) -> Vec<Finding> {
    // Two processes that look at once must not meet.
    let path = format!("check/{}-{}.json", app.now().as_nanosecond(), std::process::id());
    let found = match tokio::time::timeout(app.limits.look, round(app, &path)).await {
        Ok(found) => found,
        Err(_) => Err(finding("write", "gave no answer in time".to_owned())
            .wrong("check POSTURE_STORAGE and the network")),
    };
    vec![found.unwrap_or_else(|finding| finding)]
}

fn finding(what: &str, says: String) -> Finding {
    Finding::good(AREA, what, says)
}

async fn round(app: &App, path: &str) -> Result<Finding, Finding> {
    let content = Bytes::from_static(b"{}");
    let failed = |what: &'static str| move |error: LedgerError| explain(what, &error);
    app.ledger.keep(path, content.clone()).await.map_err(failed("write"))?;
    let read = app.ledger.read(path).await.map_err(failed("read"))?;
    app.ledger.remove(path).await.map_err(failed("delete"))?;
    match read {
        Some((there, _)) if there == content => {
            Ok(finding("write, read, delete", "all three are done below check/".to_owned()))
        }
        _ => Err(finding("read", "what was written isn't what is read".to_owned())
            .wrong("look for something that changes blobs below check/")),
    }
}

fn explain(what: &str, error: &LedgerError) -> Finding {
    match error {
        LedgerError::Denied { status, path, advice } => {
            finding(what, format!("refused ({status}) {path}")).wrong(*advice)
        }
        LedgerError::Failed { path, what: how } => {
            finding(what, format!("failed at {path}: {how}"))
                .wrong("check POSTURE_STORAGE, the app's identity, the network and the disk")
        }
        LedgerError::Conflict { path } => {
            finding(what, format!("{path} was written by another")).warning("check again")
        }
    }
}
