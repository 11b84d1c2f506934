//! The readiness probe, the address that is listened on, and the two streams of output.

use super::process::Process;
use super::{Deployment, QUEUE, TIMER, delivery, job, problem, tick, until, within};
use crate::support::fake_host::Function;
use crate::support::service::environment;
use crate::support::{self, Folder, http};
use serde_json::Value;
use std::net::{Ipv4Addr, Ipv6Addr, TcpStream};

#[tokio::test]
async fn pair_01_a_probe_without_any_header_is_answered_at_once() {
    let deployment = Deployment::start(1).await;
    let port = deployment.service.port;
    let bare = format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");

    let reply = within(http::raw(port, bare.as_bytes())).await.unwrap();

    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert!(!reply.body.is_empty());
}

#[tokio::test]
async fn pair_01_a_probe_is_answered_though_nothing_else_works() {
    let folder = Folder::new();
    let microsoft = support::microsoft(1).await;
    let mut environment = environment(&microsoft, &folder.url());
    drop(microsoft);
    let storage = format!("http://127.0.0.1:{}/devstoreaccount1", support::service::free_port());
    environment.retain(|(name, _)| name != "POSTURE_STORAGE");
    environment.push(("POSTURE_STORAGE".to_owned(), storage));

    let process = Process::spawn(&environment);
    process.until_ready().await;

    assert_eq!(within(http::get(process.port, "/")).await.status, 200);
    assert_eq!(process.err(), "");
}

#[tokio::test]
async fn requests_that_follow_on_one_connection_are_all_answered() {
    let deployment = Deployment::start(1).await;
    let port = deployment.service.port;
    let keep = http::envelope_request(port, TIMER, &tick(Value::Null, false));
    let keep = String::from_utf8(keep).unwrap().replace("Connection: close\r\n", "");
    let probe = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    let last = http::envelope_request(port, QUEUE, &delivery(&job("defender.devices"), 1));

    let all = [keep.as_bytes(), probe.as_bytes(), probe.as_bytes(), &last].concat();
    let reply = within(http::raw(port, &all)).await.unwrap();

    assert_eq!(reply.status, 200);
    assert_eq!(reply.body.matches("HTTP/1.1 200 OK").count(), 3, "{}", reply.body);
    assert_eq!(deployment.devices_received(), 1);
}

#[tokio::test]
async fn only_the_ipv4_loopback_address_is_listened_on() {
    let deployment = Deployment::start(1).await;
    let port = deployment.service.port;

    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
    assert!(TcpStream::connect((Ipv4Addr::new(127, 0, 0, 2), port)).is_err());
    assert!(TcpStream::connect((Ipv6Addr::LOCALHOST, port)).is_err());
}

/// Lines on standard error become errors in the host's log.
#[tokio::test]
async fn all_logs_go_to_standard_output_one_line_each() {
    let (microsoft, folder) = (support::microsoft(2).await, Folder::new());
    let process = Process::spawn(&environment(&microsoft, &folder.url()));
    process.until_ready().await;

    let post = async |function, envelope: &str| {
        within(http::envelope(process.port, function, envelope)).await
    };
    assert_eq!(post(TIMER, &tick(Value::Null, false)).await.status, 200);
    assert_eq!(post(QUEUE, &delivery(&job("defender.devices"), 1)).await.status, 200);
    problem(&post(QUEUE, "hello").await, 400);

    until(|| process.out().contains("A queue message is refused")).await;
    let out = process.out();
    assert!(out.contains("serves the Functions host"), "{out}");
    assert!(out.contains("defender.devices of Contoso: 2 records"), "{out}");
    assert!(!out.contains('\u{1b}'), "no colours: {out}");
    let levels = [" INFO ", " WARN ", "ERROR "];
    assert!(out.lines().all(|line| levels.iter().any(|level| line.contains(level))), "{out}");
    assert_eq!(process.err(), "");
}

#[tokio::test]
async fn pair_34_readers_that_go_away_leave_the_process_serving() {
    let (microsoft, folder) = (support::microsoft(3).await, Folder::new());
    let environment = environment(&microsoft, &folder.url());
    let mut process = Process::without_readers(&environment).await;

    for _ in 0..100 {
        // Each is logged.
        problem(&within(http::envelope(process.port, QUEUE, "hello")).await, 400);
    }
    let message = delivery(&job("defender.devices"), 1);
    let ran = within(http::envelope(process.port, QUEUE, &message)).await;

    assert!(matches!(
        Function::read(QUEUE).judge(&ran),
        support::fake_host::Verdict::Success(accepted) if accepted.logs[0].contains("3 records")
    ));
    assert_eq!(within(http::get(process.port, "/")).await.status, 200);
    assert!(!process.has_ended());
}
