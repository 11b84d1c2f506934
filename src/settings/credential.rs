//! Which identity a tenant's APIs are asked as.

use super::values::{Lookup, guid, wrong};
use super::{Platform, SettingError};
use crate::cloud::{Application, Cloud, Identity, Kind, Material, Proof, Reference};
use azure_core::http::Url;
use std::path::PathBuf;

const CREDENTIAL: &str = "POSTURE_CREDENTIAL";
const SECRET: &str = "POSTURE_CLIENT_SECRET";
const CERTIFICATE: &str = "POSTURE_CLIENT_CERTIFICATE";
const PASSWORD: &str = "POSTURE_CLIENT_CERTIFICATE_PASSWORD";
const KEY: &str = "POSTURE_CLIENT_KEY";
const REFRESH_TOKEN: &str = "POSTURE_REFRESH_TOKEN";

const VAULT_EXAMPLE: &str = "@vault:https://contoso.vault.azure.net/secrets/posture";

/// What of the deployment a credential rests on.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// Whether there is a managed identity.
    pub platform: &'a Platform,
    /// The deployment's own cloud, whose vaults and identities they are.
    pub cloud: &'static Cloud,
    /// What a setting puts in place of every vault.
    pub vault: Option<&'a Url>,
}

/// The identity that `look` describes for a tenant, by the names of the settings.
///
/// # Errors
///
/// The first value that is missing or wrong; it is never repeated.
pub fn identity(look: Lookup, ground: Ground, tenant: &str) -> Result<Identity, SettingError> {
    let has_identity = ground.platform.has_identity;
    let default = if has_identity { "managed-identity" } else { "azure-cli" };
    let read = Read { look, ground };
    let application = |proof| read.application(tenant, proof);
    let kind = look(CREDENTIAL);
    match kind.as_deref().unwrap_or(default) {
        "managed-identity" => {
            let client_id = look("POSTURE_CLIENT_ID").or_else(|| look("AZURE_CLIENT_ID"));
            Ok(Identity::ManagedIdentity { client_id })
        }
        "azure-cli" => Ok(Identity::AzureCli { tenant: Some(tenant.to_owned()) }),
        "client-secret" => Ok(Identity::Application(application(read.secret()?)?)),
        "client-certificate" => Ok(Identity::Application(application(read.certificate()?)?)),
        "federated-identity" => Ok(Identity::Application(application(read.federated())?)),
        "refresh-token" => Ok(Identity::Delegated {
            application: application(read.any_proof()?)?,
            refresh_token: read.refresh_token()?,
        }),
        other => {
            let problem = format!(
                "is {other:?}, expected managed-identity, client-secret, client-certificate, \
                 federated-identity, refresh-token or azure-cli"
            );
            Err(wrong(CREDENTIAL, problem, "managed-identity"))
        }
    }
}

struct Read<'a> {
    look: Lookup<'a>,
    ground: Ground<'a>,
}

impl Read<'_> {
    fn application(&self, tenant: &str, proof: Proof) -> Result<Application, SettingError> {
        let client_id = guid("POSTURE_CLIENT_ID", (self.look)("POSTURE_CLIENT_ID"))?;
        Ok(Application { tenant: tenant.to_owned(), client_id, proof })
    }

    fn secret(&self) -> Result<Proof, SettingError> {
        let example = "<the secret's value, not its id>";
        Ok(Proof::Secret(self.needed(SECRET, "client-secret", example)?))
    }

    fn certificate(&self) -> Result<Proof, SettingError> {
        if let Some(text) = (self.look)(KEY) {
            let certificate = self.optional(CERTIFICATE)?;
            return Ok(Proof::VaultKey { key: self.key(&text)?, certificate });
        }
        let example = "@vault:https://contoso.vault.azure.net/secrets/posture-certificate";
        let certificate = self.needed(CERTIFICATE, "client-certificate", example)?;
        Ok(Proof::Certificate { certificate, password: self.optional(PASSWORD)? })
    }

    fn refresh_token(&self) -> Result<Material, SettingError> {
        let material = self.needed(REFRESH_TOKEN, "refresh-token", VAULT_EXAMPLE)?;
        match &material {
            // Newer ones are kept as new versions.
            Material::Vault(reference) if reference.is_pinned() => {
                Err(wrong(REFRESH_TOKEN, "names a version of the secret", VAULT_EXAMPLE))
            }
            _ => Ok(material),
        }
    }

    fn federated(&self) -> Proof {
        let identity = (self.look)("AZURE_CLIENT_ID");
        Proof::Federated { identity, audience: self.ground.cloud.exchange_audience }
    }

    /// What the settings have for the application of a refresh token.
    fn any_proof(&self) -> Result<Proof, SettingError> {
        let has = |name| (self.look)(name).is_some();
        match () {
            () if has(KEY) || has(CERTIFICATE) => self.certificate(),
            () if has(SECRET) || !self.ground.platform.has_identity => self.secret(),
            () => Ok(self.federated()),
        }
    }

    fn key(&self, text: &str) -> Result<Reference, SettingError> {
        let text = text.strip_prefix("@vault:").unwrap_or(text);
        let read = Reference::read(text, Kind::Key, self.ground.cloud, self.ground.vault);
        let example = "https://contoso.vault.azure.net/keys/posture";
        read.map_err(|problem| wrong(KEY, problem.to_string(), example))
    }

    fn needed(
        &self,
        name: &'static str,
        kind: &str,
        example: &'static str,
    ) -> Result<Material, SettingError> {
        let material = self.optional(name)?;
        material.ok_or_else(|| wrong(name, format!("is missing, {kind} needs it"), example))
    }

    /// The value itself, `@vault:<address of a secret>`, or `file:///<path>`.
    fn optional(&self, name: &'static str) -> Result<Option<Material>, SettingError> {
        let Some(text) = (self.look)(name) else { return Ok(None) };
        if let Some(address) = text.strip_prefix("@vault:") {
            let Ground { cloud, vault, .. } = self.ground;
            let read = Reference::read(address.trim(), Kind::Secret, cloud, vault);
            let reference =
                read.map_err(|problem| wrong(name, problem.to_string(), VAULT_EXAMPLE))?;
            return Ok(Some(Material::Vault(reference)));
        }
        if text.starts_with('@') {
            return Err(wrong(name, "is a reference that nothing has resolved", VAULT_EXAMPLE));
        }
        if text.starts_with("file://") {
            let path = Url::parse(&text).ok().and_then(|url| url.to_file_path().ok());
            let problem = "is no file:/// address";
            let path: PathBuf =
                path.ok_or_else(|| wrong(name, problem, "file:///home/me/posture.pem"))?;
            return Ok(Some(Material::File(path)));
        }
        Ok(Some(Material::from(text)))
    }
}
