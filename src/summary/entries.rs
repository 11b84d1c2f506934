//! The newest alerts and incidents, one by one.

use crate::schema;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Known, Listed, Seen};
use crate::digest::{self, Digest, Entry, Kind, MAX_NEWEST};

/// An alert in its newest state, as the service spells it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub title: Option<String>,
    /// `informational`, `low`, `medium`, `high`, or one not documented.
    pub severity: Option<String>,
    /// `new`, `inProgress`, `resolved`, or one not documented.
    pub status: Option<String>,
    /// The product that found it.
    pub product: Option<String>,
    /// Its category, mostly a tactic.
    pub category: Option<String>,
    /// What it turned out to be.
    pub classification: Option<String>,
    /// Whether somebody is in charge.
    pub assigned: bool,
    /// When it was created.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub created: Option<Timestamp>,
    /// When it was last updated.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub updated: Option<Timestamp>,
    /// Devices that it is about, at most three.
    pub devices: Vec<String>,
    /// Groups of its devices, at most two.
    pub device_groups: Vec<String>,
    /// The incident that it belongs to.
    pub incident_id: Option<String>,
    /// Its page in the portal, opened in the tenant.
    pub url: Option<String>,
    /// Whether it is neither resolved nor merged into another.
    pub open: bool,
}

/// An incident in its newest state, as the service spells it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Option<String>,
    /// `informational`, `low`, `medium`, `high`, or one not documented.
    pub severity: Option<String>,
    /// `active`, `inProgress`, `awaitingAction`, `resolved`, `redirected`, or one not documented.
    pub status: Option<String>,
    /// What it turned out to be.
    pub classification: Option<String>,
    /// How urgent it is, 0 to 100; null where the service doesn't say.
    pub priority: Option<f64>,
    /// Whether somebody is in charge.
    pub assigned: bool,
    /// When it was created.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub created: Option<Timestamp>,
    /// When it was last updated.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub updated: Option<Timestamp>,
    /// Its page in the portal, opened in the tenant.
    pub url: Option<String>,
    /// Whether it is neither resolved nor merged into another.
    pub open: bool,
}

/// The alerts that were created last, newest first; nothing where they were never collected.
pub fn alert_list(
    known: &[Known],
    now: Timestamp,
    portal: &str,
    tenant: &str,
) -> Option<Listed<Alert>> {
    let alert = |entry: &Entry| Alert {
        url: page(portal, "alerts", &entry.id, "", tenant),
        open: entry.is_open(),
        id: entry.id.clone(),
        title: entry.title.clone(),
        severity: entry.severity.clone(),
        status: entry.status.clone(),
        product: entry.product.clone(),
        category: entry.category.clone(),
        classification: entry.classification.clone(),
        assigned: entry.assigned,
        created: entry.created,
        updated: entry.updated,
        devices: entry.devices.clone(),
        device_groups: entry.groups.clone(),
        incident_id: entry.incident.clone(),
    };
    listed(&Seen { known, now }, Kind::Alerts, alert)
}

/// The incidents that were created last, newest first; nothing where they were never collected.
pub fn incident_list(
    known: &[Known],
    now: Timestamp,
    portal: &str,
    tenant: &str,
) -> Option<Listed<Incident>> {
    let incident = |entry: &Entry| Incident {
        url: page(portal, "incident2", &entry.id, "/overview", tenant),
        open: entry.is_open(),
        id: entry.id.clone(),
        title: entry.title.clone(),
        severity: entry.severity.clone(),
        status: entry.status.clone(),
        classification: entry.classification.clone(),
        priority: entry.priority,
        assigned: entry.assigned,
        created: entry.created,
        updated: entry.updated,
    };
    listed(&Seen { known, now }, Kind::Incidents, incident)
}

fn listed<T>(seen: &Seen, kind: Kind, of: impl Fn(&Entry) -> T) -> Option<Listed<T>> {
    let (latest, freshness) = seen.latest(kind)?;
    let (Digest::Alerts(fold) | Digest::Incidents(fold)) = &latest.digest else { return None };
    let entries = fold.list.entries();
    let items = entries.iter().map(of).collect();
    let note = note(fold, seen.now, entries);
    Some(Listed { items, of: latest.run.clone(), freshness, note })
}

/// What a list lacks that ends before all that is known.
fn note(fold: &digest::Open, now: Timestamp, entries: &[Entry]) -> Option<String> {
    let open = fold.by_severity(None, now).total();
    let listed = entries.iter().filter(|entry| entry.is_open()).count() as u64;
    (entries.len() >= MAX_NEWEST || listed < open).then(|| {
        let count = entries.len();
        format!(
            "the {count} that were created last are kept one by one, {listed} of the {open} open ones \
             among them"
        )
    })
}

/// A page in the portal; ids of another form than the service's have none.
fn page(portal: &str, kind: &str, id: &str, end: &str, tenant: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let portal = portal.trim_end_matches('/');
    let is_plain = !id.is_empty() && id.chars().all(plain) && !id.starts_with('.');
    is_plain.then(|| format!("{portal}/{kind}/{id}{end}?tid={tenant}"))
}
