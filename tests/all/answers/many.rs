//! Answers about many tenants, and about runs.

use super::snapshots::compare;
use super::{World, moment};
use crate::support;
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::SignedDuration;
use posture::plan::{Job, RunId};
use posture::routes::{self, Request};
use posture::run::run;
use posture::source::{ALERTS, CONTROL_PROFILES, EXPOSURE_SCORE, SECURE_SCORES, Source};
use posture::tenant::Roster;
use serde_json::{Value, json};
use std::sync::Arc;
use warp::http::HeaderMap;

const SOURCES: [Source; 4] = [SECURE_SCORES, CONTROL_PROFILES, EXPOSURE_SCORE, ALERTS];

/// Four tenants: one of them refuses alerts, one was last collected long ago, one never.
async fn four() -> (World, Vec<simulator::Tenant>) {
    let names = ["Fabrikam", "Adatum", "Proseware", "Wingtip"];
    let named = names.iter().zip(11..);
    let tenants: Vec<_> =
        named.map(|(name, number)| simulator::Tenant::new(number, name, 5)).collect();
    let mut world = World::of(tenants.clone()).await;
    let Roster::Fixed(present) = &mut world.app.roster else { panic!("fixed tenants") };
    for tenant in &mut Arc::get_mut(present).unwrap().tenants {
        Arc::get_mut(tenant).unwrap().sources = SOURCES.to_vec();
    }
    let roles: Vec<_> = tenants[1].roles.iter().map(String::as_str).collect();
    let without: Vec<_> = roles.into_iter().filter(|role| !role.contains("Alert")).collect();
    world.microsoft.set_roles(&tenants[1].id, &without);
    for (index, tenant) in tenants.iter().enumerate().take(3) {
        for source in SOURCES {
            // The third one's run began ten hours ago: alerts are stale then, scores aren't.
            world.app.clock = if index == 2 { ten_hours_ago } else { moment };
            let run_id = RunId::at(world.app.now());
            let job = support::job(&world.app, source);
            run(&world.app, &Job { tenant: tenant.id.clone(), run: run_id, ..job }).await;
        }
    }
    world.app.clock = moment;
    (world, tenants)
}

fn ten_hours_ago() -> jiff::Timestamp {
    moment() - SignedDuration::from_hours(10)
}

fn column<'a>(list: &'a Value, name: &str) -> Vec<&'a Value> {
    list["value"].as_array().unwrap().iter().map(|item| &item[name]).collect()
}

#[tokio::test]
async fn a_provider_gets_the_answers_that_it_did() {
    let (world, _) = four().await;

    compare(
        &world,
        &[
            ("portfolio.json", "/api/portfolio", "days=1"),
            ("portfolio.md", "/api/portfolio", "format=markdown&days=1"),
            ("portfolio.csv", "/api/portfolio", "format=csv&order=change"),
            ("tenants.json", "/api/tenants", ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_portfolio_has_broken_tenants_first_then_stale_ones_each_with_its_rank() {
    let (world, _) = four().await;

    let portfolio = world.json("/api/portfolio", "").await;

    assert_eq!(column(&portfolio, "state"), ["broken", "stale", "fresh", "starting"]);
    assert_eq!(column(&portfolio, "name"), ["Adatum", "Proseware", "Fabrikam", "Wingtip"]);
    let reason = portfolio["value"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("graph.alerts: ") && reason.contains("SecurityAlert.Read.All"));
    let percents: Vec<_> = column(&portfolio, "secureScore")
        .into_iter()
        .map(|score| score["percent"].as_f64())
        .collect();
    for (entry, percent) in portfolio["value"].as_array().unwrap().iter().zip(&percents) {
        let rank = percent.map(|own| 1 + percents.iter().filter(|one| **one > Some(own)).count());
        assert_eq!(entry["rankByScore"].as_u64(), rank.map(|rank| rank as u64), "{entry}");
    }
    assert!(portfolio["value"][3]["rankByChange"].is_null());
}

#[tokio::test]
async fn each_drop_names_the_controls_that_lost_points_between_the_days_compared() {
    let (world, tenants) = four().await;
    let mut drops = 0;

    for days in [1, 7, 30, 90] {
        let portfolio = world.json("/api/portfolio", &format!("days={days}&order=change")).await;
        for entry in portfolio["value"].as_array().unwrap() {
            let drivers = entry["drivers"].as_array().unwrap();
            let fell = entry["change"]["points"].as_f64().is_some_and(|points| points < 0.0);
            assert_eq!(!drivers.is_empty(), fell, "{entry}");
            if !fell {
                continue;
            }
            drops += 1;
            let tenant = entry["id"].as_str().unwrap();
            let of = |day: &str| format!("/api/secure-scores/{day}");
            let from = entry["change"]["from"].as_str().unwrap();
            let before = world.json(&of(from), &format!("tenant={tenant}")).await;
            let id = &drivers[0]["controlId"];
            let controls = before["controls"].as_array().unwrap();
            let control = controls.iter().find(|control| control["id"] == *id).unwrap();
            assert_eq!(control["points"], drivers[0]["before"], "{days} days: {entry}");
            assert!(drivers[0]["title"].is_string());
            let lost = drivers.iter().map(|driver| driver["lost"].as_f64().unwrap());
            assert!(lost.is_sorted_by(|one, next| one >= next));
        }
    }

    assert!(drops >= 2, "{drops} drops among {} tenants", tenants.len());
    let wrong = world.get("/api/portfolio", "days=8").await;
    assert_eq!(wrong.status, 400, "{}", wrong.body);
}

#[tokio::test]
async fn tenants_tell_what_the_roster_says_and_nothing_of_credentials() {
    let (mut world, tenants) = four().await;
    let Roster::Fixed(present) = &mut world.app.roster else { panic!("fixed tenants") };
    let last = Arc::get_mut(present).unwrap().tenants.last_mut().unwrap();
    Arc::get_mut(last).unwrap().enabled = false;

    let listed = world.get("/api/tenants", "").await;
    let one = world.json("/api/tenants", &format!("tenant={}", tenants[1].id)).await;

    let all: Value = serde_json::from_str(&listed.body).unwrap();
    assert_eq!(column(&all, "state"), ["fresh", "broken", "stale", "disabled"]);
    assert_eq!(column(&all, "fresh"), [4, 3, 3, 0]);
    assert_eq!(all["value"][0]["sources"].as_array().unwrap().len(), 4);
    assert_eq!((&one["total"], &one["value"][0]["name"]), (&1.into(), &"Adatum".into()));
    for tenant in &tenants {
        assert!(!listed.body.contains(&tenant.client_secret), "a secret");
        assert!(!listed.body.contains(&tenant.client_id), "an application");
    }
}

#[tokio::test]
async fn runs_come_newest_first_and_are_filtered() {
    let (world, tenants) = four().await;
    let of = |index: usize, more: &str| format!("tenant={}&{more}", tenants[index].id);

    let all = world.json("/api/runs", &of(1, "")).await;
    let refused = world.json("/api/runs", &of(1, "status=refused")).await;
    let scores = world.json("/api/runs", &of(1, "source=graph.secure_scores")).await;
    let earlier = world.json("/api/runs", &of(2, "since=2026-03-10T05:00:00Z")).await;
    let later = world.json("/api/runs", &of(2, "since=2026-03-09")).await;
    let far = world.get("/api/runs", &of(1, "since=2025-01-01")).await;

    assert_eq!(
        (&all["total"], &refused["total"], &scores["total"]),
        (&4.into(), &1.into(), &1.into())
    );
    assert_eq!(refused["value"][0]["source"], "graph.alerts");
    assert!(refused["value"][0]["message"].as_str().unwrap().contains("SecurityAlert.Read.All"));
    assert_eq!(scores["value"][0]["kept"], 90);
    assert_eq!((&earlier["total"], &later["total"]), (&0.into(), &4.into()));
    assert_eq!(far.status, 400, "{}", far.body);
    let runs = column(&all, "run");
    assert!(runs.iter().map(|run| run.as_str()).is_sorted_by(|one, next| one >= next));
}

#[tokio::test]
async fn a_call_reads_a_bounded_number_of_reports() {
    let (world, tenants) = four().await;
    let ledger = world.folder.ledger();
    for number in 0..600 {
        let at = moment() - SignedDuration::from_mins(number);
        let run = RunId::at(at);
        let path = posture::ledger::path::report(&tenants[3].id, "graph.alerts", &run);
        let report = format!(r#"{{"source":"graph.alerts","run":"{run}","status":"complete"}}"#);
        ledger.keep(&path, report.into()).await.unwrap();
    }

    let runs = world.json("/api/runs", &format!("tenant={}&top=1000", tenants[3].id)).await;

    assert_eq!(runs["total"], 500);
    assert!(runs["note"].as_str().unwrap().contains("newest 500 reports"), "{}", runs["note"]);
    assert_eq!(runs["value"][0]["run"], "20260310T101500Z");
    assert_eq!(runs["value"][499]["run"], "20260310T015600Z");
}

/// By identity, a caller gets its own tenants alone: ranks and counts are over these.
#[tokio::test]
async fn a_caller_by_identity_sees_its_own_tenants_alone() {
    let (mut world, tenants) = four().await;
    let (home, object) =
        ("99999999-0000-4000-8000-000000000001", "99999999-0000-4000-8000-000000000002");
    let Roster::Fixed(present) = &mut world.app.roster else { panic!("fixed tenants") };
    for tenant in Arc::get_mut(present).unwrap().tenants.iter_mut().take(2) {
        let callers = &mut Arc::get_mut(tenant).unwrap().callers;
        callers.push(format!("{home}/{object}").parse().unwrap());
    }
    world.app.authenticates = true;
    let claim = |typ: &str, val: &str| json!({ "typ": typ, "val": val });
    let principal = json!({ "claims": [claim("oid", object), claim("tid", home)] });
    let principal = BASE64_STANDARD.encode(principal.to_string());
    let mut headers = HeaderMap::new();
    headers.insert("x-ms-client-principal-id", object.parse().unwrap());
    headers.insert("x-ms-client-principal", principal.parse().unwrap());
    let app = &world.app;
    let ask = async |path: &str, query: &str| {
        let request = Request { method: "GET", path, query, headers: &headers, body: b"" };
        routes::answer(app, request).await
    };

    for path in ["/api/caller/portfolio", "/api/caller/tenants"] {
        let reply = ask(path, "").await;
        let list: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!((reply.status, &list["total"]), (200, &2.into()), "{path}: {}", reply.body);
        for hidden in &tenants[2..] {
            assert!(!reply.body.contains(&hidden.id) && !reply.body.contains(&hidden.name));
        }
    }
    for path in ["/api/caller/runs", "/api/caller/alerts", "/api/caller/summary"] {
        let reply = ask(path, &format!("tenant={}", tenants[2].id)).await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.body);
    }
}
