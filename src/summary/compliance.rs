//! Regulatory compliance: the standards of all subscriptions together, and of each.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Freshness, Known, Listed, Seen, rounded};
use crate::digest::{
    AzureSubscriptions, ComplianceStandards, ComplianceStanding, ComplianceState, ControlCounts,
    Digest, Kind,
};
use jiff::Timestamp;

/// Regulatory compliance over all subscriptions, by standard.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compliance {
    /// Each standard, those with the most failed controls first.
    pub standards: Vec<Standard>,
    /// Whether all subscriptions are counted; beyond 20,000 standards of subscriptions some are not.
    pub exact: bool,
    /// How old it is.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// A standard over all subscriptions that are assessed against it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Standard {
    /// Its name, such as `PCI-DSS-4`.
    pub standard: String,
    /// `Failed` where a control has failed in any subscription; `Passed` where all that are supported
    /// have passed, or were skipped beside others that passed; `Skipped` where all were; `Unsupported`
    /// where there is none; `Unknown` where the service says nothing that is documented.
    pub state: ComplianceState,
    /// Subscriptions that are assessed against it.
    pub subscriptions: u64,
    /// Its controls by state, each counted once a subscription.
    #[serde(flatten)]
    pub controls: ControlCounts,
    /// Passed ones among those that passed or failed, 0 to 100, to two decimals.
    pub passed_percent: Option<f64>,
}

/// A standard in one subscription.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionStandard {
    /// The subscription's id.
    pub subscription_id: String,
    /// Its name, where it is known.
    pub subscription: Option<String>,
    /// The standard's name.
    pub standard: String,
    /// The standard's state there, as Microsoft gives it.
    pub state: ComplianceState,
    /// Its controls by state.
    #[serde(flatten)]
    pub controls: ControlCounts,
    /// Passed ones among those that passed or failed, 0 to 100, to two decimals.
    pub passed_percent: Option<f64>,
}

pub(super) fn compliance(seen: &Seen) -> Option<Compliance> {
    let (Digest::ComplianceStandards(fold), freshness) = seen.digest(Kind::ComplianceStandards)?
    else {
        return None;
    };
    let mut standards: Vec<_> =
        fold.standards.iter().map(|(name, of)| Standard::of(name, of)).collect();
    // Stable: equals stay in the order of their names.
    standards.sort_by_key(|standard| std::cmp::Reverse(standard.controls.failed));
    Some(Compliance { standards, exact: fold.beyond == 0, freshness })
}

impl Standard {
    fn of(name: &str, of: &BTreeMap<String, ComplianceStanding>) -> Standard {
        let counts = of.values().map(|standing| standing.controls);
        let controls = counts.fold(ControlCounts::default(), ControlCounts::with);
        Standard {
            standard: name.to_owned(),
            state: ComplianceState::of_all(of.values().map(|standing| standing.state)),
            subscriptions: of.len() as u64,
            controls,
            passed_percent: controls.passed_percent().map(rounded),
        }
    }
}

/// Standards of subscriptions, in the order of subscriptions and standards; nothing where they were never
/// collected.
pub fn compliance_list(known: &[Known], now: Timestamp) -> Option<Listed<SubscriptionStandard>> {
    let seen = Seen { known, now };
    let (latest, freshness) = seen.latest(Kind::ComplianceStandards)?;
    let Digest::ComplianceStandards(fold) = &latest.digest else { return None };
    let names = match seen.digest(Kind::AzureSubscriptions) {
        Some((Digest::AzureSubscriptions(names), _)) => Some(names),
        _ => None,
    };
    let beyond = (fold.beyond > 0).then(|| format!("{} more are not kept", fold.beyond));
    Some(Listed { items: listed(fold, names), of: latest.run.clone(), freshness, note: beyond })
}

fn listed(
    fold: &ComplianceStandards,
    names: Option<&AzureSubscriptions>,
) -> Vec<SubscriptionStandard> {
    let of_standard = |(standard, of): (&String, &BTreeMap<String, ComplianceStanding>)| {
        let one = |(id, standing): (&String, &ComplianceStanding)| SubscriptionStandard {
            subscription_id: id.clone(),
            subscription: names.and_then(|names| names.names.get(id)).cloned(),
            standard: standard.clone(),
            state: standing.state,
            controls: standing.controls,
            passed_percent: standing.controls.passed_percent().map(rounded),
        };
        of.iter().map(one).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = fold.standards.iter().flat_map(of_standard).collect();
    let key = |one: &SubscriptionStandard| (one.subscription_id.clone(), one.standard.clone());
    all.sort_by_cached_key(key);
    all
}
