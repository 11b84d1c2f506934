//! Export files: read as a stream, row by row, each once; by pages where files are refused.

use crate::support::{self, Folder, job, kept_lines, later};
use posture::app::App;
use posture::ledger::path;
use posture::report::{Report, Status};
use posture::run::run;
use posture::source::{
    BROWSER_EXTENSIONS, CERTIFICATES, DEVICE_BASELINES, DEVICE_CONFIGURATIONS, DEVICE_SOFTWARE,
    DEVICE_VULNERABILITIES, FIRMWARE, Source,
};
use serde_json::Value;
use simulator::{Api, Fault, FaultKind, Simulator};
use std::collections::BTreeSet;
use std::sync::Arc;

const EXPORTS: [Source; 7] = [
    DEVICE_VULNERABILITIES,
    DEVICE_SOFTWARE,
    DEVICE_CONFIGURATIONS,
    DEVICE_BASELINES,
    BROWSER_EXTENSIONS,
    CERTIFICATES,
    FIRMWARE,
];

pub(super) struct World {
    pub(super) microsoft: Simulator,
    pub(super) folder: Folder,
    pub(super) app: App,
}

impl World {
    pub(super) async fn new(devices: u32) -> World {
        let microsoft = support::microsoft(devices).await;
        let folder = Folder::new();
        let app = support::app(&microsoft, &[support::tenant(devices)], folder.ledger());
        World { microsoft, folder, app }
    }

    pub(super) async fn rows(&self, source: Source) -> Vec<Value> {
        let lines = kept_lines(&*self.folder.ledger(), source).await;
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(super) async fn complete(&self, source: Source, minutes: i64) -> Report {
        let report = run(&self.app, &later(&self.app, source, minutes)).await;
        assert_eq!(report.status, Status::Complete, "{report}");
        report
    }

    fn asked(&self, api: Api) -> usize {
        self.microsoft.requests().iter().filter(|seen| seen.api == api).count()
    }
}

pub(super) fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["RecordId"].as_str().unwrap().to_owned()).collect()
}

fn status(code: u16) -> FaultKind {
    FaultKind::Status { code, retry_after: None }
}

#[tokio::test]
async fn every_assessment_is_read_from_its_files() {
    let world = World::new(40).await;

    for source in EXPORTS {
        let report = world.complete(source, 0).await;
        let rows = world.rows(source).await;
        assert_eq!((rows.len() as u64, report.tally.rejected), (report.tally.kept, 0), "{report}");
        assert_eq!(ids(&rows).len(), rows.len(), "{}: two rows share an id", source.name);
        assert!(report.tally.pages >= 2, "several files: {report}");
    }

    let received = world.microsoft.received();
    assert!(received.wrong_types.is_empty(), "{:?}", received.wrong_types);
    assert!(received.undeclared.is_empty(), "{:?}", received.undeclared);
    assert_eq!(received.missing_time_generated, 0);
}

#[tokio::test]
async fn what_goes_to_the_workspace_is_what_is_wrong() {
    let world = World::new(30).await;

    let vulnerabilities = world.complete(DEVICE_VULNERABILITIES, 0).await;
    let configurations = world.complete(DEVICE_CONFIGURATIONS, 0).await;
    let software = world.complete(DEVICE_SOFTWARE, 0).await;

    let received = world.microsoft.received().tables;
    let sent = &received[DEVICE_VULNERABILITIES.table.name];
    assert!(sent.iter().all(|row| row["CveId"].is_string()), "software is no vulnerability");
    assert!(vulnerabilities.tally.withheld > 0 && vulnerabilities.tally.sent == sent.len() as u64);
    let sent = &received[DEVICE_CONFIGURATIONS.table.name];
    assert!(sent.iter().all(|row| row["IsCompliant"] == false));
    assert!(configurations.tally.withheld > configurations.tally.sent);
    assert_eq!(software.tally.sent, 0);
}

#[tokio::test]
async fn where_files_are_refused_the_same_records_come_by_pages() {
    let by_files = World::new(20).await;
    let by_pages = World::new(20).await;
    let refused =
        Fault::new(Api::Defender, "/api/machines/SoftwareVulnerabilitiesExport", status(403));
    by_pages.microsoft.inject(refused.always());

    by_files.complete(DEVICE_VULNERABILITIES, 0).await;
    by_pages.complete(DEVICE_VULNERABILITIES, 0).await;

    let (files, pages) =
        (by_files.rows(DEVICE_VULNERABILITIES).await, by_pages.rows(DEVICE_VULNERABILITIES).await);
    let with_cve = |rows: &[Value], field: &str| {
        let rows: Vec<_> = rows.iter().filter(|row| row[field].is_string()).cloned().collect();
        ids(&rows)
    };
    assert_eq!(with_cve(&files, "CveId"), with_cve(&pages, "cveId"), "one key in both spellings");
    assert_eq!(files.len(), pages.len());
    assert!(by_pages.microsoft.received().wrong_types.is_empty());
}

#[tokio::test]
async fn a_role_that_is_missing_is_refused_by_both_ways() {
    let world = World::new(5).await;
    world.microsoft.set_roles(&support::tenant(5).id, &["Machine.Read.All"]);

    let report = run(&world.app, &job(&world.app, DEVICE_VULNERABILITIES)).await;

    assert_eq!(report.status, Status::Refused, "{report}");
    assert!(report.message.contains("grant the app role Vulnerability.Read.All"), "{report}");
}

#[tokio::test]
async fn a_snapshot_that_is_kept_already_is_not_read_again() {
    let world = World::new(10).await;
    let first = world.complete(DEVICE_SOFTWARE, 0).await;
    let files = world.asked(Api::Storage);

    let second = run(&world.app, &later(&world.app, DEVICE_SOFTWARE, 60)).await;
    let unread = world.asked(Api::Storage);
    world.microsoft.advance_snapshot();
    let third = world.complete(DEVICE_SOFTWARE, 120).await;

    assert_eq!((second.status, second.tally.kept, unread), (Status::Unchanged, 0, files));
    assert_eq!(third.tally.kept, first.tally.kept);
    let latest = path::latest(&first.tenant, DEVICE_SOFTWARE.name);
    let (latest, _) = world.folder.ledger().read(&latest).await.unwrap().unwrap();
    let latest: Value = serde_json::from_slice(&latest).unwrap();
    assert_eq!(latest["records"], third.tally.kept);
}

#[tokio::test]
async fn a_file_that_breaks_off_goes_on_from_the_row_that_is_next() {
    let world = World::new(300).await;
    world.microsoft.inject(Fault::new(Api::Storage, "", FaultKind::CutBody).times(2));

    let report = world.complete(DEVICE_SOFTWARE, 0).await;

    let rows = world.rows(DEVICE_SOFTWARE).await;
    assert_eq!((rows.len(), ids(&rows).len()), (3000, 3000), "{report}");
}

#[tokio::test]
async fn a_run_that_is_cut_short_in_a_file_goes_on_there() {
    let world = World::new(600).await;
    world.microsoft.inject(Fault::new(Api::Storage, "", FaultKind::Drop).after(2).always());

    let failed = run(&world.app, &job(&world.app, DEVICE_SOFTWARE)).await;
    world.microsoft.clear_faults();
    world.microsoft.expire_links();
    let resumed = world.complete(DEVICE_SOFTWARE, 1).await;

    assert_eq!(failed.status, Status::Failed);
    assert!(failed.message.contains(": the next attempt"), "{failed}");
    assert_eq!(resumed.run, failed.run);
    let rows = world.rows(DEVICE_SOFTWARE).await;
    assert_eq!((rows.len(), ids(&rows).len()), (6000, 6000), "{resumed}");
}

#[tokio::test]
async fn a_snapshot_that_changes_while_it_is_read_is_read_anew() {
    let world = World::new(600).await;
    world.microsoft.inject(Fault::new(Api::Storage, "", FaultKind::Drop).after(2).always());
    let failed = run(&world.app, &job(&world.app, DEVICE_SOFTWARE)).await;
    world.microsoft.clear_faults();
    world.microsoft.expire_links();
    world.microsoft.advance_snapshot();

    let resumed = world.complete(DEVICE_SOFTWARE, 1).await;

    assert_eq!(failed.status, Status::Failed);
    let rows = world.rows(DEVICE_SOFTWARE).await;
    assert_eq!(ids(&rows).len(), 6000, "{resumed}");
    let latest = path::latest(&failed.tenant, DEVICE_SOFTWARE.name);
    let (latest, _) = world.folder.ledger().read(&latest).await.unwrap().unwrap();
    let latest: Value = serde_json::from_slice(&latest).unwrap();
    assert_eq!(latest["digest"]["rows"], 6000, "the fold counts one snapshot");
}

#[tokio::test]
async fn a_signed_link_lives_only_in_the_private_state_and_only_for_the_run() {
    let world = World::new(10).await;
    let links = path::links(&support::tenant(10).id, DEVICE_SOFTWARE.name);
    world.microsoft.inject(Fault::new(Api::Storage, "", FaultKind::Drop).always());

    let failed = run(&world.app, &job(&world.app, DEVICE_SOFTWARE)).await;
    let ledger = world.folder.ledger();
    let while_it_runs = ledger.read(&links).await.unwrap();
    let mut elsewhere = failed.to_string() + &failed.row();
    for path in ledger.list("").await.unwrap() {
        if path != links {
            let (bytes, _) = ledger.read(&path).await.unwrap().unwrap();
            elsewhere.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    world.microsoft.clear_faults();
    world.complete(DEVICE_SOFTWARE, 1).await;

    assert!(String::from_utf8_lossy(&while_it_runs.unwrap().0).contains("sig="));
    assert!(!elsewhere.contains("sig="), "a signed link leaked");
    assert!(ledger.read(&links).await.unwrap().is_none(), "the links outlive the run");
    // The simulated storage answers 400 to any request that brings a token, as the real one does.
    assert!(world.microsoft.requests().iter().all(|seen| seen.status != 400));
}

#[tokio::test]
async fn a_file_on_a_foreign_host_is_refused() {
    let world = World::new(5).await;
    let body = r#"{"exportFiles":["https://evil.example/x.json.gz?sig=secret"],"generatedTime":"2026-11-22T05:00:00Z"}"#;
    let kind = FaultKind::Body { content_type: "application/json".into(), body: body.into() };
    let listing = "/api/machines/SoftwareInventoryExport";
    world.microsoft.inject(Fault::new(Api::Defender, listing, kind).always());

    let report = run(&world.app, &job(&world.app, DEVICE_SOFTWARE)).await;

    assert_eq!(report.status, Status::Failed, "{report}");
    assert!(report.message.contains("foreign host evil.example"), "{report}");
    assert!(!report.message.contains("secret"));
}

#[tokio::test]
async fn two_attempts_share_the_links_and_do_no_double_work() {
    let world = Arc::new(World::new(50).await);
    let job = job(&world.app, DEVICE_SOFTWARE);

    let (one, other) = tokio::join!(run(&world.app, &job), run(&world.app, &job));

    let statuses = [one.status, other.status];
    assert!(statuses.contains(&Status::Complete) && statuses.contains(&Status::Unneeded));
    assert_eq!(world.rows(DEVICE_SOFTWARE).await.len(), 500);
}

#[tokio::test]
async fn a_row_that_is_not_utf_8_is_noted_and_not_altered_silently() {
    let world = World::new(30).await;
    world.microsoft.inject(Fault::new(Api::Storage, "", FaultKind::NonUtf8).always());

    let report = world.complete(DEVICE_SOFTWARE, 0).await;

    assert!(report.tally.rejected > 0, "{report}");
    assert_eq!(report.tally.read, report.tally.kept + report.tally.rejected);
    let lines = kept_lines(&*world.folder.ledger(), DEVICE_SOFTWARE).await;
    assert!(lines.iter().all(|line| !line.contains('\u{fffd}')), "an altered row is kept");
    let noted = support::rejected(&*world.folder.ledger()).await;
    assert!(noted.contains("not UTF-8"), "{noted}");
}
