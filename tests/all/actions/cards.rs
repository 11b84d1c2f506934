//! What a device's card says of actions is what the actions say themselves.

use super::{DEVICES, World, call, json_of};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_card_says_of_each_action_what_trying_it_would() {
    let world = World::new().await;
    world.alter(3, json!({ "osPlatform": "Android", "onboardingStatus": "Onboarded" }));
    world.alter(4, json!({ "onboardingStatus": "Unsupported" }));
    let mut codes = BTreeSet::new();

    for number in (0..u64::from(DEVICES)).step_by(3).chain([3, 4, 5]) {
        let id = world.id(number);
        let card =
            call(&world.app, "GET", &format!("/api/devices/{id}"), "", "", Value::Null).await;
        let card = json_of(&card);
        for (place, verb) in ["isolate", "release", "scan"].into_iter().enumerate() {
            let told = &card["actions"][place];
            let body = json!({ "reason": "Would it?", "dryRun": true });
            let tried = world.ask(&id, verb, "", body).await;
            assert_eq!(
                (&told["action"], &told["possible"]),
                (&json!(verb), &json!(tried.status == 200)),
                "{number}: {}",
                tried.body
            );
            if tried.status != 200 {
                let code = told["code"].as_str().unwrap();
                let reason = told["reason"].as_str().unwrap();
                assert!(tried.body.contains(reason), "{told} {}", tried.body);
                codes.insert(code.to_owned());
            }
        }
    }

    assert!(
        ["denied", "notOnboarded", "unsupported"].iter().all(|code| codes.contains(*code)),
        "{codes:?}"
    );
}
