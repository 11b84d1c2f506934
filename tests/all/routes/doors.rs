//! Who may call: the host asks each function for a key of its own, and the handler asks callers by identity
//! who they are.

use super::signed_in;
use crate::support::http::{self, Reply};
use crate::support::service::{Service, environment};
use crate::support::{self, Folder};
use posture::routes::{Door, all};
use serde_json::{Value, json};
use simulator::Options;

const HOME: &str = "aaaaaaaa-0000-4000-8000-000000000000";
const PLAYBOOK: &str = "bbbbbbbb-0000-4000-8000-000000000001";
const PORTAL: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const STRANGER: &str = "bbbbbbbb-0000-4000-8000-000000000003";

/// What a function of the folder says of itself: its route as the host takes it, and who may call.
fn function(name: &str) -> (String, String, Vec<String>) {
    let text = std::fs::read_to_string(format!("{name}/function.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let trigger = &json["bindings"][0];
    let methods = trigger["methods"].as_array().unwrap();
    let methods = methods.iter().map(|one| one.as_str().unwrap().to_uppercase()).collect();
    let text = |field: &str| trigger[field].as_str().unwrap().to_owned();
    (text("route"), text("authLevel"), methods)
}

/// The function that the host calls for a path: the first that fits, by the names' alphabetical order.
fn called(path: &str) -> &'static str {
    let functions = ["function_action", "function_caller", "function_http"];
    let fits = |name: &&&str| {
        let route = function(name).0;
        let prefix = route.strip_suffix("{*path}").unwrap();
        path.to_lowercase().starts_with(prefix)
    };
    functions.iter().find(fits).unwrap()
}

#[test]
fn every_route_leads_through_the_hosts_order_to_the_function_of_its_door() {
    for route in all() {
        let door = match route.door() {
            Door::Action => "function_action",
            _ => "function_http",
        };
        assert_eq!(called(route.path), door, "{}", route.path);
        assert!(function(door).2.contains(&route.method.to_owned()), "{} {door}", route.method);
        if route.door() == Door::Read {
            let methods = function("function_caller").2;
            assert_eq!(called(&format!("caller/{}", route.path)), "function_caller");
            assert!(methods.contains(&route.method.to_owned()), "{}", route.path);
        }
    }
    let levels = ["function_action", "function_caller", "function_http"].map(|one| function(one).1);
    assert_eq!(levels, ["function", "anonymous", "function"]);
}

/// Two customers: both admit the portal, the first one a playbook too.
struct Provider {
    service: Service,
    tenants: Vec<simulator::Tenant>,
    _folder: Folder,
    _microsoft: simulator::Simulator,
}

impl Provider {
    async fn start(authentication: &str, callers: bool) -> Provider {
        let tenants = vec![support::tenant(2), simulator::Tenant::new(2, "Fabrikam", 2)];
        let options = Options::new(tenants.clone(), posture::describe::tables_json());
        let (microsoft, folder) = (support::start(options).await, Folder::new());
        let mut environment = environment(&microsoft, &folder.url());
        environment.retain(|(name, _)| {
            ![
                "POSTURE_TENANT_ID",
                "POSTURE_TENANT_NAME",
                "POSTURE_CLIENT_ID",
                "POSTURE_CLIENT_SECRET",
            ]
            .contains(&name.as_str())
        });
        let entry = |(index, tenant): (usize, &simulator::Tenant)| {
            let caller = |object: &str| json!({ "tenant": HOME, "object": object });
            let mut own = vec![caller(PORTAL)];
            own.extend((index == 0).then(|| caller(PLAYBOOK)));
            let own = if callers { own } else { Vec::new() };
            json!({ "id": tenant.id, "name": tenant.name, "callers": own })
        };
        let list: Vec<_> = tenants.iter().enumerate().map(entry).collect();
        let path = folder.path().join("tenants.json");
        std::fs::write(&path, json!({ "tenants": list }).to_string()).unwrap();
        environment.push(("POSTURE_TENANTS".to_owned(), "tenants.json".to_owned()));
        environment.push(("WEBSITE_AUTH_ENABLED".to_owned(), authentication.to_owned()));
        let service = Service::start(&environment).await;
        Provider { service, tenants, _folder: folder, _microsoft: microsoft }
    }

    async fn asks(&self, path: &str, headers: &str) -> Reply {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        http::raw(self.service.port, request.as_bytes()).await.unwrap()
    }
}

#[tokio::test]
async fn a_caller_by_identity_sees_its_own_tenants_and_no_other() {
    let provider = Provider::start("True", true).await;
    let [first, second] = [&provider.tenants[0].id, &provider.tenants[1].id];
    let playbook = signed_in(HOME, PLAYBOOK);

    let own = provider.asks("/api/caller/summary", &playbook).await;
    let named = provider.asks(&format!("/api/caller/summary?tenant={first}"), &playbook).await;
    let other = provider.asks(&format!("/api/caller/summary?tenant={second}"), &playbook).await;
    let nobodys = provider.asks(&format!("/api/caller/summary?tenant={HOME}"), &playbook).await;
    let both = provider.asks("/api/caller/summary", &signed_in(HOME, PORTAL)).await;
    let health = provider.asks("/api/caller/health", &playbook).await;

    assert_eq!((own.status, named.status), (200, 200), "{}", own.body);
    assert_eq!(own.json()["tenant"]["id"], first.as_str());
    assert_eq!((other.status, &other.body), (404, &nobodys.body), "as one that isn't there");
    assert_eq!((both.status, both.json()["choices"].as_array().unwrap().len()), (400, 2));
    assert_eq!(health.json()["tenants"].as_array().unwrap().len(), 1, "{}", health.body);
    assert!(!health.body.contains(second.as_str()) && !health.body.contains("Fabrikam"));
}

#[tokio::test]
async fn who_is_not_told_by_the_platform_is_nobody() {
    let provider = Provider::start("True", true).await;
    let stranger = signed_in(HOME, STRANGER);
    let elsewhere = signed_in(&provider.tenants[0].id, PLAYBOOK);
    let twice = format!("{}{}", signed_in(HOME, PLAYBOOK), signed_in(HOME, PORTAL));
    let torn = signed_in(HOME, PLAYBOOK).replace("X-MS-CLIENT-PRINCIPAL:", "X-Other:");

    for (headers, status) in
        [(String::new(), 401), (stranger, 403), (elsewhere, 403), (twice, 401), (torn, 401)]
    {
        let reply = provider.asks("/api/caller/summary", &headers).await;
        assert_eq!(reply.status, status, "{headers} {}", reply.body);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    }
}

#[tokio::test]
async fn without_the_platforms_authentication_or_without_callers_nobody_is_let_in() {
    for (authentication, callers, says) in [
        ("False", true, "App Service authentication"),
        ("", true, "App Service authentication"),
        ("True", false, "POSTURE_CALLERS"),
    ] {
        let provider = Provider::start(authentication, callers).await;
        for path in ["/api/caller/summary", "/api/caller/health", "/api/caller/openapi.json"] {
            let reply = provider.asks(path, &signed_in(HOME, PLAYBOOK)).await;
            assert_eq!(reply.status, 401, "{path}: {}", reply.body);
            assert!(reply.body.contains(says), "{}", reply.body);
        }
        assert_eq!(provider.asks("/api/health", "").await.status, 200, "by key it is open");
    }
}

#[tokio::test]
async fn no_key_but_its_own_leads_to_a_response_action() {
    let provider = Provider::start("True", true).await;
    let url = |path: &str| format!("https://app.example{path}");
    let envelope = |path: &str, method: &str| {
        json!({ "Data": { "request": { "Url": url(path), "Method": method, "Query": {},
            "Headers": {}, "Body": "{}" } }, "Metadata": {} })
    };
    let act = "/api/response/devices/0123456789abcdef0123456789abcdef01234567/isolate";
    let through = async |function: &str, path: &str| {
        let reply = provider.service.post(function, &envelope(path, "POST").to_string()).await;
        reply.json()["Outputs"]["response"]["statusCode"].as_u64().unwrap()
    };

    assert_eq!(through("function_http", act).await, 404);
    assert_eq!(through("function_caller", act).await, 404);
    assert_eq!(through("function_action", "/api/summary").await, 404);
    assert_eq!(through("function_http", "/api/caller/summary").await, 404);
    for path in [act.replace("response", "%72esponse"), act.replace("response", "%2572esponse")] {
        let framing = "Host: x\r\nContent-Length: 2\r\nConnection: close";
        let request = format!("POST {path} HTTP/1.1\r\n{framing}\r\n\r\n{{}}");
        let reply = http::raw(provider.service.port, request.as_bytes()).await.unwrap();
        assert_eq!(reply.status, 404, "{path}");
    }
    let by_identity = act.replace("/api/", "/api/caller/");
    let reply = provider.asks(&by_identity, &signed_in(HOME, PORTAL)).await;
    assert_eq!(reply.status, 404, "{}", reply.body);
}
