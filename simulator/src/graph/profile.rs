//! One secure score control profile: read, and changed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use warp::http::Method;

use super::secure_scores::{PROFILES, ROLE};
use super::{error, scores};
use crate::answer::{Answer, Content};
use crate::entra::Claims;
use crate::options::Tenant;
use crate::scene::stamp;
use crate::state::{Request, State, lock};

/// What changes a profile needs.
const WRITES: &str = "SecurityEvents.ReadWrite.All";
/// States that a control may be given.
const STATES: [&str; 4] = ["default", "ignored", "thirdparty", "reviewed"];

/// Answers a request for one profile; nothing for others.
pub(super) fn answer(state: &State, request: &Request, claims: &Claims) -> Option<Answer> {
    let start = request.path.get(..PROFILES.len())?;
    let id = request.path[PROFILES.len()..].strip_prefix('/')?;
    if !start.eq_ignore_ascii_case(PROFILES) || id.is_empty() || id.contains('/') {
        return None;
    }
    let holds = |role: &str| claims.roles.iter().any(|held| held == role);
    let (may, is_change) = match request.method {
        Method::GET => (holds(ROLE) || holds(WRITES), false),
        Method::PATCH => (holds(WRITES), true),
        _ => return Some(error(state, 405, "Request_BadRequest", "Method is not allowed.")),
    };
    let Some(tenant) = state.tenant(&claims.tid).filter(|_| may) else {
        return Some(error(state, 403, "Forbidden", "Missing role permissions on the request."));
    };
    let known = (0..scores::PROFILES).map(|number| profile(state, tenant, number));
    let Some(found) = known.into_iter().find(|profile| profile["id"] == id) else {
        return Some(error(state, 404, "ResourceNotFound", "Resource not found."));
    };
    Some(match is_change {
        false => Answer::json(200, &found),
        true => change(state, tenant, id, request, claims),
    })
}

/// Changes that were made, by tenant and control.
pub(crate) type Changes = BTreeMap<(String, String), Vec<Value>>;

fn profile(state: &State, tenant: &Tenant, number: usize) -> Value {
    with_changes(&lock(&state.profile_updates), tenant, number)
}

/// A profile with the changes that were made to it.
pub(super) fn with_changes(changes: &Changes, tenant: &Tenant, number: usize) -> Value {
    let mut profile: Value =
        serde_json::from_slice(&scores::profile(tenant, number)).unwrap_or_default();
    let id = profile["id"].as_str().unwrap_or_default().to_owned();
    if let Some(made) = changes.get(&(tenant.id.clone(), id)) {
        match profile["controlStateUpdates"].as_array_mut() {
            Some(updates) => updates.extend(made.iter().cloned()),
            None => profile["controlStateUpdates"] = made.clone().into(),
        }
    }
    profile
}

fn change(state: &State, tenant: &Tenant, id: &str, request: &Request, claims: &Claims) -> Answer {
    let refused = || error(state, 400, "", "Http request failed with statusCode=BadRequest");
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let vendor = &body["vendorInformation"];
    let is_vendor = vendor["provider"] == "SecureScore" && vendor["vendor"] == "Microsoft";
    let new = body["state"].as_str().map(str::to_ascii_lowercase);
    let is_known = new.as_deref().is_none_or(|new| STATES.contains(&new));
    let is_text = |name: &str| body[name].is_string() || body[name].is_null();
    if id.starts_with("scid_") || !is_vendor || !is_known {
        return refused();
    }
    if !["state", "assignedTo", "comment"].into_iter().all(is_text) {
        return refused();
    }
    let update = json!({
        "state": body["state"], "assignedTo": body["assignedTo"], "comment": body["comment"],
        "updatedBy": claims.appid, "updatedDateTime": stamp(state.now()),
    });
    let key = (tenant.id.clone(), id.to_owned());
    lock(&state.profile_updates).entry(key).or_default().push(update);
    let wants = request.header("prefer").is_some_and(|text| text.contains("return=representation"));
    match wants {
        true => {
            let known = (0..scores::PROFILES).map(|number| profile(state, tenant, number));
            let found = known.into_iter().find(|profile| profile["id"] == id);
            Answer::json(200, &found.unwrap_or_default())
        }
        false => Answer::new(204, Content::Nothing),
    }
}
