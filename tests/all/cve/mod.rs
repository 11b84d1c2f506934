//! What is known of vulnerabilities outside: read once for all tenants, sent to whom it concerns.

mod audience;
mod joined;
mod kills;
mod named;
mod pages;
mod products;
mod setting;

use crate::support::{self, Folder};
use jiff::SignedDuration;
use posture::app::App;
use posture::cloud::{Cloud, Identity};
use posture::digest::{Digest, Latest};
use posture::plan::RunId;
use posture::report::{Report, Status};
use posture::run;
use posture::source::{ALL, EPSS, EVERYONE, KNOWN_EXPLOITED, NVD, Sends, Source, VULNERABILITIES};
use simulator::{Api, Fault, FaultKind, Options, Simulator};
use std::collections::BTreeSet;

/// An app of one tenant and of the one that stands for all.
pub fn app(microsoft: &Simulator, folder: &Folder) -> App {
    let tenants = [support::tenant(30)];
    let mut app = support::app(microsoft, &tenants, folder.ledger());
    let mut way = support::way(microsoft);
    way.rules = None;
    let shared = ALL.iter().copied().filter(Source::is_shared).collect();
    let cloud = Cloud::named("public").unwrap();
    let identity = Identity::AzureCli { tenant: None };
    app.everyone = Some(App::everyone_of(cloud, shared, identity, &way));
    app
}

pub async fn collect(app: &App, source: Source, minutes: i64) -> Report {
    let present = app.tenants().await.unwrap();
    let everyone = app.for_all(&present).unwrap();
    let run = RunId::at(app.now() + SignedDuration::from_mins(minutes));
    run::run(app, &app.job(&everyone, source, run, true)).await
}

async fn latest(app: &App, source: Source) -> Latest {
    let path = format!("latest/{EVERYONE}/{}.json", source.name);
    let (bytes, _) = app.ledger.read(&path).await.unwrap().unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn rows(microsoft: &Simulator, source: Source, field: &str) -> BTreeSet<String> {
    let rows = microsoft.received().tables;
    let of_table = rows.get(source.table.name).cloned().unwrap_or_default();
    of_table.iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

/// What a tenant's list of vulnerabilities answers: these, each with an exposed machine.
fn exposing(ids: &[&str]) -> Fault {
    let record =
        |id: &&str| serde_json::json!({ "id": id, "severity": "High", "exposedMachines": 1 });
    let body = serde_json::json!({ "value": ids.iter().map(record).collect::<Vec<_>>() });
    let (content_type, body) = ("application/json".to_owned(), body.to_string().into_bytes());
    let kind = FaultKind::Body { content_type, body };
    Fault::new(Api::Defender, "/api/vulnerabilities", kind).always()
}

fn strings(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn fault(api: Api, kind: FaultKind) -> Fault {
    Fault::new(api, "/", kind).always()
}

fn status(code: u16) -> FaultKind {
    FaultKind::Status { code, retry_after: None }
}

#[tokio::test]
async fn known_exploited_go_whole_to_the_workspace_and_the_next_run_replaces_them() {
    let (microsoft, folder) = (support::microsoft(30).await, Folder::new());
    let app = app(&microsoft, &folder);

    let one = collect(&app, KNOWN_EXPLOITED, 0).await;
    let two = collect(&app, KNOWN_EXPLOITED, 600).await;

    assert_eq!((one.status, two.status), (Status::Complete, Status::Complete), "{one}");
    assert_eq!((one.tally.kept, one.tally.sent), (two.tally.kept, two.tally.kept));
    assert!(one.tally.undeclared.is_empty(), "{:?}", one.tally.undeclared);
    let Digest::KnownExploited(fold) = latest(&app, KNOWN_EXPLOITED).await.digest else { panic!() };
    assert_eq!(fold.records.len() as u64, two.tally.kept, "not twice as many");
    let log4shell = &fold.records["CVE-2021-44228"];
    assert_eq!((log4shell.since.as_deref(), log4shell.ransomware), (Some("2021-12-10"), true));
    assert!(rows(&microsoft, KNOWN_EXPLOITED, "cveID").contains("CVE-2021-44228"));
    assert!(microsoft.received().wrong_types.is_empty(), "{:?}", microsoft.received().wrong_types);
    assert_eq!(microsoft.requests().iter().filter(|seen| seen.api == Api::Entra).count(), 1);
}

#[tokio::test]
async fn where_cisa_refuses_this_machine_its_mirror_is_read() {
    for kind in [status(403), status(503), FaultKind::Html] {
        let (microsoft, folder) = (support::microsoft(5).await, Folder::new());
        let app = app(&microsoft, &folder);
        microsoft.inject(fault(Api::Kev, kind.clone()));

        let report = collect(&app, KNOWN_EXPLOITED, 0).await;

        assert_eq!(report.status, Status::Complete, "{kind:?}: {report}");
        assert!(microsoft.requests().iter().any(|seen| seen.api == Api::KevMirror));
    }
}

#[tokio::test]
async fn a_catalogue_that_has_lost_most_of_its_records_replaces_nothing() {
    let (microsoft, folder) = (support::microsoft(30).await, Folder::new());
    let app = app(&microsoft, &folder);
    let whole = collect(&app, KNOWN_EXPLOITED, 0).await.tally.kept;
    let body = br#"{"count":1,"vulnerabilities":[{"cveID":"CVE-2026-0001"}]}"#.to_vec();
    let kind = FaultKind::Body { content_type: "application/json".to_owned(), body };
    microsoft.inject(fault(Api::Kev, kind.clone()));
    microsoft.inject(fault(Api::KevMirror, kind));

    let report = collect(&app, KNOWN_EXPLOITED, 600).await;

    assert_eq!(report.status, Status::Failed, "{report}");
    assert_eq!(latest(&app, KNOWN_EXPLOITED).await.records, whole);
}

#[tokio::test]
async fn of_epss_all_is_kept_with_its_file_and_only_exposed_ones_are_sent() {
    let (microsoft, folder) = (support::microsoft(30).await, Folder::new());
    let app = app(&microsoft, &folder);
    run::run(&app, &support::job(&app, VULNERABILITIES)).await;

    let report = collect(&app, EPSS, 0).await;

    assert_eq!(report.status, Status::Complete, "{report}");
    let exposed = exposed(&app).await;
    assert_eq!(rows(&microsoft, EPSS, "cve"), exposed);
    assert_eq!(report.tally.sent, exposed.len() as u64);
    assert!(report.tally.kept > report.tally.sent, "{report}");
    let Digest::Epss(fold) = latest(&app, EPSS).await.digest else { panic!() };
    assert_eq!(fold.scores.keys().cloned().collect::<BTreeSet<_>>(), exposed);
    assert_eq!(fold.model.as_deref(), Some("v2026.06.15"));
    let kept = app.ledger.list("records/").await.unwrap();
    let original = kept.iter().find(|path| path.ends_with("/original.csv.gz")).unwrap();
    assert!(app.ledger.read(original).await.unwrap().unwrap().0.starts_with(&[0x1f, 0x8b]));
    let lines = support::kept_lines(&*app.ledger, EPSS).await;
    let row: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(
        (row["epss"].as_str(), row["cve"].as_str()),
        (Some("0.99999"), Some("CVE-2021-44228"))
    );
    assert_eq!(row["AadTenantId"], EVERYONE);
}

/// `POSTURE_SEND` says what goes to the workspace, and nothing of what answers know.
#[tokio::test]
async fn whatever_is_sent_the_digests_know_what_concerns_somebody() {
    let (microsoft, folder) = (support::microsoft(30).await, Folder::new());
    let mut app = app(&microsoft, &folder);
    run::run(&app, &support::job(&app, VULNERABILITIES)).await;
    let exposed = exposed(&app).await;
    for source in &mut app.everyone.as_mut().unwrap().sources {
        source.sends = Sends::All;
    }

    let folded = async |source: Source| {
        let report = collect(&app, source, 0).await;
        assert_eq!(report.status, Status::Complete, "{report}");
        assert!(report.tally.sent > exposed.len() as u64, "{report}");
        latest(&app, source).await.digest
    };
    let Digest::Epss(epss) = folded(EPSS).await else { panic!() };
    let Digest::Nvd(nvd) = folded(NVD).await else { panic!() };

    assert_eq!(epss.scores.into_keys().collect::<BTreeSet<_>>(), exposed);
    assert_eq!(nvd.records.into_keys().collect::<BTreeSet<_>>(), exposed);
}

async fn exposed(app: &App) -> BTreeSet<String> {
    let path = format!("latest/{}/{}.json", support::first(app).id, VULNERABILITIES.name);
    let (bytes, _) = app.ledger.read(&path).await.unwrap().unwrap();
    let latest: Latest = serde_json::from_slice(&bytes).unwrap();
    let Digest::Vulnerabilities(fold) = latest.digest else { panic!() };
    assert!(!fold.flaws.is_empty());
    fold.flaws.into_keys().collect()
}

#[tokio::test]
async fn nvd_is_read_whole_once_and_then_what_was_modified() {
    let mut options = Options::new(vec![support::tenant(30)], posture::describe::tables_json());
    (options.limits, options.page_size) = (false, Some(40));
    let (microsoft, folder) = (support::start(options).await, Folder::new());
    let app = app(&microsoft, &folder);
    run::run(&app, &support::job(&app, VULNERABILITIES)).await;

    let whole = collect(&app, NVD, 0).await;
    let nothing = collect(&app, NVD, 300).await;
    microsoft.touch_nvd(12);
    let changed = collect(&app, NVD, 600).await;

    assert_eq!(whole.status, Status::Complete, "{whole}");
    assert!(whole.tally.pages > 3 && whole.tally.undeclared.is_empty(), "{whole}");
    assert_eq!(rows(&microsoft, NVD, "id"), exposed(&app).await);
    assert_eq!((nothing.tally.kept, nothing.tally.requests), (0, 2), "one request, one report");
    assert_eq!((changed.status, changed.tally.kept), (Status::Complete, 12), "{changed}");
    let Digest::Nvd(fold) = latest(&app, NVD).await.digest else { panic!() };
    assert_eq!(fold.records.len(), exposed(&app).await.len(), "it goes on from the run before");
    let asked = microsoft.requests();
    let asked: Vec<_> = asked.iter().filter(|seen| seen.api == Api::Nvd).collect();
    assert!(asked.iter().all(|seen| seen.tenant.is_none() && !seen.query.contains("until")));
}

#[tokio::test]
async fn a_wrong_key_of_nvd_is_an_administrators_turn() {
    let (microsoft, folder) = (support::microsoft(5).await, Folder::new());
    let mut app = app(&microsoft, &folder);
    let mut way = support::way(&microsoft);
    way.rules = None;
    way.nvd_key = Some("00000000-0000-4000-8000-000000000bad".into());
    let cloud = Cloud::named("public").unwrap();
    let identity = Identity::AzureCli { tenant: None };
    app.everyone = Some(App::everyone_of(cloud, vec![NVD], identity.clone(), &way));
    let wrong = collect(&app, NVD, 0).await;
    way.nvd_key = Some(microsoft.nvd_key().into());
    app.everyone = Some(App::everyone_of(cloud, vec![NVD], identity, &way));
    let right = collect(&app, NVD, 300).await;

    assert_eq!(wrong.status, Status::Refused, "{wrong}");
    assert!(wrong.message.contains("Invalid apiKey.") && wrong.message.contains("POSTURE_NVD_KEY"));
    assert!(!wrong.message.contains("0bad"), "{wrong}");
    assert_eq!(right.status, Status::Complete, "{right}");
}

#[tokio::test]
async fn whoever_meets_nvds_limit_goes_on_later_from_the_checkpoint() {
    let (microsoft, folder) = (support::microsoft(5).await, Folder::new());
    let app = app(&microsoft, &folder);
    microsoft.inject(fault(Api::Nvd, status(429)));

    let limited = collect(&app, NVD, 0).await;
    microsoft.clear_faults();
    let after = collect(&app, NVD, 300).await;

    assert_eq!(limited.status, Status::Failed, "{limited}");
    assert!(limited.message.contains("another 30 s"), "{limited}");
    assert_eq!(after.status, Status::Complete, "{after}");
}

#[tokio::test]
async fn the_timer_plans_what_is_read_for_all_once_and_epss_after_the_vulnerabilities() {
    let (microsoft, folder) = (support::microsoft(5).await, Folder::new());
    let app = app(&microsoft, &folder);
    let planned = async |app: &App| -> Vec<String> {
        let messages = app.tick(app.now()).await.unwrap();
        let ours = messages.into_iter().filter(|message| message.tenant == EVERYONE);
        ours.map(|message| message.source).collect()
    };

    let before = planned(&app).await;
    run::run(&app, &support::job(&app, VULNERABILITIES)).await;
    let after = planned(&app).await;

    assert_eq!(before, ["cve.kev"]);
    assert_eq!(after, ["cve.kev", "cve.epss", "cve.nvd"]);
    let own = support::first(&app).sources.iter().any(Source::is_shared);
    assert!(!own, "no tenant reads them by itself");
}
