//! Which alert somebody is to be told of: held while it is sent, never again once it is noted. Pure, but for
//! [`take`] and [`note`], which keep it in the ledger.

use crate::ledger::{Ledger, LedgerError, Version, path};
use crate::settings::{Channel, Notice, Severity};
use crate::summary::Alert;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long one that was taken is left to whoever took it: longer than a run of the playbook lasts.
const HELD_FOR: SignedDuration = SignedDuration::from_mins(30);
/// An alert that reaches us later than that after it was created is no news.
const NEWS_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How often a change is tried that another's came before, and the wait between, longer each time.
const TRIES: u32 = 40;
const WAIT: Duration = Duration::from_millis(5);

/// What became of a tenant's notices: the content of `state/<tenant>/notices.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices {
    /// Version of this layout: 1.
    version: u32,
    /// When somebody asked for the first time: alerts that were created before are not told.
    since: Timestamp,
    /// Those that somebody has taken and not noted, by id.
    #[serde(default)]
    held: BTreeMap<String, Held>,
    /// Those that were sent, with the creation of their alerts.
    #[serde(default)]
    told: BTreeMap<String, Timestamp>,
}

/// One that somebody has taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    /// When, the last time.
    at: Timestamp,
    /// How often.
    times: u32,
    /// When its alert was created.
    created: Timestamp,
}

/// An alert that somebody is to be told of, in one way.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// What it is noted by.
    pub id: String,
    /// The alert.
    pub alert: Alert,
    /// How it goes out.
    pub channel: Channel,
    /// To whom: everybody of the tenant's notices of this channel that it fits, each once.
    pub recipients: BTreeSet<String>,
    /// 1; more where it was taken before and never noted, so that it may have been sent.
    pub attempt: u32,
    created: Timestamp,
}

impl Notices {
    /// Nothing told yet.
    pub fn new(since: Timestamp) -> Notices {
        Notices { version: 1, since, held: BTreeMap::new(), told: BTreeMap::new() }
    }

    /// What somebody is to be told of now, the alert that was created first in front.
    pub fn due(&self, wanted: &[Notice], alerts: &[Alert], now: Timestamp) -> Vec<Due> {
        let of_alert = |alert: &Alert| {
            let created = alert.created.filter(|created| self.is_news(*created, now))?;
            let channels = [Channel::Mail, Channel::Teams];
            Some(channels.map(|channel| self.one(wanted, alert, (channel, created), now)))
        };
        let mut due: Vec<_> = alerts.iter().filter_map(of_alert).flatten().flatten().collect();
        due.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
        due
    }

    fn one(
        &self,
        wanted: &[Notice],
        alert: &Alert,
        (channel, created): (Channel, Timestamp),
        now: Timestamp,
    ) -> Option<Due> {
        let fitting = wanted.iter().filter(|one| one.channel == channel && fits(one, alert));
        let recipients: BTreeSet<_> =
            fitting.flat_map(|one| one.recipients.iter().map(|to| to.trim().to_owned())).collect();
        let id = id(channel, &alert.id);
        let held = self.held.get(&id);
        let is_free = held.is_none_or(|held| now.duration_since(held.at) >= HELD_FOR);
        let is_due = !recipients.is_empty() && is_free && !self.told.contains_key(&id);
        let attempt = held.map_or(0, |held| held.times) + 1;
        let alert = alert.clone();
        is_due.then_some(Due { id, alert, channel, recipients, attempt, created })
    }

    fn is_news(&self, created: Timestamp, now: Timestamp) -> bool {
        created >= self.since && now.duration_since(created) < NEWS_FOR
    }

    /// Leaves one to whoever takes it now.
    pub fn hold(&mut self, due: &Due, now: Timestamp) {
        let held = Held { at: now, times: due.attempt, created: due.created };
        self.held.insert(due.id.clone(), held);
    }

    /// Notes that one was sent; whether it was taken, or noted before.
    pub fn note(&mut self, id: &str) -> bool {
        match self.held.remove(id) {
            Some(held) => self.told.insert(id.to_owned(), held.created).is_none(),
            None => self.told.contains_key(id),
        }
    }

    /// Forgets what is no news any more: it is never due again.
    fn forget(&mut self, now: Timestamp) {
        self.told.retain(|_, created| now.duration_since(*created) < NEWS_FOR);
        self.held.retain(|_, held| now.duration_since(held.created) < NEWS_FOR);
    }
}

/// Whether a tenant's notice asks for this alert.
fn fits(wanted: &Notice, alert: &Alert) -> bool {
    let severity = alert.severity.as_deref().unwrap_or_default();
    let is_asked = |one: &Severity| severity.eq_ignore_ascii_case(one.name());
    let in_group = |group: &String| {
        alert.device_groups.iter().any(|own| own.trim().eq_ignore_ascii_case(group.trim()))
    };
    wanted.severity.iter().any(is_asked)
        && (wanted.device_groups.is_empty() || wanted.device_groups.iter().any(in_group))
}

/// What an alert is noted by in one channel: fit for a path whatever the alert's own id is.
fn id(channel: Channel, alert: &str) -> String {
    let channel = if channel == Channel::Mail { "mail" } else { "teams" };
    let hash = digest(&SHA256, alert.as_bytes());
    let hex: String = hash.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{channel}-{hex}")
}

/// Takes what a tenant's recipients are to be told of first; nothing where there is nothing. The first time
/// only the instant is written down.
///
/// # Errors
///
/// Where the ledger can't be read or written; nothing is taken then.
pub async fn take(
    ledger: &dyn Ledger,
    tenant: &str,
    wanted: &[Notice],
    alerts: &[Alert],
    now: Timestamp,
) -> Result<Option<Due>, LedgerError> {
    let take = |state: &mut Notices| {
        let due = state.due(wanted, alerts, now).into_iter().next()?;
        state.hold(&due, now);
        Some(due)
    };
    change(ledger, tenant, now, take).await
}

/// Notes that one was sent. False where nobody has taken such a one.
///
/// # Errors
///
/// Where the ledger can't be read or written; it is taken again then, when its time is over.
pub async fn note(
    ledger: &dyn Ledger,
    tenant: &str,
    id: &str,
    now: Timestamp,
) -> Result<bool, LedgerError> {
    let noted = change(ledger, tenant, now, |state| state.note(id).then_some(())).await?;
    Ok(noted.is_some())
}

/// Changes a tenant's notices under their version, so that two callers never take the same one. Where
/// `alter` gives nothing, nothing is written but a first state.
async fn change<T>(
    ledger: &dyn Ledger,
    tenant: &str,
    now: Timestamp,
    alter: impl Fn(&mut Notices) -> Option<T>,
) -> Result<Option<T>, LedgerError> {
    let path = path::notices(tenant);
    let mut lost = 0;
    loop {
        let (mut state, version) = read(ledger, &path, now).await?;
        let altered = alter(&mut state);
        if altered.is_none() && version.is_some() {
            return Ok(None);
        }
        state.forget(now);
        let content = Bytes::from(serde_json::to_vec(&state).unwrap_or_default());
        match ledger.replace(&path, content, version.as_ref()).await {
            Err(LedgerError::Conflict { .. }) if lost < TRIES => {
                lost += 1;
                tokio::time::sleep(WAIT * lost).await;
            }
            written => return written.map(|_| altered),
        }
    }
}

async fn read(
    ledger: &dyn Ledger,
    path: &str,
    now: Timestamp,
) -> Result<(Notices, Option<Version>), LedgerError> {
    let Some((bytes, version)) = ledger.read(path).await? else {
        return Ok((Notices::new(now), None));
    };
    // A state that nobody can read must not count as none: what was told would be told again.
    let state = serde_json::from_slice(&bytes).map_err(|_| LedgerError::Failed {
        path: path.to_owned(),
        what: "it isn't readable: remove it, notices begin anew with the next alert then"
            .to_owned(),
    })?;
    Ok((state, Some(version)))
}

#[cfg(test)]
mod tests;
