//! Which vulnerabilities stand behind each recommendation.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::lenient;
use super::packed::{self, Bytes, Packed};

/// Pairs of a recommendation and a CVE that are kept, in 8 bytes of text each.
const MAX_PAIRS: usize = 60_000;
/// Recommendations that are told apart.
const MAX_RECOMMENDATIONS: usize = 2_000;
/// Longest id of a recommendation, in bytes; longer ones are cut, as in the list of recommendations.
const MAX_BYTES: usize = 160;

/// The CVEs behind each recommendation, by the recommendation's id in lower case.
///
/// Bounded: 2,000 recommendations and 60,000 pairs. What doesn't fit is counted, and a recommendation that
/// lacks a CVE for that reason is marked. Vulnerabilities without a CVE id aren't kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Behind {
    of: BTreeMap<String, Cves>,
    /// Recommendations whose CVEs aren't all kept.
    cut: BTreeSet<String>,
    /// Rows whose recommendation or CVE didn't fit.
    pub beyond: u64,
    /// Pairs in all.
    pairs: usize,
}

/// Year and number of a CVE id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cve(u16, u32);

#[derive(Clone, Debug, Default, PartialEq)]
struct Cves(BTreeSet<Cve>);

impl Cve {
    /// Nothing where it is no CVE id.
    pub(super) fn read(id: &str) -> Option<Cve> {
        let (head, rest) = id.split_at_checked(4)?;
        let (year, number) = rest.split_once('-')?;
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_one = head.eq_ignore_ascii_case("cve-")
            && (year.len() == 4 && is_digits(year))
            && (number.len() == 4 || number.len() > 4 && !number.starts_with('0'))
            && is_digits(number);
        is_one.then_some(Cve(year.parse().ok()?, number.parse().ok()?))
    }

    fn id(self) -> String {
        format!("CVE-{:04}-{:04}", self.0, self.1)
    }
}

impl Behind {
    /// Takes a row's recommendation and vulnerability, once however often they come.
    pub(super) fn add(&mut self, recommendation: &str, cve: &str) {
        if let Some(cve) = Cve::read(cve) {
            self.take(&key(recommendation), [cve].into_iter());
        }
    }

    /// Takes all that another one has.
    pub(super) fn merge(&mut self, other: &Behind) {
        for (recommendation, cves) in &other.of {
            self.take(recommendation, cves.0.iter().copied());
        }
        self.cut.extend(other.cut.iter().filter(|id| self.of.contains_key(*id)).cloned());
        self.beyond += other.beyond;
    }

    fn take(&mut self, recommendation: &str, cves: impl Iterator<Item = Cve>) {
        if !self.of.contains_key(recommendation) {
            if self.of.len() >= MAX_RECOMMENDATIONS {
                self.beyond += cves.count() as u64;
                return;
            }
            self.of.insert(recommendation.to_owned(), Cves::default());
        }
        let Some(own) = self.of.get_mut(recommendation) else { return };
        for cve in cves {
            if self.pairs < MAX_PAIRS {
                self.pairs += usize::from(own.0.insert(cve));
            } else if !own.0.contains(&cve) {
                self.beyond += 1;
                self.cut.insert(recommendation.to_owned());
            }
        }
    }

    /// The ids of the CVEs behind a recommendation, the oldest first; nothing where they aren't all kept.
    pub(super) fn of(&self, recommendation: &str) -> Option<Vec<String>> {
        let key = key(recommendation);
        let Some(cves) = self.of.get(key.as_ref()) else {
            return (self.beyond == 0).then(Vec::new);
        };
        (!self.cut.contains(key.as_ref())).then(|| cves.0.iter().map(|cve| cve.id()).collect())
    }
}

fn key(recommendation: &str) -> Cow<'_, str> {
    let cut = lenient::cut_bytes(recommendation, MAX_BYTES);
    match cut.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(cut.to_ascii_lowercase()),
        false => Cow::Borrowed(cut),
    }
}

impl Packed for Cve {
    const BYTES: usize = 6;

    fn pack(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
        out.extend_from_slice(&self.1.to_le_bytes());
    }

    fn unpack(mut bytes: Bytes<'_>) -> Option<Self> {
        Some(Cve(u16::from_le_bytes(bytes.take()?), u32::from_le_bytes(bytes.take()?)))
    }
}

impl Serialize for Cves {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        packed::serialize(self.0.iter().copied(), to)
    }
}

impl<'de> Deserialize<'de> for Cves {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Cves, D::Error> {
        packed::deserialize::<Cve, _, _>(from).map(Cves)
    }
}
