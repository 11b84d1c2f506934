//! The functions, run over tables that the transformations made of what the simulated workspace
//! received: every current record is there exactly once, whatever became of its runs.

use super::engine::{Rows, World, answer, answers, rows_of, texts};
use crate::support::{self, Folder, job, later};
use posture::app::App;
use posture::kql::{functions, name_of};
use posture::report::Status;
use posture::run::run;
use posture::source::{
    ALL, DEVICE_CONFIGURATIONS, DEVICE_VULNERABILITIES, DEVICE_VULNERABILITY_CHANGES, DEVICES,
    RECOMMENDATIONS, RUNS, SECURE_SCORE_CONTROLS, SECURE_SCORES, Source, Table, VULNERABILITIES,
};
use serde_json::Value;
use simulator::{Api, Fault, FaultKind, Simulator};
use std::collections::BTreeSet;

/// Functions that the engine refuses, each with the construct that it lacks.
const REFUSED: &[(&str, &str)] = &[];

fn stream_path(microsoft: &Simulator, table: &Table) -> String {
    let rules = posture::describe::rules();
    let at = rules.iter().position(|rule| rule.iter().any(|there| there.name() == table.stream()));
    let rule = &microsoft.rules()[at.unwrap()];
    format!("/dataCollectionRules/{rule}/streams/{}", table.stream())
}

fn broken() -> FaultKind {
    FaultKind::Status { code: 500, retry_after: None }
}

#[test]
fn the_engine_takes_every_function() {
    let functions = functions();
    let call = |name: &str, parameters: &str| match parameters {
        "" => format!("{name}()"),
        _ => format!("{name}('x')"),
    };
    let calls = functions.iter().map(|function| call(&function.name, function.parameters));
    let calls: Vec<_> = calls.collect();
    let calls: Vec<_> = calls.iter().map(String::as_str).collect();

    let Some(answers) = answers(&Rows::new(), &calls) else { return };

    for answer in answers {
        let name = answer.name.split('(').next().unwrap();
        let listed = REFUSED.iter().find(|(function, _)| *function == name);
        assert_eq!(answer.refused.is_some(), listed.is_some(), "{answer:?}");
    }
    assert!(REFUSED.len() * 10 <= functions.len(), "too many are refused");
    let is_newest_state = |name: &str| ALL.iter().any(|source| name_of(&source.table) == name);
    assert!(!REFUSED.iter().any(|(name, _)| is_newest_state(name)));
}

#[tokio::test]
async fn a_device_is_there_once_after_killed_repeated_and_abandoned_runs() {
    let mut world = World::new();
    let app = world.has_devices(1000).await;
    let devices = stream_path(world.now(), &DEVICES.table);

    // An answer is lost: its batch is there twice.
    world.now().inject(Fault::new(Api::Logs, &devices, FaultKind::CutBody).times(1));
    let first = run(&app, &job(&app, DEVICES)).await;
    assert_eq!(first.status, Status::Complete, "{first}");
    let after_first = world.received();

    // Cut short between keeping and sending, then gone on with.
    world.now().inject(Fault::new(Api::Logs, &devices, FaultKind::Drop).after(1).always());
    let cut = run(&app, &later(&app, DEVICES, 24 * 60)).await;
    assert_eq!(cut.status, Status::Failed, "{cut}");
    let while_cut = world.received();
    world.now().clear_faults();
    let second = run(&app, &later(&app, DEVICES, 24 * 60)).await;
    assert_eq!((second.status, &second.run), (Status::Complete, &cut.run), "{second}");

    // Abandoned after its first part was sent.
    world.now().inject(Fault::new(Api::Logs, &devices, FaultKind::Drop).after(1).always());
    let abandoned = run(&app, &later(&app, DEVICES, 48 * 60)).await;
    assert_eq!(abandoned.status, Status::Failed, "{abandoned}");
    world.abandon(&app, DEVICES);
    let after_abandoned = world.received();

    // A day later there are fewer devices.
    let app = world.has_devices(600).await;
    let third = run(&app, &later(&app, DEVICES, 72 * 60)).await;
    assert_eq!(third.status, Status::Complete, "{third}");

    let states = [
        (&after_first, &first, 1000),
        (&while_cut, &first, 1000),
        (&after_abandoned, &second, 1000),
        (&world.received(), &third, 600),
    ];
    for (received, report, count) in states {
        let rows = &received[DEVICES.table.name];
        assert!(rows.len() > count, "nothing is repeated or left over");
        let Some(current) = answer(received, "PostureDevices()") else { return };
        assert_eq!(current.len(), count);
        assert_eq!(texts(&current, "RecordId"), world.kept(DEVICES, report).await);
        assert!(current.iter().all(|row| row["RunId"] == report.run.as_str()));
    }
}

#[tokio::test]
async fn a_day_of_a_growing_source_is_there_once_and_only_from_complete_runs() {
    let mut world = World::new();
    let app = world.has_devices(1).await;
    let scores = stream_path(world.now(), &SECURE_SCORES.table);
    let reports = stream_path(world.now(), &RUNS);

    world.now().inject(Fault::new(Api::Logs, &scores, FaultKind::CutBody).times(1));
    let first = run(&app, &job(&app, SECURE_SCORES)).await;
    world.now().advance_days(2);
    let second = run(&app, &later(&app, SECURE_SCORES, 24 * 60)).await;
    // The last run's rows arrive, its report doesn't, and the run is given up.
    world.now().advance_days(1);
    world.now().inject(Fault::new(Api::Logs, &reports, broken()).always());
    let abandoned = run(&app, &later(&app, SECURE_SCORES, 48 * 60)).await;
    world.abandon(&app, SECURE_SCORES);

    let kept = [first.tally.kept, second.tally.kept, abandoned.tally.kept];
    assert_eq!(kept, [90, 2, 1], "{abandoned}");
    let received = world.received();
    assert!(received[SECURE_SCORES.table.name].len() > 90 + 2 + 1, "nothing is repeated");
    let calls = ["PostureSecureScores()", "PostureSecureScoreTrend()"];
    let Some(answers) = answers(&received, &calls) else { return };
    let mut days = world.kept(SECURE_SCORES, &first).await;
    days.extend(world.kept(SECURE_SCORES, &second).await);
    days.sort();
    assert_eq!(texts(&answers[0].rows, "RecordId"), days);
    let trend: Vec<_> = answers[1].rows.iter().map(|row| row["Day"].as_str().unwrap()).collect();
    assert_eq!(trend.len(), 92);
    assert!(trend.is_sorted_by(|one, next| one < next), "{trend:?}");
    assert!(answers[1].rows.iter().all(|row| row["Percent"].as_f64().unwrap() <= 100.0));
}

/// Sources that the simulator has records of.
async fn collected(world: &mut World) -> (App, Vec<Source>) {
    let app = world.has_devices(40).await;
    let mut collected = Vec::new();
    for source in ALL.iter().filter(|source| source.identity() == source.name) {
        if run(&app, &job(&app, *source)).await.status == Status::Complete {
            collected.push(*source);
        }
    }
    assert!(collected.len() >= 8, "{}", collected.len());
    (app, collected)
}

/// The full source with its changes applied is the full source of the day after.
#[tokio::test]
async fn changes_make_of_a_full_snapshot_the_next_one() {
    let mut world = World::new();
    let app = world.has_devices(120).await;
    let full = run(&app, &job(&app, DEVICE_VULNERABILITIES)).await;
    world.now().advance_snapshot();
    let changes = run(&app, &job(&app, DEVICE_VULNERABILITY_CHANGES)).await;
    let changed = world.received();

    // Another ledger and workspace read the next snapshot in full.
    let folder = Folder::new();
    let other = support::app(world.now(), &[support::tenant(120)], folder.ledger());
    let next = run(&other, &job(&other, DEVICE_VULNERABILITIES)).await;
    let next_rows = support::kept_lines(&*folder.ledger(), DEVICE_VULNERABILITIES).await;
    let next_rows: Vec<Value> =
        next_rows.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let with_cve: Vec<_> = next_rows.into_iter().filter(|row| row["CveId"].is_string()).collect();

    for report in [&full, &changes, &next] {
        assert_eq!(report.status, Status::Complete, "{report}");
    }
    let Some(state) = answer(&changed, "PostureDeviceVulnerabilities()") else { return };
    assert_eq!(texts(&state, "RecordId"), texts(&with_cve, "RecordId"));
    assert!(state.iter().any(|row| row["Source"] == DEVICE_VULNERABILITY_CHANGES.name));
}

#[tokio::test]
async fn after_a_run_every_function_gives_what_was_sent() {
    let mut world = World::new();
    let (app, collected) = collected(&mut world).await;
    let received = world.received();
    let states: Vec<_> =
        collected.iter().map(|source| format!("{}()", name_of(&source.table))).collect();
    let mut calls: Vec<_> = states.iter().map(String::as_str).collect();
    let device = &received[DEVICES.table.name][7];
    let full_name = device["computerDnsName"].as_str().unwrap().to_uppercase();
    let card = format!("PostureDeviceCard('{full_name}')");
    let by_id = format!("PostureDeviceCard('{}')", device["id"].as_str().unwrap());
    calls.extend(["PostureTopActions()", "PostureCollectionHealth()", "PostureDeviceCard('')"]);
    calls.extend([&*card, &*by_id]);

    let Some(mut answers) = answers(&received, &calls) else { return };

    assert!(answers.iter().all(|answer| answer.refused.is_none()), "{answers:?}");
    let others = answers.split_off(collected.len());
    for (source, answer) in collected.iter().zip(answers) {
        let sent = rows_of(&received, &source.table);
        assert_eq!(texts(&answer.rows, "RecordId"), texts(&sent, "RecordId"), "{}", source.name);
    }
    let [actions, health, none, card, by_id] = &others[..] else { panic!() };
    let points: Vec<_> = actions.rows.iter().map(|row| row["Points"].as_f64().unwrap()).collect();
    assert!(!points.is_empty() && points.is_sorted_by(|one, next| one >= next), "{points:?}");
    let summary = app_summary(&app).await;
    let top = texts(&actions.rows[..summary.len().min(points.len())], "ControlProfileId");
    assert_eq!(top, summary, "the summary's actions are the function's first ones");
    let fresh = health.rows.iter().filter(|row| row["Health"] == "fresh");
    assert_eq!(fresh.count(), collected.len());
    assert_eq!(none.rows.len(), 0, "no name is no device");
    for card in [card, by_id] {
        let ids = texts(&card.rows, "DeviceId");
        assert!(ids.contains(&device["id"].as_str().unwrap().to_owned()), "{card:?}");
        let link = card.rows[0]["Link"].as_str().unwrap();
        assert!(link.starts_with("https://security.microsoft.com/machines/v2/"), "{link}");
    }
    assert_eq!(by_id.rows.len(), 1);
}

/// The controls of the summary's improvement actions, sorted.
async fn app_summary(app: &App) -> Vec<String> {
    let tenant = support::first(app);
    let known = app.known(tenant).await.unwrap();
    let summary =
        posture::summary::summary(&tenant.id, &tenant.name, tenant.cloud.portal, &known, app.now());
    let actions = serde_json::to_value(&summary).unwrap();
    texts(actions["improvementActions"].as_array().unwrap(), "controlId")
}

/// Files and pages spell the same fields differently; the full source comes by the one, changes by the
/// other.
#[tokio::test]
async fn classic_tables_by_device_are_filled_from_both_spellings() {
    let mut world = World::new();
    let app = world.has_devices(60).await;
    for source in [DEVICE_VULNERABILITIES, DEVICE_CONFIGURATIONS] {
        let report = run(&app, &job(&app, source)).await;
        assert_eq!(report.status, Status::Complete, "{report}");
    }
    world.now().advance_snapshot();
    let changes = run(&app, &job(&app, DEVICE_VULNERABILITY_CHANGES)).await;
    assert!(changes.tally.sent > 0, "{changes}");

    let tables = [
        "PostureDeviceVulnerabilities_CL",
        "MDVMVulnerabilitiesByDevice_CL",
        "PostureDeviceConfigurations_CL",
        "MDVMSecureConfigurationsByDevice_CL",
    ];
    let Some(answers) = answers(&world.received(), &tables) else { return };

    let [ours, vulnerabilities, our_settings, settings] = &answers[..] else { panic!() };
    for (ours, classic, columns) in [
        (ours, vulnerabilities, ["cveId", "vulnId", "firstSeenTimestamp", "rbacGroupId"]),
        (
            our_settings,
            settings,
            ["configurationId", "timestamp", "configurationImpact", "deviceName"],
        ),
    ] {
        assert_eq!((classic.rows.len(), &classic.refused), (ours.rows.len(), &None));
        assert_eq!(texts(&classic.rows, "deviceId"), texts(&ours.rows, "deviceId"));
        for column in columns.iter().chain(&["transactionId"]) {
            assert!(classic.rows.iter().all(|row| !row[*column].is_null()), "{column} is empty");
        }
    }
    let changed = vulnerabilities.rows.iter().filter(|row| !row["eventTimeStamp"].is_null());
    assert!(changed.count() as u64 >= changes.tally.sent);
    let files = vulnerabilities
        .rows
        .iter()
        .filter(|row| row["registryPaths"].as_str().is_some_and(|paths| paths.starts_with('[')));
    assert!(files.count() > 0, "lists come as lists");
}

#[tokio::test]
async fn classic_tables_are_filled_with_what_their_workbooks_show() {
    let mut world = World::new();
    let (_, _) = collected(&mut world).await;
    let received = world.received();
    let count = |table: &Table| received[table.name].len();

    let tables = [
        ("MDfERecommendations_CL", count(&RECOMMENDATIONS.table)),
        ("MDVMRecommendations_CL", count(&RECOMMENDATIONS.table)),
        ("MDfEVulnerabilitiesList_CL", count(&VULNERABILITIES.table)),
        ("MDVMCVEKB_CL", count(&VULNERABILITIES.table)),
        ("MDfESecureScore_CL", 1),
        ("MDfEExposureScore_CL", 1),
        ("MDVMNISTCVEKB_CL", 0),
    ];
    let mut calls: Vec<_> = tables.iter().map(|(table, _)| *table).collect();
    calls.extend(["M365SecureScore_CL", "M365SecureScoreControls_CL"]);
    let Some(answers) = answers(&received, &calls) else { return };

    for ((table, rows), answer) in tables.iter().zip(&answers) {
        assert_eq!(answer.rows.len(), *rows, "{table}");
    }
    let recommended = &answers[0].rows[0];
    assert!(recommended["recommendationName_s"].as_str().is_some_and(|name| !name.is_empty()));
    assert!(
        answers[1].rows.iter().all(|row| row["transactionId"].as_str().unwrap().ends_with('Z'))
    );
    assert!(answers[3].rows.iter().all(|row| row["cvssV3"].is_string()));
    // The first run brings 90 days; a classic table takes what is younger than two.
    for answer in &answers[tables.len()..] {
        let time = |row: &Value| row.get("createdDateTime_t").map(Value::to_string);
        let days: BTreeSet<_> = answer.rows.iter().filter_map(time).collect();
        assert!(!answer.rows.is_empty() && days.len() <= 2, "{}: {days:?}", answer.name);
    }
    let score = &answers[tables.len()].rows[0];
    assert!(score["maxScore_d"].as_f64().unwrap() > 0.0);
    assert_eq!(score["azureTenantId_g"].as_str().map(str::len), Some(36));
    let controls = &answers[tables.len() + 1].rows;
    assert!(controls.len() * 30 < count(&SECURE_SCORE_CONTROLS.table));
}
