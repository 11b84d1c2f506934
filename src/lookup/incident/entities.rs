//! The entities of a Sentinel incident, in both spellings that playbooks pass on: `relatedEntities` of the
//! trigger, and the flattened lists of the "Entities - Get" actions. Pure.
//!
//! <https://learn.microsoft.com/azure/sentinel/entities-reference>

use crate::lookup::named::{Named, cve};
use crate::tenant::guid;
use serde_json::{Map, Value};
use std::net::IpAddr;

/// Entities of one kind that are looked up; further ones are counted.
pub(super) const MOST: usize = 10;

/// What is known of an incident beside its entities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incident {
    /// Its title.
    pub title: Option<String>,
    /// Its number in the workspace.
    pub number: Option<u64>,
    /// `High`, `Medium`, `Low`, `Informational`.
    pub severity: Option<String>,
    /// `New`, `Active`, `Closed`.
    pub status: Option<String>,
    /// Its page.
    pub url: Option<String>,
}

/// A host: what to find its device by, the surest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// What the incident calls it.
    pub name: String,
    /// How it may be found.
    pub named: Vec<Named>,
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What the incident calls it: its user principal name, else its account name.
    pub name: String,
    /// Its object id in Entra ID, in lower case.
    pub id: Option<String>,
}

/// What of an incident is looked up, each once, ten of a kind at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entities {
    /// The incident itself.
    pub incident: Incident,
    /// Hosts.
    pub hosts: Vec<Host>,
    /// Accounts.
    pub accounts: Vec<Account>,
    /// IP addresses.
    pub addresses: Vec<IpAddr>,
    /// CVE ids, of entities and of the incident's own words.
    pub cves: Vec<String>,
    /// Entities beyond ten of their kind.
    pub left_out: u64,
    /// Entities of these kinds that name nothing that can be looked up.
    pub unreadable: u64,
}

impl Entities {
    /// The entities in a body: the trigger's, the incident's or a list of entities, whatever the letter
    /// case of its fields.
    pub fn read(body: &Value) -> Entities {
        let mut found = Entities::default();
        let object = field(body, &["object"]).unwrap_or(body);
        let properties = field(object, &["properties"]).unwrap_or(object);
        found.incident = incident(properties);
        let listed = match body {
            Value::Array(_) => Some(body),
            _ => field(properties, &["relatedEntities", "entities"]),
        };
        for entity in listed.and_then(Value::as_array).into_iter().flatten() {
            let kind = text(entity, &["kind", "type"]).unwrap_or_default();
            found.take(&kind, field(entity, &["properties"]).unwrap_or(entity));
        }
        for (kind, names) in [
            ("host", ["hosts", "host"]),
            ("account", ["accounts", "account"]),
            ("ip", ["ips", "ipAddresses"]),
            ("cve", ["cves", "vulnerabilities"]),
        ] {
            let holders =
                if std::ptr::eq(body, properties) { &[body][..] } else { &[body, properties] };
            for holder in holders {
                let list = field(holder, &names).and_then(Value::as_array);
                list.into_iter().flatten().for_each(|entity| found.take(kind, entity));
            }
        }
        for words in [text(properties, &["title"]), text(properties, &["description"])] {
            cves_in(&words.unwrap_or_default()).for_each(|cve| found.cve(cve));
        }
        found
    }

    fn take(&mut self, kind: &str, entity: &Value) {
        match kind.to_ascii_lowercase().as_str() {
            "host" => match host(entity) {
                Some(host) => self.host(host),
                None => self.unreadable += 1,
            },
            "account" => match account(entity) {
                Some(account) => self.account(account),
                None => self.unreadable += 1,
            },
            "ip" => match plain(entity, &["address"]).and_then(|text| text.parse().ok()) {
                Some(address) => add(&mut self.addresses, address, &mut self.left_out),
                None => self.unreadable += 1,
            },
            "cve" | "vulnerability" => {
                let id = plain(entity, &["cveId", "cve", "id", "name", "friendlyName"]);
                match id.as_deref().and_then(cve) {
                    Some(id) => self.cve(id),
                    None => self.unreadable += 1,
                }
            }
            _ => {}
        }
    }

    /// The same host may come once with its device's id and once without.
    fn host(&mut self, host: Host) {
        let is_same = |other: &&mut Host| {
            other.named.iter().any(|named| host.named.contains(named)) || other.name == host.name
        };
        match self.hosts.iter_mut().find(is_same) {
            Some(known) if known.named.len() < host.named.len() => *known = host,
            Some(_) => {}
            None => add(&mut self.hosts, host, &mut self.left_out),
        }
    }

    fn account(&mut self, account: Account) {
        let is_same = |other: &&mut Account| {
            other.name.eq_ignore_ascii_case(&account.name)
                || other.id.is_some() && other.id == account.id
        };
        match self.accounts.iter_mut().find(is_same) {
            Some(known) => known.id = known.id.take().or(account.id),
            None => add(&mut self.accounts, account, &mut self.left_out),
        }
    }

    fn cve(&mut self, id: String) {
        add(&mut self.cves, id, &mut self.left_out);
    }
}

fn add<T: PartialEq>(all: &mut Vec<T>, one: T, left_out: &mut u64) {
    if all.contains(&one) {
        return;
    }
    if all.len() < MOST {
        all.push(one);
    } else {
        *left_out += 1;
    }
}

/// A field by any of its names, in any letter case.
fn field<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let fields: &Map<String, Value> = value.as_object()?;
    let by_name = |name: &&str| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    names.iter().find_map(by_name).map(|(_, value)| value).filter(|value| !value.is_null())
}

fn text(value: &Value, names: &[&str]) -> Option<String> {
    let by_name = |name: &&str| field(value, &[name]).and_then(Value::as_str).map(str::trim);
    names.iter().find_map(|name| by_name(name).filter(|text| !text.is_empty())).map(str::to_owned)
}

/// As [`text`], of an entity that may also be a text itself.
fn plain(entity: &Value, names: &[&str]) -> Option<String> {
    entity.as_str().map(|text| text.trim().to_owned()).or_else(|| text(entity, names))
}

fn incident(properties: &Value) -> Incident {
    Incident {
        title: text(properties, &["title"]),
        number: field(properties, &["incidentNumber"]).and_then(Value::as_u64),
        severity: text(properties, &["severity"]),
        status: text(properties, &["status"]),
        url: text(properties, &["incidentUrl"]),
    }
}

fn host(entity: &Value) -> Option<Host> {
    let more = field(entity, &["additionalData"]);
    let more = |name: &str| more.and_then(|more| text(more, &[name]));
    let own = plain(entity, &["hostName", "netBiosName", "friendlyName"]);
    let domain = text(entity, &["dnsDomain"]);
    let full = match (&own, &domain) {
        (Some(own), Some(domain)) if !own.contains('.') => Some(format!("{own}.{domain}")),
        _ => None,
    };
    let is = |named: &Named, of: fn(&Named) -> bool| of(named);
    let id = more("MdatpDeviceId").and_then(|id| Named::read(&id));
    let id = id.filter(|named| is(named, |named| matches!(named, Named::Id(_))));
    let entra = more("AadDeviceId").and_then(|id| Named::read(&id));
    let entra = entra.filter(|named| is(named, |named| matches!(named, Named::Entra(_))));
    let names = [full.clone(), more("DeviceDnsName"), own.clone()];
    let mut named: Vec<Named> = id.into_iter().chain(entra).collect();
    for one in names.into_iter().flatten().filter_map(|name| Named::read(&name)) {
        if !named.contains(&one) {
            named.push(one);
        }
    }
    let name = full.or(own).or_else(|| more("DeviceDnsName")).or_else(|| more("MdatpDeviceId"))?;
    (!named.is_empty()).then_some(Host { name, named })
}

fn account(entity: &Value) -> Option<Account> {
    let own = plain(entity, &["accountName", "name", "userPrincipalName", "displayName"]);
    let suffix = text(entity, &["upnSuffix"]);
    let id = text(entity, &["aadUserId"]).and_then(|id| guid(&id));
    let name = match (own, suffix) {
        (Some(own), Some(suffix)) if !own.contains('@') => Some(format!("{own}@{suffix}")),
        (own, _) => own,
    };
    let name = name.or_else(|| id.clone())?;
    Some(Account { name, id })
}

/// CVE ids in a text, each where it stands.
fn cves_in(words: &str) -> impl Iterator<Item = String> + '_ {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    words.split(move |c| !is_part(c)).filter_map(cve)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn both_spellings_of_entities_are_read_alike() {
        let trigger = json!({"object": {"properties": {
        "title": "CVE-2026-0001 is used", "severity": "High", "incidentNumber": 7,
        "relatedEntities": [
            {"kind": "Host", "properties": {"hostName": "pc-17", "dnsDomain": "corp.example",
                "additionalData": {"MdatpDeviceId": ID}}},
            {"kind": "Account", "properties": {"accountName": "ana", "upnSuffix": "corp.example",
                "aadUserId": "AAAAAAAA-0000-4000-8000-000000000017"}},
            {"kind": "Ip", "properties": {"address": "10.0.0.17"}},
            {"kind": "Url", "properties": {"url": "https://x.example"}},
        ]}}});
        let lists = json!({
            "Hosts": [{"HostName": "pc-17", "DnsDomain": "corp.example",
                "additionalData": {"MdatpDeviceId": ID}}],
            "Accounts": [{"Name": "ana", "UPNSuffix": "corp.example",
                "AadUserId": "aaaaaaaa-0000-4000-8000-000000000017"}],
            "IPs": [{"Address": "10.0.0.17"}],
            "CVEs": ["cve-2026-0001"],
        });

        let (trigger, lists) = (Entities::read(&trigger), Entities::read(&lists));

        assert_eq!(trigger.hosts, lists.hosts);
        assert_eq!(trigger.accounts, lists.accounts);
        assert_eq!((&trigger.addresses, &trigger.cves), (&lists.addresses, &lists.cves));
        assert_eq!(trigger.hosts[0].named[0], Named::Id(ID.to_owned()));
        assert_eq!(trigger.hosts[0].named.len(), 3);
        assert_eq!(trigger.accounts[0].name, "ana@corp.example");
        assert_eq!((trigger.incident.number, trigger.cves.len()), (Some(7), 1));
    }

    #[test]
    fn each_entity_counts_once_and_ten_of_a_kind_are_looked_up() {
        let ips: Vec<Value> =
            (0..14).map(|n| json!({"address": format!("10.0.0.{}", n % 12)})).collect();
        let body = json!({
            "relatedEntities": [
                {"kind": "host", "properties": {"hostName": "pc-1"}},
                {"kind": "Host", "properties": {"hostName": "PC-1"}},
                {"kind": "Host", "properties": {"hostName": "a b"}},
                {"kind": "Account", "properties": {}},
            ],
            "ips": ips,
        });

        let found = Entities::read(&body);

        assert_eq!((found.hosts.len(), found.addresses.len()), (1, 10));
        assert_eq!((found.left_out, found.unreadable), (2, 2));
    }

    #[test]
    fn a_bare_list_and_nonsense_are_no_trouble() {
        let list = json!([{"kind": "Ip", "properties": {"address": "::1"}}]);
        assert_eq!(Entities::read(&list).addresses.len(), 1);
        for body in [json!(null), json!("x"), json!({"object": 7}), json!({"Hosts": [1, null, {}]})]
        {
            assert!(Entities::read(&body).hosts.is_empty(), "{body}");
        }
    }
}
