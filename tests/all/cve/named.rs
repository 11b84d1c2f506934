//! NVD's records of vulnerabilities that nobody was exposed to when they came.

use super::*;
use serde_json::Value;

/// Gives the tenant these vulnerabilities, each with an exposed machine, and collects them.
async fn expose(microsoft: &Simulator, app: &App, ids: &[&str], minutes: i64) {
    microsoft.clear_faults();
    microsoft.inject(exposing(ids));
    let report = run::run(app, &support::later(app, VULNERABILITIES, minutes)).await;
    assert_eq!((report.status, report.tally.kept), (Status::Complete, ids.len() as u64));
}

/// What NVD was asked for by name since the request of that number.
fn named(microsoft: &Simulator, since: usize) -> Vec<String> {
    let asked = microsoft.requests();
    let asked = asked.iter().skip(since).filter(|seen| seen.api == Api::Nvd);
    asked.filter(|seen| seen.query.contains("cveIds=")).map(|seen| seen.query.clone()).collect()
}

#[tokio::test]
async fn a_vulnerability_that_becomes_exposed_between_two_runs_is_asked_for_by_name() {
    let (microsoft, folder) = (support::microsoft(5).await, Folder::new());
    let app = app(&microsoft, &folder);
    expose(&microsoft, &app, &["CVE-2021-44228"], 0).await;
    collect(&app, NVD, 0).await;
    let before = microsoft.asked();
    let all = ["CVE-2021-44228", "CVE-2017-0144", "CVE-2026-99999", "TVM-2020-0002"];
    expose(&microsoft, &app, &all, 60).await;

    let found = collect(&app, NVD, 300).await;

    assert_eq!((found.status, found.tally.kept), (Status::Complete, 1), "{found}");
    assert_eq!(found.tally.sent, 1, "{found}");
    assert_eq!(rows(&microsoft, NVD, "id"), strings(&all[..2]));
    let asked = named(&microsoft, before);
    assert!(asked.len() == 1 && asked[0].contains("CVE-2026-99999"), "{asked:?}");
    assert!(!asked[0].contains("TVM") && !asked[0].contains("44228"), "{asked:?}");
    let answer = support::answer(&app, "GET", "/api/cves/CVE-2017-0144", "kept=true").await;
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(answer["outside"]["nvd"]["status"], "Analyzed", "{answer}");

    let before = microsoft.asked();
    let nothing = collect(&app, NVD, 600).await;
    assert_eq!((nothing.status, nothing.tally.kept), (Status::Complete, 0), "{nothing}");
    assert_eq!(named(&microsoft, before), [""; 0], "what NVD doesn't have is asked for once");
}

#[tokio::test]
async fn names_that_nvd_refuses_cost_nothing_else_and_are_asked_for_again() {
    let (microsoft, folder) = (support::microsoft(5).await, Folder::new());
    let app = app(&microsoft, &folder);
    expose(&microsoft, &app, &["CVE-2021-44228"], 0).await;
    collect(&app, NVD, 0).await;
    expose(&microsoft, &app, &["CVE-2021-44228", "CVE-2017-0144"], 60).await;
    microsoft.touch_nvd(1);
    microsoft.inject(Fault::new(Api::Nvd, "/", status(404)).times(1));

    let refused = collect(&app, NVD, 300).await;
    microsoft.touch_nvd(0);
    let asked = collect(&app, NVD, 600).await;

    assert_eq!((refused.status, refused.tally.kept), (Status::Complete, 1), "{refused}");
    assert_eq!((asked.status, asked.tally.kept), (Status::Complete, 1), "{asked}");
    assert_eq!(rows(&microsoft, NVD, "id"), strings(&["CVE-2021-44228", "CVE-2017-0144"]));
}

/// Of the names that are asked for at once, and of their pages, none is lost or read twice.
#[tokio::test]
async fn many_names_are_asked_for_in_hundreds_and_pages() {
    let mut options = Options::new(vec![support::tenant(200)], posture::describe::tables_json());
    (options.limits, options.page_size) = (false, Some(40));
    let (microsoft, folder) = (support::start(options).await, Folder::new());
    let app = app(&microsoft, &folder);
    expose(&microsoft, &app, &["CVE-2021-44228"], 0).await;
    collect(&app, NVD, 0).await;
    let before = microsoft.asked();
    microsoft.clear_faults();
    run::run(&app, &support::later(&app, VULNERABILITIES, 60)).await;

    let found = collect(&app, NVD, 300).await;

    let exposed = exposed(&app).await;
    assert!(exposed.len() > 100, "{}", exposed.len());
    assert_eq!((found.status, found.tally.kept), (Status::Complete, exposed.len() as u64));
    assert!(rows(&microsoft, NVD, "id").is_superset(&exposed));
    assert!(named(&microsoft, before).len() >= exposed.len().div_ceil(40));
}
