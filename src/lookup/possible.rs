//! Which response actions a device can take, and why not. Pure.

use super::machine::Device;
use schemars::JsonSchema;
use serde::Serialize;

/// The actions on devices by their names in `POSTURE_ACTIONS`.
const ACTIONS: [&str; 3] = ["isolate", "release", "scan"];
/// Systems, by the beginning of their names in lower case, on which Defender can't carry them out.
///
/// <https://learn.microsoft.com/defender-endpoint/respond-machine-alerts>
const UNSUPPORTED: [&str; 6] =
    ["ios", "android", "windows7", "windows8", "windowsserver2008", "windowsxp"];

/// What the deployment allows for one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// The actions that `POSTURE_ACTIONS` names.
    pub actions: Vec<String>,
    /// Why the device is on the deny list; nothing where it isn't.
    pub denied: Option<String>,
}

/// Whether a response action is possible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Possible {
    /// `isolate`, `release` or `scan`.
    pub action: &'static str,
    /// Whether it is.
    pub possible: bool,
    /// Why it isn't.
    pub reason: Option<String>,
}

/// Each action, and whether `device` can take it where so much is `allowed`.
pub fn possible(device: &Device, allowed: &Allowed) -> Vec<Possible> {
    let reason = |action: &str| {
        let is_on = allowed.actions.iter().any(|one| one.eq_ignore_ascii_case(action));
        let off = (!is_on).then(|| format!("switched off: POSTURE_ACTIONS doesn't name {action}"));
        let denied = || allowed.denied.as_ref().map(|why| format!("denied: {why}"));
        off.or_else(denied).or_else(|| unfit(device))
    };
    let possible = |action| {
        let reason = reason(action);
        Possible { action, possible: reason.is_none(), reason }
    };
    ACTIONS.map(possible).into()
}

/// Why no action reaches a device at all.
pub(super) fn unfit(device: &Device) -> Option<String> {
    let onboarding = device.onboarding_status.as_deref().unwrap_or("unknown");
    if onboarding.eq_ignore_ascii_case("unsupported") {
        return Some("unsupported: Defender can't be on this device".to_owned());
    }
    if !onboarding.eq_ignore_ascii_case("onboarded") {
        return Some(format!("not onboarded ({onboarding}): Defender isn't on this device"));
    }
    let platform = device.os_platform.as_deref().unwrap_or("unknown");
    let lower = platform.to_ascii_lowercase();
    let is_unsupported = UNSUPPORTED.iter().any(|one| lower.starts_with(one));
    is_unsupported.then(|| format!("unsupported: Defender has no such action on {platform}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_possible_or_says_why_not() {
        let device = |status: &str, platform: &str| Device {
            onboarding_status: Some(status.to_owned()),
            os_platform: Some(platform.to_owned()),
            ..Device::default()
        };
        let on = Allowed { actions: vec!["isolate".to_owned()], denied: None };
        let denied = Allowed { denied: Some("tag vip".to_owned()), ..on.clone() };
        let reason = |device: &Device, allowed: &Allowed| {
            possible(device, allowed)[0].reason.clone().unwrap_or_default()
        };
        let fit = device("Onboarded", "Windows11");

        assert!(possible(&fit, &on)[0].possible);
        assert!(
            !possible(&fit, &on)[2].possible && reason(&fit, &Allowed::default()).contains("off")
        );
        assert_eq!(reason(&fit, &denied), "denied: tag vip");
        assert!(reason(&device("CanBeOnboarded", "Windows11"), &on).starts_with("not onboarded"));
        assert!(reason(&device("Unsupported", "Windows11"), &on).starts_with("unsupported"));
        assert!(reason(&device("Onboarded", "iOS"), &on).starts_with("unsupported"));
        assert!(reason(&Device::default(), &on).starts_with("not onboarded (unknown)"));
    }
}
