//! How an application proves itself: its secret, or an assertion in place of one.

use super::certificate::{self, Certificate};
use super::{Application, Material, Proof, SignIn};
use crate::cloud::Reference;
use crate::cloud::trouble::Trouble;
use azure_core::Uuid;
use azure_core::credentials::Secret;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::{digest, rand, signature};
use serde_json::json;

/// Seconds that an assertion holds.
///
/// <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>
const LIFE_S: i64 = 300;

/// Header and claims of an assertion, as they are signed (PS256).
fn unsigned(der: &[u8], client_id: &str, endpoint: &str, now: Timestamp) -> String {
    let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, der));
    let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint });
    let now = now.as_second();
    let claims = json!({
        "aud": endpoint, "iss": client_id, "sub": client_id, "jti": Uuid::new_v4().to_string(),
        "nbf": now, "iat": now, "exp": now + LIFE_S,
    });
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn signed(unsigned: &str, signature: &[u8]) -> String {
    format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What an application sends along with a request.
pub(super) enum Proven {
    Secret(Secret),
    /// A signed text that holds for one request.
    Assertion(Secret),
}

/// What an application sends along with its next request.
pub(super) async fn prove(application: &Application, sign_in: &SignIn) -> Result<Proven, Trouble> {
    let endpoint = sign_in.endpoint(&application.tenant);
    let text = |der: &[u8]| unsigned(der, &application.client_id, &endpoint, (sign_in.clock)());
    let assertion = match &application.proof {
        Proof::Secret(secret) => return Ok(Proven::Secret(secret.read(sign_in).await?.value)),
        Proof::Certificate { certificate, password } => {
            let certificate = open(certificate, password.as_ref(), sign_in).await?;
            let text = text(&certificate.der);
            let signature = sign(&certificate.key, text.as_bytes())?;
            signed(&text, &signature)
        }
        Proof::VaultKey { key, certificate } => {
            let text = text(&public_part(key, certificate.as_ref(), sign_in).await?);
            let digest = digest::digest(&digest::SHA256, text.as_bytes());
            signed(&text, &sign_in.vault()?.sign(key, digest.as_ref()).await?)
        }
        Proof::Federated { identity, audience } => {
            sign_in.exchange_token(identity.clone(), audience).await?
        }
    };
    Ok(Proven::Assertion(Secret::new(assertion)))
}

/// When an application's certificate ends, where it has one.
pub(super) async fn ends(proof: &Proof, sign_in: &SignIn) -> Result<Option<Timestamp>, Trouble> {
    let der = match proof {
        Proof::Secret(_) | Proof::Federated { .. } => return Ok(None),
        Proof::Certificate { certificate, password } => {
            open(certificate, password.as_ref(), sign_in).await?.der
        }
        Proof::VaultKey { key, certificate } => {
            public_part(key, certificate.as_ref(), sign_in).await?
        }
    };
    Ok(certificate::not_after(&der))
}

async fn open(
    certificate: &Material,
    password: Option<&Material>,
    sign_in: &SignIn,
) -> Result<Certificate, Trouble> {
    let password = match password {
        Some(password) => password.read(sign_in).await?.value,
        None => "".into(),
    };
    let certificate = certificate.read(sign_in).await?;
    certificate::read(certificate.value.secret(), password.secret())
}

async fn public_part(
    key: &Reference,
    certificate: Option<&Material>,
    sign_in: &SignIn,
) -> Result<Vec<u8>, Trouble> {
    match certificate {
        Some(certificate) => {
            certificate::read_public(certificate.read(sign_in).await?.value.secret())
        }
        None => sign_in.vault()?.certificate(key).await,
    }
}

fn sign(key: &ring::rsa::KeyPair, text: &[u8]) -> Result<Vec<u8>, Trouble> {
    let mut signature = vec![0; key.public().modulus_len()];
    let random = rand::SystemRandom::new();
    let signed = key.sign(&signature::RSA_PSS_SHA256, &random, text, &mut signature);
    let no_entropy = |_| Trouble::unreachable("this machine has no random numbers");
    signed.map_err(no_entropy)?;
    Ok(signature)
}
