//! Azure's resources: pages of Resource Graph, and the lists that stand in for it.

use super::spot::{Spot, without_fragment};
use super::{FetchError, Page, Reader, explain};
use crate::cloud::{CallError, Meter};
use crate::source::{Api, Resources, SUBSCRIPTIONS_LIST, SUBSCRIPTIONS_VERSION};
use crate::tenant::{Scope, Tenant};
use azure_core::http::{Method, Request, Url};
use serde_json::{Value, json};
use tracing::warn;

/// <https://learn.microsoft.com/azure/governance/resource-graph/concepts/work-with-data>
const ROWS_PATH: &str = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";
/// Most rows of a page.
const MAX_ROWS: u32 = 1000;
/// Most subscriptions of a query: groups of under 300 are what the service advises.
///
/// <https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests>
const MAX_SUBSCRIPTIONS: usize = 299;

/// The link that a run of these resources begins at: lists for a single subscription, and where
/// Resource Graph doesn't have them; else Resource Graph.
pub fn first_link(resources: Resources, tenant: &Tenant) -> String {
    let origin = tenant.cloud.origin(Api::Arm);
    match resources.rows.is_some() && tenant.azure.named().len() != 1 {
        true => rows_link(origin, "", ""),
        false => first_list(resources, origin),
    }
}

fn rows_link(origin: &str, from: &str, token: &str) -> String {
    let spot = Spot::Rows { from: from.to_owned(), token: token.to_owned() };
    spot.link(&format!("{origin}{ROWS_PATH}"))
}

fn first_list(resources: Resources, origin: &str) -> String {
    match resources.depth() {
        0 => super::lists::link(resources, origin, &[]),
        _ => {
            let asked = format!("{origin}{SUBSCRIPTIONS_LIST}?api-version={SUBSCRIPTIONS_VERSION}");
            Spot::Begin.link(&asked)
        }
    }
}

impl Reader<'_> {
    /// The page of resources at `link`; its next link leads to what follows, whatever that is.
    ///
    /// Where Resource Graph refuses the run's first query, the page is empty and leads to the lists.
    ///
    /// # Errors
    ///
    /// As [`Reader::page`].
    pub(super) async fn resources(
        &mut self,
        resources: Resources,
        link: &str,
        url: Url,
        meter: &Meter,
    ) -> Result<Page, FetchError> {
        let mut page = match Spot::of(&url) {
            Some(Spot::Rows { from, token }) => {
                self.rows(resources, link, &from, &token, meter).await?
            }
            Some(Spot::Begin) => Page::empty(self.list_after(resources, Vec::new(), meter).await?),
            Some(Spot::List(names)) => self.list(resources, link, names, meter).await?,
            None => {
                let what = "the checkpoint holds a link of another release".to_owned();
                return Err(FetchError::Broken { what });
            }
        };
        page.unread = std::mem::take(&mut self.unread);
        Ok(page)
    }

    async fn rows(
        &mut self,
        resources: Resources,
        link: &str,
        from: &str,
        token: &str,
        meter: &Meter,
    ) -> Result<Page, FetchError> {
        let tenant = self.tenant;
        let origin = tenant.cloud.origin(Api::Arm);
        let query = resources.query(self.source.table.columns).unwrap_or_default();
        let (group, rest) = group(tenant.azure.named(), from);
        let mut request = self.request(link, Method::Post)?;
        request.insert_header("content-type", "application/json");
        request.set_body(body(&query, group, &tenant.azure, token).to_string());
        let read = |answer| {
            let mut page = Page::rows(answer, resources, &tenant.id)?;
            page.next = match (page.next.take(), rest) {
                (Some(token), _) => Some(self.unvisited(rows_link(origin, from, &token))?),
                // Rows are missing either way, so that the groups that follow are read too.
                (None, Some(next)) => Some(rows_link(origin, next, "")),
                (None, None) => None,
            };
            Ok(page)
        };
        match self.tenant.pipeline(Api::Arm).send(&request, &self.patience, meter, read).await {
            Ok(page) => Ok(page),
            // A management group's subscriptions can't be told from the list of all of them.
            Err(error)
                if link == self.first
                    && is_refusal(&error)
                    && tenant.azure.management_group().is_none() =>
            {
                let source = self.source.name;
                warn!(
                    tenant = tenant.id,
                    source, "{error}: Azure's lists stand in, which tell less"
                );
                Ok(Page::empty(Some(first_list(resources, origin))))
            }
            Err(error) => Err(self.explain_at(error, link)),
        }
    }

    /// The request for what of a link is asked.
    pub(super) fn request(&self, link: &str, method: Method) -> Result<Request, FetchError> {
        let url = Url::parse(without_fragment(link)).map_err(|_| FetchError::Broken {
            what: "the checkpoint holds a link that is no URL".to_owned(),
        })?;
        let mut request = Request::new(url, method);
        request.insert_header("accept", "application/json");
        Ok(request)
    }

    /// What an error at a page means.
    pub(super) fn explain_at(&self, error: CallError, link: &str) -> FetchError {
        match self.is_stale(&error, link) {
            true => FetchError::Gone { what: error.to_string() },
            false => explain(error, self.source.needs),
        }
    }
}

/// Whether the service won't do this for this identity, where something else may serve.
pub(super) fn is_refusal(error: &CallError) -> bool {
    matches!(error, CallError::Denied { status: 403, .. } | CallError::Rejected { .. })
}

/// The group of subscriptions that begins at or after `from`, and where the next one does. A group is told
/// by its first id, not by a number: it stays the same where a setting changes in between.
fn group<'a>(ids: &'a [String], from: &str) -> (&'a [String], Option<&'a str>) {
    let left = &ids[ids.partition_point(|id| id.as_str() < from)..];
    let (group, rest) = left.split_at(left.len().min(MAX_SUBSCRIPTIONS));
    (group, rest.first().map(String::as_str))
}

fn body(query: &str, group: &[String], scope: &Scope, token: &str) -> Value {
    let mut body = json!({
        "query": query,
        "options": { "$top": MAX_ROWS, "resultFormat": "objectArray" },
    });
    if !group.is_empty() {
        body["subscriptions"] = group.into();
    }
    if let Some(name) = scope.management_group() {
        body["managementGroups"] = json!([name]);
    }
    if !token.is_empty() {
        body["options"]["$skipToken"] = token.into();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_are_asked_for_in_groups_of_under_300() {
        let ids: Vec<String> = (0..600).map(|number| format!("{number:04}")).collect();

        let (first, second) = group(&ids, "");
        let (middle, third) = group(&ids, second.unwrap());
        let (last, none) = group(&ids, third.unwrap());

        assert_eq!((first.len(), second), (299, Some("0299")));
        assert_eq!((middle.len(), third), (299, Some("0598")));
        assert_eq!((last.len(), none), (2, None));
        assert_eq!(group(&[], ""), (&[][..], None));
        assert_eq!(group(&ids, "0298x").0[0], "0299", "an id that is gone meanwhile");
    }

    #[test]
    fn a_query_says_its_size_its_scope_and_its_token() {
        let ids = ["a".to_owned()];

        let all = body("q", &[], &Scope::default(), "");
        let some = body("q", &ids, &Scope::default(), "t");
        let below = body("q", &[], &Scope::group("root".to_owned()), "");

        let options = json!({ "$top": 1000, "resultFormat": "objectArray" });
        assert_eq!(all, json!({ "query": "q", "options": options }));
        assert_eq!(some["subscriptions"], json!(["a"]));
        assert_eq!(some["options"]["$skipToken"], "t");
        assert_eq!(below["managementGroups"], json!(["root"]));
    }
}
