//! What is known of a vulnerability outside, beside what Defender says; and the risk order by both.

use super::Known;
use crate::digest::{
    DeviceVulnerabilities, Digest, Epss, Exploited, Flaw, KnownExploited, Nvd, NvdRecord,
};
use crate::risk::{self, Exposure, Facts, Listed, Risk};
use schemars::JsonSchema;
use serde::Serialize;

/// Vulnerabilities of the risk order that an answer names.
const MOST_RANKED: usize = 10;

/// What is known of a vulnerability outside; what is null is unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outside {
    /// Whether CISA lists it as exploited; null where its catalogue isn't read.
    pub known_exploited: Option<bool>,
    /// What the catalogue says of it.
    pub exploited: Option<Exploited>,
    /// When the catalogue was released.
    pub catalogue_released: Option<String>,
    /// Probability that it is exploited within 30 days.
    pub probability: Option<Probability>,
    /// What NVD says of it.
    pub nvd: Option<NvdRecord>,
}

/// An exploit probability.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Probability {
    /// 0 to 1.
    pub score: f64,
    /// Part of all vulnerabilities with this score or less, 0 to 1.
    pub percentile: Option<f64>,
    /// The model that says so: scores of two models don't compare.
    pub model: Option<String>,
    /// When it was made.
    pub date: Option<String>,
}

/// A vulnerability of the risk order.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ranked {
    /// Mostly a CVE id.
    pub id: String,
    /// Machines exposed to it.
    pub exposed_machines: u64,
    /// Its risk, and what that is made of.
    pub risk: Risk,
}

/// A vulnerability of Defender's list with its risk to the tenant.
pub(super) struct Weighed<'a> {
    /// Its id.
    pub id: &'a str,
    /// What Defender's list says of it.
    pub flaw: &'a Flaw,
    /// Its risk.
    pub risk: Risk,
}

/// The newest of each of these, as far as they are kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Join<'a> {
    kev: Option<&'a KnownExploited>,
    epss: Option<&'a Epss>,
    nvd: Option<&'a Nvd>,
    flaws: Option<&'a std::collections::BTreeMap<String, Flaw>>,
    devices: Option<u64>,
    rows: Option<&'a DeviceVulnerabilities>,
}

impl<'a> Join<'a> {
    /// What of these sources says something of vulnerabilities.
    pub fn of(known: &'a [Known]) -> Join<'a> {
        let mut join = Join::default();
        for latest in known.iter().filter_map(|known| known.latest.as_deref()) {
            match &latest.digest {
                Digest::KnownExploited(fold) => join.kev = Some(fold),
                Digest::Epss(fold) => join.epss = Some(fold),
                Digest::Nvd(fold) => join.nvd = Some(fold),
                Digest::Vulnerabilities(fold) => join.flaws = Some(&fold.flaws),
                Digest::DeviceVulnerabilities(fold) => join.rows = Some(fold),
                Digest::Devices(fold) => join.devices = Some(fold.total),
                _ => {}
            }
        }
        join
    }

    /// What is known of a vulnerability outside.
    pub fn outside(&self, id: &str) -> Outside {
        let id = id.to_ascii_uppercase();
        let exploited = self.kev.and_then(|kev| kev.records.get(&id));
        let scored = self.epss.and_then(|epss| Some((epss, epss.scores.get(&id)?)));
        Outside {
            known_exploited: self.kev.map(|_| exploited.is_some()),
            exploited: exploited.cloned(),
            catalogue_released: self.kev.and_then(|kev| kev.released.clone()),
            probability: scored.map(|(epss, (score, percentile))| Probability {
                score: *score,
                percentile: *percentile,
                model: epss.model.clone(),
                date: epss.scored.clone(),
            }),
            nvd: self.nvd.and_then(|nvd| nvd.records.get(&id)).cloned(),
        }
    }

    /// The facts that a vulnerability's risk follows from. Where Defender's list doesn't have it, `flaw` is
    /// what else is known.
    pub fn facts(&self, id: &str, flaw: &Flaw) -> Facts {
        let outside = self.outside(id);
        let listed = match (outside.known_exploited, &outside.exploited) {
            (None, _) => None,
            (_, Some(Exploited { ransomware: true, .. })) => Some(Listed::ByRansomware),
            (_, Some(_)) => Some(Listed::Exploited),
            _ => Some(Listed::No),
        };
        let dated = outside.probability.as_ref();
        let cvss = outside.nvd.as_ref().and_then(|nvd| nvd.score);
        // Counts up to 2^53 are exact.
        let part = |devices: u64| flaw.machines as f64 / devices.max(flaw.machines).max(1) as f64;
        Facts {
            listed,
            exploit: flaw.exploit,
            // Defender's copy has no day, hence no date beside it.
            probability: dated.map(|dated| dated.score).or(flaw.epss),
            cvss: flaw.cvss.or(cvss),
            severity: flaw.severity.clone(),
            exposure: self.devices.map(part).map(Exposure::Part),
            criticality: None,
            as_of: [outside.catalogue_released, dated.and_then(|dated| dated.date.clone()), None],
        }
    }

    /// The risk of a vulnerability to the tenant as a whole, as its newest snapshots have it.
    pub fn risk(&self, id: &str, flaw: &Flaw) -> Risk {
        risk::risk(&self.facts(id, flaw))
    }

    /// What Defender's list says of it.
    pub fn flaw(&self, id: &str) -> Option<&'a Flaw> {
        self.flaws?.get(id)
    }

    /// The risk of a vulnerability by its id; of one that Defender's list doesn't have, the exposure is
    /// unknown.
    pub fn risk_of(&self, id: &str) -> Risk {
        match self.flaw(id) {
            Some(flaw) => self.risk(id, flaw),
            None => risk::risk(&Facts { exposure: None, ..self.facts(id, &Flaw::default()) }),
        }
    }

    /// Whether CISA lists it as exploited; nothing where its catalogue isn't read.
    pub fn lists(&self, id: &str) -> Option<bool> {
        self.kev.map(|kev| kev.records.contains_key(&id.to_ascii_uppercase()))
    }

    /// The ids of the CVEs behind a recommendation, as of the last full snapshot of the rows; nothing where
    /// they aren't all known.
    pub fn behind(&self, recommendation: &str) -> Option<Vec<String>> {
        self.rows?.behind(recommendation)
    }

    /// Rows on devices whose recommendation and CVE didn't fit in what is kept of both.
    pub fn beyond(&self) -> u64 {
        self.rows.map_or(0, DeviceVulnerabilities::beyond)
    }

    /// Whether CISA's catalogue is read here.
    pub fn reads_catalogue(&self) -> bool {
        self.kev.is_some()
    }

    /// The vulnerabilities with exposed machines by risk, the highest first, ten at most.
    pub fn ranked(&self) -> Vec<Ranked> {
        let first = self.weighed().into_iter().take(MOST_RANKED);
        let made = |Weighed { id, flaw, risk }: Weighed<'_>| Ranked {
            id: id.to_owned(),
            exposed_machines: flaw.machines,
            risk,
        };
        first.map(made).collect()
    }

    /// All vulnerabilities with exposed machines by risk, the highest first; of equals the one on the most
    /// machines.
    pub(super) fn weighed(&self) -> Vec<Weighed<'a>> {
        let flaws = self.flaws.into_iter().flatten();
        let weigh = |(id, flaw): (&'a String, &'a Flaw)| {
            let risk = self.risk(id, flaw);
            Weighed { id, flaw, risk }
        };
        let mut weighed: Vec<_> = flaws.map(weigh).collect();
        weighed.sort_by(|one, other| {
            let by_score = other.risk.score.total_cmp(&one.risk.score);
            by_score.then(other.flaw.machines.cmp(&one.flaw.machines)).then(one.id.cmp(other.id))
        });
        weighed
    }
}
