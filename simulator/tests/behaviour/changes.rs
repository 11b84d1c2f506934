//! Changes of vulnerabilities lead from one full export to a later one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use simulator::Options;

use crate::support::{DEFENDER, Recorded, World};

type Rows = BTreeMap<String, Value>;

fn many_devices(options: &mut Options) {
    options.tenants[0].devices = 60;
    options.limits = false;
    options.page_size = Some(70);
}

async fn rows(world: &World, name: &str) -> Vec<Value> {
    world.walk(format!("{}/api/machines/{name}", world.simulator.defender_url()), DEFENDER).await
}

async fn full(world: &World) -> Rows {
    let rows = rows(world, "SoftwareVulnerabilitiesByMachine").await;
    rows.into_iter().map(|row| (row["id"].as_str().unwrap().to_owned(), row)).collect()
}

async fn changes(world: &World, since: &str) -> Vec<Value> {
    rows(world, &format!("SoftwareVulnerabilityChangesByMachine?sinceTime={since}")).await
}

/// Carries changes out, in order.
fn changed(mut rows: Rows, changes: &[Value]) -> Rows {
    for change in changes {
        let id = change["id"].as_str().unwrap().to_owned();
        match change["status"].as_str().unwrap() {
            "Fixed" => assert!(rows.remove(&id).is_some(), "{id} was fixed without being there"),
            "New" => assert!(rows.insert(id.clone(), change.clone()).is_none(), "{id} isn't new"),
            _ => assert!(rows.insert(id.clone(), change.clone()).is_some(), "{id} wasn't there"),
        }
    }
    rows
}

/// Rows without what moves with every snapshot and what only changes have.
fn lasting(rows: Rows) -> Rows {
    let strip = |mut row: Value| {
        for name in ["lastSeenTimestamp", "status", "eventTimestamp"] {
            row.as_object_mut().unwrap().remove(name);
        }
        row
    };
    rows.into_iter().map(|(id, row)| (id, strip(row))).collect()
}

#[tokio::test]
async fn the_export_before_with_all_changes_is_the_export_after() {
    let world = World::start(many_devices).await;
    let before = full(&world).await;

    (0..20).for_each(|_| world.simulator.advance_snapshot());
    let changes = changes(&world, "2026-11-20T12:00:00Z").await;
    let after = full(&world).await;

    let statuses: BTreeSet<&str> =
        changes.iter().map(|change| change["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, BTreeSet::from(["Fixed", "New", "Updated"]));
    assert_eq!((before.len(), after.len()), (360, 360));
    assert_ne!(lasting(before.clone()), lasting(after.clone()));
    assert_eq!(lasting(changed(before, &changes)), lasting(after));
}

#[tokio::test]
async fn only_changes_after_the_time_asked_for_are_answered() {
    let world = World::start(many_devices).await;
    (0..8).for_each(|_| world.simulator.advance_snapshot());

    let all = changes(&world, "2026-11-20T12:00:00Z").await;
    let last = changes(&world, "2026-11-22T00:00:00Z").await;
    let none = changes(&world, "2026-11-22T12:00:00Z").await;

    let times = |rows: &[Value]| -> BTreeSet<String> {
        rows.iter().map(|row| row["eventTimestamp"].as_str().unwrap().to_owned()).collect()
    };
    assert!(times(&all).len() > 4, "{:?}", times(&all));
    assert_eq!(times(&all).last().unwrap(), "2026-11-22 12:00:00");
    assert!(times(&last).iter().all(|time| time.as_str() > "2026-11-22 00:00:00"));
    assert_eq!((none.len(), last.is_empty()), (0, false));
}

#[tokio::test]
async fn a_device_that_changes_its_group_is_fixed_and_new_under_the_same_id() {
    let world = World::start(many_devices).await;
    (0..50).for_each(|_| world.simulator.advance_snapshot());

    let changes = changes(&world, "2026-11-20T12:00:00Z").await;

    let mut moved = 0;
    for pair in changes.windows(2).filter(|pair| pair[0]["id"] == pair[1]["id"]) {
        if pair[0]["eventTimestamp"] == pair[1]["eventTimestamp"] {
            assert_eq!((&pair[0]["status"], &pair[1]["status"]), (&"Fixed".into(), &"New".into()));
            assert_ne!(pair[0]["rbacGroupId"], pair[1]["rbacGroupId"]);
            moved += 1;
        }
    }
    assert!(moved > 0, "no device moved in {} changes", changes.len());
}

#[tokio::test]
async fn groups_at_the_start_are_those_of_the_list_of_devices() {
    let world = World::start(many_devices).await;
    let groups = |rows: Vec<Value>, id: &str| -> BTreeMap<String, Value> {
        rows.into_iter()
            .map(|row| (row[id].as_str().unwrap().to_owned(), row["rbacGroupId"].clone()))
            .collect()
    };

    let devices = world.walk(format!("{}/api/machines", world.simulator.defender_url()), DEFENDER);
    let rows = rows(&world, "SoftwareVulnerabilitiesByMachine").await;

    assert_eq!(groups(devices.await, "id"), groups(rows, "deviceId"));
}

#[tokio::test]
async fn changes_need_a_time_of_the_last_fourteen_days() {
    let folder = Recorded::new("changes", &["defender.device_vulnerability_changes"]);
    let world = World::start(|_| {}).await;
    for (query, status) in [
        ("", 400),
        ("?sinceTime=yesterday", 400),
        ("?sinceTime=2026-11-06", 400),
        ("?sinceTime=2026-11-06T14:29:59Z", 400),
        ("?sinceTime=2026-11-06T14:35:00Z", 200),
        ("?sinceTime=2026-11-06T14:35:00%2B00:00&pageSize=5", 200),
    ] {
        let path = format!("machines/SoftwareVulnerabilityChangesByMachine{query}");
        assert_eq!(world.defender(&path).await.status, status, "{query}");
    }
    let world = World::start(|options| options.replay = Some(folder.0.clone())).await;
    let recorded = changes(&world, "2026-11-20T12:00:00Z").await;
    assert_eq!(recorded[0]["id"], "defender.device_vulnerability_changes");
}
