//! What holds when everything goes wrong: a real process, fed by a real queue, is killed, cut off, starved
//! of storage and doubled while it collects; what it leaves must be what an undisturbed run leaves.
//!
//! Every instant and fault follows from a fixed seed, which a failing test prints.

mod compare;
mod disk;
mod killer;
mod kills;
mod network;
mod outage;
mod reference;
mod rivals;

use crate::support::azurite::Azurite;
use crate::support::queue_trigger::Trigger;
use crate::support::service::environment;
use crate::support::{self, tenant};
use jiff::{SignedDuration, Timestamp};
use posture::ledger::Ledger;
use posture::plan::RunId;
use posture::source::{
    ALERTS, ASSESSMENTS, DEVICE_CONFIGURATIONS, DEVICE_VULNERABILITIES,
    DEVICE_VULNERABILITY_CHANGES, DEVICES, SECURE_SCORE_CONTROLS, Source, VULNERABILITIES, hunting,
};
use reference::Reference;
use serde_json::json;
use simulator::{Options, Simulator};

/// Of this many devices each round has some ten parts in all.
const DEVICES_OF_TENANT: u32 = 600;
const PAGE_RECORDS: usize = 150;

/// Seconds between two of the exports' snapshots.
const SNAPSHOT_S: i64 = 6 * 3600;

/// Many messages together: a paged list that is sent once a day, one that is sent in part, an export of several
/// files, a hunting query, an Azure source; then changes, another export, and two that are read past
/// what is known. The changes never run beside the full source that they are about, so that what they ask
/// for doesn't depend on who is first.
const ROUNDS: [&[Source]; 2] = [
    &[DEVICE_VULNERABILITIES, DEVICES, VULNERABILITIES, hunting::DEVICE_FACTS, ASSESSMENTS],
    &[DEVICE_CONFIGURATIONS, DEVICE_VULNERABILITY_CHANGES, DEVICES, ALERTS, SECURE_SCORE_CONTROLS],
];

/// One run of several sources.
struct Round {
    run: RunId,
    sources: &'static [Source],
}

impl Round {
    /// The round of that number. Runs are a day apart, since some sources are sent once a day.
    fn numbered(number: usize) -> Round {
        let first: Timestamp = "2026-06-01T10:15:00Z".parse().unwrap();
        let run = RunId::at(first + SignedDuration::from_hours(24 * number as i64));
        Round { run, sources: ROUNDS[number % ROUNDS.len()] }
    }
}

/// Microsoft, storage, a process's environment, and the undisturbed twin of all that.
struct World {
    microsoft: Simulator,
    /// Where records are kept, but in tests of a folder.
    blobs: Option<Azurite>,
    ledger: Box<dyn Ledger>,
    trigger: Trigger,
    environment: Vec<(String, String)>,
    reference: Reference,
    rounds: usize,
    // Dropped last: the trigger is over it.
    _queues: Azurite,
}

impl World {
    /// A world over Blob Storage whose trigger feeds the processes at these ports.
    async fn new(ports: &[u16], max_dequeue_count: i64) -> World {
        let blobs = Azurite::start().await;
        let ledger = Box::new(crate::azurite::blob(&blobs));
        let world = World::over(&blobs.url(), ledger, ports, max_dequeue_count).await;
        World { blobs: Some(blobs), ..world }
    }

    /// The same over any storage.
    async fn over(
        storage: &str,
        ledger: Box<dyn Ledger>,
        ports: &[u16],
        max_dequeue_count: i64,
    ) -> World {
        let queues = Azurite::start_queues().await;
        let microsoft = support::start(options()).await;
        let mut environment = environment(&microsoft, storage);
        environment.push(("POSTURE_QUEUE_URL".to_owned(), queues.url()));
        // Rounds follow one another faster than the documented limits allow.
        environment.push(("POSTURE_LIMITS".to_owned(), "off".to_owned()));
        let mut world = World {
            microsoft,
            blobs: None,
            ledger,
            trigger: Trigger::new(&queues, ports, max_dequeue_count).await,
            environment,
            reference: Reference::new().await,
            rounds: 0,
            _queues: queues,
        };
        // A claim that a killed process leaves behind is waited for, which real ones are for 30 s.
        world.claims_hold(1);
        world
    }

    fn claims_hold(&mut self, seconds: u32) {
        // Of two values of one name, the later one holds.
        self.environment.push(("POSTURE_CLAIM_SECONDS".to_owned(), seconds.to_string()));
    }

    /// Puts the messages of the next round into the queue.
    async fn next_round(&mut self) -> Round {
        let round = Round::numbered(self.rounds);
        self.rounds += 1;
        // An export's snapshot that is kept already wouldn't be read again.
        self.microsoft.advance_snapshot();
        self.reference.microsoft.advance_snapshot();
        for source in round.sources {
            let message = json!({
                "run": round.run, "tenant": tenant(0).id, "source": source.name, "now": true,
            });
            self.trigger.put(&message).await;
        }
        round
    }
}

/// A simulator's options, the same for both twins: their records are the same to the byte.
fn options() -> Options {
    let mut options =
        Options::new(vec![tenant(DEVICES_OF_TENANT)], posture::describe::tables_json());
    options.page_size = Some(PAGE_RECORDS);
    options.rows_per_device.configurations = 6;
    options.limits = false;
    // No new snapshot begins while a test runs.
    let now = options.started.as_second();
    let step = now - now.rem_euclid(SNAPSHOT_S);
    options.started = Timestamp::from_second(step + SNAPSHOT_S / 6).unwrap();
    options
}
