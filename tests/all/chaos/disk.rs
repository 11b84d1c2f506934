//! A folder whose disk is full for a while.

use super::World;
use super::compare::Figures;
use super::killer::{Aim, NEVER_GIVEN_UP};
use crate::support::Folder;
use crate::support::service::{Service, free_port};
use fastrand::Rng;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::process::Command;

const SEED: u64 = 20_261_125;
const TIMES_FULL: usize = 3;

/// A small disk of its own, where this user may mount one.
struct Disk(Folder);

impl Disk {
    fn mount() -> Option<Disk> {
        let folder = Folder::new();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"]).arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Disk(folder))
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut file = File::create(self.0.path().join(".filler")).unwrap();
        for piece in [vec![0; 64 * 1024], vec![0; 1]] {
            loop {
                match file.write(&piece) {
                    Ok(1..) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.path().join(".filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.0.path()).status().unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_costs_time_and_no_record() {
    let Some(disk) = Disk::mount() else {
        println!("left out: a full disk, since only root may mount a small one");
        return;
    };
    println!("chaos: a disk that is full {TIMES_FULL} times, from the seed {SEED}");
    let (mut rng, mut figures) = (Rng::with_seed(SEED), Figures::default());
    let (port, folder) = (free_port(), &disk.0);
    let ledger = posture::ledger::FolderLedger::new(folder.path().to_owned());
    let mut world = World::over(&folder.url(), Box::new(ledger), &[port], NEVER_GIVEN_UP).await;
    let service = Service::start_on(port, &world.environment).await;
    let mut met = 0;

    let round = world.next_round().await;
    let outages = async {
        for _ in 0..TIMES_FULL {
            Aim::draw(&mut rng).reached(&world.microsoft).await;
            disk.fill();
            met += world.trigger.at_work().len();
            world.trigger.until_failed().await;
            disk.make_room();
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = world.trigger.drain() => {}
        () = outages => {}
    }
    world.compare(&round, &mut figures).await;

    let repeated = figures.repeated();
    println!("{figures}; {met} jobs met");
    assert!(repeated <= met, "{figures}");
    assert!(service.log().contains("the disk is full: make room"), "{}", service.log());
}
