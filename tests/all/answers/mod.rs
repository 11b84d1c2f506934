//! What the routes answer from digests: snapshots of every route over a tenant whose records, clock and
//! run are always the same, and what filters, pages and gaps do.
//!
//! An answer that is meant to change is written anew by `RENEW_ANSWERS=1 cargo test --test all -- answers::`;
//! look at the difference before you commit it.

mod estimate;
mod lists;
mod many;
mod snapshots;

use crate::support::{self, Folder, answer};
use jiff::Timestamp;
use posture::app::App;
use posture::host::Reply;
use posture::plan::{Job, RunId};
use posture::report::Status;
use posture::run::run;
use posture::source::{Source, defaults};
use serde_json::Value;
use simulator::{Options, Simulator};

/// The instant at which everything happens.
const MOMENT: &str = "2026-03-10T10:15:00Z";

fn moment() -> Timestamp {
    MOMENT.parse().unwrap()
}

/// A simulator, a ledger and an app whose clocks stand still.
struct World {
    microsoft: Simulator,
    folder: Folder,
    app: App,
}

impl World {
    /// These tenants, of which nothing is collected yet.
    async fn of(tenants: Vec<simulator::Tenant>) -> World {
        let mut options = Options::new(tenants.clone(), posture::describe::tables_json());
        (options.limits, options.started, options.today) =
            (false, moment(), jiff::civil::date(2026, 3, 10));
        let microsoft = support::start(options).await;
        let folder = Folder::new();
        let mut app = support::app(&microsoft, &tenants, folder.ledger());
        app.clock = moment;
        support::first_mut(&mut app).sources = defaults();
        World { microsoft, folder, app }
    }

    /// One tenant of 40 devices, of which nothing is collected yet.
    async fn empty() -> World {
        World::of(vec![support::tenant(40)]).await
    }

    /// The same after one run of everything that is collected by default.
    async fn collected() -> World {
        let world = World::empty().await;
        for source in defaults() {
            let status = world.collect(source).await;
            assert_eq!(status, Status::Complete, "{}", source.name);
        }
        world
    }

    async fn collect(&self, source: Source) -> Status {
        let run_id = RunId::at(moment());
        let job = Job { run: run_id, ..support::job(&self.app, source) };
        run(&self.app, &job).await.status
    }

    async fn get(&self, path: &str, query: &str) -> Reply {
        answer(&self.app, "GET", path, query).await
    }

    /// The JSON of a right answer.
    async fn json(&self, path: &str, query: &str) -> Value {
        let reply = self.get(path, query).await;
        assert_eq!(reply.status, 200, "{path}?{query}: {}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }
}
