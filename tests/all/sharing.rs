//! Messages that jobs send themselves: the files of an export, shared by instances, and runs that go on
//! later.

use crate::exports::{World, ids};
use crate::support::azurite::Azurite;
use crate::support::{self, job, kept_lines};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::future::join_all;
use posture::app::App;
use posture::checkpoint;
use posture::ledger::{Taking, Turn, path};
use posture::outbox::{Outbox, OutboxError};
use posture::plan::{Job, Message, RunId};
use posture::queue::Queue;
use posture::report::{Report, Status};
use posture::run::{run, step};
use posture::source::{
    CERTIFICATES, DEVICE_SOFTWARE, DEVICE_VULNERABILITIES, DEVICES, FIRMWARE, Source,
};
use serde_json::Value;
use simulator::{Api, Fault, FaultKind};
use std::sync::Mutex;
use std::time::Duration;

/// Remembers what was posted, as the queue would until somebody takes it.
#[derive(Default)]
struct Posted(Mutex<Vec<(Message, Duration)>>);

impl Posted {
    fn take(&self) -> Vec<(Message, Duration)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait::async_trait]
impl Outbox for Posted {
    async fn post(&self, message: &Message, after: Duration) -> Result<(), OutboxError> {
        self.0.lock().unwrap().push((message.clone(), after));
        Ok(())
    }

    fn holds(&self) -> Duration {
        Duration::from_secs(900)
    }
}

/// The job of a message, as the queue's function reads it.
fn job_of(app: &App, source: Source, message: &Message) -> Job {
    let findings = message.is(Message::FINDINGS);
    let Message { run, now, file, .. } = message.clone();
    Job { run, now, file, findings, ..job(app, source) }
}

async fn latest(world: &World, source: Source) -> Value {
    let path = path::latest(&support::tenant(0).id, source.name);
    let there = world.folder.ledger().read(&path).await.unwrap();
    serde_json::from_slice(&there.unwrap().0).unwrap()
}

/// A set of files, handed out by the world's own instance.
async fn handed_out(world: &World, source: Source) -> (Job, Vec<Message>) {
    let (job, posted) = (job(&world.app, source), Posted::default());
    let report = step(&world.app, &job, &posted).await;
    assert_eq!(report.status, Status::Postponed, "{report}");
    let messages: Vec<_> = posted.take().into_iter().map(|(message, _)| message).collect();
    assert!(messages.len() >= 3 && messages.iter().all(|one| one.kind.as_deref() == Some("file")));
    (job, messages)
}

#[tokio::test]
async fn instances_share_an_exports_files_and_the_last_one_read_completes_the_set() {
    let (world, alone) = (World::new(60).await, World::new(60).await);
    alone.complete(DEVICE_VULNERABILITIES, 0).await;
    let other = support::app(&world.microsoft, &[support::tenant(60)], world.folder.ledger());
    let (_, mut messages) = handed_out(&world, DEVICE_VULNERABILITIES).await;
    messages.reverse();

    let mut reports: Vec<Report> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let app = if index % 2 == 0 { &world.app } else { &other };
        let job = job_of(app, DEVICE_VULNERABILITIES, message);
        reports.push(step(app, &job, &Posted::default()).await);
    }

    let (last, before) = reports.split_last().unwrap();
    assert_eq!(last.status, Status::Complete, "{last}");
    assert!(before.iter().all(|report| report.status == Status::Postponed));
    let rows = world.rows(DEVICE_VULNERABILITIES).await;
    assert_eq!((rows.len() as u64, ids(&rows).len()), (last.tally.kept, rows.len()));
    let shared = latest(&world, DEVICE_VULNERABILITIES).await;
    let whole = latest(&alone, DEVICE_VULNERABILITIES).await;
    assert_eq!(shared["digest"], whole["digest"], "the shares' folds come to the whole one");
    assert_eq!(shared["files"].as_object().unwrap().len(), messages.len());
    let state = path::beside(&support::tenant(0).id, DEVICE_VULNERABILITIES.name);
    assert!(world.folder.ledger().list(&state).await.unwrap().is_empty(), "what files left behind");
}

#[tokio::test]
async fn a_files_message_that_comes_twice_changes_nothing() {
    let world = World::new(40).await;
    let (set, messages) = handed_out(&world, DEVICE_SOFTWARE).await;
    let posted = Posted::default();
    let files: Vec<_> =
        messages.iter().map(|message| job_of(&world.app, DEVICE_SOFTWARE, message)).collect();

    let first = step(&world.app, &files[0], &posted).await;
    let again = step(&world.app, &files[0], &posted).await;
    let (one, two) =
        tokio::join!(step(&world.app, &files[1], &posted), step(&world.app, &files[1], &posted));
    for file in &files[2..] {
        step(&world.app, file, &posted).await;
    }
    let late = step(&world.app, &files[0], &posted).await;
    let set_again = step(&world.app, &set, &posted).await;

    assert_eq!(first.status, Status::Postponed);
    assert!(matches!(again.status, Status::Postponed | Status::Unneeded), "{again}");
    assert!([one.status, two.status].contains(&Status::Postponed), "{one} {two}");
    assert_eq!((late.status, set_again.status), (Status::Unneeded, Status::Unneeded));
    let rows = world.rows(DEVICE_SOFTWARE).await;
    assert_eq!((rows.len(), ids(&rows).len()), (400, 400));
    assert_eq!(latest(&world, DEVICE_SOFTWARE).await["digest"]["rows"], 400);
    assert!(posted.take().is_empty());
}

#[tokio::test]
async fn a_set_whose_files_are_under_way_is_not_planned_again() {
    let world = World::new(40).await;
    let (set, messages) = handed_out(&world, DEVICE_SOFTWARE).await;
    let posted = Posted::default();

    let due = support::due(&world.app, world.app.now()).await;
    let planned = step(&world.app, &Job { now: false, ..set.clone() }, &posted).await;
    let by_a_person = step(&world.app, &set, &posted).await;

    assert!(due.iter().all(|job| job.source.name != DEVICE_SOFTWARE.name));
    assert_eq!(planned.status, Status::Unneeded, "{planned}");
    assert_eq!(by_a_person.status, Status::Postponed);
    assert_eq!(posted.take().len(), messages.len(), "asked for: posted once more");
}

#[tokio::test]
async fn a_run_whose_time_is_up_goes_on_by_a_message() {
    let mut world = World::new(30).await;
    world.app.limits.run = Duration::ZERO;
    let (job, posted) = (job(&world.app, DEVICES), Posted::default());

    let cut = step(&world.app, &job, &posted).await;
    world.app.limits.run = Duration::from_secs(60);
    let (message, after) = posted.take().remove(0);
    let resumed = step(&world.app, &job_of(&world.app, DEVICES, &message), &posted).await;

    assert_eq!((cut.status, after, message.run), (Status::Postponed, Duration::ZERO, job.run));
    assert!(cut.message.contains("goes on by itself"), "{cut}");
    assert_eq!((resumed.status, resumed.tally.attempts), (Status::Complete, 2));
    assert_eq!(kept_lines(&*world.folder.ledger(), DEVICES).await.len(), 30);
}

#[tokio::test]
async fn a_service_that_asks_for_more_patience_than_a_run_has_puts_it_back_with_a_delay() {
    let world = World::new(30).await;
    let throttled = FaultKind::Status { code: 429, retry_after: Some("600".into()) };
    world.microsoft.inject(Fault::new(Api::Defender, "", throttled).times(1));
    let (job, posted) = (job(&world.app, DEVICES), Posted::default());

    let put_back = step(&world.app, &job, &posted).await;
    let due = support::due(&world.app, world.app.now()).await;
    let (state, _) =
        checkpoint::read(&*world.folder.ledger(), &path::state(&job.tenant, DEVICES.name))
            .await
            .unwrap();
    let (message, after) = posted.take().remove(0);
    let resumed = step(&world.app, &job_of(&world.app, DEVICES, &message), &posted).await;

    assert_eq!((put_back.status, after), (Status::Postponed, Duration::from_secs(600)));
    assert!(put_back.message.contains("throttled at /api/machines"), "{put_back}");
    assert!(due.iter().all(|job| job.source.name != DEVICES.name), "planned too early");
    assert!(state.reason().unwrap().contains("throttled"), "health says why");
    assert_eq!(resumed.status, Status::Complete);
}

#[tokio::test]
async fn without_a_queue_a_long_wait_ends_the_job_until_it_is_asked_for_again() {
    let world = World::new(30).await;
    let throttled = FaultKind::Status { code: 429, retry_after: Some("600".into()) };
    world.microsoft.inject(Fault::new(Api::Defender, "", throttled).times(1));

    let failed = run(&world.app, &job(&world.app, DEVICES)).await;
    let resumed = run(&world.app, &job(&world.app, DEVICES)).await;

    assert_eq!(failed.status, Status::Failed, "{failed}");
    assert!(failed.message.contains(": the next attempt goes on"), "{failed}");
    assert_eq!(resumed.status, Status::Complete, "{resumed}");
}

#[tokio::test]
async fn a_heavy_job_comes_back_later_while_another_instance_has_the_turn() {
    let world = World::new(20).await;
    let (job, posted) = (job(&world.app, DEVICE_SOFTWARE), Posted::default());
    let what = (job.tenant.as_str(), DEVICE_SOFTWARE.turn().unwrap());
    let (ledger, now) = (world.folder.ledger(), world.app.now());
    let hold = Duration::from_secs(60);
    let taken = Turn::take(ledger.clone(), what, "another", now, hold).await.unwrap();
    let Taking::Mine(turn) = taken else { panic!("nobody else is there") };

    let waits = step(&world.app, &job, &posted).await;
    let posted_back = posted.take();
    let asked = world.microsoft.requests().len();
    turn.release(now).await.unwrap();
    let goes = step(&world.app, &job, &posted).await;

    assert_eq!(waits.status, Status::Postponed, "{waits}");
    assert!(waits.message.contains("another job has the turn"), "{waits}");
    assert_eq!(posted_back.len(), 1);
    assert!(posted_back[0].1 > Duration::ZERO && posted_back[0].0.file.is_none());
    assert_eq!(asked, 0, "nothing is asked without the turn");
    let (state, _) =
        checkpoint::read(&*ledger, &path::state(&job.tenant, DEVICE_SOFTWARE.name)).await.unwrap();
    assert_eq!(state.reason(), None, "waiting for a turn is no failure");
    assert_eq!(goes.status, Status::Postponed, "{goes}");
    assert!(posted.take().iter().all(|(message, _)| message.file.is_some()));
}

#[tokio::test]
async fn heavy_jobs_of_one_process_follow_one_another() {
    let mut world = World::new(30).await;
    // Who finds the turn taken looks again after a fifteenth of that.
    world.app.limits.claim = Duration::from_secs(60);
    let sources = [DEVICE_SOFTWARE, DEVICE_VULNERABILITIES, CERTIFICATES, FIRMWARE];
    let jobs = sources.map(|source| job(&world.app, source));

    let reports = join_all(jobs.iter().map(|job| run(&world.app, job))).await;

    for report in reports {
        assert_eq!(report.status, Status::Complete, "{report}");
        assert!(report.tally.waited_ms < 4_000, "the turn was there: {report}");
    }
}

#[tokio::test]
async fn a_message_goes_to_the_queue_as_the_hosts_own_do_and_comes_when_it_is_due() {
    let azurite = Azurite::start_queues().await;
    let account = azurite.url().parse().unwrap();
    let world = World::new(1).await;
    let tokens = support::first(&world.app).tokens();
    let queue = Queue::new(&account, "posture-jobs", tokens, posture::app::clock).unwrap();
    let job = Job { run: RunId::at(world.app.now()), ..job(&world.app, DEVICES) };
    let message = Message::from(&job.of_file("0123456789ab"));

    let without = queue.post(&message, Duration::ZERO).await.unwrap_err();
    let there = crate::support::queue_trigger::queue(&azurite, "posture-jobs").await;
    queue.post(&message, Duration::ZERO).await.unwrap();
    queue.post(&message, Duration::from_secs(3600)).await.unwrap();

    assert!(without.to_string().contains("posture-jobs (answered 404)"), "{without}");
    assert_eq!(queue.jobs().await.unwrap(), Some(2));
    let seen = there.peek_messages(None).await.unwrap().into_model().unwrap();
    let seen: Vec<_> = seen.items.unwrap_or_default();
    assert_eq!(seen.len(), 1, "a delayed message isn't in sight");
    let bytes = BASE64_STANDARD.decode(seen[0].message_text.as_ref().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Message>(&bytes).unwrap(), message);
}
