//! Records of `GET /v1.0/security/alerts_v2`. Alert 0 is the newest.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::generate::{Draw, domain};
use crate::scene::{Scene, later};

const SOURCES: [(&str, &str, &str); 4] = [
    ("microsoftDefenderForEndpoint", "antivirus", "Microsoft Defender for Endpoint"),
    ("microsoftDefenderForIdentity", "microsoftDefenderForIdentity", "Invented Identity"),
    ("microsoftDefenderForOffice365", "microsoftDefenderForOffice365", "Invented Mail"),
    ("azureAdIdentityProtection", "azureAdIdentityProtection", "Invented Sign-in"),
];
const TACTICS: [(&str, &str); 6] = [
    ("Execution", "T1059"),
    ("Persistence", "T1547.001"),
    ("CredentialAccess", "T1003"),
    ("LateralMovement", "T1021.002"),
    ("InitialAccess", "T1566.002"),
    ("Exfiltration", "T1567"),
];
pub(crate) const SEVERITIES: [&str; 5] = ["informational", "low", "low", "medium", "high"];
const PEOPLE: [&str; 6] = ["ana", "bruno", "chen", "dilek", "emeka", "freya"];

/// Number of the incident that an alert belongs to.
pub(crate) fn incident_of(number: u64) -> u64 {
    number / super::incidents::ALERTS
}

/// When an alert was created or last updated. Every fourth one was last updated together with the
/// one before it, and what was touched since the start has the time of that.
pub(crate) fn date(scene: &Scene, number: u64, field: &str) -> Timestamp {
    let created = scene.spread(number, scene.tenant.alerts.into());
    if field == "createdDateTime" {
        return created;
    }
    if let Some(touched) = scene.touched(number) {
        return touched;
    }
    if number % 4 == 3 {
        return usual_update(scene, number - 1);
    }
    usual_update(scene, number)
}

fn usual_update(scene: &Scene, number: u64) -> Timestamp {
    let after = Draw::new(scene.tenant.seed, "alert update", number).below(20_000);
    later(scene.spread(number, scene.tenant.alerts.into()), after).min(scene.started)
}

/// What an alert is called and how it was found.
pub(crate) struct Head {
    pub id: String,
    pub title: String,
    pub severity: &'static str,
    pub tactic: &'static str,
    pub technique: &'static str,
    pub product: &'static str,
    pub detection: &'static str,
    service: &'static str,
}

fn head(draw: &mut Draw, number: u64) -> Head {
    let id = format!("da{:018}_{}", 637_000_000_000_000 + number, draw.below(2_000_000_000));
    let (service, detection, product) = draw.pick(&SOURCES);
    let (tactic, technique) = draw.pick(&TACTICS);
    let severity = draw.pick(&SEVERITIES);
    let title = format!("Invented {tactic} on one device");
    Head { id, title, severity, tactic, technique, product, detection, service }
}

/// The head of an alert, without the rest of it.
pub(crate) fn head_of(scene: &Scene, number: u64) -> Head {
    head(&mut Draw::new(scene.tenant.seed, "alert", number), number)
}

/// One alert.
pub(crate) fn record(scene: &Scene, number: u64) -> Bytes {
    let tenant = &scene.tenant;
    let mut draw = Draw::new(tenant.seed, "alert", number);
    let Head { id, title, severity, tactic, technique, product, detection, service } =
        head(&mut draw, number);
    let created = date(scene, number, "createdDateTime");
    let status = match scene.touched(number) {
        Some(_) => "inProgress",
        None => draw.pick(&["new", "inProgress", "resolved", "resolved"]),
    };
    let is_resolved = status == "resolved";
    let incident = 1000 + incident_of(number);
    json!({
        "id": id, "providerAlertId": id, "incidentId": incident.to_string(),
        "status": status, "severity": severity,
        "serviceSource": service, "detectionSource": detection, "productName": product,
        "classification": is_resolved.then(|| draw.pick(&["truePositive", "falsePositive"])),
        "determination": is_resolved.then(|| draw.pick(&["malware", "phishing", "notMalicious"])),
        "investigationState": draw.pick(&[None, Some("queued"), Some("successfullyRemediated")]),
        "detectorId": draw.guid(), "tenantId": tenant.id, "alertPolicyId": null,
        "title": title,
        "description": format!("Alert {number} was invented.\n\tIt asks nobody to act."),
        "recommendedActions": "1. Read the timeline.\n2. Close the alert.",
        "category": tactic, "categories": [tactic], "mitreTechniques": [technique],
        "assignedTo": (status == "inProgress").then(|| format!("ines@{}", domain(tenant))),
        "alertWebUrl": format!("https://security.example/alerts/{id}?tid={}", tenant.id),
        "incidentWebUrl": format!("https://security.example/incident2/{incident}/overview"),
        "actorDisplayName": null, "threatDisplayName": null, "threatFamilyName": null,
        "createdDateTime": created.to_string(),
        "lastUpdateDateTime": date(scene, number, "lastUpdateDateTime").to_string(),
        "firstActivityDateTime": crate::scene::earlier(created, 300).to_string(),
        "lastActivityDateTime": crate::scene::earlier(created, 60).to_string(),
        "resolvedDateTime": is_resolved.then(|| date(scene, number, "").to_string()),
        "comments": [], "systemTags": [], "customDetails": {}, "additionalData": {},
        "evidence": evidence(scene, &mut draw, created),
    })
    .to_string()
    .into()
}

/// What an alert is about: mostly a device, always a user.
fn evidence(scene: &Scene, draw: &mut Draw, created: Timestamp) -> Value {
    let entry = |kind: &str, role: &str, own: Value| {
        let mut entry = json!({
            "@odata.type": format!("#microsoft.graph.security.{kind}Evidence"),
            "createdDateTime": created.to_string(), "verdict": "suspicious",
            "remediationStatus": "none", "remediationStatusDetails": null,
            "roles": [], "detailedRoles": [role], "tags": [],
        });
        if let (Some(entry), Value::Object(own)) = (entry.as_object_mut(), own) {
            entry.extend(own);
        }
        entry
    };
    let user = entry("user", "User", user(scene, draw));
    if scene.tenant.devices == 0 || !draw.chance(80) {
        return json!([user]);
    }
    let number = draw.below(scene.tenant.devices.into());
    json!([entry("device", "PrimaryDevice", device(scene, number)), user])
}

fn device(scene: &Scene, number: u64) -> Value {
    let machine = scene.machine(number);
    json!({
        "mdeDeviceId": machine.id, "azureAdDeviceId": machine.aad_device_id,
        "deviceDnsName": machine.computer_dns_name, "osPlatform": machine.os_platform,
        "osBuild": machine.os_build, "version": "Other", "healthStatus": "active",
        "riskScore": "medium", "rbacGroupId": machine.rbac_group_id,
        "rbacGroupName": machine.group(), "onboardingStatus": "onboarded",
        "defenderAvStatus": "updated", "ipInterfaces": [machine.last_ip_address],
        "lastIpAddress": machine.last_ip_address, "loggedOnUsers": [],
        "resourceAccessEvents": [], "vmMetadata": null,
    })
}

fn user(scene: &Scene, draw: &mut Draw) -> Value {
    let name = draw.pick(&PEOPLE);
    json!({"stream": null, "userAccount": {
        "accountName": name, "domainName": "INVENTED", "userSid": null,
        "azureAdUserId": draw.guid(), "displayName": name,
        "userPrincipalName": format!("{name}@{}", domain(&scene.tenant)),
        "activeDirectoryObjectGuid": null, "tenantId": scene.tenant.id,
        "resourceAccessEvents": [],
    }})
}
