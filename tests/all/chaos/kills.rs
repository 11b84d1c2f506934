//! SIGKILL at drawn instants, 25 of them; as many as `POSTURE_CHAOS_KILLS` says in the long form.

use super::World;
use super::compare::Figures;
use super::killer::{Killer, NEVER_GIVEN_UP};
use crate::support::service::{Service, free_port};
use std::collections::BTreeMap;
use std::thread;
use std::time::Instant;

const SEED: u64 = 20_261_122;
const KILLS: usize = 25;

/// Worlds beside one another, each with a seed and a share of the kills of its own: most of the time goes
/// into waiting for the claims of the dead.
const LANES: usize = 2;
const LANES_OF_MANY: usize = 4;

/// Rounds in one world: what the simulators remember stays small.
const ROUNDS_PER_WORLD: usize = 4;

/// How many kills are asked for.
#[expect(clippy::disallowed_methods, reason = "the long form is asked for by its command")]
fn wanted() -> usize {
    std::env::var("POSTURE_CHAOS_KILLS").map_or(KILLS, |text| text.parse().unwrap())
}

/// Carries out rounds until so many processes are killed; gives what was seen, and how many rounds.
async fn lane(seed: u64, kills: usize) -> (Killer, usize) {
    let (mut killer, mut rounds) = (Killer::new(seed, kills), 0);
    while !killer.is_done() {
        let port = free_port();
        let mut world = World::new(&[port], NEVER_GIVEN_UP).await;
        let mut service = [Service::start_on(port, &world.environment).await];
        for _ in 0..ROUNDS_PER_WORLD {
            killer.play(&mut world, &mut service).await;
            rounds += 1;
            println!("seed {seed}: {} kills in {rounds} rounds", killer.kills);
            if killer.is_done() {
                break;
            }
        }
    }
    (killer, rounds)
}

/// A lane on a thread of its own.
fn start(number: usize, share: usize) -> thread::JoinHandle<(Killer, usize)> {
    let seed = SEED + number as u64;
    println!("chaos: {share} kills from the seed {seed}");
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(lane(seed, share))
    })
}

#[test]
fn a_process_killed_at_any_instant_loses_nothing_and_repeats_one_batch_at_most() {
    let (started, wanted) = (Instant::now(), wanted());

    let lanes = if wanted > KILLS { LANES_OF_MANY } else { LANES };
    let share = |number| wanted / lanes + usize::from(number < wanted % lanes);
    let lanes: Vec<_> = (0..lanes).map(|number| start(number, share(number))).collect();
    let lanes: Vec<_> = lanes.into_iter().map(|lane| lane.join().unwrap()).collect();

    let (mut kills, mut rounds, mut hit, mut all) = (0, 0, BTreeMap::new(), Figures::default());
    for (killer, played) in lanes {
        (kills, rounds) = (kills + killer.kills, rounds + played);
        killer.hit.into_iter().for_each(|(what, count)| *hit.entry(what).or_insert(0) += count);
        all.add(killer.figures);
    }
    assert_eq!(kills, wanted);
    println!("jobs hit, by what they were doing: {hit:?}");
    println!("{kills} kills in {rounds} rounds: {all}; {} s", started.elapsed().as_secs());
}
