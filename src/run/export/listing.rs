//! The listing of an export's files, and their signed links.

use super::super::Stop;
use super::super::attempt::Work;
use crate::fetch::{FetchError, Listing, Reader};
use crate::ledger::{self, path};
use crate::source::{Fetch, Source};
use crate::tenant::Tenant;
use bytes::Bytes;

/// Where an export's files are listed.
pub(super) fn listing_link(tenant: &Tenant, source: Source) -> String {
    format!("{}{}", tenant.cloud.origin(source.api), source.fetch.path())
}

impl Work<'_> {
    /// The listing that the run's jobs share, where it is of the run's snapshot.
    pub(super) async fn kept_listing(&self) -> Result<Option<Listing>, Stop> {
        let path = path::links(&self.tenant.id, self.source.name);
        let kept = self.app.ledger.read(&path).await?;
        let listing = kept.and_then(|(bytes, _)| serde_json::from_slice::<Listing>(&bytes).ok());
        Ok(listing.filter(|listing| Some(&listing.generated) == self.current.generated.as_ref()))
    }

    /// Asks the service for its newest snapshot's files and keeps their links for the run's jobs.
    pub(super) async fn ask_listing(&self, reader: &Reader<'_>) -> Result<Listing, Stop> {
        let link = listing_link(self.tenant, self.source);
        let listing = reader.listing(&link, &self.meter).await.map_err(|error| match error {
            // Nothing is known of files, so pages may do.
            FetchError::Refused { .. } | FetchError::Unavailable { .. } => {
                Stop::Refused(error.to_string())
            }
            _ => Stop::from(error),
        })?;
        let path = path::links(&self.tenant.id, self.source.name);
        let json = serde_json::to_vec(&listing).map_err(|error| Stop::Failed(error.to_string()))?;
        ledger::put(&*self.app.ledger, &path, Bytes::from(json)).await?;
        Ok(listing)
    }

    /// Removes what only a run in progress needs: signed links first of all.
    pub(in crate::run) async fn forget_files(&self) -> Result<(), Stop> {
        if !matches!(self.source.fetch, Fetch::Export { .. }) {
            return Ok(());
        }
        for path in self.app.ledger.list(&path::beside(&self.tenant.id, self.source.name)).await? {
            self.app.ledger.remove(&path).await?;
        }
        Ok(())
    }
}
