//! What a round has left, against what its undisturbed twin leaves.

use super::{DEVICES_OF_TENANT, Round, World};
use crate::support::tenant;
use jiff::Timestamp;
use posture::ledger::{Ledger, path};
use posture::part;
use posture::plan::RunId;
use posture::source::{
    DEVICE_CONFIGURATIONS, DEVICE_VULNERABILITIES, DEVICES, RUNS, Source, VULNERABILITIES,
};
use serde_json::Value;
use simulator::{Batch, Received};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What of the rounds so far came twice, of how much.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) records: usize,
    pub(super) batches: usize,
    pub(super) repeated_rows: usize,
    pub(super) repeated_batches: usize,
    pub(super) repeated_reports: usize,
    /// Of the newest round, by source.
    pub(super) newest: BTreeMap<&'static str, usize>,
}

impl Figures {
    pub(super) fn add(&mut self, other: Figures) {
        self.records += other.records;
        self.batches += other.batches;
        self.repeated_rows += other.repeated_rows;
        self.repeated_batches += other.repeated_batches;
        self.repeated_reports += other.repeated_reports;
    }

    /// Batches that came twice, the reports' included.
    pub(super) fn repeated(&self) -> usize {
        self.repeated_batches + self.repeated_reports
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { records, batches, repeated_rows, repeated_batches, .. } = self;
        write!(
            f,
            "{records} records kept once each, 0 lost; of {batches} batches {repeated_batches} \
             repeated ({repeated_rows} rows alike), {} reports repeated",
            self.repeated_reports
        )
    }
}

impl World {
    /// Holds a round against its undisturbed twin: the ledger has each record once, `latest/` points to
    /// the whole and its fold is the same, the workspace has every row, and repeats are alike.
    pub(super) async fn compare(&self, round: &Round, figures: &mut Figures) {
        let received = self.microsoft.received();
        figures.newest.clear();
        for source in round.sources {
            let began = self.is_complete(*source, &round.run).await;
            self.reference.run(*source, &round.run, began).await;
            self.ledger_is_right(*source, &round.run, figures).await;
            self.workspace_is_right(*source, &round.run, &received, figures);
            has_reported(*source, &round.run, &received, figures);
        }
        assert_eq!(self.trigger.given_up().await, 0, "no message in the poison queue");
        assert!(received.wrong_types.is_empty(), "{:?}", received.wrong_types);
    }

    /// `latest/` points to this run, and nothing is under way; gives the run's beginning.
    async fn is_complete(&self, source: Source, run: &RunId) -> Timestamp {
        let latest = read(&*self.ledger, &path::latest(&tenant(0).id, source.name)).await;
        assert_eq!(latest["run"], run.as_str(), "{}: latest/", source.name);
        let state = read(&*self.ledger, &path::state(&tenant(0).id, source.name)).await;
        assert_eq!(state["current"], Value::Null, "{}: nothing under way", source.name);
        assert_eq!(state["completed"]["run"], run.as_str(), "{}", source.name);
        latest["began"].as_str().unwrap().parse().unwrap()
    }

    async fn ledger_is_right(&self, source: Source, run: &RunId, figures: &mut Figures) {
        let name = source.name;
        let (twin, latest) = (self.reference.folder.ledger(), path::latest(&tenant(0).id, name));
        let (kept, wanted) =
            (lines(&*self.ledger, source, run).await, lines(&*twin, source, run).await);
        let (one, other) = (unlike(&wanted, &kept), unlike(&kept, &wanted));
        assert!(one.is_empty(), "{name} {run}: {} lost, such as {:?}", one.len(), one.first());
        assert!(other.is_empty(), "{name} {run}: {} more, such as {other:?}", other.len());
        assert_eq!(kept.len(), wanted.len(), "{name} {run}: each record once");
        if let Some(served) = served(source) {
            assert_eq!(kept.len(), served, "{name} {run}: as many as the service has");
        }
        let (ours, theirs) = (read(&*self.ledger, &latest).await, read(&*twin, &latest).await);
        assert_eq!(ours["digest"], theirs["digest"], "{name} {run}: the fold");
        assert_eq!(ours["records"], kept.len(), "{name} {run}: latest/ counts its records");
        figures.records += kept.len();
    }

    fn workspace_is_right(
        &self,
        source: Source,
        run: &RunId,
        received: &Received,
        figures: &mut Figures,
    ) {
        let (name, twin) = (source.name, self.reference.microsoft.received());
        let (rows, wanted) = (rows(received, source, run), rows(&twin, source, run));
        let (had, wanted): (BTreeSet<_>, BTreeSet<_>) =
            (rows.iter().collect(), wanted.iter().collect());
        let lost = wanted.difference(&had).count();
        assert_eq!(lost, 0, "{name} {run}: rows that the workspace never got");
        // A repeat that differed in anything, RunId and RecordId included, would be one more.
        assert_eq!(had.len(), wanted.len(), "{name} {run}: repeats are alike");
        let batches = batches(&received.batches, source, run);
        let first: BTreeSet<_> = batches.iter().map(|batch| &batch.record_id).collect();
        let repeated = batches.len() - first.len();
        figures.batches += first.len();
        figures.repeated_rows += rows.len() - had.len();
        let most = batches.iter().map(|batch| batch.rows).max().unwrap_or(0) as usize;
        assert!(rows.len() - had.len() <= repeated * most, "{name} {run}: only whole batches");
        figures.repeated_batches += repeated;
        figures.newest.insert(name, repeated);
    }
}

/// The run's report came, and its repeats are one row to whoever asks by `RecordId`.
fn has_reported(source: Source, run: &RunId, received: &Received, figures: &mut Figures) {
    let rows = received.tables[RUNS.name].iter();
    let rows = rows.filter(|row| row["Source"] == source.name && row["RunId"] == run.as_str());
    let complete: Vec<_> = rows.filter(|row| row["Status"] == "complete").collect();
    let ids: BTreeSet<_> = complete.iter().map(|row| row["RecordId"].as_str()).collect();
    assert_eq!(ids.len(), 1, "{} {run}: one report", source.name);
    let repeated = complete.len() - 1;
    figures.repeated_reports += repeated;
    // A report is a batch too: a kill at the end of a run repeats it and no other.
    *figures.newest.entry(source.name).or_default() += repeated;
}

/// How many records the service has, where that is known beforehand.
fn served(source: Source) -> Option<usize> {
    let (devices, rows) = (DEVICES_OF_TENANT, super::options().rows_per_device);
    let count = match source.name {
        name if name == DEVICES.name => devices,
        name if name == VULNERABILITIES.name => tenant(devices).vulnerabilities,
        name if name == DEVICE_VULNERABILITIES.name => devices * rows.vulnerabilities,
        name if name == DEVICE_CONFIGURATIONS.name => devices * rows.configurations,
        _ => return None,
    };
    Some(count as usize)
}

/// The batches of a run, of a source that is alone in its table in that run.
fn batches<'a>(batches: &'a [Batch], source: Source, run: &RunId) -> Vec<&'a Batch> {
    let of_run = |batch: &&Batch| batch.table == source.table.name && batch.run_id == run.as_str();
    batches.iter().filter(of_run).collect()
}

fn rows(received: &Received, source: Source, run: &RunId) -> Vec<String> {
    let rows = received.tables.get(source.table.name).into_iter().flatten();
    let is_its = |row: &&Value| row["Source"] == source.name && row["RunId"] == run.as_str();
    rows.filter(is_its).map(Value::to_string).collect()
}

/// What of `these` isn't in `those` as often.
fn unlike<'a>(these: &'a [String], those: &[String]) -> Vec<&'a String> {
    let mut count: BTreeMap<&str, i32> = BTreeMap::new();
    those.iter().for_each(|line| *count.entry(line).or_default() += 1);
    let mut more = Vec::new();
    for line in these {
        let left = count.entry(line).or_default();
        *left -= 1;
        if *left < 0 {
            more.push(line);
        }
    }
    more
}

/// All kept lines of a run.
async fn lines(ledger: &dyn Ledger, source: Source, run: &RunId) -> Vec<String> {
    let folder = format!("records/{}/{}/{}/{run}/", tenant(0).id, source.name, run.day_path());
    let mut lines = Vec::new();
    for path in ledger.list(&folder).await.unwrap() {
        let (bytes, _) = ledger.read(&path).await.unwrap().unwrap();
        let (text, _) = part::open(&bytes).unwrap();
        lines.extend(text.lines().map(str::to_owned));
    }
    lines
}

async fn read(ledger: &dyn Ledger, path: &str) -> Value {
    let found = ledger.read(path).await.unwrap();
    let (bytes, _) = found.unwrap_or_else(|| panic!("{path} isn't there"));
    serde_json::from_slice(&bytes).unwrap()
}
