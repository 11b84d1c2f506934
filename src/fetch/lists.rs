//! Azure's lists: one for each subscription and name above, walked in the order of their names.
//!
//! The walk holds no position but the names of the list it is at: what follows is found by reading
//! the lists above again, so that an attempt goes on where another was cut short.

use super::resources::is_refusal;
use super::rows::{Whose, field, is_of};
use super::spot::{Spot, segment};
use super::{FetchError, Page, Reader, explain};
use crate::cloud::{Answer, CallError, Meter};
use crate::source::{Api, Resources, SUBSCRIPTIONS_LIST, SUBSCRIPTIONS_VERSION};
use azure_core::http::Method;
use std::collections::HashSet;

/// The first page of the list that these names lead to.
pub(super) fn link(resources: Resources, origin: &str, names: &[String]) -> String {
    let asked = asked(resources, names);
    Spot::List(names.to_vec()).link(&format!("{origin}{asked}"))
}

/// Path and query of the list that these names lead to: the last one, or one above it.
fn asked(resources: Resources, names: &[String]) -> String {
    let mut pieces = resources.list.split("{}");
    let mut path = pieces.next().unwrap_or_default().to_owned();
    for (name, piece) in names.iter().zip(pieces) {
        path.push_str(&segment(name));
        path.push_str(piece);
    }
    let path = path.trim_end_matches('/');
    let version = match path {
        SUBSCRIPTIONS_LIST => SUBSCRIPTIONS_VERSION,
        _ => resources.version,
    };
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}api-version={version}")
}

impl Reader<'_> {
    /// A page of the list that these names lead to. Where a subscription refuses it, the walk goes
    /// on past it and the page says so.
    pub(super) async fn list(
        &mut self,
        resources: Resources,
        at: &str,
        names: Vec<String>,
        meter: &Meter,
    ) -> Result<Page, FetchError> {
        let origin = self.tenant.cloud.origin(Api::Arm);
        let request = self.request(at, Method::Get)?;
        let read = |answer| {
            let mut page = Page::list(answer, resources, |own| self.whose(resources, own))?;
            if let Some(next) = page.next.take() {
                let next = Spot::List(names.clone()).link(&self.canonical(&next)?);
                page.next = Some(self.unvisited(next)?);
            }
            Ok(page)
        };
        let sent = self.tenant.pipeline(Api::Arm).send(&request, &self.patience, meter, read).await;
        let is_first = at == link(resources, origin, &names);
        let mut page = match sent {
            Ok(page) => page,
            Err(error) if is_first && !names.is_empty() && is_refusal(&error) => {
                self.pass_over(&error);
                Page::empty(None)
            }
            Err(error) => return Err(self.explain_at(error, at)),
        };
        if let Some(subscription) = names.first() {
            // Lists don't repeat whose they are: the list of subscriptions has said so.
            let quoted = |text: &str| format!("\"{text}\"");
            page.common = vec![
                ("tenantId", quoted(&self.tenant.id)),
                ("subscriptionId", quoted(subscription)),
            ];
        }
        if page.next.is_none() {
            page.next = self.list_after(resources, names, meter).await?;
        }
        Ok(page)
    }

    /// The list that follows the one that these names lead to; the first one where there are none.
    pub(super) async fn list_after(
        &mut self,
        resources: Resources,
        mut names: Vec<String>,
        meter: &Meter,
    ) -> Result<Option<String>, FetchError> {
        if resources.depth() == 0 {
            return Ok(None);
        }
        let mut after = names.pop();
        loop {
            let below = self.names(resources, &names, meter).await?;
            let next = below.iter().find(|name| after.as_ref().is_none_or(|after| *name > after));
            match next {
                Some(name) => {
                    names.push(name.clone());
                    after = None;
                    if names.len() == resources.depth() {
                        let origin = self.tenant.cloud.origin(Api::Arm);
                        return Ok(Some(link(resources, origin, &names)));
                    }
                }
                None => match names.pop() {
                    Some(done) => after = Some(done),
                    None => return Ok(None),
                },
            }
        }
    }

    /// The names in the list that `above` leads to, in order; none where that list is refused. The
    /// newest list of each depth is remembered.
    async fn names(
        &mut self,
        resources: Resources,
        above: &[String],
        meter: &Meter,
    ) -> Result<Vec<String>, FetchError> {
        let asked = asked(resources, above);
        if let Some((_, names)) = self.lists.get(&above.len()).filter(|(of, _)| *of == asked) {
            return Ok(names.clone());
        }
        let mut names = self.read_names(resources, &asked, above.is_empty(), meter).await?;
        names.sort();
        names.dedup();
        self.lists.insert(above.len(), (asked, names.clone()));
        Ok(names)
    }

    async fn read_names(
        &mut self,
        resources: Resources,
        asked: &str,
        subscriptions: bool,
        meter: &Meter,
    ) -> Result<Vec<String>, FetchError> {
        let first = format!("{}{asked}", self.tenant.cloud.origin(Api::Arm));
        let mut names = Vec::new();
        let read = |answer| Page::list(answer, resources, |_| Whose::Ours);
        let take = |page: &Page| names.extend(self.names_of(page, subscriptions));
        match self.each_page(&first, read, take, meter).await? {
            Ok(()) => Ok(names),
            Err((error, link)) if link == first && !subscriptions && is_refusal(&error) => {
                self.pass_over(&error);
                Ok(Vec::new())
            }
            Err((error, link)) if link == first => Err(explain(error, self.source.needs)),
            Err((error, link)) => Err(self.explain_at(error, &link)),
        }
    }

    /// Hands `take` each page of the list at `first`, one after the other.
    ///
    /// # Errors
    ///
    /// As [`Reader::page`] where no request can be made; inside, the call that failed and its link.
    pub(super) async fn each_page(
        &self,
        first: &str,
        read: impl Fn(Answer) -> Result<Page, String>,
        mut take: impl FnMut(&Page),
        meter: &Meter,
    ) -> Result<Result<(), (CallError, String)>, FetchError> {
        let (mut seen, mut next) = (HashSet::new(), Some(first.to_owned()));
        while let Some(link) = next {
            let request = self.request(&link, Method::Get)?;
            let read = |answer| {
                let mut page = read(answer)?;
                page.next = page.next.take().map(|next| self.canonical(&next)).transpose()?;
                match page.next.as_ref().is_some_and(|next| *next == link || seen.contains(next)) {
                    true => Err("a next link leads to a page that was read before".to_owned()),
                    false => Ok(page),
                }
            };
            let pipeline = self.tenant.pipeline(self.source.api);
            match pipeline.send(&request, &self.patience, meter, read).await {
                Ok(mut page) => {
                    next = page.next.take();
                    take(&page);
                    seen.insert(link);
                }
                Err(error) => return Ok(Err((error, link))),
            }
        }
        Ok(Ok(()))
    }

    /// The names that a walk goes on below: of subscriptions only this tenant's own, as ids.
    fn names_of(&self, page: &Page, subscriptions: bool) -> Vec<String> {
        let items =
            (0..page.len()).filter_map(|index| serde_json::from_str(page.item(index).raw).ok());
        items
            .filter_map(|own| match subscriptions {
                true => {
                    let id = field(&own, "subscriptionId")?.to_lowercase();
                    let ours = is_of(&own, &self.tenant.id) && self.tenant.azure.takes(&id);
                    ours.then_some(id)
                }
                false => field(&own, "name"),
            })
            .collect()
    }

    /// Items of the list of subscriptions tell whose they are; those of others are in a list of a
    /// subscription of ours.
    fn whose(&self, resources: Resources, own: &super::page::Members) -> Whose {
        if resources.list != SUBSCRIPTIONS_LIST {
            return Whose::Ours;
        }
        let id = field(own, "subscriptionId").unwrap_or_default();
        match (is_of(own, &self.tenant.id), self.tenant.azure.takes(&id)) {
            (false, _) => Whose::Foreign,
            (true, true) => Whose::Ours,
            (true, false) => Whose::Unasked,
        }
    }

    pub(super) fn pass_over(&mut self, error: &CallError) {
        let (CallError::Denied { status, code, .. } | CallError::Rejected { status, code, .. }) =
            error
        else {
            return;
        };
        let code = code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
        self.unread.push(format!("{status}{code}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{
        AZURE_SECURE_SCORE_CONTROLS, AZURE_SUBSCRIPTIONS, COMPLIANCE_ASSESSMENTS, Fetch, Source,
    };

    fn of(source: Source, names: &[&str]) -> String {
        let Fetch::Resources(resources) = source.fetch else { panic!("no resources") };
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        asked(resources, &names)
    }

    #[test]
    fn names_lead_to_a_list_and_to_those_above_it() {
        let subscriptions = "/subscriptions?api-version=2022-12-01";
        let standards =
            "/subscriptions/s1/providers/Microsoft.Security/regulatoryComplianceStandards";
        let controls = "regulatoryComplianceControls";

        assert_eq!(of(AZURE_SUBSCRIPTIONS, &[]), subscriptions);
        assert_eq!(of(COMPLIANCE_ASSESSMENTS, &[]), subscriptions);
        assert_eq!(
            of(COMPLIANCE_ASSESSMENTS, &["s1"]),
            format!("{standards}?api-version=2019-01-01-preview")
        );
        assert_eq!(
            of(COMPLIANCE_ASSESSMENTS, &["s1", "PCI DSS", "2.1"]),
            format!(
                "{standards}/PCI%20DSS/{controls}/2.1/regulatoryComplianceAssessments\
                 ?api-version=2019-01-01-preview"
            )
        );
        assert_eq!(
            of(AZURE_SECURE_SCORE_CONTROLS, &["s1"]),
            "/subscriptions/s1/providers/Microsoft.Security/secureScoreControls\
             ?$expand=definition&api-version=2020-01-01"
        );
    }
}
