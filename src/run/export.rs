//! Export files in a run: listed once, read one after the other, each from the row that is next.

use super::Stop;
use super::attempt::Work;
use super::growth::Old;
use crate::fetch::{FetchError, FileError, Item, Listing, Reader, Rows};
use crate::ledger::{self, path};
use crate::part::Cursor;
use crate::source::{Fetch, Reads};
use bytes::Bytes;
use tokio::time::Instant;

/// How often one file is asked for again within an attempt.
const MAX_TRIES: u32 = 6;

/// How a step of an export ended.
enum Step {
    /// Everything is read, or there is nothing newer.
    Done,
    /// The service refuses files: the same records are read by pages.
    ByPages,
    /// The snapshot has changed meanwhile: from the beginning.
    Anew,
}

impl Work<'_> {
    /// Reads an export's files; where the service refuses them, the run goes on by pages.
    pub(super) async fn read_files(&mut self, reader: &Reader<'_>) -> Result<(), Stop> {
        let Fetch::Export { pages, .. } = self.source.fetch else { return Ok(()) };
        let listing = self.listing_link();
        // A file's cursor is its path; any other address than the listing's is a page's.
        let is_export = |link: &&String| link.starts_with('/') || **link == listing;
        for _ in 0..2 {
            if self.current.cursor.link.as_ref().filter(is_export).is_none() {
                return Ok(());
            }
            match self.read_listing(reader).await? {
                Step::Done => return Ok(()),
                Step::Anew => self.start_over(),
                Step::ByPages => {
                    let link = format!("{}{pages}", self.tenant.cloud.origin(self.source.api));
                    self.current.first = link;
                    self.start_over();
                    return Ok(());
                }
            }
        }
        let text = "the export's snapshot changes while it is read: the next attempt reads it anew";
        Err(Stop::Failed(text.to_owned()))
    }

    async fn read_listing(&mut self, reader: &Reader<'_>) -> Result<Step, Stop> {
        let mut listing = match self.kept_listing().await? {
            Some(listing) if self.is_current(&listing) => listing,
            _ => match self.ask_listing(reader).await {
                Err(Stop::Refused(_)) if self.current.generated.is_none() => {
                    return Ok(Step::ByPages);
                }
                listing => listing?,
            },
        };
        if !self.is_current(&listing) {
            return Ok(Step::Anew);
        }
        if self.current.generated.is_none() {
            if self.known.0.as_ref() == Some(&listing.generated) {
                self.unchanged = true;
                self.current.cursor = Cursor::page(None);
                return Ok(Step::Done);
            }
            self.current.generated = Some(listing.generated.clone());
            self.current.cursor = Cursor::page(listing.after(None));
        }
        self.current.newest = Some(listing.generated.clone());
        while let Some(file) = self.current.cursor.link.clone() {
            if !self.read_file(reader, &mut listing, &file).await? {
                return Ok(Step::Anew);
            }
            self.current.cursor = Cursor::page(listing.after(Some(&file)));
            self.current.tally.pages += 1;
        }
        Ok(Step::Done)
    }

    /// Whether a listing is of the snapshot that this run reads.
    fn is_current(&self, listing: &Listing) -> bool {
        self.current.generated.as_ref().is_none_or(|generated| *generated == listing.generated)
    }

    async fn kept_listing(&self) -> Result<Option<Listing>, Stop> {
        let path = path::links(&self.tenant.id, self.source.name);
        let kept = self.app.ledger.read(&path).await?;
        Ok(kept.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok()))
    }

    fn listing_link(&self) -> String {
        format!("{}{}", self.tenant.cloud.origin(self.source.api), self.source.fetch.path())
    }

    async fn ask_listing(&mut self, reader: &Reader<'_>) -> Result<Listing, Stop> {
        let link = self.listing_link();
        let listing = reader.listing(&link, &self.meter).await.map_err(|error| match error {
            // Links may expire, the snapshot may not: nothing is known of files, so pages may do.
            FetchError::Refused { .. } | FetchError::Unavailable { .. } => {
                Stop::Refused(error.to_string())
            }
            _ => Stop::Failed(error.to_string()),
        })?;
        let path = path::links(&self.tenant.id, self.source.name);
        let json = serde_json::to_vec(&listing).map_err(|error| Stop::Failed(error.to_string()))?;
        ledger::put(&*self.app.ledger, &path, Bytes::from(json)).await?;
        Ok(listing)
    }

    /// Reads one file to its end; false where its snapshot is gone.
    async fn read_file(
        &mut self,
        reader: &Reader<'_>,
        listing: &mut Listing,
        file: &str,
    ) -> Result<bool, Stop> {
        let mut next = usize::try_from(self.current.cursor.skip).unwrap_or(usize::MAX);
        let mut waits = self.patience.waits();
        for _ in 0..MAX_TRIES {
            let Some(link) = listing.files.get(file) else { return Ok(false) };
            let what = match self.read_rows(link.clone().as_str(), file, &mut next).await? {
                None => return Ok(true),
                Some(FileError::Broken(what)) => what,
                Some(FileError::Expired) => {
                    *listing = self.ask_listing(reader).await?;
                    if !self.is_current(listing) {
                        return Ok(false);
                    }
                    "an export file's link has expired".to_owned()
                }
            };
            let Some(wait) = self.patience.next(None, &mut waits) else {
                return Err(Stop::Failed(format!("{what}: the next attempt goes on from there")));
            };
            tokio::time::sleep(wait).await;
        }
        let text = "an export file can't be read to its end: the next attempt goes on from there";
        Err(Stop::Failed(text.to_owned()))
    }

    /// Takes a file's rows from `next` on, which moves along; nothing at its end.
    async fn read_rows(
        &mut self,
        link: &str,
        file: &str,
        next: &mut usize,
    ) -> Result<Option<FileError>, Stop> {
        let mut rows = match Rows::open(self.tenant.files(), link, &self.meter).await {
            Ok(rows) => rows,
            Err(error) => return Ok(Some(error)),
        };
        let mut old = Old::new(Reads::Whole, self.known.clone());
        let mut row = 0;
        loop {
            if Instant::now() >= self.deadline {
                let text = "the run's time is up: the next attempt goes on from the checkpoint";
                return Err(Stop::Failed(text.to_owned()));
            }
            let chunk = match rows.next(&self.meter).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(None),
                Err(error) => return Ok(Some(error)),
            };
            for line in chunk.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                row += 1;
                if row <= *next {
                    continue;
                }
                match std::str::from_utf8(line) {
                    Ok(text) => {
                        let raw = text.trim_end_matches('\r');
                        let item = Item { raw, parent: Vec::new() };
                        self.take(&item, &mut old, (file, row - 1)).await?;
                    }
                    Err(_) => {
                        let text = String::from_utf8_lossy(line);
                        self.note("not UTF-8, here with replacement characters", &text);
                    }
                }
                *next = row;
            }
        }
    }

    /// Removes the links, which nobody needs once the run is complete.
    pub(super) async fn forget_links(&self) -> Result<(), Stop> {
        if !matches!(self.source.fetch, Fetch::Export { .. }) {
            return Ok(());
        }
        let path = path::links(&self.tenant.id, self.source.name);
        Ok(self.app.ledger.remove(&path).await?)
    }
}
