//! Rows that many jobs have one each of, sent in one request.

use super::{Logs, LogsError};
use crate::cloud::{Meter, Patience};
use std::borrow::Cow;
use std::future::pending;
use std::sync::{Mutex, PoisonError};
use tokio::sync::oneshot;

/// What is waiting for its request, by stream, and who sends it.
///
/// Whoever comes while no request is under way sends at once, alone. Those who come meanwhile wait, and
/// the first of them then sends for all: nobody waits for a timer, and the more jobs end at once, the
/// fewer requests each of them costs.
#[derive(Debug, Default)]
pub(super) struct Together {
    waiting: Mutex<Vec<Waiting>>,
    /// Held by whoever sends.
    sending: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    stream: String,
    row: Vec<u8>,
    told: oneshot::Sender<Result<(), LogsError>>,
}

impl Together {
    /// Sends one row of a stream, perhaps along with others'.
    ///
    /// # Errors
    ///
    /// As [`Logs::send`], the same for all rows of a request.
    pub(super) async fn send(
        &self,
        logs: &Logs,
        stream: &str,
        row: Vec<u8>,
        patience: &Patience,
        meter: &Meter,
    ) -> Result<(), LogsError> {
        loop {
            let (told, mut answer) = oneshot::channel();
            self.waiting().push(Waiting { stream: stream.to_owned(), row: row.clone(), told });
            let turn = async {
                let _sending = self.sending.lock().await;
                let all = self.take(stream);
                let rows: Vec<_> = all.iter().map(|one| Cow::Borrowed(&*one.row)).collect();
                let sent = logs.send(stream, &rows, None, patience, meter).await.map(|_| ());
                for one in all {
                    // Who isn't there any longer needs no answer.
                    let _ = one.told.send(sent.clone());
                }
                pending().await
            };
            let told = tokio::select! {
                biased;
                told = &mut answer => told,
                never = turn => never,
            };
            // Without an answer, who sent was ended in the middle: nobody knows what became of the row.
            if let Ok(sent) = told {
                return sent;
            }
        }
    }

    fn take(&self, stream: &str) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        // Whoever has gone meanwhile sends its row again by itself, if at all.
        waiting.retain(|one| !one.told.is_closed());
        waiting.extract_if(.., |one| one.stream == stream).collect()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
