//! Whether an action on a device is possible, and why not. Pure.

use super::{Caps, Deny, Device};
use crate::settings::Action;
use crate::tenant::Tenant;
use std::collections::BTreeSet;

/// What a tenant lets response actions do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What is possible at all.
    pub allowed: BTreeSet<Action>,
    /// Devices that no action touches.
    pub deny: Deny,
    /// How many an hour.
    pub caps: Caps,
}

/// How critical a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Criticality {
    /// Nobody knows, for this reason.
    Unknown(String),
    /// As the newest snapshot has it.
    Known {
        /// 0 is very high, 3 is low; nothing for a device that isn't critical.
        level: Option<u8>,
        /// Whether it is a domain controller.
        is_domain_controller: bool,
    },
}

/// Why an action isn't carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// One word for programs.
    pub code: &'static str,
    /// The answer's status.
    pub status: u16,
    /// What happened, and the next step.
    pub detail: String,
    /// Seconds after which to ask again.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal without a time.
    pub fn new(code: &'static str, status: u16, detail: impl Into<String>) -> Refusal {
        Refusal { code, status, detail: detail.into(), retry_after: None }
    }

    /// The same, to be asked again after so many seconds.
    pub fn after(self, seconds: u64) -> Refusal {
        Refusal { retry_after: Some(seconds.max(1)), ..self }
    }
}

/// Platforms that Defender for Endpoint can't act on, by their beginning.
///
/// <https://learn.microsoft.com/defender-endpoint/respond-machine-alerts>
const UNSUPPORTED: [&str; 6] =
    ["Android", "iOS", "Windows7", "Windows8", "WindowsServer2008", "WindowsXP"];

/// Whether a tenant lets this action be carried out on a device as things stand, its limit of actions an
/// hour left aside: for the device card as for the action itself.
///
/// # Errors
///
/// The first reason against it.
pub fn possible(
    tenant: &Tenant,
    action: Action,
    device: &Device,
    criticality: &Criticality,
) -> Result<(), Refusal> {
    switched_on(tenant, action)?;
    fit(action, device, criticality, &tenant.actions.deny)
}

/// Whether the action is allowed in this tenant, and somebody is there to carry it out.
///
/// # Errors
///
/// Why not, as an administrator reads it.
pub fn switched_on(tenant: &Tenant, action: Action) -> Result<(), Refusal> {
    let name = action.name();
    if !tenant.actions.allowed.contains(&action) {
        let detail = format!(
            "{name} is switched off in this tenant: POSTURE_ACTIONS names what is possible, and where \
             there are many tenants `actions.allowed` of the tenant too"
        );
        return Err(Refusal::new("switchedOff", 403, detail));
    }
    let acting = tenant.acting();
    acting.map(|_| ()).map_err(|reason| {
        Refusal::new("noIdentity", 403, format!("{name} is switched off in this tenant: {reason}"))
    })
}

/// Whether a device is one that the action may be carried out on.
///
/// # Errors
///
/// The first reason against it.
pub fn fit(
    action: Action,
    device: &Device,
    criticality: &Criticality,
    deny: &Deny,
) -> Result<(), Refusal> {
    supported(action, device)?;
    if let Some(reason) = deny.forbids(device, criticality) {
        let detail = format!("{reason}: no action touches it, act on it by hand");
        return Err(Refusal::new("denied", 403, detail));
    }
    match criticality {
        // Whatever an isolated device is, setting it free again is no harm that can't be undone.
        Criticality::Unknown(reason) if deny.asks_criticality() && action != Action::Release => {
            let detail = format!(
                "nobody knows how critical the device is ({reason}): collect \
                 graph.hunting.asset_criticality, or take role and criticality out of \
                 POSTURE_ACTION_DENY"
            );
            Err(Refusal::new("criticalityUnknown", 409, detail))
        }
        _ => Ok(()),
    }
}

/// Whether Defender for Endpoint can carry the action out on a device.
fn supported(action: Action, device: &Device) -> Result<(), Refusal> {
    if let Some(other) = &device.merged_into {
        let detail = format!("the device has become another one in Defender: name {other} instead");
        return Err(Refusal::new("merged", 409, detail));
    }
    match device.onboarding.as_deref() {
        Some(status) if status.eq_ignore_ascii_case("onboarded") => {}
        Some(status) if status.eq_ignore_ascii_case("unsupported") => {
            let detail = "Defender for Endpoint doesn't support this device: act on it by hand";
            return Err(Refusal::new("unsupported", 409, detail));
        }
        status => {
            let status = status.unwrap_or("unknown");
            let detail = format!(
                "the device isn't onboarded to Defender for Endpoint ({status}): onboard it, or act on it \
                 by hand"
            );
            return Err(Refusal::new("notOnboarded", 409, detail));
        }
    }
    let platform = device.platform.as_deref().unwrap_or_default();
    if UNSUPPORTED.iter().any(|start| starts_with(platform, start)) {
        let detail = format!("{} isn't possible on {platform}: act on it by hand", action.name());
        return Err(Refusal::new("unsupported", 409, detail));
    }
    Ok(())
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> Device {
        Device {
            id: "0".repeat(40),
            name: Some("pc-17.contoso.example".to_owned()),
            onboarding: Some("Onboarded".to_owned()),
            platform: Some("Windows11".to_owned()),
            tags: Some(Vec::new()),
            ..Device::default()
        }
    }

    const PLAIN: Criticality = Criticality::Known { level: None, is_domain_controller: false };

    fn code(device: &Device, criticality: &Criticality, action: Action) -> Option<&'static str> {
        let deny = Deny::read(Deny::DEFAULT.split(',')).unwrap();
        fit(action, device, criticality, &deny).err().map(|refusal| refusal.code)
    }

    #[test]
    fn a_device_that_is_not_onboarded_supported_or_its_own_any_longer_is_refused() {
        let status = |text: Option<&str>| {
            let onboarding = text.map(str::to_owned);
            code(&Device { onboarding, ..device() }, &PLAIN, Action::Isolate)
        };
        let platform = |text: &str| {
            let platform = Some(text.to_owned());
            code(&Device { platform, ..device() }, &PLAIN, Action::Scan)
        };
        let merged = Device { merged_into: Some("1".repeat(40)), ..device() };

        assert_eq!(status(Some("Onboarded")), None);
        assert_eq!(status(Some("CanBeOnboarded")), Some("notOnboarded"));
        assert_eq!(status(Some("InsufficientInfo")), Some("notOnboarded"));
        assert_eq!(status(None), Some("notOnboarded"));
        assert_eq!(status(Some("Unsupported")), Some("unsupported"));
        assert_eq!(["Windows11", "macOS", "Ubuntu", ""].map(platform), [None; 4]);
        assert_eq!(["iOS", "Android", "windows7"].map(platform), [Some("unsupported"); 3]);
        assert_eq!(code(&merged, &PLAIN, Action::Release), Some("merged"));
    }

    #[test]
    fn unknown_criticality_refuses_whatever_can_do_harm() {
        let unknown = Criticality::Unknown("never collected".to_owned());
        let of = |action| code(&device(), &unknown, action);

        assert_eq!(of(Action::Isolate), Some("criticalityUnknown"));
        assert_eq!(of(Action::Scan), Some("criticalityUnknown"));
        assert_eq!(of(Action::Release), None);
        let without = fit(Action::Isolate, &device(), &unknown, &Deny::default());
        assert_eq!(without, Ok(()));
        let controller = Criticality::Known { level: Some(3), is_domain_controller: true };
        for action in [Action::Isolate, Action::Release, Action::Scan] {
            assert_eq!(code(&device(), &controller, action), Some("denied"));
        }
    }
}
