//! `POST /api/collect`: a run now, by the queue, once per source in five minutes.

use crate::support::azurite::Azurite;
use crate::support::http::{self, Reply};
use crate::support::queue_trigger::{queue, texts};
use crate::support::service::{Service, environment};
use crate::support::{self, Folder};
use azure_storage_queue::QueueClient;
use serde_json::{Value, json};
use simulator::{Api, Fault, FaultKind, Simulator};

/// A service whose queue is Azurite's.
pub struct World {
    pub microsoft: Simulator,
    pub folder: Folder,
    pub jobs: QueueClient,
    pub service: Service,
    pub environment: Vec<(String, String)>,
    _queues: Azurite,
}

impl World {
    pub async fn new(devices: u32) -> World {
        let (microsoft, folder) = (support::microsoft(devices).await, Folder::new());
        let queues = Azurite::start_queues().await;
        let jobs = queue(&queues, "posture-jobs").await;
        let mut environment = environment(&microsoft, &folder.url());
        environment.push(("POSTURE_QUEUE_URL".to_owned(), queues.url()));
        let service = Service::start(&environment).await;
        World { microsoft, folder, jobs, service, environment, _queues: queues }
    }

    pub async fn asks(&self, method: &str, path: &str, body: &str) -> Reply {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close");
        let request = format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}");
        http::raw(self.service.port, request.as_bytes()).await.unwrap()
    }

    /// The messages that wait, as JSON.
    pub async fn waiting(&self) -> Vec<Value> {
        texts(&self.jobs).await.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    fn state(&self, source: &str) -> Value {
        let path = format!("state/{}/{source}.json", support::tenant(0).id);
        serde_json::from_slice(&std::fs::read(self.folder.path().join(path)).unwrap()).unwrap()
    }
}

#[tokio::test]
async fn a_source_is_queued_once_in_five_minutes_and_its_refusal_is_cleared() {
    let world = World::new(3).await;
    let refused = FaultKind::Status { code: 403, retry_after: None };
    world.microsoft.inject(Fault::new(Api::Defender, "/api/machines", refused).times(1));
    let devices = json!({ "run": "20261122T101500Z", "tenant": support::tenant(0).id,
        "source": "defender.devices" });
    assert_eq!(world.service.run(&devices).await.status, 200);
    assert!(world.state("defender.devices")["refused"].is_object());

    let first = world.asks("POST", "/api/collect?source=defender.devices", "").await;
    let again = world.asks("POST", "/api/collect?source=Defender.Devices", "").await;
    let both = "/api/collect?source=defender.devices,graph.secure_scores";
    let both = world.asks("POST", both, "").await;

    assert_eq!((first.status, &first.json()["queued"]), (202, &json!(["defender.devices"])));
    assert!(first.header("location").unwrap().starts_with("/api/runs?tenant="));
    assert!(world.state("defender.devices")["refused"].is_null());
    assert_eq!(again.status, 429, "{}", again.body);
    let seconds: u64 = again.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=300).contains(&seconds), "{seconds}");
    assert_eq!((both.status, &both.json()["queued"]), (202, &json!(["graph.secure_scores"])));
    assert!(both.json()["tooSoon"]["defender.devices"].is_u64());
    let waiting = world.waiting().await;
    assert_eq!(waiting.len(), 2);
    assert_eq!(
        (&waiting[0]["source"], &waiting[0]["now"]),
        (&json!("defender.devices"), &json!(true))
    );
    assert_eq!(waiting[0]["run"], first.json()["run"]);
    assert_eq!(world.service.run(&waiting[0]).await.status, 200);
    let completed = &world.state("defender.devices")["completed"];
    assert_eq!(completed["run"], "20261122T101500Z", "the run that was refused goes on");
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_told_with_what_there_is() {
    let world = World::new(1).await;

    let unnamed = world.asks("POST", "/api/collect", "").await;
    let unknown = world.asks("POST", "/api/collect?source=graph.nothing", "").await;
    let read = world.asks("GET", "/api/collect?source=defender.devices", "").await;

    assert_eq!((unnamed.status, unknown.status, read.status), (400, 400, 405));
    assert!(unknown.body.contains("graph.secure_scores"), "{}", unknown.body);
    assert!(world.waiting().await.is_empty());
}

#[tokio::test]
async fn without_a_queue_nobody_would_do_it() {
    let (microsoft, folder) = (support::microsoft(1).await, Folder::new());
    let app = support::app(&microsoft, &[support::tenant(1)], folder.ledger());

    let reply =
        support::posted(&app, "/api/collect", "source=graph.secure_scores", &json!({})).await;

    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("posture collect"), "{}", reply.body);
}
