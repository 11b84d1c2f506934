//! The settings of one tenant: of the environment where there is one, else of each in `tenants.json`
//! over those of the environment.

use super::actions;
use super::values::{Lookup, azure, callers, cloud, formats, guid, rules, sources};
use super::{Ground, Notice, SettingError, identity};
use crate::action::Policy;
use crate::cloud::{Cloud, Identity};
use crate::findings::Formats;
use crate::source::Source;
use crate::tenant::{Caller, Scope};
use azure_core::http::Url;

/// What is collected of one organisation, as whom, and where it goes.
#[derive(Clone, Debug)]
pub struct TenantSettings {
    /// `POSTURE_TENANT_ID`: the tenant that is collected, a GUID. Required without `POSTURE_TENANTS`.
    pub id: String,
    /// `POSTURE_TENANT_NAME`: its name for people. Default: the id.
    pub name: String,
    /// Whether it is collected; what is kept stays either way.
    pub enabled: bool,
    /// `POSTURE_CLOUD`: `public`, `gcc`, `gcc-high`, `dod` or `china`. Default `public`.
    pub cloud: &'static Cloud,
    /// `POSTURE_CREDENTIAL`: `managed-identity` (default where the platform has one), `azure-cli`
    /// (default elsewhere), or an application's, with `POSTURE_CLIENT_ID`: `client-secret`
    /// (`POSTURE_CLIENT_SECRET`), `client-certificate` (`POSTURE_CLIENT_CERTIFICATE` with
    /// `POSTURE_CLIENT_CERTIFICATE_PASSWORD`, or `POSTURE_CLIENT_KEY`: the address of a key in Key
    /// Vault), `federated-identity` (the token of the identity in `AZURE_CLIENT_ID`),
    /// `refresh-token` (`POSTURE_REFRESH_TOKEN` beside one of these). A value is the thing itself,
    /// `@vault:<address of a secret>` or `file:///<path>`.
    pub identity: Identity,
    /// `POSTURE_SOURCES`: a list of sources, or `+name` and `-name` against the default; with
    /// `POSTURE_SEND` (`<source>=default|all|none`) and `POSTURE_CADENCE` (`<source>=PT4H`).
    pub sources: Vec<Source>,
    /// `POSTURE_SUBSCRIPTIONS`: Azure subscriptions, GUIDs separated by commas; or
    /// `POSTURE_MANAGEMENT_GROUP`: a management group's name. Default all that the identity may read.
    pub azure: Scope,
    /// `POSTURE_LOGS_RULES`: the addresses of the collection rules, in the order of
    /// `infra/generated/tables.json`: `dcr-…` (at `POSTURE_LOGS_URL`) or `https://<endpoint>/dcr-…`.
    /// Default none: records are kept and not sent.
    pub rules: Vec<Url>,
    /// As whom rows are sent to a workspace of the tenant's own; the app itself where absent.
    pub sender: Option<Identity>,
    /// `POSTURE_CALLERS`: identities that may ask for this tenant, `<tenant id>/<object id>` separated
    /// by commas. Default none.
    pub callers: Vec<Caller>,
    /// `POSTURE_ACTION_CALLERS`: identities that may ask for response actions here, written as those of
    /// `POSTURE_CALLERS`. Default none.
    pub action_callers: Vec<Caller>,
    /// Which alerts are told to whom; only a tenant of a file has some.
    pub notices: Vec<Notice>,
    /// `POSTURE_OCSF`: `off`, or the OCSF classes that snapshots are written in too, of 2002, 2003, 2004 and
    /// 5001, separated by commas. Default `off`. `POSTURE_PARQUET`: `on` writes all of them as Parquet
    /// too. Default `off`.
    pub formats: Formats,
    /// `POSTURE_ACTIONS`: `off`, or which response actions are possible, of `isolate`, `release`, `scan` and
    /// `control-profile`. Default `off`. `POSTURE_ACTION_DENY`: devices that no action touches, of
    /// `tag:<tag>`, `group:<name>`, `name:<pattern>`, `role:domain-controller` and `criticality:<level>`,
    /// or `none`. Default `role:domain-controller,criticality:very-high`. `POSTURE_ACTION_CAPS`: how many
    /// an hour, 0 to 1000. Default `isolate=5,release=20,scan=50,control-profile=20`.
    pub actions: Policy,
    /// As whom response actions are carried out, see `POSTURE_ACTION_CLIENT_ID`; or why nobody does.
    pub acting: Result<Identity, String>,
}

impl TenantSettings {
    /// Reads one tenant's settings by `look`.
    ///
    /// # Errors
    ///
    /// The first setting that is missing or wrong.
    pub(super) fn read(look: Lookup, ground: Ground) -> Result<TenantSettings, SettingError> {
        let id = guid("POSTURE_TENANT_ID", look("POSTURE_TENANT_ID"))?;
        let identity = identity(look, ground, &id)?;
        Ok(TenantSettings {
            actions: actions::policy(look)?,
            acting: actions::at_home(look, &identity),
            name: look("POSTURE_TENANT_NAME").unwrap_or_else(|| id.clone()),
            enabled: true,
            cloud: cloud(look)?,
            identity,
            sources: sources(look)?,
            azure: azure(look)?,
            rules: rules(look)?,
            sender: None,
            callers: callers("POSTURE_CALLERS", look)?,
            notices: Vec::new(),
            action_callers: callers("POSTURE_ACTION_CALLERS", look)?,
            formats: formats(look)?,
            id,
        })
    }
}
