//! What the host has given up: seen in health, carried out again by `posture collect --retry`.

use crate::commands::run;
use crate::support::azurite::Azurite;
use crate::support::queue_trigger::{queue, texts};
use crate::support::service::{Service, environment, free_port};
use crate::support::{self, Folder};
use azure_storage_queue::QueueClient;
use azure_storage_queue::models::QueueMessage;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use simulator::{Api, Fault, FaultKind, Simulator};
use std::time::{Duration, Instant};

const STRANGER: &str = "99999999-0000-0000-0000-000000000000";

/// A deployment whose queue is Azurite's, with the poison queue that the host has made.
struct World {
    microsoft: Simulator,
    poison: QueueClient,
    environment: Vec<(String, String)>,
    folder: Folder,
    queues: Azurite,
}

impl World {
    async fn new() -> World {
        let (microsoft, folder) = (support::microsoft(3).await, Folder::new());
        let queues = Azurite::start_queues().await;
        let poison = queue(&queues, "posture-jobs-poison").await;
        let mut environment = environment(&microsoft, &folder.url());
        environment.push(("POSTURE_QUEUE_URL".to_owned(), queues.url()));
        World { microsoft, poison, environment, folder, queues }
    }

    /// As the host moves a message: its text as it was.
    async fn give_up(&self, text: &str) {
        let message = QueueMessage { message_text: Some(BASE64_STANDARD.encode(text)) };
        self.poison.send_message(message.try_into().unwrap(), None).await.unwrap();
    }

    /// What everybody sees in the poison queue.
    async fn there(&self) -> usize {
        texts(&self.poison).await.len()
    }

    fn breaks(&self, path: &str) {
        let elsewhere = FaultKind::NextLink("https://elsewhere.example/next".to_owned());
        self.microsoft.inject(Fault::new(Api::Defender, path, elsewhere).always());
    }

    async fn retry(&self, more: &[&str]) -> (Option<i32>, String, String) {
        run(&self.environment, &[&["collect", "--retry"], more].concat()).await
    }
}

fn job(tenant: &str, source: &str) -> String {
    json!({ "run": "20261122T101500Z", "tenant": tenant, "source": source }).to_string()
}

fn own(source: &str) -> String {
    job(&support::tenant(0).id, source)
}

#[tokio::test]
async fn health_says_which_job_was_given_up_why_and_what_to_do() {
    let world = World::new().await;
    world.breaks("/api/machines");
    let service = Service::start(&world.environment).await;
    let failing: Value = serde_json::from_str(&own("defender.devices")).unwrap();
    assert_eq!(service.run(&failing).await.status, 500);
    world.give_up(&own("defender.devices")).await;
    world.give_up(&own("graph.secure_scores")).await;
    world.give_up(&job(STRANGER, "defender.devices")).await;
    world.give_up("\"no job: sesame\"").await;

    let reply = service.get("/api/health").await;

    let health = reply.json();
    assert_eq!((reply.status, health["status"].as_str()), (200, Some("degraded")));
    let id = support::tenant(0).id;
    let given_up = &health["tenants"][0]["givenUp"];
    assert_eq!(given_up.as_array().unwrap().len(), 2, "{given_up}");
    let reason = given_up[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("/api/machines"), "{reason}");
    assert_eq!(
        given_up[0],
        json!({
            "run": "20261122T101500Z",
            "kind": "source",
            "source": "defender.devices",
            "reason": reason,
            "next": format!("posture collect --retry --tenant {id} --source defender.devices"),
        })
    );
    assert_eq!(given_up[1]["reason"], "unknown");
    assert_eq!((&health["queue"]["givenUp"], &health["queue"]["unknown"]), (&json!(4), &json!(2)));
    assert!(!reply.body.contains(STRANGER) && !reply.body.contains("sesame"), "{}", reply.body);
    assert_eq!(world.there().await, 4, "a look hides nothing");
}

#[tokio::test]
async fn health_answers_where_the_queue_is_out_of_reach() {
    let (microsoft, folder) = (support::microsoft(1).await, Folder::new());
    let silent = std::net::TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let mut environment = environment(&microsoft, &folder.url());
    let url = format!("http://{}/devstoreaccount1", silent.local_addr().unwrap());
    environment.push(("POSTURE_QUEUE_URL".to_owned(), url));
    let service = Service::start(&environment).await;
    let started = Instant::now();

    let health = service.get("/api/health").await;

    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("starting")));
    let next = health.json()["queue"]["next"].as_str().unwrap().to_owned();
    assert!(
        next.contains("gave no answer in time") && next.contains("POSTURE_QUEUE_URL"),
        "{next}"
    );
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let again = Instant::now();
    service.get("/api/health").await;
    assert!(again.elapsed() < Duration::from_secs(4), "{:?}", again.elapsed());
}

#[tokio::test]
async fn a_retry_removes_what_ends_well_and_leaves_what_fails_again_or_is_no_job() {
    let world = World::new().await;
    world.breaks("/api/machines");
    world.give_up(&own("defender.devices")).await;
    world.give_up(&own("graph.secure_scores")).await;
    world.give_up("[1]").await;
    world.give_up(&job(STRANGER, "defender.devices")).await;

    let (code, output, errors) = world.retry(&[]).await;
    let left = world.there().await;
    world.microsoft.clear_faults();
    let (code_again, output_again, _) = world.retry(&[]).await;

    assert_eq!(code, Some(1), "{output}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("1 jobs failed again and stay in posture-jobs-poison"), "{errors}");
    assert!(output.contains("graph.secure_scores ┆ complete"), "{output}");
    assert!(output.contains("no job, left where it is: \"[1]\""), "{output}");
    assert!(output.contains("isn't this deployment's"), "{output}");
    assert_eq!(left, 3, "all that stays is in everybody's sight at once");
    assert_eq!(code_again, Some(0), "{output_again}");
    assert!(output_again.contains("defender.devices of Contoso: 3 records"), "{output_again}");
    assert!(output_again.contains("2 messages that are no job here"), "{output_again}");
    assert_eq!(world.there().await, 2);
}

#[tokio::test]
async fn a_retry_of_one_source_leaves_the_others_and_what_is_complete_costs_no_request() {
    let world = World::new().await;
    let service = Service::start(&world.environment).await;
    let done: Value = serde_json::from_str(&own("graph.secure_scores")).unwrap();
    assert_eq!(service.run(&done).await.status, 200);
    world.give_up(&own("graph.secure_scores")).await;
    world.give_up(&own("defender.devices")).await;
    let asked = world.microsoft.requests().len();

    let (code, output, _) = world.retry(&["--source", "graph.secure_scores"]).await;

    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("graph.secure_scores of Contoso: nothing to do"), "{output}");
    assert!(output.contains("1 others stay in posture-jobs-poison"), "{output}");
    assert_eq!(world.there().await, 1);
    assert_eq!(world.microsoft.requests().len(), asked);
    let (_, output, _) = world.retry(&[]).await;
    assert!(output.contains("posture-jobs-poison is empty"), "{output}");
    let (code, output, _) = world.retry(&[]).await;
    assert_eq!((code, output.trim()), (Some(0), "nothing was given up"));
}

#[tokio::test]
async fn a_plan_and_a_case_that_were_given_up_are_carried_out_again() {
    let world = World::new().await;
    let (id, run) = (support::tenant(0).id, "20261122T101500Z");
    let sources = ["graph.secure_scores", "defender.devices"];
    let plan = json!({ "run": run, "tenant": id, "kind": "plan", "sources": sources });
    world.give_up(&plan.to_string()).await;
    let case = json!({
        "run": run, "tenant": id, "kind": "case", "case": "q", "from": "20261101T000000Z",
        "to": "20261120T000000Z", "packs": ["unmanaged_devices"],
    });
    world.give_up(&case.to_string()).await;

    let (code, output, errors) = world.retry(&[]).await;

    assert_eq!((code, errors.as_str()), (Some(0), ""), "{output}");
    assert!(output.contains("graph.secure_scores of Contoso: 90 records"), "{output}");
    assert!(output.contains("defender.devices of Contoso: 3 records"), "{output}");
    assert!(output.contains("graph.hunting.unmanaged_devices of Contoso"), "{output}");
    assert_eq!(world.there().await, 0);
    let manifest = world.folder.path().join(format!("cases/{id}/q/manifest.json"));
    let manifest: Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    assert_eq!(manifest["complete"], true, "{manifest}");
}

#[tokio::test]
async fn an_exports_files_that_were_given_up_are_named_and_complete_their_set_again() {
    let world = World::new().await;
    let jobs = queue(&world.queues, "posture-jobs").await;
    let service = Service::start(&world.environment).await;
    let export: Value = serde_json::from_str(&own("defender.device_software")).unwrap();
    assert_eq!(service.run(&export).await.status, 200);
    let files = texts(&jobs).await;
    assert!(files.len() >= 2 && files.iter().all(|text| text.contains(r#""kind":"file""#)));
    for text in &files {
        world.give_up(text).await;
    }
    let health = service.get("/api/health").await.json();

    let (code, output, errors) = world.retry(&[]).await;

    let first: Value = serde_json::from_str(&files[0]).unwrap();
    let given_up = &health["tenants"][0]["givenUp"][0];
    assert_eq!((&given_up["kind"], &given_up["file"]), (&json!("file"), &first["file"]));
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{output}");
    assert!(output.contains("defender.device_software ┆ complete"), "{output}");
    assert_eq!(world.there().await, 0);
}

#[tokio::test]
async fn without_a_queue_a_retry_says_so_in_one_line() {
    let (microsoft, folder) = (support::microsoft(1).await, Folder::new());

    let (code, output, errors) =
        run(&environment(&microsoft, &folder.url()), &["collect", "--retry"]).await;

    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(output.lines().count(), 1, "{output}");
    assert!(
        output.contains("nothing to retry") && output.contains("POSTURE_QUEUE_URL"),
        "{output}"
    );
}
