//! What is known of an incident's entities, as it is answered.

use super::entities::Account;
use crate::digest::lenient;
use crate::host::Candidate;
use crate::lookup::card::Card;
use crate::lookup::cve::About;
use crate::lookup::gap::MissingPart;
use crate::lookup::level::Level;
use crate::lookup::machine::Device;
use crate::schema;
use crate::summary;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What is known of an incident's entities.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IncidentContext {
    /// In whose tenant.
    pub tenant: summary::Tenant,
    /// When the answer was made.
    #[schemars(with = "schema::Timestamp")]
    pub generated: Timestamp,
    /// The incident's title.
    pub title: Option<String>,
    /// Its number.
    pub incident_number: Option<u64>,
    /// Its severity.
    pub severity: Option<String>,
    /// The highest level among its devices.
    pub level: Level,
    /// Its hosts.
    pub hosts: Vec<HostContext>,
    /// Its accounts.
    pub accounts: Vec<AccountContext>,
    /// Its addresses.
    pub addresses: Vec<AddressContext>,
    /// Its vulnerabilities.
    pub cves: Vec<CveContext>,
    /// Entities beyond ten of their kind, which aren't looked up.
    pub left_out: u64,
    /// Hosts, accounts, addresses and vulnerabilities that name nothing that can be looked up.
    pub unreadable: u64,
    /// What nobody can tell, and why.
    pub missing: Vec<MissingPart>,
}

/// A host of an incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostContext {
    /// What the incident calls it.
    pub name: String,
    /// Its device's card.
    pub card: Option<Card>,
    /// Why there is none.
    pub problem: Option<String>,
    /// The devices that it may be, where there are several.
    pub candidates: Vec<Candidate>,
}

/// An account of an incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountContext {
    /// What the incident calls it.
    pub name: String,
    /// Its object id in Entra ID.
    pub id: Option<String>,
    /// Its risk as Entra ID Protection holds it; null where it holds none.
    pub risk: Option<Risk>,
    /// The incident's devices that it has logged on to.
    pub devices: Vec<String>,
}

/// A user's risk.
///
/// <https://learn.microsoft.com/graph/api/resources/riskyuser>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Risk {
    #[serde(deserialize_with = "lenient::owned", skip_serializing)]
    #[schemars(skip)]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "lenient::owned", skip_serializing)]
    #[schemars(skip)]
    pub(super) user_principal_name: Option<String>,
    /// `low`, `medium`, `high`, ….
    #[serde(deserialize_with = "lenient::owned")]
    pub risk_level: Option<String>,
    /// `atRisk`, `confirmedCompromised`, `remediated`, `dismissed`, ….
    #[serde(deserialize_with = "lenient::owned")]
    pub risk_state: Option<String>,
    /// What was done about it last.
    #[serde(deserialize_with = "lenient::owned")]
    pub risk_detail: Option<String>,
    /// When it changed last.
    #[serde(deserialize_with = "lenient::time")]
    #[schemars(with = "Option<schema::Timestamp>")]
    pub risk_last_updated_date_time: Option<Timestamp>,
}

impl Risk {
    pub(super) fn is_of(&self, account: &Account) -> bool {
        let same = |own: &Option<String>, other: &str| {
            own.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(other))
        };
        account.id.as_ref().is_some_and(|id| same(&self.id, id))
            || same(&self.user_principal_name, &account.name)
    }
}

/// An address of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressContext {
    /// The address.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// How many devices have it: inside, or as the address that they are seen at from outside.
    pub total: u64,
    /// The first five of them.
    pub devices: Vec<Device>,
    /// Why nobody can tell.
    pub problem: Option<String>,
}

/// A vulnerability of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CveContext {
    /// Its id.
    pub id: String,
    /// What it is; null where nobody can tell.
    pub about: Option<About>,
    /// Why nobody can tell.
    pub problem: Option<String>,
    /// Its page in the portal.
    pub link: String,
}
