//! One look-up at Defender, its answer folded record by record and kept in memory for five minutes.

use super::gap::Gap;
use super::{FRESH_FOR, Lookup};
use crate::cloud::{self, CallError, Meter, Patience};
use crate::digest::lenient;
use crate::fetch::Page;
use crate::source::{Api, Fetch, Permission};
use azure_core::http::{Method, Request, Url};
use serde::de::DeserializeOwned;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Pages of one look-up that are read: with 10,000 records on each, those of 200,000 devices.
const MOST_PAGES: usize = 20;
/// How often a look-up is tried, and the longest wait for room in a documented limit: a person waits.
const TRIES: u32 = 2;
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// What is kept of an answer's records.
pub(super) trait Fold: Default + Send + Sync + 'static {
    /// Whether it grows with the tenant: of those only a few are kept in memory.
    const IS_LARGE: bool = false;

    /// Takes one record, valid JSON.
    fn add(&mut self, record: &[u8]);

    /// Lets go of what only the fold itself needs: what is left is kept in memory.
    fn end(&mut self) {}
}

/// Every record that is an object, of lists that have few.
impl<R: DeserializeOwned + Send + Sync + 'static> Fold for Vec<R> {
    fn add(&mut self, record: &[u8]) {
        self.extend(lenient::record::<R>(record));
    }
}

impl Lookup<'_> {
    /// What Defender answers at a path (and query): a list, or one object. Nothing is there where it
    /// answers 404.
    ///
    /// Each path is always folded into one type.
    pub(super) async fn ask<T: Fold>(&self, path: &str, needs: Permission) -> Result<Arc<T>, Gap> {
        self.ask_into(path, needs, T::default()).await
    }

    /// The same, folded into what there is at the start.
    pub(super) async fn ask_into<T: Fold>(
        &self,
        path: &str,
        needs: Permission,
        start: T,
    ) -> Result<Arc<T>, Gap> {
        self.remembered(path, T::IS_LARGE, self.read(path, needs, start)).await
    }

    /// What was read under a key in this tenant within five minutes, or is read now. Each key is always
    /// of one type.
    pub(super) async fn remembered<T: Send + Sync + 'static>(
        &self,
        key: &str,
        is_large: bool,
        read: impl Future<Output = Result<T, Gap>>,
    ) -> Result<Arc<T>, Gap> {
        let key = format!("{}\n{key}", self.tenant.id);
        let read = async {
            let found: Arc<dyn Any + Send + Sync> = Arc::new(read.await?);
            Ok::<_, Gap>(found)
        };
        let lookups = &self.app.lookups;
        let recent = if is_large { &lookups.large } else { &lookups.recent };
        let found = recent.get(&key, (Instant::now(), FRESH_FOR), read).await?;
        let found = Arc::clone(&*found).downcast::<T>();
        found.map_err(|_| Gap::Unreachable { what: "the answer is of another kind".to_owned() })
    }

    async fn read<T: Fold>(&self, path: &str, needs: Permission, mut folded: T) -> Result<T, Gap> {
        let cloud = self.tenant.cloud;
        if cloud.defender.is_empty() {
            return Err(Gap::NotKept(format!(
                "the cloud {} has no Defender for Endpoint: nothing is looked up there",
                cloud.name
            )));
        }
        let pipeline = self.tenant.pipeline(Api::Defender);
        let (patience, meter) = (self.patience(), Meter::default());
        let mut next = Some(format!("{}{path}", cloud.defender));
        for _ in 0..MOST_PAGES {
            let Some(link) = next.take() else { break };
            let url = Url::parse(&link).map_err(|_| unusable("a look-up's link is no URL"))?;
            let request = Request::new(url, Method::Get);
            let page = pipeline
                .send(&request, &patience, &meter, |answer| Page::read(answer, Fetch::Object("")));
            let page = match page.await {
                Err(CallError::Rejected { status: 404, .. }) => break,
                page => page.map_err(|error| Gap::of(error, needs))?,
            };
            (0..page.len()).for_each(|index| folded.add(page.item(index).raw.as_bytes()));
            let route = pipeline.wire().route(cloud.defender);
            next = match &page.next {
                None => None,
                Some(link) => Some(
                    cloud::canonical(link, Api::Defender, cloud, route)
                        .map_err(|error| unusable(&error.to_string()))?,
                ),
            };
        }
        folded.end();
        Ok(folded)
    }

    fn patience(&self) -> Patience {
        let usual = self.app.limits.patience;
        Patience {
            tries: TRIES.min(usual.tries),
            longest_wait: LONGEST_WAIT.min(usual.longest_wait),
            deadline: Some(self.until),
            ..usual
        }
    }
}

fn unusable(what: &str) -> Gap {
    Gap::Unreachable { what: what.to_owned() }
}
