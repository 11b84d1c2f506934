//! Two processes that get every message at the same instant.

use super::World;
use super::compare::Figures;
use super::killer::{Killer, NEVER_GIVEN_UP};
use crate::support::queue_trigger::MAX_DEQUEUE_COUNT;
use crate::support::service::{Service, free_port};
use posture::source::{Fetch, Source};
use serde_json::Value;

const SEED: u64 = 20_261_126;
const KILLS: usize = 6;

/// Whether a message is that of an export's set, which hands its files out.
fn is_set(message: &Value) -> bool {
    let source = Source::named(message["source"].as_str().unwrap()).unwrap();
    matches!(source.fetch, Fetch::Export { .. }) && message["file"].is_null()
}

async fn start(ports: [u16; 2], world: &World) -> [Service; 2] {
    let [one, other] = ports.map(|port| Service::start_on(port, &world.environment));
    let (one, other) = tokio::join!(one, other);
    [one, other]
}

#[tokio::test]
async fn of_two_processes_with_the_same_messages_one_does_each_job_and_the_other_nothing() {
    let ports = [free_port(), free_port()];
    let mut world = World::new(&ports, MAX_DEQUEUE_COUNT).await;
    // Long enough that no claim lapses while its holder lives, however busy the machine.
    world.claims_hold(10);
    let services = start(ports, &world).await;
    let mut figures = Figures::default();

    for _ in 0..2 {
        let round = world.next_round().await;
        world.trigger.drain().await;
        world.compare(&round, &mut figures).await;
    }

    assert!(figures.repeated() == 0, "{figures}");
    for call in world.trigger.calls() {
        let said: Vec<_> = call.said.iter().map(|said| said.as_deref().unwrap_or("")).collect();
        let idle = said.iter().filter(|said| said.contains(": nothing to do, ")).count();
        // What hands an export's files out takes a moment: whoever comes after that hands them out once
        // more, and their jobs are done once all the same.
        let hands_out = is_set(&call.message);
        assert!(idle == 1 || hands_out, "{call:?} {}", services[0].log());
    }
}

#[tokio::test]
async fn of_two_processes_one_may_be_killed_at_any_instant() {
    println!("chaos: {KILLS} kills of one of two processes from the seed {SEED}");
    let ports = [free_port(), free_port()];
    let mut world = World::new(&ports, NEVER_GIVEN_UP).await;
    world.claims_hold(3);
    let mut services = start(ports, &world).await;
    let mut killer = Killer::new(SEED, KILLS);

    while !killer.is_done() {
        killer.play(&mut world, &mut services).await;
    }

    assert_eq!(killer.kills, KILLS);
    println!("jobs hit, by what they were doing: {:?}; {}", killer.hit, killer.figures);
}
