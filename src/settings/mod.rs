//! Everything that differs between two deployments. This module alone reads the environment.

mod actions;
mod checks;
mod credential;
mod definition;
mod file;
mod otlp;
mod teams;
mod tenant;
mod values;

pub use credential::{Ground, identity};
pub use definition::{
    Action, Actions, CallerId, Channel, Chosen, CloudName, Credential, CredentialKind, Definition,
    Notice, OcsfClass, Sending, Severity, Workspace,
};
pub use file::{Shared, schema};
pub use otlp::Otlp;
pub use teams::TeamsChannel;
pub use tenant::TenantSettings;
pub use values::Lookup;

use crate::cloud::{Cloud, Identity, Route};
use crate::findings::Formats;
use crate::source::Source;
use azure_core::credentials::Secret;
use azure_core::http::Url;
use std::path::PathBuf;
use std::time::Duration;
use values::{cloud, container, cve, guid, queue, routes, seconds, storage, wrong};

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

/// Where the queue of jobs is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePlace {
    /// The account's queue endpoint.
    pub account: Url,
    /// The queue's name.
    pub name: String,
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
    /// `POSTURE_QUEUE`: the queue of jobs, which the host gives no default. Default `posture-jobs`.
    /// `POSTURE_QUEUE_URL`: its account's queue endpoint. Default derived from `POSTURE_STORAGE`.
    /// Nothing where it can't be, such as for a folder.
    pub queue: Option<QueuePlace>,
    /// Who is collected.
    pub tenants: Tenants,
    /// The app's own identity, for storage and the workspace: the managed identity (`AZURE_CLIENT_ID`
    /// for a user-assigned one) where the platform has one, else the Azure CLI's.
    pub app_identity: Identity,
    /// `AZURE_CLIENT_ID`: the client id of the app's own user-assigned identity.
    pub app_client_id: Option<String>,
    /// `POSTURE_ACTION_CLIENT_ID`: the client id of the identity that carries out response actions, which
    /// is another than the collecting one.
    pub action_client_id: Option<String>,
    /// `POSTURE_CLOUD`: the app's own cloud, and that of tenants that name no other.
    pub cloud: &'static Cloud,
    /// `POSTURE_ENTRA_URL`, `POSTURE_GRAPH_URL`, `POSTURE_DEFENDER_URL` (also a region's short name,
    /// such as `eu`), `POSTURE_ARM_URL`, `POSTURE_VAULT_URL` (for every vault): bases to ask instead
    /// of the cloud's own hosts.
    pub routes: Vec<Route>,
    /// `POSTURE_CVE`: `on` reads once, for all tenants, what is known of vulnerabilities outside (CISA, FIRST,
    /// NVD); `off` doesn't, for deployments without a way to the internet. Default `on`. Their hosts:
    /// `POSTURE_KEV_URL`, `POSTURE_KEV_MIRROR_URL`, `POSTURE_EPSS_URL`, `POSTURE_NVD_URL`.
    pub cve: Vec<Source>,
    /// `POSTURE_PARQUET` of the deployment: what is read once for all is written so too.
    pub formats: Formats,
    /// `POSTURE_NVD_KEY`: the key that NVD has given for the deployment; it allows ten times the calls.
    pub nvd_key: Option<Secret>,
    /// `POSTURE_CLAIM_SECONDS`: how long an attempt's claim holds, 1 to 600. Default 30.
    pub claim: Duration,
    /// `POSTURE_RUN_SECONDS`: how long an attempt works, 10 to 3000. Default 540.
    pub run: Duration,
    /// `POSTURE_LIMITS`: `documented` holds calls back so that Microsoft's documented limits are never
    /// met, `off` doesn't, for stand-ins without limits. Default `documented`.
    pub limits: bool,
    /// `POSTURE_CLASSIC_TABLES`: `on` sends what only the tables of the two published solutions take, where the
    /// rules feed them; `off` doesn't. Default `off`; the template sets it.
    pub classic_tables: bool,
    /// `POSTURE_FREE_KQL`: `on` lets `/api/hunt` take any KQL, audited; `off` packs only. Default `off`.
    pub free_kql: bool,
    /// `WEBSITE_AUTH_ENABLED`, which App Service sets: whether it authenticates callers.
    pub authenticates: bool,
    /// Where spans go; nowhere where `OTEL_EXPORTER_OTLP_ENDPOINT` is absent.
    pub otlp: Option<Otlp>,
}

/// Who is collected.
#[derive(Clone, Debug)]
pub enum Tenants {
    /// The one tenant that the settings themselves describe.
    One(Box<TenantSettings>),
    /// `POSTURE_TENANTS`: those of `tenants.json`.
    File {
        /// Where it is.
        place: Place,
        /// What its tenants have in common.
        shared: Shared,
    },
}

/// Where `tenants.json` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file: a path with a `/` in front or `./`.
    File(PathBuf),
    /// A blob of the container, or a file of the folder that stands for it.
    Ledger(String),
}

/// What the platform itself sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The port that the Functions host expects this program to serve.
    pub port: Option<u16>,
    /// Whether there is a managed identity.
    pub has_identity: bool,
    /// Whether App Service authenticates callers.
    pub authenticates: bool,
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
        let is_on = |value: String| value.eq_ignore_ascii_case("true");
        Ok(Platform {
            port,
            has_identity: lookup("IDENTITY_ENDPOINT").is_some(),
            authenticates: lookup("WEBSITE_AUTH_ENABLED").is_some_and(is_on),
        })
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
        let cloud = cloud(look)?;
        let routes = routes(look, cloud)?;
        let vault = routes.iter().find(|route| route.origin == cloud.vaults());
        let ground = Ground { platform, cloud, vault: vault.map(|route| &route.base) };
        let app_identity = match platform.has_identity {
            true => Identity::ManagedIdentity { client_id: look("AZURE_CLIENT_ID") },
            false => Identity::AzureCli { tenant: None },
        };
        Ok(Settings {
            queue: queue(look, &storage)?,
            storage,
            container: container(look)?,
            tenants: tenants(look, ground)?,
            app_identity,
            app_client_id: look("AZURE_CLIENT_ID"),
            action_client_id: action_client_id(look)?,
            cloud,
            routes,
            cve: cve(look)?,
            formats: values::formats(look)?,
            nvd_key: look("POSTURE_NVD_KEY").map(Secret::new),
            claim: seconds("POSTURE_CLAIM_SECONDS", look, 30, 1, 600)?,
            run: seconds("POSTURE_RUN_SECONDS", look, 540, 10, 3000)?,
            limits: limits(look)?,
            classic_tables: is_on("POSTURE_CLASSIC_TABLES", look)?,
            free_kql: is_on("POSTURE_FREE_KQL", look)?,
            authenticates: platform.authenticates,
            otlp: Otlp::read(look)?,
        })
    }
}

fn action_client_id(look: Lookup) -> Result<Option<String>, SettingError> {
    const NAME: &str = "POSTURE_ACTION_CLIENT_ID";
    look(NAME).map(|id| guid(NAME, Some(id))).transpose()
}

fn limits(look: Lookup) -> Result<bool, SettingError> {
    const NAME: &str = "POSTURE_LIMITS";
    match look(NAME).as_deref() {
        None | Some("documented") => Ok(true),
        Some("off") => Ok(false),
        Some(other) => {
            let problem = format!("is {other}, expected documented or off");
            Err(wrong(NAME, problem, "documented"))
        }
    }
}

/// A setting that is off where nothing is said.
fn is_on(name: &'static str, look: Lookup) -> Result<bool, SettingError> {
    match look(name).as_deref() {
        None | Some("off") => Ok(false),
        Some("on") => Ok(true),
        Some(other) => Err(wrong(name, format!("is {other}, expected on or off"), "off")),
    }
}

fn tenants(look: Lookup, ground: Ground) -> Result<Tenants, SettingError> {
    const NAME: &str = "POSTURE_TENANTS";
    let Some(place) = look(NAME) else {
        return TenantSettings::read(look, ground).map(Box::new).map(Tenants::One);
    };
    if look("POSTURE_TENANT_ID").is_some() {
        let problem = "is set beside POSTURE_TENANT_ID: choose one";
        return Err(wrong(NAME, problem, "tenants.json"));
    }
    let place = match place.starts_with('/') || place.starts_with("./") {
        true => Place::File(PathBuf::from(place)),
        false => Place::Ledger(place),
    };
    Ok(Tenants::File { place, shared: Shared::read(look, ground)? })
}

#[cfg(test)]
mod tests;
