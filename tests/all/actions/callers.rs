//! Response actions by identity: who may ask, where, and what is written down of it.

use super::*;
use crate::routes::signed_in;
use posture::tenant::Caller;

const HOME: &str = "aaaaaaaa-0000-4000-8000-000000000000";
const PLAYBOOK: &str = "bbbbbbbb-0000-4000-8000-000000000001";
const READER: &str = "bbbbbbbb-0000-4000-8000-000000000002";

/// A world whose first tenant lets the playbook act, and whose tenants both let the reader read.
async fn world() -> World {
    let mut world = World::new().await;
    world.app.authenticates = true;
    let caller = |object: &str| format!("{HOME}/{object}").parse::<Caller>().unwrap();
    let Roster::Fixed(present) = &mut world.app.roster else { unreachable!() };
    let tenants = &mut Arc::get_mut(present).unwrap().tenants;
    for (index, tenant) in tenants.iter_mut().enumerate() {
        let mut own = (**tenant).clone();
        own.callers = vec![caller(READER)];
        own.action_callers = if index == 0 { vec![caller(PLAYBOOK)] } else { Vec::new() };
        *tenant = Arc::new(own);
    }
    world
}

/// Headers as the platform sets them for an identity, with a key for the decision.
fn headers(object: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("idempotency-key", "incident-1".parse().unwrap());
    for line in signed_in(HOME, object).lines() {
        let (name, value) = line.split_once(':').unwrap();
        let name: warp::http::HeaderName = name.parse().unwrap();
        headers.insert(name, value.trim().parse().unwrap());
    }
    headers
}

async fn by(world: &World, object: &str, method: &str, path: &str, query: &str) -> Reply {
    let body = if method == "POST" { reason() } else { Value::Null };
    call_with(&world.app, method, path, query, headers(object), body).await
}

#[tokio::test]
async fn an_identity_that_may_act_acts_in_its_own_tenants_and_is_written_down() {
    let world = world().await;
    let id = world.id(world.fit(0));
    let path = format!("/api/caller/response/devices/{id}/scan");

    let asked = by(&world, PLAYBOOK, "POST", &path, "").await;
    let location = header(&asked, "location").unwrap().to_owned();
    let (seen, query) = location.split_once('?').unwrap();
    let looked = by(&world, PLAYBOOK, "GET", seen, query).await;
    let elsewhere = format!("tenant={}", tenants()[1].id);
    let elsewhere = by(&world, PLAYBOOK, "POST", &path, &elsewhere).await;
    let reads = by(&world, PLAYBOOK, "GET", "/api/caller/summary", "").await;

    assert_eq!((asked.status, looked.status), (202, 200), "{} {}", asked.body, looked.body);
    assert!(seen.starts_with("/api/caller/response/actions/"), "{location}");
    assert_eq!(elsewhere.status, 404, "{}", elsewhere.body);
    assert_eq!(reads.status, 403, "who may act may not read by that: {}", reads.body);
    assert_eq!(world.audit().await[0]["caller"], format!("{HOME}/{PLAYBOOK}"));
    assert_eq!(world.acted().len(), 1);
}

#[tokio::test]
async fn for_whoever_may_only_read_there_are_no_actions() {
    let mut world = world().await;
    let id = world.id(world.fit(0));
    let path = format!("/api/caller/response/devices/{id}/scan");

    let reader = by(&world, READER, "POST", &path, "").await;
    let list = by(&world, READER, "GET", "/api/caller/response/actions", "").await;
    world.app.authenticates = false;
    let unchecked = by(&world, PLAYBOOK, "POST", &path, "").await;

    assert_eq!((reader.status, list.status, unchecked.status), (404, 404, 404));
    assert_eq!((world.acted().len(), world.audit().await.len()), (0, 0));
}

#[tokio::test]
async fn a_problem_is_plain_json_for_whoever_takes_nothing_else() {
    let world = world().await;
    let path = "/api/caller/response/devices/no-such-device/scan";
    let plain = async |accept: &str| {
        let mut headers = headers(PLAYBOOK);
        headers.insert("accept", accept.parse().unwrap());
        call_with(&world.app, "POST", path, "", headers, reason()).await
    };

    let replies = [plain("application/json").await, plain("application/json, */*").await];

    let types = replies.each_ref().map(|reply| (reply.status, reply.content_type));
    assert_eq!(types, [(404, "application/json"), (404, "application/problem+json")]);
    assert!(json_of(&replies[0])["detail"].as_str().unwrap().contains("attempt"));
}
