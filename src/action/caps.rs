//! How many actions an hour, per tenant: counted under the ledger's version, so that two processes can't
//! both take the last one.

use super::Refusal;
use crate::ledger::{Ledger, LedgerError, Version, path};
use crate::settings::Action;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Over how long actions are counted.
const SPAN: SignedDuration = SignedDuration::from_hours(1);
/// The most that a cap may be.
const MOST: u32 = 1_000;
/// How often a count is tried that another's came before.
const TRIES: u32 = 40;
/// The wait between two tries, longer each time.
const WAIT: Duration = Duration::from_millis(5);

/// Actions an hour, by action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caps(BTreeMap<Action, u32>);

impl Caps {
    /// How many an hour where nothing is set.
    fn default_of(action: Action) -> u32 {
        match action {
            Action::Isolate => 5,
            Action::Release | Action::ControlProfile => 20,
            Action::Scan => 50,
        }
    }

    /// Reads `<action>=<number>`, separated by commas.
    ///
    /// # Errors
    ///
    /// What is wrong with the first one that is none.
    pub fn read(text: &str) -> Result<Caps, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let read = |entry: &str| {
            let (action, number) = entry.split_once('=')?;
            Some((Action::named(action.trim())?, number.trim().parse().ok()?))
        };
        let caps = entries.map(|entry| {
            let expected =
                format!("{entry:?} is no cap, expected <action>=<number> such as isolate=5");
            read(entry).ok_or(expected)
        });
        Caps::of(caps.collect::<Result<_, _>>()?)
    }

    /// These caps.
    ///
    /// # Errors
    ///
    /// Where one of them is out of range.
    pub fn of(caps: BTreeMap<Action, u32>) -> Result<Caps, String> {
        match caps.iter().find(|(_, number)| **number > MOST) {
            Some((action, number)) => {
                Err(format!("{} is {number} an hour, expected 0 to {MOST}", action.name()))
            }
            None => Ok(Caps(caps)),
        }
    }

    /// The same, with those in front that another says.
    pub fn or(mut self, other: &Caps) -> Caps {
        for (action, number) in &other.0 {
            self.0.entry(*action).or_insert(*number);
        }
        self
    }

    /// How many of these an hour.
    pub fn an_hour(&self, action: Action) -> u32 {
        self.0.get(&action).copied().unwrap_or_else(|| Caps::default_of(action))
    }
}

/// What was counted: the content of `state/<tenant>/caps.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Counted {
    /// Version of this layout: 1.
    version: u32,
    /// When actions were carried out or tried within the last hour, by action.
    taken: BTreeMap<Action, Vec<Timestamp>>,
}

impl Counted {
    /// Leaves out what is over an hour old.
    fn forget(&mut self, now: Timestamp) {
        for instants in self.taken.values_mut() {
            instants.retain(|at| now.duration_since(*at) < SPAN);
        }
    }

    /// Seconds until there is room; nothing where there is.
    fn wait(&self, action: Action, cap: u32, now: Timestamp) -> Option<u64> {
        let taken = self.taken.get(&action).map_or(&[][..], Vec::as_slice);
        if taken.len() < cap as usize {
            return None;
        }
        // Room comes when so many have aged that fewer than the cap are left.
        let mut taken = taken.to_vec();
        taken.sort_unstable();
        let freed = taken.len().checked_sub(cap.max(1) as usize).and_then(|at| taken.get(at));
        let left = freed.map_or(SPAN, |at| SPAN - now.duration_since(*at));
        Some(u64::try_from(left.as_secs()).unwrap_or(0) + 1)
    }
}

/// Why nothing was counted.
#[derive(Debug)]
pub enum Uncounted {
    /// The hour's number is used up.
    Full(Refusal),
    /// The ledger can't be read or written.
    Ledger(LedgerError),
}

impl From<LedgerError> for Uncounted {
    fn from(error: LedgerError) -> Uncounted {
        Uncounted::Ledger(error)
    }
}

/// Counts one action of a tenant at `now`, where the hour has room for it.
///
/// # Errors
///
/// [`Uncounted`]; nothing is counted then.
pub async fn take(
    ledger: &dyn Ledger,
    tenant: &str,
    action: Action,
    caps: &Caps,
    now: Timestamp,
) -> Result<(), Uncounted> {
    let path = path::caps(tenant);
    let mut lost = 0;
    loop {
        let (mut counted, version) = read(ledger, &path).await?;
        counted.forget(now);
        check(&counted, action, caps, now).map_err(Uncounted::Full)?;
        counted.version = 1;
        counted.taken.entry(action).or_default().push(now);
        let content = Bytes::from(serde_json::to_vec(&counted).unwrap_or_default());
        match ledger.replace(&path, content, version.as_ref()).await {
            Err(LedgerError::Conflict { .. }) if lost < TRIES => {
                lost += 1;
                tokio::time::sleep(WAIT * lost).await;
            }
            outcome => return Ok(outcome.map(|_| ())?),
        }
    }
}

/// Whether the hour has room for one action more, without counting it.
///
/// # Errors
///
/// As [`take`].
pub async fn look(
    ledger: &dyn Ledger,
    tenant: &str,
    action: Action,
    caps: &Caps,
    now: Timestamp,
) -> Result<(), Uncounted> {
    let (mut counted, _) = read(ledger, &path::caps(tenant)).await?;
    counted.forget(now);
    check(&counted, action, caps, now).map_err(Uncounted::Full)
}

fn check(counted: &Counted, action: Action, caps: &Caps, now: Timestamp) -> Result<(), Refusal> {
    let cap = caps.an_hour(action);
    let Some(seconds) = counted.wait(action, cap, now) else { return Ok(()) };
    let detail = format!(
        "{cap} times {} an hour are the most in this tenant, and they are used up: wait {seconds} s, or \
         raise POSTURE_ACTION_CAPS",
        action.name()
    );
    Err(Refusal::new("capReached", 429, detail).after(seconds))
}

async fn read(ledger: &dyn Ledger, path: &str) -> Result<(Counted, Option<Version>), LedgerError> {
    let Some((bytes, version)) = ledger.read(path).await? else {
        return Ok((Counted::default(), None));
    };
    // A count that nobody can read must not count as none.
    let counted = serde_json::from_slice(&bytes).map_err(|_| LedgerError::Failed {
        path: path.to_owned(),
        what: "it isn't readable: remove it, the hour's actions are counted anew then".to_owned(),
    })?;
    Ok((counted, Some(version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_cap_counts_the_last_hour_and_says_when_there_is_room_again() {
        let mut counted = Counted::default();
        let times = ["2026-11-26T10:00:00Z", "2026-11-26T10:30:00Z", "2026-11-26T10:40:00Z"];
        counted.taken.insert(Action::Isolate, times.map(at).to_vec());
        let now = at("2026-11-26T10:50:00Z");

        assert_eq!(counted.wait(Action::Isolate, 4, now), None);
        assert_eq!(counted.wait(Action::Isolate, 3, now), Some(601));
        assert_eq!(counted.wait(Action::Isolate, 2, now), Some(40 * 60 + 1));
        assert_eq!(counted.wait(Action::Scan, 1, now), None);
        assert!(counted.wait(Action::Scan, 0, now).is_some(), "a cap of 0 is never open");
        counted.forget(at("2026-11-26T11:00:00Z"));
        assert_eq!(counted.taken[&Action::Isolate].len(), 2);
    }

    #[test]
    fn caps_are_read_by_action_and_what_is_not_said_has_a_default() {
        let caps = Caps::read("isolate=2, scan=0").unwrap();
        let own = Caps::of(BTreeMap::from([(Action::Isolate, 9)])).unwrap().or(&caps);

        assert_eq!([Action::Isolate, Action::Scan].map(|action| caps.an_hour(action)), [2, 0]);
        assert_eq!([Action::Isolate, Action::Scan].map(|action| own.an_hour(action)), [9, 0]);
        assert_eq!(caps.an_hour(Action::Release), 20);
        for wrong in ["isolate", "reboot=1", "scan=-1", "scan=1001"] {
            assert!(Caps::read(wrong).is_err(), "{wrong}");
        }
    }
}
