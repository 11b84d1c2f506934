//! Isolating, releasing and scanning from an incident: nothing without an approval, and its end on the incident.

use super::incidents::{PORTALS, Portal};
use super::playbook;
use super::walker::{Sent, Status, Walk};
use super::world::{HOME, PLAYBOOKS, World};
use serde_json::{Value, json};

/// The first device is a server, the second a domain controller that is very critical.
const SERVER: u64 = 0;
const CONTROLLER: u64 = 1;

/// Lets every device be acted on.
const NO_RULE: (&str, &str) = ("POSTURE_ACTION_DENY", "none");

fn questions(walk: &Walk) -> Vec<Value> {
    let asked = |sent: &&Sent| sent.path == "/approvalmail/$subscriptions";
    walk.sent.iter().filter(asked).map(|sent| sent.body["Message"].clone()).collect()
}

fn kinds(world: &World) -> Vec<(&'static str, Option<String>)> {
    world.microsoft.acted().into_iter().map(|one| (one.kind, one.scope)).collect()
}

#[tokio::test]
async fn an_approved_isolation_is_followed_to_its_end_from_either_portal() {
    let (definition, _) = playbook("IsolateDevice");
    for (portal, scope) in PORTALS.into_iter().zip(["Full", "Selective"]) {
        let world = World::start(&[NO_RULE]).await;
        let incident = world.incident(portal, &[SERVER]);
        let chosen: fn(&Value) -> Option<&'static str> = match scope {
            "Full" => |_| Some("Full isolation"),
            _ => |_| Some("Selective isolation"),
        };
        let walk = world.walk(&definition, incident).with("approvers", "soc@contoso.example");
        let mut walk = walk.answered_by(chosen);

        assert_eq!(walk.run().await.unwrap(), Status::Succeeded);

        let acted = world.microsoft.acted();
        let kind: Vec<_> = acted.iter().map(|one| (one.kind, one.scope.as_deref())).collect();
        assert_eq!(kind, [("Isolate", Some(scope))]);
        assert_eq!(acted[0].machine, world.device(SERVER)["id"]);
        assert!(acted[0].comment.starts_with("Sentinel incident 4711"), "{}", acted[0].comment);
        let comments = walk.comments();
        assert_eq!(comments.len(), 1, "{comments:?}");
        for text in ["Isolate: ", "<strong>Outcome</strong>: done", scope, "ana@contoso.example"] {
            assert!(comments[0].contains(text), "{portal:?} {text}: {}", comments[0]);
        }
        let caller = format!("{HOME}/{PLAYBOOKS}");
        assert!(comments[0].contains(&caller), "who called is written down: {}", comments[0]);
    }
}

#[tokio::test]
async fn the_question_tells_the_device_who_asks_and_what_full_isolation_does() {
    let world = World::start(&[NO_RULE]).await;
    let (definition, _) = playbook("IsolateDevice");
    let incident = world.incident(Portal::Azure, &[CONTROLLER]);
    let walk = world.walk(&definition, incident).with("approvers", "soc@contoso.example");
    let mut walk = walk.answered_by(|_| Some("No isolation"));

    walk.run().await.unwrap();

    let question = &questions(&walk)[0];
    let device = world.device(CONTROLLER);
    let text = question["Body"].as_str().unwrap();
    for part in [
        device["computerDnsName"].as_str().unwrap(),
        &format!("exposure {}", device["exposureLevel"].as_str().unwrap()),
        "criticality 0 (0 is very high",
        "Full isolation cuts all connectivity of the device until it is released",
        "keeps Outlook, Teams",
        "playbook Invented-playbook on incident 4711",
        "https://security.microsoft.com/machines/",
        "&lt;script>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("<script") && !text.contains("portal.azure.com"), "{text}");
    assert_eq!(question["To"], "soc@contoso.example");
    assert_eq!(question["Options"], "Full isolation,Selective isolation,No isolation");
}

#[tokio::test]
async fn without_an_approval_nothing_is_done_and_the_incident_says_so() {
    for name in ["IsolateDevice", "ReleaseDevice"] {
        let world = World::start(&[NO_RULE]).await;
        let (definition, _) = playbook(name);
        let walk = || {
            let incident = world.incident(Portal::Defender, &[SERVER]);
            world.walk(&definition, incident).with("approvers", "soc@contoso.example")
        };
        let mut rejected = match name {
            "IsolateDevice" => walk().answered_by(|_| Some("No isolation")),
            _ => walk().answered_by(|_| Some("No release")),
        };
        let mut unanswered = walk();

        assert_eq!(rejected.run().await.unwrap(), Status::Succeeded);
        unanswered.run().await.unwrap();

        assert!(world.microsoft.acted().is_empty(), "{name}");
        let acts = |walk: &Walk| walk.called.iter().any(|(_, path, _)| path.contains("/response/"));
        assert!(!acts(&rejected) && !acts(&unanswered), "nobody even asked");
        assert!(rejected.comments()[0].contains("ana@contoso.example has answered"));
        assert!(unanswered.comments()[0].contains("nobody has approved it within a day"));
    }
}

#[tokio::test]
async fn what_a_guard_refuses_is_not_asked_about_and_the_reason_is_on_the_incident() {
    let world = World::start(&[]).await;
    for name in ["IsolateDevice", "ScanDevice"] {
        let (definition, _) = playbook(name);
        let mut walk = world.walk(&definition, world.incident(Portal::Defender, &[CONTROLLER]));

        assert_eq!(walk.run().await.unwrap(), Status::Succeeded);

        let comments = walk.comments();
        assert_eq!(comments.len(), 1, "{comments:?}");
        assert!(comments[0].contains("domain-controller"), "{}", comments[0]);
        assert!(questions(&walk).is_empty());
    }
    assert!(world.microsoft.acted().is_empty());
}

#[tokio::test]
async fn a_refusal_after_the_approval_is_on_the_incident_with_its_reason() {
    let world = World::start(&[NO_RULE, ("POSTURE_ACTION_CAPS", "isolate=0")]).await;
    let (definition, _) = playbook("IsolateDevice");
    let walk = world.walk(&definition, world.incident(Portal::Azure, &[SERVER]));
    let walk = walk.with("approvers", "soc@contoso.example");
    let mut walk = walk.answered_by(|_| Some("Full isolation"));

    assert_eq!(walk.run().await.unwrap(), Status::Succeeded);

    let comments = walk.comments();
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(comments[0].contains("No isolation of") && comments[0].contains("POSTURE_ACTION_CAPS"));
    assert!(world.microsoft.acted().is_empty());
}

#[tokio::test]
async fn a_device_is_released_and_scanned_and_each_run_is_a_decision_of_its_own() {
    let world = World::start(&[NO_RULE]).await;
    let incident = || world.incident(Portal::Defender, &[SERVER]);
    let (isolate, _) = playbook("IsolateDevice");
    let (release, _) = playbook("ReleaseDevice");
    let (scan, _) = playbook("ScanDevice");

    let isolating = world.walk(&isolate, incident()).with("approvers", "a@b.example");
    isolating.answered_by(|_| Some("Full isolation")).run().await.unwrap();
    let releasing = world.walk(&release, incident()).with("approvers", "a@b.example");
    let mut releasing = releasing.answered_by(|_| Some("Release"));
    assert_eq!(releasing.run().await.unwrap(), Status::Succeeded);
    let mut scanning = world.walk(&scan, incident());
    assert_eq!(scanning.run().await.unwrap(), Status::Succeeded);

    let kinds = kinds(&world);
    let kinds: Vec<_> = kinds.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["Isolate", "Unisolate", "RunAntiVirusScan"]);
    for (walk, heading) in
        [(&releasing, "Release from isolation: "), (&scanning, "Antivirus scan: ")]
    {
        let comments = walk.comments();
        assert_eq!(comments.len(), 1, "{comments:?}");
        assert!(comments[0].contains(heading) && comments[0].contains("done"), "{}", comments[0]);
    }
    assert!(questions(&scanning).is_empty(), "a scan asks nobody");
}

#[tokio::test]
async fn each_host_has_an_end_of_its_own_and_none_says_so() {
    let world = World::start(&[]).await;
    let (definition, _) = playbook("ScanDevice");
    let mut both = world.walk(&definition, world.incident(Portal::Azure, &[SERVER, CONTROLLER]));
    let mut none = world.walk(&definition, world.incident(Portal::Azure, &[]));
    let mut strange = world.incident(Portal::Azure, &[SERVER]);
    strange["object"]["properties"]["relatedEntities"][0]["properties"] =
        json!({ "hostName": "no-such-host" });
    let mut strange = world.walk(&definition, strange);

    for walk in [&mut both, &mut none, &mut strange] {
        assert_eq!(walk.run().await.unwrap(), Status::Succeeded);
    }

    assert_eq!((both.comments().len(), kinds(&world).len()), (2, 1));
    assert!(none.comments()[0].contains("names no host"), "{:?}", none.comments());
    assert!(strange.comments()[0].contains("no-such-host"), "{:?}", strange.comments());
}
