//! A ledger that can't be written, or that holds what nobody of ours wrote.

use super::{World, ids, says};
use crate::support;
use bytes::Bytes;
use jiff::Timestamp;
use posture::ledger::{Kept, Ledger, LedgerError, Version, path};
use posture::report::Status;
use posture::source::{DEVICES, SECURE_SCORES};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

fn in_folder(world: &World, path: &str) -> PathBuf {
    world.folder.path().join(path)
}

/// Puts a file in the way and gives its path.
fn put_file(world: &World, path: &str, content: &[u8]) -> PathBuf {
    let file = in_folder(world, path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, content).unwrap();
    file
}

#[tokio::test]
async fn a_file_in_a_folders_place_is_named() {
    for name in ["records", "state", "latest", "runs"] {
        let world = World::new(5).await;
        let in_the_way = put_file(&world, name, b"");

        let failed = world.collect(DEVICES).await;

        let step = "a file stands where a folder is needed: move it away";
        says(&failed, Status::Failed, &[&format!("storage failed at {name}/"), step]);
        fs::remove_file(in_the_way).unwrap();
        let went_on = world.collect_days_on(DEVICES, 1).await;
        assert_eq!(went_on.tally.attempts, if went_on.run == failed.run { 2 } else { 1 });
        world.is_whole(&went_on, DEVICES, 5).await;
        world.the_others_are_complete().await;
    }
}

#[tokio::test]
async fn a_folder_in_a_files_place_is_named() {
    let world = World::new(5).await;
    let state = path::state(&support::first(&world.app).id, DEVICES.name);
    fs::create_dir_all(in_folder(&world, &state)).unwrap();

    let failed = world.collect(DEVICES).await;

    says(&failed, Status::Failed, &["storage failed at state/", "a folder stands where a file"]);
    world.the_others_are_complete().await;
    fs::remove_dir(in_folder(&world, &state)).unwrap();
    let whole = world.collect(DEVICES).await;
    world.is_whole(&whole, DEVICES, 5).await;
}

#[tokio::test]
async fn a_checkpoint_that_is_none_stops_its_source_only() {
    for content in ["", "{", "7", r#"{"current":7}"#, "\u{0}\u{1}"] {
        let world = World::new(5).await;
        let path = path::state(&support::first(&world.app).id, DEVICES.name);
        let file = put_file(&world, &path, content.as_bytes());

        let failed = world.collect(DEVICES).await;

        let parts = ["storage failed at state/", "no checkpoint of this release", "move it away"];
        says(&failed, Status::Failed, &parts);
        assert_eq!(fs::read(&file).unwrap(), content.as_bytes(), "it is there to be looked at");
        assert_eq!(world.microsoft.requests(), []);
        world.the_others_are_complete().await;
        fs::remove_file(file).unwrap();
        let whole = world.collect(DEVICES).await;
        world.is_whole(&whole, DEVICES, 5).await;
    }
}

/// A snapshot that can't be read is replaced by the next complete one.
#[tokio::test]
async fn a_snapshot_that_is_none_is_replaced() {
    for source in [DEVICES, SECURE_SCORES] {
        let world = World::new(5).await;
        put_file(
            &world,
            &path::latest(&support::first(&world.app).id, source.name),
            b"{\"version\":",
        );

        let report = world.collect(source).await;

        let records = if source.name == DEVICES.name { 5 } else { 90 };
        world.is_whole(&report, source, records).await;
    }
}

/// What stands in a part's place and is no part is never overwritten.
#[tokio::test]
async fn a_broken_part_is_named_and_left_alone() {
    let world = World::new(5).await;
    let job = crate::support::job(&world.app, DEVICES);
    let path = path::part(&job, &job.run, 1);
    let file = put_file(&world, &path, b"not gzip");

    let failed = posture::run::run(&world.app, &job).await;

    says(&failed, Status::Failed, &[&path, "is no part", "move it away"]);
    assert_eq!(fs::read(&file).unwrap(), b"not gzip");
    world.the_others_are_complete().await;
    fs::remove_file(file).unwrap();
    let went_on = world.collect_days_on(DEVICES, 1).await;
    assert_eq!(went_on.run, job.run);
    world.is_whole(&went_on, DEVICES, 5).await;
}

/// A storage that refuses the first checkpoint after a part, or loses the answer to the first part: its
/// client sends that again and learns that it is there.
struct Hiccup {
    folder: Arc<dyn Ledger>,
    is_due: AtomicBool,
    loses_answer: AtomicBool,
}

#[async_trait::async_trait]
impl Ledger for Hiccup {
    async fn keep(&self, path: &str, content: Bytes) -> Result<Kept, LedgerError> {
        let kept = self.folder.keep(path, content).await?;
        let is_lost = path.starts_with("records/") && self.loses_answer.swap(false, Relaxed);
        Ok(if is_lost { Kept::There } else { kept })
    }

    async fn read(&self, path: &str) -> Result<Option<(Bytes, Version)>, LedgerError> {
        self.folder.read(path).await
    }

    async fn replace(
        &self,
        path: &str,
        content: Bytes,
        over: Option<&Version>,
    ) -> Result<Version, LedgerError> {
        let is_first = String::from_utf8_lossy(&content).contains(r#""parts":1,"#);
        if path.starts_with("state/") && is_first && self.is_due.swap(false, Relaxed) {
            let what = "the disk is full: make room, nothing kept is lost".to_owned();
            return Err(LedgerError::Failed { path: path.to_owned(), what });
        }
        self.folder.replace(path, content, over).await
    }

    async fn remove(&self, path: &str) -> Result<(), LedgerError> {
        self.folder.remove(path).await
    }

    async fn entries(&self, prefix: &str) -> Result<Vec<(String, Timestamp)>, LedgerError> {
        self.folder.entries(prefix).await
    }
}

/// A part that was kept though nobody heard of it is this attempt's own, not a rival's.
#[tokio::test]
async fn a_lost_answer_to_a_part_does_not_end_the_run() {
    let mut world = World::paged(3_000, 500).await;
    let (is_due, loses_answer) = (false.into(), true.into());
    let ledger = Hiccup { folder: world.folder.ledger(), is_due, loses_answer };
    world.app.ledger = Arc::new(ledger);

    let report = world.collect(DEVICES).await;

    world.is_whole(&report, DEVICES, 3_000).await;
}

/// The part is kept and sent, its checkpoint isn't: it is sent again and kept once.
#[tokio::test]
async fn a_checkpoint_that_is_not_written_repeats_one_batch_and_no_record() {
    for devices in [5, 3_000] {
        let mut world = World::paged(devices, 500).await;
        let (is_due, loses_answer) = (true.into(), false.into());
        let ledger = Hiccup { folder: world.folder.ledger(), is_due, loses_answer };
        world.app.ledger = Arc::new(ledger);

        let failed = world.collect(DEVICES).await;
        let went_on = world.collect_days_on(DEVICES, 1).await;

        says(&failed, Status::Failed, &["storage failed at state/", "the disk is full: make room"]);
        assert_eq!((went_on.status, &went_on.run), (Status::Complete, &failed.run), "{went_on}");
        let kept = world.kept(DEVICES).await;
        let kept: Vec<Value> = kept.iter().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!((kept.len(), ids(&kept).len()), (devices as usize, devices as usize));
        assert_eq!((went_on.tally.kept, went_on.tally.sent), (devices.into(), devices.into()));
        let rows = world.rows_of(&went_on, &DEVICES.table);
        assert_eq!(ids(&rows), ids(&kept));
        assert!(rows.len() > kept.len(), "one batch is there twice");
    }
}
