//! Jobs that the host has given up, in its poison queue: what they were, and their way back.

use crate::plan::Message;
use crate::queue::{QueueError, count, explain};
use azure_core::error::Error;
use azure_core::http::StatusCode;
use azure_storage_queue::QueueClient;
use azure_storage_queue::models::{
    QueueClientPeekMessagesOptions, QueueClientReceiveMessagesOptions,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Messages that can be peeked at once.
///
/// <https://learn.microsoft.com/rest/api/storageservices/peek-messages>
pub const MOST_PEEKED: usize = 32;
/// How long a look may take: health answers without it.
const LOOK: Duration = Duration::from_secs(2);

/// What the host puts into the poison queue: a job's message, or else the beginning of its text.
pub type Content = Result<Message, String>;

type Peeked = Arc<Result<Vec<Content>, QueueError>>;

/// The poison queue.
pub struct Poison {
    /// Its name.
    pub name: String,
    client: QueueClient,
    recent: Mutex<Option<(Instant, Peeked)>>,
}

/// A message that is out of others' sight for a while.
pub struct Taken {
    /// What it is.
    pub content: Content,
    /// Its id.
    pub id: String,
    receipt: String,
}

impl Poison {
    /// The queue behind that client.
    pub(crate) fn new(name: &str, client: QueueClient) -> Poison {
        Poison { name: name.to_owned(), client, recent: Mutex::default() }
    }

    /// About how many messages there are; nothing where the queue isn't there.
    ///
    /// # Errors
    ///
    /// [`QueueError`].
    pub async fn count(&self) -> Result<Option<u64>, QueueError> {
        count(&self.client).await
    }

    /// The first messages, 32 at most, as they were at most so long ago; they stay in everybody's sight.
    ///
    /// A queue that is out of reach is asked again only when that time is over.
    pub async fn peeked_within(&self, age: Duration) -> Peeked {
        let recent = {
            let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            recent.clone().filter(|(at, _)| at.elapsed() < age)
        };
        if let Some((_, peeked)) = recent {
            return peeked;
        }
        let late = |_| Err(QueueError::Failed("gave no answer in time".to_owned()));
        let peeked = Arc::new(timeout(LOOK, self.peek()).await.unwrap_or_else(late));
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        *recent = Some((Instant::now(), peeked.clone()));
        peeked
    }

    async fn peek(&self) -> Result<Vec<Content>, QueueError> {
        let options = QueueClientPeekMessagesOptions {
            number_of_messages: Some(MOST_PEEKED as i32),
            ..Default::default()
        };
        let Some(answer) = there(self.client.peek_messages(Some(options)).await)? else {
            return Ok(Vec::new());
        };
        let items = answer.into_model().map_err(|error| explain(&error))?.items;
        let items = items.unwrap_or_default().into_iter();
        Ok(items.map(|item| content(&item.message_text.unwrap_or_default())).collect())
    }

    /// Takes the first message out of others' sight for so long; nothing where none is left.
    ///
    /// # Errors
    ///
    /// [`QueueError`].
    pub async fn take(&self, hidden: Duration) -> Result<Option<Taken>, QueueError> {
        let options = QueueClientReceiveMessagesOptions {
            number_of_messages: Some(1),
            visibility_timeout: Some(i32::try_from(hidden.as_secs().max(1)).unwrap_or(i32::MAX)),
            ..Default::default()
        };
        let Some(answer) = there(self.client.receive_messages(Some(options)).await)? else {
            return Ok(None);
        };
        let items = answer.into_model().map_err(|error| explain(&error))?.items;
        Ok(items.unwrap_or_default().into_iter().next().map(|item| Taken {
            content: content(&item.message_text.unwrap_or_default()),
            id: item.message_id.unwrap_or_default(),
            receipt: item.pop_receipt.unwrap_or_default(),
        }))
    }

    /// Removes a message. One that is gone already is no error.
    ///
    /// # Errors
    ///
    /// [`QueueError`].
    pub async fn remove(&self, taken: &Taken) -> Result<(), QueueError> {
        there(self.client.delete_message(&taken.id, &taken.receipt, None).await).map(|_| ())
    }

    /// Leaves a message to others at once.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; it comes back by itself then.
    pub async fn leave(&self, taken: &Taken) -> Result<(), QueueError> {
        there(self.client.update_message(&taken.id, &taken.receipt, 0, None).await).map(|_| ())
    }
}

/// The answer; nothing where what was asked for isn't there.
fn there<T>(answer: Result<T, Error>) -> Result<Option<T>, QueueError> {
    match answer {
        Err(error) if error.http_status() == Some(StatusCode::NotFound) => Ok(None),
        answer => answer.map(Some).map_err(|error| explain(&error)),
    }
}

/// The host moves a message as it was: in base64, unless that was what was wrong with it.
fn content(text: &str) -> Content {
    const SHOWN: usize = 60;
    let bytes = BASE64_STANDARD.decode(text.trim()).unwrap_or_else(|_| text.as_bytes().to_vec());
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    let message = serde_json::from_slice(&bytes).ok().filter(|_| is_object);
    message.ok_or_else(|| String::from_utf8_lossy(&bytes).chars().take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_in_base64_and_as_it_is_and_anything_else_is_no_job() {
        let json = r#"{"run":"20261122T101500Z","tenant":"t","source":"defender.devices"}"#;

        let encoded = content(&BASE64_STANDARD.encode(json)).unwrap();

        assert_eq!(encoded.source, "defender.devices");
        assert_eq!(content(json).unwrap(), encoded);
        assert_eq!(content("e30=").unwrap_err(), "{}");
        assert_eq!(content(&"long ".repeat(100)).unwrap_err().len(), 60);
    }
}
