//! The workspace of the demo's tenants: what a simulated one received of them, among it runs that were cut
//! short, repeated and given up.

use crate::cve;
use crate::kql::Rows;
use crate::support::{self, Folder};
use posture::app::App;
use posture::plan::RunId;
use posture::report::{Report, Status};
use posture::run::run;
use posture::source::DEVICES;
use simulator::{Api, Fault, FaultKind, Options, Simulator};
use tokio::sync::OnceCell;

/// The demo's tenants.
pub const TENANTS: [&str; 3] = ["Contoso", "Fabrikam", "Northwind"];

/// Rows of the demo's tenants by stream, collected once for all tests.
pub async fn demo() -> &'static Rows {
    static ROWS: OnceCell<Rows> = OnceCell::const_new();
    ROWS.get_or_init(collected).await
}

async fn collected() -> Rows {
    let tenants: Vec<_> =
        (1..).zip(TENANTS).map(|(n, name)| simulator::Tenant::new(n, name, 60)).collect();
    let mut options = Options::new(tenants.clone(), posture::describe::tables_json());
    options.limits = false;
    let microsoft = support::start(options).await;
    let folder = Folder::new();
    let app = demo_app(&microsoft, &tenants, &folder);
    // An answer is lost on the way: its batch is there twice.
    let logs = Fault::new(Api::Logs, "/dataCollectionRules/", FaultKind::CutBody);
    microsoft.inject(logs.after(5).times(2));
    let first = everything(&app, 0).await;
    assert!(first.iter().all(|report| report.status == Status::Complete), "{first:?}");
    microsoft.clear_faults();
    microsoft.advance_days(1);
    (0..4).for_each(|_| microsoft.advance_snapshot());
    // A day later one tenant has withdrawn permissions; what holds its tokens is gone.
    microsoft.set_roles(&tenants[2].id, &["SecurityEvents.Read.All", "Machine.Read.All"]);
    let app = demo_app(&microsoft, &tenants, &folder);
    let second = everything(&app, 25 * 60).await;
    assert!(second.iter().any(|report| report.status == Status::Refused), "{second:?}");
    received(&microsoft)
}

/// The demo's app: its tenants, and the one that stands for all.
fn demo_app(microsoft: &Simulator, tenants: &[simulator::Tenant], folder: &Folder) -> App {
    let mut app = support::app(microsoft, tenants, folder.ledger());
    app.everyone = cve::app(microsoft, folder).everyone;
    app
}

/// Every source of every tenant, planned so many minutes from now; then what is read once for all. Tenants go
/// one after another.
async fn everything(app: &App, minutes: i64) -> Vec<Report> {
    let mut reports = Vec::new();
    let at = RunId::at(app.now() + jiff::SignedDuration::from_mins(minutes));
    let present = app.tenants().await.unwrap();
    let everyone = app.for_all(&present).unwrap();
    for tenant in present.tenants.iter() {
        for source in &tenant.sources {
            reports.push(run(app, &app.job(tenant, *source, at.clone(), true)).await);
        }
    }
    for source in &everyone.sources {
        reports.push(run(app, &app.job(&everyone, *source, at.clone(), true)).await);
    }
    reports
}

fn received(microsoft: &Simulator) -> Rows {
    let mut received = microsoft.received();
    let mut all = Rows::new();
    for batch in received.batches {
        let rows = received.tables.get_mut(&batch.table).unwrap();
        let rest = rows.split_off(batch.rows as usize);
        let stream = batch.stream.replacen("Custom-", "", 1);
        all.entry(stream).or_default().extend(std::mem::replace(rows, rest));
    }
    all
}

#[tokio::test]
async fn every_table_that_a_source_fills_has_rows_of_every_tenant() {
    let rows = demo().await;
    let devices = &rows[DEVICES.table.name];
    let names = devices.iter().filter_map(|row| row["TenantName"].as_str());
    let names: std::collections::BTreeSet<_> = names.collect();
    assert_eq!(names, TENANTS.into_iter().collect());
}
