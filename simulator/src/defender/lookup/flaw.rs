//! What is known of one vulnerability, and which machines have it.

use bytes::Bytes;
use serde_json::json;

use super::Wrong;
use super::find::equals;
use crate::defender::inventory::product_name;
use crate::export::{View, flaws, machine};
use crate::records;
use crate::web;

/// The number of a vulnerability in the list.
fn number(view: &View, id: &str) -> Result<u64, Wrong> {
    let known = |number: &u64| *number < u64::from(view.scene.tenant.vulnerabilities);
    let number = records::number_of_cve(id).filter(known);
    number.ok_or_else(|| Wrong::missing("Vulnerability", id))
}

pub(super) fn one(view: &View, id: &str) -> Result<Bytes, Wrong> {
    let number = number(view, id)?;
    Ok(records::vulnerability(&view.scene.tenant, number, view.scene.today))
}

/// The machines that have it.
pub(super) fn machines(view: &View, id: &str) -> Result<Vec<Bytes>, Wrong> {
    let number = number(view, id)?;
    let all = 0..u64::from(view.scene.tenant.devices);
    let have = all.filter(|device| flaws::product_of(view, *device, number).is_some());
    Ok(have.map(|device| reference(view, device)).collect())
}

/// A machine as it is referred to.
pub(super) fn reference(view: &View, device: u64) -> Bytes {
    let machine = machine(view, device);
    let reference = json!({
        "id": machine.id, "computerDnsName": machine.computer_dns_name,
        "osPlatform": machine.os_platform, "rbacGroupName": machine.group(),
    });
    reference.to_string().into()
}

/// The number of the update that ends a vulnerability.
pub(super) fn kb(number: u64) -> String {
    (5_000_000 + number).to_string()
}

/// `machinesVulnerabilities` of one vulnerability: a row for each machine and software version.
pub(super) fn rows(view: &View, query: &str) -> Result<Vec<Bytes>, Wrong> {
    let pairs = web::pairs(query);
    let filter = web::value(&pairs, "$filter").unwrap_or_default();
    let Some(cve) = equals(filter, "cveId") else {
        let text = format!("Invalid filter clause: the simulator doesn't carry out '{filter}'.");
        return Err(Wrong::option(text));
    };
    let Ok(number) = number(view, &cve) else { return Ok(Vec::new()) };
    let (severity, _) = records::rating_of(&view.scene.tenant, number);
    let all = 0..u64::from(view.scene.tenant.devices);
    let rows = all.filter_map(|device| {
        let product = flaws::product_of(view, device, number)?;
        let machine = machine(view, device);
        let version = flaws::version(view, &machine, product);
        let (vendor, name) = product_name(product);
        let kb = flaws::is_fixable(view, device, number).then(|| kb(number));
        let shown = kb.as_deref().unwrap_or_default();
        let id = format!("{}-_-{cve}-_-{vendor}-_-{name}-_-{version}-_-{shown}", machine.id);
        let row = json!({
            "id": id, "cveId": cve, "machineId": machine.id, "fixingKbId": kb,
            "productName": name, "productVendor": vendor, "productVersion": version,
            "severity": severity,
        });
        Some(Bytes::from(row.to_string()))
    });
    Ok(rows.collect())
}
