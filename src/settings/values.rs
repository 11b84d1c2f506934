//! How each setting's text becomes its value, and what is said where it doesn't.

use super::{OcsfClass, Platform, QueuePlace, SettingError, Storage};
use crate::cloud::{Cloud, Route};
use crate::findings::Formats;
use crate::source::{ALL, Api, Sends, Source, defaults};
use crate::tenant::{self, Caller, Scope};
use azure_core::http::Url;
use jiff::SignedDuration;
use std::path::PathBuf;
use std::time::Duration;

/// Gives a setting's text by its name; nothing for an absent one.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

pub(super) fn wrong(
    name: &'static str,
    problem: impl Into<String>,
    example: &'static str,
) -> SettingError {
    SettingError { name, problem: problem.into(), example }
}

pub(super) fn storage(look: Lookup, platform: &Platform) -> Result<Storage, SettingError> {
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

pub(super) fn container(look: Lookup) -> Result<String, SettingError> {
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

pub(super) fn queue(look: Lookup, storage: &Storage) -> Result<Option<QueuePlace>, SettingError> {
    const NAME: &str = "POSTURE_QUEUE";
    const URL: &str = "POSTURE_QUEUE_URL";
    const EXAMPLE: &str = "https://contoso.queue.core.windows.net";
    let name = look(NAME).unwrap_or_else(|| "posture-jobs".to_owned());
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    // Seven fewer than a queue's name may have: `-poison` is put behind it.
    if !(3..=56).contains(&name.len()) || !name.chars().all(plain) {
        let problem = "has other than 3 to 56 lower-case letters, digits and -";
        return Err(wrong(NAME, problem, "posture-jobs"));
    }
    let account = match look(URL) {
        // A query would be a shared access signature, which is a secret.
        Some(text) => match base(URL, &text) {
            Ok(url) if url.query().is_none() && url.username().is_empty() => Some(url),
            _ => return Err(wrong(URL, "is no https queue endpoint or Azurite address", EXAMPLE)),
        },
        None => match storage {
            Storage::Azure(blob) => queue_beside(blob),
            Storage::Folder(_) => None,
        },
    };
    Ok(account.map(|account| QueuePlace { account, name }))
}

/// The queue endpoint of the account that has this blob endpoint: Azure's and Azurite's usual ones.
fn queue_beside(blob: &Url) -> Option<Url> {
    let mut url = blob.clone();
    if is_loopback(blob) {
        let is_usual = blob.port() == Some(10_000);
        return (is_usual && url.set_port(Some(10_001)).is_ok()).then_some(url);
    }
    let (account, rest) = blob.host_str()?.split_once(".blob.")?;
    url.set_host(Some(&format!("{account}.queue.{rest}"))).ok()?;
    Some(url)
}

pub(super) fn guid(name: &'static str, value: Option<String>) -> Result<String, SettingError> {
    const EXAMPLE: &str = "11111111-2222-3333-4444-555555555555";
    let text = value.ok_or_else(|| wrong(name, "is missing", EXAMPLE))?;
    tenant::guid(&text).ok_or_else(|| wrong(name, "is no GUID", EXAMPLE))
}

pub(super) fn cloud(look: Lookup) -> Result<&'static Cloud, SettingError> {
    const NAME: &str = "POSTURE_CLOUD";
    let name = look(NAME).unwrap_or_else(|| "public".to_owned());
    Cloud::named(&name).ok_or_else(|| {
        wrong(NAME, format!("is {name:?}, expected public, gcc, gcc-high, dod or china"), "public")
    })
}

pub(super) fn is_loopback(url: &Url) -> bool {
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

pub(super) fn routes(look: Lookup, cloud: &Cloud) -> Result<Vec<Route>, SettingError> {
    let vaults = cloud.vaults();
    let origins = [
        ("POSTURE_ENTRA_URL", cloud.sign_in),
        ("POSTURE_GRAPH_URL", cloud.origin(Api::Graph)),
        ("POSTURE_DEFENDER_URL", cloud.origin(Api::Defender)),
        ("POSTURE_ARM_URL", cloud.origin(Api::Arm)),
        ("POSTURE_VAULT_URL", vaults.as_str()),
        ("POSTURE_KEV_URL", cloud.feeds.kev),
        ("POSTURE_KEV_MIRROR_URL", cloud.feeds.kev_mirror),
        ("POSTURE_EPSS_URL", cloud.feeds.epss),
        ("POSTURE_NVD_URL", cloud.feeds.nvd),
    ];
    let mut routes = Vec::new();
    for (name, origin) in origins {
        let Some(text) = look(name).filter(|_| !origin.is_empty()) else { continue };
        let region = cloud.defender_in(&text).filter(|_| name == "POSTURE_DEFENDER_URL");
        routes.push(Route::new(origin, base(name, region.as_deref().unwrap_or(&text))?));
    }
    Ok(routes)
}

pub(super) fn azure(look: Lookup) -> Result<Scope, SettingError> {
    const IDS: &str = "POSTURE_SUBSCRIPTIONS";
    const GROUP: &str = "POSTURE_MANAGEMENT_GROUP";
    match (look(IDS), look(GROUP)) {
        (None, None) => Ok(Scope::default()),
        (Some(_), Some(_)) => {
            Err(wrong(GROUP, format!("is set beside {IDS}: choose one"), "contoso-landing-zones"))
        }
        (Some(ids), None) => {
            let ids = ids.split(',').map(str::trim).filter(|id| !id.is_empty());
            let ids: Result<Vec<_>, _> = ids.map(|id| guid(IDS, Some(id.to_owned()))).collect();
            Ok(Scope::subscriptions(ids?))
        }
        (None, Some(name)) => {
            // Letters, digits and - _ . ( ) are what Azure takes, 90 of them at most.
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_.()".contains(c);
            match name.len() <= 90 && name.chars().all(fits) {
                true => Ok(Scope::group(name)),
                false => {
                    Err(wrong(GROUP, "is no management group's name", "contoso-landing-zones"))
                }
            }
        }
    }
}

pub(super) fn rules(look: Lookup) -> Result<Vec<Url>, SettingError> {
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

/// What is read once for all; empty where it is off.
pub(super) fn cve(look: Lookup) -> Result<Vec<Source>, SettingError> {
    const NAME: &str = "POSTURE_CVE";
    match look(NAME).as_deref() {
        None | Some("on") => {
            adjusted(look, ALL.iter().copied().filter(Source::is_shared).collect())
        }
        Some("off") => Ok(Vec::new()),
        Some(other) => Err(wrong(NAME, format!("is {other}, expected on or off"), "off")),
    }
}

pub(super) fn sources(look: Lookup) -> Result<Vec<Source>, SettingError> {
    adjusted(look, chosen(look)?)
}

/// These sources with the deployment's own intervals and sending rules.
fn adjusted(look: Lookup, mut chosen: Vec<Source>) -> Result<Vec<Source>, SettingError> {
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
    let Some(text) = look(NAME) else { return Ok(defaults()) };
    if text.eq_ignore_ascii_case("all") {
        return Ok(ALL.iter().copied().filter(|source| !source.is_shared()).collect());
    }
    let entries: Vec<&str> = text.split(',').map(str::trim).filter(|e| !e.is_empty()).collect();
    let signed = entries.iter().filter(|entry| entry.starts_with(['+', '-'])).count();
    if signed != 0 && signed != entries.len() {
        return Err(wrong(NAME, "mixes names with +name and -name", EXAMPLE));
    }
    let mut chosen = if signed > 0 { defaults() } else { Vec::new() };
    for entry in entries {
        let name = entry.trim_start_matches(['+', '-']);
        let source = Source::named(name).ok_or_else(|| unknown(NAME, name, EXAMPLE))?;
        if source.is_shared() {
            let problem =
                format!("names {}, which POSTURE_CVE turns on and off for all", source.name);
            return Err(wrong(NAME, problem, EXAMPLE));
        }
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

/// The identities that the setting `name` allows.
pub(super) fn callers(name: &'static str, look: Lookup) -> Result<Vec<Caller>, SettingError> {
    const EXAMPLE: &str =
        "11111111-2222-3333-4444-555555555555/99999999-2222-3333-4444-555555555555";
    let text = look(name).unwrap_or_default();
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(|entry| entry.parse().map_err(|problem| wrong(name, problem, EXAMPLE))).collect()
}

pub(super) fn formats(look: Lookup) -> Result<Formats, SettingError> {
    const OCSF: &str = "POSTURE_OCSF";
    let text = look(OCSF).filter(|text| !text.eq_ignore_ascii_case("off")).unwrap_or_default();
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let class = |entry: &str| {
        let class = entry.parse::<u32>().ok().and_then(|class| OcsfClass::try_from(class).ok());
        let expected = "expected off or some of 2002, 2003, 2004 and 5001";
        class.ok_or_else(|| wrong(OCSF, format!("has {entry:?}, {expected}"), "2002,2003"))
    };
    const PARQUET: &str = "POSTURE_PARQUET";
    let parquet = match look(PARQUET).as_deref() {
        None | Some("off") => false,
        Some("on") => true,
        Some(other) => {
            return Err(wrong(PARQUET, format!("is {other}, expected on or off"), "off"));
        }
    };
    Ok(Formats { ocsf: entries.map(class).collect::<Result<_, _>>()?, parquet })
}

pub(super) fn seconds(
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
