//! Defender for Endpoint: the gate before its lists and exports.

pub(crate) mod acted;
mod catalogue;
pub(crate) mod inventory;
mod lists;
mod lookup;
mod machine;

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use warp::http::Method;

use crate::answer::{Answer, Content};
use crate::entra::{self, Claims, Refusal};
use crate::fault::Api;
use crate::options::Tenant;
use crate::state::{Request, State};
use crate::{export, replay};

use catalogue::{Endpoint, Kind};
use lookup::{Lookup, Wrong};

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
    if let Some(answer) = acted::answer(state, request, &claims) {
        return answer;
    }
    if let Some(asked) = lookup::find(&request.path, &request.query) {
        return look_up(state, &claims, &asked, request, now);
    }
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
        _ => return error(403, "Forbidden", &missing(endpoint.role, &claims)),
    };
    let (count, rates) = endpoint.kind.rates(endpoint.name);
    if state.options.limits
        && let Err(seconds) = state.limits.call(count, &tenant.id, rates, Instant::now())
    {
        let text = "Too many requests. Please wait and try again.";
        return error(429, "TooManyRequests", text).header("retry-after", seconds.to_string());
    }
    match content(state, tenant, &endpoint, request, now).await {
        Ok(answer) => answer,
        Err(text) => error(400, "ODataError", &text),
    }
}

/// A look-up: the same gate as before the lists. Nothing of it is recorded.
fn look_up(
    state: &State,
    claims: &Claims,
    asked: &Lookup,
    request: &Request,
    now: Timestamp,
) -> Answer {
    let error = |status, code: &str, text: &str| {
        Answer::error(Api::Defender, status, code, text, &state.id())
    };
    if request.method != Method::GET {
        let text = "The requested resource doesn't support this method.";
        return error(405, "MethodNotAllowed", text);
    }
    let tenant = match state.tenant(&claims.tid) {
        Some(tenant) if claims.roles.iter().any(|role| role == asked.role()) => tenant,
        _ => return error(403, "Forbidden", &missing(asked.role(), claims)),
    };
    let (count, rates) = asked.rates();
    if state.options.limits
        && let Err(seconds) = state.limits.call(count, &tenant.id, rates, Instant::now())
    {
        let text = "Too many requests. Please wait and try again.";
        return error(429, "TooManyRequests", text).header("retry-after", seconds.to_string());
    }
    let url = format!("{}{}", state.base(Api::Defender), request.path);
    match asked.answer(&state.view(tenant), &request.query, (&url, now)) {
        Ok(answer) => answer,
        Err(Wrong { status, code, text }) => error(status, code, &text),
    }
}

/// What was asked for, recorded or generated; what is wrong with the query otherwise.
async fn content(
    state: &State,
    tenant: &Tenant,
    endpoint: &Endpoint,
    request: &Request,
    now: Timestamp,
) -> Result<Answer, String> {
    let (query, page_size) = (request.query.as_str(), state.options.page_size);
    let url = format!("{}{}", state.base(Api::Defender), request.path);
    let recorded = |page| recorded(state, endpoint.source, page, &url);
    Ok(match endpoint.kind {
        Kind::Single(_) if !query.is_empty() => {
            return Err("Query parameters are not supported.".to_owned());
        }
        Kind::Single(body) => match recorded(None).await {
            Some(answer) => answer,
            None => Answer::new(200, Content::Whole(body(&state.scene(tenant)))),
        },
        Kind::List(list) => {
            let ask = lists::ask(query, &list)?;
            let answer = recorded(ask.replayed).await;
            answer.unwrap_or_else(|| lists::page(state.scene(tenant), list, &ask, page_size, &url))
        }
        Kind::Files(_) if state.options.replay.is_some() => {
            let text = "Recorded pages have no files.";
            Answer::error(Api::Defender, 403, "Forbidden", text, &state.id())
        }
        Kind::Files(set) => export::files(state, tenant, set, query, now)?,
        Kind::Pages(set) => {
            let ask = export::ask(query, set.is_none().then(|| state.export_now()))?;
            let answer = recorded(ask.replayed).await;
            answer.unwrap_or_else(|| export::pages(state.view(tenant), set, &ask, page_size, &url))
        }
    })
}

/// The recorded page, where the simulator replays. `number` is none for the first.
async fn recorded(state: &State, source: &str, number: Option<u32>, url: &str) -> Option<Answer> {
    let folder = state.options.replay.as_ref()?;
    let number = number.unwrap_or(1);
    let next = format!("{url}?$skiptoken=page-{}", number + 1);
    let page = replay::page(folder, source, number, &next).await;
    Some(Answer::new(200, Content::Whole(page)))
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

fn missing(needed: &str, claims: &Claims) -> String {
    let held = claims.roles.join(",");
    format!("Missing application roles. API required roles: {needed}, application roles: {held}.")
}
