//! Enriching an incident: the device cards as a comment, or why there are none.

use super::incidents::PORTALS;
use super::playbook;
use super::walker::{Status, Walk};
use super::world::{HOME, World};
use crate::routes::signed_in;

#[tokio::test]
async fn an_incident_of_either_portal_gets_its_device_cards_as_one_comment() {
    let world = World::start(&[]).await;
    let (definition, _) = playbook("EnrichIncident");
    for portal in PORTALS {
        let incident = world.incident(portal, &[0, 1]);
        let mut walk = world.walk(&definition, incident.clone());

        assert_eq!(walk.run().await.unwrap(), Status::Succeeded);

        let comments = walk.comments();
        assert_eq!(comments.len(), 1, "{portal:?}: {comments:?}");
        for number in [0, 1] {
            let device = world.device(number);
            let (name, id) = (device["computerDnsName"].as_str(), device["id"].as_str());
            assert!(comments[0].contains(name.unwrap()), "{portal:?}: {}", comments[0]);
            let page =
                format!("https://security.microsoft.com/machines/v2/{}/overview?tid=", id.unwrap());
            assert!(comments[0].contains(&page), "{portal:?}: {}", comments[0]);
        }
        assert!(!comments[0].contains("<script>") && !comments[0].contains("portal.azure.com"));
        assert_eq!(walk.sent[0].body["incidentArmId"], incident["object"]["id"]);
        assert_eq!(walk.sent[0].connection, "azuresentinel");
    }
}

#[tokio::test]
async fn where_the_look_up_fails_the_comment_says_why() {
    let mut world = World::start(&[]).await;
    let (definition, _) = playbook("EnrichIncident");
    let incident = world.incident(PORTALS[0], &[0]);
    let nobody = signed_in(HOME, "bbbbbbbb-0000-4000-8000-00000000000f");

    let mut other_tenant = world.walk(&definition, incident.clone()).with("tenantId", HOME);
    let mut not_allowed = Walk::new(&definition, world.service.port, &nobody, incident.clone());
    let mut not_signed_in = Walk::new(&definition, world.service.port, "", incident.clone());
    for (walk, says) in [
        (&mut other_tenant, "no such tenant in this deployment"),
        (&mut not_allowed, "no allowed caller of any tenant"),
        (&mut not_signed_in, "nobody has signed in"),
    ] {
        assert_eq!(walk.run().await.unwrap(), Status::Succeeded);
        let comments = walk.comments();
        assert_eq!(comments.len(), 1, "{comments:?}");
        assert!(comments[0].contains("could not look up"), "{}", comments[0]);
        assert!(comments[0].contains(says), "{}", comments[0]);
    }
    world.service.kill();
    let mut nobody_there = world.walk(&definition, incident);
    nobody_there.run().await.unwrap();
    assert!(nobody_there.comments()[0].contains("did not answer as expected"));
}
