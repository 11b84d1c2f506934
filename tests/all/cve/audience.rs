//! What is read once goes to several workspaces, to each what concerns its own tenants.

use super::*;
use posture::tenant::Roster;
use std::sync::Arc;

/// The ids in a workspace's table, each as often as it came.
fn arrived(workspace: &Simulator, source: Source, field: &str) -> Vec<String> {
    let received = workspace.received();
    assert!(received.wrong_types.is_empty(), "{:?}", received.wrong_types);
    let rows = received.tables.get(source.table.name).cloned().unwrap_or_default();
    let mut ids: Vec<_> = rows.iter().map(|row| row[field].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// Tenants and the workspaces that they send to: two share the first one, the third has its own.
struct World {
    microsoft: Simulator,
    other: Simulator,
    app: App,
    _folder: Folder,
}

const OF_EACH: [&[&str]; 3] = [
    &["CVE-2021-44228", "CVE-2017-0144"],
    &["CVE-2017-0144"],
    &["CVE-2021-44228", "CVE-2023-23397"],
];

async fn world() -> World {
    let names = ["Contoso", "Fabrikam", "Northwind"];
    let tenant = |(number, name): (u32, &&str)| simulator::Tenant::new(number, name, 5);
    let tenants: Vec<_> = (1..).zip(&names).map(tenant).collect();
    let mut options = Options::new(tenants.clone(), posture::describe::tables_json());
    options.limits = false;
    let (microsoft, other) = (support::start(options.clone()).await, support::start(options).await);
    let folder = Folder::new();
    let elsewhere = support::app(&other, &tenants, folder.ledger());
    let mut app = support::app(&microsoft, &tenants, folder.ledger());
    let Roster::Fixed(present) = &mut app.roster else { panic!("fixed tenants") };
    let third = &mut Arc::get_mut(present).unwrap().tenants[2];
    Arc::get_mut(third).unwrap().logs = support::first(&elsewhere).logs.clone();
    app.everyone = super::app(&microsoft, &folder).everyone;
    for (tenant, ids) in tenants.iter().zip(OF_EACH) {
        microsoft.inject(exposing(ids).tenant(&tenant.id));
        let tenant = app.tenants().await.unwrap().tenant(&tenant.id).unwrap().clone();
        let job = app.job(&tenant, VULNERABILITIES, RunId::at(app.now()), true);
        assert_eq!(run::run(&app, &job).await.status, Status::Complete);
    }
    World { microsoft, other, app, _folder: folder }
}

#[tokio::test]
async fn each_workspace_gets_what_concerns_its_tenants_once_and_the_catalogue_whole() {
    let World { microsoft, other, app, .. } = &world().await;

    for source in [KNOWN_EXPLOITED, EPSS, NVD] {
        let report = collect(app, source, 0).await;
        assert_eq!(report.status, Status::Complete, "{report}");
    }

    for (source, field) in [(EPSS, "cve"), (NVD, "id")] {
        assert_eq!(arrived(microsoft, source, field), ["CVE-2017-0144", "CVE-2021-44228"]);
        assert_eq!(arrived(other, source, field), ["CVE-2021-44228", "CVE-2023-23397"]);
    }
    let catalogue = arrived(microsoft, KNOWN_EXPLOITED, "cveID");
    assert_eq!(arrived(other, KNOWN_EXPLOITED, "cveID"), catalogue);
    let kept = latest(app, KNOWN_EXPLOITED).await.records;
    assert_eq!(
        (catalogue.len() as u64, catalogue.contains(&"CVE-2025-21335".to_owned())),
        (kept, true)
    );
    let asked = microsoft.requests().iter().filter(|seen| seen.api == Api::Kev).count();
    assert_eq!(asked, 1, "read once");
}

#[tokio::test]
async fn what_a_tenant_becomes_exposed_to_later_goes_to_its_workspace_alone() {
    let World { microsoft, other, app, .. } = &world().await;
    collect(app, NVD, 0).await;
    let third = app.tenants().await.unwrap().tenants[2].clone();
    microsoft.clear_faults();
    microsoft.inject(exposing(&["CVE-2024-38063"]).tenant(&third.id));
    let later = RunId::at(app.now() + SignedDuration::from_mins(60));
    run::run(app, &app.job(&third, VULNERABILITIES, later, true)).await;

    let report = collect(app, NVD, 300).await;

    assert_eq!((report.tally.kept, report.tally.sent), (1, 1), "{report}");
    assert!(arrived(other, NVD, "id").contains(&"CVE-2024-38063".to_owned()));
    assert!(!arrived(microsoft, NVD, "id").contains(&"CVE-2024-38063".to_owned()));
}
