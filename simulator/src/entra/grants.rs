//! What a token is asked for with: an application by itself, a code, or a refresh token.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::digest;
use serde_json::json;
use warp::http::Method;

use super::refusal::{Refused, refused};
use super::{client, issued_to_act, known_resource, token};
use crate::answer::{Answer, Content};
use crate::graph::directory;
use crate::options::Tenant;
use crate::state::{Request, State, lock};
use crate::web;

/// Codes, refresh tokens and assertions that were given out or used.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    codes: BTreeMap<String, Code>,
    /// Refresh tokens that work, each with the tenant whose user it is for.
    refresh: BTreeMap<String, String>,
    /// Identifiers of assertions that were used.
    used: BTreeSet<String>,
}

#[derive(Debug)]
struct Code {
    tenant: String,
    redirect: String,
    challenge: String,
    redeemed: bool,
}

impl Grants {
    /// Whether an assertion's identifier comes for the first time.
    pub(super) fn is_new(&mut self, jti: &str) -> bool {
        self.used.insert(jti.to_owned())
    }

    /// A new refresh token for the tenant's user.
    pub(crate) fn refresh_token(&mut self, tenant: &str, id: &str) -> String {
        let token = format!("simulated-refresh-{id}");
        self.refresh.insert(token.clone(), tenant.to_ascii_lowercase());
        token
    }

    /// Ends every refresh token that was given out so far.
    pub(crate) fn revoke(&mut self) {
        self.refresh.clear();
    }
}

/// The page that a user signs in at; this user does so at once.
pub(super) fn authorize(
    state: &State,
    tenant: &Tenant,
    request: &Request,
) -> Result<Answer, Refused> {
    let query = web::pairs(&request.query);
    let field = |name| web::value(&query, name).unwrap_or_default();
    if request.method != Method::GET || field("response_type") != "code" {
        return Err(refused(70_003, "The app requested an unsupported response type."));
    }
    if !field("client_id").eq_ignore_ascii_case(&tenant.client_id) {
        return Err(refused(700_016, "The application was not found in the directory."));
    }
    let redirect = field("redirect_uri");
    if !redirect.starts_with("http://localhost") {
        let text = "The redirect URI specified in the request does not match the redirect URIs \
                    configured for the application.";
        return Err(refused(50_011, text));
    }
    let pkce = field("code_challenge_method") == "S256" && field("code_challenge").len() == 43;
    if !pkce || field("state").is_empty() {
        return Err(refused(900_144, "The request must contain 'code_challenge' and 'state'."));
    }
    resource_of(field("scope"), tenant)?;
    let code = format!("simulated-code-{}", state.id());
    let given = Code {
        tenant: tenant.id.clone(),
        redirect: redirect.to_owned(),
        challenge: field("code_challenge").to_owned(),
        redeemed: false,
    };
    lock(&state.grants).codes.insert(code.clone(), given);
    let location = format!("{redirect}?code={code}&state={}", field("state"));
    Ok(Answer::new(302, Content::Nothing).header("location", location))
}

/// Answers a token request of a known tenant.
pub(super) fn issue(
    state: &State,
    tenant: &Tenant,
    request: &Request,
    now: Timestamp,
) -> Result<Answer, Refused> {
    let form = web::pairs(&String::from_utf8_lossy(&request.body));
    let field = |name| web::value(&form, name).unwrap_or_default();
    let grant = field("grant_type");
    if !["client_credentials", "authorization_code", "refresh_token"].contains(&grant) {
        return Err(refused(70_003, "The app requested an unsupported grant type."));
    }
    client::authenticate(state, tenant, &form, now)?;
    let resource = resource_of(field("scope"), tenant)?;
    match grant {
        "authorization_code" => redeem(state, tenant, &form)?,
        "refresh_token" => known_user(state, tenant, field("refresh_token"))?,
        _ => {}
    }
    let life = state.options.token_lifetime_s;
    let is_user = grant != "client_credentials";
    let acts = field("client_id").eq_ignore_ascii_case(&directory::action_client(tenant));
    let access = match acts && !is_user {
        true => issued_to_act(state, tenant, resource, now).token(),
        false => token(state, tenant, resource, is_user, now),
    };
    let mut body = json!({
        "token_type": "Bearer", "expires_in": life, "ext_expires_in": life,
        "access_token": access,
    });
    if is_user {
        let id = state.id();
        body["refresh_token"] = lock(&state.grants).refresh_token(&tenant.id, &id).into();
        body["scope"] = field("scope").into();
    }
    Ok(Answer::json(200, &body))
}

fn redeem(state: &State, tenant: &Tenant, form: &[(String, String)]) -> Result<(), Refused> {
    let field = |name| web::value(form, name).unwrap_or_default();
    let mut grants = lock(&state.grants);
    let unknown = || refused(70_008, "The provided authorization code has expired.");
    let code = grants.codes.get_mut(field("code")).ok_or_else(unknown)?;
    if code.tenant != tenant.id {
        return Err(refused(700_005, "The code was issued for another tenant."));
    }
    let verifier = digest::digest(&digest::SHA256, field("code_verifier").as_bytes());
    if URL_SAFE_NO_PAD.encode(verifier) != code.challenge {
        let text = "The code_verifier does not match the code_challenge supplied in the \
                    authorization request.";
        return Err(refused(501_481, text));
    }
    if field("redirect_uri") != code.redirect {
        return Err(refused(50_011, "The redirect URI is another than the code was asked with."));
    }
    if code.redeemed {
        return Err(refused(54_005, "OAuth2 Authorization code was already redeemed."));
    }
    code.redeemed = true;
    Ok(())
}

/// The old one isn't revoked when a new one is given out.
fn known_user(state: &State, tenant: &Tenant, refresh_token: &str) -> Result<(), Refused> {
    match lock(&state.grants).refresh.get(refresh_token) {
        Some(theirs) if *theirs == tenant.id => Ok(()),
        Some(_) => Err(refused(700_005, "The refresh token was issued for another tenant.")),
        None => Err(refused(700_082, "The refresh token has expired due to inactivity.")),
    }
}

/// The one resource that a scope names.
fn resource_of(scope: &str, tenant: &Tenant) -> Result<&'static str, Refused> {
    let scope = scope.trim_start_matches("offline_access ");
    let wanted = scope.strip_suffix("/.default").filter(|name| !name.contains(' '));
    let Some(wanted) = wanted else {
        let text = format!("The provided value for scope {scope} is not valid.");
        return Err(refused(70_011, text));
    };
    known_resource(wanted).ok_or_else(|| {
        let name = &tenant.name;
        let text = format!("The resource principal named {wanted} was not found in {name}.");
        refused(500_011, text)
    })
}
