//! Key Vault, as the app itself: secrets read and kept for an hour, new versions written, digests
//! signed by keys that never leave it.

mod reference;

pub use reference::{Kind, Reference, ReferenceError};

use super::identity::{Held, SignIn};
use super::trouble::{self, Trouble};
use super::{Identity, Wire};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::ClientOptions;
use azure_core::time::OffsetDateTime;
use azure_security_keyvault_certificates::models::CertificateClientGetCertificateOptions;
use azure_security_keyvault_certificates::{CertificateClient, CertificateClientOptions};
use azure_security_keyvault_keys::models::{
    KeyClientSignOptions, SignParameters, SignatureAlgorithm,
};
use azure_security_keyvault_keys::{KeyClient, KeyClientOptions};
use azure_security_keyvault_secrets::models::{
    Secret as Answer, SecretClientGetSecretOptions, SetSecretParameters,
};
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a secret is answered from memory where nothing refuses it.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(1);

/// The vaults of a deployment, asked with the app's own identity.
///
/// Tokens go to the hosts of a [`Reference`] only, which are the cloud's own; the clients check
/// besides that a vault asks for a token of its own kind.
#[derive(Debug)]
pub struct Vault {
    own: SignIn,
    kept: Mutex<HashMap<Reference, Arc<Slot>>>,
}

type Slot = tokio::sync::Mutex<Option<(Timestamp, Held)>>;

impl Vault {
    /// The vaults as `own` may read them; `authority` is the sign-in service's canonical origin.
    pub fn new(own: Identity, authority: &str, wire: Wire, clock: fn() -> Timestamp) -> Vault {
        Vault { own: SignIn::new(own, authority, wire, clock), kept: Mutex::default() }
    }

    /// A secret, at most an hour old, or older where the vault can't be reached.
    pub(super) async fn secret(&self, reference: &Reference) -> Result<Held, Trouble> {
        let slot = self.slot(reference);
        let mut kept = slot.lock().await;
        let now = (self.own.clock)();
        if let Some((_, held)) = kept.as_ref().filter(|(at, _)| now.duration_since(*at) < KEPT_FOR)
        {
            return Ok(held.clone());
        }
        match (self.read(reference).await, kept.as_ref()) {
            (Ok(held), _) => Ok(kept.insert((now, held)).1.clone()),
            (Err(Trouble::Unreachable { .. }), Some((_, old))) => Ok(old.clone()),
            (Err(trouble), _) => Err(trouble),
        }
    }

    /// Reads a secret anew, and whether it is another than before.
    pub(super) async fn reread(&self, reference: &Reference) -> Result<bool, Trouble> {
        let slot = self.slot(reference);
        let mut kept = slot.lock().await;
        let held = self.read(reference).await?;
        let same = kept.as_ref().is_some_and(|(_, old)| old.value == held.value);
        *kept = Some(((self.own.clock)(), held));
        Ok(!same)
    }

    /// Writes a new version of a secret.
    pub(super) async fn write(&self, reference: &Reference, value: &Secret) -> Result<(), Trouble> {
        let slot = self.slot(reference);
        let mut kept = slot.lock().await;
        let parameters = SetSecretParameters {
            value: Some(value.secret().to_owned()),
            ..SetSecretParameters::default()
        };
        let set = async {
            let content = parameters.try_into()?;
            self.secrets(reference)?.set_secret(&reference.name, content, None).await?.into_model()
        };
        let answer = set.await.map_err(|error| self.explain(&error, reference, WRITER))?;
        let held = Held { value: value.clone(), ..held(answer) };
        *kept = Some(((self.own.clock)(), held));
        Ok(())
    }

    /// A key's signature (PS256) of a SHA-256 digest.
    pub(super) async fn sign(&self, key: &Reference, digest: &[u8]) -> Result<Vec<u8>, Trouble> {
        let parameters = SignParameters {
            algorithm: Some(SignatureAlgorithm::Ps256),
            value: Some(digest.to_vec()),
        };
        let sign = async {
            let options = KeyClientOptions {
                client_options: self.client_options(),
                ..KeyClientOptions::default()
            };
            let client = KeyClient::new(&key.vault, self.credential()?, Some(options))?;
            let version = KeyClientSignOptions {
                key_version: key.version.clone(),
                ..KeyClientSignOptions::default()
            };
            client.sign(&key.name, parameters.try_into()?, Some(version)).await?.into_model()
        };
        let answer = sign.await.map_err(|error| self.explain(&error, key, SIGNER))?;
        answer.result.ok_or_else(|| Trouble::unreachable(format!("{key} answered no signature")))
    }

    /// The public part (DER) of the certificate that a key belongs to.
    pub(super) async fn certificate(&self, key: &Reference) -> Result<Vec<u8>, Trouble> {
        let get = async {
            let options = CertificateClientOptions {
                client_options: self.client_options(),
                ..CertificateClientOptions::default()
            };
            let client = CertificateClient::new(&key.vault, self.credential()?, Some(options))?;
            let version = CertificateClientGetCertificateOptions {
                certificate_version: key.version.clone(),
                ..CertificateClientGetCertificateOptions::default()
            };
            client.get_certificate(&key.name, Some(version)).await?.into_model()
        };
        let answer = get.await.map_err(|error| self.explain(&error, key, CERTIFICATE))?;
        answer.cer.ok_or_else(|| Trouble::unreachable(format!("{key} answered no certificate")))
    }

    fn slot(&self, reference: &Reference) -> Arc<Slot> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.entry(reference.clone()).or_default().clone()
    }

    async fn read(&self, reference: &Reference) -> Result<Held, Trouble> {
        let version = SecretClientGetSecretOptions {
            secret_version: reference.version.clone(),
            ..SecretClientGetSecretOptions::default()
        };
        let get = async {
            let client = self.secrets(reference)?;
            client.get_secret(&reference.name, Some(version)).await?.into_model()
        };
        let answer = get.await.map_err(|error| self.explain(&error, reference, READER))?;
        match answer.value.as_deref().map(super::identity::clean) {
            None | Some("") => Err(Trouble::refused(
                format!("{reference} is empty"),
                "store the secret's value there",
            )),
            Some(_) => Ok(held(answer)),
        }
    }

    fn secrets(&self, reference: &Reference) -> azure_core::Result<SecretClient> {
        let options = SecretClientOptions {
            client_options: self.client_options(),
            ..SecretClientOptions::default()
        };
        SecretClient::new(&reference.vault, self.credential()?, Some(options))
    }

    fn credential(&self) -> azure_core::Result<Arc<dyn TokenCredential>> {
        self.own.own_credential()
    }

    fn client_options(&self) -> ClientOptions {
        self.own.client_options()
    }

    /// What an error at `reference` means; `role` is what the app's identity needs there.
    fn explain(&self, error: &Error, reference: &Reference, role: &str) -> Trouble {
        if matches!(error.kind(), ErrorKind::Credential) {
            let whose = format!("for the app's own identity at {reference}");
            return match Trouble::explain(&self.own.identity, error) {
                Trouble::Refused { what, advice } => {
                    Trouble::Refused { what: format!("{what} {whose}"), advice }
                }
                Trouble::Unreachable { what } => {
                    Trouble::Unreachable { what: format!("{what}, {whose}") }
                }
            };
        }
        match trouble::http_answer(error) {
            Some((status @ (401 | 403), _)) => Trouble::refused(
                format!("{status} at {reference}"),
                format!(
                    "give the app's identity the role {role} there, and let it through the vault's \
                     firewall; a version that is disabled or past its end is refused too"
                ),
            ),
            Some((404, _)) => Trouble::refused(
                format!("404 at {reference}"),
                "it isn't there: check the vault, the name and the version",
            ),
            Some((status, _)) if status == 429 || status >= 500 => {
                Trouble::unreachable(format!("Key Vault is busy ({status} at {reference})"))
            }
            Some((status @ 300.., _)) => Trouble::refused(
                format!("{status} at {reference}"),
                "check the vault, the name and the version",
            ),
            None if matches!(error.kind(), ErrorKind::Connection | ErrorKind::Io) => {
                let advice = "check the network and the vault's name";
                Trouble::unreachable(format!("{reference} can't be reached: {advice}"))
            }
            _ => Trouble::unreachable(format!("{reference} gave no answer of Key Vault's")),
        }
    }
}

const READER: &str = "Key Vault Secrets User";
const WRITER: &str = "Key Vault Secrets Officer";
const SIGNER: &str = "Key Vault Crypto User";
const CERTIFICATE: &str = "Key Vault Certificate User";

fn held(answer: Answer) -> Held {
    let attributes = answer.attributes.unwrap_or_default();
    let at = |time: Option<OffsetDateTime>| Timestamp::from_second(time?.unix_timestamp()).ok();
    let value = answer.value.unwrap_or_default();
    Held {
        value: Secret::new(super::identity::clean(&value).to_owned()),
        since: at(attributes.created.or(attributes.updated)),
        ends: at(attributes.expires),
    }
}
