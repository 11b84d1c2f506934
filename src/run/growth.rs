//! Sources that are read past what is known: where a run begins, and what it passes over. Pure.

use crate::checkpoint::Current;
use crate::plan::Window;
use crate::source::{Reads, Source};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Records of the overlap that are remembered at most; beyond, a repeat is kept again, which is
/// harmless.
const MAX_RECENT: usize = 20_000;

/// How far the newest complete run has read, and the records that its overlap brings again.
pub(super) type Known = Arc<(Option<String>, BTreeMap<String, String>)>;

/// Path and query of a run's first request.
pub(super) fn first_path(source: Source, since: Option<&str>, now: Timestamp) -> String {
    let path = source.fetch.path();
    if let Reads::Changes { parameter, overlap, first, reach, .. } = source.reads {
        let known = since.and_then(|since| since.parse::<Timestamp>().ok());
        let from = known.map_or(now - first, |since| since - overlap);
        // An hour within the service's reach, so that the request doesn't leave it on the way.
        let from = from.max(now - reach + SignedDuration::from_hours(1));
        let sign = sign_after(path);
        return format!("{path}{sign}{parameter}={}", from.strftime("%Y-%m-%dT%H:%M:%SZ"));
    }
    let Reads::Updated { fields: [field, ..], filter: true, overlap, first } = source.reads else {
        return path.to_owned();
    };
    let known = since.and_then(|since| since.parse::<Timestamp>().ok());
    let from = known.map_or(now - first, |since| since - overlap);
    let sign = sign_after(path);
    let from = from.strftime("%Y-%m-%dT%H:%M:%SZ");
    format!("{path}{sign}$filter={field}%20ge%20{from}")
}

/// Path and query of the first request for what was alive at some time in a window: made before its end
/// and updated after its beginning.
///
/// The service knows the last update only. So this has all that was made or updated in the window, and
/// also what was open all through it; what is updated later stays in it.
pub(super) fn path_within(source: Source, window: &Window) -> String {
    let path = source.fetch.path();
    let Reads::Updated { fields: [field, ..], filter: true, .. } = source.reads else {
        return path.to_owned();
    };
    let sign = sign_after(path);
    let (from, to) = (window.from.instant(), window.to.instant());
    format!("{path}{sign}$filter={field}%20ge%20{from}%20and%20createdDateTime%20le%20{to}")
}

/// What joins a further parameter to a path.
fn sign_after(path: &str) -> char {
    if path.contains('?') { '&' } else { '?' }
}

/// Whether an update's date lies within the overlap before `since`.
pub(super) fn is_within(reads: Reads, stamp: &str, since: &str) -> bool {
    let Reads::Updated { overlap, .. } = reads else { return false };
    match (stamp.parse::<Timestamp>(), since.parse::<Timestamp>()) {
        (Ok(stamp), Ok(since)) => stamp >= since - overlap,
        _ => false,
    }
}

/// Remembers a kept record for the overlap; forgets those that no overlap can reach any more.
pub(super) fn remember(reads: Reads, current: &mut Current, id: &str, stamp: &str) {
    if !matches!(reads, Reads::Updated { .. }) {
        return;
    }
    if current.recent.len() >= MAX_RECENT {
        let newest = current.newest.clone().unwrap_or_default();
        current.recent.retain(|_, stamp| is_within(reads, stamp, &newest));
    }
    if current.recent.len() < MAX_RECENT {
        current.recent.insert(id.to_owned(), stamp.to_owned());
    }
}

/// Tells which records of a page are known already, and when nothing new can follow.
pub(super) struct Old {
    reads: Reads,
    known: Known,
    oldest: Option<String>,
    ordered: bool,
    reached: bool,
}

impl Old {
    pub(super) fn new(reads: Reads, known: Known) -> Old {
        Old { reads, known, oldest: None, ordered: true, reached: false }
    }

    /// Whether a record is known: told by its date, in an overlap by its id and date.
    pub(super) fn passes_over(&mut self, stamp: Option<&str>, id: impl FnOnce() -> String) -> bool {
        let (Some(since), Some(stamp)) = (&self.known.0, stamp) else { return false };
        match self.reads {
            Reads::Whole | Reads::Modified | Reads::Changes { .. } => false,
            Reads::Updated { .. } => {
                let before = !is_newer(stamp, since) && !is_within(self.reads, stamp, since);
                before || self.known.1.get(&id()).is_some_and(|known| known == stamp)
            }
            Reads::Since(_) => {
                if self.oldest.as_deref().is_some_and(|oldest| is_newer(stamp, oldest)) {
                    self.ordered = false;
                }
                self.oldest = Some(stamp.to_owned());
                let old = !is_newer(stamp, since);
                self.reached |= old;
                old
            }
        }
    }

    /// Whether nothing new can follow: newest first, down to what is known. A page out of order
    /// proves nothing.
    pub(super) fn is_reached(&self) -> bool {
        self.reached && self.ordered
    }
}

/// Whether one date is later than another; texts that are no dates compare as texts.
pub(super) fn is_newer(one: &str, other: &str) -> bool {
    match (one.parse::<Timestamp>(), other.parse::<Timestamp>()) {
        (Ok(one), Ok(other)) => one > other,
        _ => one > other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{ALERTS, DEVICE_VULNERABILITY_CHANGES, DEVICES, SECURE_SCORES};

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_run_by_updates_begins_before_the_newest_known_one() {
        let now = instant("2026-11-22T10:00:00Z");

        let first = first_path(ALERTS, None, now);
        let next = first_path(ALERTS, Some("2026-11-22T09:55:00.123Z"), now);

        assert!(
            first.ends_with("&$filter=lastUpdateDateTime%20ge%202026-10-23T10:00:00Z"),
            "{first}"
        );
        assert!(
            next.ends_with("&$filter=lastUpdateDateTime%20ge%202026-11-22T09:40:00Z"),
            "{next}"
        );
        assert_eq!(first_path(DEVICES, None, now), DEVICES.fetch.path());
    }

    #[test]
    fn changes_are_asked_for_since_the_last_run_and_within_the_services_reach() {
        let now = instant("2026-11-22T10:00:00Z");
        let since = |text| first_path(DEVICE_VULNERABILITY_CHANGES, text, now);

        assert!(since(None).ends_with("&sinceTime=2026-11-21T10:00:00Z"));
        assert!(since(Some("2026-11-22T04:00:00Z")).ends_with("=2026-11-21T22:00:00Z"));
        assert!(since(Some("2026-10-01T00:00:00Z")).ends_with("=2026-11-08T11:00:00Z"));
    }

    #[test]
    fn in_the_overlap_only_an_unchanged_record_is_passed_over() {
        let recent = BTreeMap::from([("a".to_owned(), "2026-11-22T09:50:00Z".to_owned())]);
        let known = Arc::new((Some("2026-11-22T09:55:00Z".to_owned()), recent));
        let mut old = Old::new(ALERTS.reads, known);
        let mut passes = |id: &str, stamp| old.passes_over(Some(stamp), || id.to_owned());

        assert!(passes("a", "2026-11-22T09:50:00Z"), "kept already");
        assert!(!passes("a", "2026-11-22T09:56:00Z"), "updated since");
        assert!(!passes("b", "2026-11-22T09:50:00Z"), "late, or a tie");
        assert!(!passes("b", "2026-11-22T09:55:00Z"), "a tie with the newest");
        assert!(passes("c", "2026-11-22T01:00:00Z"), "before the overlap, from an unfiltered list");
        assert!(!passes("d", "2026-11-22T10:00:00Z"), "new");
    }

    #[test]
    fn a_list_newest_first_is_read_down_to_what_is_known() {
        let known = Arc::new((Some("2026-11-20T00:00:00Z".to_owned()), BTreeMap::new()));
        let mut old = Old::new(SECURE_SCORES.reads, known);

        assert!(!old.passes_over(Some("2026-11-21T00:00:00Z"), String::new));
        assert!(!old.is_reached());
        assert!(old.passes_over(Some("2026-11-20T00:00:00Z"), String::new));
        assert!(old.is_reached());
        assert!(!old.passes_over(Some("2026-11-22T00:00:00Z"), String::new));
        assert!(!old.is_reached(), "out of order: nothing is proved");
    }
}
