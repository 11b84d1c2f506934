//! Which jobs are due at an instant, one per tenant and source; pure.

mod message;
mod run_id;
mod window;

pub use message::{Job, Message};
pub use run_id::RunId;
pub use window::Window;

use crate::source::{Reads, Source};
use jiff::{SignedDuration, Timestamp};

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
}
