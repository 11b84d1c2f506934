//! The filters hold for every tile: tenants, time, and a workspace without rows.

use super::{now, opened, rows, shown, tenants, workbook};
use crate::kql::asked;
use content::workbook::{Item, Visual, with};
use jiff::SignedDuration;
use serde_json::json;
use std::collections::BTreeSet;

/// Tiles that ask for no tenant. The portfolio shows every tenant, so that another one can be chosen; a device's own tiles ask for its id.
const OF_ALL: &[&str] = &[
    "tenants/portfolio",
    "devices/device-card",
    "devices/device-vulnerabilities",
    "devices/device-software",
    "devices/device-settings",
];

#[tokio::test]
async fn a_tenant_that_is_not_chosen_shows_nowhere() {
    let (workbook, rows) = (workbook(), rows().await);
    let ids = tenants(rows);
    let chosen = format!("{},{}", ids["Contoso"], ids["Northwind"]);
    let opened_tables = |item: &Item| opened(item) && item.visual == Visual::Table;
    let Some(all) = shown(rows, now(rows), &workbook, opened_tables, &[("Tenant", &chosen)]) else {
        return;
    };
    let nobody = shown(rows, now(rows), &workbook, |_| true, &[("Tenant", "none")]).unwrap();

    let mut seen = 0;
    for (name, rows) in all.iter().filter(|(name, _)| !OF_ALL.contains(&name.as_str())) {
        for row in rows.iter().filter(|row| row["TenantName"].is_string()) {
            assert_ne!(row["TenantName"], "Fabrikam", "{name}");
            seen += 1;
        }
    }
    for (name, rows) in nobody.iter().filter(|(name, _)| !OF_ALL.contains(&name.as_str())) {
        assert!(rows.is_empty(), "{name} shows a tenant that isn't chosen: {:?}", rows[0]);
    }
    assert!(seen > 100, "{seen}");
    assert_eq!(all["tenants/portfolio"].len(), 3);
}

#[tokio::test]
async fn a_time_range_before_the_first_run_shows_nothing() {
    let (workbook, rows) = (workbook(), rows().await);
    let before = now(rows) - SignedDuration::from_hours(100);
    let Some(all) = shown(rows, before, &workbook, |_| true, &[]) else { return };

    all.iter().for_each(|(name, rows)| assert!(rows.is_empty(), "{name}: {:?}", rows[0]));
}

#[tokio::test]
async fn the_tenants_to_choose_from_are_those_that_have_reported() {
    let rows = rows().await;
    let text = with(&workbook().frame.tenants, &[]).unwrap();
    let query = json!({ "name": "Tenant", "text": text, "now": now(rows).to_string(), "hours": super::HOURS });
    let Some(mut answers) = asked(rows, vec![query]) else { return };

    let of_answer = answers.remove(0).rows;
    let offered = of_answer.iter().map(|row| {
        (row["label"].as_str().unwrap().to_owned(), row["value"].as_str().unwrap().to_owned())
    });
    assert_eq!(offered.collect::<Vec<_>>(), tenants(rows).into_iter().collect::<Vec<_>>());
}

/// A stale feed matters, but nobody is the tenant that it is kept under.
#[tokio::test]
async fn what_is_read_once_for_all_shows_in_collection_health_and_is_no_tenant() {
    let workbook = workbook();
    let is_it = |item: &Item| ["sources", "portfolio"].contains(&item.name.as_str());
    let rows = rows().await;
    let Some(all) = shown(rows, now(rows), &workbook, is_it, &[]) else { return };
    let of = |tile: &str, column: &str| {
        let of_all = all[tile].iter().filter(|row| row["TenantName"] == "everyone");
        let texts: BTreeSet<_> =
            of_all.map(|row| row[column].as_str().unwrap().to_owned()).collect();
        texts
    };

    let feeds = ["cve.epss", "cve.kev", "cve.nvd"].map(str::to_owned);
    assert_eq!(of("collection-health/sources", "Source"), feeds.into());
    assert_eq!(of("collection-health/sources", "Health"), ["fresh".to_owned()].into());
    assert_eq!(all["tenants/portfolio"].len(), tenants(rows).len());
    assert_eq!(of("tenants/portfolio", "TenantName"), BTreeSet::new());
}
