//! Rows of hunting tables that no export has.

use serde_json::{Value, json};

use crate::export::{self, View};
use crate::generate::Draw;
use crate::graph::alerts;
use crate::scene::earlier;

/// Reports of each device that `DeviceInfo` keeps: one a day, the newest first.
pub(crate) const REPORTS: u64 = 2;

/// One report of a device.
pub(crate) fn report(view: &View, number: u64) -> Value {
    let machine = export::machine(view, number / REPORTS);
    let mut draw = Draw::new(view.scene.tenant.seed, "report", machine.number);
    let time = earlier(view.time(), number % REPORTS * 86_400 + machine.number % 3_600);
    let onboarded = machine.number % 8 != 7;
    let kind = draw.pick(&["Workstation", "Workstation", "Server", "Mobile"]);
    json!({
        "Timestamp": time.to_string(), "DeviceId": machine.id,
        "DeviceName": machine.computer_dns_name, "OSPlatform": machine.os_platform,
        "OSBuild": machine.os_build, "OSVersion": machine.version(), "MachineGroup": machine.group(),
        "IsAzureADJoined": machine.aad_device_id.is_some(), "AadDeviceId": machine.aad_device_id,
        "PublicIP": format!("203.0.113.{}", machine.number % 250),
        "OnboardingStatus": if onboarded { "Onboarded" } else { "Can be onboarded" },
        "DeviceCategory": "Endpoint", "DeviceType": kind, "Vendor": "Fabrikam", "Model": "Invented 7",
        "IsInternetFacing": number.is_multiple_of(REPORTS).then_some(machine.number.is_multiple_of(5)),
        "SensorHealthState": "Active",
        "ExposureLevel": draw.pick(&["Low", "Medium", "High"]), "AssetValue": "Normal",
    })
}

/// What is known of a device's settings; some have been seen by nobody.
pub(crate) fn facts(view: &View, number: u64) -> Value {
    let machine = export::machine(view, number);
    let mut draw = Draw::new(view.scene.tenant.seed, "facts", number);
    let seen = earlier(view.time(), draw.below(86_400)).to_string();
    json!({
        "Timestamp": view.time().to_string(),
        "LastSeenTime": (number % 10 != 9).then_some(seen),
        "DeviceId": machine.id, "DeviceName": machine.computer_dns_name,
        "OSPlatform": machine.os_platform,
        "AdditionalFields": {
            "AvMode": draw.pick(&["0", "0", "1", "4"]), "TlsClientEnabled": draw.chance(80),
            "AvEngineVersion": format!("1.1.{}.{}", 24_000 + draw.below(90), draw.below(9)),
        },
    })
}

/// A certificate, its lists as text.
pub(crate) fn certificate(view: &View, number: u64) -> Option<Value> {
    let mut row = export::record(view, "defender.certificates", number)?;
    for (name, list) in
        [("KeyUsage", "KeyUsageArray"), ("ExtendedKeyUsage", "ExtendedKeyUsageArray")]
    {
        let texts = row[list].as_array().into_iter().flatten().filter_map(Value::as_str);
        row[name] = texts.collect::<Vec<_>>().join(", ").into();
    }
    Some(row)
}

/// A node of the exposure graph; every fourth one is critical.
pub(crate) fn node(view: &View, number: u64) -> Value {
    let machine = export::machine(view, number);
    let id = Draw::new(view.scene.tenant.seed, "node", number).guid();
    let mut properties = json!({"rawData": {"deviceName": machine.computer_dns_name,
        "osPlatform": machine.os_platform, "highRiskVulnerabilityInsights": {"count": number % 4}}});
    if number % 4 == 1 {
        let rules = ["Domain Controller", "Invented rule"];
        properties["rawData"]["criticalityLevel"] =
            json!({"criticalityLevel": number / 4 % 4, "ruleNames": rules});
    }
    let ids = json!([{"type": "DeviceInventoryId", "id": machine.id}]);
    json!({
        "NodeId": id, "NodeLabel": "device", "NodeName": machine.computer_dns_name,
        "Categories": ["compute", "device"], "NodeProperties": properties.to_string(),
        "EntityIds": ids.to_string(),
    })
}

/// An alert's head.
pub(crate) fn alert(view: &View, number: u64) -> Value {
    let head = alerts::head_of(&view.scene, number);
    let created = alerts::date(&view.scene, number, "createdDateTime");
    json!({
        "Timestamp": created.to_string(), "AlertId": head.id, "Title": head.title,
        "Category": head.tactic, "Severity": head.severity, "ServiceSource": head.product,
        "DetectionSource": head.detection, "AttackTechniques": format!("[\"{}\"]", head.technique),
    })
}
