//! Lists below the records of a collection: one for each parent, in the order of their ids.
//!
//! A list's page is told by its link and by the parent's id in the link's fragment, so that an attempt
//! goes on where another was cut short; what follows a list is found by reading the parents again.

use super::page::Members;
use super::rows::field;
use super::spot::{Spot, segment};
use super::{FetchError, Page, Reader};
use crate::cloud::{CallError, Meter};
use crate::source::{Below, Fetch};
use azure_core::http::{Method, Url};

/// A record with a list below it, and what of it stands in front of the list's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parent {
    id: String,
    fields: Vec<(&'static str, String)>,
}

/// The parents on a page; one without an id has no list.
fn parents(page: &Page, below: Below) -> Vec<Parent> {
    let records = (0..page.len()).filter_map(|index| {
        let own: Members = serde_json::from_str(page.item(index).raw).ok()?;
        let fields = below
            .parent
            .iter()
            .filter_map(|(theirs, ours)| Some((*ours, own.0.get(*theirs)?.get().to_owned())));
        Some(Parent { id: field(&own, "id")?, fields: fields.collect() })
    });
    records.collect()
}

impl Reader<'_> {
    /// The page at `link`: before the first list where it has no fragment of ours, else a page of a
    /// list, which leads to the next list at its end.
    ///
    /// A list that is gone since its parent was read is passed over, and the page says so.
    ///
    /// # Errors
    ///
    /// As [`Reader::page`].
    pub(super) async fn below(
        &mut self,
        below: Below,
        link: &str,
        url: &Url,
        meter: &Meter,
    ) -> Result<Page, FetchError> {
        let parents = self.parents(below, meter).await?;
        let Some(Spot::List(ids)) = Spot::of(url) else {
            return Ok(Page::empty(parents.first().map(|first| self.list_of(below, first))));
        };
        let id = ids.into_iter().next().unwrap_or_default();
        let rest = parents.partition_point(|parent| parent.id <= id);
        let after = parents.get(rest).map(|next| self.list_of(below, next));
        let parent = parents.into_iter().find(|parent| parent.id == id);
        let Some(parent) = parent else { return Ok(Page::empty(after)) };
        let mut page = self.page_below(below, link, &parent, meter).await?;
        page.common = parent.fields;
        page.next = page.next.or(after);
        page.unread = std::mem::take(&mut self.unread);
        Ok(page)
    }

    /// The first page of the list below a parent.
    fn list_of(&self, below: Below, parent: &Parent) -> String {
        let origin = self.tenant.cloud.origin(self.source.api);
        let path = below.list.replace("{}", &segment(&parent.id));
        Spot::List(vec![parent.id.clone()]).link(&format!("{origin}{path}"))
    }

    async fn page_below(
        &mut self,
        below: Below,
        link: &str,
        parent: &Parent,
        meter: &Meter,
    ) -> Result<Page, FetchError> {
        let request = self.request(link, Method::Get)?;
        let read = |answer| {
            let mut page = Page::read(answer, Fetch::Below(below))?;
            if let Some(next) = page.next.take() {
                let next = Spot::List(vec![parent.id.clone()]).link(&self.canonical(&next)?);
                page.next = Some(self.unvisited(next)?);
            }
            Ok(page)
        };
        let pipeline = self.tenant.pipeline(self.source.api);
        match pipeline.send(&request, &self.patience, meter, read).await {
            Ok(page) => Ok(page),
            Err(error @ CallError::Rejected { status: 404, .. })
                if link == self.list_of(below, parent) =>
            {
                self.pass_over(&error);
                Ok(Page::empty(None))
            }
            Err(error) => Err(self.explain_at(error, link)),
        }
    }

    /// Every parent, by id; read once.
    async fn parents(&mut self, below: Below, meter: &Meter) -> Result<Vec<Parent>, FetchError> {
        if let Some(known) = &self.parents {
            return Ok(known.clone());
        }
        let mut found = Vec::new();
        let first = format!("{}{}", self.tenant.cloud.origin(self.source.api), below.parents);
        let read = |answer| Page::read(answer, Fetch::Below(below));
        let take = |page: &Page| found.extend(parents(page, below));
        let all = self.each_page(&first, read, take, meter).await?;
        all.map_err(|(error, link)| self.explain_at(error, &link))?;
        found.sort_by(|one: &Parent, other: &Parent| one.id.cmp(&other.id));
        found.dedup_by(|one, other| one.id == other.id);
        self.parents = Some(found.clone());
        Ok(found)
    }
}
