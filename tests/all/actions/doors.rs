//! Whose key leads where, and that no tenant's identity acts in another.

use super::*;
use crate::support::fake_host::{Function, Verdict};
use crate::support::service::{Service, environment};
use posture::routes::Door;

/// The route template of a function, without the catch-all's name.
fn prefix(function: &Function) -> Option<String> {
    let trigger = function.triggers()[0].clone();
    if trigger["type"] != "httpTrigger" {
        return None;
    }
    let route = trigger["route"].as_str().unwrap().to_owned();
    Some(route.strip_suffix("{*path}").unwrap().to_owned())
}

/// The function that the host calls for a path below `/api/`: the first of its order whose template fits.
fn function_of(path: &str, method: &str) -> Option<String> {
    Function::all().into_iter().find_map(|function| {
        let prefix = prefix(&function)?;
        let head = path.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(&prefix));
        let methods = function.triggers()[0]["methods"].as_array().unwrap().clone();
        let takes =
            methods.iter().any(|known| known.as_str().unwrap().eq_ignore_ascii_case(method));
        (head && takes).then(|| function.name.clone())
    })
}

#[test]
fn every_route_resolves_to_the_function_of_its_door_in_the_hosts_order() {
    let mut acts = 0;
    for route in routes::all() {
        let path = route.path.replace(['{', '}'], "");
        let expected = match route.door() {
            Door::Action => "function_action",
            _ => "function_http",
        };
        acts += usize::from(route.door() == Door::Action);
        let of = function_of(&path, route.method);
        assert_eq!(of.as_deref(), Some(expected), "{} {path}", route.method);
        let is_read = route.door() == Door::Read;
        let by_caller = function_of(&format!("caller/{path}"), route.method);
        let takes_method = route.method != "PATCH";
        assert_eq!(by_caller.as_deref(), takes_method.then_some("function_caller"), "{path}");
        let (door, _) = Door::of(&format!("/api/caller/{path}")).unwrap();
        assert_eq!(door.leads_to(route.door()), is_read, "{path}");
    }
    assert_eq!(acts, 6);
    let order: Vec<_> = Function::all().iter().filter_map(prefix).collect();
    assert_eq!(order, ["response/", "caller/", ""], "the catch-all comes last");
    let action = Function::read("function_action");
    assert_eq!(action.triggers()[0]["authLevel"], "function", "its own key");
}

#[tokio::test]
async fn no_read_key_leads_to_an_action() {
    let world = World::new().await;
    let id = world.id(world.fit(0));
    let tenant = support::tenant(0).id;

    for path in [
        format!("/api/devices/{id}/isolate"),
        format!("/api/caller/response/devices/{id}/isolate"),
        format!("/api/%72esponse/devices/{id}/isolate"),
        format!("/api//response/devices/{id}/isolate"),
        format!("/api/x/../response/devices/{id}/isolate"),
    ] {
        let reply = call(&world.app, "POST", &path, "", "k", reason()).await;
        assert!([401, 404, 405].contains(&reply.status), "{path}: {}", reply.status);
    }
    let folder = Folder::new();
    let service = Service::start(&environment(&world.microsoft, &folder.url())).await;
    let envelope = |url: String| {
        json!({ "Data": { "request": { "Url": url, "Method": "POST", "Query": {},
            "Headers": { "Idempotency-Key": ["k"] }, "Body": reason().to_string() } } })
        .to_string()
    };
    for function in ["function_http", "function_caller"] {
        let url = format!("https://x.example/api/response/devices/{id}/isolate");
        let reply = service.post(function, &envelope(url)).await;
        let Verdict::Success(accepted) = Function::read(function).judge(&reply) else {
            panic!("{}", reply.body)
        };
        assert_eq!(accepted.http.unwrap().status, 404, "{function} {tenant}");
    }
    assert_eq!(asked_to_act(&world.microsoft), 0);
    let ledger = folder.ledger();
    assert!(ledger.list("audit/").await.unwrap().is_empty(), "no attempt, nothing to write down");
}

#[tokio::test]
async fn the_action_door_answers_reads_of_actions_only() {
    let world = World::new().await;
    let missing = call(&world.app, "GET", "/api/response/summary", "", "", Value::Null).await;
    let wrong_method =
        call(&world.app, "GET", "/api/response/devices/x/isolate", "", "", Value::Null);
    let wrong_method = wrong_method.await;

    assert_eq!((missing.status, wrong_method.status), (404, 405));
}

#[tokio::test]
async fn an_identity_of_another_tenant_never_acts_here() {
    let mut world = World::of(Policy { deny: Deny::default(), ..policy() }).await;
    let (one, two) = (&tenants()[0], &tenants()[1]);
    let way = way(&world.microsoft);
    let theirs = Ok(acting(&world.microsoft, one));
    let Roster::Fixed(present) = &mut world.app.roster else { unreachable!() };
    let tenant = &mut Arc::get_mut(present).unwrap().tenants[1];
    let own = Policy { deny: Deny::default(), ..policy() };
    *tenant = Arc::new((**tenant).clone().acting_as(own, theirs, &way));
    world.microsoft.alter_device(&two.id, 0, json!({ "onboardingStatus": "Onboarded" }));
    let device = world.microsoft.device(&two.id, 0)["id"].as_str().unwrap().to_owned();

    let path = format!("/api/response/devices/{device}/isolate");
    let crossed =
        call(&world.app, "POST", &path, &format!("tenant={}", two.id), "k", reason()).await;
    let not_here = call(&world.app, "POST", &path, "", "k", reason()).await;

    assert_eq!(crossed.status, 403, "{}", crossed.body);
    assert!(crossed.body.contains("signs in to another tenant"), "{}", crossed.body);
    assert_eq!(not_here.status, 404, "a device of another tenant isn't known: {}", not_here.body);
    assert_eq!(asked_to_act(&world.microsoft), 0);
}

#[tokio::test]
async fn an_attempt_is_seen_in_its_own_tenant_only() {
    let world = World::new().await;
    let reply = world.ask(&world.id(world.fit(0)), "scan", "k", reason()).await;
    let id = json_of(&reply)["id"].as_str().unwrap().to_owned();
    let path = format!("/api/response/actions/{id}");

    let here = call(&world.app, "GET", &path, "", "", Value::Null).await;
    let there = format!("tenant={}", tenants()[1].id);
    let there = call(&world.app, "GET", &path, &there, "", Value::Null).await;
    let unnamed = call(&world.app, "GET", &path, "tenant=", "", Value::Null).await;

    assert_eq!((here.status, there.status, unnamed.status), (200, 404, 400));
    for hostile in ["x", "..", "20261126T050000Z-%2e%2e", "20261126T050000Z-00aa11bb22cc33dd"] {
        let path = format!("/api/response/actions/{hostile}");
        let reply = call(&world.app, "GET", &path, "", "", Value::Null).await;
        assert_eq!(reply.status, 404, "{hostile}");
    }
}
