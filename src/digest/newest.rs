//! The newest alerts, or incidents, one by one.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lenient::{self, cut_bytes};
use super::open::CLOSED;
use super::tally::place;

/// Entries that are kept; with the 50,000 that are counted beside them the digest stays below 2 MB.
pub const MAX_NEWEST: usize = 1_000;

/// Bytes that they may have together as JSON, about: where texts are that long, fewer are kept.
const MAX_LIST_BYTES: usize = 800_000;

/// Bytes of an entry's JSON without its texts.
const FRAME_BYTES: usize = 220;

/// Longest title that is kept, and longest other text, in bytes.
const MAX_TITLE_BYTES: usize = 160;
const MAX_BYTES: usize = 64;

/// Devices and groups of devices that are kept of an alert.
const MAX_DEVICES: usize = 3;
const MAX_GROUPS: usize = 2;

/// The 1,000 alerts, or incidents, that were created last, open or not, each in its newest state; fewer
/// where their texts are unusually long.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Newest(Vec<Entry>);

/// What is kept of an alert or incident, as the service spells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Entry {
    /// The service's id.
    pub id: String,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `informational`, `low`, `medium`, `high`, or one not documented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// `new`, `active`, `inProgress`, `resolved`, ….
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The product that found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Its category, mostly a tactic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// What it turned out to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
    /// The incident that an alert belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// How urgent an incident is, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<f64>,
    /// Whether somebody is in charge.
    pub assigned: bool,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When it was last updated.
    pub updated: Option<Timestamp>,
    /// Devices that it is about, the first three.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// Groups of those and further devices, the first two.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

impl Newest {
    /// The entries, newest first.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    pub(super) fn add(&mut self, line: &[u8]) {
        let Some(entry) = lenient::record::<Record>(line).and_then(Record::entry) else { return };
        if let Some(at) = self.0.iter().position(|held| held.id == entry.id) {
            if self.0[at].updated > entry.updated {
                return;
            }
            self.0.remove(at);
        }
        let newness = |entry: &Entry| Reverse(entry.created);
        let at = self.0.partition_point(|held| newness(held) <= newness(&entry));
        if at < MAX_NEWEST {
            self.0.insert(at, entry);
            self.0.truncate(MAX_NEWEST);
            let mut bytes = 0;
            let mut fits = |entry: &Entry| {
                bytes += entry.bytes();
                bytes <= MAX_LIST_BYTES
            };
            let fitting = self.0.iter().take_while(|entry| fits(entry)).count();
            self.0.truncate(fitting);
        }
    }

    /// Lets go of what was last updated before an instant.
    pub(super) fn forget(&mut self, before: Timestamp) {
        self.0.retain(|entry| entry.updated.is_none_or(|updated| updated >= before));
    }
}

impl Entry {
    /// Whether it is neither resolved nor merged into another.
    pub fn is_open(&self) -> bool {
        place(self.status.as_deref(), &CLOSED) == CLOSED.len() as u8
    }

    /// About how many bytes it takes as JSON.
    fn bytes(&self) -> usize {
        let texts = [&self.title, &self.severity, &self.status, &self.product, &self.category];
        let texts = texts.into_iter().chain([&self.classification, &self.incident]);
        let texts: usize = texts.flatten().map(String::len).sum();
        let lists = self.devices.iter().chain(&self.groups).map(|name| name.len() + 3);
        FRAME_BYTES + self.id.len() + texts + lists.sum::<usize>()
    }
}

impl Record<'_> {
    fn entry(self) -> Option<Entry> {
        let text = |text: Option<Cow<str>>| text.map(|text| cut_bytes(&text, MAX_BYTES).to_owned());
        let title = self.title.or(self.display_name);
        let (devices, groups) = self.evidence.iter().fold(
            (BTreeSet::new(), BTreeSet::new()),
            |(mut devices, mut groups), one| {
                devices.extend(one.device_dns_name.as_deref().or(one.host_name.as_deref()));
                groups.extend(one.rbac_group_name.as_deref());
                (devices, groups)
            },
        );
        let some = |names: BTreeSet<&str>, most: usize| {
            names.into_iter().take(most).map(|name| cut_bytes(name, MAX_BYTES).to_owned()).collect()
        };
        Some(Entry {
            devices: some(devices, MAX_DEVICES),
            groups: some(groups, MAX_GROUPS),
            // One that is cut short would be another's.
            id: self.id.filter(|id| id.len() <= 2 * MAX_BYTES)?.into_owned(),
            title: title.map(|title| cut_bytes(&title, MAX_TITLE_BYTES).to_owned()),
            severity: text(self.severity),
            status: text(self.status),
            product: text(self.product_name.or(self.service_source)),
            category: text(self.category),
            classification: text(self.classification),
            incident: text(self.incident_id),
            priority: self.priority_score,
            assigned: self.assigned_to.is_some_and(|name| !name.trim().is_empty()),
            created: self.created_date_time,
            updated: self.last_update_date_time,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    title: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    display_name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    severity: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    status: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    product_name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    service_source: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    category: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    classification: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    incident_id: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::number")]
    priority_score: Option<f64>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    assigned_to: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::time")]
    created_date_time: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::time")]
    last_update_date_time: Option<Timestamp>,
    #[serde(borrow, deserialize_with = "lenient::list")]
    evidence: Vec<Evidence<'a>>,
}

/// What of an alert's evidence tells devices; other kinds of it have none of these fields.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Evidence<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    device_dns_name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    host_name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    rbac_group_name: Option<Cow<'a, str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(id: &str, created: &str, updated: &str, more: &str) -> Vec<u8> {
        format!(
            r#"{{"id":"{id}","createdDateTime":"{created}","lastUpdateDateTime":"{updated}"{more}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn an_alert_is_there_once_in_its_newest_state_with_its_devices() {
        let mut newest = Newest::default();
        let (old, new) = ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
        newest.add(&alert("a", old, new, r#","status":"resolved","assignedTo":" ""#));
        newest.add(&alert("a", old, old, r#","status":"new""#));
        let evidence = r#","evidence":[{"deviceDnsName":"pc-2","rbacGroupName":"Servers"},{"userAccount":{}},
            {"hostName":"pc-1","rbacGroupName":"Servers"},"odd"],"title":"Invented","productName":null,"serviceSource":"s""#;
        newest.add(&alert("b", new, new, evidence));
        newest.add(b"{\"id\":null}");

        let entries = newest.entries();
        let ids: Vec<_> = entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["b", "a"], "newest first");
        assert_eq!((entries[1].status.as_deref(), entries[1].assigned), (Some("resolved"), false));
        assert_eq!(
            (&entries[0].devices[..], &entries[0].groups[..]),
            (&["pc-1".to_owned(), "pc-2".to_owned()][..], &["Servers".to_owned()][..])
        );
        assert_eq!(entries[0].product.as_deref(), Some("s"));
    }

    #[test]
    fn the_thousand_created_last_are_kept() {
        let mut newest = Newest::default();
        for number in 0..1_200 {
            let at = format!("2026-11-{:02}T00:{:02}:00Z", 1 + number % 25, number % 60);
            newest.add(&alert(&format!("{number}"), &at, &at, r#","title":"Invented""#));
        }

        assert_eq!(newest.entries().len(), MAX_NEWEST);
        assert!(newest.entries().is_sorted_by(|one, next| one.created >= next.created));
    }

    #[test]
    fn entries_with_the_longest_texts_stay_small_together() {
        let long = "é".repeat(500);
        let device = |number| {
            format!(r#"{{"deviceDnsName":"{number}{long}","rbacGroupName":"{number}{long}"}}"#)
        };
        let device = [1, 2, 3].map(device).join(",");
        let more = format!(
            r#","title":"{long}","severity":"{long}","status":"{long}","productName":"{long}","category":"{long}",
            "classification":"{long}","incidentId":"{long}","evidence":[{device}]"#
        );
        let mut newest = Newest::default();
        for number in 0..1_200 {
            let at = format!("2026-11-{:02}T00:{:02}:00Z", 1 + number % 25, number % 60);
            newest.add(&alert(&format!("{number}"), &at, &at, &more));
        }

        assert!(newest.entries().len() > 600, "{}", newest.entries().len());
        let size = serde_json::to_string(&newest).unwrap().len();
        assert!(size < 850_000, "{size} bytes");
    }

    #[test]
    fn what_the_service_has_forgotten_falls_out() {
        let mut newest = Newest::default();
        let (old, new) = ("2026-05-01T00:00:00Z", "2026-11-20T00:00:00Z");
        newest.add(&alert("a", old, old, ""));
        newest.add(&alert("b", old, new, ""));

        newest.forget("2026-06-01T00:00:00Z".parse().unwrap());

        assert_eq!(newest.entries().len(), 1);
        assert_eq!(newest.entries()[0].id, "b");
    }
}
