//! One overall level of a device, and what makes it. Pure.

use super::criticality::Criticality;
use super::machine::Device;
use super::parts::{Alerts, alert_rank};
use super::vulnerabilities::Weaknesses;
use super::vulnerability::{Exploit, Vulnerability, rank};
use schemars::JsonSchema;
use serde::Serialize;

/// How urgent a device is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema,
)]
pub enum Level {
    /// Nothing speaks for acting.
    #[default]
    None,
    /// Something does, a little.
    Low,
    /// Something does.
    Medium,
    /// Something grave does.
    High,
    /// Two grave things do, or one on a critical device.
    Critical,
}

impl Level {
    const ALL: [Level; 5] = [Level::None, Level::Low, Level::Medium, Level::High, Level::Critical];

    fn of(points: u8) -> Level {
        Level::ALL[usize::from(points.min(4))]
    }
}

/// A device's level, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rating {
    /// The level.
    pub level: Level,
    /// What makes it, the gravest first.
    pub reasons: Vec<String>,
}

/// The level of a device. What isn't known counts for nothing.
///
/// Each of these gives points from 0 to 3: the risk level and the exposure level (low 1, medium 2, high
/// 3), the worst open alert (low 1, medium 2, high 3), the worst vulnerability (high 1, critical 2; with
/// an exploit medium 2, high and critical 3). The level is the highest of them; it is one higher where
/// two of them give 3, or where the device is critical (criticality very high or high, or device value
/// high) and it is medium or higher.
pub fn rating(
    device: &Device,
    alerts: Option<&Alerts>,
    vulnerabilities: Option<&Weaknesses>,
    criticality: Option<&Criticality>,
) -> Rating {
    let mut told: Vec<(u8, String)> = Vec::new();
    let level = |value: Option<&str>| rank(value, &["low", "medium", "high"]);
    let mut tell = |points: u8, reason: String| {
        if points > 0 {
            told.push((points, reason));
        }
    };
    let text = |value: &Option<String>| value.as_deref().unwrap_or_default().to_lowercase();
    tell(level(device.risk_score.as_deref()), format!("risk level {}", text(&device.risk_score)));
    let exposure = level(device.exposure_level.as_deref());
    tell(exposure, format!("exposure level {}", text(&device.exposure_level)));
    if let Some(alerts) = alerts {
        let points = alert_rank(alerts.worst_severity.as_deref()).saturating_sub(1);
        let severity = text(&alerts.worst_severity);
        tell(points, format!("{} open alerts, the worst of severity {severity}", alerts.open));
    }
    if let Some(worst) = vulnerabilities.and_then(|all| all.worst.as_ref()) {
        tell(points_of(worst), told_of(worst));
    }
    told.sort_by_key(|(points, _)| std::cmp::Reverse(*points));
    let mut points = told.first().map_or(0, |(points, _)| *points);
    let mut reasons: Vec<String> = told.iter().map(|(_, reason)| reason.clone()).collect();
    let grave = told.iter().filter(|(points, _)| *points == 3).count();
    let critical = critical(device, criticality);
    if points >= 2 && (grave > 1 || critical.is_some()) {
        points += 1;
    }
    reasons.extend(critical);
    Rating { level: Level::of(points), reasons }
}

fn points_of(worst: &Vulnerability) -> u8 {
    match (worst.severity(), worst.exploit > Exploit::None) {
        (3.., true) => 3,
        (4, false) | (2, true) => 2,
        (3, false) | (1, true) => 1,
        _ => 0,
    }
}

fn told_of(worst: &Vulnerability) -> String {
    let severity = worst.severity.as_deref().unwrap_or_default().to_lowercase();
    let exploit = match worst.exploit {
        Exploit::InKit => " with an exploit in a kit",
        Exploit::Verified => " with a verified exploit",
        Exploit::Public => " with a public exploit",
        Exploit::None => "",
    };
    format!("vulnerability {} of severity {severity}{exploit}", worst.id)
}

/// Why a device is critical; nothing where it isn't known to be.
fn critical(device: &Device, criticality: Option<&Criticality>) -> Option<String> {
    if let Some(Criticality { level: Some(level @ (0 | 1)), rules, .. }) = criticality {
        let level = if *level == 0 { "very high" } else { "high" };
        let by = if rules.is_empty() { String::new() } else { format!(" ({})", rules.join(", ")) };
        return Some(format!("criticality {level}{by}"));
    }
    let is_high = device.device_value.as_deref().is_some_and(|it| it.eq_ignore_ascii_case("high"));
    is_high.then(|| "device value high".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn device(risk: &str, exposure: &str, value: &str) -> Device {
        let [risk_score, exposure_level, device_value] =
            [risk, exposure, value].map(|text| Some(text.to_owned()));
        Device { risk_score, exposure_level, device_value, ..Device::default() }
    }

    fn worst(severity: &str, exploit: Exploit) -> Weaknesses {
        let mut all = Weaknesses::default();
        let severity = Some(severity.to_owned());
        all.take(Vulnerability {
            id: "CVE-2026-0001".to_owned(),
            severity,
            exploit,
            ..Default::default()
        });
        all
    }

    #[test]
    fn the_highest_of_the_reasons_is_the_level() {
        let rated = rating(&device("Low", "Medium", "Normal"), None, None, None);
        assert_eq!(rated.level, Level::Medium);
        assert_eq!(rated.reasons, ["exposure level medium", "risk level low"]);

        let nothing = rating(&device("None", "None", "High"), None, None, None);
        assert_eq!(nothing.level, Level::None);
        assert_eq!(rating(&Device::default(), None, None, None), Rating::default());

        for (severity, exploit, level) in [
            ("Critical", Exploit::Public, Level::High),
            ("Critical", Exploit::None, Level::Medium),
            ("High", Exploit::None, Level::Low),
            ("Medium", Exploit::InKit, Level::Medium),
            ("Medium", Exploit::None, Level::None),
        ] {
            let all = worst(severity, exploit);
            let rated = rating(&device("None", "None", "Normal"), None, Some(&all), None);
            assert_eq!(rated.level, level, "{severity} {exploit:?}");
        }
    }

    #[test]
    fn two_grave_reasons_or_a_critical_device_make_it_one_higher() {
        let alerts =
            Alerts { open: 2, worst_severity: Some("High".to_owned()), ..Alerts::default() };
        let collected = Timestamp::UNIX_EPOCH;
        let rules = vec!["Domain Controller".to_owned()];
        let critical = Criticality { level: Some(0), rules, collected };

        let two = rating(&device("High", "None", "Normal"), Some(&alerts), None, None);
        let domain = rating(&device("Medium", "None", "Normal"), None, None, Some(&critical));
        let value = rating(&device("Medium", "None", "High"), None, None, None);

        assert_eq!(
            (two.level, domain.level, value.level),
            (Level::Critical, Level::High, Level::High)
        );
        assert_eq!(two.reasons[1], "2 open alerts, the worst of severity high");
        assert_eq!(domain.reasons[1], "criticality very high (Domain Controller)");
    }
}
