//! An incident's context: its hosts, accounts, addresses and vulnerabilities, each looked up, in one answer.

mod addresses;
mod context;
mod entities;

pub use context::{AccountContext, AddressContext, CveContext, HostContext, IncidentContext, Risk};
pub use entities::{Account, Entities, Host, Incident};

use super::Lookup;
use super::cve::About;
use super::gap::{Gap, Stop, or_missing};
use crate::digest::lenient;
use crate::host::Problem;
use crate::lookup::card::Card;
use crate::source::RISKY_USERS;
use futures::{StreamExt, stream};
use std::sync::Arc;

/// Entities that are looked up beside one another.
const AT_ONCE: usize = 3;

impl Lookup<'_> {
    /// The context of an incident's entities: live, or what of it Defender refuses out of what is kept.
    ///
    /// Never fails as a whole: what can't be told says why.
    pub async fn incident(&self, found: Entities) -> IncidentContext {
        let mut missing = Vec::new();
        let hosts = found.hosts.iter().map(|host| self.of_host(host));
        let hosts = few_at_once(hosts).await;
        let cves = few_at_once(found.cves.iter().map(|id| self.of_cve(id))).await;
        let addresses = self.of_addresses(&found.addresses).await;
        let risks = match found.accounts.is_empty() {
            true => Vec::new(),
            false => {
                let risks = self.risks(&found.accounts).await;
                or_missing(&mut missing, "accounts.risk", risks).unwrap_or_default()
            }
        };
        let hosts = without_repeats(hosts);
        let accounts = found.accounts.into_iter().map(|account| {
            let risk = risks.iter().find(|risk| risk.is_of(&account)).cloned();
            let devices = logged_on(&account, &hosts);
            AccountContext { name: account.name, id: account.id, risk, devices }
        });
        let accounts = accounts.collect();
        let levels = hosts.iter().filter_map(|host| Some(host.card.as_ref()?.rating.level));
        IncidentContext {
            tenant: self.whose(),
            generated: self.now,
            title: found.incident.title,
            incident_number: found.incident.number,
            severity: found.incident.severity,
            level: levels.max().unwrap_or_default(),
            hosts,
            accounts,
            addresses,
            cves,
            left_out: found.left_out,
            unreadable: found.unreadable,
            missing,
        }
    }

    /// The card of the first name by which there is a device.
    async fn of_host(&self, host: &Host) -> HostContext {
        let mut context = HostContext { name: host.name.clone(), ..HostContext::default() };
        for named in &host.named {
            let stop = match self.card(named, false).await {
                Ok(card) => {
                    let (card, problem, candidates) = (Some(card), None, Vec::new());
                    return HostContext { card, problem, candidates, ..context };
                }
                Err(stop) => stop,
            };
            let is_next = matches!(stop, Stop::NotFound(_));
            let problem = Problem::from(stop);
            (context.problem, context.candidates) = (Some(problem.detail), problem.candidates);
            if !is_next {
                break;
            }
        }
        context
    }

    async fn of_cve(&self, id: &str) -> CveContext {
        let about = match self.about_cve(id).await {
            Ok(about) => Ok(about),
            Err(gap) => match self.vulnerability_kept(id).await {
                Ok(record) => Ok(record.as_ref().map(About::from)),
                Err(_) => Err(gap),
            },
        };
        let (about, problem) = match about {
            Ok(Some(about)) => (Some(about), None),
            Ok(None) => (None, Some(format!("Defender knows no vulnerability {id}: check the id"))),
            Err(gap) => (None, Some(gap.to_string())),
        };
        let link = self.portal(&format!("vulnerabilities/vulnerability/{id}/overview"));
        CveContext { id: id.to_owned(), about, problem, link }
    }

    async fn risks(&self, accounts: &[Account]) -> Result<Vec<Risk>, Gap> {
        let snapshot = self.snapshot(RISKY_USERS)?;
        let meant = accounts.to_vec();
        let read = Arc::new(move |line: &[u8]| {
            lenient::record::<Risk>(line)
                .filter(|risk| meant.iter().any(|account| risk.is_of(account)))
        });
        let mut risks = Vec::new();
        self.scan(&snapshot, None, read, |risk| risks.push(risk)).await?;
        Ok(risks)
    }
}

/// What these come to, in their order.
async fn few_at_once<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let all: Vec<_> = all.collect();
    stream::iter(all).buffered(AT_ONCE).collect().await
}

/// Two names of an incident may be one device.
fn without_repeats(hosts: Vec<HostContext>) -> Vec<HostContext> {
    let mut all: Vec<HostContext> = Vec::new();
    for host in hosts {
        let id = |host: &HostContext| host.card.as_ref().map(|card| card.device.id.clone());
        let own = id(&host);
        if own.is_none() || !all.iter().any(|other| id(other) == own) {
            all.push(host);
        }
    }
    all
}

/// The names of the devices that an account has logged on to.
fn logged_on(account: &Account, hosts: &[HostContext]) -> Vec<String> {
    let own = account.name.split('@').next().unwrap_or_default();
    let is = |card: &&Card| {
        let users = card.logged_on_users.iter().flatten();
        let mut names = users.filter_map(|user| user.account_name.as_deref());
        names.any(|name| name.eq_ignore_ascii_case(own))
    };
    let cards = hosts.iter().filter_map(|host| host.card.as_ref());
    cards.filter(is).map(|card| card.device.name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_risk_is_an_accounts_by_id_or_by_name() {
        let risk = Risk {
            id: Some("A".to_owned()),
            user_principal_name: Some("ana@corp.example".to_owned()),
            ..Risk::default()
        };
        let account = |name: &str, id: Option<&str>| Account {
            name: name.to_owned(),
            id: id.map(str::to_owned),
        };

        assert!(risk.is_of(&account("Ana@corp.example", None)));
        assert!(risk.is_of(&account("x", Some("a"))));
        assert!(!risk.is_of(&account("ana", None)));
    }
}
