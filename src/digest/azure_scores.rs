//! The secure score of Defender for Cloud: each subscription's, and all of them together.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lenient;

/// Subscriptions that are kept; Resource Graph itself reads 10,000 at most.
const MAX_SUBSCRIPTIONS: usize = 10_000;

/// The initiative that makes the score which the portal shows; others are assigned by choice.
const DEFAULT_INITIATIVE: &str = "ascScore";

/// The score of each subscription, at most 10,000, by the default initiative.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AzureScores {
    /// By the subscription's id in lower case.
    pub subscriptions: BTreeMap<String, AzureScore>,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// A subscription's score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AzureScore {
    /// Points reached.
    pub current: Option<f64>,
    /// Points that can be reached.
    pub max: Option<f64>,
    /// Share of the maximum, 0 to 1.
    pub percentage: Option<f64>,
    /// What the subscription counts beside others.
    pub weight: Option<f64>,
}

impl AzureScores {
    /// The share of all subscriptions together, 0 to 1: each one's share by its weight. Nothing where no
    /// subscription has a share and a weight above zero.
    pub fn combined(&self) -> Option<f64> {
        let weighed = self.subscriptions.values().filter_map(|score| {
            Some((score.percentage?, score.weight.filter(|weight| *weight > 0.0)?))
        });
        let (sum, whole) = weighed.fold((0.0, 0.0), |(sum, whole), (share, weight)| {
            (sum + share * weight, whole + weight)
        });
        (whole > 0.0).then(|| sum / whole)
    }

    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let record: Record = lenient::record(line)?;
        if !record.name?.eq_ignore_ascii_case(DEFAULT_INITIATIVE) {
            return Some(());
        }
        let id = record.subscription_id?.to_lowercase();
        if self.subscriptions.len() < MAX_SUBSCRIPTIONS || self.subscriptions.contains_key(&id) {
            let score = AzureScore {
                current: record.current_score,
                max: record.max_score,
                percentage: record.percentage,
                weight: record.weight,
            };
            self.subscriptions.insert(id, score);
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
    #[serde(deserialize_with = "lenient::number")]
    current_score: Option<f64>,
    #[serde(deserialize_with = "lenient::number")]
    max_score: Option<f64>,
    #[serde(deserialize_with = "lenient::number")]
    percentage: Option<f64>,
    #[serde(deserialize_with = "lenient::number")]
    weight: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Digest, Kind};

    fn folded(lines: &[&str]) -> AzureScores {
        let mut digest = Digest::new(Kind::AzureScores);
        lines.iter().for_each(|line| digest.add(line.as_bytes()));
        let Digest::AzureScores(scores) = digest else { panic!("another kind") };
        scores
    }

    #[test]
    fn shares_are_combined_by_weight_and_each_subscription_counts_once() {
        let large = r#"{"name":"ascScore","subscriptionId":"AAAA","currentScore":20,"maxScore":40,"percentage":0.5,"weight":90}"#;
        let small =
            r#"{"name":"ASCScore","subscriptionId":"bbbb","percentage":"1.0","weight":"10"}"#;

        let scores = folded(&[large, small, &large.replace("AAAA", "aaaa")]);

        assert_eq!(scores.subscriptions.len(), 2);
        let first = &scores.subscriptions["aaaa"];
        assert_eq!((first.current, first.max), (Some(20.0), Some(40.0)));
        assert!((scores.combined().unwrap() - 0.55).abs() < 1e-9);
    }

    #[test]
    fn other_initiatives_and_missing_weights_count_for_nothing() {
        let scores = folded(&[
            r#"{"name":"custom","subscriptionId":"a","percentage":1,"weight":5}"#,
            r#"{"name":"ascScore","subscriptionId":"b","percentage":0.4}"#,
            r#"{"name":"ascScore","subscriptionId":"c","percentage":null,"weight":7}"#,
            r#"{"name":"ascScore","subscriptionId":"d","percentage":0.4,"weight":0}"#,
            r#"{"name":"ascScore"}"#,
            "[]",
        ]);

        assert_eq!((scores.subscriptions.len(), scores.unreadable), (3, 2));
        assert_eq!(scores.combined(), None);
    }
}
