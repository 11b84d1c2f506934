//! The queue of jobs by its own API and Azure's official crate: Azure with a token, Azurite with its
//! key. What a timer or a plan sends goes through the host; what a job sends goes here.

use crate::cloud::Tokens;
use crate::ledger::account::{self, Way};
use crate::outbox::{Outbox, OutboxError};
use crate::plan::Message;
use crate::poison::Poison;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{StatusCode, Url};
use azure_storage_queue::models::{
    QueueClientGetPropertiesResultHeaders, QueueClientSendMessageOptions, QueueMessage,
};
use azure_storage_queue::{QueueClient, QueueClientOptions};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use std::time::Duration;

/// The longest that a message may be out of sight.
///
/// <https://learn.microsoft.com/rest/api/storageservices/put-message>
const LONGEST_DELAY: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long the jobs of an export's files have before their set is looked at again: a run's time and
/// some for waiting in the queue.
const FILES_HOLD: Duration = Duration::from_secs(900);

/// Why messages can't be counted or moved.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueueError {
    /// An administrator's turn.
    #[error("storage refused ({0})")]
    Denied(u16),
    /// Nobody's turn, or a wrong address.
    #[error("{0}")]
    Failed(String),
}

/// The queue of jobs, and the one where the host puts those that failed too often.
pub struct Queue {
    /// The jobs' name; the other's has `-poison` behind it.
    pub name: String,
    /// Where the host puts jobs that failed too often.
    pub poison: Poison,
    jobs: QueueClient,
}

impl Queue {
    /// The queue of that name at `account`: an https endpoint asked with `tokens`, or Azurite on
    /// loopback.
    ///
    /// # Errors
    ///
    /// Where the address or the identity can't make a client.
    pub fn new(
        account: &Url,
        name: &str,
        tokens: &Tokens,
        clock: fn() -> Timestamp,
    ) -> azure_core::Result<Queue> {
        let client = |name: &str| client(account, name, tokens, clock);
        let behind = format!("{name}-poison");
        let poison = Poison::new(&behind, client(&behind)?);
        Ok(Queue { name: name.to_owned(), poison, jobs: client(name)? })
    }

    /// About how many jobs wait or are under way; nothing where the queue isn't there.
    ///
    /// # Errors
    ///
    /// [`QueueError`].
    pub async fn jobs(&self) -> Result<Option<u64>, QueueError> {
        count(&self.jobs).await
    }

    /// About how many jobs the host has given up; nothing where it never did.
    ///
    /// # Errors
    ///
    /// [`QueueError`].
    pub async fn poison(&self) -> Result<Option<u64>, QueueError> {
        self.poison.count().await
    }
}

#[async_trait::async_trait]
impl Outbox for Queue {
    async fn post(&self, message: &Message, after: Duration) -> Result<(), OutboxError> {
        let failed = |what: String| OutboxError { queue: self.name.clone(), what };
        let json = serde_json::to_vec(message).map_err(|error| failed(error.to_string()))?;
        // As the host's own output binding does: host.json says `messageEncoding: base64`.
        let text = QueueMessage { message_text: Some(BASE64_STANDARD.encode(json)) };
        let body = text.try_into().map_err(|error: Error| failed(explain(&error).to_string()))?;
        let seconds = after.min(LONGEST_DELAY).as_secs_f64().ceil();
        let options = QueueClientSendMessageOptions {
            visibility_timeout: (seconds >= 1.0).then_some(seconds as i32),
            // The queue's own default would drop a message that waits for a week.
            message_time_to_live: Some(-1),
            ..Default::default()
        };
        let sent = self.jobs.send_message(body, Some(options)).await;
        sent.map(|_| ()).map_err(|error| failed(explain(&error).to_string()))
    }

    fn holds(&self) -> Duration {
        FILES_HOLD
    }
}

fn client(
    account: &Url,
    name: &str,
    tokens: &Tokens,
    clock: fn() -> Timestamp,
) -> azure_core::Result<QueueClient> {
    let Way { url, credential, options } = account::way(account, name, tokens, clock)?;
    let options = QueueClientOptions { client_options: options, ..Default::default() };
    QueueClient::new(url, credential, Some(options))
}

pub(crate) async fn count(queue: &QueueClient) -> Result<Option<u64>, QueueError> {
    let answer = match queue.get_properties(None).await {
        Err(error) if error.http_status() == Some(StatusCode::NotFound) => return Ok(None),
        answer => answer.map_err(|error| explain(&error))?,
    };
    let count = answer.approximate_messages_count().map_err(|error| explain(&error))?;
    Ok(Some(count.and_then(|count| count.try_into().ok()).unwrap_or(0)))
}

pub(crate) fn explain(error: &Error) -> QueueError {
    match error.kind() {
        ErrorKind::HttpResponse { status, .. } if matches!(u16::from(*status), 401 | 403) => {
            QueueError::Denied(u16::from(*status))
        }
        ErrorKind::HttpResponse { status, .. } => {
            QueueError::Failed(format!("answered {}", u16::from(*status)))
        }
        ErrorKind::Credential => QueueError::Failed("no token for storage".to_owned()),
        _ => QueueError::Failed("can't be reached".to_owned()),
    }
}
