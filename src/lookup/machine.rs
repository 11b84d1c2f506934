//! A device: as Defender lists it, and how it is found by what somebody calls it.

use super::gap::{Gap, Stop};
use super::named::{Named, escaped};
use super::{FRESH_FOR, Lookup};
use crate::digest::lenient;
use crate::host::Candidate;
use crate::schema;
use crate::source::DEVICES;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;

/// Candidates that an ambiguous name is answered with at most.
const MOST_CANDIDATES: usize = 20;

/// A device, in Defender's own words.
///
/// <https://learn.microsoft.com/defender-endpoint/api/machine>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Device {
    /// Its id at Defender, 40 hex digits.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Its full name.
    #[serde(deserialize_with = "lenient::owned")]
    pub computer_dns_name: Option<String>,
    /// Its id in Entra ID.
    #[serde(deserialize_with = "lenient::owned")]
    pub aad_device_id: Option<String>,
    /// The operating system, such as `Windows11`.
    #[serde(deserialize_with = "lenient::owned")]
    pub os_platform: Option<String>,
    /// Its release, such as `24H2`.
    #[serde(deserialize_with = "lenient::owned")]
    pub version: Option<String>,
    /// Its build.
    #[serde(deserialize_with = "lenient::count")]
    pub os_build: Option<u64>,
    /// `64-bit`, ….
    #[serde(deserialize_with = "lenient::owned")]
    pub os_architecture: Option<String>,
    /// `Active`, `Inactive`, `ImpairedCommunication`, `NoSensorData`, ….
    #[serde(deserialize_with = "lenient::owned")]
    pub health_status: Option<String>,
    /// `Onboarded`, `CanBeOnboarded`, `Unsupported`, `InsufficientInfo`.
    #[serde(deserialize_with = "lenient::owned")]
    pub onboarding_status: Option<String>,
    /// The risk that alerts put it at: `None`, `Informational`, `Low`, `Medium`, `High`.
    #[serde(deserialize_with = "lenient::owned")]
    pub risk_score: Option<String>,
    /// How exposed its vulnerabilities make it: `None`, `Low`, `Medium`, `High`.
    #[serde(deserialize_with = "lenient::owned")]
    pub exposure_level: Option<String>,
    /// What it is worth to the organisation: `Low`, `Normal`, `High`.
    #[serde(deserialize_with = "lenient::owned")]
    pub device_value: Option<String>,
    /// `Updated`, `NotUpdated`, `Disabled`, ….
    #[serde(deserialize_with = "lenient::owned")]
    pub defender_av_status: Option<String>,
    /// `Intune`, `MDE`, ….
    #[serde(deserialize_with = "lenient::owned")]
    pub managed_by: Option<String>,
    /// Its machine group.
    #[serde(deserialize_with = "lenient::owned")]
    pub rbac_group_name: Option<String>,
    /// Its tags; null where nobody says.
    #[serde(deserialize_with = "tags")]
    pub machine_tags: Option<Vec<String>>,
    /// Its address inside.
    #[serde(deserialize_with = "lenient::owned")]
    pub last_ip_address: Option<String>,
    /// Its address outside.
    #[serde(deserialize_with = "lenient::owned")]
    pub last_external_ip_address: Option<String>,
    /// When it was seen first.
    #[serde(deserialize_with = "lenient::time")]
    #[schemars(with = "Option<schema::Timestamp>")]
    pub first_seen: Option<Timestamp>,
    /// When it reported last.
    #[serde(deserialize_with = "lenient::time")]
    #[schemars(with = "Option<schema::Timestamp>")]
    pub last_seen: Option<Timestamp>,
    /// Whether it is left out of vulnerability management.
    #[serde(deserialize_with = "lenient::flag")]
    pub is_excluded: Option<bool>,
    /// The device that it was found to be.
    #[serde(deserialize_with = "lenient::owned")]
    pub merged_into_machine_id: Option<String>,
    /// All its addresses.
    #[serde(deserialize_with = "lenient::list", skip_serializing)]
    #[schemars(skip)]
    pub(super) ip_addresses: Vec<Interface>,
}

/// An address of a device.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Interface {
    #[serde(deserialize_with = "lenient::owned")]
    ip_address: Option<String>,
}

fn id<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(lenient::owned(from)?.unwrap_or_default())
}

/// The texts of a list; anything else says nothing.
fn tags<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    let serde_json::Value::Array(tags) = serde_json::Value::deserialize(from)? else {
        return Ok(None);
    };
    Ok(Some(tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect()))
}

impl Device {
    /// The device of a line of the list, where it has an id.
    pub(super) fn read(line: &[u8]) -> Option<Device> {
        lenient::record::<Device>(line).filter(|device| !device.id.is_empty())
    }

    /// What people call it: its name, else its id.
    pub fn name(&self) -> &str {
        self.computer_dns_name.as_deref().unwrap_or(&self.id)
    }

    /// Whether somebody who names a device so means this one.
    pub fn is(&self, named: &Named) -> bool {
        let has = |address: &IpAddr, text: Option<&str>| {
            text.and_then(|text| text.parse::<IpAddr>().ok()).as_ref() == Some(address)
        };
        match named {
            Named::Id(id) => self.id.eq_ignore_ascii_case(id),
            Named::Entra(id) => {
                self.aad_device_id.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(id))
            }
            Named::Address(address) => {
                has(address, self.last_ip_address.as_deref())
                    || self.ip_addresses.iter().any(|one| has(address, one.ip_address.as_deref()))
            }
            Named::Host(_) => {
                self.computer_dns_name.as_ref().is_some_and(|name| named.is_host(name))
            }
        }
    }

    /// The groups that it belongs to by its system: `<osPlatform>` and `<osPlatform>_<version>`; none
    /// where nothing is known of it.
    pub fn profiles(&self) -> Vec<String> {
        let known = |text: &&str| !text.is_empty() && !text.eq_ignore_ascii_case("unknown");
        let Some(platform) = self.os_platform.as_deref().filter(known) else { return Vec::new() };
        let version = self.version.as_deref().filter(known);
        let version = version.map(|version| format!("{platform}_{version}"));
        std::iter::once(platform.to_owned()).chain(version).collect()
    }

    fn candidate(&self) -> Candidate {
        Candidate {
            id: self.id.clone(),
            name: self.computer_dns_name.clone(),
            os_platform: self.os_platform.clone(),
            health_status: self.health_status.clone(),
            onboarding_status: self.onboarding_status.clone(),
            last_seen: self.last_seen,
        }
    }
}

/// The one device among these that is meant. Of several, one that was merged into another isn't.
///
/// # Errors
///
/// [`Stop::NotFound`] where there is none, [`Stop::Ambiguous`] where there are several.
pub fn find_among(devices: impl IntoIterator<Item = Device>) -> Result<Device, Stop> {
    let mut found: Vec<Device> = Vec::new();
    for device in devices {
        if !found.iter().any(|known| known.id.eq_ignore_ascii_case(&device.id)) {
            found.push(device);
        }
    }
    if found.len() > 1 {
        let is_merged = |device: &Device| device.merged_into_machine_id.is_some();
        let whole = found.iter().filter(|device| !is_merged(device)).count();
        found.retain(|device| whole == 0 || !is_merged(device));
    }
    match found.len() {
        0 => Err(Stop::NotFound(
            "no device of this name: ask by its full name, its id at Defender or in Entra ID, or an \
             address that it has now"
                .to_owned(),
        )),
        1 => Ok(found.swap_remove(0)),
        _ => {
            found.sort_by_key(|device| std::cmp::Reverse(device.last_seen));
            found.truncate(MOST_CANDIDATES);
            Err(Stop::Ambiguous(found.iter().map(Device::candidate).collect()))
        }
    }
}

impl Lookup<'_> {
    /// The devices that Defender knows by this name.
    pub(super) async fn devices_live(&self, named: &Named) -> Result<Vec<Device>, Gap> {
        let devices: Vec<Device> = match named {
            Named::Id(id) => self.machines(&format!("/api/machines/{id}")).await?,
            Named::Entra(id) => self.filtered(&format!("aadDeviceId eq {id}")).await?,
            Named::Host(name) if name.contains('.') => {
                self.filtered(&format!("computerDnsName eq '{name}'")).await?
            }
            Named::Host(name) => {
                // Not by the name's beginning alone, which many others may share.
                let (alone, within) = (
                    format!("computerDnsName eq '{name}'"),
                    format!("startswith(computerDnsName,'{name}.')"),
                );
                let (alone, within) = futures::join!(self.filtered(&alone), self.filtered(&within));
                [alone?, within?].concat()
            }
            Named::Address(address) => {
                let found = self.machines(&self.at_address(address)).await?;
                match found.is_empty() {
                    false => found,
                    true => self.filtered(&format!("lastIpAddress eq '{address}'")).await?,
                }
            }
        };
        let is_meant = |device: &Device| match named {
            Named::Host(_) => device.is(named),
            _ => true,
        };
        Ok(devices.into_iter().filter(|one| !one.id.is_empty() && is_meant(one)).collect())
    }

    /// The device list has them by this name.
    pub(super) async fn devices_kept(
        &self,
        named: &Named,
    ) -> Result<(Vec<Device>, Timestamp), Gap> {
        let snapshot = self.snapshot(DEVICES)?;
        let needle = match named {
            Named::Id(id) | Named::Entra(id) => Some(id.as_str()),
            _ => None,
        };
        let meant = named.clone();
        let read = Arc::new(move |line: &[u8]| Device::read(line).filter(|one| one.is(&meant)));
        let mut found = Vec::new();
        self.scan(&snapshot, needle, read, |device| {
            if found.len() <= MOST_CANDIDATES {
                found.push(device);
            }
        })
        .await?;
        Ok((found, snapshot.made))
    }

    /// Devices seen with an address within a quarter of an hour; the instant moves on with the memory of
    /// answers, so that they are found there.
    fn at_address(&self, address: &IpAddr) -> String {
        let step = FRESH_FOR.as_secs() as i64;
        let second = self.now.as_second().div_euclid(step) * step;
        let at = Timestamp::from_second(second).unwrap_or(self.now);
        let address = escaped(&address.to_string());
        format!("/api/machines/findbyip(ip='{address}',timestamp={at})")
    }

    async fn filtered(&self, filter: &str) -> Result<Vec<Device>, Gap> {
        self.machines(&format!("/api/machines?$filter={}", escaped(filter))).await
    }

    async fn machines(&self, path: &str) -> Result<Vec<Device>, Gap> {
        let found: Arc<Vec<Device>> = self.ask(path, DEVICES.needs).await?;
        Ok(found.as_ref().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, merged: Option<&str>) -> Device {
        let merged_into_machine_id = merged.map(str::to_owned);
        Device { id: id.to_owned(), merged_into_machine_id, ..Device::default() }
    }

    #[test]
    fn of_several_devices_merged_ones_are_not_meant() {
        let found = |devices: Vec<Device>| find_among(devices).map(|device| device.id);

        assert_eq!(found(vec![device("a", Some("b")), device("b", None)]), Ok("b".to_owned()));
        assert_eq!(found(vec![device("a", Some("b"))]), Ok("a".to_owned()));
        assert_eq!(found(vec![device("a", None), device("A", None)]), Ok("a".to_owned()));
        assert!(matches!(found(vec![]), Err(Stop::NotFound(_))));
        let both = found(vec![device("a", None), device("b", None)]);
        assert!(matches!(both, Err(Stop::Ambiguous(candidates)) if candidates.len() == 2));
    }

    #[test]
    fn a_device_is_read_whatever_its_fields_hold() {
        let line =
            br#"{"RecordId":"x","id":"a","osBuild":"26100","machineTags":["t",1],"lastSeen":7,
            "ipAddresses":[{"ipAddress":"10.0.0.7"},3]}"#;

        let device = Device::read(line).unwrap();

        assert_eq!((device.os_build, device.last_seen), (Some(26_100), None));
        assert_eq!(device.machine_tags.as_deref(), Some(&["t".to_owned()][..]));
        assert!(device.is(&Named::read("10.0.0.7").unwrap()));
        assert_eq!(Device::read(br#"{"osBuild":1}"#), None);
    }
}
