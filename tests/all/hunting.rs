//! Hunting packs: large answers split and resumed, cuts never lost, times, types in the workspace, queries
//! that bind against Defender's tables.

use crate::support::{self, Folder, job, kept_lines, later};
use posture::app::App;
use posture::plan::{Job, Window};
use posture::report::{Report, Status};
use posture::run::run;
use posture::source::hunting::{
    ASSET_CRITICALITY, BROWSER_EXTENSIONS, CERTIFICATES, SOFTWARE_EVIDENCE, UNMANAGED_DEVICES,
};
use posture::source::{Fetch, Source};
use serde_json::Value;
use simulator::{Api, Fault, FaultKind, Simulator};
use std::collections::BTreeSet;

const PATH: &str = "/v1.0/security/runHuntingQuery";

async fn world(devices: u32) -> (Simulator, Folder, App) {
    world_of(devices, 10).await
}

/// One tenant whose devices have so many software entries each.
async fn world_of(devices: u32, software: u32) -> (Simulator, Folder, App) {
    let tenants = vec![support::tenant(devices)];
    let mut options = simulator::Options::new(tenants, posture::describe::tables_json());
    options.limits = false;
    options.rows_per_device.software = software;
    let microsoft = support::start(options).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(devices)], folder.ledger());
    (microsoft, folder, app)
}

async fn kept(folder: &Folder, source: Source) -> Vec<Value> {
    let lines = kept_lines(&*folder.ledger(), source).await;
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn asked(microsoft: &Simulator) -> usize {
    microsoft.requests().iter().filter(|seen| seen.path == PATH).count()
}

/// Each record once, and as many as the table has.
fn is_whole(report: &Report, rows: &[Value], count: usize) {
    let ids: BTreeSet<_> = rows.iter().map(|row| row["RecordId"].as_str().unwrap()).collect();
    assert_eq!(report.status, Status::Complete, "{report}");
    assert_eq!(
        (rows.len(), ids.len(), report.tally.kept),
        (count, count, count as u64),
        "{report}"
    );
}

#[tokio::test]
async fn a_large_answer_is_read_in_parts_and_goes_on_where_it_was_cut_short() {
    let (microsoft, folder, app) = world_of(210, 100).await;
    let busy = FaultKind::Status { code: 500, retry_after: None };
    microsoft.inject(Fault::new(Api::Graph, PATH, busy).after(2).always());
    let cut = run(&app, &job(&app, SOFTWARE_EVIDENCE)).await;
    let first = kept(&folder, SOFTWARE_EVIDENCE).await;
    microsoft.clear_faults();
    let before = asked(&microsoft);

    let went_on = run(&app, &later(&app, SOFTWARE_EVIDENCE, 60)).await;

    assert_eq!((cut.status, &cut.run), (Status::Failed, &went_on.run), "{cut}");
    assert!(!first.is_empty() && first.len() < 21_000, "{}", first.len());
    is_whole(&went_on, &kept(&folder, SOFTWARE_EVIDENCE).await, 21_000);
    assert!(
        asked(&microsoft) - before <= 2,
        "neither the count nor a kept part is asked for again"
    );
}

fn answers(body: String) -> FaultKind {
    FaultKind::Body { content_type: "application/json".into(), body: body.into_bytes() }
}

/// An answer of so many rows, all with one key.
fn alike(count: usize) -> FaultKind {
    let rows = vec![r#"{"NodeId":"one"}"#; count].join(",");
    answers(format!(r#"{{"schema":[],"results":[{rows}]}}"#))
}

/// The count lies, the service cuts at 100,000 rows without a sign: nothing is lost all the same.
#[tokio::test]
async fn an_answer_that_is_cut_without_a_sign_is_read_again_in_halves() {
    let (microsoft, folder, app) = world(80).await;
    let count = answers(r#"{"schema":[],"results":[{"Count":5}]}"#.to_owned());
    microsoft.inject(Fault::new(Api::Graph, PATH, count));
    microsoft.inject(Fault::new(Api::Graph, PATH, alike(100_000)));

    let report = run(&app, &job(&app, ASSET_CRITICALITY)).await;

    is_whole(&report, &kept(&folder, ASSET_CRITICALITY).await, 20);
    // The count, the cut answer, its halves; then the batch and the report's row.
    assert_eq!(report.tally.requests, 1 + 1 + 2 + 1 + 1);
}

/// Rows that share their key's hash can't be split: they are kept, and no snapshot is made of them.
#[tokio::test]
async fn rows_that_cannot_be_split_are_kept_and_the_read_is_incomplete() {
    let (microsoft, folder, app) = world(3).await;
    // The count finds no number in it and asks for the rows at once; then six halvings.
    microsoft.inject(Fault::new(Api::Graph, PATH, alike(100_000)).times(8));

    let report = run(&app, &job(&app, ASSET_CRITICALITY)).await;

    assert_eq!(report.status, Status::Incomplete, "{report}");
    assert!(report.message.starts_with("over 100,000 rows share one hash"), "{report}");
    let mut kept = kept(&folder, ASSET_CRITICALITY).await;
    kept.retain(|row| row["NodeId"] == "one");
    assert_eq!(kept.len(), 100_000);
    assert!(folder.ledger().list("latest/").await.unwrap().is_empty());
}

#[tokio::test]
async fn times_are_the_packs_own_or_those_asked_for() {
    let (_microsoft, folder, app) = world(40).await;
    let scheduled = run(&app, &job(&app, UNMANAGED_DEVICES)).await;
    let window = |from: &str, to: &str| Some(Window::read(from, to).unwrap());
    let targeted = |minutes, window| Job { window, ..later(&app, UNMANAGED_DEVICES, minutes) };
    let yesterday = (app.now() - jiff::SignedDuration::from_hours(36)).to_string();

    let long_ago = run(&app, &targeted(1, window("2026-01-01", "2026-01-02"))).await;
    let since = run(&app, &targeted(2, window(&yesterday, &app.now().to_string()))).await;

    assert_eq!((scheduled.tally.kept, long_ago.tally.kept, since.tally.kept), (5, 0, 5));
    let rows = kept(&folder, UNMANAGED_DEVICES).await;
    assert_eq!(rows.len(), 10);
}

/// What is under way for other times is not what was asked for.
#[tokio::test]
async fn other_times_are_read_from_their_own_beginning() {
    let (microsoft, _folder, app) = world(40).await;
    microsoft.inject(Fault::new(Api::Graph, PATH, FaultKind::Drop).after(1).times(3));
    let cut = run(&app, &job(&app, UNMANAGED_DEVICES)).await;
    let window = Some(Window::read("2026-01-01", "2026-01-02").unwrap());
    let asked = Job { window, ..later(&app, UNMANAGED_DEVICES, 1) };

    let report = run(&app, &asked).await;

    assert_eq!((cut.status, report.status), (Status::Failed, Status::Complete), "{report}");
    assert_eq!((&report.run, report.tally.kept), (&asked.run, 0));
}

#[tokio::test]
async fn a_table_that_the_tenant_lacks_is_refused_with_advice() {
    let (microsoft, _folder, app) = world(3).await;
    let refused = FaultKind::Status { code: 400, retry_after: None };
    microsoft.inject(Fault::new(Api::Graph, PATH, refused));

    let report = run(&app, &job(&app, CERTIFICATES)).await;

    assert_eq!(report.status, Status::Refused, "{report}");
    assert!(report.message.contains("the tenant lacks the product"), "{report}");
}

/// Rows as hunting sends them become typed columns; the blob keeps what came.
#[tokio::test]
async fn truth_dates_and_nothing_become_a_columns_own() {
    let (microsoft, folder, mut app) = world(20).await;
    for source in &mut support::first_mut(&mut app).sources {
        source.sends = posture::source::Sends::All;
    }
    for source in [BROWSER_EXTENSIONS, CERTIFICATES, ASSET_CRITICALITY] {
        let report = run(&app, &job(&app, source)).await;
        assert_eq!(report.status, Status::Complete, "{report}");
        assert!(report.tally.undeclared == Default::default(), "{:?}", report.tally.undeclared);
    }
    let received = microsoft.received();

    assert!(received.wrong_types.is_empty(), "{:?}", received.wrong_types);
    let extensions = kept(&folder, BROWSER_EXTENSIONS).await;
    assert!(extensions.iter().all(|row| row["IsActivated"].is_number()), "{:?}", extensions[0]);
    let certificates = kept(&folder, CERTIFICATES).await;
    let undated = certificates.iter().filter(|row| row["ExpirationDate"].is_object()).count();
    assert!(undated > 0);
    let calls = [
        "PostureHuntingBrowserExtensions() | summarize count() by IsActivated",
        "PostureHuntingCertificates() | where isnull(ExpirationDate) | count",
        "PostureHuntingAssetCriticality() | extend Rule = tostring(RuleNames[0]) | distinct Rule",
    ];
    let Some(answers) = crate::kql::answers(&received.tables, &calls) else { return };
    assert!(answers.iter().all(|answer| answer.refused.is_none()), "{answers:?}");
    let states: BTreeSet<_> =
        answers[0].rows.iter().map(|row| row["IsActivated"].as_bool()).collect();
    assert_eq!(states, BTreeSet::from([Some(false), Some(true)]));
    assert_eq!(answers[1].rows[0]["Count"], undated);
    assert_eq!(answers[2].rows[0]["Rule"], "Domain Controller");
}

/// The packs' queries bind by Microsoft's language service against the documented tables, and give what
/// their columns say.
#[test]
fn every_packs_query_gives_its_columns() {
    let packs: Vec<_> =
        posture::source::ALL.iter().filter(|s| matches!(s.fetch, Fetch::Hunting(_))).collect();
    let queries = packs.iter().map(|source| {
        let Fetch::Hunting(hunting) = source.fetch else { panic!() };
        (source.name, hunting.query)
    });

    let bound = crate::kql::bind_hunting(&queries.collect::<Vec<_>>());

    assert!(packs.len() >= 6);
    for (source, (errors, columns)) in packs.iter().zip(bound) {
        assert_eq!(errors, [""; 0], "{}", source.name);
        let own: Vec<_> = source.table.columns.iter().map(|column| column.name).collect();
        assert_eq!(columns, own, "{}", source.name);
    }
}
