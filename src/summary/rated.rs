//! Recommendations with what is known outside of the vulnerabilities behind them.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Join, Known};
use crate::digest::Recommendation;

/// A recommendation, with what is known of the vulnerabilities that it ends.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RatedRecommendation {
    /// The recommendation.
    #[serde(flatten)]
    pub recommendation: Recommendation,
    /// How many of the CVEs behind it CISA lists as exploited, as of the last full snapshot of the
    /// vulnerabilities on devices; null where the catalogue isn't read, where not all of those CVEs are
    /// known, and of settings.
    pub known_exploited: Option<u64>,
    /// The one of those CVEs with the highest risk; null where they aren't all known.
    pub worst: Option<Worst>,
}

/// The vulnerability with the highest risk.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Worst {
    /// Its CVE id.
    pub id: String,
    /// Its risk to the tenant, 0 to 100 (docs/risk.md).
    pub score: f64,
}

/// Rates recommendations by one state of what is known.
pub(super) struct Rater<'a> {
    join: Join<'a>,
    /// Of each CVE that was met so far: one may stand behind many recommendations.
    met: HashMap<String, Met>,
}

#[derive(Clone, Copy)]
struct Met {
    listed: Option<bool>,
    score: f64,
}

impl<'a> Rater<'a> {
    pub(super) fn of(known: &'a [Known]) -> Rater<'a> {
        Rater { join: Join::of(known), met: HashMap::new() }
    }

    pub(super) fn rate(&mut self, recommendation: &Recommendation) -> RatedRecommendation {
        let behind = self.join.behind(&recommendation.id);
        // Without a row none is known of: only where Defender counts none either there is none.
        let is_told = |ids: &Vec<String>| !ids.is_empty() || recommendation.has_no_weakness();
        let ids = behind.filter(is_told);
        let met: Option<Vec<_>> = ids.map(|ids| ids.into_iter().map(|id| self.met(id)).collect());
        let listed = |met: &Vec<(String, Met)>| {
            self.join
                .reads_catalogue()
                .then(|| met.iter().filter(|(_, one)| one.listed == Some(true)).count() as u64)
        };
        // Of equals the newest: they come with the oldest first.
        let worst = |met: &Vec<(String, Met)>| {
            let worst = met.iter().max_by(|(_, one), (_, other)| one.score.total_cmp(&other.score));
            worst.map(|(id, one)| Worst { id: id.clone(), score: one.score })
        };
        RatedRecommendation {
            recommendation: recommendation.clone(),
            known_exploited: met.as_ref().and_then(listed),
            worst: met.as_ref().and_then(worst),
        }
    }

    /// What a list of rated ones leaves out, where it does.
    pub(super) fn note(&self) -> Option<String> {
        let beyond = self.join.beyond();
        (beyond > 0).then(|| {
            format!(
                "the CVEs of {beyond} rows on devices didn't fit: knownExploited and worst are null where one \
                 may be missing"
            )
        })
    }

    fn met(&mut self, id: String) -> (String, Met) {
        if let Some(met) = self.met.get(&id) {
            return (id, *met);
        }
        let met = Met { listed: self.join.lists(&id), score: self.join.risk_of(&id).score };
        self.met.insert(id.clone(), met);
        (id, met)
    }
}
