//! How collections are read: one page at a time, following the service's own next links.

mod below;
mod epss;
mod export;
mod feed;
mod hunting;
mod kev;
mod lists;
mod nvd;
mod page;
mod resources;
mod rows;
mod spot;

pub use export::{FileError, Inflate, Listing, file_body};
pub use hunting::hunting_link;
pub use nvd::first_link as first_nvd_link;
pub use page::{Item, Page};
pub use resources::first_link;

use crate::cloud::{self, CallError, LinkError, Meter, Patience, TokenError};
use crate::source::{Fetch, Permission, Source};
use crate::tenant::Tenant;
use azure_core::http::{Method, Url};
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Why a page can't be had. The variant says whose turn it is, the text what to do.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// An administrator's turn: permission, licence or identity.
    #[error("{what}: {advice}")]
    Refused {
        /// What the service said, and where.
        what: String,
        /// The next step.
        advice: String,
    },
    /// Nobody's turn: the tenant has no such data, for want of a licence or a product.
    #[error("{what}: {advice}")]
    Unavailable {
        /// What the service said, and where.
        what: String,
        /// The next step for who misses it.
        advice: String,
    },
    /// Nobody's turn: the service doesn't know this page's link any more.
    #[error("{what}: the source is read from its beginning")]
    Gone {
        /// What the service said, and where.
        what: String,
    },
    /// Nobody's turn: the service is busy for longer than a run waits.
    #[error("throttled at {path} for another {} s: the next attempt goes on from the checkpoint", .after.as_secs())]
    Throttled {
        /// Path without query.
        path: String,
        /// What the service asked for.
        after: Duration,
    },
    /// Nobody's turn: no usable answer within all tries.
    #[error("{what}: the next attempt goes on from the checkpoint")]
    Broken {
        /// What happened, and where.
        what: String,
    },
}

/// Reads one source's pages.
#[derive(Debug)]
pub struct Reader<'a> {
    tenant: &'a Tenant,
    source: Source,
    patience: Patience,
    first: String,
    visited: HashSet<u64>,
    hasher: RandomState,
    /// Of a walk through Azure's lists: the newest list of names at each depth.
    lists: BTreeMap<usize, (String, Vec<String>)>,
    /// Of lists below the records of a collection: those records, once read.
    parents: Option<Vec<below::Parent>>,
    /// Records that a catalogue should have at least.
    expected: u64,
    /// Of a file that is read in pages: the file.
    file: Option<epss::File>,
    /// Of both: what has been passed over since the last page.
    unread: Vec<String>,
}

impl<'a> Reader<'a> {
    /// A reader of a tenant's `source`, whose first page is at `first`.
    pub fn new(
        tenant: &'a Tenant,
        source: Source,
        first: String,
        patience: Patience,
    ) -> Reader<'a> {
        let (visited, hasher) = (HashSet::new(), RandomState::new());
        let (lists, parents, unread) = (BTreeMap::new(), None, Vec::new());
        let (expected, file) = (0, None);
        Reader {
            tenant,
            source,
            patience,
            first,
            visited,
            hasher,
            lists,
            parents,
            expected,
            file,
            unread,
        }
    }

    /// The same reader of a catalogue that has so many records: one with far fewer isn't taken.
    pub fn expecting(self, records: u64) -> Reader<'a> {
        Reader { expected: records, ..self }
    }

    /// The page at `link`, whole; its next link is checked and has the API's canonical origin.
    ///
    /// An answer that is no page is asked for again like a broken connection. Unknown fields,
    /// missing ones and values of unexpected types stay as they are.
    ///
    /// # Errors
    ///
    /// [`FetchError`]; also for a next link that leads to a foreign host, or to a page read before.
    pub async fn page(&mut self, link: &str, meter: &Meter) -> Result<Page, FetchError> {
        let url = Url::parse(link).map_err(|_| FetchError::Broken {
            what: "the checkpoint holds a link that is no URL".to_owned(),
        })?;
        self.visited.insert(self.hasher.hash_one(link));
        match self.source.fetch {
            Fetch::Resources(resources) => {
                return self.resources(resources, link, url, meter).await;
            }
            Fetch::Below(below) => return self.below(below, link, &url, meter).await,
            Fetch::Kev(_) => return self.kev(url, meter).await,
            Fetch::Epss(_) => return self.epss(url, meter).await,
            Fetch::Nvd(_) => return self.nvd(url, meter).await,
            _ => {}
        }
        if let Fetch::Hunting(hunting) = self.source.fetch {
            return self.hunting(hunting, link, meter).await;
        }
        let request = self.request(link, Method::Get)?;
        let read = |answer| self.read(answer);
        let pipeline = self.tenant.pipeline(self.source.api);
        let sent = pipeline.send(&request, &self.patience, meter, read).await;
        sent.map_err(|error| self.explain_at(error, link))
    }

    /// The files of an export, asked for at `link`.
    ///
    /// # Errors
    ///
    /// [`FetchError`]; also for a file on a foreign host.
    pub async fn listing(&self, link: &str, meter: &Meter) -> Result<Listing, FetchError> {
        let request = self.request(link, Method::Get)?;
        let pipeline = self.tenant.pipeline(self.source.api);
        let overridden = export::is_overridden(pipeline.wire(), self.tenant.cloud);
        let read = |answer| Listing::read(&answer, overridden);
        let listing = pipeline.send(&request, &self.patience, meter, read).await;
        listing.map_err(|error| explain(error, self.source.needs))
    }

    /// Whether a page's link is refused that the service itself has given: its token has expired.
    fn is_stale(&self, error: &CallError, link: &str) -> bool {
        matches!(error, CallError::Rejected { status: 400 | 404 | 410, .. }) && link != self.first
    }

    fn read(&self, answer: cloud::Answer) -> Result<Page, String> {
        if answer.body.is_empty() {
            return Err(format!("answered {} without a body", answer.status));
        }
        let mut page = Page::read(answer, self.source.fetch)?;
        if let Some(next) = page.next.take() {
            page.next = Some(self.unvisited(self.canonical(&next)?)?);
        }
        Ok(page)
    }

    fn canonical(&self, next: &str) -> Result<String, String> {
        let (api, cloud) = (self.source.api, self.tenant.cloud);
        let route = self.tenant.pipeline(api).wire().route(cloud.origin(api));
        cloud::canonical(next, api, cloud, route).map_err(|error: LinkError| error.to_string())
    }

    fn unvisited(&self, link: String) -> Result<String, String> {
        match self.visited.contains(&self.hasher.hash_one(&link)) {
            true => Err("a next link leads to a page that was read before".to_owned()),
            false => Ok(link),
        }
    }
}

/// What an administrator does where a permission lacks.
pub fn grant(needs: Permission) -> String {
    match needs {
        Permission::AppRole(..) => format!(
            "grant {needs} to the function app's identity, or check that the tenant has the \
             product's licence; a new grant may take hours to reach the tokens"
        ),
        Permission::Nothing => "this address is refused: set the source's address to a mirror, or \
                                POSTURE_CVE to off"
            .to_owned(),
        Permission::AzureRole(..) => format!(
            "assign {needs} to the function app's identity at the management group or the \
             subscriptions; a new assignment may take minutes"
        ),
    }
}

fn explain(error: CallError, needs: Permission) -> FetchError {
    let what = error.to_string();
    match error {
        CallError::Denied { status: 401, .. } => FetchError::Refused {
            what,
            advice:
                "the service takes no token of this identity: check POSTURE_CLOUD and the tenant"
                    .to_owned(),
        },
        CallError::Denied { .. } => FetchError::Refused { what, advice: grant(needs) },
        CallError::Token(TokenError::Refused { audience, what, advice }) => {
            FetchError::Refused { what: format!("no token for {audience} ({what})"), advice }
        }
        CallError::Rejected { status: 404, .. } => FetchError::Unavailable {
            what,
            advice: "the tenant has no such data: check its licence, or take the source out of \
                     POSTURE_SOURCES"
                .to_owned(),
        },
        CallError::Moved { .. } => FetchError::Broken { what },
        CallError::Rejected { .. } => FetchError::Refused {
            what,
            advice: "the service doesn't take this request: look for a newer release".to_owned(),
        },
        CallError::Throttled { path, after } => FetchError::Throttled { path, after },
        CallError::Token(TokenError::Unreachable { .. }) | CallError::Unavailable { .. } => {
            FetchError::Broken { what }
        }
    }
}
