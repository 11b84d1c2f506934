//! Tokens: Entra ID's endpoints, the managed-identity endpoint, and what the APIs accept.
//!
//! ```text
//! client    whether a client is who it says    grants    codes, refresh tokens, what is issued
//! identity  the managed identities             refusal   AADSTS numbers in their shape
//! ```

mod client;
mod grants;
pub(crate) mod identity;
pub(crate) mod refusal;

pub(crate) use grants::Grants;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use warp::http::Method;

use crate::answer::Answer;
use crate::fault::Api;
use crate::generate::Draw;
use crate::graph::directory;
use crate::options::Tenant;
use crate::state::{Request, State};

/// Header by which a test says whose token a call must carry: `<tenant id>/<client id>`.
const OWNER: &str = "x-expected-owner";

/// Resources that tokens are issued for, without a trailing slash.
const RESOURCES: [&str; 8] = [
    "https://graph.microsoft.com",
    "https://api.securitycenter.microsoft.com",
    "https://api.security.microsoft.com",
    "https://monitor.azure.com",
    "https://management.azure.com",
    "https://vault.azure.net",
    "https://storage.azure.com",
    "api://AzureADTokenExchange",
];

/// App roles that Defender for Endpoint defines; the others are Graph's.
const DEFENDER_ROLES: [&str; 8] = [
    "Score.",
    "SecurityRecommendation.",
    "Vulnerability.",
    "Machine.",
    "Software.",
    "Alert.",
    "SecurityBaselinesAssessment.",
    "User.",
];

/// What a token says.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Claims {
    pub aud: String,
    pub tid: String,
    pub appid: String,
    #[serde(default)]
    pub iss: String,
    #[serde(default)]
    pub sub: String,
    /// Object id of who signed in: the application's service principal, the identity or the user.
    #[serde(default)]
    pub oid: String,
    /// `app`, or `user` where it acts for one.
    #[serde(default)]
    pub idtyp: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Template ids of a user's directory roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wids: Vec<String>,
    pub iat: i64,
    pub exp: i64,
}

/// The tenant a request is about: of its token, or of the token it asks for.
pub(crate) fn tenant_of(state: &State, request: &Request) -> Option<String> {
    match request.api {
        Api::Entra => {
            let tenant = request.path.split('/').nth(1)?;
            Some(tenant.to_ascii_lowercase())
        }
        Api::Storage => request.path.strip_prefix("/export/")?.split('/').next().map(str::to_owned),
        Api::Identity => state.options.tenants.first().map(|tenant| tenant.id.clone()),
        _ => claims(request).map(|claims| claims.tid),
    }
}

fn claims(request: &Request) -> Option<Claims> {
    from_simulated(request.header("authorization")?.strip_prefix("Bearer ")?)
}

/// What a token of ours says; nothing where it is no such.
fn from_simulated(token: &str) -> Option<Claims> {
    let (_, rest) = token.split_once('.')?;
    let payload = rest.strip_suffix(".simulated")?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// Why a token isn't accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refusal {
    Missing,
    Malformed,
    Audience,
    Expired,
    Tenant,
}

/// Checks a request's token as an API does that accepts `audience`.
pub(crate) fn accept(
    state: &State,
    request: &Request,
    audience: &str,
    now: Timestamp,
) -> Result<Claims, Refusal> {
    if request.header("authorization").is_none() {
        return Err(Refusal::Missing);
    }
    let claims = claims(request).ok_or(Refusal::Malformed)?;
    // A test says whose call this is; a token of anybody else's must never come with it.
    let owner = format!("{}/{}", claims.tid, claims.appid);
    if request.header(OWNER).is_some_and(|expected| expected != owner) {
        return Err(Refusal::Tenant);
    }
    if claims.aud != audience {
        return Err(Refusal::Audience);
    }
    if claims.exp <= now.as_second() {
        return Err(Refusal::Expired);
    }
    match state.tenant(&claims.tid) {
        Some(_) => Ok(claims),
        None => Err(Refusal::Tenant),
    }
}

fn issued(state: &State, tenant: &Tenant, resource: &str, is_user: bool, now: Timestamp) -> Claims {
    let is_defender = resource.starts_with("https://api.securitycenter.");
    let is_graph = resource.starts_with("https://graph.");
    let belongs = |role: &String| match DEFENDER_ROLES.iter().any(|start| role.starts_with(start)) {
        true => is_defender,
        false => is_graph,
    };
    Claims {
        aud: resource.to_owned(),
        tid: tenant.id.clone(),
        appid: tenant.client_id.clone(),
        iss: format!("https://login.microsoftonline.com/{}/v2.0", tenant.id),
        sub: tenant.client_id.clone(),
        oid: Draw::new(tenant.seed, "service-principal", is_user.into()).guid(),
        idtyp: if is_user { "user" } else { "app" }.to_owned(),
        // A user's token has scopes in their place; ours has a user who may do all the same.
        roles: state.roles(&tenant.id).into_iter().filter(belongs).collect(),
        wids: Vec::new(),
        iat: now.as_second(),
        exp: now.as_second().saturating_add_unsigned(state.options.token_lifetime_s),
    }
}

impl Claims {
    fn token(&self) -> String {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({"typ": "JWT", "alg": "none"}));
        format!("{header}.{}.simulated", part(json!(self)))
    }
}

/// What a token of the identity for response actions says: the roles that were granted to it.
fn issued_to_act(state: &State, tenant: &Tenant, resource: &str, now: Timestamp) -> Claims {
    let client = directory::action_client(tenant);
    let is_defender = resource.starts_with("https://api.securitycenter.");
    let is_graph = resource.starts_with("https://graph.");
    let belongs = |role: &String| match DEFENDER_ROLES.iter().any(|start| role.starts_with(start)) {
        true => is_defender,
        false => is_graph,
    };
    let mut claims = issued(state, tenant, resource, false, now);
    claims.roles = directory::names(state, tenant, &client);
    claims.roles.retain(belongs);
    claims.sub = directory::action_principal(tenant);
    claims.oid = claims.sub.clone();
    claims.appid = client;
    claims
}

/// A token of a developer for Microsoft Graph, who has these directory roles and no app role.
pub(crate) fn developer(state: &State, tenant: &Tenant, wids: &[&str], now: Timestamp) -> String {
    let mut claims = issued(state, tenant, "https://graph.microsoft.com", true, now);
    claims.roles.clear();
    claims.wids = wids.iter().map(|&role| role.to_owned()).collect();
    claims.token()
}

fn token(state: &State, tenant: &Tenant, resource: &str, is_user: bool, now: Timestamp) -> String {
    issued(state, tenant, resource, is_user, now).token()
}

/// Entra ID: the token endpoint, the page to sign in at, and the document that leads to them.
pub(crate) fn answer(state: &State, request: &Request, now: Timestamp) -> Answer {
    let path = request.path.trim_start_matches('/');
    let (tenant, rest) = path.split_once('/').unwrap_or((path, ""));
    let known = state.tenant(tenant).ok_or_else(|| {
        let text = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
        );
        refusal::refused(90_002, text)
    });
    let answered = match (&request.method, rest) {
        (&Method::POST, "oauth2/v2.0/token") => {
            known.and_then(|tenant| grants::issue(state, tenant, request, now))
        }
        (&Method::GET, "oauth2/v2.0/authorize") => {
            known.and_then(|tenant| grants::authorize(state, tenant, request))
        }
        (&Method::GET, "v2.0/.well-known/openid-configuration") => {
            known.map(|tenant| configuration(state, tenant))
        }
        _ => {
            let text = "The path isn't known.";
            return Answer::error(Api::Entra, 404, "not_found", text, &state.id());
        }
    };
    answered.unwrap_or_else(|refused| refusal::answer(&refused, [state.id(), state.id()], now))
}

fn configuration(state: &State, tenant: &Tenant) -> Answer {
    let base = format!("{}/{}", state.base(Api::Entra), tenant.id);
    let methods = ["client_secret_post", "private_key_jwt"];
    Answer::json(
        200,
        &json!({
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "issuer": format!("{base}/v2.0"),
            "token_endpoint_auth_methods_supported": methods,
        }),
    )
}

fn known_resource(name: &str) -> Option<&'static str> {
    let name = name.trim_end_matches('/');
    if name == "https://securitycenter.onmicrosoft.com/windowsatpservice" {
        return Some("https://api.securitycenter.microsoft.com");
    }
    RESOURCES.into_iter().find(|resource| *resource == name)
}
