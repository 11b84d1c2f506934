//! Alerts and incidents that are open: how many, by severity and age; and the newest of all.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::lenient;
use super::newest::Newest;
use super::packed::{self, Bytes, Packed};
use super::tally::place;

/// Open ones that are counted; with them and the newest ones the digest stays below 2 MB.
const MAX_OPEN: usize = 50_000;

/// How long the service keeps what isn't updated any more.
///
/// <https://learn.microsoft.com/defender-xdr/data-privacy>
const KEPT_S: u32 = 180 * 86_400;

/// Severities, worst first.
const SEVERITIES: [&str; 4] = ["high", "medium", "low", "informational"];

/// Those that nobody has to look at any more; `redirected` incidents are part of another.
pub(super) const CLOSED: [&str; 2] = ["resolved", "redirected"];

/// How many have each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenSeverities {
    /// High ones.
    pub high: u64,
    /// Medium ones.
    pub medium: u64,
    /// Low ones.
    pub low: u64,
    /// Informational ones.
    pub informational: u64,
    /// Those without a severity, or with one not documented.
    pub other: u64,
}

/// Open alerts, or incidents: each in its newest state.
///
/// Goes on from run to run, since a run reads what was updated. One that is resolved falls out, and so
/// does one that was last updated longer ago than the service keeps it. At most 50,000.
///
/// <https://learn.microsoft.com/graph/api/resources/security-alert>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Open {
    #[serde(serialize_with = "pack", deserialize_with = "unpack")]
    open: BTreeMap<u64, One>,
    /// Second of the newest update.
    newest: u32,
    /// Open ones that were not counted, because too many are open.
    pub beyond: u64,
    /// The newest, open or not.
    pub list: Newest,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// What is kept of one, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
struct One {
    created: u32,
    updated: u32,
    severity: u8,
}

impl Open {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let record: Record = lenient::record(line)?;
        let id = u64::from_str_radix(record.record_id.as_deref()?.get(..16)?, 16).ok()?;
        self.list.add(line);
        let updated = record.last_update_date_time.map_or(0, second);
        self.newest = self.newest.max(updated);
        if self.open.get(&id).is_some_and(|known| known.updated > updated) {
            return Some(());
        }
        self.open.remove(&id);
        if place(record.status.as_deref(), &CLOSED) < CLOSED.len() as u8 {
            return Some(());
        }
        if self.open.len() >= MAX_OPEN {
            self.beyond += 1;
            return Some(());
        }
        let severity = place(record.severity.as_deref(), &SEVERITIES);
        let created = record.created_date_time.map_or(updated, second);
        self.open.insert(id, One { created, updated, severity });
        Some(())
    }

    /// Begins a new run: forgets what the service has forgotten.
    pub(super) fn go_on(&mut self) {
        let oldest = self.newest.saturating_sub(KEPT_S);
        self.open.retain(|_, one| one.updated >= oldest);
        if let Ok(oldest) = Timestamp::from_second(oldest.into()) {
            self.list.forget(oldest);
        }
        if self.open.len() < MAX_OPEN {
            self.beyond = 0;
        }
    }

    /// Those open ones that were created within `age` before `now`; all where no age is given.
    pub fn by_severity(&self, age: Option<SignedDuration>, now: Timestamp) -> OpenSeverities {
        let since = age.map_or(0, |age| second(now - age));
        let mut counts = OpenSeverities::default();
        for one in self.open.values().filter(|one| one.created >= since) {
            *match one.severity {
                0 => &mut counts.high,
                1 => &mut counts.medium,
                2 => &mut counts.low,
                3 => &mut counts.informational,
                _ => &mut counts.other,
            } += 1;
        }
        counts
    }
}

impl OpenSeverities {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.high + self.medium + self.low + self.informational + self.other
    }
}

fn second(at: Timestamp) -> u32 {
    u32::try_from(at.as_second()).unwrap_or(0)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record<'a> {
    #[serde(borrow, rename = "RecordId", deserialize_with = "lenient::text")]
    record_id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    status: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    severity: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::time")]
    created_date_time: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::time")]
    last_update_date_time: Option<Timestamp>,
}

impl Packed for (u64, One) {
    const BYTES: usize = 17;

    fn pack(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
        out.extend_from_slice(&self.1.created.to_le_bytes());
        out.extend_from_slice(&self.1.updated.to_le_bytes());
        out.push(self.1.severity);
    }

    fn unpack(mut bytes: Bytes<'_>) -> Option<Self> {
        let id = u64::from_le_bytes(bytes.take()?);
        let created = u32::from_le_bytes(bytes.take()?);
        let updated = u32::from_le_bytes(bytes.take()?);
        let [severity] = bytes.take()?;
        Some((id, One { created, updated, severity }))
    }
}

fn pack<S: Serializer>(open: &BTreeMap<u64, One>, to: S) -> Result<S::Ok, S::Error> {
    packed::serialize(open.iter().map(|(id, one)| (*id, *one)), to)
}

fn unpack<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<u64, One>, D::Error> {
    packed::deserialize::<(u64, One), _, _>(from)
}
