//! `tenants.json`: many tenants, each a set of settings over those of the deployment.

use super::values::{Lookup, wrong};
use super::{
    Chosen, Credential, Definition, Ground, Platform, SettingError, TenantSettings, Workspace,
};
use super::{actions, checks};
use crate::cloud::{Cloud, Identity};
use crate::tenant::guid;
use azure_core::http::Url;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use std::collections::{BTreeMap, HashSet};
use std::fmt;

/// Largest `tenants.json`, in bytes: some ten thousand tenants.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Problems told at once: enough to work on, short enough to read.
const MAX_PROBLEMS: usize = 20;

/// Settings that a tenant of the file may leave to the deployment.
const SHARED: [&str; 24] = [
    "POSTURE_CLOUD",
    "POSTURE_CREDENTIAL",
    "POSTURE_CLIENT_ID",
    "POSTURE_CLIENT_SECRET",
    "POSTURE_CLIENT_CERTIFICATE",
    "POSTURE_CLIENT_CERTIFICATE_PASSWORD",
    "POSTURE_CLIENT_KEY",
    "POSTURE_REFRESH_TOKEN",
    "AZURE_CLIENT_ID",
    "POSTURE_VAULT_URL",
    "POSTURE_SOURCES",
    "POSTURE_SEND",
    "POSTURE_CADENCE",
    "POSTURE_LOGS_URL",
    "POSTURE_LOGS_RULES",
    "POSTURE_ENTRA_URL",
    "POSTURE_CALLERS",
    "POSTURE_ACTION_CALLERS",
    "POSTURE_OCSF",
    "POSTURE_PARQUET",
    "POSTURE_ACTIONS",
    "POSTURE_ACTION_DENY",
    "POSTURE_ACTION_CAPS",
    "POSTURE_ACTION_CLIENT_ID",
];

/// Where a field of the file becomes a setting.
const FIELDS: [(&str, &str); 15] = [
    ("POSTURE_TENANT_ID", "id"),
    ("POSTURE_TENANT_NAME", "name"),
    ("POSTURE_CLOUD", "cloud"),
    ("POSTURE_CREDENTIAL", "credential.kind"),
    ("POSTURE_CLIENT_ID", "credential.clientId"),
    ("POSTURE_CLIENT_SECRET", "credential.clientSecret"),
    ("POSTURE_CLIENT_CERTIFICATE", "credential.clientCertificate"),
    ("POSTURE_CLIENT_CERTIFICATE_PASSWORD", "credential.clientCertificatePassword"),
    ("POSTURE_CLIENT_KEY", "credential.clientKey"),
    ("POSTURE_REFRESH_TOKEN", "credential.refreshToken"),
    ("POSTURE_SOURCES", "sources"),
    ("POSTURE_SEND", "send"),
    ("POSTURE_CADENCE", "cadence"),
    ("POSTURE_SUBSCRIPTIONS", "subscriptions"),
    ("POSTURE_MANAGEMENT_GROUP", "managementGroup"),
];

/// The deployment's settings that its tenants have in common, kept for when the file is read again.
#[derive(Clone)]
pub struct Shared {
    values: BTreeMap<&'static str, String>,
    platform: Platform,
    cloud: &'static Cloud,
    vault: Option<Url>,
    /// The addresses of the deployment's own collection rules, for tenants without a workspace of
    /// their own.
    pub rules: Vec<Url>,
}

// Some of the values are secrets.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// A `tenants.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    #[serde(rename = "$schema", default)]
    _schema: Option<Value>,
    #[serde(borrow)]
    tenants: Vec<&'a RawValue>,
}

/// As [`File`], for its schema.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "tenants.json")]
#[expect(dead_code, reason = "only its schema is made")]
struct FileShape {
    /// The address of this schema.
    #[schemars(rename = "$schema")]
    schema: Option<String>,
    /// The tenants, each once.
    #[schemars(length(min = 1))]
    tenants: Vec<Definition>,
}

/// The JSON Schema of `tenants.json`, draft 2020-12.
pub fn schema() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<FileShape>().into()
}

impl Shared {
    pub(super) fn read(look: Lookup, ground: Ground) -> Result<Shared, SettingError> {
        let value = |name: &&'static str| Some((*name, look(name)?));
        let values: BTreeMap<_, _> = SHARED.iter().filter_map(value).collect();
        let mut shared = Shared {
            values,
            platform: ground.platform.clone(),
            cloud: ground.cloud,
            vault: ground.vault.cloned(),
            rules: Vec::new(),
        };
        // What is wrong for every tenant is said at the start, not when the file is read.
        let example = |name: &str| match name {
            "POSTURE_TENANT_ID" => Some("11111111-2222-3333-4444-555555555555".to_owned()),
            _ => shared.value(name),
        };
        let common = TenantSettings::read(&example, ground)?;
        shared.rules = common.rules;
        for (name, own) in
            [("POSTURE_CALLERS", "`callers`"), ("POSTURE_ACTION_CALLERS", "`actions.callers`")]
        {
            if shared.values.contains_key(name) {
                let problem = format!(
                    "is set beside POSTURE_TENANTS: each tenant of the file has its own {own}"
                );
                return Err(wrong(name, problem, ""));
            }
        }
        Ok(shared)
    }

    fn ground(&self) -> Ground<'_> {
        Ground { platform: &self.platform, cloud: self.cloud, vault: self.vault.as_ref() }
    }

    fn value(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    /// The tenants of a file's content: the definition of each and what follows from it.
    ///
    /// # Errors
    ///
    /// Each problem in a line that names the tenant, the field and the fix; never a secret.
    pub fn tenants(
        &self,
        content: &[u8],
    ) -> Result<Vec<(Definition, TenantSettings)>, Vec<String>> {
        let (mut tenants, mut problems, mut ids) = (Vec::new(), Vec::new(), HashSet::new());
        for (index, raw) in entries(content).map_err(|problem| vec![problem])?.iter().enumerate() {
            match self.tenant(raw) {
                Ok((_, settings)) if !ids.insert(settings.id.clone()) => {
                    problems.push(format!(
                        "{}, field id: stands there twice, remove one of the two",
                        label(raw, index)
                    ));
                }
                Ok(tenant) => tenants.push(tenant),
                Err(problem) => problems.push(format!("{}, {problem}", label(raw, index))),
            }
        }
        if problems.is_empty() {
            return Ok(tenants);
        }
        let more = problems.len().saturating_sub(MAX_PROBLEMS);
        problems.truncate(MAX_PROBLEMS);
        problems.extend((more > 0).then(|| format!("and {more} tenants more")));
        Err(problems)
    }

    fn tenant(&self, raw: &RawValue) -> Result<(Definition, TenantSettings), String> {
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        let definition: Definition =
            serde_path_to_error::deserialize(&mut reader).map_err(|error| {
                let field = error.path().to_string();
                let field = if field == "." { String::new() } else { format!("field {field}: ") };
                format!("{field}{}", without_place(error.inner()))
            })?;
        checks::no_secrets(&definition)?;
        let look = |name: &str| self.look(&definition, name);
        let mut settings = TenantSettings::read(&look, self.ground()).map_err(in_file)?;
        settings.enabled = definition.enabled;
        settings.callers = checks::callers("callers", &definition.callers)?;
        if let Some(actions) = &definition.actions {
            settings.action_callers = checks::callers("actions.callers", &actions.callers)?;
        }
        if let Some(Some(workspace)) = &definition.workspace {
            settings.sender = self.sender(&definition, workspace)?;
        }
        checks::notices(&definition)?;
        settings.notices.clone_from(&definition.notices);
        settings.actions = actions::of_file(settings.actions, definition.actions.as_ref())?;
        if let Some(credential) = &definition.action_credential {
            settings.acting = self.acting(&definition, credential, &settings)?;
        }
        Ok((definition, settings))
    }

    /// A tenant's setting: what the file says of it, else what the deployment says.
    fn look(&self, tenant: &Definition, name: &str) -> Option<String> {
        let pairs = |map: &BTreeMap<String, String>| {
            let pairs = map.iter().map(|(source, value)| format!("{source}={value}"));
            pairs.collect::<Vec<_>>().join(",")
        };
        let own = match name {
            "POSTURE_TENANT_ID" => return Some(tenant.id.clone()),
            "POSTURE_TENANT_NAME" => return tenant.name.clone(),
            "POSTURE_SUBSCRIPTIONS" => {
                return tenant.subscriptions.as_ref().map(|ids| ids.join(","));
            }
            "POSTURE_MANAGEMENT_GROUP" => return tenant.management_group.clone(),
            "POSTURE_CALLERS" | "POSTURE_ACTION_CALLERS" => return None,
            "POSTURE_CLOUD" => tenant.cloud.as_ref().map(word),
            "POSTURE_SOURCES" => tenant.sources.as_ref().map(|chosen| match chosen {
                Chosen::All(_) => "all".to_owned(),
                // An empty list is told apart from none, and refused.
                Chosen::Named(names) if names.is_empty() => ",".to_owned(),
                Chosen::Named(names) => names.join(","),
            }),
            "POSTURE_CADENCE" => tenant.cadence.as_ref().map(pairs),
            "POSTURE_SEND" => tenant.send.as_ref().map(|send| {
                let words = send.iter().map(|(source, send)| (source.clone(), word(send)));
                pairs(&words.collect())
            }),
            "POSTURE_OCSF" => tenant.ocsf.as_ref().map(|classes| {
                let classes = classes.iter().map(|class| u32::from(*class).to_string());
                let classes = classes.collect::<Vec<_>>().join(",");
                if classes.is_empty() { "off".to_owned() } else { classes }
            }),
            "POSTURE_PARQUET" => {
                tenant.parquet.map(|parquet| if parquet { "on" } else { "off" }.to_owned())
            }
            "POSTURE_LOGS_URL" | "POSTURE_LOGS_RULES" => match &tenant.workspace {
                Some(None) => return None,
                Some(Some(workspace)) if name == "POSTURE_LOGS_URL" => {
                    return Some(workspace.endpoint.clone());
                }
                Some(Some(workspace)) => return Some(workspace.rules.join(",")),
                None => None,
            },
            // A credential of its own stands alone: the deployment's secret is another application's.
            _ => match tenant.credential.as_ref().and_then(|own| of_credential(own, name)) {
                Some(value) => return value,
                None => None,
            },
        };
        own.or_else(|| self.value(name))
    }

    fn identity(
        &self,
        tenant: &Definition,
        credential: &Credential,
    ) -> Result<TenantSettings, SettingError> {
        let look = |name: &str| match of_credential(credential, name) {
            Some(value) => value,
            None => self.look(tenant, name),
        };
        TenantSettings::read(&look, self.ground())
    }

    /// Who carries out actions by a credential of the tenant's own for that, or why nobody does.
    fn acting(
        &self,
        tenant: &Definition,
        credential: &Credential,
        settings: &TenantSettings,
    ) -> Result<Result<Identity, String>, String> {
        let look = |name: &str| match of_credential(credential, name) {
            Some(value) => value,
            None => self.look(tenant, name),
        };
        let acting = actions::apart(&look, self.ground(), &settings.id, &settings.identity);
        acting.map_err(|error| in_block(error, "actionCredential"))
    }

    fn sender(
        &self,
        tenant: &Definition,
        workspace: &Workspace,
    ) -> Result<Option<Identity>, String> {
        let Some(credential) = &workspace.credential else { return Ok(None) };
        let settings = self.identity(tenant, credential);
        settings
            .map(|settings| Some(settings.identity))
            .map_err(|error| in_block(error, "workspace.credential"))
    }
}

fn entries(content: &[u8]) -> Result<Vec<&RawValue>, String> {
    if content.len() > MAX_BYTES {
        return Err(format!("it has {} bytes, expected {MAX_BYTES} at most", content.len()));
    }
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let file: File = serde_json::from_slice(content).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("line {line}, column {column}: {}", without_place(&error))
    })?;
    match file.tenants.is_empty() {
        true => Err("field tenants: it names no tenant, expected one or more".to_owned()),
        false => Ok(file.tenants),
    }
}

/// The parser's words without the place, which is within one tenant and would mislead, and without a
/// text of the wrong type, which may be a secret in the wrong place.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    match text.strip_prefix("invalid type: string ").and_then(|rest| rest.rsplit_once(", expected"))
    {
        Some((_, expected)) => format!("invalid type: text, expected{expected}"),
        None => text.to_owned(),
    }
}

/// A tenant for people, from what can be read of it.
fn label(raw: &RawValue, index: usize) -> String {
    let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
    let id = value["id"].as_str().filter(|id| guid(id).is_some());
    match (value["name"].as_str(), id) {
        (Some(name), Some(id)) => format!("tenant {name:?} ({id})"),
        (Some(name), None) => format!("tenant {name:?} (number {})", index + 1),
        (None, Some(id)) => format!("tenant {id}"),
        (None, None) => format!("tenant number {}", index + 1),
    }
}

fn in_file(error: SettingError) -> String {
    let field = FIELDS.iter().find(|(setting, _)| *setting == error.name);
    let field = field.map_or_else(|| workspace_field(error.name), |(_, field)| field);
    format!("field {field}: {}", error.problem)
}

fn workspace_field(setting: &'static str) -> &'static str {
    match setting {
        "POSTURE_LOGS_URL" => "workspace.endpoint",
        "POSTURE_LOGS_RULES" => "workspace.rules",
        other => other,
    }
}

fn in_block(error: SettingError, block: &str) -> String {
    in_file(error).replacen("field credential", &format!("field {block}"), 1)
}

/// A credential's field by the setting's name; nothing where the name isn't a credential's.
fn of_credential(own: &Credential, name: &str) -> Option<Option<String>> {
    Some(match name {
        "POSTURE_CREDENTIAL" => Some(word(&own.kind)),
        "POSTURE_CLIENT_ID" => own.client_id.clone(),
        "POSTURE_CLIENT_SECRET" => own.client_secret.clone(),
        "POSTURE_CLIENT_CERTIFICATE" => own.client_certificate.clone(),
        "POSTURE_CLIENT_CERTIFICATE_PASSWORD" => own.client_certificate_password.clone(),
        "POSTURE_CLIENT_KEY" => own.client_key.clone(),
        "POSTURE_REFRESH_TOKEN" => own.refresh_token.clone(),
        _ => return None,
    })
}

/// A word of the file as the settings spell it, which is the same.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
