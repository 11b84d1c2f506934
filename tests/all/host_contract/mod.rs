//! The contract with the Functions host: its golden pairs, each by its number, replayed against the
//! real binary as a child process. Pairs that list what the host accepts are judged by a fake host.

mod accepted;
mod double_work;
mod files;
mod forwarded;
mod judge;
mod package;
mod process;
mod queue;
mod readiness;
mod starting;
mod timer;

use crate::support::fake_host::{Accepted, Function, Verdict};
use crate::support::http::Reply;
use crate::support::queue_messages::traps;
use crate::support::service::{Service, environment};
use crate::support::{self, Folder};
use serde_json::{Value, json};
use simulator::{Api, Simulator};
use std::time::Duration;

const TIMER: &str = "function_timer";
const QUEUE: &str = "function_queue";
const HTTP: &str = "function_http";

/// What no call may take, on a machine that is busy with other tests too.
const LONG: Duration = Duration::from_secs(60);

/// The service with all that it talks to. Dropped in this order.
struct Deployment {
    service: Service,
    microsoft: Simulator,
    folder: Folder,
}

impl Deployment {
    /// One tenant with so many devices, nothing collected yet.
    async fn start(devices: u32) -> Deployment {
        Deployment::start_with(devices, &[]).await
    }

    /// The same with these settings changed.
    async fn start_with(devices: u32, settings: &[(&str, &str)]) -> Deployment {
        let microsoft = support::microsoft(devices).await;
        let folder = Folder::new();
        let mut environment = environment(&microsoft, &folder.url());
        // Of two values of one name, the later one holds.
        let changed = settings.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        environment.extend(changed);
        let service = within(Service::start(&environment)).await;
        Deployment { service, microsoft, folder }
    }

    /// Posts an envelope to a function.
    async fn post(&self, function: &str, envelope: &str) -> Reply {
        within(self.service.post(function, envelope)).await
    }

    /// Posts an envelope that the host must take for a success.
    async fn succeeds(&self, function: &str, envelope: &str) -> Accepted {
        accepted(function, &self.post(function, envelope).await)
    }

    /// Posts an envelope that must fail with this status, and gives the reason.
    async fn fails(&self, function: &str, envelope: &str, status: u16) -> String {
        let reply = self.post(function, envelope).await;
        assert!(matches!(Function::read(function).judge(&reply), Verdict::Failure(_)), "{reply:?}");
        problem(&reply, status)
    }

    /// Waits until Microsoft has been asked for that path.
    async fn until_asked(&self, path: &str) {
        until(|| self.microsoft.requests().iter().any(|seen| seen.path == path)).await;
    }

    /// Waits until that is in the log.
    async fn until_logged(&self, text: &str) {
        self.service.until_logged(text).await;
    }

    /// A readiness probe, which the host repeats at any time.
    async fn is_alive(&self) {
        assert_eq!(within(self.service.get("/")).await.status, 200);
    }

    /// How many rows of the devices' table the workspace has.
    fn devices_received(&self) -> u64 {
        let received = self.microsoft.received();
        received.counts.get(posture::source::DEVICES.table.name).copied().unwrap_or(0)
    }
}

/// What the fake host takes from one of our answers, which must fall into none of its traps.
fn accepted(function: &str, reply: &Reply) -> Accepted {
    let function = Function::read(function);
    let Verdict::Success(accepted) = function.judge(reply) else { panic!("{reply:?}") };
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let body = reply.json();
    for key in body.as_object().unwrap().keys() {
        assert!(["Outputs", "Logs", "ReturnValue"].contains(&key.as_str()), "{body}");
    }
    assert!(accepted.ignored.is_empty(), "no binding of {}: {body}", function.name);
    for output in function.outputs("queue") {
        let value = &body["Outputs"][output["name"].as_str().unwrap()];
        assert_eq!(traps(value), [""; 0], "{body}");
        let items = value.as_array().expect("messages are an array");
        assert!(items.iter().all(Value::is_object), "{body}");
    }
    *accepted
}

/// The reason of an answer that is an error.
fn problem(reply: &Reply, status: u16) -> String {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    let body = reply.json();
    assert_eq!(body["status"], status);
    assert!(!body["title"].as_str().unwrap().is_empty());
    body["detail"].as_str().unwrap().to_owned()
}

/// The host's own object in an envelope's metadata.
fn sys() -> Value {
    json!({
        "MethodName": "F",
        "UtcNow": "2024-10-24T10:00:01.1234567Z",
        "RandGuid": "35e6e68c-5583-436c-a277-5aec2b416ba8",
    })
}

/// A timer's envelope.
fn tick(status: Value, is_past_due: bool) -> String {
    let timer = json!({
        "Schedule": { "AdjustForDST": true },
        "ScheduleStatus": status,
        "IsPastDue": is_past_due,
    });
    json!({ "Data": { "t": timer }, "Metadata": { "sys": sys() } }).to_string()
}

/// A job's message, planned now.
fn job(source: &str) -> Value {
    let run = posture::plan::RunId::at(posture::app::clock());
    json!({ "run": run, "tenant": support::tenant(0).id, "source": source })
}

/// The envelope of a job's message.
fn delivery(message: &Value, dequeue_count: u32) -> String {
    Function::read(QUEUE).delivery(message.to_string().as_bytes(), dequeue_count)
}

/// A fault for ever at one of Defender's paths.
fn defender(path: &str, kind: simulator::FaultKind) -> simulator::Fault {
    simulator::Fault::new(Api::Defender, path, kind).always()
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, work).await.expect("done in time")
}

async fn until(condition: impl Fn() -> bool) {
    let come_true = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(come_true).await;
}
