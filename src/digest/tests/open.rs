use super::*;
use jiff::SignedDuration;

const NOW: &str = "2026-11-22T10:00:00Z";

/// Alerts of (number, status, severity, created, updated).
fn added(digest: &mut Digest, alerts: &[(u64, &str, &str, &str, &str)]) {
    for (number, status, severity, created, updated) in alerts {
        let line = format!(
            r#"{{"RecordId":"{number:016x}{number:016x}","status":"{status}","severity":"{severity}","createdDateTime":"{created}","lastUpdateDateTime":"{updated}"}}"#
        );
        digest.add(line.as_bytes());
    }
}

fn open(digest: &Digest, days: Option<i64>) -> OpenSeverities {
    let Digest::Alerts(open) = digest else { panic!() };
    open.by_severity(days.map(|days| SignedDuration::from_hours(24 * days)), NOW.parse().unwrap())
}

#[test]
fn open_ones_are_counted_by_severity_and_age() {
    let mut digest = Digest::new(Kind::Alerts);

    added(
        &mut digest,
        &[
            (1, "new", "high", "2026-11-22T09:00:00Z", "2026-11-22T09:00:00.1234567Z"),
            (2, "inProgress", "medium", "2026-11-20T09:00:00Z", "2026-11-22T09:00:00Z"),
            (3, "resolved", "high", "2026-11-22T09:00:00Z", "2026-11-22T09:00:00Z"),
            (4, "redirected", "high", "2026-11-22T09:00:00Z", "2026-11-22T09:00:00Z"),
            (5, "awaitingAction", "severe", "2026-09-20T09:00:00Z", "2026-11-22T09:00:00Z"),
        ],
    );

    let all = open(&digest, None);
    assert_eq!((all.high, all.medium, all.low, all.informational, all.other), (1, 1, 0, 0, 1));
    let in_days = [1, 7, 30].map(|days| open(&digest, Some(days)).total());
    assert_eq!(in_days, [1, 2, 2]);
}

#[test]
fn an_alert_counts_in_its_newest_state_however_often_it_is_read() {
    let created = "2026-11-20T00:00:00Z";
    let mut digest = Digest::new(Kind::Alerts);
    added(
        &mut digest,
        &[
            (1, "new", "low", created, "2026-11-20T01:00:00Z"),
            (2, "new", "low", created, "2026-11-20T01:00:00Z"),
            (3, "new", "high", created, "2026-11-20T03:00:00Z"),
        ],
    );

    let mut next = Digest::start(Kind::Alerts, Some(&digest), None);
    added(
        &mut next,
        &[
            (1, "resolved", "low", created, "2026-11-20T02:00:00Z"),
            (2, "inProgress", "medium", created, "2026-11-20T02:00:00Z"),
            (2, "inProgress", "medium", created, "2026-11-20T02:00:00Z"),
            (3, "resolved", "high", created, "2026-11-20T02:00:00Z"),
        ],
    );

    let counts = open(&next, None);
    assert_eq!((counts.low, counts.medium, counts.high), (0, 1, 1));
    added(&mut next, &[(1, "new", "low", created, "2026-11-20T04:00:00Z")]);
    assert_eq!(open(&next, None).low, 1, "one that is opened again counts again");
}

#[test]
fn what_the_service_has_forgotten_falls_out() {
    let mut digest = Digest::new(Kind::Alerts);
    let (old, new) = ("2026-05-01T00:00:00Z", "2026-11-20T00:00:00Z");
    added(&mut digest, &[(1, "new", "low", old, old), (2, "new", "low", old, new)]);

    let next = Digest::start(Kind::Alerts, Some(&digest), None);

    assert_eq!((open(&digest, None).low, open(&next, None).low), (2, 1));
}

#[test]
fn too_many_open_ones_are_said_and_the_digest_stays_small() {
    let mut digest = Digest::new(Kind::Alerts);
    let at = "2026-11-20T00:00:00Z";
    for number in 0..50_007 {
        added(&mut digest, &[(number, "new", "low", at, at)]);
    }

    let size = serde_json::to_string(&digest).unwrap().len();
    let Digest::Alerts(fold) = &digest else { panic!() };

    assert_eq!((open(&digest, None).low, fold.beyond), (50_000, 7));
    assert!(size < 1_500_000, "{size} bytes with each part");
}
