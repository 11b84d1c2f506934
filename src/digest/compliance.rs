//! Regulatory compliance of Defender for Cloud: each standard in each subscription.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient;

/// Standards of subscriptions that are kept; with them the digest stays below 2 MB.
const MAX_KEPT: usize = 20_000;

/// Longest name of a standard that is kept, in characters.
const MAX_CHARS: usize = 120;

/// Regulatory compliance standards by name, each by the subscriptions that are assessed against it:
/// at most 20,000 of both together. A record that comes twice counts once.
///
/// <https://learn.microsoft.com/rest/api/defenderforcloud/regulatory-compliance-standards/list>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComplianceStandards {
    /// By the standard's name and the subscription's id in lower case.
    pub standards: BTreeMap<String, BTreeMap<String, Standing>>,
    /// Records beyond those that are kept.
    pub beyond: u64,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// How a subscription stands against a standard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(ComplianceState, [u64; 4])", into = "(ComplianceState, [u64; 4])")]
pub struct Standing {
    /// All of it together.
    pub state: ComplianceState,
    /// Its controls by state.
    pub controls: ControlCounts,
}

/// Controls of a standard by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlCounts {
    /// All supported assessments passed.
    pub passed: u64,
    /// A supported assessment failed.
    pub failed: u64,
    /// All supported assessments were skipped: nothing there that they concern.
    pub skipped: u64,
    /// Nothing assesses them by itself: somebody has to.
    pub unsupported: u64,
}

/// The state of a standard, as Microsoft defines it over its supported controls.
///
/// <https://learn.microsoft.com/rest/api/defenderforcloud/regulatory-compliance-standards/list#state>
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum ComplianceState {
    /// At least one has failed.
    Failed,
    /// All have passed, or were skipped beside others that passed.
    Passed,
    /// All were skipped.
    Skipped,
    /// There is no supported one.
    Unsupported,
    /// None is given, or one that isn't documented.
    #[default]
    Unknown,
}

impl ComplianceState {
    fn read(text: Option<&str>) -> ComplianceState {
        let all = [
            ("Failed", ComplianceState::Failed),
            ("Passed", ComplianceState::Passed),
            ("Skipped", ComplianceState::Skipped),
            ("Unsupported", ComplianceState::Unsupported),
        ];
        let is = |name: &str| text.is_some_and(|text| text.eq_ignore_ascii_case(name));
        all.into_iter().find(|(name, _)| is(name)).map_or_else(Default::default, |(_, state)| state)
    }

    /// The state of several subscriptions together, by the same definition.
    pub fn of_all(states: impl Iterator<Item = ComplianceState>) -> ComplianceState {
        // They stand in the order in which one decides over all.
        states.min().unwrap_or_default()
    }

    /// Its name, as Microsoft spells it.
    pub fn name(self) -> &'static str {
        match self {
            ComplianceState::Failed => "Failed",
            ComplianceState::Passed => "Passed",
            ComplianceState::Skipped => "Skipped",
            ComplianceState::Unsupported => "Unsupported",
            ComplianceState::Unknown => "Unknown",
        }
    }
}

impl ControlCounts {
    /// Both together.
    pub fn with(self, other: ControlCounts) -> ControlCounts {
        ControlCounts {
            passed: self.passed.saturating_add(other.passed),
            failed: self.failed.saturating_add(other.failed),
            skipped: self.skipped.saturating_add(other.skipped),
            unsupported: self.unsupported.saturating_add(other.unsupported),
        }
    }

    /// Share of those that passed among those that passed or failed, 0 to 100; nothing where none did.
    pub fn passed_percent(self) -> Option<f64> {
        let judged = self.passed.saturating_add(self.failed);
        (judged > 0).then(|| 100.0 * self.passed as f64 / judged as f64)
    }
}

impl From<(ComplianceState, [u64; 4])> for Standing {
    fn from((state, counts): (ComplianceState, [u64; 4])) -> Standing {
        let [passed, failed, skipped, unsupported] = counts;
        Standing { state, controls: ControlCounts { passed, failed, skipped, unsupported } }
    }
}

impl From<Standing> for (ComplianceState, [u64; 4]) {
    fn from(standing: Standing) -> (ComplianceState, [u64; 4]) {
        let ControlCounts { passed, failed, skipped, unsupported } = standing.controls;
        (standing.state, [passed, failed, skipped, unsupported])
    }
}

impl ComplianceStandards {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let record: Record = lenient::record(line)?;
        let name = lenient::cut(record.name.as_deref()?, MAX_CHARS);
        let subscription = record.subscription_id.as_deref()?.to_lowercase();
        let counts = [
            record.passed_controls,
            record.failed_controls,
            record.skipped_controls,
            record.unsupported_controls,
        ];
        let state = ComplianceState::read(record.state.as_deref());
        let standing = Standing::from((state, counts.map(Option::unwrap_or_default)));
        let kept: usize = self.standards.values().map(BTreeMap::len).sum();
        let of_name = self.standards.get_mut(name);
        match of_name {
            Some(of) if kept < MAX_KEPT || of.contains_key(&subscription) => {
                of.insert(subscription, standing);
            }
            None if kept < MAX_KEPT => {
                let of = BTreeMap::from([(subscription, standing)]);
                self.standards.insert(name.to_owned(), of);
            }
            _ => self.beyond += 1,
        }
        Some(())
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    subscription_id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    state: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::count")]
    passed_controls: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    failed_controls: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    skipped_controls: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    unsupported_controls: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Digest, Kind};

    fn standard(name: &str, subscription: &str, state: &str, counts: [u64; 4]) -> String {
        let [passed, failed, skipped, unsupported] = counts;
        format!(
            r#"{{"name":"{name}","subscriptionId":"{subscription}","state":"{state}","passedControls":{passed},
            "failedControls":"{failed}","skippedControls":{skipped},"unsupportedControls":{unsupported}}}"#
        )
    }

    fn folded(lines: &[String]) -> Digest {
        let mut digest = Digest::new(Kind::ComplianceStandards);
        lines.iter().for_each(|line| digest.add(line.as_bytes()));
        digest
    }

    fn standards(digest: &Digest) -> &ComplianceStandards {
        let Digest::ComplianceStandards(standards) = digest else { panic!("another kind") };
        standards
    }

    #[test]
    fn each_subscription_counts_once_for_each_standard() {
        let digest = folded(&[
            standard("PCI-4", "AAAA", "failed", [7, 4, 1, 0]),
            standard("PCI-4", "bbbb", "Skipped", [0, 0, 10, 2]),
            standard("PCI-4", "aaaa", "Failed", [8, 3, 1, 0]),
            standard("ISO", "aaaa", "Certified", [1, 0, 0, 0]),
            r#"{"name":"ISO"}"#.to_owned(),
        ]);

        let found = standards(&digest);
        let pci = &found.standards["PCI-4"];
        assert_eq!((pci.len(), found.unreadable), (2, 1));
        assert_eq!(pci["aaaa"].controls.passed, 8);
        assert_eq!(pci["bbbb"].state, ComplianceState::Skipped);
        assert_eq!(found.standards["ISO"]["aaaa"].state, ComplianceState::Unknown);
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest, "{json}");
    }

    #[test]
    fn states_are_combined_as_microsoft_defines_them() {
        use ComplianceState::{Failed, Passed, Skipped, Unknown, Unsupported};
        let all = |states: &[ComplianceState]| ComplianceState::of_all(states.iter().copied());

        assert_eq!(all(&[Passed, Failed, Skipped]), Failed);
        assert_eq!(all(&[Passed, Skipped, Unsupported]), Passed);
        assert_eq!(all(&[Skipped, Unsupported]), Skipped);
        assert_eq!(all(&[Unsupported, Unknown]), Unsupported);
        assert_eq!(all(&[]), Unknown);
    }

    #[test]
    fn skipped_and_unsupported_controls_count_for_no_share() {
        let counts = ControlCounts { passed: 3, failed: 1, skipped: 50, unsupported: 9 };

        assert_eq!(counts.passed_percent(), Some(75.0));
        assert_eq!(ControlCounts { skipped: 5, ..Default::default() }.passed_percent(), None);
    }

    #[test]
    fn more_than_is_kept_is_counted_and_the_digest_stays_small() {
        let id = |number: usize| format!("{number:08}-2222-3333-4444-555555555555");
        let lines: Vec<_> = (0..MAX_KEPT + 3)
            .map(|number| standard(&format!("S{}", number % 7), &id(number), "Failed", [99; 4]))
            .collect();

        let digest = folded(&lines);

        assert_eq!(standards(&digest).beyond, 3);
        let size = serde_json::to_string(&digest).unwrap().len();
        assert!(size < 2_000_000, "{size} bytes");
    }
}
