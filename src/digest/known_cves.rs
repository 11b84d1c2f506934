//! What is known of vulnerabilities outside: known exploitation, exploit probability, NVD's scores.
//!
//! Bounded: of EPSS and NVD the run folds vulnerabilities with exposed machines only, and at most
//! [`MAX_CVES`] of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::behind::Cve;
use super::lenient;
use super::standing::MAX_CVES;

/// CISA's catalogue of known exploited vulnerabilities.
///
/// <https://www.cisa.gov/known-exploited-vulnerabilities-catalog>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KnownExploited {
    /// When CISA released it, as it says.
    pub released: Option<String>,
    /// Its records by CVE id.
    pub records: BTreeMap<String, Exploited>,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// A vulnerability of CISA's catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Exploited {
    /// CISA's name of it.
    pub name: Option<String>,
    /// The day it was listed, `2026-10-20`.
    pub since: Option<String>,
    /// The day by which CISA's directive wants it ended where the exposure is the worst.
    pub due: Option<String>,
    /// Whether ransomware is known to use it; false says that nothing is known.
    pub ransomware: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct KevRecord<'a> {
    #[serde(borrow, rename = "cveID", deserialize_with = "lenient::text")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "vulnerabilityName", deserialize_with = "lenient::text")]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "dateAdded", deserialize_with = "lenient::text")]
    added: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "dueDate", deserialize_with = "lenient::text")]
    due: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "knownRansomwareCampaignUse", deserialize_with = "lenient::text")]
    ransomware: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "dateReleased", deserialize_with = "lenient::text")]
    released: Option<Cow<'a, str>>,
}

fn trimmed(text: Option<Cow<'_, str>>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

impl KnownExploited {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let record: KevRecord = lenient::record(line)?;
        let id = record.id.as_deref()?.to_ascii_uppercase();
        self.released = trimmed(record.released).or(self.released.take());
        if self.records.len() < MAX_CVES || self.records.contains_key(&id) {
            let known = |text: &str| text.eq_ignore_ascii_case("known");
            let exploited = Exploited {
                ransomware: record.ransomware.as_deref().is_some_and(known),
                name: trimmed(record.name),
                since: trimmed(record.added),
                due: trimmed(record.due),
            };
            self.records.insert(id, exploited);
        }
        Some(())
    }
}

/// FIRST's exploit probabilities of one day.
///
/// <https://www.first.org/epss/data_stats>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Epss {
    /// The model, `v2026.06.15`: scores of two models don't compare.
    pub model: Option<String>,
    /// When the scores were made, as the file says.
    pub scored: Option<String>,
    /// Score and percentile by CVE id, both 0 to 1.
    pub scores: BTreeMap<String, (f64, Option<f64>)>,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// What a row of EPSS is folded by.
pub(super) const EPSS_FIELDS: &[&str] =
    &["cve", "epss", "percentile", "model_version", "score_date"];

#[derive(Default, Deserialize)]
#[serde(default)]
struct EpssRow<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    cve: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::number")]
    epss: Option<f64>,
    #[serde(deserialize_with = "lenient::number")]
    percentile: Option<f64>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    model_version: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    score_date: Option<Cow<'a, str>>,
}

impl Epss {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let row: EpssRow = lenient::record(line)?;
        let (id, score) = (row.cve.as_deref()?.to_ascii_uppercase(), row.epss?);
        self.model = trimmed(row.model_version).or(self.model.take());
        self.scored = trimmed(row.score_date).or(self.scored.take());
        if self.scores.len() < MAX_CVES || self.scores.contains_key(&id) {
            self.scores.insert(id, (score, row.percentile));
        }
        Some(())
    }
}

/// NVD's records.
///
/// <https://nvd.nist.gov/developers/vulnerabilities>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Nvd {
    /// By CVE id.
    pub records: BTreeMap<String, NvdRecord>,
    /// Those that NVD was asked for by name and didn't have. Where it gets them, they come as modified.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub absent: BTreeSet<String>,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// What NVD says of a vulnerability.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NvdRecord {
    /// CVSS base score, 0 to 10: of the first version there of 3.1, 3.0, 4.0 and 2.0.
    pub score: Option<f64>,
    /// That version.
    pub version: Option<String>,
    /// The score's vector.
    pub vector: Option<String>,
    /// Who gave the score: NVD, else who named the vulnerability, else CISA.
    pub scored_by: Option<String>,
    /// The first weakness, `CWE-79`.
    pub weakness: Option<String>,
    /// When it was published, UTC without a zone as NVD writes it.
    pub published: Option<String>,
    /// When NVD changed it last, likewise.
    pub modified: Option<String>,
    /// NVD's state of it: `Analyzed`, `Deferred`, `Rejected`, …; `Deferred` says that nobody will look at
    /// it, not that it is harmless.
    pub status: Option<String>,
}

/// What a record of NVD is folded by.
pub(super) const NVD_FIELDS: &[&str] =
    &["id", "metrics", "weaknesses", "published", "lastModified", "vulnStatus"];

/// CISA's own mark as a giver of scores.
const CISA_ADP: &str = "134c704f-9b21-4f2e-91b3-4a467353bcc0";
/// The versions of CVSS, the one nearest to Defender's scale first. `metrics` holds other things too.
const VERSIONS: [&str; 4] = ["cvssMetricV31", "cvssMetricV30", "cvssMetricV40", "cvssMetricV2"];

impl Nvd {
    /// Whether nothing is known of a vulnerability, not even that NVD doesn't have it. Ids are in capitals;
    /// what is no CVE is never lacking, since NVD has no other.
    pub fn lacks(&self, id: &str) -> bool {
        let is_full = self.records.len() >= MAX_CVES || self.absent.len() >= MAX_CVES;
        Cve::read(id).is_some()
            && !is_full
            && !self.records.contains_key(id)
            && !self.absent.contains(id)
    }

    /// Notes what was asked for by name, before the records found are added.
    pub(super) fn asked_for(&mut self, ids: &[String]) {
        let unknown = ids.iter().filter(|id| !self.records.contains_key(*id));
        self.absent.extend(unknown.cloned());
    }

    /// Forgets that NVD doesn't have those that concern nobody now: changes of theirs aren't seen.
    pub(super) fn keeps_absent(&mut self, concerns: impl Fn(&str) -> bool) {
        self.absent.retain(|id| concerns(id));
    }

    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let value: serde_json::Value = serde_json::from_slice(line).ok()?;
        let id = value["id"].as_str()?.to_ascii_uppercase();
        if self.records.len() >= MAX_CVES && !self.records.contains_key(&id) {
            return Some(());
        }
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let (modified, before) = (text(&value["lastModified"]), self.records.get(&id));
        // A record may be read twice in one run, in either order.
        if before.is_some_and(|before| before.modified > modified) {
            return Some(());
        }
        let record = NvdRecord {
            weakness: weakness(&value["weaknesses"]),
            published: text(&value["published"]),
            status: text(&value["vulnStatus"]),
            modified,
            ..scored(&value["metrics"]).unwrap_or_default()
        };
        self.absent.remove(&id);
        self.records.insert(id, record);
        Some(())
    }
}

fn scored(metrics: &serde_json::Value) -> Option<NvdRecord> {
    let entries = VERSIONS.iter().find_map(|version| {
        let entries = metrics[version].as_array()?;
        entries.iter().any(|entry| entry["cvssData"]["baseScore"].is_number()).then_some(entries)
    })?;
    let rank = |entry: &&serde_json::Value| {
        let giver = match entry["source"].as_str().unwrap_or_default() {
            "nvd@nist.gov" => 0,
            CISA_ADP => 2,
            _ => 1,
        };
        (entry["type"] != "Primary", giver)
    };
    let scored = entries.iter().filter(|entry| entry["cvssData"]["baseScore"].is_number());
    let (entry, text) =
        (scored.min_by_key(rank)?, |value: &serde_json::Value| value.as_str().map(str::to_owned));
    let (data, giver) = (&entry["cvssData"], &entry["source"]);
    Some(NvdRecord {
        score: data["baseScore"].as_f64(),
        version: text(&data["version"]),
        vector: text(&data["vectorString"]),
        scored_by: if giver == CISA_ADP { Some("CISA-ADP".to_owned()) } else { text(giver) },
        ..NvdRecord::default()
    })
}

fn weakness(weaknesses: &serde_json::Value) -> Option<String> {
    let descriptions =
        weaknesses.as_array()?.iter().filter_map(|one| one["description"].as_array());
    let values = descriptions.flatten().filter_map(|one| one["value"].as_str());
    let named = values.filter(|value| value.starts_with("CWE-")).map(str::to_owned);
    named.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_of_the_namer_counts_where_nvd_gave_none_and_other_metrics_are_passed_over() {
        let line = br#"{"id":"CVE-2026-0001","lastModified":"2026-10-20T10:00:01.003","metrics":{
            "ssvcV203":[{"source":"x","ssvcData":{}}],
            "cvssMetricV40":[{"type":"Primary","source":"nvd@nist.gov","cvssData":{"baseScore":9.9}}],
            "cvssMetricV31":[{"type":"Secondary","source":"134c704f-9b21-4f2e-91b3-4a467353bcc0",
              "cvssData":{"version":"3.1","baseScore":5.0}},
             {"type":"Secondary","source":"cna@contoso.example",
              "cvssData":{"version":"3.1","baseScore":9.8,"vectorString":"CVSS:3.1/AV:N"}}]},
            "weaknesses":[{"description":[{"lang":"en","value":"NVD-CWE-noinfo"}]},
              {"description":[{"lang":"en","value":"CWE-78"}]}]}"#;
        let mut nvd = Nvd::default();

        nvd.add(line).unwrap();

        let record = &nvd.records["CVE-2026-0001"];
        assert_eq!(record.score, Some(9.8));
        assert_eq!(record.scored_by.as_deref(), Some("cna@contoso.example"));
        assert_eq!(record.weakness.as_deref(), Some("CWE-78"));
    }

    #[test]
    fn an_older_reading_of_a_record_changes_nothing() {
        let mut nvd = Nvd::default();
        nvd.add(
            br#"{"id":"CVE-1","lastModified":"2026-10-20T10:00:01.003","vulnStatus":"Analyzed"}"#,
        );
        nvd.add(
            br#"{"id":"CVE-1","lastModified":"2026-10-19T10:00:01.003","vulnStatus":"Received"}"#,
        );

        assert_eq!(nvd.records["CVE-1"].status.as_deref(), Some("Analyzed"));
    }

    #[test]
    fn what_nvd_was_asked_for_in_vain_is_not_lacking_and_no_other_id_is() {
        let mut nvd = Nvd::default();
        for id in ["TVM-2020-0002", "CVE-2026-1", "CVE-26-0001", "CVE-2026-0001&x=1", "CVE-"] {
            assert!(!nvd.lacks(id), "{id}");
        }
        assert!(nvd.lacks("CVE-2026-0001"));

        nvd.asked_for(&["CVE-2026-0001".to_owned(), "CVE-2026-0002".to_owned()]);
        nvd.add(br#"{"id":"CVE-2026-0002","lastModified":"2026-10-20T10:00:01.003"}"#).unwrap();

        assert!(!nvd.lacks("CVE-2026-0001") && !nvd.lacks("CVE-2026-0002"));
        assert_eq!(nvd.absent.len(), 1, "the other was found");
    }

    #[test]
    fn unknown_ransomware_use_is_not_known_and_blanks_go() {
        let mut kev = KnownExploited::default();
        kev.add(br#"{"cveID":"CVE-1","dateAdded":"2026-10-20","dueDate":" 2026-10-23 ","knownRansomwareCampaignUse":"Unknown"}"#);
        kev.add(br#"{"cveID":"CVE-2","knownRansomwareCampaignUse":"Known"}"#);

        assert_eq!(kev.records["CVE-1"].due.as_deref(), Some("2026-10-23"));
        assert_eq!(
            [kev.records["CVE-1"].ransomware, kev.records["CVE-2"].ransomware],
            [false, true]
        );
    }

    #[test]
    fn a_score_has_its_model_and_day() {
        let mut epss = Epss::default();
        epss.add(br#"{"model_version":"v2026.06.15","score_date":"2026-10-20T12:00:21Z","cve":"CVE-1","epss":"0.91234","percentile":"0.99801"}"#);

        assert_eq!(epss.scores["CVE-1"], (0.91234, Some(0.99801)));
        assert_eq!(epss.model.as_deref(), Some("v2026.06.15"));
        assert_eq!(epss.add(br#"{"cve":"CVE-2"}"#), None, "without a score it is unknown, not 0");
    }
}
