//! Changes applied to a full snapshot, held against a model that keeps every row.

use super::*;
use jiff::SignedDuration;
use std::collections::BTreeMap;

const STEP_S: i64 = 6 * 3600;
const SEVERITIES: [&str; 5] = ["Critical", "High", "Medium", "Low", "Odd"];
const EXPLOITS: [&str; 3] = ["ExploitIsInKit", "ExploitIsPublic", "NoExploit"];

/// Numbers that look random and are the same every time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % end
    }
}

fn instant(second: i64) -> Timestamp {
    "2026-11-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
}

fn full(rows: &str) -> DeviceVulnerabilities {
    let mut digest = Digest::new(Kind::DeviceVulnerabilities);
    rows.lines().for_each(|row| digest.add(row.as_bytes()));
    let Digest::DeviceVulnerabilities(full) = digest else { panic!() };
    full
}

fn changes(digest: &Digest) -> &DeviceVulnerabilityChanges {
    let Digest::DeviceVulnerabilityChanges(changes) = digest else { panic!() };
    changes
}

/// A tenant's rows: what is true of them, and all that ever happened.
struct Model {
    draw: Draw,
    /// Of each vulnerability: severity and exploit.
    cves: Vec<(u64, u64)>,
    present: BTreeMap<u64, bool>,
    /// When, and the change as the service tells it.
    events: Vec<(i64, String)>,
}

impl Model {
    fn new(seed: u64) -> Model {
        let mut draw = Draw(seed);
        let cves = (0..20).map(|_| (draw.below(5), draw.below(3))).collect();
        let present = (0..300).map(|row| (row, draw.below(2) == 0)).collect();
        Model { draw, cves, present, events: Vec::new() }
    }

    fn fields(&self, row: u64) -> String {
        let cve = row % 20;
        let (severity, exploit) = self.cves[cve as usize];
        let (severity, exploit) = (SEVERITIES[severity as usize], EXPLOITS[exploit as usize]);
        let id = format!("{:016x}{row:016x}", row.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        format!(
            r#"{{"RecordId":"{id}","cveId":"CVE-2026-{cve:04}","vulnerabilitySeverityLevel":"{severity}","exploitabilityLevel":"{exploit}""#
        )
    }

    fn happens(&mut self, row: u64, second: i64, status: &str) {
        let at = instant(second).strftime("%Y-%m-%d %H:%M:%S");
        let fields = self.fields(row);
        let line = format!(r#"{fields},"status":"{status}","eventTimestamp":"{at}"}}"#);
        self.events.push((second, line));
        self.present.insert(row, status != "Fixed");
    }

    /// What happens within one step.
    fn step(&mut self, second: i64) {
        if self.draw.below(3) == 0 {
            let cve = self.draw.below(20);
            self.cves[cve as usize] = (self.draw.below(5), self.draw.below(3));
            let of_cve = self.present.iter().filter(|(row, there)| **there && **row % 20 == cve);
            let of_cve: Vec<u64> = of_cve.map(|(row, _)| *row).collect();
            of_cve.into_iter().for_each(|row| self.happens(row, second + 1, "Updated"));
        }
        for turn in 0..30 {
            let (row, at) = (self.draw.below(300), second + 10 + turn * 600);
            match (self.present[&row], self.draw.below(4)) {
                (false, _) => self.happens(row, at, "New"),
                (true, 0) => self.happens(row, at, "Updated"),
                (true, 1) => {
                    // The device changes its group.
                    self.happens(row, at, "Fixed");
                    self.happens(row, at, "New");
                }
                (true, _) => self.happens(row, at, "Fixed"),
            }
        }
    }

    /// A full snapshot as of now.
    fn snapshot(&self) -> DeviceVulnerabilities {
        let there = self.present.iter().filter(|(_, there)| **there);
        let rows: Vec<_> = there.map(|(row, _)| self.fields(*row) + "}").collect();
        full(&rows.join("\n"))
    }

    /// What a run reads that asks for all since then: in any order, some twice.
    fn read(&mut self, since: i64) -> Vec<String> {
        let events = self.events.iter().filter(|(at, _)| *at >= since);
        let mut lines: Vec<String> = events.map(|(_, line)| line.clone()).collect();
        for _ in 0..lines.len() / 5 {
            let again = self.draw.below(lines.len() as u64) as usize;
            lines.push(lines[again].clone());
        }
        for index in (1..lines.len()).rev() {
            lines.swap(index, self.draw.below(index as u64 + 1) as usize);
        }
        lines
    }
}

/// Weeks of changes, with full snapshots in between that complete before or after a run of changes.
#[test]
fn a_full_with_its_changes_counts_as_the_rows_themselves() {
    for seed in 1..=6 {
        let mut model = Model::new(seed);
        let (mut newest, mut generated) = (model.snapshot(), instant(0));
        let (mut digest, mut known) = (Digest::new(Kind::DeviceVulnerabilityChanges), generated);
        for step in 0..40 {
            model.step(step * STEP_S);
            let end = (step + 1) * STEP_S;
            let is_full = model.draw.below(9) == 0;
            // A full that completes only now: the run of changes began before it was known.
            if !is_full || model.draw.below(2) == 0 {
                known = generated;
            }
            if is_full {
                (newest, generated) = (model.snapshot(), instant(end));
            }
            digest = Digest::start(digest.kind(), Some(&digest), Some(known));
            for line in model.read((step - 1) * STEP_S) {
                digest.add(line.as_bytes());
            }
            digest = serde_json::from_str(&serde_json::to_string(&digest).unwrap()).unwrap();

            let (standing, exact) = changes(&digest).applied_to(&newest, generated);

            assert_eq!(standing, model.snapshot().standing(), "seed {seed}, step {step}");
            assert!(exact && digest.unreadable() == 0);
        }
    }
}

#[test]
fn a_device_that_changes_its_group_keeps_its_rows() {
    let mut model = Model::new(1);
    model.present.insert(7, true);
    let full = model.snapshot();
    model.happens(7, 60, "Fixed");
    model.happens(7, 60, "New");
    let mut digest = Digest::new(Kind::DeviceVulnerabilityChanges);

    for (_, line) in model.events.iter().rev() {
        digest.add(line.as_bytes());
    }
    let (standing, _) = changes(&digest).applied_to(&full, instant(0));

    assert_eq!(standing, full.standing());
}

#[test]
fn an_event_before_the_full_snapshot_is_in_it() {
    let mut model = Model::new(1);
    model.present.insert(7, false);
    model.happens(7, 60, "New");
    let full = model.snapshot();
    let mut digest = Digest::new(Kind::DeviceVulnerabilityChanges);
    digest.add(model.events[0].1.as_bytes());

    let at_once = changes(&digest).applied_to(&full, instant(60)).0;
    let before = changes(&digest).applied_to(&full, instant(59)).0;

    assert_eq!(at_once, full.standing());
    assert_eq!(before.total, full.standing().total + 1, "the rule is the date's alone");
}

/// A month's updates on a large tenant: more events than are told apart.
#[test]
fn beyond_its_bound_the_digest_says_so_until_the_next_full() {
    let line = |row: u64, at: i64| {
        let (id, at) = (format!("{row:016x}{row:016x}"), instant(at));
        format!(
            r#"{{"RecordId":"{id}","cveId":"CVE-2026-{}","vulnerabilitySeverityLevel":"High","status":"New","eventTimestamp":"{at}"}}"#,
            row % 30_000
        )
    };
    let mut digest = Digest::new(Kind::DeviceVulnerabilityChanges);
    for row in 0..90_000 {
        digest.add(line(row, 10).as_bytes());
    }
    let first = changes(&digest).applied_to(&full(""), instant(0));
    let mut digest = Digest::start(digest.kind(), Some(&digest), Some(instant(0)));
    for row in 60_000..160_000 {
        digest.add(line(row, if row < 90_000 { 10 } else { 20 }).as_bytes());
    }
    let size = serde_json::to_string(&digest).unwrap().len();
    let second = changes(&digest).applied_to(&full(""), instant(0));

    let next = Digest::start(digest.kind(), Some(&digest), Some(instant(20)));
    let after_full = changes(&next).applied_to(&full(""), instant(20));

    assert_eq!((first.0.total, first.1), (90_000, false));
    assert_eq!((second.0.by_severity.high, second.1), (160_000, false));
    assert_eq!((after_full.0.total, after_full.1), (0, true));
    assert!(size < 2_000_000, "{size} bytes with each part");
}
