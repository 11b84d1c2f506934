//! App Service's endpoint for managed identities: a system-assigned one and a user-assigned one, in
//! the first tenant.

use jiff::Timestamp;
use serde_json::json;
use warp::http::Method;

use super::{issued, issued_to_act, known_resource};
use crate::answer::Answer;
use crate::fault::Api;
use crate::generate::Draw;
use crate::graph::directory;
use crate::state::{Request, State};
use crate::web;

/// Path of the managed-identity endpoint.
pub(crate) const PATH: &str = "/msi/token";

/// Object id of an identity: the user-assigned one, or the system's.
pub(crate) fn principal(user_assigned: bool) -> String {
    Draw::new(8, "principal", u32::from(user_assigned).into()).guid()
}

/// Answers as the identity that is asked for; it speaks for the first tenant.
pub(crate) fn answer(state: &State, request: &Request, now: Timestamp) -> Answer {
    let refuse = |status, text: &str| Answer::error(Api::Identity, status, "", text, &state.id());
    let query = web::pairs(&request.query);
    let Some(tenant) = state.options.tenants.first() else {
        return refuse(400, "No managed identity is assigned.");
    };
    if request.path != PATH || request.method != Method::GET {
        return refuse(404, "The path isn't known.");
    }
    if request.header("x-identity-header") != Some(state.identity_header.as_str()) {
        return refuse(400, "The X-IDENTITY-HEADER header is missing or wrong.");
    }
    if web::value(&query, "api-version") != Some("2019-08-01") {
        return refuse(400, "The api-version isn't supported.");
    }
    let asked = web::value(&query, "client_id");
    let acting = directory::action_client(tenant);
    let acts = asked.is_some_and(|id| id.eq_ignore_ascii_case(&acting));
    if asked.is_some_and(|id| !acts && !id.eq_ignore_ascii_case(&tenant.client_id)) {
        return refuse(400, "Unable to load the proper Managed Identity.");
    }
    let Some(resource) = web::value(&query, "resource") else {
        return refuse(400, "The resource parameter is missing.");
    };
    let Some(resource) = known_resource(resource) else {
        return refuse(500, "An unexpected error occurred while fetching the AAD token.");
    };
    let claims = match acts {
        true => issued_to_act(state, tenant, resource, now),
        false => {
            let mut claims = issued(state, tenant, resource, false, now);
            claims.sub = principal(asked.is_some());
            claims.oid = claims.sub.clone();
            claims
        }
    };
    Answer::json(
        200,
        &json!({
            "access_token": claims.token(), "expires_on": claims.exp.to_string(),
            "resource": resource, "token_type": "Bearer", "client_id": claims.appid,
        }),
    )
}
