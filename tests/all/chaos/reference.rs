//! The undisturbed twin: the same runs in this process, over a simulator and a folder of its own.

use crate::support::{self, Folder, tenant};
use jiff::Timestamp;
use posture::app::{self, App};
use posture::plan::RunId;
use posture::report::Status;
use posture::run::run;
use posture::source::Source;
use simulator::Simulator;
use std::cell::Cell;

thread_local! {
    /// The instant that the disturbed run began at. What is asked for since, and `TimeGenerated`, follow
    /// from it.
    static BEGAN: Cell<Option<Timestamp>> = const { Cell::new(None) };
}

fn clock() -> Timestamp {
    BEGAN.get().unwrap_or_else(app::clock)
}

pub(super) struct Reference {
    pub(super) microsoft: Simulator,
    pub(super) folder: Folder,
    app: App,
}

impl Reference {
    pub(super) async fn new() -> Reference {
        let (microsoft, folder) = (support::start(super::options()).await, Folder::new());
        let mut app = support::app(&microsoft, &[tenant(0)], folder.ledger());
        app.clock = clock;
        Reference { microsoft, folder, app }
    }

    /// Carries out what a run that began at this instant would have done undisturbed.
    pub(super) async fn run(&self, source: Source, id: &RunId, began: Timestamp) {
        let tenant = support::first(&self.app);
        let job = self.app.job(tenant, source, id.clone(), true);
        BEGAN.set(Some(began));
        let report = run(&self.app, &job).await;
        BEGAN.set(None);
        assert_eq!(report.status, Status::Complete, "{report}");
    }
}
