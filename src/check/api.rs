//! Microsoft Graph and Defender: each permission that an enabled source needs, and one cheap call by it.

use super::{Finding, Look, token};
use crate::cloud::{CallError, Claims, Meter};
use crate::source::{Api, Fetch, Permission, Reads, Source};
use azure_core::http::{Method, Request, Url};
use futures::future::join_all;
use std::sync::PoisonError;

/// The name of an API's area.
pub(super) fn area(api: Api) -> &'static str {
    match api {
        Api::Graph => "graph",
        Api::Defender => "defender",
        Api::Arm => "azure",
        Api::Kev | Api::Epss | Api::Nvd => "cve",
    }
}

/// A permission, and what needs it.
struct Need {
    permission: Permission,
    sources: Vec<&'static str>,
    /// Path and query of a call that costs little.
    call: Option<String>,
}

/// Looks at one of the two, where a source needs it.
pub(super) async fn look(look: &Look<'_>, api: Api) -> Vec<Finding> {
    let needs = needs(&look.sources(api));
    if needs.is_empty() {
        return Vec::new();
    }
    let (pipeline, origin) = (look.tenant.pipeline(api), look.tenant.cloud.origin(api));
    let tenant = Some(look.tenant.id.as_str());
    let token = token::look(pipeline, (area(api), origin), tenant, &look.patience).await;
    let (token, claims) = match token {
        Ok(found) => found,
        Err(finding) => return vec![finding],
    };
    let meter = Meter::default();
    let looks = needs.iter().map(|need| permission(look, api, need, claims.as_ref(), &meter));
    let permissions = join_all(looks).await;
    let heard = meter.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let clock = token::clock(area(api), &heard, (look.clock)());
    [token].into_iter().chain(permissions).chain(clock).collect()
}

/// Each permission once, in the order in which they are first needed.
fn needs(sources: &[Source]) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    for source in sources {
        let call = cheap(source);
        match needs.iter_mut().find(|need| need.permission == source.needs) {
            Some(need) => {
                need.sources.push(source.name);
                need.call = need.call.take().or(call);
            }
            None => {
                needs.push(Need { permission: source.needs, sources: vec![source.name], call });
            }
        }
    }
    needs
}

/// The first record of a list. Not of exports, of which there are 20 calls an hour, and not by a
/// hunting query, whose quota is the tenant's.
fn cheap(source: &Source) -> Option<String> {
    match source.fetch {
        _ if matches!(source.reads, Reads::Changes { .. }) => None,
        Fetch::Object(path) => Some(path.to_owned()),
        Fetch::Below(below) => Some(below.parents.to_owned()),
        Fetch::Collection(path) | Fetch::Members { path, .. } => Some(first_record(path)),
        Fetch::Export { .. }
        | Fetch::Hunting(_)
        | Fetch::Resources(_)
        | Fetch::Kev(_)
        | Fetch::Epss(_)
        | Fetch::Nvd(_) => None,
    }
}

fn first_record(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let others = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("$top="));
    let query: Vec<_> = others.chain(["$top=1"]).collect();
    format!("{path}?{}", query.join("&"))
}

async fn permission(
    look: &Look<'_>,
    api: Api,
    need: &Need,
    claims: Option<&Claims>,
    meter: &Meter,
) -> Finding {
    let role = need.permission.role().0;
    let finding = |says: String| Finding::good(area(api), role, says);
    let give = || look.grantee(claims).give(api, need.permission);
    let granted = claims.map(|claims| claims.has(role));
    // What a user may do needs no scope of that name: the call tells.
    let is_known = claims.is_some_and(|claims| !claims.is_users());
    if granted == Some(false) && (is_known || need.call.is_none()) {
        let says = format!("missing in the token, needed by {}", need.sources.join(", "));
        return finding(says).wrong(give());
    }
    let Some(call) = &need.call else {
        return finding("granted; not tried, its calls are few a day".to_owned());
    };
    match send(look, api, call, meter).await {
        Ok(()) => {
            let path = call.split('?').next().unwrap_or_default();
            finding(format!("granted, and {path} answers"))
        }
        Err(error) => match (&error, granted) {
            (CallError::Denied { status: 403, .. }, Some(true)) if is_known => {
                finding(format!("granted, but {error}")).wrong(licence(role, need))
            }
            (CallError::Denied { status: 403, .. }, _) => {
                let next = format!("{}; where it is granted, {}", give(), licence(role, need));
                finding(error.to_string()).wrong(next)
            }
            (CallError::Rejected { status: 404, .. }, _) => {
                finding(format!("granted, but {error}")).warning(licence(role, need))
            }
            _ => token::failed(error, finding),
        },
    }
}

async fn send(look: &Look<'_>, api: Api, call: &str, meter: &Meter) -> Result<(), CallError> {
    let address = format!("{}{call}", look.tenant.cloud.origin(api));
    let Ok(url) = Url::parse(&address) else { return Ok(()) };
    let request = Request::new(url, Method::Get);
    look.tenant.pipeline(api).send(&request, &look.patience, meter, |_| Ok(())).await
}

/// What a refusal means where the permission is there.
fn licence(role: &str, need: &Need) -> String {
    let product = match role.split_once('.').map_or(role, |(first, _)| first) {
        "IdentityRiskyUser" | "IdentityRiskEvent" => "Microsoft Entra ID P2",
        "CloudApp-Discovery" => "Microsoft Defender for Cloud Apps",
        "SecurityAlert" | "SecurityIncident" | "ThreatHunting" => "Microsoft Defender XDR",
        "SecurityBaselinesAssessment" => "Microsoft Defender Vulnerability Management",
        "SecurityEvents" => "a product that Microsoft Secure Score covers",
        _ => "Microsoft Defender for Endpoint Plan 2",
    };
    let sources = need.sources.join(", ");
    format!(
        "the tenant lacks {product} or its licence, or no device has reported yet: turn it on, or take \
         {sources} out of the sources"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{ALL, DEVICE_BASELINES, EXPOSURE_SCORE_BY_GROUP, INCIDENTS};

    #[test]
    fn each_permission_is_tried_by_the_first_record_of_a_list() {
        let of = |api| ALL.iter().filter(move |source| source.api == api).copied();
        let needs = [Api::Graph, Api::Defender].map(|api| needs(&of(api).collect::<Vec<_>>()));

        let calls: Vec<_> = needs.iter().flatten().map(|need| need.call.as_deref()).collect();

        assert_eq!(
            calls,
            [
                Some("/v1.0/security/secureScores?$top=1"),
                Some("/v1.0/security/alerts_v2?$top=1"),
                Some("/v1.0/security/incidents?$top=1"),
                Some("/v1.0/identityProtection/riskyUsers?$top=1"),
                Some("/v1.0/identityProtection/riskDetections?$top=1"),
                Some("/beta/security/dataDiscovery/cloudAppDiscovery/uploadedStreams"),
                None,
                Some("/api/exposureScore"),
                Some("/api/recommendations?$top=1"),
                Some("/api/vulnerabilities?$top=1"),
                Some("/api/machines?$top=1"),
                Some("/api/Software?$top=1"),
                None,
            ]
        );
    }

    #[test]
    fn what_is_dear_is_not_tried() {
        assert_eq!(cheap(&DEVICE_BASELINES), None);
        assert_eq!(cheap(&INCIDENTS).unwrap(), "/v1.0/security/incidents?$top=1");
        let score = needs(&[EXPOSURE_SCORE_BY_GROUP, DEVICE_BASELINES]);
        assert_eq!(score.len(), 2);
    }
}
