//! Defender for Endpoint: scores, recommendations, vulnerabilities, devices, software and actions.

mod catalogue;
mod inventory;
mod lists;

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use warp::http::Method;

use crate::answer::{Answer, Content};
use crate::entra::{self, Claims, Refusal};
use crate::fault::Api;
use crate::limits::DEFENDER_LISTS;
use crate::options::Tenant;
use crate::replay;
use crate::state::{Request, State};

use catalogue::Endpoint;
use lists::Ask;

pub(crate) const AUDIENCE: &str = "https://api.securitycenter.microsoft.com";

/// Answers one Defender request.
pub(crate) async fn answer(state: &Arc<State>, request: &Request, now: Timestamp) -> Answer {
    let error = |status, code: &str, text: &str| {
        Answer::error(Api::Defender, status, code, text, &state.id())
    };
    let claims = match entra::accept(state, request, AUDIENCE, now) {
        Ok(claims) => claims,
        Err(refusal) => {
            return error(401, "Unauthorized", text_of(refusal))
                .header("www-authenticate", "Bearer");
        }
    };
    let Some(endpoint) = catalogue::find(&request.path) else {
        return error(404, "NotFound", "No HTTP resource was found that matches the request.");
    };
    if request.method != Method::GET {
        return error(
            405,
            "MethodNotAllowed",
            "The requested resource doesn't support this method.",
        );
    }
    let tenant = match state.tenant(&claims.tid) {
        Some(tenant) if claims.roles.iter().any(|role| role == endpoint.role) => tenant,
        _ => return error(403, "Forbidden", &missing(endpoint, &claims)),
    };
    if state.options.limits
        && let Err(seconds) =
            state.limits.call("lists", &tenant.id, &DEFENDER_LISTS, Instant::now())
    {
        let text = "Too many requests. Please wait and try again.";
        return error(429, "TooManyRequests", text).header("retry-after", seconds.to_string());
    }
    match lists::ask(&request.query, &endpoint.kind) {
        Ok(ask) => {
            let url = format!("{}{}", state.base(Api::Defender), request.path);
            content(state, tenant, endpoint, &ask, &url).await
        }
        Err(text) => error(400, "ODataError", &text),
    }
}

/// The object or page that was asked for, recorded or generated.
async fn content(
    state: &State,
    tenant: &Tenant,
    endpoint: &'static Endpoint,
    ask: &Ask,
    url: &str,
) -> Answer {
    let Some(folder) = &state.options.replay else {
        let page_size = state.options.page_size;
        return lists::generated(state.scene(tenant), &endpoint.kind, ask, page_size, url);
    };
    let number = ask.replayed.unwrap_or(1);
    let next = format!("{url}?$skiptoken=page-{}", number + 1);
    Answer::new(200, Content::Whole(replay::page(folder, endpoint.source, number, &next).await))
}

fn text_of(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Missing => "Invalid Authorization payload: the access token is missing.",
        Refusal::Malformed => "Invalid Authorization payload: the access token can't be read.",
        Refusal::Audience => "Invalid Authorization payload: the token's 'aud' claim is invalid.",
        Refusal::Expired => "Invalid Authorization payload: the access token has expired.",
        Refusal::Tenant => "Invalid Authorization payload: the tenant isn't known.",
    }
}

fn missing(endpoint: &Endpoint, claims: &Claims) -> String {
    let (needed, held) = (endpoint.role, claims.roles.join(","));
    format!("Missing application roles. API required roles: {needed}, application roles: {held}.")
}
