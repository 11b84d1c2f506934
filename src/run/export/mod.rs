//! Export files in a run: the set is listed once, each file is a job of its own, the last one read
//! completes the set.

mod file;
mod listing;
mod pass;
mod press;

pub(super) use file::collect_file;

use self::listing::listing_link;
use super::Stop;
use super::attempt::Work;
use crate::checkpoint::{self, Current};
use crate::digest::Digest;
use crate::fetch::{Listing, Reader};
use crate::part::Cursor;
use crate::plan::{Job, Message};
use crate::source::{Fetch, Source};
use std::collections::BTreeSet;
use std::time::Duration;

/// Who reads a run's records.
pub(super) enum Files {
    /// The run itself, page by page.
    None,
    /// Jobs of their own: messages for them are on their way.
    Handed,
    /// All of it is read, or there is nothing newer.
    Read,
}

/// A run's beginning once more: of what was read before, nothing counts but its parts' numbers.
pub(super) fn begin_anew(current: &mut Current, source: Source) {
    current.cursor = Cursor::page(Some(current.first.clone()));
    current.generated = None;
    current.files = None;
    current.tally.foreign = 0;
    current.tally.unread.clear();
    current.digest = Digest::start(source.digest, Some(&current.digest), None);
}

impl Work<'_> {
    /// Hands an export's files out to jobs of their own; where the service refuses them, the run goes on
    /// by pages.
    pub(super) async fn hand_out_files(&mut self) -> Result<Files, Stop> {
        let Fetch::Export { pages, .. } = self.source.fetch else { return Ok(Files::None) };
        if self.current.first != listing_link(self.tenant, self.source) {
            return Ok(Files::None);
        }
        if let Some(files) = &self.current.files {
            let open = files.open.clone();
            return self.post_files(open).await;
        }
        self.take_turn().await?;
        let (tenant, source, patience) = (self.tenant, self.source, self.patience);
        let reader = Reader::new(tenant, source, String::new(), patience);
        match self.ask_listing(&reader).await {
            Ok(listing) => self.hand_out(&listing).await,
            Err(Stop::Refused(_)) => {
                self.current.first = format!("{}{pages}", tenant.cloud.origin(source.api));
                self.start_over();
                Ok(Files::None)
            }
            Err(stop) => Err(stop),
        }
    }

    async fn hand_out(&mut self, listing: &Listing) -> Result<Files, Stop> {
        if self.known.0.as_ref() == Some(&listing.generated) {
            self.unchanged = true;
            self.current.cursor = Cursor::page(None);
            return Ok(Files::Read);
        }
        self.current.generated = Some(listing.generated.clone());
        self.current.newest = Some(listing.generated.clone());
        self.post_files(listing.ids().map(|(id, _)| id).collect()).await
    }

    /// Posts a message for each file that is still to be read, then gives the claim up.
    async fn post_files(&mut self, open: BTreeSet<String>) -> Result<Files, Stop> {
        if open.is_empty() {
            self.current.cursor = Cursor::page(None);
            return Ok(Files::Read);
        }
        let set = Job { run: self.current.run.clone(), ..self.job.clone() };
        for file in &open {
            let message = Message::from(&set.of_file(file));
            self.outbox.post(&message, Duration::ZERO).await?;
        }
        let now = self.app.now();
        let files = checkpoint::Files::new(open, now, self.outbox.holds());
        let (generated, newest) = (self.current.generated.clone(), self.current.newest.clone());
        let tally = self.with_cost(self.saved.clone());
        let handed = self.checkpoint.hand_over(|current| match &mut current.files {
            // Files may have been read meanwhile.
            Some(there) => there.until = files.until,
            None => {
                current.files = Some(files.clone());
                current.generated.clone_from(&generated);
                current.newest.clone_from(&newest);
                current.tally = tally.clone();
            }
        });
        handed.await?;
        Ok(Files::Handed)
    }
}
