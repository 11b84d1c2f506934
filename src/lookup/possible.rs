//! Which response actions a device can take, and why not: by the guard that the actions themselves pass.

use super::criticality::Criticality;
use super::machine::Device;
use crate::action;
use crate::settings::Action;
use crate::source::hunting::ASSET_CRITICALITY;
use crate::tenant::Tenant;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// The actions on devices.
const ACTIONS: [Action; 3] = [Action::Isolate, Action::Release, Action::Scan];
/// How many of its intervals a snapshot of critical assets may be old, for actions.
const INTERVALS: i32 = 2;
/// What the exposure graph's own rule for domain controllers is called.
///
/// <https://learn.microsoft.com/security-exposure-management/predefined-classification-rules-and-levels>
const CONTROLLER: &str = "domain controller";

/// Whether a response action is possible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Possible {
    /// `isolate`, `release` or `scan`.
    pub action: &'static str,
    /// Whether it is, the limit of actions an hour left aside.
    pub possible: bool,
    /// Why it isn't, in one word: `switchedOff`, `noIdentity`, `notOnboarded`, `unsupported`, `denied`,
    /// `merged`, `criticalityUnknown`.
    pub code: Option<&'static str>,
    /// Why it isn't, and what to do.
    pub reason: Option<String>,
}

/// Each action on devices, and whether this one can take it as things stand.
pub fn possible(
    tenant: &Tenant,
    device: &Device,
    criticality: Option<&Criticality>,
    now: Timestamp,
) -> Vec<Possible> {
    let (target, criticality) = (target(device), known(tenant, criticality, now));
    let of = |action: Action| {
        let refusal = action::possible(tenant, action, &target, &criticality).err();
        Possible {
            action: action.name(),
            possible: refusal.is_none(),
            code: refusal.as_ref().map(|refusal| refusal.code),
            reason: refusal.map(|refusal| refusal.detail),
        }
    };
    ACTIONS.map(of).into()
}

fn target(device: &Device) -> action::Device {
    action::Device {
        id: device.id.clone(),
        name: device.computer_dns_name.clone(),
        entra_id: device.aad_device_id.clone(),
        onboarding: device.onboarding_status.clone(),
        platform: device.os_platform.clone(),
        group: device.rbac_group_name.clone(),
        tags: device.machine_tags.clone(),
        merged_into: device.merged_into_machine_id.clone(),
    }
}

/// How critical an action takes the device for: an old snapshot tells it nothing.
fn known(tenant: &Tenant, found: Option<&Criticality>, now: Timestamp) -> action::Criticality {
    let Some(found) = found else {
        return action::Criticality::Unknown("no snapshot tells it".to_owned());
    };
    let source = tenant.source(ASSET_CRITICALITY.name).unwrap_or(ASSET_CRITICALITY);
    let age = now.duration_since(found.collected);
    if age > source.every * INTERVALS {
        let reason = format!("the newest snapshot is {} h old", age.as_hours());
        return action::Criticality::Unknown(reason);
    }
    let is_controller = |rule: &String| rule.to_lowercase().contains(CONTROLLER);
    let is_domain_controller = found.rules.iter().any(is_controller);
    action::Criticality::Known { level: found.level, is_domain_controller }
}
