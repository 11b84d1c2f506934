//! Which jobs are due at an instant, one per tenant and source; pure.

mod window;

pub use window::Window;

use crate::source::{Reads, Source};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The planning instant that a plan's jobs share, as `20261122T101500Z`.
///
/// It isn't a plain ISO date because the Functions host rewrites those in queue messages. Two ids
/// compare as their instants do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

const FORMAT: &str = "%Y%m%dT%H%M%SZ";

impl RunId {
    /// The run planned at `instant`, to the second.
    pub fn at(instant: Timestamp) -> RunId {
        RunId(instant.strftime(FORMAT).to_string())
    }

    /// The run that a timer plans at `instant`, to the minute: a tick that fires twice is one run.
    pub fn of_tick(instant: Timestamp) -> RunId {
        RunId(instant.strftime("%Y%m%dT%H%M00Z").to_string())
    }

    /// The planning instant.
    pub fn instant(&self) -> Timestamp {
        parse(&self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// `yyyy/mm/dd`, a level of the storage layout.
    pub fn day_path(&self) -> String {
        format!("{}/{}/{}", &self.0[0..4], &self.0[4..6], &self.0[6..8])
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn parse(text: &str) -> Result<Timestamp, jiff::Error> {
    TimeZone::UTC.to_timestamp(DateTime::strptime(FORMAT, text)?)
}

impl FromStr for RunId {
    type Err = String;

    fn from_str(text: &str) -> Result<RunId, String> {
        match parse(text) {
            Ok(_) if text.len() == 16 => Ok(RunId(text.to_owned())),
            _ => Err(format!("run is {text:?}, expected yyyymmddThhmmssZ like 20261122T101500Z")),
        }
    }
}

impl TryFrom<String> for RunId {
    type Error = String;

    fn try_from(text: String) -> Result<RunId, String> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> String {
        run.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One source of one tenant, to be collected for one run.
#[derive(Clone, Debug)]
pub struct Job {
    /// Shared by all jobs of a plan.
    pub run: RunId,
    /// The tenant's id, a lower-case GUID.
    pub tenant: String,
    /// What to collect.
    pub source: Source,
    /// Asked for by a person: a recent complete run doesn't make it needless.
    pub now: bool,
    /// The times asked for; absent: the source's own.
    pub window: Option<Window>,
}

/// A job as it travels through the storage queue.
///
/// <https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The run.
    pub run: RunId,
    /// The tenant's id.
    pub tenant: String,
    /// The source's name; none in a plan.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// See [`Job::now`].
    #[serde(default, skip_serializing_if = "is_false")]
    pub now: bool,
    /// What kind of job; absent: one source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of a plan: the sources that may be due.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Beginning of the times asked for, see [`Job::window`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RunId>,
    /// Their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<RunId>,
    /// Of a case: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Of a case: its hunting packs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packs: Vec<String>,
}

impl Message {
    /// The [`Message::kind`] of a plan: which of a tenant's sources are due is to be found out.
    pub const PLAN: &str = "plan";
    /// The [`Message::kind`] of a case.
    pub const CASE: &str = "case";

    /// A plan of these sources of a tenant.
    pub fn plan(run: &RunId, tenant: &str, sources: &[Source]) -> Message {
        Message {
            run: run.clone(),
            tenant: tenant.to_owned(),
            source: String::new(),
            now: false,
            kind: Some(Message::PLAN.to_owned()),
            sources: sources.iter().map(|source| source.name.to_owned()).collect(),
            from: None,
            to: None,
            case: None,
            packs: Vec::new(),
        }
    }

    /// The times asked for.
    ///
    /// # Errors
    ///
    /// Where one end lacks, or the first isn't earlier.
    pub fn window(&self) -> Result<Option<Window>, String> {
        match (&self.from, &self.to) {
            (None, None) => Ok(None),
            (Some(from), Some(to)) => Window::new(from.clone(), to.clone()).map(Some),
            _ => Err("the times have one end only: give both `from` and `to`".to_owned()),
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

impl From<&Job> for Message {
    fn from(job: &Job) -> Message {
        Message {
            run: job.run.clone(),
            tenant: job.tenant.clone(),
            source: job.source.name.to_owned(),
            now: job.now,
            kind: None,
            sources: Vec::new(),
            from: job.window.as_ref().map(|window| window.from.clone()),
            to: job.window.as_ref().map(|window| window.to.clone()),
            case: None,
            packs: Vec::new(),
        }
    }
}

/// A source whose state was written within this is left alone: a run is at work on it, or a refusal
/// stands, which does so for an hour at least.
const LEFT_ALONE: SignedDuration = SignedDuration::from_mins(30);

/// Sources that may be due at `now`, told by when the state of each was last `written`; the full source
/// comes along with its changes, since a gap in these makes it due.
///
/// A state is written when a run begins, at each of its parts and at its end, so that nothing is due
/// for half an interval after that.
pub fn may_be_due(
    sources: &[Source],
    written: impl Fn(&str) -> Option<Timestamp>,
    now: Timestamp,
) -> Vec<Source> {
    let may_be = |source: &&Source| match written(source.name) {
        Some(at) => now.duration_since(at) >= LEFT_ALONE.min(source.every / 2),
        None => true,
    };
    let found: Vec<Source> = sources.iter().filter(may_be).copied().collect();
    let fulls = found.iter().filter_map(|source| match source.reads {
        Reads::Changes { full, .. } => Some(full),
        _ => None,
    });
    let fulls: Vec<&str> = fulls.collect();
    let wanted = |source: &&Source| {
        fulls.contains(&source.name) || found.iter().any(|one| one.name == source.name)
    };
    sources.iter().filter(wanted).copied().collect()
}

/// What is known of a source when a plan is made.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Its newest complete run.
    pub completed: Option<RunId>,
    /// Until when an attempt's claim holds.
    pub claimed_until: Option<Timestamp>,
    /// Until when a refusal stands: asking earlier would only be refused again.
    pub refused_until: Option<Timestamp>,
}

impl History {
    /// Whether an attempt holds the source, or a refusal stands.
    pub fn is_held(&self, now: Timestamp) -> bool {
        let holds = |until: Option<Timestamp>| until.is_some_and(|until| until > now);
        holds(self.claimed_until) || holds(self.refused_until)
    }
}

/// Whether a source is due at `now`: never completed, or its newest complete run at least one
/// interval ago, counted from plan to plan so that it doesn't drift; not while an attempt holds it
/// or a refusal stands.
pub fn is_due(source: &Source, history: &History, now: Timestamp) -> bool {
    if history.is_held(now) {
        return false;
    }
    match &history.completed {
        Some(run) => now.duration_since(run.instant()) >= source.every,
        None => true,
    }
}

/// The name of the full source that must be read again, where a source's changes have been left for
/// longer than the service keeps them; and since when: a full run after that instant will do.
pub fn full_after_gap(
    source: &Source,
    history: &History,
    now: Timestamp,
) -> Option<(&'static str, Timestamp)> {
    let Reads::Changes { reach, full, .. } = source.reads else { return None };
    let opened = history.completed.as_ref()?.instant() + reach;
    (now > opened).then_some((full, opened))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{ALERTS, DEVICE_VULNERABILITIES, DEVICE_VULNERABILITY_CHANGES, DEVICES};
    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_tick_that_fires_twice_in_a_minute_is_one_run() {
        let first = RunId::of_tick(instant("2026-11-22T10:15:00.2Z"));
        let second = RunId::of_tick(instant("2026-11-22T10:15:59Z"));

        assert_eq!(first, second);
        assert_eq!(first.as_str(), "20261122T101500Z");
        assert_eq!(first.day_path(), "2026/11/22");
        assert_eq!(first.instant(), instant("2026-11-22T10:15:00Z"));
    }

    #[test]
    fn a_run_that_is_no_instant_is_refused_with_an_example() {
        let refused = "2026-11-22".parse::<RunId>().unwrap_err();

        assert!(refused.contains("20261122T101500Z"), "{refused}");
    }

    #[test]
    fn a_source_is_due_one_interval_after_its_newest_complete_run() {
        let completed = Some(RunId::at(instant("2026-11-22T10:00:00Z")));
        let history = History { completed, ..History::default() };

        assert!(is_due(&DEVICES, &History::default(), instant("2026-11-22T10:00:00Z")));
        assert!(!is_due(&DEVICES, &history, instant("2026-11-22T10:59:00Z")));
        assert!(is_due(&DEVICES, &history, instant("2026-11-22T11:00:00Z")));
    }

    #[test]
    fn a_source_that_is_claimed_or_refused_is_not_due() {
        let now = instant("2026-11-22T10:00:00Z");
        let later = now + SignedDuration::from_secs(20);

        let claimed = History { claimed_until: Some(later), ..History::default() };
        let refused = History { refused_until: Some(later), ..History::default() };

        assert!(!is_due(&DEVICES, &claimed, now));
        assert!(!is_due(&DEVICES, &refused, now));
        assert!(is_due(&DEVICES, &refused, later));
    }

    #[test]
    fn changes_left_for_longer_than_the_service_keeps_them_need_the_full_source() {
        let completed = Some(RunId::at(instant("2026-11-01T00:00:00Z")));
        let history = History { completed, ..History::default() };
        let after = |text| full_after_gap(&DEVICE_VULNERABILITY_CHANGES, &history, instant(text));

        assert_eq!(after("2026-11-14T00:00:00Z"), None);
        let opened = instant("2026-11-15T00:00:00Z");
        let full = Some(("defender.device_vulnerabilities", opened));
        assert_eq!(after("2026-11-15T01:00:00Z"), full);
        let never = History::default();
        let now = instant("2026-11-15T01:00:00Z");
        assert_eq!(full_after_gap(&DEVICE_VULNERABILITY_CHANGES, &never, now), None);
        assert_eq!(full_after_gap(&DEVICES, &history, now), None);
    }

    #[test]
    fn what_was_written_lately_is_not_looked_at_and_changes_bring_their_full_source() {
        let now = instant("2026-11-22T10:00:00Z");
        let ago = |minutes| Some(now - SignedDuration::from_mins(minutes));
        let all = [DEVICES, ALERTS, DEVICE_VULNERABILITIES, DEVICE_VULNERABILITY_CHANGES];
        let found = |written: &dyn Fn(&str) -> Option<Timestamp>| -> Vec<&str> {
            may_be_due(&all, written, now).iter().map(|source| source.name).collect()
        };

        assert_eq!(found(&|_| None).len(), 4, "never written: at once");
        assert!(found(&|_| ago(1)).is_empty());
        assert_eq!(found(&|_| ago(3)), ["graph.alerts"], "half of five minutes");
        let changes_only = |name: &str| if name.ends_with("changes") { ago(31) } else { ago(1) };
        assert_eq!(
            found(&changes_only),
            ["defender.device_vulnerabilities", "defender.device_vulnerability_changes"]
        );
    }

    #[test]
    fn a_message_carries_the_times_asked_for() {
        let window = Window::read("2026-11-01", "2026-11-02").unwrap();
        let text = r#"{"run":"20261122T101500Z","tenant":"t","source":"s","from":"20261101T000000Z","to":"20261102T000000Z"}"#;

        let message: Message = serde_json::from_str(text).unwrap();

        assert_eq!(message.window(), Ok(Some(window)));
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
        let half = text.replace(r#","to":"20261102T000000Z""#, "");
        let half: Message = serde_json::from_str(&half).unwrap();
        assert!(half.window().unwrap_err().contains("give both"));
        assert!(
            serde_json::from_str::<Message>(&text.replace("20261101T", "2026-11-01T")).is_err()
        );
    }

    #[test]
    fn a_message_has_no_more_fields_than_it_needs() {
        let job = Job {
            run: RunId::at(instant("2026-11-22T10:15:00Z")),
            tenant: "11111111-2222-3333-4444-555555555555".to_owned(),
            source: DEVICES,
            now: false,
            window: None,
        };

        let text = serde_json::to_string(&Message::from(&job)).unwrap();

        assert_eq!(
            text,
            r#"{"run":"20261122T101500Z","tenant":"11111111-2222-3333-4444-555555555555","source":"defender.devices"}"#
        );
    }
}
