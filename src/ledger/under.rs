//! A ledger inside another: the same layout below a folder of its own.

use super::{Kept, Ledger, LedgerError, Version};
use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use std::sync::Arc;

/// Everything below one folder of another ledger, by the paths inside it.
pub struct Under {
    outer: Arc<dyn Ledger>,
    folder: String,
}

impl Under {
    /// The ledger below `folder`, which has no slash at its end.
    pub fn new(outer: Arc<dyn Ledger>, folder: &str) -> Under {
        Under { outer, folder: format!("{folder}/") }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.folder)
    }
}

#[async_trait]
impl Ledger for Under {
    async fn keep(&self, path: &str, content: Bytes) -> Result<Kept, LedgerError> {
        self.outer.keep(&self.at(path), content).await
    }

    async fn read(&self, path: &str) -> Result<Option<(Bytes, Version)>, LedgerError> {
        self.outer.read(&self.at(path)).await
    }

    async fn replace(
        &self,
        path: &str,
        content: Bytes,
        over: Option<&Version>,
    ) -> Result<Version, LedgerError> {
        self.outer.replace(&self.at(path), content, over).await
    }

    async fn remove(&self, path: &str) -> Result<(), LedgerError> {
        self.outer.remove(&self.at(path)).await
    }

    async fn entries(&self, prefix: &str) -> Result<Vec<(String, Timestamp)>, LedgerError> {
        let entries = self.outer.entries(&self.at(prefix)).await?;
        let inside = entries.into_iter().filter_map(|(path, written)| {
            Some((path.strip_prefix(&self.folder)?.to_owned(), written))
        });
        Ok(inside.collect())
    }
}
