//! What is known of one machine.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Wrong, find};
use crate::defender::inventory;
use crate::export::{self, View};
use crate::generate::Draw;
use crate::graph::alerts;
use crate::records;
use crate::scene::{earlier, stamp};

/// The number of the machine that an id or a full name names: mostly it is in them.
fn number(view: &View, id: &str) -> Result<u64, Wrong> {
    let is_id = id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_it = |number: &u64| {
        let machine = view.scene.machine(*number);
        match is_id {
            true => machine.id.eq_ignore_ascii_case(id),
            false => machine.computer_dns_name.eq_ignore_ascii_case(id),
        }
    };
    let devices = u64::from(view.scene.tenant.devices);
    let told = match is_id {
        true => id.get(32..).and_then(|digits| u64::from_str_radix(digits, 16).ok()),
        false => id.split_once('-').and_then(|(_, rest)| rest.split('.').next()?.parse().ok()),
    };
    let told = told.filter(|number| *number < devices && is_it(number));
    // Of machines that were altered it isn't.
    let altered = || view.scene.altered.keys().copied().find(is_it);
    told.or_else(altered).ok_or_else(|| Wrong::missing("Machine", id))
}

pub(super) fn one(view: &View, id: &str) -> Result<Bytes, Wrong> {
    Ok(find::record(view, number(view, id)?))
}

fn written(values: impl IntoIterator<Item = Value>) -> Vec<Bytes> {
    values.into_iter().map(|value| value.to_string().into()).collect()
}

/// Rows of an export of one machine.
fn rows(view: &View, source: &str, machine: u64) -> Vec<Value> {
    let devices = u64::from(view.scene.tenant.devices).max(1);
    let each = export::total(view, source) / devices;
    (0..each).filter_map(|slot| export::record(view, source, machine * each + slot)).collect()
}

/// Its vulnerabilities, each once, as the list has them.
pub(super) fn flaws(view: &View, id: &str) -> Result<Vec<Bytes>, Wrong> {
    let machine = number(view, id)?;
    let rows = rows(view, "defender.device_vulnerabilities", machine);
    let numbers = rows.iter().filter_map(|row| records::number_of_cve(row["CveId"].as_str()?));
    let numbers: BTreeSet<u64> = numbers.collect();
    let (tenant, today) = (&view.scene.tenant, view.scene.today);
    Ok(numbers.into_iter().map(|number| records::vulnerability(tenant, number, today)).collect())
}

/// Updates that end vulnerabilities of it.
pub(super) fn missing_kbs(view: &View, id: &str) -> Result<Vec<Bytes>, Wrong> {
    let machine = number(view, id)?;
    let rows = rows(view, "defender.device_vulnerabilities", machine);
    let fixed = rows.iter().filter(|row| row["RecommendedSecurityUpdate"].is_string());
    Ok(written(fixed.filter_map(|row| {
        let kb = super::flaw::kb(records::number_of_cve(row["CveId"].as_str()?)?);
        Some(json!({
            "id": kb, "name": row["RecommendedSecurityUpdate"], "osBuild": 26_100,
            "productsNames": [row["SoftwareName"]],
            "url": format!("https://updates.example/{kb}"),
            "machineMissedOn": 1, "cveAddressed": 1,
        }))
    })))
}

/// Its software, as the list has it.
pub(super) fn software(view: &View, id: &str) -> Result<Vec<Bytes>, Wrong> {
    let machine = number(view, id)?;
    let rows = rows(view, "defender.device_software", machine);
    let numbers = rows.iter().filter_map(|row| {
        let (vendor, name) = (row["SoftwareVendor"].as_str()?, row["SoftwareName"].as_str()?);
        inventory::number_of_product(&view.scene, vendor, name)
    });
    Ok(numbers.map(|number| inventory::product(&view.scene, number)).collect())
}

/// Settings of it that fail, then software to update.
pub(super) fn recommendations(view: &View, id: &str) -> Result<Vec<Bytes>, Wrong> {
    let machine = number(view, id)?;
    let common = |id: String, name: String, kind: &str, category: &Value, severity: &Value| {
        json!({"id": id, "recommendationName": name, "remediationType": kind,
            "recommendationCategory": category, "severityScore": severity, "status": "Active",
            "weaknesses": 1, "totalMachineCount": 0, "exposedMachinesCount": 1,
            "publicExploit": false, "activeAlert": false, "associatedThreats": [],
            "configScoreImpact": 0, "exposureImpact": 0.0})
    };
    let settings = rows(view, "defender.device_configurations", machine);
    let fails = |row: &Value| row["IsApplicable"] == true && row["IsCompliant"] == false;
    let mut all: Vec<Value> = settings
        .into_iter()
        .filter(fails)
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            let (id, name) = (text("RecommendationReference"), text("ConfigurationName"));
            let (category, impact) = (&row["ConfigurationCategory"], &row["ConfigurationImpact"]);
            common(id, name, "ConfigurationChange", category, impact)
        })
        .collect();
    let flaws = rows(view, "defender.device_vulnerabilities", machine);
    let updates = flaws.iter().filter(|row| row["CveId"].is_string());
    let updates: BTreeSet<&str> =
        updates.filter_map(|row| row["RecommendationReference"].as_str()).collect();
    all.extend(updates.into_iter().map(|id| {
        let name = format!("Update {}", id.trim_start_matches("va-_-").replace("-_-", " "));
        common(id.to_owned(), name, "Update", &"Application".into(), &0.into())
    }));
    Ok(written(all))
}

/// Alerts of Defender for Endpoint about it.
pub(super) fn alerts(view: &View, id: &str) -> Result<Vec<Bytes>, Wrong> {
    let machine = view.scene.machine(number(view, id)?);
    let all = (0..u64::from(view.scene.tenant.alerts)).filter_map(|number| {
        let alert: Value = serde_json::from_slice(&alerts::record(&view.scene, number)).ok()?;
        (alert["evidence"][0]["mdeDeviceId"] == machine.id.as_str()).then_some(alert)
    });
    let capital = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        let (first, rest) = text.split_at(text.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    Ok(written(all.map(|alert| {
        let incident = alert["incidentId"].as_str().and_then(|text| text.parse::<u64>().ok());
        json!({
            "id": alert["id"], "incidentId": incident, "investigationId": null,
            "assignedTo": alert["assignedTo"], "severity": capital(&alert["severity"]),
            "status": capital(&alert["status"]), "classification": null, "determination": null,
            "detectionSource": "WindowsDefenderAv", "category": alert["category"],
            "title": alert["title"], "description": alert["description"],
            "alertCreationTime": alert["createdDateTime"],
            "firstEventTime": alert["firstActivityDateTime"],
            "lastEventTime": alert["lastActivityDateTime"],
            "lastUpdateTime": alert["lastUpdateDateTime"], "resolvedTime": alert["resolvedDateTime"],
            "machineId": machine.id, "computerDnsName": machine.computer_dns_name,
            "aadTenantId": view.scene.tenant.id, "mitreTechniques": alert["mitreTechniques"],
            "comments": [], "evidence": [],
        })
    })))
}

/// Who has logged on to it: one to three people.
pub(super) fn users(view: &View, id: &str) -> Result<Vec<Bytes>, Wrong> {
    let machine = number(view, id)?;
    let mut draw = Draw::new(view.scene.tenant.seed, "logon", machine);
    let people = ["ana", "bruno", "chen", "dilek", "emeka", "freya"];
    let (count, first) = (1 + draw.below(3) as usize, draw.below(6) as usize);
    Ok(written((0..count).map(|at| {
        let name = people[(first + at) % people.len()];
        let seen = view.scene.ago(draw.below(20 * 86_400));
        json!({
            "id": format!("invented\\{name}"), "accountName": name, "accountDomain": "invented",
            "firstSeen": stamp(earlier(seen, 90 * 86_400)), "lastSeen": stamp(seen),
            "logonTypes": draw.pick(&["Interactive", "Interactive, RemoteInteractive", "Network"]),
            "isDomainAdmin": draw.chance(10), "isOnlyNetworkUser": null,
        })
    })))
}
