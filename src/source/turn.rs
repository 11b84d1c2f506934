//! Which sources can use up a tenant's budget at an API by themselves.

use super::{ASSESSMENTS, COMPLIANCE_ASSESSMENTS, Fetch, Reads, Source};

/// The budget of Defender's exports, their pages and their changes.
const EXPORTS: &str = "defender-exports";
/// The budget of advanced hunting: calls a minute, and CPU in a quarter of an hour.
const HUNTING: &str = "graph-hunting";
/// The budget of Resource Graph: queries in five seconds.
const RESOURCES: &str = "resource-graph";
/// A row for each resource and finding: a thousand pages and more.
const MANY_ROWS: [&str; 2] = [ASSESSMENTS.name, COMPLIANCE_ASSESSMENTS.name];

impl Source {
    /// The budget whose turn a heavy source takes before it asks its API, so that instances of the
    /// service don't spend it several times; nothing for a light one, which a few calls read.
    ///
    /// An export's files lie in storage, outside every budget: it needs the turn while they are listed,
    /// and where it reads by pages instead. `docs/limits.md` says why the others are light.
    pub fn turn(&self) -> Option<&'static str> {
        match (self.fetch, self.reads) {
            (Fetch::Export { .. }, _) | (_, Reads::Changes { .. }) => Some(EXPORTS),
            (Fetch::Hunting(_), _) => Some(HUNTING),
            (Fetch::Resources(_), _) if MANY_ROWS.contains(&self.name) => Some(RESOURCES),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{ALERTS, ALL, DEVICE_VULNERABILITY_CHANGES, DEVICES};
    use std::collections::BTreeSet;

    #[test]
    fn exports_hunting_and_long_walks_through_resources_take_turns() {
        let turns: BTreeSet<_> = ALL.iter().filter_map(Source::turn).collect();
        let of = |turn| ALL.iter().filter(|source| source.turn() == Some(turn)).count();

        assert_eq!(turns, BTreeSet::from([EXPORTS, HUNTING, RESOURCES]));
        assert_eq!([of(EXPORTS), of(HUNTING), of(RESOURCES)], [8, 8, 2]);
        assert_eq!(DEVICE_VULNERABILITY_CHANGES.turn(), Some(EXPORTS));
        assert_eq!([DEVICES.turn(), ALERTS.turn()], [None, None]);
    }

    #[test]
    fn the_page_of_limits_has_every_turn() {
        let text = std::fs::read_to_string("docs/limits.md").unwrap();
        for turn in ALL.iter().filter_map(Source::turn) {
            assert!(text.contains(&format!("| `{turn}` |")), "docs/limits.md has no {turn}");
        }
    }
}
