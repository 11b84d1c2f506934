//! Completed snapshots in open formats, beside their records.

mod jobs;
mod judged;
mod parquet;
mod resumed;

use crate::support::{self, Folder};
use posture::app::App;
use posture::findings::Formats;
use posture::ledger::Ledger;
use posture::outbox::{Outbox, OutboxError};
use posture::plan::{Job, Message};
use posture::source::Source;
use serde_json::Value;
use simulator::Simulator;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Remembers what was posted, as the queue would until somebody takes it.
#[derive(Default)]
struct Posted(Mutex<Vec<Message>>);

impl Posted {
    /// The messages of completed snapshots.
    fn findings(&self) -> Vec<Message> {
        let posted = self.0.lock().unwrap();
        posted.iter().filter(|message| message.is(Message::FINDINGS)).cloned().collect()
    }
}

#[async_trait::async_trait]
impl Outbox for Posted {
    async fn post(&self, message: &Message, _: Duration) -> Result<(), OutboxError> {
        self.0.lock().unwrap().push(message.clone());
        Ok(())
    }

    fn holds(&self) -> Duration {
        Duration::from_secs(900)
    }
}

/// The job of such a message, as the queue's function reads it.
fn job_of(app: &App, source: Source, message: &Message) -> Job {
    Job { run: message.run.clone(), findings: true, now: false, ..support::job(app, source) }
}

/// An app of one tenant that writes all formats.
fn app(microsoft: &Simulator, devices: u32, ledger: Arc<dyn Ledger>) -> App {
    let mut app = support::app(microsoft, &[support::tenant(devices)], ledger);
    support::first_mut(&mut app).formats = Formats::all();
    app
}

/// The events of all kept files whose path holds that.
async fn events(ledger: &dyn Ledger, holds: &str) -> Vec<String> {
    let mut events = Vec::new();
    for path in ledger.list("findings/").await.unwrap() {
        if path.ends_with(".jsonl.gz") && path.contains(holds) {
            let (bytes, _) = ledger.read(&path).await.unwrap().unwrap();
            let (text, _) = posture::part::open(&bytes).unwrap();
            events.extend(text.lines().map(str::to_owned));
        }
    }
    events
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The ids of the findings in these events.
fn uids(events: &[String]) -> Vec<String> {
    let uid = |event: &String| json(event)["finding_info"]["uid"].as_str().unwrap().to_owned();
    events.iter().map(uid).collect()
}

/// What of a folder is written in open formats: each file with its bytes.
async fn written(folder: &Folder) -> Vec<(String, bytes::Bytes)> {
    let ledger = folder.ledger();
    let mut found = Vec::new();
    for prefix in ["findings/", "parquet/"] {
        for path in ledger.list(prefix).await.unwrap() {
            let (bytes, _) = ledger.read(&path).await.unwrap().unwrap();
            found.push((path, bytes));
        }
    }
    found
}
