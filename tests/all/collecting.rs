//! A job end to end, in process: pages in, ledger first, then the workspace, a report out.

use crate::support::{self, Folder, job, kept_lines, later};
use posture::report::Status;
use posture::run::run;
use posture::source::{
    ALL, DEVICE_SOFTWARE, DEVICES, SECURE_SCORE_CONTROLS, SECURE_SCORES, Sends, VULNERABILITIES,
};
use serde_json::Value;
use std::collections::BTreeSet;

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[tokio::test]
async fn every_source_is_kept_sent_and_reported() {
    let microsoft = support::microsoft(30).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(30)], folder.ledger());

    let own = || ALL.iter().filter(|source| !source.is_shared());
    for source in own() {
        let report = run(&app, &job(&app, *source)).await;
        assert_eq!(report.status, Status::Complete, "{report}");
    }

    let received = microsoft.received();
    assert_eq!(received.missing_time_generated, 0);
    assert!(received.wrong_types.is_empty(), "{:?}", received.wrong_types);
    for source in own() {
        let kept = kept_lines(&*folder.ledger(), *source).await;
        let sent = received.counts.get(source.table.name).copied().unwrap_or(0);
        if source.identity() != source.name {
            continue; // Changes share the table of what they change, and there may be none.
        }
        assert!(!kept.is_empty(), "{}", source.name);
        assert_eq!(sent > 0, source.sends != Sends::Nothing, "{}", source.name);
        let changes = ALL.iter().filter(|other| other.identity() == source.name).skip(1).count();
        assert!(sent <= kept.len() as u64 || changes > 0, "{}", source.name);
    }
    assert_eq!(received.counts["PostureRuns_CL"], own().count() as u64);
    let latest = folder.ledger().list("latest/").await.unwrap();
    assert_eq!(latest.len(), own().count());
}

/// The newest record's date, the snapshot's, or else the run's beginning.
#[tokio::test]
async fn a_report_says_as_of_when_its_newest_data_is() {
    let microsoft = support::microsoft(12).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(12)], folder.ledger());
    let text = |at: jiff::Timestamp| posture::record::instant_text(at);

    let devices = run(&app, &job(&app, DEVICES)).await;
    let scores = run(&app, &job(&app, SECURE_SCORES)).await;
    let software = run(&app, &job(&app, DEVICE_SOFTWARE)).await;
    let unchanged = run(&app, &later(&app, DEVICE_SOFTWARE, 60)).await;
    let nothing_new = run(&app, &later(&app, SECURE_SCORES, 60)).await;

    assert_eq!(devices.newest, Some(devices.began));
    let newest = |lines: &[String]| {
        lines.iter().map(|line| json(line)["createdDateTime"].as_str().unwrap().to_owned()).max()
    };
    let newest = newest(&kept_lines(&*folder.ledger(), SECURE_SCORES).await);
    assert_eq!(scores.newest, newest.unwrap().parse().ok());
    assert_eq!((nothing_new.tally.kept, nothing_new.newest), (0, scores.newest));
    assert_eq!(software.newest.map(text), software.generated.unwrap().parse().ok().map(text));
    assert_eq!((unchanged.status, unchanged.newest), (Status::Unchanged, software.newest));
    let received = microsoft.received();
    let row = received.tables["PostureRuns_CL"].iter().find(|row| row["Source"] == software.source);
    let age = software.ended.duration_since(software.newest.unwrap()).as_secs();
    // The set's end is told a moment after its row was made.
    let told = row.unwrap()["FreshnessS"].as_i64().unwrap();
    assert!((0..=1).contains(&(age - told)), "{told} {age}");
}

#[tokio::test]
async fn a_kept_row_and_its_sent_row_are_the_same() {
    let microsoft = support::microsoft(12).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(12)], folder.ledger());

    run(&app, &job(&app, DEVICES)).await;

    let kept: Vec<Value> =
        kept_lines(&*folder.ledger(), DEVICES).await.iter().map(|line| json(line)).collect();
    assert_eq!(kept, microsoft.received().tables[DEVICES.table.name]);
    assert_eq!(kept.len(), 12);
    let ids: BTreeSet<_> = kept.iter().map(|row| row["RecordId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 12);
    let time = kept[0]["TimeGenerated"].as_str().unwrap();
    assert_eq!((time.len(), time), (27, kept[0]["CollectedTime"].as_str().unwrap()));
}

#[tokio::test]
async fn vulnerabilities_without_exposed_machines_stay_in_the_ledger() {
    let microsoft = support::microsoft(20).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(20)], folder.ledger());

    let report = run(&app, &job(&app, VULNERABILITIES)).await;

    let rows = &microsoft.received().tables[VULNERABILITIES.table.name];
    assert!(rows.iter().all(|row| row["exposedMachines"].as_f64().unwrap() > 0.0));
    assert_eq!(report.tally.sent, rows.len() as u64);
    assert!(report.tally.withheld > 0);
    assert_eq!(report.tally.kept, report.tally.sent + report.tally.withheld);
}

#[tokio::test]
async fn devices_go_to_the_workspace_with_the_days_first_complete_run() {
    let microsoft = support::microsoft(5).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(5)], folder.ledger());

    let first = run(&app, &job(&app, DEVICES)).await;
    let same_day = run(&app, &later(&app, DEVICES, 0)).await;
    let next_day = run(&app, &later(&app, DEVICES, 24 * 60)).await;

    assert_eq!((first.tally.sent, first.tally.withheld), (5, 0));
    // The second message is of the same second or a later one: needless, or withheld.
    assert_eq!(same_day.tally.sent, 0);
    assert_eq!((next_day.tally.sent, next_day.tally.withheld), (5, 0));
}

#[tokio::test]
async fn secure_scores_are_read_whole_once_and_then_what_is_new() {
    let microsoft = support::microsoft(1).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(1)], folder.ledger());

    let first = run(&app, &job(&app, SECURE_SCORES)).await;
    let nothing_new = run(&app, &later(&app, SECURE_SCORES, 1)).await;
    microsoft.advance_days(2);
    let two_days_on = run(&app, &later(&app, SECURE_SCORES, 2)).await;

    assert_eq!((first.tally.kept, nothing_new.tally.kept, two_days_on.tally.kept), (90, 0, 2));
    assert_eq!(nothing_new.tally.pages, 1, "{nothing_new}");
    let path = format!("latest/{}/{}.json", first.tenant, SECURE_SCORES.name);
    let (latest, _) = folder.ledger().read(&path).await.unwrap().unwrap();
    let latest = json(std::str::from_utf8(&latest).unwrap());
    assert_eq!(latest["digest"]["days"].as_object().unwrap().len(), 92);
}

#[tokio::test]
async fn controls_are_one_record_per_control_and_day() {
    let microsoft = support::microsoft(1).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(1)], folder.ledger());

    let report = run(&app, &job(&app, SECURE_SCORE_CONTROLS)).await;

    let rows = &microsoft.received().tables[SECURE_SCORE_CONTROLS.table.name];
    let keys: BTreeSet<_> = rows
        .iter()
        .map(|row| (row["secureScoreId"].to_string(), row["controlName"].to_string()))
        .collect();
    assert_eq!(keys.len() as u64, report.tally.kept);
    assert!(rows.iter().all(|row| row["createdDateTime"].is_string()));
    assert!(report.tally.parts > 1, "over a megabyte needs several parts: {report}");
}

#[tokio::test]
async fn many_small_pages_give_the_same_records() {
    let mut options =
        simulator::Options::new(vec![support::tenant(57)], posture::describe::tables_json());
    options.page_size = Some(10);
    let microsoft = support::start(options).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(57)], folder.ledger());

    let report = run(&app, &job(&app, DEVICES)).await;

    assert_eq!((report.tally.pages, report.tally.kept), (6, 57));
    assert_eq!(kept_lines(&*folder.ledger(), DEVICES).await.len(), 57);
}

#[tokio::test]
async fn the_same_message_twice_does_no_double_work() {
    let microsoft = support::microsoft(40).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(40)], folder.ledger());
    let job = job(&app, DEVICES);

    let (one, other) = tokio::join!(run(&app, &job), run(&app, &job));
    let third = run(&app, &job).await;

    let statuses = [one.status, other.status];
    assert!(statuses.contains(&Status::Complete) && statuses.contains(&Status::Unneeded));
    assert_eq!(third.status, Status::Unneeded);
    assert_eq!(kept_lines(&*folder.ledger(), DEVICES).await.len(), 40);
    assert_eq!(microsoft.received().counts[DEVICES.table.name], 40);
}
