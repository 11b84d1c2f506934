//! How collections are read: one page at a time, following the service's own next links.

mod export;
mod page;

pub use export::{FileError, Listing, Rows};
pub use page::{Item, Page};

use crate::cloud::{self, CallError, Cloud, LinkError, Meter, Patience, Pipeline, TokenError};
use crate::source::{Permission, Source};
use azure_core::http::{Method, Request, Url};
use std::collections::HashSet;
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
    pipeline: &'a Pipeline,
    cloud: &'static Cloud,
    source: Source,
    patience: Patience,
    first: String,
    visited: HashSet<u64>,
    hasher: RandomState,
}

impl<'a> Reader<'a> {
    /// A reader of `source` by `pipeline`, whose first page is at `first`.
    pub fn new(
        pipeline: &'a Pipeline,
        cloud: &'static Cloud,
        source: Source,
        first: String,
        patience: Patience,
    ) -> Reader<'a> {
        let (visited, hasher) = (HashSet::new(), RandomState::new());
        Reader { pipeline, cloud, source, patience, first, visited, hasher }
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
        let mut request = Request::new(url, Method::Get);
        request.insert_header("accept", "application/json");
        let read = |answer| self.read(answer);
        match self.pipeline.send(&request, &self.patience, meter, read).await {
            Ok(page) => Ok(page),
            Err(error) if self.is_stale(&error, link) => {
                Err(FetchError::Gone { what: error.to_string() })
            }
            Err(error) => Err(explain(error, self.source.needs)),
        }
    }

    /// The files of an export, asked for at `link`.
    ///
    /// # Errors
    ///
    /// [`FetchError`]; also for a file on a foreign host.
    pub async fn listing(&self, link: &str, meter: &Meter) -> Result<Listing, FetchError> {
        let url = Url::parse(link).map_err(|_| FetchError::Broken {
            what: "the checkpoint holds a link that is no URL".to_owned(),
        })?;
        let mut request = Request::new(url, Method::Get);
        request.insert_header("accept", "application/json");
        let overridden = export::is_overridden(self.pipeline.wire(), self.cloud);
        let read = |answer| Listing::read(&answer, overridden);
        let listing = self.pipeline.send(&request, &self.patience, meter, read).await;
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
            page.next = Some(self.follow(&next)?);
        }
        Ok(page)
    }

    fn follow(&self, next: &str) -> Result<String, String> {
        let api = self.source.api;
        let route = self.pipeline.wire().route(self.cloud.origin(api));
        let link = cloud::canonical(next, api, self.cloud, route)
            .map_err(|error: LinkError| error.to_string())?;
        match self.visited.contains(&self.hasher.hash_one(&link)) {
            true => Err("a next link leads to a page that was read before".to_owned()),
            false => Ok(link),
        }
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
        CallError::Denied { .. } => FetchError::Refused {
            what,
            advice: format!(
                "grant {needs} to the function app's identity, or check that the tenant has the \
                 product's licence; a new grant may take hours to reach the tokens"
            ),
        },
        CallError::Token(TokenError::Refused { audience, what, advice }) => {
            FetchError::Refused { what: format!("no token for {audience} ({what})"), advice }
        }
        CallError::Rejected { status: 404, .. } => FetchError::Refused {
            what,
            advice: "the tenant has no such data: check its licence, or take the source out of \
                     POSTURE_SOURCES"
                .to_owned(),
        },
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
