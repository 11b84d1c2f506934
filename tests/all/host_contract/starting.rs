//! How the process ends: never with exit code 0 where the host should start it again.

use super::process::{End, Process};
use super::{QUEUE, defender, delivery, job, until, within};
use crate::support::service::environment;
use crate::support::{self, Folder, http};
use simulator::FaultKind;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// The exit of a start that can't succeed: code 1, one line on standard error, nothing else there.
fn refusal(end: &End) -> &str {
    assert_eq!(end.status.code(), Some(1), "{}{}", end.out, end.err);
    assert_eq!(end.err.lines().count(), 1, "{}", end.err);
    end.err.strip_prefix("posture: ").expect("the program's name first")
}

/// A start whose settings are sound but for one, which is absent where the value is none.
async fn start_with(name: &str, value: Option<&str>) -> End {
    let (microsoft, folder) = (support::microsoft(1).await, Folder::new());
    let mut environment = environment(&microsoft, &folder.url());
    environment.retain(|(there, _)| there != name);
    environment.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    Process::spawn(&environment).end().await
}

#[tokio::test]
async fn a_missing_setting_ends_the_start_with_a_line_that_names_it() {
    for name in ["POSTURE_STORAGE", "POSTURE_TENANT_ID", "POSTURE_LOGS_URL"] {
        for value in [None, Some(""), Some("  ")] {
            let end = start_with(name, value).await;
            let line = refusal(&end);
            let expected = format!("{name} is missing: for example {name}=");
            assert!(line.starts_with(&expected), "{line}");
        }
    }
}

#[tokio::test]
async fn a_wrong_setting_ends_the_start_with_a_line_that_names_it() {
    for (name, value) in [
        ("POSTURE_STORAGE", "ftp://nowhere"),
        ("POSTURE_TENANT_ID", "contoso.onmicrosoft.com"),
        ("POSTURE_CLOUD", "mars"),
        ("POSTURE_CONTAINER", "Ä"),
        ("POSTURE_CREDENTIAL", "password"),
        ("POSTURE_GRAPH_URL", "http://graph.example"),
        ("POSTURE_LOGS_RULES", "rule-1"),
        ("POSTURE_SOURCES", "everything"),
        ("POSTURE_SEND", "defender.devices=some"),
        ("POSTURE_CADENCE", "defender.devices=often"),
        ("POSTURE_CLAIM_SECONDS", "0"),
        ("POSTURE_RUN_SECONDS", "long"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otlp.example:4318"),
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "seven"),
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "0"),
    ] {
        let end = start_with(name, Some(value)).await;
        let line = refusal(&end);
        assert!(line.starts_with(name) && line.contains("for example"), "{line}");
    }
}

#[tokio::test]
async fn a_signature_in_a_wrong_setting_is_never_printed() {
    let storage = "https://contoso.blob.core.windows.net/?sv=2024-11-04&sig=sesame";

    let end = start_with("POSTURE_STORAGE", Some(storage)).await;

    assert!(refusal(&end).starts_with("POSTURE_STORAGE"));
    assert!(!end.err.contains("sesame") && !end.out.contains("sesame"), "{}{}", end.out, end.err);
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_start_with_its_number() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();

    let end = start_with("FUNCTIONS_CUSTOMHANDLER_PORT", Some(&port)).await;

    assert!(refusal(&end).starts_with(&format!("port {port} can't be served")), "{}", end.err);
}

/// Exit code 0 means "stay dead" to the host: only a person's own Ctrl-C asks for that.
#[tokio::test]
async fn a_termination_is_no_exit_code_0_and_an_interrupt_is() {
    for (signal, code) in [("TERM", 143), ("INT", 0)] {
        let (microsoft, folder) = (support::microsoft(1).await, Folder::new());
        let process = Process::spawn(&environment(&microsoft, &folder.url()));
        process.until_ready().await;

        process.signal(signal);
        let end = process.end().await;

        assert_eq!(end.status.code(), Some(code), "{signal}");
        assert_eq!(end.err, "");
    }
}

#[tokio::test]
async fn a_termination_lets_a_short_job_end_and_answers_it() {
    let (microsoft, folder) = (support::microsoft(4).await, Folder::new());
    let process = Process::spawn(&environment(&microsoft, &folder.url()));
    process.until_ready().await;
    microsoft.inject(defender("/api/machines", FaultKind::Hang(Duration::from_millis(500))));
    let (port, envelope) = (process.port, delivery(&job("defender.devices"), 1));
    let call = tokio::spawn(async move { http::envelope(port, QUEUE, &envelope).await });
    until(|| microsoft.requests().iter().any(|seen| seen.path == "/api/machines")).await;

    process.signal("TERM");
    let (reply, end) = tokio::join!(within(call), process.end());

    assert_eq!(reply.unwrap().status, 200);
    assert!(end.out.contains("defender.devices of Contoso: 4 records"), "{}", end.out);
}

#[tokio::test]
async fn a_termination_doesnt_wait_for_a_job_without_end() {
    let (microsoft, folder) = (support::microsoft(4).await, Folder::new());
    let process = Process::spawn(&environment(&microsoft, &folder.url()));
    process.until_ready().await;
    microsoft.inject(defender("/api/machines", FaultKind::Hang(Duration::from_secs(300))));
    let (port, envelope) = (process.port, delivery(&job("defender.devices"), 1));
    let request = http::envelope_request(port, QUEUE, &envelope);
    let call = tokio::spawn(async move { http::raw(port, &request).await });
    until(|| microsoft.requests().iter().any(|seen| seen.path == "/api/machines")).await;

    let started = Instant::now();
    process.signal("TERM");
    let end = process.end().await;

    assert_eq!(end.status.code(), Some(143));
    assert!(started.elapsed() < Duration::from_secs(30));
    assert!(!matches!(within(call).await, Ok(Ok(_))), "an answer would count as a success");
}
