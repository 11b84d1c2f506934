//! Machines by name, by id in Entra ID and by address.

use std::net::IpAddr;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::Wrong;
use crate::export::View;
use crate::scene::Machine;
use crate::web;

/// How far back a machine is found by its address.
///
/// <https://learn.microsoft.com/defender-endpoint/api/find-machines-by-ip>
const DAYS: i64 = 30;

pub(super) fn record(view: &View, number: u64) -> Bytes {
    view.scene.device(number)
}

/// What a filter tells machines by.
enum Told {
    Name(String),
    Start(String),
    Entra(String),
    Address(String),
}

impl Told {
    fn read(filter: &str) -> Option<Told> {
        if let Some(rest) = filter.strip_prefix("startswith(computerDnsName,'") {
            let start = rest.strip_suffix("')").filter(|start| !start.contains('\''))?;
            return Some(Told::Start(start.to_ascii_lowercase()));
        }
        if let Some(name) = equals(filter, "computerDnsName") {
            return Some(Told::Name(name.to_ascii_lowercase()));
        }
        if let Some(address) = equals(filter, "lastIpAddress") {
            return Some(Told::Address(address));
        }
        // A GUID has no quotation marks.
        let id = filter.strip_prefix("aadDeviceId eq ")?;
        let fits = id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        fits.then(|| Told::Entra(id.to_ascii_lowercase()))
    }

    fn fits(&self, machine: &Machine) -> bool {
        let name = machine.computer_dns_name.to_ascii_lowercase();
        match self {
            Told::Name(own) => name == *own,
            Told::Start(start) => name.starts_with(start),
            Told::Entra(id) => {
                machine.aad_device_id.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(id))
            }
            Told::Address(address) => machine.last_ip_address == *address,
        }
    }
}

/// `$filter` as far as it is carried out: one comparison of what tells machines apart.
pub(super) fn filtered(view: &View, query: &str) -> Result<Vec<Bytes>, Wrong> {
    let pairs = web::pairs(query);
    let filter = web::value(&pairs, "$filter").unwrap_or_default();
    let Some(told) = Told::read(filter) else {
        let text = format!("Invalid filter clause: the simulator doesn't carry out '{filter}'.");
        return Err(Wrong::option(text));
    };
    let all = 0..u64::from(view.scene.tenant.devices);
    let meant = all.filter(|number| told.fits(&view.scene.machine(*number)));
    Ok(meant.map(|number| record(view, number)).collect())
}

/// The text that a filter compares a field with.
pub(super) fn equals(filter: &str, field: &str) -> Option<String> {
    let text = filter.strip_prefix(field)?.strip_prefix(" eq ")?;
    let text = text.strip_prefix('\'')?.strip_suffix('\'')?;
    (!text.replace("''", "").contains('\'')).then(|| text.replace("''", "'"))
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
