//! A network that fails at drawn requests: cut connections, errors, throttling, slow answers, on sources,
//! export files and the workspace.

use super::World;
use super::compare::Figures;
use crate::support::queue_trigger::MAX_DEQUEUE_COUNT;
use crate::support::service::{Service, free_port};
use fastrand::Rng;
use simulator::{Api, Fault, FaultKind};
use std::time::Duration;

const SEED: u64 = 20_261_123;

/// Faults of one round, each of which meets one to three requests.
const FAULTS: usize = 30;
/// Answers of the workspace that are lost beside those.
const LOST_ANSWERS: usize = 3;

/// An answer of the workspace that is lost after it has stored the rows.
fn lost_answer(rng: &mut Rng) -> Fault {
    Fault::new(Api::Logs, "", FaultKind::CutBody).after(rng.u32(..12))
}

/// A fault within the next requests of an API.
fn draw(rng: &mut Rng) -> Fault {
    let apis = [Api::Defender, Api::Logs, Api::Storage, Api::Graph, Api::Arm, Api::Identity];
    let api = rng.choice(apis).unwrap();
    let status = |code, retry_after: Option<&str>| {
        let retry_after = retry_after.map(str::to_owned);
        FaultKind::Status { code, retry_after }
    };
    let a_moment = Duration::from_millis(rng.u64(50..600));
    let mut kinds = vec![
        FaultKind::Drop,
        FaultKind::CutBody,
        status(500, None),
        status(503, Some("1")),
        status(504, None),
        status(429, None),
        status(429, Some("1")),
        FaultKind::Hang(a_moment),
        FaultKind::SlowBody(a_moment),
    ];
    if matches!(api, Api::Defender | Api::Graph) {
        kinds.extend([FaultKind::Malformed, FaultKind::Html, FaultKind::NoValue]);
    }
    let kind = rng.choice(kinds).unwrap();
    Fault::new(api, "", kind).after(rng.u32(..12)).times(rng.u32(1..=3))
}

#[tokio::test]
async fn a_network_that_fails_at_random_costs_time_and_no_record() {
    println!("chaos: {FAULTS} faults a round from the seed {SEED}");
    let (mut rng, mut figures, mut lost_answers) = (Rng::with_seed(SEED), Figures::default(), 0);
    let port = free_port();
    let mut world = World::new(&[port], MAX_DEQUEUE_COUNT).await;
    let service = Service::start_on(port, &world.environment).await;

    for _ in 0..2 {
        let mut faults: Vec<_> = (0..FAULTS).map(|_| draw(&mut rng)).collect();
        faults.extend((0..LOST_ANSWERS).map(|_| lost_answer(&mut rng)));
        let loses_answer =
            |fault: &&Fault| fault.api == Api::Logs && fault.kind == FaultKind::CutBody;
        lost_answers += faults.iter().filter(loses_answer).map(|fault| fault.times).sum::<u32>();
        faults.into_iter().for_each(|fault| world.microsoft.inject(fault));
        let round = world.next_round().await;
        world.trigger.drain().await;
        world.microsoft.clear_faults();
        world.compare(&round, &mut figures).await;
    }

    let repeated = figures.repeated();
    let failed = world.trigger.calls().iter().filter(|call| call.said[0].is_none()).count();
    println!("{failed} calls failed; {figures}; {lost_answers} answers of the workspace to lose");
    assert!(repeated as u32 <= lost_answers, "{repeated} repeated: {figures} {}", service.log());
}
