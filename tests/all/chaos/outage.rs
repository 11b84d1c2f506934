//! Storage that hangs, or ends and starts again, in the middle of a round.

use super::World;
use super::compare::Figures;
use super::killer::{Aim, NEVER_GIVEN_UP};
use crate::support::service::{Service, free_port};
use fastrand::Rng;
use std::time::Duration;

const SEED: u64 = 20_261_124;
const OUTAGES: usize = 6;

#[tokio::test]
async fn storage_that_goes_away_and_comes_back_costs_time_and_no_record() {
    println!("chaos: {OUTAGES} outages of storage from the seed {SEED}");
    let (mut rng, mut figures) = (Rng::with_seed(SEED), Figures::default());
    let port = free_port();
    let mut world = World::new(&[port], NEVER_GIVEN_UP).await;
    let service = Service::start_on(port, &world.environment).await;
    let mut met = 0;

    let round = world.next_round().await;
    let World { microsoft, blobs, trigger, .. } = &mut world;
    let blobs = blobs.as_mut().unwrap();
    let outages = async {
        for number in 0..OUTAGES {
            Aim::draw(&mut rng).reached(microsoft).await;
            met += trigger.at_work().len();
            let lasts = Duration::from_millis(rng.u64(200..3000));
            if number % 2 == 0 {
                blobs.hold();
                tokio::time::sleep(lasts).await;
                blobs.release();
            } else {
                blobs.end();
                tokio::time::sleep(lasts).await;
                blobs.start_again().await;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = trigger.drain() => {}
        () = outages => {}
    }
    world.compare(&round, &mut figures).await;

    let repeated = figures.repeated();
    println!("{figures}; {met} jobs met");
    assert!(repeated <= met, "{figures} {}", service.log());
}
