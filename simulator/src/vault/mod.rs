//! Key Vault: secrets in versions, certificates, and keys that sign without leaving it.

mod sign;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};
use warp::http::Method;

use crate::answer::Answer;
use crate::entra;
use crate::fault::Api;
use crate::generate::Draw;
use crate::state::{Request, State, lock};
use crate::web;

const AUDIENCE: &str = "https://vault.azure.net";
const VERSIONS: [&str; 2] = ["7.6", "2025-07-01"];

/// What the vault holds.
#[derive(Debug, Default)]
pub(crate) struct Vault {
    /// Whether the caller has no role here.
    pub refuses: bool,
    secrets: BTreeMap<String, Vec<Version>>,
    certificates: BTreeMap<String, Certificate>,
}

#[derive(Debug)]
struct Version {
    id: String,
    value: String,
    created: Timestamp,
    ends: Option<Timestamp>,
}

#[derive(Debug)]
struct Certificate {
    der: Vec<u8>,
    key: Vec<u8>,
}

impl Vault {
    pub(crate) fn put(
        &mut self,
        name: &str,
        value: &str,
        created: Timestamp,
        ends: Option<Timestamp>,
    ) {
        let versions = self.secrets.entry(name.to_owned()).or_default();
        let id = Draw::new(9, name, versions.len() as u64).guid().replace('-', "");
        versions.push(Version { id, value: value.to_owned(), created, ends });
    }

    pub(crate) fn versions(&self, name: &str) -> Vec<String> {
        let versions = self.secrets.get(name).map(Vec::as_slice).unwrap_or_default();
        versions.iter().map(|version| version.value.clone()).collect()
    }

    pub(crate) fn put_certificate(&mut self, name: &str, der: &[u8], key: &[u8]) {
        let certificate = Certificate { der: der.to_vec(), key: key.to_vec() };
        self.certificates.insert(name.to_owned(), certificate);
    }
}

impl Version {
    fn json(&self, name: &str) -> Value {
        let mut attributes = json!({
            "enabled": true, "created": self.created.as_second(),
            "updated": self.created.as_second(), "recoveryLevel": "Recoverable+Purgeable",
        });
        if let Some(ends) = self.ends {
            attributes["exp"] = ends.as_second().into();
        }
        let id = format!("https://simulated.vault.azure.net/secrets/{name}/{}", self.id);
        json!({"value": self.value, "id": id, "attributes": attributes})
    }
}

/// Why the vault gives nothing: status, code, text.
type Refusal = (u16, &'static str, String);

/// Answers a request as Key Vault does; without a token of its own it says which one to bring.
pub(crate) fn answer(state: &State, request: &Request, now: Timestamp) -> Answer {
    if entra::accept(state, request, AUDIENCE, now).is_err() {
        let message = "AKV10000: Request is missing a Bearer or PoP token.";
        let challenge =
            format!(r#"Bearer authorization="{}", resource="{AUDIENCE}""#, state.base(Api::Entra));
        return Answer::error(Api::Vault, 401, "Unauthorized", message, &state.id())
            .header("www-authenticate", challenge);
    }
    match act(&mut lock(&state.vault), request, now) {
        Ok(body) => Answer::json(200, &body),
        Err((status, code, text)) => Answer::error(Api::Vault, status, code, &text, &state.id()),
    }
}

fn act(vault: &mut Vault, request: &Request, now: Timestamp) -> Result<Value, Refusal> {
    let query = web::pairs(&request.query);
    if !web::value(&query, "api-version").is_some_and(|version| VERSIONS.contains(&version)) {
        let text = "The api-version isn't supported.".to_owned();
        return Err((400, "BadParameter", text));
    }
    if vault.refuses {
        let text = "Caller is not authorized to perform action on resource.".to_owned();
        return Err((403, "Forbidden", text));
    }
    let path: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
    match (&request.method, path.as_slice()) {
        (&Method::GET, ["secrets", name, version @ ..]) => secret(vault, name, version, now),
        (&Method::PUT, ["secrets", name]) => set(vault, name, request, now),
        (&Method::GET, ["certificates", name, ..]) => {
            let certificate = vault.certificates.get(*name).ok_or_else(|| missing(name))?;
            let id = format!("https://simulated.vault.azure.net/certificates/{name}/1");
            Ok(json!({"id": id, "cer": STANDARD.encode(&certificate.der)}))
        }
        (&Method::POST, ["keys", name, .., "sign"]) => {
            let certificate = vault.certificates.get(*name).ok_or_else(|| missing(name))?;
            signature(&certificate.key, name, request)
        }
        _ => Err((404, "NotFound", format!("{} isn't known.", request.path))),
    }
}

fn missing(name: &str) -> Refusal {
    (404, "SecretNotFound", format!("{name} was not found in this key vault."))
}

fn secret(vault: &Vault, name: &str, version: &[&str], now: Timestamp) -> Result<Value, Refusal> {
    let versions = vault.secrets.get(name).ok_or_else(|| missing(name))?;
    let found = match version {
        [] => versions.last(),
        [id, ..] => versions.iter().find(|version| version.id == *id),
    };
    let found = found.ok_or_else(|| missing(name))?;
    match found.ends.is_some_and(|ends| ends <= now) {
        true => {
            Err((403, "Forbidden", "Operation get is not allowed on an expired secret.".into()))
        }
        false => Ok(found.json(name)),
    }
}

fn set(vault: &mut Vault, name: &str, request: &Request, now: Timestamp) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(value) = body["value"].as_str() else {
        return Err((400, "BadParameter", "The value is missing.".to_owned()));
    };
    vault.put(name, value, now, None);
    vault
        .secrets
        .get(name)
        .and_then(|all| all.last())
        .map(|last| last.json(name))
        .ok_or_else(|| missing(name))
}

fn signature(key: &[u8], name: &str, request: &Request) -> Result<Value, Refusal> {
    let bad = |text: &str| (400, "BadParameter", text.to_owned());
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if body["alg"] != "PS256" {
        return Err(bad("The algorithm isn't the key's."));
    }
    let digest = URL_SAFE_NO_PAD.decode(body["value"].as_str().unwrap_or_default());
    let digest = digest.ok().filter(|digest| digest.len() == 32);
    let digest = digest.ok_or_else(|| bad("The value isn't a SHA-256 digest."))?;
    let signature = sign::ps256(key, &digest).ok_or_else(|| bad("The key can't sign."))?;
    let kid = format!("https://simulated.vault.azure.net/keys/{name}/1");
    Ok(json!({"kid": kid, "value": URL_SAFE_NO_PAD.encode(signature)}))
}
