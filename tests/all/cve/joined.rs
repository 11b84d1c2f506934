//! What answers, lists and cards make of what is known outside.

use super::*;
use posture::source::{DEVICE_VULNERABILITIES, RECOMMENDATIONS};
use serde_json::Value;

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
