//! Cut short at any write, findings are gone on with; one kept part is in memory at a time.

use super::{Posted, app, job_of, written};
use crate::support::{self, Folder, job};
use bytes::Bytes;
use jiff::Timestamp;
use posture::ledger::{Kept, Ledger, LedgerError, Version};
use posture::report::Status;
use posture::run::step;
use posture::source::{DEVICES, SECURE_SCORES};
use std::sync::{Arc, Mutex};

/// A ledger whose process is killed before its so manyeth write; it remembers what was done.
struct Killed {
    inner: Arc<dyn Ledger>,
    writes: Mutex<usize>,
    done: Mutex<Vec<String>>,
}

impl Killed {
    fn before(inner: Arc<dyn Ledger>, writes: usize) -> Arc<Killed> {
        Arc::new(Killed { inner, writes: Mutex::new(writes), done: Mutex::default() })
    }

    fn write(&self, path: &str) -> Result<(), LedgerError> {
        let mut left = self.writes.lock().unwrap();
        if *left == 0 {
            return Err(LedgerError::Failed { path: path.to_owned(), what: "killed".to_owned() });
        }
        *left -= 1;
        self.done.lock().unwrap().push(format!("write {path}"));
        Ok(())
    }
}

#[async_trait::async_trait]
impl Ledger for Killed {
    async fn keep(&self, path: &str, content: Bytes) -> Result<Kept, LedgerError> {
        self.write(path)?;
        self.inner.keep(path, content).await
    }

    async fn read(&self, path: &str) -> Result<Option<(Bytes, Version)>, LedgerError> {
        self.done.lock().unwrap().push(format!("read {path}"));
        self.inner.read(path).await
    }

    async fn replace(
        &self,
        path: &str,
        content: Bytes,
        over: Option<&Version>,
    ) -> Result<Version, LedgerError> {
        self.write(path)?;
        self.inner.replace(path, content, over).await
    }

    async fn remove(&self, path: &str) -> Result<(), LedgerError> {
        self.inner.remove(path).await
    }

    async fn entries(&self, prefix: &str) -> Result<Vec<(String, Timestamp)>, LedgerError> {
        self.inner.entries(prefix).await
    }
}

/// Devices of several parts.
const MANY: u32 = 4000;

#[tokio::test]
async fn findings_that_are_cut_short_at_any_write_are_gone_on_with() {
    let microsoft = support::microsoft(MANY).await;
    let (folder, twin) = (Folder::new(), Folder::new());
    let posted = Posted::default();
    let collecting = app(&microsoft, MANY, folder.ledger());
    step(&collecting, &job(&collecting, DEVICES), &posted).await;
    let message = posted.findings().remove(0);
    for kind in ["records", "latest"] {
        copy(&folder.path().join(kind), &twin.path().join(kind));
    }
    let undisturbed = app(&microsoft, MANY, twin.ledger());
    let report = step(&undisturbed, &job_of(&undisturbed, DEVICES, &message), &posted).await;
    assert_eq!(report.status, Status::Complete, "{report}");
    let expected = written(&twin).await;

    let mut kills = 0;
    loop {
        // Each attempt gets one write further than the one before it got alone.
        let app = app(&microsoft, MANY, Killed::before(folder.ledger(), 1));
        let report = step(&app, &job_of(&app, DEVICES, &message), &posted).await;
        if !report.wants_retry() {
            break;
        }
        kills += 1;
        assert!(kills < 1_000, "it gets no further: {report}");
        let pointer = folder.path().join(format!("latest/{}/findings/5001.json", message.tenant));
        let now = written(&folder).await;
        let events = |files: &[(String, Bytes)]| {
            files.iter().filter(|(path, _)| path.starts_with("findings/")).count()
        };
        let all = events(&now) == events(&expected);
        assert!(all || !pointer.exists(), "the pointer moves last: {} files", now.len());
    }

    assert!(kills >= expected.len(), "{kills} kills, {} files", expected.len());
    assert_eq!(written(&folder).await, expected);
}

/// A snapshot that is complete and whose message isn't posted yet isn't done with.
#[tokio::test]
async fn a_completion_that_is_cut_short_posts_its_findings_when_it_is_gone_on_with() {
    let microsoft = support::microsoft(3).await;
    let folder = Folder::new();
    let mut writes = 0;
    let job = job(&app(&microsoft, 3, folder.ledger()), SECURE_SCORES);
    loop {
        let posted = Posted::default();
        let app = app(&microsoft, 3, Killed::before(folder.ledger(), writes));
        let report = step(&app, &job, &posted).await;
        let is_posted = !posted.findings().is_empty();
        if report.status == Status::Complete {
            assert!(is_posted, "complete without a message");
            break;
        }
        // Whoever comes next posts it again, where the state isn't written.
        assert_ne!(report.status, Status::Unneeded, "{report}");
        writes += 1;
        assert!(writes < 100, "{report}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(writes > 4, "{writes} kills");
}

#[tokio::test]
async fn one_kept_part_is_in_memory_at_a_time() {
    let microsoft = support::microsoft(MANY).await;
    let folder = Folder::new();
    let posted = Posted::default();
    let ledger = Killed::before(folder.ledger(), usize::MAX);
    let mut app = app(&microsoft, MANY, ledger.clone());
    support::first_mut(&mut app).formats.parquet = false;
    step(&app, &job(&app, DEVICES), &posted).await;
    ledger.done.lock().unwrap().clear();

    step(&app, &job_of(&app, DEVICES, &posted.findings()[0]), &posted).await;

    let done = ledger.done.lock().unwrap();
    let parts = done.iter().filter(|what| {
        what.starts_with("read records/") || what.contains(".jsonl.gz") && what.starts_with("write")
    });
    let kinds: Vec<_> = parts.map(|what| what.split(' ').next().unwrap()).collect();
    assert!(kinds.len() >= 6, "{done:?}");
    assert!(kinds.chunks(2).all(|pair| pair == ["read", "write"]), "{kinds:?}");
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}
