//! Idempotency: the same key never acts twice.

use super::*;

#[tokio::test]
async fn the_same_key_acts_once_and_is_answered_with_the_first_attempt() {
    let world = World::new().await;
    let id = world.id(world.fit(0));

    let first = world.ask(&id, "isolate", "one", reason()).await;
    let again = world.ask(&id, "isolate", "one", json!({ "reason": "Reworded" })).await;
    let in_body = json!({ "reason": "x", "idempotencyKey": "one" });
    let by_body = world.ask(&id, "isolate", "", in_body).await;

    for reply in [&again, &by_body] {
        assert_eq!(json_of(reply)["id"], json_of(&first)["id"], "{}", reply.body);
        assert_eq!(reply.status, 200);
    }
    assert_eq!(world.acted().len(), 1);
    let outcomes: Vec<_> =
        world.audit().await.iter().map(|one| one["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcomes, ["succeeded", "repeated", "repeated"], "each call is written down");
}

#[tokio::test]
async fn a_key_of_another_action_or_target_is_refused() {
    let world = World::new().await;
    let (one, other) = (world.id(world.fit(0)), world.id(world.fit(1)));
    assert_eq!(world.ask(&one, "isolate", "one", reason()).await.status, 200);

    let another_device = world.ask(&other, "isolate", "one", reason()).await;
    let another_action = world.ask(&one, "scan", "one", reason()).await;
    let body = json!({ "reason": "x", "isolationType": "Selective" });
    let another_type = world.ask(&one, "isolate", "one", body).await;

    for reply in [another_device, another_action, another_type] {
        assert!(reply.status == 422 && reply.body.contains("use a new one"), "{}", reply.body);
    }
    assert_eq!(world.acted().len(), 1);
}

#[tokio::test]
async fn of_many_calls_with_one_key_at_once_one_acts() {
    let world = World::new().await;
    let apps: Vec<_> =
        (0..3).map(|_| app(&world.microsoft, world.folder.ledger(), &policy())).collect();
    let path = format!("/api/response/devices/{}/isolate", world.id(world.fit(0)));

    let calls = (0..9).map(|number| call(&apps[number % 3], "POST", &path, "", "one", reason()));
    let replies = futures::future::join_all(calls).await;

    assert_eq!((world.acted().len(), asked_to_act(&world.microsoft)), (1, 1), "{replies:?}");
    let ids: std::collections::BTreeSet<_> = replies
        .iter()
        .filter(|reply| reply.status == 202)
        .map(|reply| json_of(reply)["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 1, "{replies:?}");
}

#[tokio::test]
async fn the_hours_last_one_is_the_keys_own_whoever_took_it() {
    let caps = Caps::read("isolate=1").unwrap();
    let world = World::of(Policy { caps, deny: Deny::default(), ..policy() }).await;
    world.microsoft.set_action_span(std::time::Duration::from_secs(600));
    let path = format!("/api/response/devices/{}/isolate", world.id(world.fit(0)));

    let calls = (0..6).map(|_| call(&world.app, "POST", &path, "", "one", reason()));
    let replies = futures::future::join_all(calls).await;

    assert_eq!(world.acted().len(), 1);
    let known = replies.iter().filter(|reply| reply.status == 202).count();
    let full = replies.iter().filter(|reply| reply.status == 429).count();
    // Between the count and the intent another call may still see the count alone.
    assert!(known >= 1 && known + full == 6, "{replies:?}");
    let again = call(&world.app, "POST", &path, "", "one", reason()).await;
    assert_eq!(again.status, 202, "{}", again.body);
}

/// As after a write of the intent whose answer was lost: it stands there, and its attempt says refused.
#[tokio::test]
async fn an_intent_that_a_refusal_has_left_behind_is_taken_over_once() {
    let world = World::new().await;
    let (id, ledger) = (world.id(world.fit(0)), world.folder.ledger());
    assert_eq!(world.ask("nobody", "isolate", "left", reason()).await.status, 404);
    let refused = world.audit().await[0]["id"].as_str().unwrap().to_owned();
    let order = posture::action::Order {
        action: Action::Isolate,
        variant: Some("Full"),
        target: id.clone(),
        assigned_to: None,
        reason: String::new(),
        caller: String::new(),
        requested_by: None,
        dry_run: false,
        key: Some("left".to_owned()),
    };
    let intent = json!({ "version": 1, "attempt": refused, "fingerprint": order.fingerprint(),
        "until": "2026-11-26T05:00:00Z" });
    let place =
        format!("state/{}/actions/{}.json", support::tenant(0).id, order.key_hash().unwrap());
    ledger.keep(&place, Bytes::from(intent.to_string())).await.unwrap();

    world.microsoft.set_action_span(std::time::Duration::from_secs(600));
    let path = format!("/api/response/devices/{id}/isolate");
    let calls = (0..5).map(|_| call(&world.app, "POST", &path, "", "left", reason()));
    let replies = futures::future::join_all(calls).await;
    let last = call(&world.app, "POST", &path, "", "left", reason()).await;

    assert_eq!((world.acted().len(), asked_to_act(&world.microsoft)), (1, 1), "{replies:?}");
    assert_eq!(last.status, 202, "{}", last.body);
}

#[tokio::test]
async fn a_key_is_its_tenants_own() {
    let world = World::of(Policy { deny: Deny::default(), ..policy() }).await;
    let (one, two) = (&tenants()[0], &tenants()[1]);
    world.microsoft.alter_device(&one.id, 0, json!({ "onboardingStatus": "Onboarded" }));
    world.microsoft.alter_device(&two.id, 0, json!({ "onboardingStatus": "Onboarded" }));

    for tenant in [one, two] {
        let device = world.microsoft.device(&tenant.id, 0);
        let path = format!("/api/response/devices/{}/scan", device["id"].as_str().unwrap());
        let query = format!("tenant={}", tenant.id);
        let reply = call(&world.app, "POST", &path, &query, "same", reason()).await;
        assert_eq!(reply.status, 202, "{}", reply.body);
    }

    let acted = world.acted();
    assert_eq!(acted.iter().map(|one| &one.tenant).collect::<Vec<_>>(), [&one.id, &two.id]);
}

/// The same promises on the real storage's terms: ETags, conditional writes, container made on the way.
#[tokio::test]
async fn in_blob_storage_too_one_of_many_acts_and_the_hours_number_holds() {
    let azurite = crate::support::azurite::Azurite::start().await;
    let caps = Caps::read("isolate=2").unwrap();
    let policy = Policy { caps, deny: Deny::default(), ..policy() };
    let world = World::of(policy.clone()).await;
    world.microsoft.set_action_span(std::time::Duration::from_secs(600));
    let over_blobs = || app(&world.microsoft, Arc::new(crate::azurite::blob(&azurite)), &policy);
    let apps = [over_blobs(), over_blobs()];
    let ids: Vec<_> = (0..4).map(|number| world.id(world.fit(number))).collect();

    let mut calls = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        for app in &apps {
            let (path, key) =
                (format!("/api/response/devices/{id}/isolate"), format!("key-{number}"));
            calls.push(async move { call(app, "POST", &path, "", &key, reason()).await });
        }
    }
    let replies = futures::future::join_all(calls).await;

    let acted: std::collections::BTreeSet<_> =
        world.acted().into_iter().map(|acted| acted.machine).collect();
    let asked = asked_to_act(&world.microsoft);
    // Two calls with one key may both be counted: fewer act then, never more.
    assert!((1..=2).contains(&asked) && acted.len() == asked, "{asked} {replies:?}");
    assert!(replies.iter().all(|reply| [202, 429].contains(&reply.status)), "{replies:?}");
    let ledger = crate::azurite::blob(&azurite);
    assert_eq!(audit(&ledger).await.len(), 8);
    assert_eq!(ledger.list("unsent/").await.unwrap(), Vec::<String>::new());
}
