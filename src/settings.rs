//! Everything that differs between two deployments. This module alone reads the environment.

use crate::cloud::{Cloud, Identity, Route};
use crate::source::{ALL, Api, Sends, Source};
use azure_core::credentials::Secret;
use azure_core::http::Url;
use jiff::SignedDuration;
use std::path::PathBuf;
use std::time::Duration;

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
    /// `POSTURE_CREDENTIAL`: `managed-identity` (default where the platform has one), `client-secret`
    /// (with `POSTURE_CLIENT_ID` and `POSTURE_CLIENT_SECRET`) or `azure-cli` (default elsewhere).
    pub identity: Identity,
    /// The app's own identity, for storage and the workspace: the managed identity (`AZURE_CLIENT_ID`
    /// for a user-assigned one) where the platform has one, else the Azure CLI's.
    pub app_identity: Identity,
    /// `POSTURE_CLOUD`: `public`, `gcc`, `gcc-high`, `dod` or `china`. Default `public`.
    pub cloud: &'static Cloud,
    /// `POSTURE_ENTRA_URL`, `POSTURE_GRAPH_URL`, `POSTURE_DEFENDER_URL`: bases to ask instead of the
    /// cloud's own hosts.
    pub routes: Vec<Route>,
    /// `POSTURE_LOGS_RULES`: the addresses of the collection rules, in the order of
    /// `infra/generated/tables.json`: `dcr-…` (at `POSTURE_LOGS_URL`) or `https://<endpoint>/dcr-…`.
    /// Default none: records are kept and not sent.
    pub rules: Vec<Url>,
    /// `POSTURE_SOURCES`: a list of sources, or `+name` and `-name` against the default; with
    /// `POSTURE_SEND` (`<source>=default|all|none`) and `POSTURE_CADENCE` (`<source>=PT4H`).
    pub sources: Vec<Source>,
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
        let look = &lookup as &dyn Fn(&str) -> Option<String>;
        let storage = storage(look, platform)?;
        let tenant_id = guid("POSTURE_TENANT_ID", look("POSTURE_TENANT_ID"))?;
        let cloud = cloud(look)?;
        let client_id = look("AZURE_CLIENT_ID");
        let app_identity = match platform.has_identity {
            true => Identity::ManagedIdentity { client_id: client_id.clone() },
            false => Identity::AzureCli { tenant: None },
        };
        Ok(Settings {
            storage,
            container: container(look)?,
            tenant_name: look("POSTURE_TENANT_NAME").unwrap_or_else(|| tenant_id.clone()),
            identity: identity(look, platform, &tenant_id, client_id)?,
            tenant_id,
            app_identity,
            cloud,
            routes: routes(look, cloud)?,
            rules: rules(look)?,
            sources: sources(look)?,
            claim: seconds("POSTURE_CLAIM_SECONDS", look, 30, 1, 600)?,
            run: seconds("POSTURE_RUN_SECONDS", look, 540, 10, 3000)?,
        })
    }
}

type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

fn wrong(name: &'static str, problem: impl Into<String>, example: &'static str) -> SettingError {
    SettingError { name, problem: problem.into(), example }
}

fn storage(look: Lookup, platform: &Platform) -> Result<Storage, SettingError> {
    const NAME: &str = "POSTURE_STORAGE";
    const EXAMPLE: &str = "https://contoso.blob.core.windows.net";
    let Some(text) = look(NAME) else {
        if platform.port.is_some() {
            return Err(wrong(NAME, "is missing", EXAMPLE));
        }
        return Ok(Storage::Folder(PathBuf::from("posture-data")));
    };
    let problem = "is no https blob endpoint, Azurite address or file:/// folder";
    let url = Url::parse(&text).map_err(|_| wrong(NAME, problem, EXAMPLE))?;
    // A query would be a shared access signature, which is a secret.
    let bare = url.query().is_none() && url.username().is_empty() && url.password().is_none();
    match url.scheme() {
        "https" if bare => Ok(Storage::Azure(url)),
        "http" if bare && is_loopback(&url) => Ok(Storage::Azure(url)),
        "file" => {
            url.to_file_path().map(Storage::Folder).map_err(|()| wrong(NAME, problem, EXAMPLE))
        }
        _ => Err(wrong(NAME, problem, EXAMPLE)),
    }
}

fn container(look: Lookup) -> Result<String, SettingError> {
    const NAME: &str = "POSTURE_CONTAINER";
    let name = look(NAME).unwrap_or_else(|| "posture".to_owned());
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match (3..=63).contains(&name.len()) && name.chars().all(plain) {
        true => Ok(name),
        false => {
            Err(wrong(NAME, "has other than 3 to 63 lower-case letters, digits and -", "posture"))
        }
    }
}

fn guid(name: &'static str, value: Option<String>) -> Result<String, SettingError> {
    const EXAMPLE: &str = "11111111-2222-3333-4444-555555555555";
    let text = value.ok_or_else(|| wrong(name, "is missing", EXAMPLE))?.to_lowercase();
    let fits = text.len() == 36
        && text.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        });
    if fits { Ok(text) } else { Err(wrong(name, "is no GUID", EXAMPLE)) }
}

fn cloud(look: Lookup) -> Result<&'static Cloud, SettingError> {
    const NAME: &str = "POSTURE_CLOUD";
    let name = look(NAME).unwrap_or_else(|| "public".to_owned());
    Cloud::named(&name).ok_or_else(|| {
        wrong(NAME, format!("is {name:?}, expected public, gcc, gcc-high, dod or china"), "public")
    })
}

fn identity(
    look: Lookup,
    platform: &Platform,
    tenant: &str,
    client_id: Option<String>,
) -> Result<Identity, SettingError> {
    const NAME: &str = "POSTURE_CREDENTIAL";
    let default = if platform.has_identity { "managed-identity" } else { "azure-cli" };
    match look(NAME).as_deref().unwrap_or(default) {
        "managed-identity" => {
            let client_id = look("POSTURE_CLIENT_ID").or(client_id);
            Ok(Identity::ManagedIdentity { client_id })
        }
        "azure-cli" => Ok(Identity::AzureCli { tenant: Some(tenant.to_owned()) }),
        "client-secret" => {
            let client_id = guid("POSTURE_CLIENT_ID", look("POSTURE_CLIENT_ID"))?;
            Ok(Identity::ClientSecret {
                tenant: tenant.to_owned(),
                client_id,
                secret: secret(look)?,
            })
        }
        other => Err(wrong(
            NAME,
            format!("is {other:?}, expected managed-identity, client-secret or azure-cli"),
            "managed-identity",
        )),
    }
}

fn secret(look: Lookup) -> Result<Secret, SettingError> {
    const NAME: &str = "POSTURE_CLIENT_SECRET";
    const EXAMPLE: &str = "<the secret's value, not its id>";
    match look(NAME) {
        None => Err(wrong(NAME, "is missing, client-secret needs it", EXAMPLE)),
        Some(value) if value.starts_with('@') => {
            Err(wrong(NAME, "is a reference that nothing has resolved", EXAMPLE))
        }
        Some(value) => Ok(Secret::new(value)),
    }
}

fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

fn base(name: &'static str, text: &str) -> Result<Url, SettingError> {
    let url = Url::parse(text).ok().filter(|url| match url.scheme() {
        "https" => url.host_str().is_some(),
        "http" => is_loopback(url),
        _ => false,
    });
    url.ok_or_else(|| wrong(name, "is no https address", "https://graph.microsoft.com"))
}

fn routes(look: Lookup, cloud: &Cloud) -> Result<Vec<Route>, SettingError> {
    let origins = [
        ("POSTURE_ENTRA_URL", cloud.sign_in),
        ("POSTURE_GRAPH_URL", cloud.origin(Api::Graph)),
        ("POSTURE_DEFENDER_URL", cloud.origin(Api::Defender)),
    ];
    let mut routes = Vec::new();
    for (name, origin) in origins {
        if let Some(text) = look(name) {
            routes.push(Route::new(origin, base(name, &text)?));
        }
    }
    Ok(routes)
}

fn rules(look: Lookup) -> Result<Vec<Url>, SettingError> {
    const NAME: &str = "POSTURE_LOGS_RULES";
    const EXAMPLE: &str = "dcr-00000000000000000000000000000001";
    const URL: &str = "POSTURE_LOGS_URL";
    let common = look(URL).map(|text| base(URL, &text)).transpose()?;
    let Some(entries) = look(NAME) else { return Ok(Vec::new()) };
    let mut rules = Vec::new();
    for entry in entries.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (endpoint, id) = match entry.rsplit_once('/') {
            Some((endpoint, id)) => (base(NAME, endpoint)?, id),
            None => {
                let example = "https://posture-abcd.westeurope-1.ingest.monitor.azure.com";
                (common.clone().ok_or_else(|| wrong(URL, "is missing", example))?, entry)
            }
        };
        if !id.starts_with("dcr-") || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(wrong(NAME, "has an entry that is no immutable id", EXAMPLE));
        }
        let address =
            format!("{}/dataCollectionRules/{id}", endpoint.as_str().trim_end_matches('/'));
        rules.push(Url::parse(&address).map_err(|_| wrong(NAME, "has a broken entry", EXAMPLE))?);
    }
    Ok(rules)
}

fn sources(look: Lookup) -> Result<Vec<Source>, SettingError> {
    let mut chosen = chosen(look)?;
    const SEND: &str = "POSTURE_SEND";
    for (name, value) in pairs(SEND, look, "defender.devices=all")? {
        let sends = match value.as_str() {
            "default" => continue,
            "all" => Sends::All,
            "none" => Sends::Nothing,
            _ => {
                return Err(wrong(
                    SEND,
                    "has other than default, all or none",
                    "defender.devices=all",
                ));
            }
        };
        chosen.iter_mut().filter(|source| source.name == name).for_each(|s| s.sends = sends);
    }
    const CADENCE: &str = "POSTURE_CADENCE";
    for (name, value) in pairs(CADENCE, look, "defender.devices=PT4H")? {
        let every = value.parse::<SignedDuration>().ok();
        let every =
            every.filter(|every| *every >= SignedDuration::from_mins(1)).ok_or_else(|| {
                wrong(
                    CADENCE,
                    "has no ISO 8601 duration of a minute or more",
                    "defender.devices=PT4H",
                )
            })?;
        chosen.iter_mut().filter(|source| source.name == name).for_each(|s| s.every = every);
    }
    Ok(chosen)
}

fn chosen(look: Lookup) -> Result<Vec<Source>, SettingError> {
    const NAME: &str = "POSTURE_SOURCES";
    const EXAMPLE: &str = "-defender.vulnerabilities";
    let Some(text) = look(NAME) else { return Ok(ALL.to_vec()) };
    let entries: Vec<&str> = text.split(',').map(str::trim).filter(|e| !e.is_empty()).collect();
    let signed = entries.iter().filter(|entry| entry.starts_with(['+', '-'])).count();
    if signed != 0 && signed != entries.len() {
        return Err(wrong(NAME, "mixes names with +name and -name", EXAMPLE));
    }
    let mut chosen = if signed > 0 { ALL.to_vec() } else { Vec::new() };
    for entry in entries {
        let name = entry.trim_start_matches(['+', '-']);
        let source = Source::named(name).ok_or_else(|| unknown(NAME, name, EXAMPLE))?;
        chosen.retain(|other| other.name != source.name);
        if !entry.starts_with('-') {
            chosen.push(source);
        }
    }
    match chosen.is_empty() {
        true => Err(wrong(NAME, "leaves no source", EXAMPLE)),
        false => Ok(chosen),
    }
}

fn unknown(setting: &'static str, name: &str, example: &'static str) -> SettingError {
    let names: Vec<_> = ALL.iter().map(|source| source.name).collect();
    wrong(
        setting,
        format!("has the unknown source {name:?}, known are {}", names.join(", ")),
        example,
    )
}

fn pairs(
    name: &'static str,
    look: Lookup,
    example: &'static str,
) -> Result<Vec<(&'static str, String)>, SettingError> {
    let text = look(name).unwrap_or_default();
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let (source, value) = entry
                .split_once('=')
                .ok_or_else(|| wrong(name, "has an entry without =", example))?;
            let found = Source::named(source.trim());
            let source = found.ok_or_else(|| unknown(name, source.trim(), example))?;
            Ok((source.name, value.trim().to_owned()))
        })
        .collect()
}

fn seconds(
    name: &'static str,
    look: Lookup,
    default: u64,
    least: u64,
    most: u64,
) -> Result<Duration, SettingError> {
    let Some(text) = look(name) else { return Ok(Duration::from_secs(default)) };
    match text.parse() {
        Ok(seconds) if (least..=most).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => {
            let example = if default == 30 { "30" } else { "540" };
            Err(wrong(name, format!("is {text:?}, expected {least} to {most} seconds"), example))
        }
    }
}

#[cfg(test)]
mod tests;
