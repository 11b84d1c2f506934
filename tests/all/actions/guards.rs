//! What refuses an action before Microsoft is asked for it.

use super::*;
use std::collections::BTreeSet;

/// Asks, and expects to be refused without Microsoft being asked to act; gives the answer.
async fn refused(world: &World, device: &str, verb: &str, body: Value) -> (u16, String) {
    let before = asked_to_act(&world.microsoft);
    let files = world.audit().await.len();
    let key = format!("{device}-{verb}-{files}");
    let reply = world.ask(device, verb, &key, body).await;

    assert_eq!(asked_to_act(&world.microsoft), before, "{device} {verb}: {}", reply.body);
    let audit = world.audit().await;
    assert_eq!(audit.len(), files + 1, "every refusal is written down: {}", reply.body);
    let newest = audit.last().unwrap();
    assert_eq!(newest["outcome"], "refused", "{newest}");
    assert_eq!(newest["workspace"], "sent", "{newest}");
    let detail = json_of(&reply)["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(newest["id"].as_str().unwrap()), "{detail}");
    assert_eq!(reply.content_type, "application/problem+json");
    (reply.status, detail)
}

#[tokio::test]
async fn nothing_is_possible_where_the_setting_says_nothing() {
    let world = World::of(Policy::default()).await;
    let id = world.id(world.fit(0));

    for verb in ["isolate", "release", "scan"] {
        let (status, detail) = refused(&world, &id, verb, reason()).await;
        assert_eq!(status, 403, "{detail}");
        assert!(detail.contains("POSTURE_ACTIONS"), "{detail}");
    }
    let path = "/api/response/controls/InventedMFARegistration";
    let control = call(&world.app, "PATCH", path, "", "k", reason()).await;

    assert_eq!(control.status, 403, "{}", control.body);
    let asked = world.microsoft.requests();
    let is_asked = |seen: &simulator::Seen| matches!(seen.api, Api::Defender | Api::Graph);
    assert!(!asked.iter().any(is_asked), "nobody is asked anything");
}

#[tokio::test]
async fn only_what_the_setting_names_is_possible() {
    let allowed = BTreeSet::from([Action::Scan]);
    let world = World::of(Policy { allowed, deny: Deny::default(), caps: Caps::default() }).await;
    let id = world.id(world.fit(0));

    assert_eq!(refused(&world, &id, "isolate", reason()).await.0, 403);
    assert_eq!(world.ask(&id, "scan", "k", reason()).await.status, 200);
    let kinds: Vec<_> = world.acted().iter().map(|one| one.kind).collect();
    assert_eq!(kinds, ["RunAntiVirusScan"]);
}

#[tokio::test]
async fn without_an_identity_apart_actions_are_off_with_the_reason() {
    let mut world = World::of(policy()).await;
    let way = way(&world.microsoft);
    let Roster::Fixed(present) = &mut world.app.roster else { unreachable!() };
    let tenant = &mut Arc::get_mut(present).unwrap().tenants[0];
    let nobody = Err("no identity was named in this test".to_owned());
    *tenant = Arc::new((**tenant).clone().acting_as(policy(), nobody, &way));

    let (status, detail) = refused(&world, &world.id(0), "isolate", reason()).await;

    assert_eq!(status, 403);
    assert!(detail.contains("no identity was named in this test"), "{detail}");
}

#[tokio::test]
async fn a_device_that_is_unfit_or_denied_is_refused_before_defender_is_asked() {
    let mut world = World::new().await;
    let number = world.fit(0);
    let id = world.id(number);
    let deny =
        ["tag:vip", "group:Tier 0", "name:srv-*", "role:domain-controller", "criticality:low"];
    let way = way(&world.microsoft);
    let identity = Ok(acting(&world.microsoft, &support::tenant(0)));
    let Roster::Fixed(present) = &mut world.app.roster else { unreachable!() };
    let tenant = &mut Arc::get_mut(present).unwrap().tenants[0];
    let policy = Policy { deny: Deny::read(deny).unwrap(), ..policy() };
    *tenant = Arc::new((**tenant).clone().acting_as(policy, identity, &way));
    let plain = json!({ "machineTags": [], "rbacGroupName": null,
        "computerDnsName": "pc-17.contoso.example", "onboardingStatus": "Onboarded" });

    for (fields, expected) in [
        (json!({ "onboardingStatus": "CanBeOnboarded" }), "isn't onboarded"),
        (json!({ "onboardingStatus": "InsufficientInfo" }), "isn't onboarded"),
        (json!({ "onboardingStatus": "Unsupported" }), "doesn't support"),
        (json!({ "osPlatform": "Android" }), "isn't possible on Android"),
        (json!({ "mergedIntoMachineId": "1".repeat(40) }), "has become another one"),
        (json!({ "machineTags": ["pilot", "VIP"] }), "tag:vip"),
        (json!({ "rbacGroupName": "Tier 0" }), "group:Tier 0"),
        (json!({ "computerDnsName": "SRV-1.contoso.example" }), "name:srv-*"),
    ] {
        let mut all = plain.clone();
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        world.alter(number, all);
        for verb in ["isolate", "scan", "release"] {
            let (status, detail) = refused(&world, &id, verb, reason()).await;
            assert!([403, 409].contains(&status) && detail.contains(expected), "{detail}");
        }
    }
    // In the simulated tenant every fourth asset is critical, and a domain controller.
    world.alter(1, plain.clone());
    let (status, detail) = refused(&world, &world.id(1), "isolate", reason()).await;
    assert!(status == 403 && detail.contains("role:domain-controller"), "{detail}");
    world.alter(number, plain);
    assert_eq!(world.ask(&id, "isolate", "fit", reason()).await.status, 200);
}

#[tokio::test]
async fn unknown_and_stale_criticality_refuse() {
    let mut world = World::of(policy()).await;
    let id = world.id(world.fit(0));

    let (unknown, why) = refused(&world, &id, "isolate", reason()).await;
    assert!(unknown == 409 && why.contains("never been collected"), "{why}");

    assert!(run(&world.app, &job(&world.app, ASSET_CRITICALITY)).await.status == Status::Complete);
    world.app.clock = || {
        let now = posture::app::clock();
        now + jiff::SignedDuration::from_hours(49)
    };
    let (stale, why) = refused(&world, &id, "scan", reason()).await;
    assert!(stale == 409 && why.contains("49 h old"), "{why}");
}

#[tokio::test]
async fn only_an_exact_match_is_acted_on() {
    let world = World::new().await;
    let (one, other) = (world.fit(0), world.fit(1));
    world.alter(one, json!({ "computerDnsName": "desk-1.contoso.example" }));
    world.alter(other, json!({ "computerDnsName": "desk-1.fabrikam.example" }));

    let (ambiguous, why) = refused(&world, "desk-1", "isolate", reason()).await;
    assert!(ambiguous == 409 && why.contains(&world.id(one)) && why.contains(&world.id(other)));
    for unknown in ["desk", "desk-11", &"0".repeat(40), "11111111-0000-4000-8000-000000000000"] {
        assert_eq!(refused(&world, unknown, "isolate", reason()).await.0, 404, "{unknown}");
    }
    let whole = world.ask("DESK-1.contoso.example", "scan", "a", reason()).await;
    assert_eq!(whole.status, 200, "{}", whole.body);
    let entra = "aaaaaaaa-0000-4000-8000-000000000017";
    world.alter(other, json!({ "aadDeviceId": entra }));
    let by_entra = world.ask(entra, "scan", "b", reason()).await;
    assert_eq!(by_entra.status, 200, "{}", by_entra.body);
    let machines: Vec<_> = world.acted().into_iter().map(|acted| acted.machine).collect();
    assert_eq!(machines, [world.id(one), world.id(other)]);
}

#[tokio::test]
async fn hostile_ids_reach_nobody() {
    let world = World::new().await;
    let before = world.microsoft.requests().iter().filter(|seen| seen.api != Api::Logs).count();

    for hostile in [
        "x'%20or%201%20eq%201",
        "a%3Fb",
        "%25",
        "a'b",
        "startswith(x)",
        "-x",
        "a%20b",
        "%F0%9F%98%80",
    ] {
        let (status, _) = refused(&world, hostile, "isolate", reason()).await;
        assert_eq!(status, 400, "{hostile}");
    }
    let seen = world.microsoft.requests();
    assert_eq!(seen.iter().filter(|seen| seen.api != Api::Logs).count(), before);
}

#[tokio::test]
async fn a_body_that_is_not_in_order_reaches_nobody() {
    let world = World::new().await;
    let before = world.microsoft.requests().iter().filter(|seen| seen.api != Api::Logs).count();
    let id = world.id(world.fit(0));

    for body in [
        Value::Null,
        json!([]),
        json!({}),
        json!({ "reason": "" }),
        json!({ "reason": 7 }),
        json!({ "reason": "a\nb" }),
        json!({ "reason": "x".repeat(2_000) }),
        json!({ "reason": "x", "dryrun": true }),
        json!({ "reason": "x", "isolationType": "full" }),
        json!({ "reason": "x", "isolationType": "UnManagedDevice" }),
        json!({ "reason": "x", "idempotencyKey": "another" }),
    ] {
        assert_eq!(refused(&world, &id, "isolate", body.clone()).await.0, 400, "{body}");
    }
    let without_key = world.ask(&id, "isolate", "", reason()).await;
    assert!(without_key.status == 400 && without_key.body.contains("Idempotency-Key"));
    let path = format!("/api/response/devices/{id}/isolate");
    let long_wait = call(&world.app, "POST", &path, "wait=91", "k", reason()).await;
    assert_eq!(long_wait.status, 400);
    let seen = world.microsoft.requests();
    assert_eq!(seen.iter().filter(|seen| seen.api != Api::Logs).count(), before);
}

#[tokio::test]
async fn a_control_of_defender_is_refused_and_an_unknown_one_too() {
    let world = World::new().await;
    let body = || json!({ "state": "Ignored", "comment": "Accepted until May" });
    let patch = |id: &'static str| {
        let path = format!("/api/response/controls/{id}");
        let app = &world.app;
        async move { call(app, "PATCH", &path, "", id, body()).await }
    };

    let defenders = patch("scid_2007").await;
    let unknown = patch("invented_control_9999").await;
    let hostile = patch("..%3F").await;

    assert!(defenders.status == 409 && defenders.body.contains("Defender portal"));
    assert_eq!((unknown.status, hostile.status), (404, 400));
    assert_eq!(asked_to_act(&world.microsoft), 0);
    assert_eq!(world.audit().await.len(), 3);
}

#[tokio::test]
async fn the_hours_number_is_kept_to_by_racing_processes() {
    let caps = Caps::read("isolate=3").unwrap();
    let policy = Policy { caps, deny: Deny::default(), ..policy() };
    let world = World::of(policy.clone()).await;
    let apps: Vec<_> =
        (0..4).map(|_| app(&world.microsoft, world.folder.ledger(), &policy)).collect();
    let ids: Vec<_> = (0..8).map(|number| world.id(world.fit(number))).collect();

    let calls = ids.iter().enumerate().map(|(index, id)| {
        let path = format!("/api/response/devices/{id}/isolate");
        let app = &apps[index % apps.len()];
        async move { call(app, "POST", &path, "", &format!("race-{index}"), reason()).await }
    });
    let replies = futures::future::join_all(calls).await;

    let count = |status| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((count(202), count(429)), (3, 5), "{replies:?}");
    assert_eq!(world.acted().len(), 3);
    let full = replies.iter().find(|reply| reply.status == 429).unwrap();
    let wait: u64 = header(full, "retry-after").unwrap().parse().unwrap();
    assert!((3_500..=3_601).contains(&wait), "{wait}");
    assert_eq!(world.audit().await.len(), 8);
}

#[tokio::test]
async fn a_dry_run_is_written_down_and_asks_for_nothing() {
    let caps = Caps::read("isolate=1").unwrap();
    let world = World::of(Policy { caps, deny: Deny::default(), ..policy() }).await;
    let id = world.id(world.fit(0));

    for number in 0..3 {
        let body = json!({ "reason": "Would it?", "dryRun": true });
        let reply = world.ask(&id, "isolate", "", body).await;
        assert_eq!((reply.status, &json_of(&reply)["outcome"]), (200, &json!("possible")));
        let path = format!("/api/response/devices/{id}/scan");
        let by_query = call(&world.app, "POST", &path, "dryRun=true", "", reason()).await;
        assert_eq!(by_query.status, 200, "{number}: {}", by_query.body);
    }
    assert_eq!(
        refused(&world, "nobody", "isolate", json!({ "reason": "x", "dryRun": true })).await.0,
        404
    );

    assert_eq!(asked_to_act(&world.microsoft), 0);
    let audit = world.audit().await;
    assert_eq!(audit.len(), 7);
    assert!(audit.iter().all(|one| one["dryRun"] == true || one["action"] == "scan"), "{audit:?}");
    assert_eq!(world.ask(&id, "isolate", "k", reason()).await.status, 200, "none was counted");
}

#[tokio::test]
async fn a_dry_run_names_the_role_that_is_missing() {
    let mut options = simulator::Options::new(tenants(), posture::describe::tables_json());
    options.limits = false;
    let microsoft = support::start(options).await;
    microsoft.let_act(&support::tenant(0).id, &["Machine.Scan"]);
    let folder = Folder::new();
    let policy = Policy { deny: Deny::default(), ..policy() };
    let world = World { app: app(&microsoft, folder.ledger(), &policy), microsoft, folder };
    let id = world.id(world.fit(0));
    let dry = || json!({ "reason": "Would it?", "dryRun": true });

    assert_eq!(world.ask(&id, "scan", "", dry()).await.status, 200);
    let (status, why) = refused(&world, &id, "isolate", dry()).await;

    assert_eq!(status, 502);
    assert!(
        why.contains("grant the app role Machine.Isolate to the identity for actions"),
        "{why}"
    );
    let earnest = world.ask(&id, "isolate", "k", reason()).await;
    assert!(earnest.status == 502 && earnest.body.contains("Machine.Isolate"), "{}", earnest.body);
    assert!(world.acted().is_empty());
}
