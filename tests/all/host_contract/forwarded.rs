//! A caller's request as the host passes it on: forwarded (the caller's `Host`, the ids appended) or
//! proxied (the handler's `Host`, the caller's in `X-Forwarded-Host`).

use super::{Deployment, HTTP, QUEUE, TIMER, problem, within};
use crate::support::http::{self, Reply};
use posture::source::SECURE_SCORES;
use serde_json::json;

const ID: &str = "83a33220-a921-460a-bec0-b3f043dcf1ff";

/// What a forwarding host sends.
fn forwarded(method: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: app.example\r\nAccept: text/plain\r\n\
         X-Azure-Functions-InvocationId: {ID}\r\nX-Azure-Functions-HostVersion: 4.1037.0.0\r\n\
         User-Agent: curl/8.5.0 Azure-Functions-Host/4.1037.0.0\r\n\
         x-ms-client-principal-name: someone@app.example\r\nx-functions-key: sesame\r\n\
         traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// What a proxying host sends: the body chunked.
fn proxied(port: u16, method: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let chunk = if body.is_empty() { String::new() } else { format!("{length:x}\r\n{body}\r\n") };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Forwarded-For: 192.0.2.1\r\n\
         X-Forwarded-Host: app.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Prefix: \r\n\
         X-Azure-Functions-InvocationId: {ID}\r\nX-Azure-Functions-HostVersion: 4.1037.0.0\r\n\
         x-ms-invocation-id: {ID}\r\nUser-Agent: curl/8.5.0\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunk}0\r\n\r\n"
    )
    .into_bytes()
}

impl Deployment {
    async fn sends(&self, request: &[u8]) -> Reply {
        within(http::raw(self.service.port, request)).await.unwrap()
    }
}

/// The answer without its moments.
fn shape(reply: &Reply) -> (u16, Option<String>, Vec<String>) {
    let keys = reply.json().as_object().unwrap().keys().cloned().collect();
    (reply.status, reply.header("content-type").map(str::to_owned), keys)
}

#[tokio::test]
async fn pair_28_a_forwarded_request_is_answered_as_it_stands() {
    let deployment = Deployment::start(1).await;
    let unknown = "/api/hello?id=149656222&name=Ink%20And%20Toner";
    let health = "/api/health?id=149656222&name=Ink%20And%20Toner";

    let unknown = deployment.sends(&forwarded("GET", unknown, "")).await;
    let health = deployment.sends(&forwarded("GET", health, "")).await;

    assert!(problem(&unknown, 404).contains("/api/openapi.json"));
    assert_eq!((health.status, health.header("content-type")), (200, Some("application/json")));
    assert!(health.json().is_object());
}

#[tokio::test]
async fn pair_29_an_error_is_the_callers_answer_with_its_body() {
    let deployment = Deployment::start(1).await;
    let tenant = crate::support::tenant(0).id;
    let path = format!("latest/{tenant}/{}.json", SECURE_SCORES.name);
    std::fs::create_dir_all(deployment.folder.path().join(path)).unwrap();

    let reply = deployment.sends(&forwarded("GET", "/api/summary", "")).await;

    assert!(problem(&reply, 503).contains(SECURE_SCORES.name), "{reply:?}");
    deployment.is_alive().await;
}

#[tokio::test]
async fn pair_30_a_spoofed_id_never_reaches_the_log() {
    let deployment = Deployment::start(1).await;
    let port = deployment.service.port;
    let own = format!("InvocationId: {ID}\r\n");

    for spoofed in [
        format!("InvocationId: evil, {ID}\r\n"),
        format!("InvocationId: evil\r\n{}{own}", "X-Azure-Functions-"),
        "InvocationId: evil level=ERROR\r\n".to_owned(),
        "InvocationId: \"evil\"\t\r\n".to_owned(),
    ] {
        for function in [TIMER, QUEUE, "api/summary"] {
            let request = http::envelope_request(port, function, "evil");
            let request = String::from_utf8(request).unwrap().replace(&own, &spoofed);
            let reply = deployment.sends(request.as_bytes()).await;
            assert!((400..500).contains(&reply.status), "{reply:?}");
        }
    }

    deployment.until_logged(ID).await;
    assert!(!deployment.service.log().contains("evil"), "{}", deployment.service.log());
}

#[tokio::test]
async fn pair_31_a_proxied_request_with_repeated_keys_is_answered() {
    let deployment = Deployment::start(1).await;
    let port = deployment.service.port;
    let tenant = crate::support::tenant(0).id;
    let health = format!("/api/health?a=1&a=2&tenant={tenant}&flag");

    let unknown = proxied(port, "POST", "/api/x/y?a=1&a=2", "hello world");
    let unknown = deployment.sends(&unknown).await;
    let health = deployment.sends(&proxied(port, "GET", &health, "")).await;

    problem(&unknown, 404);
    assert_eq!(health.status, 200);
    // No answer of ours names an address of the handler's own, which no caller could open.
    for reply in [unknown, health] {
        assert!(!reply.body.contains(&format!(":{port}")), "{reply:?}");
    }
}

/// Which way the host takes is its version's choice: the caller must not see a difference.
#[tokio::test]
async fn pairs_28_and_31_both_ways_give_the_same_answer() {
    let deployment = Deployment::start(1).await;
    let port = deployment.service.port;
    let tenant = crate::support::tenant(0).id;

    for (method, path) in [
        ("GET", "/api/health".to_owned()),
        ("GET", "/api/summary".to_owned()),
        ("GET", format!("/api/summary?tenant={tenant}")),
        ("GET", "/api/summary?tenant=other".to_owned()),
        ("POST", "/api/summary".to_owned()),
        ("GET", "/api".to_owned()),
        ("GET", "/api/nothing".to_owned()),
    ] {
        let one = deployment.sends(&forwarded(method, &path, "")).await;
        let other = deployment.sends(&proxied(port, method, &path, "")).await;
        assert_eq!(shape(&one), shape(&other), "{method} {path}");
        assert!([200, 404, 405].contains(&one.status), "{one:?}");
    }
}

#[tokio::test]
async fn pair_32_a_large_body_on_a_strange_path_does_no_harm() {
    let deployment = Deployment::start(1).await;
    let body = "x".repeat(1024 * 1024);
    let passwd = ["/api/%2e%2e/%2e%2e/etc/passwd", "/api/..%2f..%2fetc%2fpasswd", "/api/../x"];

    for path in ["/api/a%2fb/%2e%2e/x"].iter().chain(&passwd) {
        let reply = deployment.sends(&forwarded("POST", path, &body)).await;
        assert!(problem(&reply, 404).contains("no such route"), "{path}");
    }
    let odd = deployment.sends(&forwarded("GET", "/api/summary?tenant=%00%ff%2e%2e%2f", "")).await;
    assert_eq!(problem(&odd, 404), "no such tenant in this deployment");
    deployment.is_alive().await;
}

#[tokio::test]
async fn pair_32_a_body_over_our_own_limit_is_refused() {
    let deployment = Deployment::start(1).await;
    let port = deployment.service.port;
    let body = "x".repeat(4 * 1024 * 1024 + 1);

    let with_length = deployment.sends(&forwarded("POST", "/api/summary", &body)).await;
    let chunked = deployment.sends(&proxied(port, "POST", "/api/summary", &body)).await;

    for reply in [with_length, chunked] {
        problem(&reply, 413);
    }
    deployment.is_alive().await;
}

#[tokio::test]
async fn pair_23_an_unknown_function_is_not_found() {
    let deployment = Deployment::start(1).await;

    for path in ["Unknown", "Function_Timer", "function_timer/x", "functions", ""] {
        let reply = deployment.post(path, r#"{"Data":{},"Metadata":{}}"#).await;
        assert_eq!(problem(&reply, 404), "no such function", "{path}");
    }
    deployment.until_logged("A call is refused: this release has no such function").await;
    let reply = within(deployment.service.get("/function_timer")).await;
    assert_eq!(problem(&reply, 404), "no such route");
}

/// A key in the query or a header is the caller's secret.
#[tokio::test]
async fn keys_of_callers_are_never_logged_or_answered() {
    let deployment = Deployment::start(1).await;

    for path in ["/api/summary", "/api/health", "/api/nothing"] {
        let query = json!({ "code": "sesame" });
        let url = format!("https://app.example{path}?code=sesame");
        let request = json!({ "Url": url, "Method": "GET", "Query": query });
        let envelope = json!({ "Data": { "request": request }, "Metadata": {} }).to_string();
        let direct = forwarded("GET", &format!("{path}?code=sesame"), "");
        for reply in [deployment.sends(&direct).await, deployment.post(HTTP, &envelope).await] {
            assert!(!reply.body.contains("sesame"), "{reply:?}");
        }
    }

    assert!(!deployment.service.log().contains("sesame"), "{}", deployment.service.log());
}
