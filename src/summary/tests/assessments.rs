use super::*;

const ROW: &str = r#""RecordId":"00112233445566778899aabbccddeeff","cveId":"CVE-2026-0001","vulnerabilitySeverityLevel":"High","exploitabilityLevel":"ExploitIsPublic","securityUpdateAvailable":true"#;

fn full() -> Known {
    let row = format!("{{{ROW}}}");
    let known = known(
        "defender.device_vulnerabilities",
        Kind::DeviceVulnerabilities,
        &[row.clone(), row, "{}".to_owned()],
    );
    Known { every: SignedDuration::from_hours(7 * 24), ..known }
}

fn changes(status: &str, at: &str) -> Known {
    let row = format!(r#"{{{ROW},"status":"{status}","eventTimestamp":"{at}"}}"#);
    let kind = Kind::DeviceVulnerabilityChanges;
    known("defender.device_vulnerability_changes", kind, &[row])
}

/// The section of the summary after changes are applied.
fn section(mut known: Vec<Known>) -> Option<DeviceVulnerabilities> {
    apply_changes(&mut known);
    summed_up(&known).device_vulnerabilities
}

#[test]
fn the_full_snapshot_answers_alone_until_changes_are_read() {
    let section = section(vec![full()]).unwrap();

    assert_eq!((section.total, section.by_severity.high, section.with_exploit.high), (2, 2, 2));
    assert_eq!((section.full_total, section.full_with_security_update), (2, 2));
    assert_eq!((section.changes_through, section.exact), (None, true));
    assert_eq!(section.full_generated, now() - SignedDuration::from_mins(5));
}

#[test]
fn changes_after_the_full_are_applied_and_both_dates_given() {
    let two_days = SignedDuration::from_hours(48);
    let later = changes("Fixed", "2026-11-22 04:00:00");
    let earlier = changes("Fixed", "2026-11-20 04:00:00");

    let after = section(vec![aged(full(), two_days), later]).unwrap();
    let before = section(vec![aged(full(), two_days), earlier]).unwrap();

    assert_eq!((after.total, before.total, after.full_total), (1, 2, 2));
    assert_eq!(after.full_generated, now() - two_days);
    assert_eq!(after.changes_through, Some(now() - SignedDuration::from_mins(5)));
    assert_eq!((after.freshness.age_seconds, after.freshness.stale), (300, false));
}

#[test]
fn stale_changes_make_the_section_stale() {
    let two_days = SignedDuration::from_hours(48);
    let changes = aged(changes("New", "2026-11-20 09:00:00"), SignedDuration::from_hours(14));

    let section = section(vec![aged(full(), two_days), changes]).unwrap();

    assert!(section.freshness.stale);
    assert_eq!(section.freshness.age_seconds, 14 * 3600);
}

#[test]
fn without_a_full_snapshot_changes_count_for_nothing() {
    let kind = Kind::DeviceVulnerabilities;
    let known = vec![
        absent("defender.device_vulnerabilities", kind, Some("grant it")),
        changes("New", "2026-11-20 09:00:00"),
    ];

    assert_eq!(section(known), None);
}
