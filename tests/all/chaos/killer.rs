//! Kills the process at drawn instants while a round goes on, and bounds what that may repeat.

use super::compare::Figures;
use super::{Round, World};
use crate::support::service::Service;
use fastrand::Rng;
use posture::ledger::path;
use posture::part;
use posture::plan::{Job, Message};
use posture::source::Source;
use serde_json::Value;
use simulator::{Batch, Simulator};
use std::collections::BTreeMap;
use std::time::Duration;

/// Kills of one round: more of them would hit the same sources only.
const KILLS_PER_ROUND: usize = 13;

/// A kill counts as one delivery of every message that the process had, and here a message meets more of
/// them in a minute than a deployment in a year: none may be given up for that.
pub(super) const NEVER_GIVEN_UP: i64 = 1_000_000;

/// When the process is killed next: so many requests to Microsoft and the workspace from now, and so much
/// later. A request leads to the next page, part, batch or checkpoint within milliseconds, whatever
/// the machine; so every step is hit, and how fast the machine is doesn't matter.
pub(super) struct Aim {
    requests: usize,
    after: Duration,
}

impl Aim {
    pub(super) fn draw(rng: &mut Rng) -> Aim {
        // One in eight dies young: while it starts, asks for tokens, or waits for an older claim.
        let young = rng.u32(..8) == 0;
        let (requests, latest_ms) = if young { (0, 400) } else { (rng.usize(1..=16), 60) };
        Aim { requests, after: Duration::from_micros(rng.u64(..latest_ms * 1000)) }
    }

    pub(super) async fn reached(&self, microsoft: &Simulator) {
        let begun = microsoft.asked();
        while microsoft.asked() < begun + self.requests {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(self.after).await;
    }
}

/// The harness: kills, and what it saw of them.
pub(super) struct Killer {
    rng: Rng,
    left: usize,
    pub(super) kills: usize,
    /// Kills of each source while a process had its message.
    met: BTreeMap<String, usize>,
    /// The attempt at each job that the last kill ended.
    ended: BTreeMap<String, Value>,
    /// What each job was doing.
    pub(super) hit: BTreeMap<&'static str, usize>,
    pub(super) figures: Figures,
}

impl Killer {
    /// A killer of so many processes.
    pub(super) fn new(seed: u64, left: usize) -> Killer {
        let (met, ended, hit) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (rng, figures) = (Rng::with_seed(seed), Figures::default());
        Killer { rng, left, kills: 0, met, ended, hit, figures }
    }

    /// Whether none is left to be killed.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Carries out a round, with kills of one of the processes until none is left.
    pub(super) async fn play(&mut self, world: &mut World, services: &mut [Service]) {
        let round = world.next_round().await;
        let drained = world.trigger.drain();
        let mut drained = std::pin::pin!(drained);
        let spared = self.left.saturating_sub(KILLS_PER_ROUND);
        let mut is_drained = false;
        while self.left > spared && !is_drained {
            let aim = Aim::draw(&mut self.rng);
            tokio::select! {
                () = &mut drained => {
                    is_drained = true;
                    continue;
                }
                () = aim.reached(&world.microsoft) => {}
            }
            world.trigger.hold();
            let service = self.rng.choice(services.iter_mut()).unwrap();
            service.kill();
            (self.left, self.kills) = (self.left - 1, self.kills + 1);
            self.look(world).await;
            *service = Service::start_on(service.port, &world.environment).await;
            world.trigger.go_on();
        }
        if !is_drained {
            drained.await;
        }
        world.compare(&round, &mut self.figures).await;
        self.is_within_bounds(&round);
        self.met.clear();
    }

    /// Looks at what the kill has interrupted.
    async fn look(&mut self, world: &World) {
        let batches = world.microsoft.batches();
        for message in world.trigger.at_work() {
            let source = message["source"].as_str().unwrap().to_owned();
            let (doing, attempt) = doing(world, &message, &batches).await;
            // Whoever waits for an older attempt's claim has done nothing yet.
            let before = self.ended.insert(message.to_string(), attempt["id"].clone());
            let waits = attempt.is_object() && before.as_ref() == Some(&attempt["id"]);
            *self.hit.entry(if waits { "claim" } else { doing }).or_default() += 1;
            *self.met.entry(source).or_default() += 1;
        }
    }

    /// At most one batch of a job is repeated by each kill that met the job.
    fn is_within_bounds(&self, round: &Round) {
        for source in round.sources {
            let repeated = self.figures.newest.get(source.name).copied().unwrap_or(0);
            let met = self.met.get(source.name).copied().unwrap_or(0);
            let job = format!("{} {}", source.name, round.run);
            assert!(repeated <= met, "{job}: {repeated} batches repeated by {met} kills");
        }
    }
}

/// The job of a message.
fn job(message: &Value) -> Job {
    let message: Message = serde_json::from_value(message.clone()).unwrap();
    let source = Source::named(&message.source).unwrap();
    let findings = message.is(Message::FINDINGS);
    let Message { run, tenant, now, file, .. } = message;
    Job { run, tenant, source, now, window: None, file, findings }
}

/// What a job was doing when its process was killed, as the ledger and the workspace tell; and whose
/// attempt at it holds.
async fn doing(world: &World, message: &Value, batches: &[Batch]) -> (&'static str, Value) {
    let (job, run) = (job(message), message["run"].as_str().unwrap());
    let read = async |path: String| {
        let found = world.ledger.read(&path).await.unwrap();
        found.map(|(bytes, _)| serde_json::from_slice::<Value>(&bytes).unwrap()).unwrap_or_default()
    };
    let state = read(path::state_of(&job)).await;
    let (current, completed) = (&state["current"], &state["completed"]);
    if completed["run"] == run {
        return ("answer", Value::Null);
    }
    if current["run"] != run {
        return ("claim", Value::Null);
    }
    let (parts, attempt) = (current["parts"].as_u64().unwrap(), current["attempt"].clone());
    let next = path::part(&job, &job.run, parts + 1);
    if let Some((part, _)) = world.ledger.read(&next).await.unwrap() {
        let (text, _) = part::open(&part).unwrap();
        let is_of = |batch: &Batch| batch.run_id == run && text.contains(&batch.record_id);
        let is_sent = batches.iter().any(is_of);
        return (if is_sent { "checkpoint" } else { "send" }, attempt);
    }
    let finishes = read(path::latest(&job.tenant, job.source.name)).await["run"] == run;
    let doing = match finishes {
        true => "finish",
        false if parts == 0 => "first part",
        false => "page or keep",
    };
    (doing, attempt)
}
