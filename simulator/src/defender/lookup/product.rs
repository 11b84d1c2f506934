//! What is known of one product, and which machines have it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::json;

use super::{Wrong, flaw};
use crate::defender::inventory;
use crate::export::{View, flaws as rows, machine};
use crate::records;

fn number(view: &View, id: &str) -> Result<u64, Wrong> {
    let found = id.split_once("-_-");
    let found =
        found.and_then(|(vendor, name)| inventory::number_of_product(&view.scene, vendor, name));
    found.ok_or_else(|| Wrong::missing("Software", id))
}

pub(super) fn one(view: &View, id: &str) -> Result<Bytes, Wrong> {
    Ok(inventory::product(&view.scene, number(view, id)?))
}

/// The numbers of the machines that have it: each has a run of the products that begins at its number.
fn devices(view: &View, number: u64) -> impl Iterator<Item = u64> {
    let each = u64::from(view.rows.software);
    let products = inventory::products(&view.scene);
    let all = 0..u64::from(view.scene.tenant.devices);
    all.filter(move |device| (number + products - device % products) % products < each)
}

pub(super) fn machines(view: &View, id: &str) -> Result<Vec<Bytes>, Wrong> {
    let number = number(view, id)?;
    Ok(devices(view, number).map(|device| flaw::reference(view, device)).collect())
}

/// Its versions, with the machines that have each.
pub(super) fn distributions(view: &View, id: &str) -> Result<Vec<Bytes>, Wrong> {
    let number = number(view, id)?;
    let mut versions = BTreeMap::<String, u64>::new();
    for device in devices(view, number) {
        let version = rows::version(view, &machine(view, device), number);
        *versions.entry(version).or_default() += 1;
    }
    let vulnerabilities = flaws(view, id)?.len();
    let row = |(version, installations): (String, u64)| {
        let row = json!({"version": version, "installations": installations,
            "vulnerabilities": vulnerabilities});
        row.to_string().into()
    };
    Ok(versions.into_iter().map(row).collect())
}

/// The vulnerabilities that are its.
pub(super) fn flaws(view: &View, id: &str) -> Result<Vec<Bytes>, Wrong> {
    let (number, products) = (number(view, id)?, inventory::products(&view.scene));
    let all = 0..u64::from(view.scene.tenant.vulnerabilities);
    let own = all.filter(|flaw| flaw % products == number);
    let (tenant, today) = (&view.scene.tenant, view.scene.today);
    Ok(own.map(|flaw| records::vulnerability(tenant, flaw, today)).collect())
}
