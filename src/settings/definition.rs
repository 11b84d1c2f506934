//! What `tenants.json` says of a tenant, field by field; its JSON Schema follows from here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One customer tenant: whom to collect for, as whom, what, and where to.
///
/// What a tenant doesn't say, the deployment's own settings say for it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Definition {
    /// The tenant's id, a GUID.
    #[schemars(regex(
        pattern = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
    ))]
    pub id: String,
    /// Its name for people. Default: the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// False: nothing is collected, what is kept stays.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub enabled: bool,
    /// Its cloud. Default: the deployment's `POSTURE_CLOUD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<CloudName>,
    /// As whom its APIs are asked. Default: the deployment's credential, at this tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
    /// `"all"`, a list of sources, or a list of `+name` and `-name` against the default. Default: as
    /// the deployment's `POSTURE_SOURCES`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Chosen>,
    /// Intervals by source, as ISO 8601 durations. Default: as `POSTURE_CADENCE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cadence: Option<BTreeMap<String, String>>,
    /// What goes to the workspace by source: `default`, `all` or `none`. Default: as `POSTURE_SEND`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<BTreeMap<String, Sending>>,
    /// Azure subscriptions by id. Default: all that the identity may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriptions: Option<Vec<String>>,
    /// A management group's name, instead of `subscriptions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_group: Option<String>,
    /// Where its rows go; null: nowhere, they are kept only. Default: the deployment's workspace.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schemars(with = "Option<Workspace>")]
    pub workspace: Option<Option<Workspace>>,
    /// Identities that may ask for this tenant, and for no other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<CallerId>,
    /// Which alerts are told to whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// OCSF class numbers of the findings to write; empty: none. Default: as `POSTURE_OCSF`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ocsf: Option<BTreeSet<OcsfClass>>,
    /// Whether snapshots are written as Parquet too. Default: as `POSTURE_PARQUET`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parquet: Option<bool>,
    /// As whom response actions are carried out here: a registration apart from the collecting one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_credential: Option<Credential>,
    /// Which response actions are possible here, of those that `POSTURE_ACTIONS` names. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Actions>,
}

/// A Microsoft cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum CloudName {
    Public,
    Gcc,
    GccHigh,
    Dod,
    China,
}

/// A credential; what it needs depends on its kind. Secrets are references to Key Vault, never values.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credential {
    /// As `POSTURE_CREDENTIAL`.
    pub kind: CredentialKind,
    /// The application's client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `@vault:<secret-uri>` of the client secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^@vault:"))]
    pub client_secret: Option<String>,
    /// `@vault:<secret-uri>` of the certificate with its key; with `clientKey` the certificate alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// `@vault:<secret-uri>` of the certificate's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^@vault:"))]
    pub client_certificate_password: Option<String>,
    /// URI of the Key Vault key that signs, where the certificate's key stays there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    /// `@vault:<secret-uri>` of the refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^@vault:"))]
    pub refresh_token: Option<String>,
}

/// Kinds of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are those of POSTURE_CREDENTIAL")]
pub enum CredentialKind {
    ManagedIdentity,
    ClientSecret,
    ClientCertificate,
    FederatedIdentity,
    RefreshToken,
    AzureCli,
}

/// Which sources.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Chosen {
    /// Every source of the catalogue.
    All(All),
    /// Names, or `+name` and `-name` against the default.
    Named(Vec<String>),
}

/// The word `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum All {
    /// Every source.
    All,
}

/// What of a source goes to the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sending {
    /// As the catalogue says.
    Default,
    /// All rows.
    All,
    /// No row.
    None,
}

/// A workspace of the tenant's own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workspace {
    /// The ingestion endpoint, `https://….ingest.monitor.azure.com`.
    pub endpoint: String,
    /// Immutable ids of the collection rules, in the order of `infra/generated/tables.json`.
    #[schemars(length(min = 1))]
    pub rules: Vec<String>,
    /// As whom rows are sent: a rule of the customer's needs a token of the customer's tenant. Default:
    /// the app itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
}

/// An identity that may ask.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallerId {
    /// Id of the tenant that it signs in to.
    pub tenant: String,
    /// Its object id there.
    pub object: String,
}

/// Alerts that are told to people.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notice {
    /// Severities to tell.
    #[schemars(length(min = 1))]
    pub severity: BTreeSet<Severity>,
    /// Only alerts of devices in these groups; empty: of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device_groups: Vec<String>,
    /// Mail addresses, or links to Teams channels as Teams gives them.
    #[schemars(length(min = 1))]
    pub recipients: Vec<String>,
    /// How.
    pub channel: Channel,
}

/// An alert's severity, as Microsoft Graph spells it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the field's")]
pub enum Severity {
    Informational,
    Low,
    Medium,
    High,
}

impl Severity {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Informational => "informational",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
        }
    }
}

/// How a notice goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Channel {
    Mail,
    Teams,
}

/// An OCSF class that findings are written in.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(with = "u32", extend("enum" = [2002, 2003, 2004, 5001]))]
pub struct OcsfClass(u32);

impl OcsfClass {
    /// Every one.
    pub const ALL: [OcsfClass; 4] =
        [OcsfClass(2002), OcsfClass(2003), OcsfClass(2004), OcsfClass(5001)];
}

impl TryFrom<u32> for OcsfClass {
    type Error = String;

    fn try_from(class: u32) -> Result<OcsfClass, String> {
        match class {
            2002 | 2003 | 2004 | 5001 => Ok(OcsfClass(class)),
            _ => Err(format!(
                "{class} is no class that findings are written in, expected 2002, 2003, 2004 or 5001"
            )),
        }
    }
}

impl From<OcsfClass> for u32 {
    fn from(class: OcsfClass) -> u32 {
        class.0
    }
}

/// Response actions of a tenant and their guards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Actions {
    /// What is possible.
    #[serde(default)]
    pub allowed: BTreeSet<Action>,
    /// Devices that no action touches, as in `POSTURE_ACTION_DENY`, beside those that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
    /// How many an hour, by action; instead of those of `POSTURE_ACTION_CAPS`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub caps: BTreeMap<Action, u32>,
    /// Identities that may ask for actions here, without a key. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<CallerId>,
}

/// A response action.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are those of POSTURE_ACTIONS")]
pub enum Action {
    Isolate,
    Release,
    Scan,
    ControlProfile,
}

impl Action {
    /// Every one.
    pub const ALL: [Action; 4] =
        [Action::Isolate, Action::Release, Action::Scan, Action::ControlProfile];

    /// Its name, as settings and answers spell it.
    pub fn name(self) -> &'static str {
        match self {
            Action::Isolate => "isolate",
            Action::Release => "release",
            Action::Scan => "scan",
            Action::ControlProfile => "control-profile",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.name().eq_ignore_ascii_case(name))
    }
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

/// A field that is there, null or not: serde takes null for absent by itself.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
