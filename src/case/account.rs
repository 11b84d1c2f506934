//! What a case's records come to: a timeline, severities, and who and what is in them.

use super::CaseError;
use crate::ledger::Ledger;
use crate::part;
use crate::source::{ALERTS, INCIDENTS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use super::Manifest;

/// Different devices, accounts and addresses that are told apart; those beyond count as one.
const MOST_NAMES: usize = 5_000;
/// Those that are listed of each.
const MOST_LISTED: usize = 50;

/// What the records of a case come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Alerts and incidents by the day on which they were created, in UTC.
    pub timeline: BTreeMap<String, Day>,
    /// Alerts by severity, as the service spells it.
    pub alerts_by_severity: BTreeMap<String, u64>,
    /// The devices in the most alerts, 50 at most.
    pub devices: Vec<Named>,
    /// The accounts in the most alerts, 50 at most.
    pub accounts: Vec<Named>,
    /// The addresses in the most alerts, 50 at most.
    pub addresses: Vec<Named>,
}

/// A day of a timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Day {
    /// Alerts created on it.
    pub alerts: u64,
    /// Incidents created on it.
    pub incidents: u64,
}

/// Something that alerts name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Named {
    /// Its name, id or address.
    pub name: String,
    /// Alerts that name it.
    pub alerts: u64,
}

/// What a fold keeps while it reads.
#[derive(Default)]
struct Fold {
    account: Account,
    devices: BTreeMap<String, u64>,
    accounts: BTreeMap<String, u64>,
    addresses: BTreeMap<String, u64>,
}

/// What the records of a case come to, read part by part; `ledger` is the case's own.
///
/// # Errors
///
/// Where the ledger can't be read.
pub async fn account(ledger: &dyn Ledger, manifest: &Manifest) -> Result<Account, CaseError> {
    let mut fold = Fold::default();
    for source in &manifest.sources {
        let is_alerts = source.source == ALERTS.name;
        if !is_alerts && source.source != INCIDENTS.name {
            continue;
        }
        for part in &source.parts {
            let Some((kept, _)) = ledger.read(&part.path).await? else { continue };
            let Ok((text, _)) = part::open(&kept) else { continue };
            let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
            lines.for_each(|record| fold.add(is_alerts, &record));
        }
    }
    Ok(fold.ended())
}

impl Fold {
    fn add(&mut self, is_alert: bool, record: &Record) {
        let created = record.created_date_time.as_deref().and_then(|text| text.get(..10));
        let day = self.account.timeline.entry(created.unwrap_or("unknown").to_owned()).or_default();
        if !is_alert {
            day.incidents += 1;
            return;
        }
        day.alerts += 1;
        let severity = record.severity.as_deref().unwrap_or("unknown").to_owned();
        count(&mut self.account.alerts_by_severity, severity);
        let mut seen: Vec<(u8, String)> =
            record.evidence.iter().filter_map(|evidence| evidence.named()).collect();
        seen.sort();
        seen.dedup();
        for (kind, name) in seen {
            let names = match kind {
                0 => &mut self.devices,
                1 => &mut self.accounts,
                _ => &mut self.addresses,
            };
            count(names, name);
        }
    }

    fn ended(self) -> Account {
        let Fold { account, devices, accounts, addresses } = self;
        Account {
            devices: most(devices),
            accounts: most(accounts),
            addresses: most(addresses),
            ..account
        }
    }
}

fn count(names: &mut BTreeMap<String, u64>, name: String) {
    let is_kept = names.len() < MOST_NAMES || names.contains_key(&name);
    *names.entry(if is_kept { name } else { "others".to_owned() }).or_default() += 1;
}

fn most(names: BTreeMap<String, u64>) -> Vec<Named> {
    let mut all: Vec<_> = names.into_iter().map(|(name, alerts)| Named { name, alerts }).collect();
    all.sort_by(|one, other| other.alerts.cmp(&one.alerts).then(one.name.cmp(&other.name)));
    all.truncate(MOST_LISTED);
    all
}

/// Of an alert or incident.
///
/// <https://learn.microsoft.com/graph/api/resources/security-alert>
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record {
    created_date_time: Option<String>,
    severity: Option<String>,
    evidence: Vec<Evidence>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Evidence {
    #[serde(rename = "@odata.type")]
    kind: Value,
    device_dns_name: Value,
    mde_device_id: Value,
    ip_address: Value,
    user_account: Value,
}

impl Evidence {
    /// What it names, with 0 for a device, 1 for an account, 2 for an address.
    fn named(&self) -> Option<(u8, String)> {
        let text =
            |value: &Value| Some(value.as_str()?.to_lowercase()).filter(|text| !text.is_empty());
        let kind = self.kind.as_str()?.rsplit('.').next()?.to_owned();
        match kind.as_str() {
            "deviceEvidence" => text(&self.device_dns_name)
                .or_else(|| text(&self.mde_device_id))
                .map(|name| (0, name)),
            "userEvidence" => {
                let account = &self.user_account;
                let name = text(&account["userPrincipalName"]);
                name.or_else(|| text(&account["accountName"])).map(|name| (1, name))
            }
            "ipEvidence" => text(&self.ip_address).map(|name| (2, name)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_counts_once_for_each_that_it_names() {
        let evidence = r##"[
            {"@odata.type":"#microsoft.graph.security.deviceEvidence","deviceDnsName":"PC-1.example"},
            {"@odata.type":"#microsoft.graph.security.deviceEvidence","deviceDnsName":"pc-1.example"},
            {"@odata.type":"#microsoft.graph.security.userEvidence","userAccount":{"accountName":"Ana"}},
            {"@odata.type":"#microsoft.graph.security.ipEvidence","ipAddress":"10.0.0.1"},
            {"@odata.type":"#microsoft.graph.security.fileEvidence"}, {"@odata.type":7}]"##;
        let line = format!(
            r#"{{"createdDateTime":"2026-11-02T08:00:00Z","severity":"high","evidence":{evidence}}}"#
        );
        let mut fold = Fold::default();

        fold.add(true, &serde_json::from_str(&line).unwrap());
        fold.add(true, &serde_json::from_str(&line.replace("11-02", "11-03")).unwrap());
        fold.add(
            false,
            &serde_json::from_str(r#"{"createdDateTime":"2026-11-02T09:00:00Z"}"#).unwrap(),
        );
        let account = fold.ended();

        assert_eq!(account.timeline["2026-11-02"], Day { alerts: 1, incidents: 1 });
        assert_eq!(account.alerts_by_severity["high"], 2);
        assert_eq!(account.devices, [Named { name: "pc-1.example".into(), alerts: 2 }]);
        assert_eq!((account.accounts[0].alerts, account.addresses[0].alerts), (2, 2));
    }
}
