//! Vulnerabilities of a device or a software: how many, the worst of them, those with an exploit.

use super::Lookup;
use super::ask::Fold;
use super::gap::Gap;
use super::rows::FlawRow;
use super::vulnerability::{Exploit, OfDevice, Record, Vulnerability};
use crate::digest::{Severities, lenient};
use crate::source::VULNERABILITIES;
use crate::summary::{Join, Known};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;

/// Vulnerabilities with an exploit, or that CISA lists, that an answer names.
const MOST_NAMED: usize = 20;
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
    /// Of a device's: those that CISA lists as exploited; null where its catalogue isn't read.
    pub known_exploited: Option<u64>,
    /// The worst: by exploit and severity together, then by CVSS score.
    pub worst: Option<Vulnerability>,
    /// Those with an exploit, 20 at most, the worst first. Of a device's also those that only CISA lists as
    /// exploited, the highest risk first.
    pub with_exploit: Vec<Vulnerability>,
    #[serde(skip)]
    #[schemars(skip)]
    seen: HashSet<String>,
    /// Of a device's, until the end: by what those with the highest risk are found.
    #[serde(skip)]
    #[schemars(skip)]
    known: Option<Arc<Vec<Known>>>,
}

impl Weaknesses {
    /// None of a device yet, to be judged by what is known outside.
    pub(super) fn of_device(known: Arc<Vec<Known>>) -> Weaknesses {
        let known_exploited = Join::of(&known).reads_catalogue().then_some(0);
        Weaknesses { known_exploited, known: Some(known), ..Weaknesses::default() }
    }

    pub(super) fn take(&mut self, mut one: Vulnerability) {
        if !self.seen.insert(one.id.clone()) {
            return;
        }
        self.total += 1;
        self.by_severity.add(one.severity.as_deref());
        self.in_kit += u64::from(one.exploit == Exploit::InKit);
        self.exploited += u64::from(one.exploit > Exploit::None);
        if let Some(known) = &self.known {
            // Exposure and criticality of the device are the same for all, and so don't change the order.
            one.judge(&Join::of(known), &OfDevice::default());
        }
        if let Some(count) = &mut self.known_exploited {
            *count += u64::from(one.known_exploited == Some(true));
        }
        if one.is_named() {
            let place = self.with_exploit.partition_point(|other| !one.is_before(other));
            if place < MOST_NAMED {
                self.with_exploit.insert(place, one.clone());
                self.with_exploit.truncate(MOST_NAMED);
            }
        }
        if self.worst.as_ref().is_none_or(|worst| one.weight() > worst.weight()) {
            self.worst = Some(one);
        }
    }

    /// Judges those that are named by what is known of the device too, and orders them by their risk to it.
    pub(super) fn rank(&mut self, join: Join<'_>, device: &OfDevice) {
        for one in self.with_exploit.iter_mut().chain(&mut self.worst) {
            one.judge(&join, device);
        }
        self.with_exploit.sort_by(|one, other| other.score().total_cmp(&one.score()));
    }
}

impl Fold for Weaknesses {
    fn end(&mut self) {
        (self.seen, self.known) = (HashSet::new(), None);
    }

    fn add(&mut self, record: &[u8]) {
        if let Some(one) = lenient::record::<Record>(record).and_then(Record::vulnerability) {
            self.take(one);
        }
    }
}

impl Lookup<'_> {
    /// Those of a device, as Defender answers.
    pub(super) async fn vulnerabilities_live(&self, device: &str) -> Result<Weaknesses, Gap> {
        let path = format!("/api/machines/{device}/vulnerabilities");
        self.weaknesses(&path, Weaknesses::of_device(self.known.clone())).await
    }

    /// Those that Defender lists at a path, taken into `none`.
    pub(super) async fn weaknesses(&self, path: &str, none: Weaknesses) -> Result<Weaknesses, Gap> {
        let found = self.ask_into(path, VULNERABILITIES.needs, none).await?;
        Ok(found.as_ref().clone())
    }

    /// Those of a device out of kept rows; the worst one's description from the kept list.
    pub(super) async fn vulnerabilities_kept(&self, rows: &[FlawRow]) -> Weaknesses {
        let mut all = Weaknesses::of_device(self.known.clone());
        rows.iter().filter_map(FlawRow::vulnerability).for_each(|one| all.take(one));
        all.end();
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
    use crate::digest::{Digest, Exploited, Kind, KnownExploited, Latest};
    use crate::risk::Exposure;
    use crate::source::KNOWN_EXPLOITED;
    use jiff::Timestamp;

    /// A catalogue that lists these.
    fn listing(ids: &[String]) -> Arc<Vec<Known>> {
        let records = ids.iter().map(|id| (id.clone(), Exploited::default())).collect();
        let fold = KnownExploited { records, ..KnownExploited::default() };
        let at = Timestamp::UNIX_EPOCH;
        let latest = Latest {
            version: Latest::VERSION,
            tenant: String::new(),
            tenant_name: String::new(),
            source: KNOWN_EXPLOITED.name.to_owned(),
            run: String::new(),
            began: at,
            completed: at,
            parts: 0,
            records: 0,
            files: Default::default(),
            generated: None,
            credentials: Vec::new(),
            digest: Digest::KnownExploited(fold),
        };
        Arc::new(vec![Known {
            source: KNOWN_EXPLOITED.name,
            about: "",
            kind: Kind::KnownExploited,
            every: KNOWN_EXPLOITED.every,
            latest: Some(Arc::new(latest)),
            reason: None,
            applied: None,
            unavailable: false,
        }])
    }

    /// Sixty of them, of which some have an exploit and some are listed, no two with the same score.
    fn sixty() -> (Vec<Vulnerability>, Vec<String>) {
        let one = |number: u16| Vulnerability {
            id: format!("CVE-2026-{:04}", 1_000 + number),
            severity: Some("High".to_owned()),
            cvss: Some(f64::from(number) / 6.0),
            exploit: if number.is_multiple_of(3) { Exploit::Public } else { Exploit::None },
            ..Vulnerability::default()
        };
        let all: Vec<_> = (0..60).map(one).collect();
        let listed = all.iter().step_by(4).map(|one| one.id.clone()).collect();
        (all, listed)
    }

    #[test]
    fn of_a_device_the_twenty_with_the_highest_risk_are_named_whether_exploit_or_listed() {
        let (all, listed) = sixty();
        let known = listing(&listed);
        let device = OfDevice {
            exposure: Some(Exposure::FacesInternet),
            criticality: Some(0),
            ..OfDevice::default()
        };

        let mut found = Weaknesses::of_device(known.clone());
        all.iter().cloned().for_each(|one| found.take(one));
        found.end();
        found.rank(Join::of(&known), &device);

        let join = Join::of(&known);
        let mut wanted: Vec<_> = all
            .iter()
            .filter(|one| one.exploit == Exploit::Public || listed.contains(&one.id))
            .map(|one| {
                let mut one = one.clone();
                one.judge(&join, &device);
                one
            })
            .collect();
        wanted.sort_by(|one, other| other.score().total_cmp(&one.score()));
        wanted.truncate(MOST_NAMED);
        assert_eq!(found.with_exploit, wanted);
        assert!(wanted.iter().any(|one| one.exploit == Exploit::None));
        assert_eq!((found.total, found.exploited, found.known_exploited), (60, 20, Some(15)));
        assert_eq!(found.known, None, "nothing of it stays in memory");
    }

    #[test]
    fn without_the_catalogue_those_with_an_exploit_are_named_and_nothing_is_known_of_listings() {
        let (all, _) = sixty();
        let mut found = Weaknesses::of_device(Arc::new(Vec::new()));
        all.into_iter().for_each(|one| found.take(one));

        assert_eq!((found.with_exploit.len(), found.known_exploited), (20, None));
        assert!(found.with_exploit.iter().all(|one| one.known_exploited.is_none()));
        assert!(found.with_exploit.iter().all(|one| one.exploit == Exploit::Public));
    }

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
