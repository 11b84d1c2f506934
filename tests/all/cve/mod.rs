//! What is known of vulnerabilities outside: read once for all tenants, sent to whom it concerns.

mod audience;
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
use posture::source::{
    ALL, DEVICE_VULNERABILITIES, EPSS, EVERYONE, KNOWN_EXPLOITED, NVD, RECOMMENDATIONS, Source,
    VULNERABILITIES,
};
use serde_json::Value;
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

/// An app of one tenant, with all that its risk order follows from collected once.
async fn all_known(microsoft: &Simulator, folder: &Folder) -> App {
    let app = app(microsoft, folder);
    for source in [VULNERABILITIES, posture::source::DEVICES] {
        run::run(&app, &support::job(&app, source)).await;
    }
    for source in [KNOWN_EXPLOITED, EPSS, NVD] {
        collect(&app, source, 0).await;
    }
    app
}

/// The JSON that a route answers.
async fn asked(app: &App, path: &str, query: &str) -> Value {
    let reply = support::answer(app, "GET", path, query).await;
    assert_eq!(reply.status, 200, "{path}?{query}: {}", reply.body);
    serde_json::from_str(&reply.body).unwrap()
}

#[tokio::test]
async fn the_list_has_every_exposed_vulnerability_the_highest_risk_first_with_what_is_known_outside()
 {
    let (microsoft, folder) = (support::microsoft(30).await, Folder::new());
    let app = all_known(&microsoft, &folder).await;

    let all = asked(&app, "/api/vulnerabilities", "top=1000").await;
    let summary = asked(&app, "/api/summary", "").await;

    let items = all["value"].as_array().unwrap();
    let ids: BTreeSet<_> = items.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((ids, all.get("note")), (exposed(&app).await, None));
    let first_ten: Vec<_> = items.iter().take(10).map(|one| &one["risk"]).collect();
    let order = summary["vulnerabilities"]["riskOrder"].as_array().unwrap();
    assert_eq!(first_ten, order.iter().map(|one| &one["risk"]).collect::<Vec<_>>());
    assert!(items.iter().map(|one| one["risk"]["score"].as_f64()).is_sorted_by(|a, b| a >= b));
    let of = |id: &str| items.iter().find(|one| one["id"] == id).unwrap();
    let listed = items.iter().find(|one| one["knownExploited"] == true).unwrap();
    assert!(listed["ransomware"].is_boolean() && listed["dueDate"].is_string(), "{listed}");
    let one = of(listed["id"].as_str().unwrap());
    assert_eq!(one["probability"]["model"], "v2026.06.15");
    assert!(one["probability"]["percentile"].is_f64() && one["probability"]["date"].is_string());
    let unlisted = items.iter().find(|one| one["knownExploited"] == false).unwrap();
    assert!(unlisted["ransomware"].is_null() && unlisted["dueDate"].is_null(), "{unlisted}");
}

#[tokio::test]
async fn the_list_is_filtered_by_severity_known_exploitation_machines_and_risk() {
    let (microsoft, folder) = (support::microsoft(30).await, Folder::new());
    let app = all_known(&microsoft, &folder).await;
    let path = "/api/vulnerabilities";
    let total = async |query: &str| asked(&app, path, query).await["total"].as_u64().unwrap();

    let all = total("").await;
    let (listed, unlisted) =
        (total("knownExploited=true").await, total("knownExploited=False").await);
    let bad = asked(&app, path, "severity=critical,high&top=1000").await;
    let wide = asked(&app, path, "minimumMachines=3&top=1000").await;
    let risky = asked(&app, path, "minimumRisk=10&top=1000").await;

    assert!(listed > 0 && unlisted > 0 && listed + unlisted == all);
    let each = |list: &Value, holds: &dyn Fn(&Value) -> bool| {
        let items = list["value"].as_array().unwrap();
        assert!(!items.is_empty() && (items.len() as u64) < all && items.iter().all(holds));
    };
    each(&bad, &|one| one["severity"] == "Critical" || one["severity"] == "High");
    each(&wide, &|one| one["exposedMachines"].as_u64().unwrap() >= 3);
    each(&risky, &|one| one["risk"]["score"].as_f64().unwrap() >= 10.0);
    for (query, says) in [
        ("knownExploited=maybe", "knownExploited is not true or false"),
        ("minimumMachines=-1", "minimumMachines is not a whole number from 0 on"),
        ("minimumRisk=101", "minimumRisk is not a number from 0 to 100"),
    ] {
        let reply = support::answer(&app, "GET", path, query).await;
        assert_eq!(reply.status, 400, "{query}");
        assert!(reply.body.contains(says), "{}", reply.body);
    }
}

#[tokio::test]
async fn where_the_catalogue_is_not_read_the_list_says_so_and_nothing_counts_as_unlisted() {
    let (microsoft, folder) = (support::microsoft(30).await, Folder::new());
    let app = app(&microsoft, &folder);
    run::run(&app, &support::job(&app, VULNERABILITIES)).await;

    let all = asked(&app, "/api/vulnerabilities", "top=1000").await;
    let unlisted = asked(&app, "/api/vulnerabilities", "knownExploited=false").await;

    let items = all["value"].as_array().unwrap();
    assert!(!items.is_empty() && items.iter().all(|one| one["knownExploited"].is_null()));
    assert_eq!(unlisted["total"], 0);
    assert!(unlisted["note"].as_str().unwrap().contains("CISA's catalogue isn't read here"));
    let probability = items.iter().find_map(|one| one["probability"].as_object()).unwrap();
    assert!(probability["score"].is_f64() && probability["model"].is_null(), "Defender's copy");
}

/// The kept rows of vulnerabilities on devices: recommendation and CVE.
async fn pairs(app: &App) -> BTreeSet<(String, String)> {
    let lines = support::kept_lines(&*app.ledger, DEVICE_VULNERABILITIES).await;
    let rows = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |row: &Value, names: [&str; 2]| {
        names.iter().find_map(|name| row[name].as_str().map(str::to_owned))
    };
    let pair = |row: Value| {
        let of = text(&row, ["recommendationReference", "RecommendationReference"])?;
        Some((of, text(&row, ["cveId", "CveId"])?))
    };
    rows.filter_map(pair).collect()
}

#[tokio::test]
async fn a_recommendation_says_how_many_that_cisa_lists_it_ends_and_the_worst_of_them() {
    let (microsoft, folder) = (support::microsoft(40).await, Folder::new());
    let app = all_known(&microsoft, &folder).await;
    for source in [RECOMMENDATIONS, DEVICE_VULNERABILITIES] {
        let report = run::run(&app, &support::job(&app, source)).await;
        assert_eq!(report.status, Status::Complete, "{report}");
    }
    let catalogue = latest(&app, KNOWN_EXPLOITED).await.digest;
    let Digest::KnownExploited(catalogue) = catalogue else { panic!() };
    let pairs = pairs(&app).await;

    let list = asked(&app, "/api/recommendations", "top=1000&status=active,exception").await;
    let all = asked(&app, "/api/vulnerabilities", "top=1000").await;
    let summary = asked(&app, "/api/summary", "").await;

    let score = |id: &str| {
        let found = all["value"].as_array().unwrap().iter().find(|one| one["id"] == id);
        found.map(|one| one["risk"]["score"].as_f64().unwrap())
    };
    let (mut listed, mut settings) = (0, 0);
    for one in list["value"].as_array().unwrap() {
        let id = one["id"].as_str().unwrap();
        let behind: Vec<_> =
            pairs.iter().filter(|(of, _)| of == id).map(|(_, cve)| cve.as_str()).collect();
        if behind.is_empty() {
            assert!(one["knownExploited"].is_null() && one["worst"].is_null(), "{one}");
            settings += u64::from(id.starts_with("sca-"));
            continue;
        }
        let exploited = behind.iter().filter(|cve| catalogue.records.contains_key(**cve)).count();
        assert_eq!(one["knownExploited"], exploited, "{one} {behind:?}");
        listed += exploited;
        let worst = one["worst"]["id"].as_str().unwrap();
        assert!(behind.contains(&worst), "{one} {behind:?}");
        let highest = behind.iter().filter_map(|cve| score(cve)).fold(0.0, f64::max);
        assert!(one["worst"]["score"].as_f64().unwrap() >= highest, "{one} {highest}");
        if let Some(own) = score(worst) {
            assert_eq!(one["worst"]["score"].as_f64(), Some(own));
        }
    }
    assert!(listed > 0 && settings > 0, "{listed} {settings}");
    let top = summary["recommendations"]["top"].as_array().unwrap();
    for one in top {
        let same = list["value"].as_array().unwrap().iter().find(|other| other["id"] == one["id"]);
        assert_eq!(Some(one), same);
    }
}

#[tokio::test]
async fn a_device_card_names_what_only_cisa_lists_too() {
    let (microsoft, folder) = (support::microsoft(40).await, Folder::new());
    let app = all_known(&microsoft, &folder).await;
    run::run(&app, &support::job(&app, DEVICE_VULNERABILITIES)).await;
    let devices = asked(&app, "/api/devices", "top=1000").await;

    let mut only_listed = 0;
    for device in devices["value"].as_array().unwrap() {
        let path = format!("/api/devices/{}", device["id"].as_str().unwrap());
        let card = asked(&app, &path, "kept=true").await;
        let all = &card["vulnerabilities"];
        let named = all["withExploit"].as_array().unwrap();
        let listed = named.iter().filter(|one| one["knownExploited"] == true).count() as u64;
        let of_both = all["exploited"].as_u64().unwrap() + all["knownExploited"].as_u64().unwrap();

        assert!(named.len() <= 20 && named.len() as u64 <= of_both, "{all}");
        assert!(named.len() == 20 || all["knownExploited"] == listed, "{all}");
        assert!(named.iter().map(|one| one["risk"]["score"].as_f64()).is_sorted_by(|a, b| a >= b));
        let is_bare = |one: &&Value| one["exploit"] == "None";
        assert!(named.iter().filter(is_bare).all(|one| one["knownExploited"] == true), "{all}");
        only_listed += named.iter().filter(is_bare).count();
    }
    assert!(only_listed > 0);
}

/// The workspace's function and the program come to the same order by the same figures.
#[tokio::test]
async fn the_risk_order_is_the_same_in_the_workspace() {
    use posture::summary::{self, Join};
    let (microsoft, folder) = (support::microsoft(30).await, Folder::new());
    let app = all_known(&microsoft, &folder).await;
    let tenant = support::first(&app);
    let known = app.known(tenant).await.unwrap();

    let join = Join::of(&known);
    let ours = join.ranked();
    let made = summary::summary(&tenant.id, "Contoso", "https://x", &known, app.now());
    let received = microsoft.received().tables;
    let answers = crate::kql::answers(&received, &["PostureVulnerabilityRisk()"]);

    assert_eq!(made.vulnerabilities.unwrap().risk_order, ours);
    assert!(ours.windows(2).all(|pair| pair[0].risk.score >= pair[1].risk.score));
    assert!(ours.iter().any(|one| join.outside(&one.id).known_exploited == Some(true)));
    let Some(answers) = answers else { return };
    assert_eq!(answers[0].refused, None);
    let rows = &answers[0].rows;
    assert_eq!(rows.len(), exposed(&app).await.len());
    for row in rows {
        let id = row["CveId"].as_str().unwrap();
        let flaw = join.flaw(id).unwrap();
        let facts = join.facts(id, flaw);
        let score = posture::risk::risk(&facts).score;
        // NVD's score stands in where Defender has none; the function goes by Defender's word then.
        if flaw.cvss.is_some() {
            assert!((row["Risk"].as_f64().unwrap() - score).abs() < 0.02, "{row} {facts:?}");
        }
    }
}
