//! What is due when, and that nothing is taken by two.

use super::*;
use crate::ledger::FolderLedger;
use serde_json::json;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-26T10:00:00Z";

fn alert(id: &str, created: &str, severity: &str, group: &str) -> Alert {
    Alert {
        id: id.to_owned(),
        title: Some("Invented".to_owned()),
        severity: Some(severity.to_owned()),
        status: Some("new".to_owned()),
        product: None,
        category: None,
        classification: None,
        assigned: false,
        created: Some(at(created)),
        updated: None,
        devices: Vec::new(),
        device_groups: vec![group.to_owned()],
        incident_id: None,
        url: None,
        open: true,
    }
}

fn wanted(json: serde_json::Value) -> Vec<Notice> {
    serde_json::from_value(json).unwrap()
}

fn soc() -> Vec<Notice> {
    wanted(
        json!([{ "severity": ["high", "medium"], "recipients": ["soc@a.example"], "channel": "mail" }]),
    )
}

#[test]
fn only_what_is_asked_for_and_news_is_due_the_oldest_first() {
    let state = Notices::new(at("2026-11-18T00:00:00Z"));
    let alerts = [
        alert("b", "2026-11-26T09:00:00Z", "High", "x"),
        alert("a", "2026-11-26T08:00:00Z", "medium", "x"),
        alert("low", "2026-11-26T08:00:00Z", "low", "x"),
        alert("old", "2026-11-19T09:59:59Z", "high", "x"),
        alert("before", "2026-11-17T23:59:59Z", "high", "x"),
    ];

    let due = state.due(&soc(), &alerts, at(NOW));

    let ids: Vec<_> = due.iter().map(|due| due.alert.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    assert!(due.iter().all(|due| due.attempt == 1 && due.id.starts_with("mail-")));
}

#[test]
fn an_alert_goes_to_everybody_it_fits_once_in_each_channel() {
    let wanted = wanted(json!([
        { "severity": ["high"], "recipients": ["a@a.example", "b@a.example"], "channel": "mail" },
        { "severity": ["high"], "deviceGroups": ["servers"], "recipients": ["b@a.example", "c@a.example"],
          "channel": "mail" },
        { "severity": ["high"], "recipients": ["https://teams.microsoft.com/l/channel/x"], "channel": "teams" },
        { "severity": ["high"], "deviceGroups": ["other"], "recipients": ["d@a.example"], "channel": "mail" },
    ]));
    let alerts = [alert("a", "2026-11-26T09:00:00Z", "high", "Servers")];

    let due = Notices::new(at("2026-11-20T00:00:00Z")).due(&wanted, &alerts, at(NOW));

    let to: Vec<_> = due.iter().map(|due| (due.channel, due.recipients.len())).collect();
    assert_eq!(to, [(Channel::Mail, 3), (Channel::Teams, 1)]);
}

#[test]
fn one_that_was_taken_comes_again_when_its_time_is_over_and_never_once_it_is_noted() {
    let mut state = Notices::new(at("2026-11-20T00:00:00Z"));
    let alerts = [alert("a", "2026-11-26T09:00:00Z", "high", "x")];
    let due = |state: &Notices, now: &str| state.due(&soc(), &alerts, at(now)).into_iter().next();

    let first = due(&state, NOW).unwrap();
    state.hold(&first, at(NOW));
    assert_eq!(due(&state, "2026-11-26T10:29:59Z"), None);
    let again = due(&state, "2026-11-26T10:30:00Z").unwrap();
    assert_eq!((again.attempt, &again.id), (2, &first.id));
    state.hold(&again, at("2026-11-26T10:30:00Z"));
    assert!(state.note(&first.id) && state.note(&first.id), "noting twice is noting once");
    assert!(!state.note("mail-0"), "nobody has taken that");
    assert_eq!(due(&state, "2026-11-26T12:00:00Z"), None);
    state.forget(at("2026-12-03T09:00:00Z"));
    assert_eq!((state.told.len(), due(&state, "2026-12-03T09:00:00Z")), (0, None));
}

#[tokio::test]
async fn of_many_callers_each_takes_another_one_and_a_first_call_tells_nothing_old() {
    let folder = std::env::temp_dir().join(format!("posture-notices-{}", std::process::id()));
    let ledger = FolderLedger::new(folder.clone());
    let alerts: Vec<_> =
        (0..5).map(|n| alert(&format!("a{n}"), "2026-11-26T09:00:00Z", "high", "x")).collect();
    let (wanted, now) = (soc(), at(NOW));

    let first = take(&ledger, "t", &wanted, &alerts, at("2026-11-26T08:00:00Z")).await.unwrap();
    assert_eq!(first.map(|due| due.attempt), Some(1), "created after it");
    let takes = (0..4).map(|_| take(&ledger, "t", &wanted, &alerts, now));
    let taken = futures::future::try_join_all(takes).await.unwrap();
    let ids: BTreeSet<_> = taken.iter().map(|due| due.as_ref().unwrap().id.clone()).collect();
    let late = take(&ledger, "u", &wanted, &alerts, now).await.unwrap();

    assert_eq!(ids.len(), 4, "{ids:?}");
    assert_eq!(late, None, "created before anybody asked");
    std::fs::remove_dir_all(folder).unwrap();
}
