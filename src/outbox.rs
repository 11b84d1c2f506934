//! Where a job puts the messages that it sends: the queue, or the process itself where no host is.

use crate::plan::Message;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Why a message isn't on its way: nobody's turn, the platform brings the job's own message again.
#[derive(Debug, thiserror::Error)]
#[error(
    "no message goes to the queue {queue} ({what}): the next attempt goes on from the checkpoint"
)]
pub struct OutboxError {
    /// The queue's name.
    pub queue: String,
    /// What happened.
    pub what: String,
}

/// A place for messages: the files of an export, a run that goes on, a run that must wait.
///
/// A message that was posted comes at least once; it may come twice.
#[async_trait::async_trait]
pub trait Outbox: Send + Sync {
    /// Posts a message that comes back after that time.
    async fn post(&self, message: &Message, after: Duration) -> Result<(), OutboxError>;

    /// How long whoever takes the messages has before they are posted again.
    fn holds(&self) -> Duration;
}

/// The longest wait that a process without a queue keeps to itself; longer ones end the job.
const LONGEST_HERE: Duration = Duration::from_secs(60);

/// Messages that the process itself carries out, in the order in which they were posted.
#[derive(Debug, Default)]
pub struct Here(Mutex<Vec<(Message, Duration)>>);

impl Here {
    /// What was posted since the last call.
    pub fn take(&self) -> Vec<(Message, Duration)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether such a message waits.
    pub fn any(&self, is: impl Fn(&Message) -> bool) -> bool {
        let posted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        posted.iter().any(|(message, _)| is(message))
    }
}

#[async_trait::async_trait]
impl Outbox for Here {
    async fn post(&self, message: &Message, after: Duration) -> Result<(), OutboxError> {
        if after > LONGEST_HERE {
            let what = format!("a wait of {} s is too long for one process", after.as_secs());
            return Err(OutboxError { queue: "of this process".to_owned(), what });
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((message.clone(), after));
        Ok(())
    }

    fn holds(&self) -> Duration {
        Duration::ZERO
    }
}
