//! Machines by name, by id in Entra ID and by address.

use std::net::IpAddr;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::Wrong;
use super::machine::number_of_name;
use crate::export::View;
use crate::records;
use crate::scene::Machine;
use crate::web;

/// How far back a machine is found by its address.
///
/// <https://learn.microsoft.com/defender-endpoint/api/find-machines-by-ip>
const DAYS: i64 = 30;

pub(super) fn record(view: &View, number: u64) -> Bytes {
    records::device(&view.scene.tenant, number, view.scene.today)
}

/// `$filter` as far as it is carried out: one comparison of a text.
pub(super) fn filtered(view: &View, query: &str) -> Result<Vec<Bytes>, Wrong> {
    let pairs = web::pairs(query);
    let filter = web::value(&pairs, "$filter").unwrap_or_default();
    let devices = 0..u64::from(view.scene.tenant.devices);
    let numbers: Vec<u64> = if let Some(name) = equals(filter, "computerDnsName") {
        number_of_name(view, &name).into_iter().collect()
    } else if let Some(id) = filter.strip_prefix("aadDeviceId eq ") {
        let is_guid = id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        if !is_guid {
            return Err(Wrong::option(format!("Invalid filter clause: '{id}' is no GUID.")));
        }
        let has = |machine: Machine| machine.aad_device_id.as_deref() == Some(id);
        devices.filter(|number| has(view.scene.machine(*number))).collect()
    } else if let Some(address) = equals(filter, "lastIpAddress") {
        devices.filter(|number| view.scene.machine(*number).last_ip_address == address).collect()
    } else if let Some(start) = begins(filter) {
        let has = |machine: Machine| machine.computer_dns_name.starts_with(&start);
        devices.filter(|number| has(view.scene.machine(*number))).collect()
    } else {
        let text = format!("Invalid filter clause: the simulator doesn't carry out '{filter}'.");
        return Err(Wrong::option(text));
    };
    Ok(numbers.into_iter().map(|number| record(view, number)).collect())
}

/// The text that a filter compares a field with.
pub(super) fn equals(filter: &str, field: &str) -> Option<String> {
    let text = filter.strip_prefix(field)?.strip_prefix(" eq ")?;
    let text = text.strip_prefix('\'')?.strip_suffix('\'')?;
    (!text.replace("''", "").contains('\'')).then(|| text.replace("''", "'"))
}

fn begins(filter: &str) -> Option<String> {
    let text = filter.strip_prefix("startswith(computerDnsName,'")?.strip_suffix("')")?;
    (!text.is_empty() && !text.contains('\'')).then(|| text.to_owned())
}

/// `findbyip(ip='…',timestamp=…)`: machines that report, by their address.
pub(super) fn by_ip(view: &View, call: &str, now: Timestamp) -> Result<Vec<Bytes>, Wrong> {
    let wrong = |code, text: &str| Wrong { status: 400, code, text: text.to_owned() };
    let inside = call.strip_prefix("findbyip(").and_then(|rest| rest.strip_suffix(')'));
    let (ip, at) = inside
        .and_then(|inside| inside.strip_prefix("ip='")?.split_once("',timestamp="))
        .ok_or_else(|| wrong("BadRequest", "The function's parameters aren't understood."))?;
    let address: IpAddr =
        ip.parse().map_err(|_| wrong("InvalidIpAddress", "The IP address is not valid."))?;
    let at: Timestamp =
        at.parse().map_err(|_| wrong("BadRequest", "The timestamp is not valid."))?;
    let age = now.duration_since(at);
    if age > SignedDuration::from_hours(24 * DAYS) || age < SignedDuration::ZERO {
        return Err(wrong("BadRequest", "The timestamp must be within the last 30 days."));
    }
    let address = address.to_string();
    let all = 0..u64::from(view.scene.tenant.devices);
    let at_address = all.filter(|number| view.scene.machine(*number).last_ip_address == address);
    let records = at_address.map(|number| record(view, number));
    // What hasn't reported for a while had no address then.
    let reports = |record: &Bytes| {
        let record: serde_json::Value = serde_json::from_slice(record).unwrap_or_default();
        record["healthStatus"] == "Active"
    };
    Ok(records.filter(reports).collect())
}
