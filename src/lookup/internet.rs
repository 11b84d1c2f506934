//! Whether a device can be reached from the internet.

use super::Lookup;
use super::gap::Gap;
use super::kept::Snapshot;
use super::machine::Device;
use crate::digest::lenient;
use crate::schema;
use crate::source::hunting::INTERNET_FACING_DEVICES;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How far back the query looks for reports of a device.
const LOOKS_BACK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Whether a device can be reached from the internet, as it has reported itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InternetFacing {
    /// Whether it can; null where it wasn't there, or said nothing, in the week before it was asked for.
    pub facing: Option<bool>,
    /// When hunting was asked.
    #[schemars(with = "schema::Timestamp")]
    pub collected: Timestamp,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Row {
    #[serde(deserialize_with = "lenient::owned")]
    device_id: Option<String>,
}

/// Whether the query would have told of a device, so that not being told means no.
fn would_be_told(device: &Device, asked: Timestamp) -> bool {
    let oldest = asked.saturating_sub(LOOKS_BACK).unwrap_or(Timestamp::MIN);
    let has_reported = device.last_seen.is_some_and(|seen| seen >= oldest);
    has_reported && device.first_seen.is_none_or(|seen| seen <= asked)
}

impl Lookup<'_> {
    /// Whether a device can be reached from the internet, by the newest kept answer of hunting, which holds
    /// those that can.
    pub(super) async fn internet_facing(&self, device: &Device) -> Result<InternetFacing, Gap> {
        let snapshot = self.snapshot(INTERNET_FACING_DEVICES)?;
        let key = format!("internet-facing {} in {}", device.id, snapshot.run);
        let is_held = self.remembered(&key, false, self.is_held(device, &snapshot)).await?;
        let facing = match *is_held {
            true => Some(true),
            false => would_be_told(device, snapshot.made).then_some(false),
        };
        Ok(InternetFacing { facing, collected: snapshot.made })
    }

    async fn is_held(&self, device: &Device, snapshot: &Snapshot) -> Result<bool, Gap> {
        let id = device.id.clone();
        let read = Arc::new(move |line: &[u8]| {
            let row = lenient::record::<Row>(line)?;
            row.device_id.is_some_and(|own| own.eq_ignore_ascii_case(&id)).then_some(())
        });
        let mut is_held = false;
        self.scan(snapshot, None, read, |()| is_held = true).await?;
        Ok(is_held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_device_that_was_silent_or_not_there_yet_nothing_is_known() {
        let at = |day: &str| Some(format!("2026-11-{day}T08:00:00Z").parse().unwrap());
        let asked = at("20").unwrap();
        let device = |first_seen, last_seen| Device { first_seen, last_seen, ..Device::default() };

        assert!(would_be_told(&device(at("01"), at("14")), asked));
        assert!(would_be_told(&device(None, at("21")), asked));
        assert!(!would_be_told(&device(at("01"), at("12")), asked));
        assert!(!would_be_told(&device(at("21"), at("21")), asked));
        assert!(!would_be_told(&device(at("01"), None), asked));
    }
}
