//! Where records are kept: a place with create-only parts and versioned state.

pub(crate) mod account;
mod azure;
mod folder;
pub mod path;
mod shared_key;
mod turns;
mod under;

pub use azure::AzureLedger;
pub use folder::FolderLedger;
pub use shared_key::{AZURITE_ACCOUNT, SharedKey};
pub use turns::{LedgerTurns, Taking, Turn};
pub use under::Under;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

/// Whether a thing was new or stood there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is there now.
    New,
    /// Another was there already and still is.
    There,
}

/// Which state of a thing was read or written: an ETag, or a hash of the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub String);

/// Why the ledger gave or took nothing.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another has written it since: nobody's turn, the writer stops.
    #[error("{path} has been written by another attempt")]
    Conflict {
        /// Path below the container.
        path: String,
    },
    /// An administrator's turn.
    #[error("storage refused ({status}) {path}: {advice}")]
    Denied {
        /// 401 or 403, or 404 for a container that isn't there.
        status: u16,
        /// Path below the container.
        path: String,
        /// The next step.
        advice: &'static str,
    },
    /// Nobody's turn, or the operator's where a disk is full.
    #[error("storage failed at {path}: {what}")]
    Failed {
        /// Path below the container.
        path: String,
        /// What happened.
        what: String,
    },
}

/// A place where records are kept.
///
/// A part is written once and never changed: keeping a part that is there already must leave the
/// first one and say so, because an attempt that was cut short may come by again. A thing is visible
/// whole or not at all.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Keeps a thing under a path where nothing is yet. On an error nothing of it may be visible.
    async fn keep(&self, path: &str, content: Bytes) -> Result<Kept, LedgerError>;

    /// A thing and its version; nothing where there is none.
    async fn read(&self, path: &str) -> Result<Option<(Bytes, Version)>, LedgerError>;

    /// Writes a thing over the version given, or where nothing is yet; a [`LedgerError::Conflict`]
    /// where another state is there.
    async fn replace(
        &self,
        path: &str,
        content: Bytes,
        over: Option<&Version>,
    ) -> Result<Version, LedgerError>;

    /// Removes a thing; nothing where there is none. Never a record: only what must not outlive its
    /// use, such as signed links.
    async fn remove(&self, path: &str) -> Result<(), LedgerError>;

    /// The paths that begin with `prefix`, in byte order, and when each was last written.
    async fn entries(&self, prefix: &str) -> Result<Vec<(String, Timestamp)>, LedgerError>;

    /// The paths that begin with `prefix`, in byte order.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, LedgerError> {
        Ok(self.entries(prefix).await?.into_iter().map(|(path, _)| path).collect())
    }
}

/// Writes a thing over whatever is there, for things that any attempt may write again alike.
///
/// # Errors
///
/// As [`Ledger::replace`], after a few lost races.
pub async fn put(ledger: &dyn Ledger, path: &str, content: Bytes) -> Result<(), LedgerError> {
    let mut lost = 0;
    loop {
        let there = ledger.read(path).await?;
        if there.as_ref().is_some_and(|(bytes, _)| *bytes == content) {
            return Ok(());
        }
        let over = there.map(|(_, version)| version);
        match ledger.replace(path, content.clone(), over.as_ref()).await {
            Err(LedgerError::Conflict { .. }) if lost < 4 => lost += 1,
            outcome => return outcome.map(|_| ()),
        }
    }
}

/// The content type of a thing, told by its name.
pub(crate) fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("gz") => "application/gzip",
        Some("json") => "application/json",
        Some("jsonl") => "application/x-ndjson",
        _ => "application/octet-stream",
    }
}
