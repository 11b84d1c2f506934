//! Summaries over HTTP: from the ledger only, honest about age and gaps.

use crate::support::answer;
use crate::support::service::{Service, environment};
use crate::support::{self, Folder, job};
use posture::run::run;
use posture::source::{ALL, defaults};
use serde_json::{Value, json};
use simulator::{Api, Options};

fn body(reply: &posture::host::Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap()
}

#[tokio::test]
async fn a_summary_holds_what_was_collected_with_unit_direction_and_age() {
    let microsoft = support::microsoft(40).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(40)], folder.ledger());
    for source in ALL {
        run(&app, &job(&app, *source)).await;
    }

    let reply = answer(&app, "GET", "/api/summary", "").await;

    assert_eq!((reply.status, reply.content_type), (200, "application/json"));
    let summary = body(&reply);
    let score = &summary["secureScore"];
    assert!(score["current"].as_f64().unwrap() <= score["maximum"].as_f64().unwrap());
    assert_eq!(score["categories"].as_array().unwrap().len(), 5);
    for days in ["days1", "days7", "days30", "days90"] {
        assert!(score["change"][days]["points"].is_number(), "{}", score["change"]);
    }
    assert_eq!(summary["improvementActions"].as_array().unwrap().len(), 10);
    assert_eq!(summary["exposureScore"]["direction"], "high is bad");
    assert_eq!(summary["deviceSecureScore"]["direction"], "high is good");
    assert_eq!(summary["devices"]["total"], 40);
    assert!(summary["vulnerabilities"]["exposed"].as_u64().unwrap() > 0);
    assert_eq!(summary["recommendations"]["top"].as_array().unwrap().len(), 10);
    for part in ["secureScore", "exposureScore", "deviceSecureScore", "vulnerabilities", "devices"]
    {
        assert_eq!(summary[part]["stale"], false, "{part}");
        assert!(summary[part]["collected"].is_string(), "{part}");
    }
    assert_eq!(summary["missing"], json!([]));
}

#[tokio::test]
async fn a_source_that_is_refused_is_listed_with_the_administrators_next_step() {
    let microsoft = support::microsoft(5).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(5)], folder.ledger());
    microsoft.set_roles(&support::tenant(5).id, &["SecurityEvents.Read.All", "Score.Read.All"]);
    for source in ALL {
        run(&app, &job(&app, *source)).await;
    }

    let summary = body(&answer(&app, "GET", "/api/summary", "").await);
    let health = body(&answer(&app, "GET", "/api/health", "").await);

    assert!(summary["secureScore"]["current"].is_number());
    assert_eq!(summary["devices"], Value::Null);
    let missing = summary["missing"].as_array().unwrap();
    let devices = missing.iter().find(|one| one["source"] == "defender.devices").unwrap();
    let reason = devices["reason"].as_str().unwrap();
    assert!(
        reason.contains("403") && reason.contains("grant the app role Machine.Read.All"),
        "{reason}"
    );
    assert_eq!(health["status"], "degraded");
}

#[tokio::test]
async fn nothing_collected_yet_is_said_and_no_error() {
    let microsoft = support::microsoft(5).await;
    let folder = Folder::new();
    let service = Service::start(&environment(&microsoft, &folder.url())).await;

    let health = service.get("/api/health").await;
    let summary = service.get("/api/summary").await;

    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("starting")));
    assert_eq!(summary.json()["missing"].as_array().unwrap().len(), defaults().len());
    let asked = microsoft.requests();
    assert!(asked.iter().all(|seen| seen.api != Api::Graph), "a summary never calls Microsoft");
}

#[tokio::test]
async fn of_several_tenants_one_must_be_named() {
    let tenants = [(1, "Contoso"), (2, "Fabrikam")]
        .map(|(number, name)| simulator::Tenant::new(number, name, 3));
    let options = Options::new(tenants.to_vec(), posture::describe::tables_json());
    let microsoft = support::start(options).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &tenants, folder.ledger());

    let unnamed = answer(&app, "GET", "/api/summary", "").await;
    let named = answer(&app, "GET", "/api/summary", &format!("tenant={}", tenants[1].id)).await;
    let unknown = answer(&app, "GET", "/api/summary", "tenant=nobody").await;

    assert_eq!((unnamed.status, unnamed.content_type), (400, "application/problem+json"));
    let choices = body(&unnamed)["choices"].clone();
    assert_eq!(choices[0], json!({ "tenant": tenants[0].id, "name": "Contoso" }));
    assert_eq!(choices.as_array().unwrap().len(), 2);
    assert_eq!(body(&named)["tenant"]["name"], "Fabrikam");
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn errors_are_problems_with_a_next_step() {
    let microsoft = support::microsoft(1).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(1)], folder.ledger());

    let missing = answer(&app, "GET", "/api/nothing", "").await;
    let method = answer(&app, "POST", "/api/summary", "").await;

    assert_eq!((missing.status, method.status), (404, 405));
    for reply in [missing, method] {
        assert_eq!(reply.content_type, "application/problem+json");
        let problem = body(&reply);
        assert_eq!(problem["status"], reply.status);
        assert!(problem["title"].is_string() && problem["detail"].is_string());
    }
}
