//! Records of Identity Protection: users at risk, and what was detected about them.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::generate::{Draw, domain};
use crate::scene::{Scene, earlier, later};

const LEVELS: [&str; 3] = ["low", "medium", "high"];
const EVENTS: [(&str, &str); 5] = [
    ("unfamiliarFeatures", "realtime"),
    ("anonymizedIPAddress", "realtime"),
    ("unlikelyTravel", "offline"),
    ("leakedCredentials", "offline"),
    ("passwordSpray", "offline"),
];

/// Number of users that are or were at risk.
pub(crate) fn users(scene: &Scene) -> u64 {
    3 + u64::from(scene.tenant.devices / 4)
}

/// When a user's risk last changed; user 0 is the newest.
pub(crate) fn user_date(scene: &Scene, number: u64, _: &str) -> Timestamp {
    scene.spread(number, users(scene))
}

fn person(scene: &Scene, number: u64) -> (String, String, String) {
    let mut draw = Draw::new(scene.tenant.seed, "person", number);
    let name = draw.pick(&["Ana", "Bruno", "Chen", "Dilek", "Emeka", "Freya"]);
    let mail = format!("{}.{number}@{}", name.to_ascii_lowercase(), domain(&scene.tenant));
    (draw.guid(), format!("{name} {number}"), mail)
}

/// One user.
pub(crate) fn user(scene: &Scene, number: u64) -> Bytes {
    let mut draw = Draw::new(scene.tenant.seed, "risky user", number);
    let (id, name, mail) = person(scene, number);
    let (state, detail) = draw.pick(&[
        ("atRisk", "none"),
        ("atRisk", "none"),
        ("confirmedCompromised", "adminConfirmedUserCompromised"),
        ("remediated", "userPerformedSecuredPasswordChange"),
        ("dismissed", "adminDismissedAllRiskForUser"),
    ]);
    let is_over = matches!(state, "remediated" | "dismissed");
    json!({
        "id": id, "isDeleted": draw.chance(5), "isProcessing": false,
        "riskLevel": if is_over { "none" } else { draw.pick(&LEVELS) },
        "riskState": state, "riskDetail": detail,
        "riskLastUpdatedDateTime": user_date(scene, number, "").to_string(),
        "userDisplayName": name, "userPrincipalName": mail,
    })
    .to_string()
    .into()
}

/// Number of detections.
pub(crate) fn detections(scene: &Scene) -> u64 {
    5 + u64::from(scene.tenant.devices / 2)
}

/// When something happened, was detected, or last changed; detection 0 was detected last.
pub(crate) fn detection_date(scene: &Scene, number: u64, field: &str) -> Timestamp {
    let mut draw = Draw::new(scene.tenant.seed, "detection time", number);
    let detected = scene.spread(number, detections(scene));
    let (before, after) = (draw.below(90_000), draw.below(40_000));
    match field {
        "detectedDateTime" => detected,
        "activityDateTime" => earlier(detected, before),
        _ => later(detected, after).min(scene.started),
    }
}

/// One detection.
pub(crate) fn detection(scene: &Scene, number: u64) -> Bytes {
    let mut draw = Draw::new(scene.tenant.seed, "detection", number);
    let (user, name, mail) = person(scene, draw.below(users(scene)));
    let (event, timing) = draw.pick(&EVENTS);
    let hex = |draw: &mut Draw| format!("{:016x}{:016x}", draw.next(), draw.next());
    let is_sign_in = timing == "realtime";
    let date = |field: &str| detection_date(scene, number, field).to_string();
    json!({
        "id": hex(&mut draw),
        "requestId": is_sign_in.then(|| draw.guid()),
        "correlationId": is_sign_in.then(|| draw.guid()),
        "riskEventType": event, "riskLevel": draw.pick(&LEVELS),
        "riskState": draw.pick(&["atRisk", "atRisk", "remediated", "dismissed"]),
        "riskDetail": "none", "source": "IdentityProtection",
        "detectionTimingType": timing, "activity": if is_sign_in { "signin" } else { "user" },
        "tokenIssuerType": "AzureAD",
        "ipAddress": is_sign_in.then(|| format!("203.0.113.{}", draw.below(250) + 1)),
        "location": location(&mut draw, is_sign_in),
        "activityDateTime": date("activityDateTime"),
        "detectedDateTime": date("detectedDateTime"),
        "lastUpdatedDateTime": date("lastUpdatedDateTime"),
        "userId": user, "userDisplayName": name, "userPrincipalName": mail,
        "additionalInfo": r#"[{"Key":"userAgent","Value":"Invented/1.0"},{"Key":"mitreTechniques","Value":["T1078"]}]"#,
    })
    .to_string()
    .into()
}

fn location(draw: &mut Draw, is_known: bool) -> Value {
    if !is_known {
        return Value::Null;
    }
    let (city, country) =
        draw.pick(&[("Inventown", "NL"), ("Elsewhere", "BR"), ("Somewhere", "US")]);
    json!({"city": city, "state": null, "countryOrRegion": country,
        "geoCoordinates": {"latitude": 10.5, "longitude": -20.25, "altitude": null}})
}
