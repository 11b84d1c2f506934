//! A job that is killed goes on where it was: every record once in the ledger, none lost on the way to
//! the workspace.

use crate::support::azurite::Azurite;
use crate::support::service::{Service, environment};
use crate::support::{self, Folder, job, kept_lines, later};
use posture::ledger::{FolderLedger, path};
use posture::plan::RunId;
use posture::report::Status;
use posture::run::run;
use posture::source::{DEVICES, VULNERABILITIES};
use serde_json::{Value, json};
use simulator::{Api, Fault, FaultKind, Simulator};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const DEVICES_IN_MANY_PARTS: u32 = 4000;

fn id(line: &str) -> String {
    let row: Value = serde_json::from_str(line).unwrap();
    row["RecordId"].as_str().unwrap().to_owned()
}

/// A simulator whose devices come in pages of a few hundred.
async fn in_small_pages(devices: u32) -> Simulator {
    let tenants = vec![support::tenant(devices)];
    let mut options = simulator::Options::new(tenants, posture::describe::tables_json());
    options.page_size = Some(300);
    options.limits = false;
    support::start(options).await
}

fn message() -> Value {
    json!({
        "run": "20261122T101500Z", "tenant": support::tenant(0).id, "source": "defender.devices",
    })
}

/// What the ledger holds of a source is each record once; what the workspace got is each record at
/// least once, repeats alike in `RunId` and `RecordId`, at most `repeats` of them.
fn nothing_lost(kept: &[String], received: &[Value], records: usize, repeats: usize) {
    let ids: BTreeSet<_> = kept.iter().map(|line| id(line)).collect();
    assert_eq!((kept.len(), ids.len()), (records, records), "each record once in the ledger");
    let mut sent: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in received {
        let id = row["RecordId"].as_str().unwrap().to_owned();
        sent.entry(id).or_default().insert(row["RunId"].as_str().unwrap().to_owned());
    }
    assert_eq!(sent.keys().cloned().collect::<BTreeSet<_>>(), ids, "each record in the workspace");
    assert!(sent.values().all(|runs| runs.len() == 1), "a repeat has another RunId");
    assert!(received.len() <= records + repeats, "{} rows of {records}", received.len());
}

#[tokio::test]
async fn a_killed_job_goes_on_from_its_checkpoint() {
    let azurite = Azurite::start().await;
    let folder = Folder::new();
    for storage in [folder.url(), azurite.url()] {
        let microsoft = in_small_pages(DEVICES_IN_MANY_PARTS).await;
        let environment = environment(&microsoft, &storage);
        let kills = [40, 90, 25, 140, 60].map(Duration::from_millis);

        for after in kills {
            let mut service = Service::start(&environment).await;
            let message = message();
            let request = service.run(&message);
            // What the call would answer doesn't matter: the process is gone before or after it.
            let _ = tokio::time::timeout(
                after,
                futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(request)),
            )
            .await;
            service.kill();
        }
        let service = Service::start(&environment).await;
        let reply = service.run(&message()).await;

        assert_eq!(reply.status, 200, "{}", service.log());
        let kept = match storage.strip_prefix("file://") {
            Some(folder) => kept_lines(&FolderLedger::new(folder.into()), DEVICES).await,
            None => kept_lines(&crate::azurite::blob(&azurite), DEVICES).await,
        };
        let received = microsoft.received().tables.remove(DEVICES.table.name).unwrap_or_default();
        // A batch of these rows has some 800 of them.
        nothing_lost(&kept, &received, DEVICES_IN_MANY_PARTS as usize, kills.len() * 1000);
    }
}

#[tokio::test]
async fn a_part_that_was_kept_and_not_sent_is_sent_as_it_is() {
    let microsoft = support::microsoft(30).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(30)], folder.ledger());
    let job = job(&app, DEVICES);
    microsoft.inject(Fault::new(Api::Logs, "", FaultKind::Drop).always());

    let failed = run(&app, &job).await;
    microsoft.clear_faults();
    let asked = microsoft.requests().iter().filter(|seen| seen.api == Api::Defender).count();
    let resumed = run(&app, &job).await;

    assert_eq!((failed.status, resumed.status), (Status::Failed, Status::Complete));
    let asked_again = microsoft.requests().iter().filter(|seen| seen.api == Api::Defender).count();
    assert_eq!(asked, asked_again, "the kept part needs no page again");
    let kept = kept_lines(&*folder.ledger(), DEVICES).await;
    nothing_lost(&kept, &microsoft.received().tables[DEVICES.table.name], 30, 0);
    assert_eq!((resumed.tally.read, resumed.tally.sent, resumed.tally.attempts), (30, 30, 2));
}

#[tokio::test]
async fn a_lost_answer_of_the_workspace_repeats_one_batch_alike() {
    let microsoft = support::microsoft(30).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(30)], folder.ledger());
    microsoft.inject(Fault::new(Api::Logs, "", FaultKind::CutBody).times(1));

    let report = run(&app, &job(&app, DEVICES)).await;

    assert_eq!(report.status, Status::Complete, "{report}");
    let kept = kept_lines(&*folder.ledger(), DEVICES).await;
    nothing_lost(&kept, &microsoft.received().tables[DEVICES.table.name], 30, 30);
}

#[tokio::test]
async fn a_page_that_has_changed_since_is_kept_whole() {
    let microsoft = in_small_pages(2000).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(2000)], folder.ledger());
    let job = job(&app, DEVICES);
    // The first part ends inside a page; the attempt ends with the page after it.
    microsoft.inject(
        Fault::new(Api::Defender, "", FaultKind::Status { code: 500, retry_after: None })
            .after(5)
            .always(),
    );
    assert_eq!(run(&app, &job).await.status, Status::Failed);
    microsoft.clear_faults();
    let path = path::state(&job.tenant, DEVICES.name);
    let (state, version) = folder.ledger().read(&path).await.unwrap().unwrap();
    let mut state: Value = serde_json::from_slice(&state).unwrap();
    assert!(state["current"]["cursor"]["skip"].as_u64().unwrap() > 0, "{state}");
    state["current"]["cursor"]["last"] = json!("another record than the one that is there now");
    folder.ledger().replace(&path, state.to_string().into(), Some(&version)).await.unwrap();

    let resumed = run(&app, &job).await;

    assert_eq!(resumed.status, Status::Complete, "{resumed}");
    let kept = kept_lines(&*folder.ledger(), DEVICES).await;
    let ids: BTreeSet<_> = kept.iter().map(|line| id(line)).collect();
    assert_eq!(ids.len(), 2000, "no gap");
    assert!(kept.len() > 2000 && kept.len() < 2000 + 300, "one page's repeats: {}", kept.len());
}

#[tokio::test]
async fn a_job_in_living_hands_is_left_alone_and_a_dead_ones_taken_over() {
    let microsoft = support::microsoft(10).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(10)], folder.ledger());
    let job = job(&app, DEVICES);
    microsoft
        .inject(Fault::new(Api::Defender, "", FaultKind::Hang(Duration::from_secs(5))).times(1));

    // The first attempt renews its claim every third of 2 s while the service keeps it waiting.
    let (first, second) = tokio::join!(run(&app, &job), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        run(&app, &job).await
    });
    // An attempt whose process died holds a claim that nobody renews.
    microsoft
        .inject(Fault::new(Api::Defender, "", FaultKind::Hang(Duration::from_secs(60))).times(1));
    let next = later(&app, DEVICES, 90);
    let dead = tokio::time::timeout(Duration::from_millis(300), run(&app, &next)).await;
    let taken_over = run(&app, &next).await;

    assert_eq!((first.status, second.status), (Status::Complete, Status::Unneeded), "{second}");
    assert!(dead.is_err());
    assert_eq!(taken_over.status, Status::Complete, "{taken_over}");
    assert_eq!(taken_over.tally.attempts, 2);
}

#[tokio::test]
async fn one_late_write_of_a_killed_attempt_is_no_sign_of_life() {
    let microsoft = support::microsoft(10).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(10)], folder.ledger());
    let job = job(&app, DEVICES);
    microsoft
        .inject(Fault::new(Api::Defender, "", FaultKind::Hang(Duration::from_secs(60))).times(1));
    let dead = tokio::time::timeout(Duration::from_millis(300), run(&app, &job)).await;
    let (path, ledger) = (path::state(&job.tenant, DEVICES.name), folder.ledger());

    let late = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (state, version) = ledger.read(&path).await.unwrap().unwrap();
        let state: Value = serde_json::from_slice(&state).unwrap();
        ledger.replace(&path, format!("{state} ").into(), Some(&version)).await.unwrap();
    };
    let (report, ()) = tokio::join!(run(&app, &job), late);

    assert!(dead.is_err());
    assert_eq!((report.status, report.tally.attempts), (Status::Complete, 2), "{report}");
}

#[tokio::test]
async fn a_run_that_began_a_day_ago_is_started_anew() {
    let microsoft = support::microsoft(10).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(10)], folder.ledger());
    let job = job(&app, VULNERABILITIES);
    microsoft.inject(Fault::new(Api::Logs, "", FaultKind::Drop).always());
    assert_eq!(run(&app, &job).await.status, Status::Failed);
    microsoft.clear_faults();
    let path = path::state(&job.tenant, VULNERABILITIES.name);
    let (state, version) = folder.ledger().read(&path).await.unwrap().unwrap();
    let mut state: Value = serde_json::from_slice(&state).unwrap();
    state["current"]["began"] = json!("2026-01-01T00:00:00Z");
    state["current"]["run"] = json!("20260101T000000Z");
    folder.ledger().replace(&path, state.to_string().into(), Some(&version)).await.unwrap();
    let next = later(&app, VULNERABILITIES, 1);

    let report = run(&app, &next).await;

    assert_eq!((report.status, &report.run), (Status::Complete, &next.run), "{report}");
}

#[tokio::test]
async fn a_run_under_way_is_finished_under_its_own_name() {
    let microsoft = support::microsoft(10).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(10)], folder.ledger());
    let first = job(&app, DEVICES);
    microsoft.inject(Fault::new(Api::Logs, "", FaultKind::Drop).always());
    assert_eq!(run(&app, &first).await.status, Status::Failed);
    microsoft.clear_faults();

    let report = run(&app, &later(&app, DEVICES, 5)).await;

    assert_eq!((report.status, &report.run), (Status::Complete, &first.run));
    let run: RunId = first.run;
    let kept = kept_lines(&*folder.ledger(), DEVICES).await;
    assert!(kept.iter().all(|line| line.contains(run.as_str())) && kept.len() == 10);
}

#[tokio::test]
async fn a_link_that_has_expired_costs_a_new_beginning_and_no_record() {
    let microsoft = in_small_pages(2000).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(2000)], folder.ledger());
    let job = job(&app, DEVICES);
    let busy = FaultKind::Status { code: 500, retry_after: None };
    microsoft.inject(Fault::new(Api::Defender, "", busy).after(5).always());
    assert_eq!(run(&app, &job).await.status, Status::Failed);
    microsoft.clear_faults();
    let gone = FaultKind::Status { code: 410, retry_after: None };
    microsoft.inject(Fault::new(Api::Defender, "", gone).times(1));

    let resumed = run(&app, &job).await;

    assert_eq!(resumed.status, Status::Complete, "{resumed}");
    let kept = kept_lines(&*folder.ledger(), DEVICES).await;
    let ids: BTreeSet<_> = kept.iter().map(|line| id(line)).collect();
    assert_eq!(ids.len(), 2000, "no gap");
    let path = path::latest(&job.tenant, DEVICES.name);
    let (latest, _) = folder.ledger().read(&path).await.unwrap().unwrap();
    let latest: Value = serde_json::from_slice(&latest).unwrap();
    assert_eq!(latest["digest"]["total"], 2000, "the fold counts each once");
}
