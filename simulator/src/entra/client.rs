//! Whether a client is who it says: by secret, by a certificate's signature, or by a token of an
//! identity that it trusts.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::{digest, signature};
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::refusal::{Refused, refused};
use super::{Claims, from_simulated};
use crate::graph::directory;
use crate::options::{Federated, Tenant};
use crate::state::{State, lock};
use crate::web;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The longest life of an assertion in seconds.
const LONGEST_LIFE_S: i64 = 600;

const WRONG_SECRET: &str = "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.";
const NO_SECRET: &str =
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
const EXPIRED: &str = "The provided client secret keys are expired.";
const UNREGISTERED: &str =
    "Client assertion contains an invalid signature. [Reason - The key was not found.]";

/// Checks the client's own proof in a token request of `tenant`.
pub(super) fn authenticate(
    state: &State,
    tenant: &Tenant,
    form: &[(String, String)],
    now: Timestamp,
) -> Result<(), Refused> {
    let field = |name| web::value(form, name);
    let client = field("client_id").unwrap_or_default();
    if client.eq_ignore_ascii_case(&directory::action_client(tenant)) {
        let assertion = field("client_assertion").and_then(from_simulated);
        return match (field("client_secret"), assertion) {
            (Some(secret), _) if secret == tenant.action_secret => Ok(()),
            (Some(_), _) => Err(refused(7_000_215, WRONG_SECRET)),
            (None, Some(claims)) => trusted(&tenant.action_federated, &claims, now),
            (None, None) => Err(refused(7_000_218, NO_SECRET)),
        };
    }
    if !client.eq_ignore_ascii_case(&tenant.client_id) {
        let name = &tenant.name;
        let text = format!(
            "Application with identifier '{client}' was not found in the directory '{name}'."
        );
        return Err(refused(700_016, text));
    }
    match (field("client_secret"), field("client_assertion")) {
        (Some(secret), None) if tenant.expired_secrets.iter().any(|old| old == secret) => {
            Err(refused(7_000_222, EXPIRED))
        }
        (Some(secret), None) if secret == state.client_secret(tenant) => Ok(()),
        (Some(_), None) => Err(refused(7_000_215, WRONG_SECRET)),
        (None, Some(jwt)) if field("client_assertion_type") == Some(JWT_BEARER) => {
            match from_simulated(jwt) {
                Some(claims) => trusted(&tenant.federated, &claims, now),
                None => signed(state, tenant, jwt, now),
            }
        }
        _ => Err(refused(7_000_218, NO_SECRET)),
    }
}

/// Whether a federated credential of the application names this token of ours.
fn trusted(registered: &[Federated], token: &Claims, now: Timestamp) -> Result<(), Refused> {
    if token.idtyp != "app" {
        return Err(refused(700_229, "The assertion is not an app-only token."));
    }
    if token.exp <= now.as_second() {
        return Err(refused(700_024, "Client assertion is not within its valid time range."));
    }
    let mut trusted: Vec<_> = registered.iter().collect();
    for (code, what, has, of) in [
        (700_211, "issuer", &token.iss, (|one| &one.issuer) as fn(&Federated) -> &String),
        (700_213, "subject", &token.sub, |one| &one.subject),
        (700_212, "audience", &token.aud, |one| &one.audience),
    ] {
        trusted.retain(|one| of(one) == has);
        if trusted.is_empty() {
            let text = format!(
                "No matching federated identity record found for presented assertion {what} '{has}'."
            );
            return Err(refused(code, text));
        }
    }
    Ok(())
}

/// Whether a certificate of the application has signed this, for this tenant, now and once.
fn signed(state: &State, tenant: &Tenant, jwt: &str, now: Timestamp) -> Result<(), Refused> {
    let malformed = || refused(50_027, "Invalid JWT token.");
    let (text, signature) = jwt.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = text.split_once('.').ok_or_else(malformed)?;
    let part = |part: &str| -> Option<Value> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    let header = part(header).ok_or_else(malformed)?;
    let claims = part(claims).ok_or_else(malformed)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed())?;
    verify(tenant, &header, text.as_bytes(), &signature, now)?;
    check(state, tenant, &claims, now)
}

fn verify(
    tenant: &Tenant,
    header: &Value,
    text: &[u8],
    signature: &[u8],
    now: Timestamp,
) -> Result<(), Refused> {
    let unregistered = || refused(700_027, UNREGISTERED);
    let algorithm: &dyn signature::VerificationAlgorithm = match header["alg"].as_str() {
        Some("PS256") => &signature::RSA_PSS_2048_8192_SHA256,
        Some("RS256") => &signature::RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(refused(50_027, "Invalid JWT token: unsupported algorithm.")),
    };
    let thumbprint = |der: &[u8]| URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, der));
    let named = header["x5t#S256"].as_str().ok_or_else(unregistered)?;
    let registered = tenant.certificates.iter().find(|der| thumbprint(der) == named);
    let registered = registered.ok_or_else(unregistered)?;
    let (_, certificate) = X509Certificate::from_der(registered).map_err(|_| unregistered())?;
    let key = &*certificate.public_key().subject_public_key.data;
    let key = signature::UnparsedPublicKey::new(algorithm, key);
    key.verify(text, signature).map_err(|_| unregistered())?;
    match certificate.validity().not_after.timestamp() <= now.as_second() {
        true => Err(refused(7_000_222, EXPIRED)),
        false => Ok(()),
    }
}

fn check(state: &State, tenant: &Tenant, claims: &Value, now: Timestamp) -> Result<(), Refused> {
    let audience = format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", tenant.id);
    if claims["aud"] != audience {
        let text = "Client assertion audience claim does not match Realm issuer.";
        return Err(refused(700_023, text));
    }
    if claims["iss"] != *tenant.client_id || claims["sub"] != *tenant.client_id {
        let text = "Client assertion application identifier doesn't match 'client_id' parameter.";
        return Err(refused(700_021, text));
    }
    let time = |name: &str| claims[name].as_i64();
    let now = now.as_second();
    let in_time = match (time("nbf"), time("exp")) {
        (Some(from), Some(to)) => {
            // The service allows for clocks that are five minutes apart.
            from <= now + 300 && now < to + 300 && to - from <= LONGEST_LIFE_S
        }
        _ => false,
    };
    if !in_time {
        return Err(refused(700_024, "Client assertion is not within its valid time range."));
    }
    let jti = claims["jti"].as_str().unwrap_or_default();
    match !jti.is_empty() && lock(&state.grants).is_new(jti) {
        true => Ok(()),
        false => Err(refused(50_027, "Invalid JWT token: the identifier was used before.")),
    }
}
