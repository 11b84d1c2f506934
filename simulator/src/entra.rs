//! Tokens: Entra ID's endpoint, the managed-identity endpoint, and what the APIs accept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use warp::http::Method;

use crate::answer::Answer;
use crate::fault::Api;
use crate::options::Tenant;
use crate::state::{Request, State};
use crate::web;

/// Path of the managed-identity endpoint.
pub(crate) const IDENTITY_PATH: &str = "/msi/token";

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
const DEFENDER_ROLES: [&str; 7] = [
    "Score.",
    "SecurityRecommendation.",
    "Vulnerability.",
    "Machine.",
    "Software.",
    "Alert.",
    "SecurityBaselinesAssessment.",
];

const WRONG_SECRET: &str = "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.";
const NO_SECRET: &str =
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";

/// What a token says.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Claims {
    pub aud: String,
    pub tid: String,
    pub appid: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
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
    let token = request.header("authorization")?.strip_prefix("Bearer ")?;
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

fn token(state: &State, tenant: &Tenant, resource: &str, now: Timestamp) -> (String, i64) {
    let is_defender = resource.starts_with("https://api.securitycenter.");
    let is_graph = resource.starts_with("https://graph.");
    let belongs = |role: &String| match DEFENDER_ROLES.iter().any(|start| role.starts_with(start)) {
        true => is_defender,
        false => is_graph,
    };
    let claims = Claims {
        aud: resource.to_owned(),
        tid: tenant.id.clone(),
        appid: tenant.client_id.clone(),
        roles: state.roles(&tenant.id).into_iter().filter(belongs).collect(),
        iat: now.as_second(),
        exp: now.as_second().saturating_add_unsigned(state.options.token_lifetime_s),
    };
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"typ": "JWT", "alg": "none"}));
    let payload = part(json!(claims));
    (format!("{header}.{payload}.simulated"), claims.exp)
}

/// An error of Entra ID, in its documented shape.
fn refuse(
    state: &State,
    status: u16,
    error: &str,
    code: u32,
    text: &str,
    now: Timestamp,
) -> Answer {
    let (trace, correlation) = (state.id(), state.id());
    let time = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let description = format!(
        "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}"
    );
    let body = json!({
        "error": error, "error_description": description, "error_codes": [code],
        "timestamp": time, "trace_id": trace, "correlation_id": correlation,
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    });
    Answer::json(status, &body)
}

/// Entra ID: the token endpoint and the document that leads to it.
pub(crate) fn token_endpoint(state: &State, request: &Request, now: Timestamp) -> Answer {
    let path = request.path.trim_start_matches('/');
    let (tenant, rest) = path.split_once('/').unwrap_or((path, ""));
    let known = state.tenant(tenant);
    let no_tenant = || {
        let text = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
        );
        refuse(state, 400, "invalid_request", 90002, &text, now)
    };
    match (&request.method, rest) {
        (&Method::POST, "oauth2/v2.0/token") => match known {
            Some(tenant) => issue(state, tenant, request, now),
            None => no_tenant(),
        },
        (&Method::GET, "v2.0/.well-known/openid-configuration") => match known {
            Some(tenant) => {
                let base = format!("{}/{}", state.base(Api::Entra), tenant.id);
                Answer::json(
                    200,
                    &json!({
                        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
                        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
                        "issuer": format!("{base}/v2.0"),
                        "token_endpoint_auth_methods_supported": ["client_secret_post"],
                    }),
                )
            }
            None => no_tenant(),
        },
        _ => Answer::error(Api::Entra, 404, "not_found", "The path isn't known.", &state.id()),
    }
}

/// Answers a token request of a known tenant.
fn issue(state: &State, tenant: &Tenant, request: &Request, now: Timestamp) -> Answer {
    let form = web::pairs(&String::from_utf8_lossy(&request.body));
    match resource_of(&form, tenant) {
        Ok(resource) => {
            let life = state.options.token_lifetime_s;
            let body = json!({
                "token_type": "Bearer", "expires_in": life, "ext_expires_in": life,
                "access_token": token(state, tenant, resource, now).0,
            });
            Answer::json(200, &body)
        }
        Err((status, error, code, text)) => refuse(state, status, error, code, &text, now),
    }
}

/// The resource a token request may have a token for, else status, error, number and text.
fn resource_of(
    form: &[(String, String)],
    tenant: &Tenant,
) -> Result<&'static str, (u16, &'static str, u32, String)> {
    let field = |name| web::value(form, name);
    if field("grant_type") != Some("client_credentials") {
        let text = "The app requested an unsupported grant type.".to_owned();
        return Err((400, "unsupported_grant_type", 70003, text));
    }
    let client = field("client_id").unwrap_or_default();
    let name = &tenant.name;
    if !client.eq_ignore_ascii_case(&tenant.client_id) {
        let text = format!(
            "Application with identifier '{client}' was not found in the directory '{name}'."
        );
        return Err((400, "unauthorized_client", 700016, text));
    }
    let scope = field("scope").unwrap_or_default();
    let wanted = scope.strip_suffix("/.default").filter(|name| !name.contains(' '));
    let Some(wanted) = wanted else {
        let text = format!("The provided value for scope {scope} is not valid.");
        return Err((400, "invalid_scope", 70011, text));
    };
    let Some(resource) = known_resource(wanted) else {
        let text = format!("The resource principal named {wanted} was not found in {name}.");
        return Err((400, "invalid_resource", 500011, text));
    };
    match field("client_secret") {
        Some(secret) if secret == tenant.client_secret => Ok(resource),
        Some(_) => Err((401, "invalid_client", 7000215, WRONG_SECRET.to_owned())),
        None => Err((401, "invalid_client", 7000218, NO_SECRET.to_owned())),
    }
}

fn known_resource(name: &str) -> Option<&'static str> {
    let name = name.trim_end_matches('/');
    if name == "https://securitycenter.onmicrosoft.com/windowsatpservice" {
        return Some("https://api.securitycenter.microsoft.com");
    }
    RESOURCES.into_iter().find(|resource| *resource == name)
}

/// App Service's endpoint for managed identities; it speaks for the first tenant.
pub(crate) fn identity_endpoint(state: &State, request: &Request, now: Timestamp) -> Answer {
    let refuse = |status, text: &str| Answer::error(Api::Identity, status, "", text, &state.id());
    let query = web::pairs(&request.query);
    let Some(tenant) = state.options.tenants.first() else {
        return refuse(400, "No managed identity is assigned.");
    };
    if request.path != IDENTITY_PATH || request.method != Method::GET {
        return refuse(404, "The path isn't known.");
    }
    if request.header("x-identity-header") != Some(state.identity_header.as_str()) {
        return refuse(400, "The X-IDENTITY-HEADER header is missing or wrong.");
    }
    if web::value(&query, "api-version") != Some("2019-08-01") {
        return refuse(400, "The api-version isn't supported.");
    }
    if web::value(&query, "client_id").is_some_and(|id| !id.eq_ignore_ascii_case(&tenant.client_id))
    {
        return refuse(400, "Unable to load the proper Managed Identity.");
    }
    let Some(resource) = web::value(&query, "resource") else {
        return refuse(400, "The resource parameter is missing.");
    };
    let Some(resource) = known_resource(resource) else {
        return refuse(500, "An unexpected error occurred while fetching the AAD token.");
    };
    let (token, expires) = token(state, tenant, resource, now);
    Answer::json(
        200,
        &json!({
            "access_token": token, "expires_on": expires.to_string(), "resource": resource,
            "token_type": "Bearer", "client_id": tenant.client_id,
        }),
    )
}
