//! Vulnerabilities: how many concern the organisation, and the widest spread.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::standing::MAX_CVES;
use super::tally::{Ranked, rank};
use super::{Severities, lenient};

/// Months that are told apart: fifty years.
const MAX_MONTHS: usize = 600;

/// Counts of vulnerabilities, and the ten with the most exposed machines.
///
/// The service lists every vulnerability it knows; those with no exposed machine count only in
/// `known`. A record that comes twice counts twice; it stands in the top list once.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-all-vulnerabilities>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Vulnerabilities {
    /// All that the service knows.
    pub known: u64,
    /// Those with exposed machines, by severity.
    pub exposed: Severities,
    /// Those with exposed machines and a public exploit, by severity.
    pub with_public_exploit: Severities,
    /// Those with exposed machines by the month of publication (`2026-11`), then by severity; those
    /// without one are under an empty name. At most 600 months.
    pub by_month: BTreeMap<String, Severities>,
    /// The ten with the most exposed machines, the higher CVSS score first among equals.
    pub top: Vec<Vulnerability>,
    /// Each with exposed machines, by its id; 20,000 at most. What is known of them outside joins here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub flaws: BTreeMap<String, Flaw>,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// What is kept of every vulnerability with exposed machines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Flaw {
    /// Machines exposed to it.
    #[serde(rename = "m")]
    pub machines: u64,
    /// CVSS version 3 score, 0 to 10.
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    pub cvss: Option<f64>,
    /// Defender's own copy of the exploit probability, 0 to 1, of an unknown day.
    #[serde(rename = "e", skip_serializing_if = "Option::is_none")]
    pub epss: Option<f64>,
    /// Severity in Defender's word.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// What is known of exploits: 0 none, 1 public, 2 verified, 3 in a kit; absent where nothing is said.
    #[serde(rename = "x", skip_serializing_if = "Option::is_none")]
    pub exploit: Option<u8>,
}

/// What is kept of a vulnerability in the top list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Vulnerability {
    /// Mostly a CVE id.
    pub id: String,
    /// Mostly the id again.
    pub name: Option<String>,
    /// `Low`, `Medium`, `High` or `Critical`.
    pub severity: Option<String>,
    /// CVSS version 3 score, 0 to 10.
    pub cvss: Option<f64>,
    /// Probability that it is exploited within 30 days, 0 to 1.
    pub epss: Option<f64>,
    /// Machines exposed to it.
    pub exposed_machines: u64,
    /// Whether an exploit is public.
    pub public_exploit: bool,
}

impl Vulnerabilities {
    /// Those with exposed machines that didn't fit in [`flaws`](Self::flaws).
    pub fn left_out(&self) -> u64 {
        let kept = self.flaws.len();
        if kept < MAX_CVES { 0 } else { self.exposed.total().saturating_sub(kept as u64) }
    }

    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let record: Record = lenient::record(line)?;
        self.known += 1;
        let machines = record.exposed_machines.unwrap_or(0);
        if machines == 0 {
            return Some(());
        }
        self.exposed.add(record.severity.as_deref());
        if record.public_exploit == Some(true) {
            self.with_public_exploit.add(record.severity.as_deref());
        }
        let month = record.published_on.map(|at| at.strftime("%Y-%m").to_string());
        let month = month
            .filter(|month| self.by_month.len() < MAX_MONTHS || self.by_month.contains_key(month));
        let of_month = self.by_month.entry(month.unwrap_or_default()).or_default();
        of_month.add(record.severity.as_deref());
        let weight = (machines as f64, record.cvss_v3.unwrap_or(0.0));
        if let Some(id) = record.id.as_deref().or(record.name.as_deref()) {
            if self.flaws.len() < MAX_CVES || self.flaws.contains_key(id) {
                self.flaws.insert(id.to_owned(), record.flaw());
            }
            rank(&mut self.top, id, weight, || record.kept(id));
        }
        Some(())
    }
}

impl Ranked for Vulnerability {
    fn id(&self) -> &str {
        &self.id
    }

    fn weight(&self) -> (f64, f64) {
        (self.exposed_machines as f64, self.cvss.unwrap_or(0.0))
    }
}

impl Record<'_> {
    fn flaw(&self) -> Flaw {
        let said = [self.exploit_in_kit, self.exploit_verified, self.public_exploit];
        let exploit = match said {
            [Some(true), ..] => Some(3),
            [_, Some(true), _] => Some(2),
            [.., Some(true)] => Some(1),
            [None, None, None] => None,
            _ => Some(0),
        };
        Flaw {
            machines: self.exposed_machines.unwrap_or(0),
            cvss: self.cvss_v3,
            epss: self.epss.or(self.epss_in_capitals),
            severity: self.severity.as_deref().map(str::to_owned),
            exploit,
        }
    }

    fn kept(&self, id: &str) -> Vulnerability {
        Vulnerability {
            id: id.to_owned(),
            name: self.name.as_deref().map(str::to_owned),
            severity: self.severity.as_deref().map(str::to_owned),
            cvss: self.cvss_v3,
            epss: self.epss.or(self.epss_in_capitals),
            exposed_machines: self.exposed_machines.unwrap_or(0),
            public_exploit: self.public_exploit.unwrap_or(false),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    severity: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::number")]
    cvss_v3: Option<f64>,
    #[serde(deserialize_with = "lenient::number")]
    epss: Option<f64>,
    // A field of its own and no alias, because a record may have both spellings.
    #[serde(rename = "EPSS", deserialize_with = "lenient::number")]
    epss_in_capitals: Option<f64>,
    #[serde(deserialize_with = "lenient::count")]
    exposed_machines: Option<u64>,
    #[serde(deserialize_with = "lenient::flag")]
    public_exploit: Option<bool>,
    #[serde(deserialize_with = "lenient::flag")]
    exploit_verified: Option<bool>,
    #[serde(deserialize_with = "lenient::flag")]
    exploit_in_kit: Option<bool>,
    #[serde(deserialize_with = "lenient::time")]
    published_on: Option<Timestamp>,
}
