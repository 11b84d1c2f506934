//! The file of tenants: read, changed, broken and mended while the service runs.

use super::{app, customers, entry, microsoft, provider, write, write_text};
use crate::support::answer;
use crate::support::service::Service;
use crate::support::{Folder, kept_lines};
use posture::app::App;
use posture::source::EXPOSURE_SCORE;
use posture::tenant::{Caller, Roster};
use serde_json::{Value, json};
use simulator::Api;
use std::sync::Arc;
use std::time::Duration;

const TICK: &str = r#"{"Data":{"tick":null},"Metadata":{}}"#;
const SOURCES: &str = "defender.exposure_score,graph.control_profiles";

/// An app that looks at the file each time.
fn watching(environment: &[(String, String)]) -> App {
    let mut app = app(environment);
    match &mut app.roster {
        Roster::File(watched) => watched.current_for = Duration::ZERO,
        Roster::Fixed(_) => panic!("a file was expected"),
    }
    app
}

async fn names(app: &App) -> Vec<String> {
    let present = app.tenants().await.unwrap();
    present.tenants.iter().map(|tenant| tenant.name.clone()).collect()
}

async fn health(app: &App) -> Value {
    serde_json::from_str(&answer(app, "GET", "/api/health", "").await.body).unwrap()
}

/// The whole way with the real binary: tick, plan of each tenant, jobs, records and rows apart.
#[tokio::test]
async fn the_timer_plans_each_tenant_and_each_is_collected_apart() {
    let customers = customers(3, 1);
    let microsoft = microsoft(&customers).await;
    let folder = Folder::new();
    let off = json!({ "id": customers[2].id, "name": "Customer 3", "enabled": false });
    write(&folder, &[entry(&customers[0]), entry(&customers[1]), off]);
    let service = Service::start(&provider(&microsoft, &folder, SOURCES)).await;

    let plans = service.post("function_timer", TICK).await.json()["Outputs"]["jobs"].clone();
    let plans = plans.as_array().unwrap();
    for plan in plans {
        let jobs = service.run(plan).await.json();
        let line = jobs["Logs"][0].as_str().unwrap();
        assert!(line.starts_with("Planned 2 jobs of Customer "), "{line}");
        for job in jobs["Outputs"]["jobs"].as_array().unwrap() {
            let ran = service.run(job).await.json();
            assert!(ran["Logs"][0].as_str().unwrap().contains(" records in "), "{ran}");
        }
    }

    assert_eq!(plans.len(), 2, "{plans:?}");
    assert_eq!(plans[0]["kind"], "plan");
    let again = service.post("function_timer", TICK).await.json()["Outputs"]["jobs"].clone();
    assert_eq!(again, json!([]), "all states were written a moment ago");
    let lines = kept_lines(&*folder.ledger(), EXPOSURE_SCORE).await;
    for (customer, name) in customers[..2].iter().zip(["Customer 1", "Customer 2"]) {
        let own = format!(r#""AadTenantId":"{}","TenantName":"{name}""#, customer.id);
        assert_eq!(lines.iter().filter(|line| line.contains(&own)).count(), 1, "{lines:?}");
    }
    assert_eq!(lines.len(), 2, "nothing of the tenant that is off");
    service.until_logged(r#"tenant_name="Customer 2""#).await;
    let rows = microsoft.received();
    let rows = &rows.tables["PostureExposureScore_CL"];
    assert_eq!(rows.len(), 2);
    let whole = service.get("/api/summary").await;
    assert_eq!((whole.status, whole.json()["choices"].as_array().unwrap().len()), (400, 3));
    let own = service.get(&format!("/api/summary?tenant={}", customers[1].id)).await.json();
    assert_eq!(own["tenant"]["name"], "Customer 2");
}

#[tokio::test]
async fn a_changed_file_is_taken_over_while_the_others_keep_their_tokens() {
    let customers = customers(2, 1);
    let microsoft = microsoft(&customers).await;
    let folder = Folder::new();
    write(&folder, &[entry(&customers[0])]);
    let app = watching(&provider(&microsoft, &folder, SOURCES));
    let before = app.tenants().await.unwrap().tenants[0].clone();

    write(&folder, &[entry(&customers[0]), entry(&customers[1])]);
    let after = app.tenants().await.unwrap();
    let renamed = json!({ "id": customers[0].id, "name": "Contoso" });
    write(&folder, &[renamed, entry(&customers[1])]);
    let changed = app.tenants().await.unwrap();

    assert_eq!(after.tenants.len(), 2);
    assert!(Arc::ptr_eq(&before, &after.tenants[0]), "the same tenant, with its tokens");
    assert_eq!(changed.tenants[0].name, "Contoso");
    assert!(Arc::ptr_eq(&after.tenants[1], &changed.tenants[1]));
}

#[tokio::test]
async fn a_broken_file_leaves_the_last_good_tenants_and_health_says_why() {
    let customers = customers(2, 1);
    let microsoft = microsoft(&customers).await;
    let folder = Folder::new();
    let environment = provider(&microsoft, &folder, SOURCES);
    write(&folder, &[entry(&customers[0])]);
    let app = watching(&environment);
    assert_eq!(names(&app).await, ["Customer 1"]);

    write(&folder, &[entry(&customers[0]), json!({ "id": customers[1].id, "cloud": "mars" })]);
    let (kept, health_of_old) = (names(&app).await, health(&app).await);
    // Another process, which has never seen the good version.
    let fresh = watching(&environment);
    let (kept_by_fresh, health_of_fresh) = (names(&fresh).await, health(&fresh).await);
    write(&folder, &[entry(&customers[0]), entry(&customers[1])]);

    assert_eq!(
        (kept.as_slice(), kept_by_fresh.as_slice()),
        (&["Customer 1".to_owned()][..], &["Customer 1".to_owned()][..])
    );
    for health in [health_of_old, health_of_fresh] {
        let problem = health["problem"].as_str().unwrap();
        let whose = format!("tenant {}, field cloud", customers[1].id);
        assert!(problem.starts_with("tenants.json is not taken over, mend it: "), "{problem}");
        assert!(problem.contains(&whose), "{problem}");
        assert_eq!(health["status"], "degraded");
    }
    assert_eq!(names(&app).await, ["Customer 1", "Customer 2"]);
    assert!(health(&app).await["problem"].is_null());
}

#[tokio::test]
async fn a_file_that_goes_away_leaves_the_tenants_until_it_is_back() {
    let customers = customers(1, 1);
    let microsoft = microsoft(&customers).await;
    let folder = Folder::new();
    write(&folder, &[entry(&customers[0])]);
    let app = watching(&provider(&microsoft, &folder, SOURCES));
    assert_eq!(names(&app).await, ["Customer 1"]);

    std::fs::remove_file(folder.path().join("tenants.json")).unwrap();
    let (kept, problem) = (names(&app).await, health(&app).await["problem"].clone());
    write(&folder, &[entry(&customers[0])]);

    assert_eq!(kept, ["Customer 1"]);
    assert!(problem.as_str().unwrap().contains("there is no tenants.json"), "{problem}");
    assert!(health(&app).await["problem"].is_null());
}

/// A deployment whose file was never right collects nothing, and each call says what to do.
#[tokio::test]
async fn a_file_that_never_was_right_is_told_everywhere() {
    let microsoft = microsoft(&customers(1, 1)).await;
    let folder = Folder::new();
    write_text(&folder, "{\"tenants\": [}");
    let service = Service::start(&provider(&microsoft, &folder, SOURCES)).await;

    let tick = service.post("function_timer", TICK).await;
    let health = service.get("/api/health").await;
    let summary = service.get("/api/summary").await;

    assert_eq!((tick.status, health.status, summary.status), (500, 503, 503));
    for reply in [tick, health, summary] {
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("tenants.json is not taken over, mend it: line 1"), "{detail}");
    }
    service.until_logged("Nothing is planned, the next tick tries again: tenants.json").await;
}

#[tokio::test]
async fn a_tenant_that_is_off_is_not_collected_and_what_is_kept_is_answered() {
    let customers = customers(2, 1);
    let microsoft = microsoft(&customers).await;
    let folder = Folder::new();
    write(&folder, &[entry(&customers[0]), entry(&customers[1])]);
    let mut environment = provider(&microsoft, &folder, SOURCES);
    // In this process there is no identity to send as.
    environment.retain(|(name, _)| name != "POSTURE_LOGS_RULES");
    let app = watching(&environment);
    let tenant = app.tenants().await.unwrap().tenants[0].clone();
    let job = |minutes| {
        let at = app.now() + jiff::SignedDuration::from_mins(minutes);
        app.job(&tenant, EXPOSURE_SCORE, posture::plan::RunId::at(at), true)
    };
    let on = posture::run::run(&app, &job(0)).await;
    let asked = microsoft.requests().iter().filter(|seen| seen.api == Api::Defender).count();

    let off = json!({ "id": customers[0].id, "enabled": false });
    write(&folder, &[off, entry(&customers[1])]);
    let report = posture::run::run(&app, &job(1)).await;
    let query = format!("tenant={}", customers[0].id);
    let summary = answer(&app, "GET", "/api/summary", &query).await;

    assert_eq!(on.status, posture::report::Status::Complete, "{on}");
    assert_eq!(report.status, posture::report::Status::Unneeded, "{report}");
    assert!(report.message.contains("isn't collected by this deployment"), "{report}");
    assert_eq!(microsoft.requests().iter().filter(|seen| seen.api == Api::Defender).count(), asked);
    let summary: Value = serde_json::from_str(&summary.body).unwrap();
    assert!(summary["exposureScore"]["value"].is_number(), "{summary}");
    let missing = summary["missing"][0]["reason"].as_str().unwrap();
    assert!(missing.contains("`enabled: false`"), "{missing}");
}

#[tokio::test]
async fn a_caller_sees_no_tenant_but_its_own() {
    let customers = customers(2, 1);
    let microsoft = microsoft(&customers).await;
    let folder = Folder::new();
    let object = "99999999-2222-3333-4444-555555555555";
    let of = |tenant: &str| json!({ "tenant": tenant, "object": object });
    let with =
        |customer: &simulator::Tenant| json!({ "id": customer.id, "callers": [of(&customer.id)] });
    write(&folder, &[with(&customers[0]), with(&customers[1])]);
    let app = watching(&provider(&microsoft, &folder, SOURCES));

    let present = app.tenants().await.unwrap();

    let caller = |tenant: &str| -> Caller { format!("{tenant}/{object}").parse().unwrap() };
    for customer in &customers {
        let seen = present.of_caller(&caller(&customer.id));
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].id, customer.id);
    }
    let stranger = caller("77777777-2222-3333-4444-555555555555");
    assert!(present.of_caller(&stranger).is_empty(), "the same object id of another tenant");
}
