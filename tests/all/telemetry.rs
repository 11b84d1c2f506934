//! What an operator sees of a job from outside: its span at a receiver, its line in the log.

use crate::support::receiver::{Mood, Receiver, texts};
use crate::support::service::{Service, command, environment, queue_envelope};
use crate::support::{self, Folder, http};
use posture::source::defaults;
use serde_json::{Value, json};
use simulator::Simulator;
use std::time::{Duration, Instant};

/// Lines that a start and a tick of the timer write, beside one per job.
const LINES_BESIDE_JOBS: usize = 2;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const HOSTS_SPAN: &str = "b7ad6b7169203331";

fn exporting(
    microsoft: &Simulator,
    storage: &str,
    receiver: &Receiver,
    more: &[(&str, &str)],
) -> Vec<(String, String)> {
    let mut environment = environment(microsoft, storage);
    let own = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20sesame"),
    ];
    let all = own.iter().chain(more);
    environment.extend(all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    environment
}

fn job(source: &str) -> Value {
    let tenant = support::tenant(0).id;
    json!({ "run": "20261122T101500Z", "tenant": tenant, "source": source, "now": true })
}

/// Delivers a message as the host does within a trace of its own. Its flag says that the host doesn't
/// sample it, which is about the host's spans.
async fn deliver_traced(service: &Service, message: &Value) -> http::Reply {
    let request = http::envelope_request(service.port, "function_queue", &queue_envelope(message));
    let request = String::from_utf8(request).unwrap();
    let traced = format!("traceparent: 00-{TRACE}-{HOSTS_SPAN}-00\r\nConnection: close\r\n");
    let request = request.replacen("Connection: close\r\n", &traced, 1);
    http::raw(service.port, request.as_bytes()).await.unwrap()
}

#[tokio::test]
async fn a_collected_job_is_a_span_with_tenant_source_run_and_status_below_the_hosts() {
    let (microsoft, folder) = (support::microsoft(3).await, Folder::new());
    let receiver = Receiver::start(Mood::Well).await;
    let named = [("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")];
    let environment = exporting(&microsoft, &folder.url(), &receiver, &named);
    let service = Service::start(&environment).await;

    let reply = deliver_traced(&service, &job("defender.devices")).await;

    assert_eq!(reply.status, 200, "{}", reply.body);
    let span = receiver.until("job", 1).await.remove(0);
    let call = receiver.until("function_queue", 1).await.remove(0);
    let fields = texts(&span.attributes);
    let tenant = support::tenant(0);
    for (name, value) in [
        ("tenant", tenant.id.as_str()),
        ("tenant_name", &tenant.name),
        ("source", "defender.devices"),
        ("run", "20261122T101500Z"),
        ("status", "complete"),
        ("records", "3"),
        ("invocation", "83a33220-a921-460a-bec0-b3f043dcf1ff"),
    ] {
        assert_eq!(fields.get(name).map(String::as_str), Some(value), "{name} of {fields:?}");
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!((hex(&call.trace_id), hex(&call.parent_span_id)), (TRACE.into(), HOSTS_SPAN.into()));
    assert_eq!((span.trace_id, span.parent_span_id), (call.trace_id, call.span_id));
    let resource = receiver.received()[0].export.resource_spans[0].resource.clone().unwrap();
    let resource = texts(&resource.attributes);
    assert_eq!(resource["service.name"], "posture");
    assert_eq!(resource["deployment.environment.name"], "test");
    assert!(receiver.spans("page").is_empty(), "pages are for OTEL_LOG_LEVEL=debug");
}

#[tokio::test]
async fn a_refused_job_is_a_failed_span_with_the_next_step_and_no_secret() {
    let (microsoft, folder) = (support::microsoft(3).await, Folder::new());
    let receiver = Receiver::start(Mood::Well).await;
    microsoft.set_roles(&support::tenant(0).id, &[]);
    let debug = [("OTEL_LOG_LEVEL", "debug")];
    let service = Service::start(&exporting(&microsoft, &folder.url(), &receiver, &debug)).await;

    service.run(&job("defender.devices")).await;

    let span = receiver.until("job", 1).await.remove(0);
    receiver.until("page", 1).await;
    let status = span.status.unwrap();
    assert_eq!((status.code, texts(&span.attributes)["status"].as_str()), (2, "refused"));
    assert!(status.message.contains("grant the app role Machine.Read.All"), "{}", status.message);
    for one in receiver.received() {
        assert_eq!(one.authorization, "Bearer sesame");
        let text = String::from_utf8_lossy(&one.body).into_owned();
        for secret in ["sesame", "Bearer", &microsoft.identity_header()] {
            assert!(!text.contains(secret), "a span tells {secret}");
        }
    }
    assert!(!service.log().contains("sesame"), "{}", service.log());
}

#[tokio::test]
async fn a_receiver_that_hangs_or_is_broken_costs_no_job_anything() {
    for mood in [Mood::Hangs, Mood::Status(500), Mood::Status(307)] {
        let (microsoft, folder) = (support::microsoft(3).await, Folder::new());
        let receiver = Receiver::start(mood).await;
        let short = [("OTEL_EXPORTER_OTLP_TIMEOUT", "1500")];
        let service =
            Service::start(&exporting(&microsoft, &folder.url(), &receiver, &short)).await;

        for source in ["defender.devices", "graph.secure_scores", "defender.exposure_score"] {
            let reply = service.run(&job(source)).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            receiver.until("job", 1).await;
        }

        service.until_logged("Spans are lost, jobs go on").await;
        let log = service.log();
        assert_eq!(log.matches("Spans are lost").count(), 1, "{log}");
        assert!(!log.contains("sesame"), "{log}");
    }
}

#[tokio::test]
async fn the_end_of_a_command_exports_what_is_left_and_waits_two_seconds_at_most() {
    for mood in [Mood::Well, Mood::Hangs] {
        let (microsoft, folder) = (support::microsoft(3).await, Folder::new());
        let receiver = Receiver::start(mood).await;
        let environment = exporting(&microsoft, &folder.url(), &receiver, &[]);
        let mut command = command(&environment);
        command.args(["collect", "--source", "defender.devices"]);
        let started = Instant::now();

        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();

        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(receiver.spans("job").len(), 1);
        assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    }
}

/// docs/observability.md states it: one line per start, one per tick, one per job.
#[tokio::test]
async fn one_run_of_all_sources_writes_one_line_per_job() {
    let (microsoft, folder) = (support::microsoft(20).await, Folder::new());
    let service = Service::start(&environment(&microsoft, &folder.url())).await;
    let tick = json!({ "Data": { "timer": {} }, "Metadata": {} }).to_string();

    let planned = service.post("function_timer", &tick).await.json();
    let jobs = planned["Outputs"]["jobs"].as_array().unwrap().clone();
    for job in &jobs {
        service.run(job).await;
    }

    let last = jobs.last().unwrap()["source"].as_str().unwrap();
    service.until_logged(&format!("source=\"{last}\"")).await;
    let log = service.log();
    assert!(jobs.len() > defaults().len() / 2, "{} jobs", jobs.len());
    let bound = LINES_BESIDE_JOBS + jobs.len();
    assert!(log.lines().count() <= bound, "over {bound} lines: {log}");
}
