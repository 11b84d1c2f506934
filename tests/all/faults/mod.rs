//! Bad input and faults: each has a clear message with the next step, and costs the others nothing.

mod broken_pages;
mod incomplete;
mod limits;
mod logs;
mod odd_records;
mod odd_values;
mod refusals;
mod storage;
mod throttling;
mod tokens;

use crate::support::{self, Folder, job, kept_lines, later};
use posture::app::App;
use posture::report::{Report, Status};
use posture::run::run;
use posture::source::{RECOMMENDATIONS, SECURE_SCORES, Source, Table};
use serde_json::Value;
use simulator::{Api, Fault, FaultKind, Options, Simulator};
use std::collections::BTreeSet;

const MACHINES: &str = "/api/machines";

/// A simulator, a ledger and the app between them.
struct World {
    microsoft: Simulator,
    folder: Folder,
    app: App,
}

impl World {
    /// One tenant with so many devices, on pages of ordinary size.
    async fn new(devices: u32) -> World {
        World::of(vec![support::tenant(devices)], None).await
    }

    /// One tenant with so many devices, on pages of so many records.
    async fn paged(devices: u32, page_size: usize) -> World {
        World::of(vec![support::tenant(devices)], Some(page_size)).await
    }

    async fn of(tenants: Vec<simulator::Tenant>, page_size: Option<usize>) -> World {
        let mut options = Options::new(tenants.clone(), posture::describe::tables_json());
        options.limits = false;
        options.page_size = page_size;
        let microsoft = support::start(options).await;
        let folder = Folder::new();
        let app = support::app(&microsoft, &tenants, folder.ledger());
        World { microsoft, folder, app }
    }

    fn inject(&self, fault: Fault) {
        self.microsoft.inject(fault);
    }

    /// Makes the answer to every request for devices this body.
    fn answer_devices(&self, body: impl Into<Vec<u8>>) {
        let kind = FaultKind::Body { content_type: "application/json".into(), body: body.into() };
        self.inject(Fault::new(Api::Defender, MACHINES, kind).always());
    }

    async fn collect(&self, source: Source) -> Report {
        run(&self.app, &job(&self.app, source)).await
    }

    /// Collects for a run that was planned so many days from now.
    async fn collect_days_on(&self, source: Source, days: i64) -> Report {
        run(&self.app, &later(&self.app, source, days * 24 * 60)).await
    }

    /// Two sources of two APIs are collected whole, whatever is wrong with a third.
    async fn the_others_are_complete(&self) {
        for source in [RECOMMENDATIONS, SECURE_SCORES] {
            let report = self.collect(source).await;
            assert_eq!(report.status, Status::Complete, "{report}");
            assert!(report.tally.kept > 0, "{report}");
            let latest = self.json(&format!("latest/{}/{}.json", report.tenant, source.name)).await;
            assert_eq!(latest.unwrap()["records"], report.tally.kept);
        }
    }

    /// A thing of the ledger.
    async fn json(&self, path: &str) -> Option<Value> {
        let (bytes, _) = self.folder.ledger().read(path).await.unwrap()?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    async fn state(&self, source: Source) -> Value {
        let path = format!("state/{}/{}.json", support::first(&self.app).id, source.name);
        self.json(&path).await.unwrap()
    }

    /// The run that `latest/` names.
    async fn latest_run(&self, source: Source) -> Option<String> {
        let path = format!("latest/{}/{}.json", support::first(&self.app).id, source.name);
        Some(self.json(&path).await?["run"].as_str().unwrap().to_owned())
    }

    /// All kept lines of a source, over all runs.
    async fn kept(&self, source: Source) -> Vec<String> {
        kept_lines(&*self.folder.ledger(), source).await
    }

    /// The kept lines of a report's run.
    async fn kept_of(&self, report: &Report, source: Source) -> Vec<String> {
        let run = format!(r#""RunId":"{}""#, report.run);
        self.kept(source).await.into_iter().filter(|line| line.contains(&run)).collect()
    }

    /// A run's rows that the workspace has, one entry per row.
    fn rows_of(&self, report: &Report, table: &Table) -> Vec<Value> {
        let received = self.microsoft.received();
        let rows = received.tables.get(table.name).into_iter().flatten();
        rows.filter(|row| row["RunId"] == report.run.as_str()).cloned().collect()
    }

    /// A run is complete: so many records kept, each once, the same ones sent.
    async fn is_whole(&self, report: &Report, source: Source, records: usize) {
        assert_eq!(report.status, Status::Complete, "{report}");
        let kept = self.kept_of(report, source).await;
        let kept: Vec<Value> = kept.iter().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(kept.len(), records, "{report}");
        assert_eq!(ids(&kept).len(), records, "kept twice");
        assert_eq!(kept, self.rows_of(report, &source.table), "sent is not what is kept");
        assert_eq!(report.tally.kept, records as u64);
        assert_eq!(self.latest_run(source).await.as_deref(), Some(report.run.as_str()));
    }

    /// Requests to an API so far whose path begins like that.
    fn requests(&self, api: Api, path: &str) -> usize {
        let seen = self.microsoft.requests();
        seen.iter().filter(|seen| seen.api == api && seen.path.starts_with(path)).count()
    }
}

fn ids(rows: &[Value]) -> BTreeSet<&str> {
    rows.iter().map(|row| row["RecordId"].as_str().unwrap()).collect()
}

fn status(code: u16) -> FaultKind {
    FaultKind::Status { code, retry_after: None }
}

/// A report ends so and says all of this, the next step after a colon, and nothing secret.
fn says(report: &Report, status: Status, parts: &[&str]) {
    let message = &report.message;
    assert_eq!(report.status, status, "{report}");
    for part in parts {
        assert!(message.contains(part), "{part:?} isn't in {message:?}");
    }
    let next_step = message.rsplit(": ").next().unwrap();
    assert!(message.contains(": ") && next_step.contains(' '), "no next step: {message}");
    assert!(!message.ends_with('.') && !message.contains('\n'), "{message}");
    for secret in ["?", "$skip", "$top", "Bearer", "eyJ", "simulated-secret", "sig="] {
        assert!(!message.contains(secret), "{secret:?} is in {message:?}");
    }
}
