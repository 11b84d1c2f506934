//! Azure Resource Manager: the subscriptions that can be read, the role on them, and calls left.

use super::api::area;
use super::{Finding, Look, token};
use crate::cloud::{Answer, CallError, Claims, Heard, Meter};
use crate::fetch::{self, FetchError, Reader};
use crate::source::{
    AZURE_SECURE_SCORES, AZURE_SUBSCRIPTIONS, Api, Fetch, SUBSCRIPTIONS_LIST, SUBSCRIPTIONS_VERSION,
};
use azure_core::http::{Method, Request, Url};
use serde::Deserialize;
use std::sync::PoisonError;

const AREA: &str = "azure";

/// Looks at Azure, where a source needs it.
pub(super) async fn look(look: &Look<'_>) -> Vec<Finding> {
    if look.sources(Api::Arm).is_empty() {
        return Vec::new();
    }
    let (pipeline, origin) = (look.tenant.pipeline(Api::Arm), look.tenant.cloud.arm);
    let tenant = Some(look.tenant.id.as_str());
    let token = token::look(pipeline, (area(Api::Arm), origin), tenant, &look.patience).await;
    let (token, claims) = match token {
        Ok(found) => found,
        Err(finding) => return vec![finding],
    };
    let mut findings = vec![token];
    let meter = Meter::default();
    let (subscriptions, first) = subscriptions(look, claims.as_ref(), &meter).await;
    findings.push(subscriptions);
    if let Some(id) = first {
        findings.push(role(look, claims.as_ref(), &id, &meter).await);
    }
    let heard = heard(&meter);
    findings.extend(token::clock(AREA, &heard, (look.clock)()));
    findings.extend(quota("Resource Manager's calls", &heard));
    let meter = Meter::default();
    findings.push(graph(look, claims.as_ref(), &meter).await);
    findings.extend(quota("Resource Graph's queries", &self::heard(&meter)));
    findings
}

fn heard(meter: &Meter) -> Heard {
    meter.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[derive(Deserialize)]
struct List {
    value: Vec<Subscription>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    subscription_id: String,
    #[serde(default)]
    tenant_id: String,
}

/// How many subscriptions of the tenant can be read, and one of them.
async fn subscriptions(
    look: &Look<'_>,
    claims: Option<&Claims>,
    meter: &Meter,
) -> (Finding, Option<String>) {
    let finding = |says: String| Finding::good(AREA, "subscriptions", says);
    let path = format!("{SUBSCRIPTIONS_LIST}?api-version={SUBSCRIPTIONS_VERSION}");
    let read = |answer: Answer| {
        serde_json::from_slice::<List>(&answer.body)
            .map_err(|_| "no list of subscriptions".to_owned())
    };
    let list = match send(look, &path, meter, read).await {
        Ok(list) => list,
        Err(error) => return (token::failed(error, finding), None),
    };
    let is_own = |one: &Subscription| {
        one.tenant_id.is_empty() || one.tenant_id.eq_ignore_ascii_case(&look.tenant.id)
    };
    let ids: Vec<_> = list
        .value
        .into_iter()
        .filter(is_own)
        .map(|one| one.subscription_id.to_lowercase())
        .collect();
    let azure = &look.tenant.azure;
    let named = azure.named();
    let unread: Vec<_> = named.iter().filter(|id| !ids.contains(id)).cloned().collect();
    let give = || look.grantee(claims).give(Api::Arm, AZURE_SUBSCRIPTIONS.needs);
    let first = ids.iter().find(|id| azure.takes(id)).cloned();
    let finding = match () {
        () if first.is_none() => finding("none of the tenant can be read".to_owned()).wrong(give()),
        () if !unread.is_empty() => {
            finding(format!("can't be read: {}", unread.join(", "))).wrong(give())
        }
        () => {
            let count = ids.iter().filter(|id| azure.takes(id)).count();
            let s = if count == 1 { "" } else { "s" };
            finding(format!("{count} subscription{s} can be read"))
        }
    };
    (finding, first)
}

/// Whether what Defender for Cloud has of a subscription can be read.
async fn role(look: &Look<'_>, claims: Option<&Claims>, id: &str, meter: &Meter) -> Finding {
    let finding = |says: String| Finding::good(AREA, "Security Reader", says);
    let Fetch::Resources(resources) = AZURE_SECURE_SCORES.fetch else {
        return finding("not tried".to_owned());
    };
    let path =
        format!("{}?api-version={}", resources.list.replacen("{}", id, 1), resources.version);
    match send(look, &path, meter, |_| Ok(())).await {
        Ok(()) => finding(format!("Defender for Cloud can be read in {id}")),
        Err(error @ CallError::Denied { status: 403, .. }) => finding(error.to_string())
            .wrong(look.grantee(claims).give(Api::Arm, AZURE_SECURE_SCORES.needs)),
        Err(error @ CallError::Rejected { status: 404 | 409, .. }) => finding(error.to_string())
            .warning("turn Defender for Cloud on there, or leave the subscription out"),
        Err(error) => token::failed(error, finding),
    }
}

/// Whether Resource Graph answers for the tenant's scope, as a run asks it.
async fn graph(look: &Look<'_>, claims: Option<&Claims>, meter: &Meter) -> Finding {
    let tenant = look.tenant;
    let finding = |says: String| Finding::good(AREA, "Resource Graph", says);
    let Fetch::Resources(resources) = AZURE_SUBSCRIPTIONS.fetch else {
        return finding("not tried".to_owned());
    };
    let give = || look.grantee(claims).give(Api::Arm, AZURE_SUBSCRIPTIONS.needs);
    let link = fetch::first_link(resources, tenant);
    let mut reader = Reader::new(tenant, AZURE_SUBSCRIPTIONS, link.clone(), look.patience);
    let scope = match tenant.azure.management_group() {
        Some(name) => format!("below the management group {name}"),
        None => "in all".to_owned(),
    };
    match reader.page(&link, meter).await {
        Ok(page) if page.is_empty() && page.next.is_some() => {
            finding("refused: the lists are read instead, one call per subscription".to_owned())
                .warning(give())
        }
        Ok(page) if page.is_empty() => finding(format!("no subscription {scope}")).wrong(give()),
        Ok(page) => finding(format!("{} subscriptions {scope}", page.len())),
        Err(FetchError::Refused { what, .. }) => finding(what).wrong(give()),
        Err(error @ FetchError::Throttled { .. }) => {
            finding(error.to_string()).warning("check again in a few minutes")
        }
        Err(error) => finding(error.to_string()).wrong("check again in a few minutes"),
    }
}

/// The calls that are left, where the service says so.
fn quota(what: &str, heard: &Heard) -> Option<Finding> {
    let least = heard.left.values().min()?;
    let each: Vec<_> = heard.left.iter().map(|(name, left)| format!("{name} {left}")).collect();
    let finding = Finding::good(AREA, what, format!("left: {}", each.join(", ")));
    Some(match least {
        0 => finding.warning("wait until the allowance is there again: others may use it up too"),
        _ => finding,
    })
}

async fn send<T>(
    look: &Look<'_>,
    path: &str,
    meter: &Meter,
    read: impl FnMut(Answer) -> Result<T, String>,
) -> Result<T, CallError> {
    let address = format!("{}{path}", look.tenant.cloud.arm);
    let url = Url::parse(&address).map_err(|_| CallError::Unavailable {
        what: "no address".to_owned(),
        path: path.to_owned(),
        tries: 0,
    })?;
    let request = Request::new(url, Method::Get);
    look.tenant.pipeline(Api::Arm).send(&request, &look.patience, meter, read).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;

    #[test]
    fn calls_that_are_left_are_told_and_none_is_a_warning() {
        let heard = |left: &[(&str, u64)]| Heard {
            left: left.iter().map(|(name, left)| ((*name).to_owned(), *left)).collect(),
            date: None,
        };

        let some = quota("calls", &heard(&[("x-ms-user-quota-remaining", 14)])).unwrap();
        let none = quota("calls", &heard(&[("a", 200), ("b", 0)])).unwrap();

        assert_eq!(some.says, "left: x-ms-user-quota-remaining 14");
        assert_eq!((some.verdict, none.verdict), (Verdict::Good, Verdict::Warning));
        assert_eq!(quota("calls", &Heard::default()), None);
    }
}
