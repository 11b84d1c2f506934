//! Records of Defender for Cloud, as the REST lists have them.

use serde_json::{Value, json};

use crate::arm::kinds::{ASSESSMENTS_EACH, CONTROLS, CONTROLS_EACH, KEYS};
use crate::arm::subscriptions::Subscription;
use crate::generate::{Draw, level};
use crate::scene::{Scene, stamp};

const STANDARDS: [&str; 3] = ["Invented-PCI-4", "Invented-ISO-27001", "Invented-CIS-2"];
const STATES: [&str; 4] = ["Passed", "Failed", "Failed", "Skipped"];

/// Resources of a subscription that are assessed.
pub(crate) fn resources(scene: &Scene) -> u64 {
    2 + u64::from(scene.tenant.devices / 5)
}

fn draw(scene: &Scene, kind: &str, of: &Subscription, number: u64) -> Draw {
    Draw::new(scene.tenant.seed, kind, (of.number << 32) + number)
}

fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

fn base(of: &Subscription) -> String {
    format!("/subscriptions/{}/providers/Microsoft.Security", of.id)
}

/// Maximum and current points of a control: its maximum is 0 where nothing is applicable.
fn points(scene: &Scene, of: &Subscription, number: u64) -> (u64, f64) {
    let mut draw = draw(scene, "points", of, number);
    let max = if draw.chance(15) { 0 } else { most(number) };
    let kind = format!("cloud control {} {number}", of.number);
    (max, rounded(max as f64 * level(&scene.tenant, &kind, scene.today)))
}

fn most(number: u64) -> u64 {
    [2, 4, 6, 8, 10][(number % 5) as usize]
}

fn share(current: f64, max: u64) -> f64 {
    if max == 0 { 0.0 } else { rounded(current / max as f64) }
}

/// One of `secureScores`.
pub(crate) fn score(scene: &Scene, of: &Subscription) -> Value {
    let points: Vec<(u64, f64)> = (0..CONTROLS).map(|at| points(scene, of, at)).collect();
    let max = points.iter().map(|(max, _)| max).sum();
    let current = rounded(points.iter().map(|(_, current)| current).sum());
    json!({
        "id": format!("{}/secureScores/ascScore", base(of)), "name": "ascScore",
        "type": "Microsoft.Security/secureScores",
        "properties": {"displayName": "Invented score", "weight": resources(scene) * KEYS,
            "score": {"max": max, "current": current, "percentage": share(current, max)}},
    })
}

fn control_name(scene: &Scene, number: u64) -> String {
    Draw::new(scene.tenant.seed, "cloud control name", number).guid()
}

/// One of `secureScoreControls`; the definition goes where nobody asked for it.
pub(crate) fn control(scene: &Scene, of: &Subscription, number: u64) -> Value {
    let mut draw = draw(scene, "counts", of, number);
    let ((max, current), name) = (points(scene, of, number), control_name(scene, number));
    let total = resources(scene);
    let healthy = draw.below(total + 1);
    json!({
        "id": format!("{}/secureScores/ascScore/secureScoreControls/{name}", base(of)),
        "name": name, "type": "Microsoft.Security/secureScores/secureScoreControls",
        "properties": {
            "displayName": format!("Invented control {number}"),
            "score": {"max": max, "current": current, "percentage": share(current, max)},
            "healthyResourceCount": healthy, "unhealthyResourceCount": total - healthy,
            "notApplicableResourceCount": draw.below(4), "weight": total,
            "definition": definition(scene, number),
        },
    })
}

/// One of `secureScoreControlDefinitions`.
pub(crate) fn definition(scene: &Scene, number: u64) -> Value {
    let name = control_name(scene, number);
    let keys: Vec<Value> = (0..KEYS)
        .filter(|key| key % CONTROLS == number)
        .map(|key| {
            let key = key_name(scene, key);
            json!({"id": format!("/providers/Microsoft.Security/assessmentMetadata/{key}")})
        })
        .collect();
    json!({
        "id": format!("/providers/Microsoft.Security/secureScoreControlDefinitions/{name}"),
        "name": name, "type": "Microsoft.Security/secureScoreControlDefinitions",
        "properties": {"source": {"sourceType": "BuiltIn"}, "maxScore": most(number),
            "displayName": format!("Invented control {number}"), "assessmentDefinitions": keys},
    })
}

fn key_name(scene: &Scene, number: u64) -> String {
    Draw::new(scene.tenant.seed, "assessment key", number).guid()
}

/// One of `assessments`. What only Resource Graph or the newest version has goes elsewhere.
pub(crate) fn assessment(scene: &Scene, of: &Subscription, number: u64) -> Value {
    let mut draw = draw(scene, "assessment", of, number);
    let (resource, key) = (number / KEYS, number % KEYS);
    // Ids differ in case from call to call.
    let groups = draw.pick(&["resourceGroups/rg-demo", "resourcegroups/RG-DEMO"]);
    let place = format!(
        "/subscriptions/{}/{groups}/providers/Microsoft.Compute/virtualMachines/vm-{resource:03}",
        of.id
    );
    let name = key_name(scene, key);
    let status = match draw.below(8) {
        0 => json!({"code": "NotApplicable", "cause": "OffByPolicy",
            "description": "The policy of this assessment is off"}),
        1..4 => json!({"code": "Unhealthy", "cause": "mdeTvm"}),
        _ => json!({"code": "Healthy"}),
    };
    let details = json!({"Source": "Azure", "Id": place, "ResourceName": format!("vm-{resource:03}"),
        "NativeResourceId": place, "ResourceType": "virtualMachines",
        "ResourceProvider": "Microsoft.Compute"});
    json!({
        "id": format!("{place}/providers/Microsoft.Security/assessments/{name}"),
        "name": name, "type": "Microsoft.Security/assessments",
        "properties": {
            "displayName": format!("Invented recommendation {key}"), "status": status,
            "resourceDetails": details,
            "additionalData": {"OpenPorts": "22", "Items": r#"[{"k":1}]"#},
            "risk": {"level": draw.pick(&["None", "Low", "Medium", "High", "Critical"]),
                "riskFactors": ["Invented exposure"], "isContextualRisk": draw.chance(30),
                "attackPathsReferences": [], "paths": []},
            "metadata": metadata(scene, key),
            "links": {"azurePortal": format!("portal.example/#blade/{name}")},
            "dates": {"firstEvaluationDate": stamp(scene.ago(8_000_000 + draw.below(9_000_000))),
                "statusChangeDate": stamp(scene.ago(draw.below(8_000_000)))},
        },
    })
}

fn metadata(scene: &Scene, key: u64) -> Value {
    let mut draw = Draw::new(scene.tenant.seed, "assessment metadata", key);
    json!({
        "displayName": format!("Invented recommendation {key}"),
        "severity": draw.pick(&["Low", "Medium", "High"]), "assessmentType": "BuiltIn",
        "description": "<p>What this asks for.</p>", "remediationDescription": "1. Turn it on",
        "categories": [draw.pick(&["Compute", "Networking", "Data", "IdentityAndAccess"])],
        "userImpact": "Low", "implementationEffort": "Moderate", "preview": false,
        "threats": ["DataExfiltration"], "tactics": ["Initial Access"],
        "techniques": ["Exploit Public-Facing Application"],
    })
}

fn standard_name(number: u64) -> &'static str {
    STANDARDS[number as usize % STANDARDS.len()]
}

/// One of `regulatoryComplianceStandards`.
pub(crate) fn standard(scene: &Scene, of: &Subscription, number: u64) -> Value {
    let mut draw = draw(scene, "standard", of, number);
    let (passed, name) = (draw.below(CONTROLS_EACH), standard_name(number));
    json!({
        "id": format!("{}/regulatoryComplianceStandards/{name}", base(of)), "name": name,
        "type": "Microsoft.Security/regulatoryComplianceStandards",
        "properties": {"state": draw.pick(&STATES), "passedControls": passed,
            "failedControls": CONTROLS_EACH - passed, "skippedControls": draw.below(3),
            "unsupportedControls": draw.below(2)},
    })
}

/// One control; those of a standard are neighbours.
pub(crate) fn compliance_control(scene: &Scene, of: &Subscription, number: u64) -> Value {
    let mut draw = draw(scene, "compliance control", of, number);
    let (standard, name) = (standard_name(number / CONTROLS_EACH), control_number(number));
    let passed = draw.below(ASSESSMENTS_EACH);
    let start = format!("{}/regulatoryComplianceStandards/{standard}", base(of));
    json!({
        "id": format!("{start}/regulatoryComplianceControls/{name}"), "name": name,
        "type": "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls",
        "properties": {"description": format!("Invented requirement {name}"),
            "state": draw.pick(&STATES), "passedAssessments": passed,
            "failedAssessments": ASSESSMENTS_EACH - passed, "skippedAssessments": 0},
    })
}

/// Name of a control within its standard.
fn control_number(number: u64) -> String {
    let own = number % CONTROLS_EACH;
    format!("{}.{}", 1 + own / 3, 1 + own % 3)
}

/// One assessment of a control; those of a control are neighbours.
pub(crate) fn compliance_assessment(scene: &Scene, of: &Subscription, number: u64) -> Value {
    let mut draw = draw(scene, "compliance assessment", of, number);
    let control = number / ASSESSMENTS_EACH;
    let (standard, name) = (standard_name(control / CONTROLS_EACH), control_number(control));
    let key = key_name(scene, number % KEYS);
    let start = format!("{}/regulatoryComplianceStandards/{standard}", base(of));
    let passed = draw.below(resources(scene));
    json!({
        "id": format!("{start}/regulatoryComplianceControls/{name}/regulatoryComplianceAssessments/{key}"),
        "name": key,
        "type": "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls/regulatoryComplianceAssessments",
        "properties": {"description": format!("Invented recommendation {}", number % KEYS),
            "assessmentType": "Assessment", "state": draw.pick(&STATES),
            "assessmentDetailsLink": format!("https://portal.example/{key}"),
            "passedResources": passed, "failedResources": resources(scene) - passed,
            "skippedResources": 0, "unsupportedResources": 0,
            "scope": draw.pick(&["Subscription", "Subscription", "MultiCloudAggregation"])},
    })
}

/// Numbers of the rows below a standard, or below one of its controls, by their names.
pub(crate) fn below(standard: &str, control: Option<&str>) -> Option<std::ops::Range<u64>> {
    let standard = STANDARDS.iter().position(|name| name.eq_ignore_ascii_case(standard))? as u64;
    let controls = standard * CONTROLS_EACH..(standard + 1) * CONTROLS_EACH;
    let Some(control) = control else { return Some(controls) };
    let control = controls.into_iter().find(|number| control_number(*number) == control)?;
    Some(control * ASSESSMENTS_EACH..(control + 1) * ASSESSMENTS_EACH)
}
