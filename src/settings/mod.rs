//! Everything that differs between two deployments. This module alone reads the environment.

mod credential;
mod values;

pub use credential::{Ground, identity};
pub use values::Lookup;

use crate::cloud::{Cloud, Identity, Route};
use crate::source::Source;
use crate::tenant::Scope;
use azure_core::http::Url;
use std::path::PathBuf;
use std::time::Duration;
use values::{azure, cloud, container, guid, routes, rules, seconds, sources, storage, wrong};

/// A setting that is missing or wrong: one line for whoever starts the program.
///
/// It never repeats a secret's value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name} {problem}: for example {name}={example}")]
pub struct SettingError {
    /// The setting.
    pub name: &'static str,
    /// What is wrong with it.
    pub problem: String,
    /// A value that would do.
    pub example: &'static str,
}

/// Where records are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// The blob endpoint of a storage account, or Azurite's.
    Azure(Url),
    /// A local folder.
    Folder(PathBuf),
}

/// The settings of one deployment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `POSTURE_STORAGE`: the blob endpoint `https://<account>.blob.core.windows.net`, Azurite's
    /// `http://127.0.0.1:10000/devstoreaccount1`, or `file:///<folder>`. Required under the host,
    /// elsewhere the folder `posture-data` where the program is started.
    pub storage: Storage,
    /// `POSTURE_CONTAINER`: the container of records. Default `posture`.
    pub container: String,
    /// `POSTURE_TENANT_ID`: the tenant that is collected, a GUID. Required.
    pub tenant_id: String,
    /// `POSTURE_TENANT_NAME`: its name for people. Default: the id.
    pub tenant_name: String,
    /// `POSTURE_CREDENTIAL`: `managed-identity` (default where the platform has one), `azure-cli`
    /// (default elsewhere), or an application's, with `POSTURE_CLIENT_ID`: `client-secret`
    /// (`POSTURE_CLIENT_SECRET`), `client-certificate` (`POSTURE_CLIENT_CERTIFICATE` with
    /// `POSTURE_CLIENT_CERTIFICATE_PASSWORD`, or `POSTURE_CLIENT_KEY`: the address of a key in Key
    /// Vault), `federated-identity` (the token of the identity in `AZURE_CLIENT_ID`),
    /// `refresh-token` (`POSTURE_REFRESH_TOKEN` beside one of these). A value is the thing itself,
    /// `@vault:<address of a secret>` or `file:///<path>`.
    pub identity: Identity,
    /// The app's own identity, for storage and the workspace: the managed identity (`AZURE_CLIENT_ID`
    /// for a user-assigned one) where the platform has one, else the Azure CLI's.
    pub app_identity: Identity,
    /// `POSTURE_CLOUD`: `public`, `gcc`, `gcc-high`, `dod` or `china`. Default `public`.
    pub cloud: &'static Cloud,
    /// `POSTURE_ENTRA_URL`, `POSTURE_GRAPH_URL`, `POSTURE_DEFENDER_URL` (also a region's short name,
    /// such as `eu`), `POSTURE_ARM_URL`, `POSTURE_VAULT_URL` (for every vault): bases to ask instead
    /// of the cloud's own hosts.
    pub routes: Vec<Route>,
    /// `POSTURE_LOGS_RULES`: the addresses of the collection rules, in the order of
    /// `infra/generated/tables.json`: `dcr-…` (at `POSTURE_LOGS_URL`) or `https://<endpoint>/dcr-…`.
    /// Default none: records are kept and not sent.
    pub rules: Vec<Url>,
    /// `POSTURE_SOURCES`: a list of sources, or `+name` and `-name` against the default; with
    /// `POSTURE_SEND` (`<source>=default|all|none`) and `POSTURE_CADENCE` (`<source>=PT4H`).
    pub sources: Vec<Source>,
    /// `POSTURE_SUBSCRIPTIONS`: Azure subscriptions, GUIDs separated by commas; or
    /// `POSTURE_MANAGEMENT_GROUP`: a management group's name. Default all that the identity may read.
    pub azure: Scope,
    /// `POSTURE_CLAIM_SECONDS`: how long an attempt's claim holds, 1 to 600. Default 30.
    pub claim: Duration,
    /// `POSTURE_RUN_SECONDS`: how long an attempt works, 10 to 3000. Default 540.
    pub run: Duration,
}

/// What the platform itself sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The port that the Functions host expects this program to serve.
    pub port: Option<u16>,
    /// Whether there is a managed identity.
    pub has_identity: bool,
}

impl Platform {
    /// Reads the platform's variables by `lookup`.
    ///
    /// # Errors
    ///
    /// Where the port is none.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Platform, SettingError> {
        const PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";
        let port = match lookup(PORT).as_deref().map(str::parse) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => return Err(wrong(PORT, "is no port, expected 1 to 65535", "7071")),
        };
        Ok(Platform { port, has_identity: lookup("IDENTITY_ENDPOINT").is_some() })
    }
}

/// A variable of this process; an empty one counts as absent.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

impl Settings {
    /// Reads the settings by `lookup`, which gives nothing for an absent one.
    ///
    /// # Errors
    ///
    /// The first setting that is missing or wrong.
    pub fn read(
        platform: &Platform,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Settings, SettingError> {
        let look: Lookup = &lookup;
        let storage = storage(look, platform)?;
        let tenant_id = guid("POSTURE_TENANT_ID", look("POSTURE_TENANT_ID"))?;
        let cloud = cloud(look)?;
        let routes = routes(look, cloud)?;
        let vault = routes.iter().find(|route| route.origin == cloud.vaults());
        let ground = Ground { platform, cloud, vault: vault.map(|route| &route.base) };
        let app_identity = match platform.has_identity {
            true => Identity::ManagedIdentity { client_id: look("AZURE_CLIENT_ID") },
            false => Identity::AzureCli { tenant: None },
        };
        Ok(Settings {
            storage,
            container: container(look)?,
            tenant_name: look("POSTURE_TENANT_NAME").unwrap_or_else(|| tenant_id.clone()),
            identity: identity(look, ground, &tenant_id)?,
            tenant_id,
            app_identity,
            cloud,
            routes,
            rules: rules(look)?,
            sources: sources(look)?,
            azure: azure(look)?,
            claim: seconds("POSTURE_CLAIM_SECONDS", look, 30, 1, 600)?,
            run: seconds("POSTURE_RUN_SECONDS", look, 540, 10, 3000)?,
        })
    }
}

#[cfg(test)]
mod tests;
