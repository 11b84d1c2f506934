//! Graph's records: the secure score of a day, and the profiles of its controls.

use bytes::Bytes;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::generate::{Draw, before, level, number_of};
use crate::options::Tenant;

/// Control profiles of a tenant.
pub(crate) const PROFILES: usize = 80;

/// Controls in the score of a day: the first ones of the profiles.
const CONTROLS: usize = 60;

const CATEGORIES: [&str; 5] = ["Identity", "Data", "Device", "Apps", "Infrastructure"];
const SERVICES: [&str; 6] = ["AzureAD", "EXO", "MDATP", "MDO", "SPO", "MDA_Sample"];

/// A control's id: most are a word and a number, one is Defender's own.
fn name(number: usize) -> String {
    match number {
        0 => "InventedMFARegistration".to_owned(),
        7 => "scid_2007".to_owned(),
        _ if number.is_multiple_of(9) => format!("11770.MDA_Sample_{number}"),
        _ => format!("invented_control_{number}"),
    }
}

fn category(number: usize) -> &'static str {
    CATEGORIES[number % CATEGORIES.len()]
}

fn max_score(number: usize) -> f64 {
    [1.0, 3.0, 5.0, 8.0, 10.0][number % 5]
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// One record of `GET /security/secureScores`.
pub(crate) fn secure_score(tenant: &Tenant, day: Date) -> Bytes {
    let controls: Vec<(f64, Value)> =
        (0..CONTROLS).map(|number| control(tenant, number, day)).collect();
    let current: f64 = controls.iter().map(|(score, _)| score).sum();
    let max: f64 = (0..CONTROLS).map(max_score).sum();
    let users = u64::from(tenant.devices.max(3));
    let common = rounded(40.0 + 6.0 * level(tenant, "all tenants", day));
    let value = json!({
        "id": format!("{}_{day}", tenant.id),
        "azureTenantId": tenant.id,
        "activeUserCount": users - users / 10,
        "createdDateTime": format!("{day}T00:00:00Z"),
        "currentScore": rounded(current),
        "enabledServices": ["HasAADP1", "HasMDEP2", "HasEXOP2"],
        "licensedUserCount": users,
        "maxScore": max,
        "averageComparativeScores": [
            {"basis": "AllTenants", "averageScore": common, "identityScore": 38.4,
             "identityScoreMax": 60.1, "deviceScore": 21.07, "deviceScoreMax": 50.0},
            {"basis": "TotalSeats", "averageScore": rounded(common + 2.63),
             "SeatSizeRangeLowerValue": "301", "SeatSizeRangeUpperValue": "1000"},
        ],
        "controlScores": controls.into_iter().map(|(_, control)| control).collect::<Vec<_>>(),
        "vendorInformation": {"provider": "SecureScore", "providerVersion": null,
            "subProvider": null, "vendor": "Microsoft"},
    });
    value.to_string().into()
}

/// One control on a day, with its score. Each keeps its level for a number of days of its own.
fn control(tenant: &Tenant, number: usize, day: Date) -> (f64, Value) {
    let mut fixed = Draw::new(tenant.seed, "control", number as u64);
    let (period, shift) = (2 + fixed.below(45), fixed.below(45));
    let turn = (number_of(day) + shift) / period;
    let mut draw = Draw::new(tenant.seed, "control turn", turn.wrapping_mul(1000) + number as u64);
    let total = u64::from(tenant.devices.max(20));
    // The first five move every day, like registrations of users; the others by their turns.
    let share = match number {
        0..5 => level(tenant, &name(number), day),
        _ => draw.pick(&[0.0, 0.25, 0.5, 0.8, 1.0, 1.0]),
    };
    let count = (total as f64 * share).round() as u64;
    let score = rounded(max_score(number) * share);
    let mut value = json!({
        "controlName": name(number),
        "controlCategory": category(number),
        "description": format!("<p>What invented control {number} asks for, and why it matters to an organisation of this size.</p>"),
        "score": score,
        "scoreInPercentage": rounded(share * 100.0),
        "implementationStatus": format!("{} of {total} aren't covered by this control.", total - count.min(total)),
        "lastSynced": format!("{}T13:04:06Z", before(day, 1 + fixed.below(3))),
        "source": SERVICES[number % SERVICES.len()],
    });
    if number % 11 == 10 {
        value["on"] = json!(if share > 0.5 { "true" } else { "false" });
    } else {
        value["count"] = json!(count.to_string());
        value["total"] = json!(total.to_string());
    }
    (score, value)
}

/// One record of `GET /security/secureScoreControlProfiles`.
pub(crate) fn profile(tenant: &Tenant, number: usize) -> Bytes {
    let mut draw = Draw::new(tenant.seed, "profile", number as u64);
    let level = |draw: &mut Draw| match draw.below(5) {
        0 => Value::Null,
        other => json!(["Low", "Moderate", "High", "Unknown"][other as usize - 1]),
    };
    let (cost, impact) = (level(&mut draw), level(&mut draw));
    let value = json!({
        "id": name(number),
        "azureTenantId": tenant.id,
        "actionType": draw.pick(&["Config", "Review", "Behavior"]),
        "actionUrl": format!("https://portal.example/controls/{number}"),
        "controlCategory": category(number),
        "title": format!("Ensure that invented control {number} is turned on"),
        "deprecated": number >= CONTROLS && number.is_multiple_of(4),
        "implementationCost": cost,
        "lastModifiedDateTime": null,
        "maxScore": max_score(number),
        "rank": 1 + draw.below(40),
        "remediation": format!("<ol><li>Open the <b>portal</b>.</li><li>Turn control {number} on &amp; save.</li></ol>"),
        "remediationImpact": "<p>Users may be asked to sign in once more.</p>",
        "service": SERVICES[number % SERVICES.len()],
        "threats": draw.pick(&[["Account breach", "Elevation of privilege"], ["Account Breach", "Data exfiltration"], ["Malicious insider", "Password cracking"]]),
        "tier": draw.pick(&["Core", "Defense in Depth", "Advanced"]),
        "userImpact": impact,
        "complianceInformation": compliance(number),
        "controlStateUpdates": states(tenant, number),
        "vendorInformation": {"provider": "SecureScore", "providerVersion": null,
            "subProvider": null, "vendor": "Microsoft"},
    });
    value.to_string().into()
}

fn compliance(number: usize) -> Value {
    match number % 6 {
        0 => json!([{"certificationName": "Invented 27001",
            "certificationControls": [{"name": format!("A.{number}"), "url": ""}]}]),
        1 => Value::Null,
        _ => json!([]),
    }
}

/// What people decided about a control: the default entry, and on some a later one.
fn states(tenant: &Tenant, number: usize) -> Value {
    let usual = json!({"assignedTo": null, "comment": null, "state": "Default",
        "updatedBy": null, "updatedDateTime": null});
    let mail = |name: &str| format!("{name}@{}", crate::generate::domain(tenant));
    let decided = |state: &str, assigned: Value, comment: &str| {
        json!({"assignedTo": assigned, "comment": comment, "state": state,
            "updatedBy": mail("ines"), "updatedDateTime": "2026-02-03T10:11:12.345678Z"})
    };
    match number % 13 {
        3 => json!([usual, decided("Ignored", json!(null), "Accepted until the migration ends")]),
        5 => json!([
            usual,
            decided("ThirdParty", json!(mail("omar")), "Covered by the mail gateway")
        ]),
        8 => json!([usual, decided("reviewed", json!(mail("lena")), "Seen, no change")]),
        12 => json!([]),
        _ => json!([usual]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_scored_control_has_a_profile_and_names_are_unique() {
        let tenant = Tenant::new(1, "Fabrikam", 5);
        let read = |bytes: Bytes| serde_json::from_slice::<Value>(&bytes).unwrap();
        let id = |number| read(profile(&tenant, number))["id"].as_str().unwrap().to_owned();
        let profiles: BTreeSet<String> = (0..PROFILES).map(id).collect();

        let score = read(secure_score(&tenant, jiff::civil::date(2026, 11, 20)));

        assert_eq!(profiles.len(), PROFILES);
        let controls = score["controlScores"].as_array().unwrap();
        assert_eq!(controls.len(), CONTROLS);
        assert!(controls.iter().all(|c| profiles.contains(c["controlName"].as_str().unwrap())));
    }
}
