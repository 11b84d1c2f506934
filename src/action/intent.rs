//! What an idempotency key stands for, written before Microsoft is asked.
//!
//! Whoever writes it is the only one who may ask Microsoft, and only until a time that stands in it: after
//! that nobody asks, so that what isn't found at Microsoft then was never carried out.

use super::{Attempt, Order};
use crate::ledger::{Kept, Ledger, LedgerError, Version, path};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long after an intent is written Microsoft may be asked; a call takes 20 s of it at most.
pub const ASKED_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// How long after that an action may take to be seen in Microsoft's lists.
pub const SEEN_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// What a key stands for: the content of `state/<tenant>/actions/<sha256 of key>.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Version of this layout: 1.
    pub version: u32,
    /// The attempt that it is of.
    pub attempt: String,
    /// What was asked for, as [`Order::fingerprint`].
    pub fingerprint: String,
    /// Until when Microsoft may be asked.
    pub until: Timestamp,
}

impl Intent {
    /// The intent of an attempt at an order.
    pub fn of(attempt: &Attempt, order: &Order) -> Intent {
        let until = until(attempt);
        Intent { version: 1, attempt: attempt.id.clone(), fingerprint: order.fingerprint(), until }
    }

    /// Writes it down where the key stands for nothing yet, or over the state that was read of an intent of
    /// which nothing was carried out.
    ///
    /// # Errors
    ///
    /// Where the ledger can't be written.
    pub async fn keep(
        &self,
        ledger: &dyn Ledger,
        (tenant, key): (&str, &str),
        over: Option<&Version>,
    ) -> Result<Kept, LedgerError> {
        let (path, content) = (path::intent(tenant, key), serde_json::to_vec(self));
        let content = Bytes::from(content.unwrap_or_default());
        match over {
            None => ledger.keep(&path, content).await,
            Some(_) => match ledger.replace(&path, content, over).await {
                Ok(_) => Ok(Kept::New),
                Err(LedgerError::Conflict { .. }) => Ok(Kept::There),
                Err(error) => Err(error),
            },
        }
    }
}

/// Until when Microsoft may be asked for an attempt that has just been written down.
pub fn until(attempt: &Attempt) -> Timestamp {
    attempt.updated.saturating_add(ASKED_WITHIN).unwrap_or(attempt.updated)
}

/// What a tenant's key stands for, and which state of it was read; nothing where it is new.
///
/// # Errors
///
/// Where the ledger can't be read, or has something there that is no intent.
pub async fn read(
    ledger: &dyn Ledger,
    tenant: &str,
    key: &str,
) -> Result<Option<(Intent, Version)>, LedgerError> {
    let path = path::intent(tenant, key);
    let Some((bytes, version)) = ledger.read(&path).await? else { return Ok(None) };
    let intent = serde_json::from_slice(&bytes);
    intent.map(|intent| Some((intent, version))).map_err(|_| LedgerError::Failed {
        path,
        what: "it isn't readable: use another key".to_owned(),
    })
}

/// Takes back what a key stands for, once it is known that nothing was carried out. Only whoever has written
/// it may: another's may be there by then.
///
/// # Errors
///
/// Where the ledger can't be written.
pub async fn forget(ledger: &dyn Ledger, tenant: &str, key: &str) -> Result<(), LedgerError> {
    ledger.remove(&path::intent(tenant, key)).await
}
