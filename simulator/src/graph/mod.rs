//! Microsoft Graph: the gate before its lists.

pub(crate) mod alerts;
mod cloud_apps;
mod dated;
pub(crate) mod directory;
mod hunting;
mod incidents;
pub(crate) mod profile;
mod risks;
mod scores;
mod secure_scores;
mod table_rows;
mod tables;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use warp::http::Method;

use crate::answer::{Answer, Content};
use crate::entra::{self, Refusal};
use crate::fault::Api;
use crate::kql::Row;
use crate::options::Tenant;
use crate::replay;
use crate::state::{Request, State};

use dated::Dated;
use secure_scores::{PROFILES, SCORES};

pub(crate) const AUDIENCE: &str = "https://graph.microsoft.com";
const CHALLENGE: &str = r#"Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize""#;

/// What a path leads to.
enum Route {
    /// Secure scores or their profiles, by path.
    Scores(&'static str),
    Dated(&'static Dated),
    Hunting,
    /// Cloud Discovery, or what is wrong with the period.
    Cloud(Result<cloud_apps::Route, String>),
}

impl Route {
    fn of(path: &str) -> Option<Route> {
        let scores = [SCORES, PROFILES].into_iter().find(|known| known.eq_ignore_ascii_case(path));
        let dated = || dated::LISTS.iter().find(|list| list.path.eq_ignore_ascii_case(path));
        if hunting::PATH.eq_ignore_ascii_case(path) {
            return Some(Route::Hunting);
        }
        let cloud = || cloud_apps::Route::of(path).map(Route::Cloud);
        scores.map(Route::Scores).or_else(|| dated().map(Route::Dated)).or_else(cloud)
    }

    fn role(&self) -> &'static str {
        match self {
            Route::Scores(_) => secure_scores::ROLE,
            Route::Dated(list) => list.role,
            Route::Cloud(_) => cloud_apps::ROLE,
            Route::Hunting => hunting::ROLE,
        }
    }

    fn method(&self) -> Method {
        match self {
            Route::Hunting => Method::POST,
            _ => Method::GET,
        }
    }
}

fn error(state: &State, status: u16, code: &str, text: &str) -> Answer {
    Answer::error(Api::Graph, status, code, text, &state.id())
}

/// Answers one Graph request.
pub(crate) async fn answer(state: &Arc<State>, request: &Request, now: Timestamp) -> Answer {
    let claims = match entra::accept(state, request, AUDIENCE, now) {
        Ok(claims) => claims,
        Err(refusal) => {
            return error(state, 401, "InvalidAuthenticationToken", text_of(refusal))
                .header("www-authenticate", CHALLENGE);
        }
    };
    if directory::is_route(&request.path) {
        return match state.tenant(&claims.tid) {
            Some(tenant) => directory::answer(state, tenant, &claims, request),
            None => error(state, 401, "InvalidAuthenticationToken", "Invalid tenant."),
        };
    }
    if let Some(answer) = profile::answer(state, request, &claims) {
        return answer;
    }
    let Some(route) = Route::of(&request.path) else {
        return error(state, 404, "ResourceNotFound", "Resource not found for the segment.");
    };
    if request.method != route.method() {
        return error(state, 405, "Request_BadRequest", "Specified HTTP method is not allowed.");
    }
    let tenant = match state.tenant(&claims.tid) {
        Some(tenant) if claims.roles.iter().any(|role| role == route.role()) => tenant,
        _ => return error(state, 403, "Forbidden", "Missing role permissions on the request."),
    };
    match route {
        Route::Scores(path) => scores_list(state, tenant, path, &request.query).await,
        Route::Dated(list) => dated_list(state, tenant, list, &request.query).await,
        Route::Hunting => hunt(state, tenant, request, now).await,
        Route::Cloud(Ok(route)) => cloud_list(state, tenant, &route, request).await,
        Route::Cloud(Err(text)) => error(state, 400, "BadRequest", &text),
    }
}

async fn scores_list(state: &Arc<State>, tenant: &Tenant, path: &str, query: &str) -> Answer {
    let permit = state.limits.enter_graph(&tenant.id);
    if state.options.limits && permit.is_none() {
        return throttled(state).header("retry-after", "1");
    }
    if state.options.limits
        && let Err(wait) =
            state.limits.call("secure scores", &tenant.id, &[secure_scores::RATE], Instant::now())
    {
        return throttled(state).header("retry-after", wait.to_string());
    }
    let ask = match secure_scores::ask(query) {
        Ok(ask) => ask,
        Err(text) => return error(state, 400, "BadRequest", &text),
    };
    let source = if path == SCORES { "graph.secure_scores" } else { "graph.control_profiles" };
    let answer = match replayed(state, source, path, ask.replayed).await {
        Some(answer) => answer,
        None => Answer::page(secure_scores::page(state, tenant, path, &ask)),
    };
    Answer { permit, ..answer }
}

async fn dated_list(state: &State, tenant: &Tenant, list: &'static Dated, query: &str) -> Answer {
    let area = list.path.rsplit_once('/').map_or("", |(area, _)| area);
    if state.options.limits
        && let Err(wait) = state.limits.call(area, &tenant.id, &[list.rate], Instant::now())
    {
        return match list.says_when {
            true => throttled(state).header("retry-after", wait.to_string()),
            false => throttled(state),
        };
    }
    let ask = match dated::ask(query, list) {
        Ok(ask) => ask,
        Err(text) => return error(state, 400, "BadRequest", &text),
    };
    match replayed(state, list.source, list.path, ask.replayed).await {
        Some(answer) => answer,
        None => {
            let (page_size, base) = (state.options.page_size, state.base(Api::Graph));
            dated::page(state.scene(tenant), list, &ask, page_size, base)
        }
    }
}

async fn cloud_list(
    state: &State,
    tenant: &Tenant,
    route: &cloud_apps::Route,
    request: &Request,
) -> Answer {
    let ask = match cloud_apps::ask(&request.query) {
        Ok(ask) => ask,
        Err(text) => return error(state, 400, "BadRequest", &text),
    };
    let (scene, folder) = (state.scene(tenant), state.options.replay.as_ref());
    match route {
        cloud_apps::Route::Streams => {
            let is_recorded = |folder: &PathBuf| folder.join(cloud_apps::SOURCE).is_dir();
            cloud_apps::streams(&scene, folder.map_or(2, |folder| is_recorded(folder).into()))
        }
        cloud_apps::Route::Apps(id, days) => {
            let replay = replayed(state, cloud_apps::SOURCE, &request.path, ask.replayed).await;
            let (page_size, url) = (state.options.page_size, state.base(Api::Graph));
            let url = format!("{url}{}", request.path);
            let answer =
                replay.or_else(|| cloud_apps::apps(scene, id, *days, &ask, page_size, &url));
            answer.unwrap_or_else(|| error(state, 404, "ResourceNotFound", "Stream not found."))
        }
    }
}

async fn hunt(state: &State, tenant: &Tenant, request: &Request, now: Timestamp) -> Answer {
    if state.options.limits
        && state.limits.call("hunting", &tenant.id, &[hunting::RATE], Instant::now()).is_err()
    {
        let text = "The number of calls to hunting queries in a minute is exhausted.";
        return error(state, 429, "TooManyRequests", text);
    }
    let ask = match hunting::read(request.header("content-type"), &request.body, now) {
        Ok(ask) => ask,
        Err(text) => return error(state, 400, "BadRequest", &text),
    };
    let recorded = match &state.options.replay {
        Some(folder) => Some(recorded_rows(&folder.join(&ask.source)).await),
        None => None,
    };
    hunting::answer(&state.view(tenant), &ask, recorded)
}

/// The rows of all recorded pages of a folder.
async fn recorded_rows(folder: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    for number in 1.. {
        let page = tokio::fs::read(folder.join(format!("page-{number}.json"))).await;
        let Ok(page) = page else { break };
        rows.extend(hunting::recorded(&page));
    }
    rows
}

fn throttled(state: &State) -> Answer {
    error(state, 429, "TooManyRequests", "Too many requests.")
}

/// The recorded page, where the simulator replays. `number` is none for the first.
async fn replayed(state: &State, source: &str, path: &str, number: Option<u32>) -> Option<Answer> {
    let folder = state.options.replay.as_ref()?;
    let number = number.unwrap_or(1);
    let next = format!("{}{path}?$skiptoken=page-{}", state.base(Api::Graph), number + 1);
    let page = replay::page(folder, source, number, &next).await;
    Some(Answer::new(200, Content::Whole(page)))
}

fn text_of(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Missing => "Access token is empty.",
        Refusal::Malformed => "CompactToken parsing failed with error code: 80049217",
        Refusal::Audience => "Access token validation failure. Invalid audience.",
        Refusal::Expired => "Lifetime validation failed, the token is expired.",
        Refusal::Tenant => "Invalid tenant.",
    }
}
