//! Memory that does not grow with the number of jobs: pages are held within one allowance.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a page is expected to need at most; a larger one waits until no other large one is held.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// The process's allowance for pages in memory, whatever the number of jobs.
///
/// A page takes its expected size before its body is read; one that grows beyond waits until no
/// other large page is held. Two waits in a fixed order, so no two jobs wait for each other.
#[derive(Debug)]
pub struct Budget {
    pages: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

impl Budget {
    /// Room for `pages` pages of ordinary size and one large one.
    pub fn new(pages: usize) -> Budget {
        Budget { pages: Arc::new(Semaphore::new(pages)), large: Arc::new(Semaphore::new(1)) }
    }
}

/// Holds an answer's share of the [`Budget`].
#[derive(Debug, Default)]
pub struct Room(Vec<OwnedSemaphorePermit>);

impl Room {
    /// Waits for an ordinary page's share.
    pub(super) async fn of_page(budget: Option<&Budget>) -> Room {
        let mut room = Room::default();
        if let Some(budget) = budget {
            room.take(&budget.pages).await;
        }
        room
    }

    /// Waits, once, for the one large page's share where a page has grown to `bytes`.
    pub(super) async fn grow(&mut self, budget: Option<&Budget>, bytes: usize) {
        if let Some(budget) = budget.filter(|_| bytes > PAGE_BYTES && self.0.len() == 1) {
            self.take(&budget.large).await;
        }
    }

    async fn take(&mut self, from: &Arc<Semaphore>) {
        // The semaphores are never closed, so this always succeeds.
        self.0.extend(from.clone().acquire_owned().await);
    }
}
