//! Defender's smaller lists: scores of groups, software products, machine actions.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::defender::acted::Acted;
use crate::generate::{Draw, level};
use crate::records::{GROUPS, PRODUCTS, VENDORS};
use crate::scene::{Scene, earlier, later, stamp};

/// `GET /api/exposureScore/ByMachineGroups`: the first three groups.
pub(crate) fn exposure_by_group(scene: &Scene) -> Bytes {
    let group = |name: &&str| {
        let kind = format!("exposure of {name}");
        json!({"time": format!("{}T00:04:53.4711000Z", scene.today),
            "score": 10.0 + 70.0 * level(&scene.tenant, &kind, scene.today),
            "rbacGroupName": name})
    };
    let context = "https://api.securitycenter.microsoft.com/api/$metadata#ExposureScore";
    let groups: Vec<Value> = GROUPS[..3].iter().map(group).collect();
    json!({"@odata.context": context, "value": groups}).to_string().into()
}

/// Number of software products.
pub(crate) fn products(scene: &Scene) -> u64 {
    30 + u64::from(scene.tenant.devices / 2)
}

/// Vendor and name of a product; no two are the same.
pub(crate) fn product_name(number: u64) -> (&'static str, String) {
    let (vendors, names) = (VENDORS.len() as u64, PRODUCTS.len() as u64);
    let (vendor, name) = (number % vendors, number / vendors % names);
    let name = PRODUCTS[name as usize];
    let name = match number / (vendors * names) {
        0 => name.to_owned(),
        again => format!("{name}_{}", again + 1),
    };
    (VENDORS[vendor as usize], name)
}

/// The number of a vendor's product.
pub(crate) fn number_of_product(scene: &Scene, vendor: &str, name: &str) -> Option<u64> {
    (0..products(scene)).find(|number| {
        let (own_vendor, own_name) = product_name(*number);
        own_vendor == vendor && own_name == name
    })
}

/// One record of `GET /api/Software`.
pub(crate) fn product(scene: &Scene, number: u64) -> Bytes {
    let mut draw = Draw::new(scene.tenant.seed, "product", number);
    let (vendor, name) = product_name(number);
    let weaknesses = if draw.chance(40) { 0 } else { 1 + draw.below(400) };
    let exposed = match weaknesses {
        0 => 0,
        _ => draw.below(u64::from(scene.tenant.devices) + 1),
    };
    json!({
        "id": format!("{vendor}-_-{name}"),
        "name": name,
        "vendor": vendor,
        "weaknesses": weaknesses,
        "publicExploit": weaknesses > 0 && draw.chance(25),
        "activeAlert": draw.chance(3),
        "exposedMachines": exposed,
        "impactScore": if exposed == 0 { 0.0 } else { draw.unit() * 6.0 },
    })
    .to_string()
    .into()
}

/// Number of machine actions: those that were asked for, the newest first, then one for five devices.
pub(crate) fn actions(scene: &Scene) -> u64 {
    scene.acted.len() as u64 + invented(scene)
}

fn invented(scene: &Scene) -> u64 {
    u64::from(scene.tenant.devices).div_ceil(5)
}

/// The one of that number that was asked for; the number among the others otherwise.
fn asked(scene: &Scene, number: u64) -> Result<&Acted, u64> {
    let count = scene.acted.len() as u64;
    match count.checked_sub(number + 1).and_then(|at| scene.acted.get(at as usize)) {
        Some(acted) => Ok(acted),
        None => Err(number - count),
    }
}

/// When an action was created or last updated.
pub(crate) fn action_date(scene: &Scene, number: u64, field: &str) -> Timestamp {
    let number = match asked(scene, number) {
        Ok(acted) => return acted.created,
        Err(number) => number,
    };
    let created = scene.spread(number, invented(scene));
    match field {
        "creationDateTimeUtc" => created,
        _ => {
            let took = Draw::new(scene.tenant.seed, "action took", number).below(900);
            later(created, took).min(earlier(scene.started, 1))
        }
    }
}

/// One record of `GET /api/machineactions`; 0 is the newest.
pub(crate) fn action(scene: &Scene, number: u64) -> Bytes {
    match asked(scene, number) {
        Ok(acted) => acted.record(scene.now, scene.action_span).to_string().into(),
        Err(invented) => past(scene, invented, number),
    }
}

/// One that was over before the simulator started; `dated` is its number among all.
fn past(scene: &Scene, number: u64, dated: u64) -> Bytes {
    let mut draw = Draw::new(scene.tenant.seed, "action", number);
    let machine = scene.machine(draw.below(scene.tenant.devices.into()));
    let (kind, title, scope) = draw.pick(&[
        ("RunAntiVirusScan", None, Some("Quick")),
        ("RunAntiVirusScan", None, Some("Full")),
        ("Isolate", None, Some("Selective")),
        ("Unisolate", None, None),
        ("CollectInvestigationPackage", Some("Invented package"), None),
        ("StopAndQuarantineFile", None, None),
    ]);
    let status = match number {
        0 => "Pending",
        _ => draw.pick(&["Succeeded", "Succeeded", "Succeeded", "Failed", "TimeOut", "Cancelled"]),
    };
    let file = (kind == "StopAndQuarantineFile").then(|| {
        let hash = format!("{:016x}{:016x}{:08x}", draw.next(), draw.next(), number);
        json!({"fileIdentifier": hash, "fileIdentifierType": "Sha1"})
    });
    let cancelled = (status == "Cancelled").then(|| stamp(action_date(scene, dated, "")));
    json!({
        "id": draw.guid(), "type": kind, "title": title, "scope": scope, "status": status,
        "requestor": format!("ines@{}", crate::generate::domain(&scene.tenant)),
        "requestorComment": format!("Ticket {}: invented reason", 4000 + number),
        "requestSource": draw.pick(&["Portal", "PublicApi"]),
        "machineId": machine.id, "computerDnsName": machine.computer_dns_name,
        "creationDateTimeUtc": stamp(action_date(scene, dated, "creationDateTimeUtc")),
        "lastUpdateDateTimeUtc": stamp(action_date(scene, dated, "lastUpdateDateTimeUtc")),
        "cancellationRequestor": cancelled.as_ref().map(|_| "omar"),
        "cancellationComment": cancelled.as_ref().map(|_| "No longer needed"),
        "cancellationDateTimeUtc": cancelled,
        "errorHResult": if status == "Failed" { -2_147_024_894 } else { 0 },
        "relatedFileInfo": file,
        "commands": [],
        "troubleshootInfo": null,
    })
    .to_string()
    .into()
}
