//! Vulnerabilities of a device or a software: how many, the worst of them, those with an exploit.

use super::Lookup;
use super::ask::Fold;
use super::gap::Gap;
use super::rows::FlawRow;
use crate::digest::{Flaw, Severities, lenient};
use crate::risk::{self, Facts, Risk};
use crate::source::VULNERABILITIES;
use crate::summary::Join;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;

/// Vulnerabilities with an exploit that an answer names.
const MOST_NAMED: usize = 20;
/// Longest description, in characters.
const DESCRIPTION_CHARS: usize = 600;

/// What is known of exploits, the worst last.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum Exploit {
    /// No exploit is known.
    #[default]
    None,
    /// An exploit is public.
    Public,
    /// An exploit is verified.
    Verified,
    /// An exploit kit has it.
    InKit,
}

/// A vulnerability.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Weakness")]
pub struct Vulnerability {
    /// Mostly a CVE id.
    pub id: String,
    /// `Critical`, `High`, `Medium` or `Low`.
    pub severity: Option<String>,
    /// CVSS version 3 score, 0 to 10.
    pub cvss: Option<f64>,
    /// Probability that it is exploited within 30 days, 0 to 1.
    pub epss: Option<f64>,
    /// What is known of exploits.
    pub exploit: Exploit,
    /// What it is about; null where a kept row doesn't say.
    pub description: Option<String>,
    /// Of a device's: whether CISA lists it as exploited; null where its catalogue isn't read.
    pub known_exploited: Option<bool>,
    /// Of a device's: its risk there, and what that is made of (docs/risk.md).
    pub risk: Option<Risk>,
}

/// Vulnerabilities of one device or software, each once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Weaknesses {
    /// All of them.
    pub total: u64,
    /// By severity.
    pub by_severity: Severities,
    /// Those with an exploit that is public, verified or in a kit.
    pub exploited: u64,
    /// Those that an exploit kit has.
    pub in_kit: u64,
    /// The worst: by exploit and severity together, then by CVSS score.
    pub worst: Option<Vulnerability>,
    /// Those with an exploit, 20 at most, the worst first; of a device's by risk.
    pub with_exploit: Vec<Vulnerability>,
    #[serde(skip)]
    #[schemars(skip)]
    seen: HashSet<String>,
}

impl Vulnerability {
    /// How bad it is: severity 1 to 4, and up to three for an exploit; then the score.
    fn weight(&self) -> (u8, f64) {
        (self.severity() + self.exploit as u8, self.cvss.unwrap_or(0.0))
    }

    /// What of it a risk follows from.
    fn flaw(&self) -> Flaw {
        let is_told = self.severity.is_some() || self.cvss.is_some();
        Flaw {
            machines: 1,
            cvss: self.cvss,
            epss: self.epss,
            severity: self.severity.clone(),
            exploit: is_told.then_some(self.exploit as u8),
        }
    }

    /// Its severity from 0, unknown, to 4, critical.
    pub(super) fn severity(&self) -> u8 {
        rank(self.severity.as_deref(), &["low", "medium", "high", "critical"])
    }
}

/// The place of a value among known ones, counted from 1 in any letter case; 0 for any other.
pub(super) fn rank(value: Option<&str>, known: &[&str]) -> u8 {
    let place =
        value.and_then(|value| known.iter().position(|one| one.eq_ignore_ascii_case(value)));
    place.map_or(0, |place| place as u8 + 1)
}

impl Weaknesses {
    pub(super) fn take(&mut self, one: Vulnerability) {
        if !self.seen.insert(one.id.clone()) {
            return;
        }
        self.total += 1;
        self.by_severity.add(one.severity.as_deref());
        self.in_kit += u64::from(one.exploit == Exploit::InKit);
        let is_worse = |than: &Vulnerability| one.weight() > than.weight();
        if one.exploit > Exploit::None {
            self.exploited += 1;
            let place = self.with_exploit.partition_point(|other| !is_worse(other));
            if place < MOST_NAMED {
                self.with_exploit.insert(place, one.clone());
                self.with_exploit.truncate(MOST_NAMED);
            }
        }
        if self.worst.as_ref().is_none_or(is_worse) {
            self.worst = Some(one);
        }
    }
}

impl Weaknesses {
    /// Puts what is known outside beside those that are named, and orders them by their risk to a device of
    /// that criticality.
    pub(super) fn rank(&mut self, join: Join<'_>, criticality: Option<u8>) {
        for one in self.with_exploit.iter_mut().chain(&mut self.worst) {
            one.known_exploited = join.outside(&one.id).known_exploited;
            // Of one device: which part of all is exposed says nothing of it.
            let facts = Facts { exposure: None, criticality, ..join.facts(&one.id, &one.flaw()) };
            one.risk = Some(risk::risk(&facts));
        }
        let score = |one: &Vulnerability| one.risk.as_ref().map_or(0.0, |risk| risk.score);
        self.with_exploit.sort_by(|one, other| score(other).total_cmp(&score(one)));
    }
}

impl Fold for Weaknesses {
    fn end(&mut self) {
        self.seen = HashSet::new();
    }

    fn add(&mut self, record: &[u8]) {
        if let Some(one) = lenient::record::<Record>(record).and_then(Record::vulnerability) {
            self.take(one);
        }
    }
}

/// A vulnerability as Defender lists it.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-discovered-vulnerabilities>
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Record {
    #[serde(deserialize_with = "lenient::owned")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::owned")]
    pub description: Option<String>,
    #[serde(deserialize_with = "lenient::owned")]
    pub severity: Option<String>,
    #[serde(deserialize_with = "lenient::number")]
    pub cvss_v3: Option<f64>,
    #[serde(deserialize_with = "lenient::owned")]
    pub cvss_vector: Option<String>,
    #[serde(deserialize_with = "lenient::number")]
    pub epss: Option<f64>,
    // A field of its own and no alias, because a record may have both spellings.
    #[serde(rename = "EPSS", deserialize_with = "lenient::number")]
    epss_in_capitals: Option<f64>,
    #[serde(deserialize_with = "lenient::flag")]
    public_exploit: Option<bool>,
    #[serde(deserialize_with = "lenient::flag")]
    exploit_verified: Option<bool>,
    #[serde(deserialize_with = "lenient::flag")]
    exploit_in_kit: Option<bool>,
    #[serde(deserialize_with = "lenient::owned_texts")]
    pub exploit_types: Vec<String>,
    #[serde(deserialize_with = "lenient::owned_texts")]
    pub exploit_uris: Vec<String>,
    #[serde(deserialize_with = "lenient::count")]
    pub exposed_machines: Option<u64>,
    #[serde(deserialize_with = "lenient::time")]
    pub published_on: Option<Timestamp>,
    #[serde(deserialize_with = "lenient::time")]
    pub updated_on: Option<Timestamp>,
}

impl Record {
    pub fn exploit(&self) -> Exploit {
        match (self.exploit_in_kit, self.exploit_verified, self.public_exploit) {
            (Some(true), _, _) => Exploit::InKit,
            (_, Some(true), _) => Exploit::Verified,
            (_, _, Some(true)) => Exploit::Public,
            _ => Exploit::None,
        }
    }

    pub fn vulnerability(self) -> Option<Vulnerability> {
        let exploit = self.exploit();
        let cut = |text: String| lenient::cut(&text, DESCRIPTION_CHARS).to_owned();
        Some(Vulnerability {
            id: self.id?,
            severity: self.severity,
            cvss: self.cvss_v3,
            epss: self.epss.or(self.epss_in_capitals),
            exploit,
            description: self.description.map(cut),
            ..Vulnerability::default()
        })
    }
}

impl Lookup<'_> {
    /// Those of a device, as Defender answers.
    pub(super) async fn vulnerabilities_live(&self, device: &str) -> Result<Weaknesses, Gap> {
        self.weaknesses(&format!("/api/machines/{device}/vulnerabilities")).await
    }

    /// Those that Defender lists at a path.
    pub(super) async fn weaknesses(&self, path: &str) -> Result<Weaknesses, Gap> {
        let found = self.ask::<Weaknesses>(path, VULNERABILITIES.needs).await?;
        Ok(found.as_ref().clone())
    }

    /// Those of a device out of kept rows; the worst one's description from the kept list.
    pub(super) async fn vulnerabilities_kept(&self, rows: &[FlawRow]) -> Weaknesses {
        let mut all = Weaknesses::default();
        rows.iter().filter_map(FlawRow::vulnerability).for_each(|one| all.take(one));
        self.describe(&mut all).await;
        all
    }

    /// Completes the worst one from the kept list.
    pub(super) async fn describe(&self, all: &mut Weaknesses) {
        if let Some(worst) = &mut all.worst
            && let Ok(Some(known)) = self.vulnerability_kept(&worst.id).await
        {
            let known = known.vulnerability().unwrap_or_default();
            (worst.description, worst.epss) = (known.description, known.epss);
        }
    }

    /// A vulnerability out of the kept list.
    pub(super) async fn vulnerability_kept(&self, id: &str) -> Result<Option<Record>, Gap> {
        let snapshot = self.snapshot(VULNERABILITIES)?;
        let snapshot = snapshot.asked(format!("VulnerabilityId == '{id}'"));
        let meant = id.to_owned();
        let read = Arc::new(move |line: &[u8]| {
            let record = lenient::record::<Record>(line)?;
            (record.id.as_deref() == Some(meant.as_str())).then_some(record)
        });
        let mut found = None;
        self.scan(&snapshot, Some(id), read, |record| found = Some(record)).await?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_vulnerability_counts_once_and_the_worst_is_the_one_with_the_worst_exploit() {
        let mut all = Weaknesses::default();
        for (id, severity, cvss, kit) in [
            ("CVE-2026-0001", "Critical", 9.8, false),
            ("CVE-2026-0002", "High", 7.5, true),
            ("CVE-2026-0002", "High", 7.5, true),
            ("CVE-2026-0003", "Medium", 5.0, false),
        ] {
            let record = format!(
                r#"{{"id":"{id}","severity":"{severity}","cvssV3":{cvss},"exploitInKit":{kit},"EPSS":"0.5"}}"#
            );
            all.add(record.as_bytes());
        }
        all.add(br#"{"severity":"High"}"#);

        assert_eq!((all.total, all.exploited, all.in_kit), (3, 1, 1));
        assert_eq!((all.by_severity.critical, all.by_severity.high), (1, 1));
        let worst = all.worst.unwrap();
        assert_eq!((worst.id.as_str(), worst.epss), ("CVE-2026-0002", Some(0.5)));
        assert_eq!(all.with_exploit.len(), 1);
    }
}
