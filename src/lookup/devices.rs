//! The list of devices out of the newest kept snapshot: filtered, and counted by profile.

use super::Lookup;
use super::gap::Gap;
use super::machine::Device;
use super::named::SoftwareId;
use super::rows::{FlawRow, Meant};
use super::vulnerability::rank;
use crate::digest::Tally;
use crate::source::DEVICES;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Profiles that an answer counts at most; devices of further ones count as `Other`.
const MOST_PROFILES: usize = 500;
/// The profile of those.
const OTHER: &str = "Other";

/// Which devices are meant: all of these must hold. Texts count in any letter case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// `osPlatform`.
    pub os: Option<String>,
    /// `version`.
    pub os_version: Option<String>,
    /// `riskScore`.
    pub risk: Option<String>,
    /// `exposureLevel`.
    pub exposure: Option<String>,
    /// `rbacGroupName`.
    pub group: Option<String>,
    /// One of `machineTags`.
    pub tag: Option<String>,
    /// A software that it has.
    pub software: Option<SoftwareId>,
    /// A vulnerability that it has.
    pub cve: Option<String>,
}

impl Filter {
    fn passes(&self, device: &Device) -> bool {
        let is = |asked: &Option<String>, own: &Option<String>| {
            let same = |asked: &String| own.as_ref().is_some_and(|own| same(asked, own));
            asked.as_ref().is_none_or(same)
        };
        let is_tagged =
            |tag: &String| device.machine_tags.iter().flatten().any(|own| same(tag, own));
        is(&self.os, &device.os_platform)
            && is(&self.os_version, &device.version)
            && is(&self.risk, &device.risk_score)
            && is(&self.exposure, &device.exposure_level)
            && is(&self.group, &device.rbac_group_name)
            && self.tag.as_ref().is_none_or(is_tagged)
    }
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || one.to_lowercase() == other.to_lowercase()
}

/// A device of the list, with the profiles that it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The device.
    #[serde(flatten)]
    pub device: Device,
    /// `<osPlatform>` and `<osPlatform>_<version>`; none where nothing is known of its system.
    pub profiles: Vec<String>,
    /// Its page in the portal.
    pub link: String,
}

/// Devices of one system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// `<osPlatform>` or `<osPlatform>_<version>`.
    pub profile: String,
    /// How many devices.
    pub devices: u64,
    /// The worst risk level among them; null where none has one.
    pub worst_risk: Option<String>,
    /// The worst exposure level among them.
    pub worst_exposure: Option<String>,
    /// Devices by risk level.
    pub by_risk: Tally,
    /// Devices by exposure level.
    pub by_exposure: Tally,
}

/// All profiles of a tenant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profiles {
    /// Each, in the order of their names.
    pub profiles: Vec<Profile>,
    /// Devices of which no system is known.
    pub unprofiled: u64,
    /// All devices.
    pub devices: u64,
}

impl Profile {
    fn take(&mut self, device: &Device) {
        const LEVELS: [&str; 5] = ["none", "informational", "low", "medium", "high"];
        let worst = |known: &mut Option<String>, own: &Option<String>| {
            if rank(own.as_deref(), &LEVELS) > rank(known.as_deref(), &LEVELS) {
                known.clone_from(own);
            }
        };
        self.devices += 1;
        worst(&mut self.worst_risk, &device.risk_score);
        worst(&mut self.worst_exposure, &device.exposure_level);
        self.by_risk.add(device.risk_score.as_deref());
        self.by_exposure.add(device.exposure_level.as_deref());
    }
}

impl Lookup<'_> {
    /// Hands over the devices that pass a filter, in the snapshot's order; when that was made.
    ///
    /// # Errors
    ///
    /// [`Gap`]: where a snapshot isn't kept, or takes too long to read.
    pub async fn listed(
        &self,
        filter: &Filter,
        mut take: impl FnMut(Entry) + Send,
    ) -> Result<Timestamp, Gap> {
        let snapshot = self.snapshot(DEVICES)?;
        let (with, made) = self.ids(filter, snapshot.made).await?;
        let filter = filter.clone();
        let read = Arc::new(move |line: &[u8]| {
            let device = Device::read(line).filter(|device| filter.passes(device))?;
            let is_in = with.as_ref().is_none_or(|ids| ids.contains(&key(&device.id)));
            is_in.then_some(device)
        });
        self.scan(&snapshot, None, read, |device| {
            let (profiles, link) = (device.profiles(), self.links(&device.id).overview);
            take(Entry { device, profiles, link });
        })
        .await?;
        Ok(made)
    }

    /// The devices with the filter's software and vulnerability; nothing where it names none.
    async fn ids(
        &self,
        filter: &Filter,
        mut made: Timestamp,
    ) -> Result<(Option<HashSet<u128>>, Timestamp), Gap> {
        let mut both: Option<HashSet<u128>> = None;
        if let Some(software) = &filter.software {
            let mut ids = HashSet::new();
            self.installed(software, |row| ids.extend(row.device_id.as_deref().map(key))).await?;
            made = made.min(self.snapshot(crate::source::DEVICE_SOFTWARE)?.made);
            both = Some(ids);
        }
        if let Some(cve) = &filter.cve {
            let mut ids = HashSet::new();
            let take = |row: FlawRow| ids.extend(row.device_id.as_deref().map(key));
            made = made.min(self.flaw_rows(&Meant::of_cve(cve), take).await?);
            both = Some(match both {
                None => ids,
                Some(others) => others.intersection(&ids).copied().collect(),
            });
        }
        Ok((both, made))
    }

    /// The devices by profile, and when their snapshot was made.
    ///
    /// # Errors
    ///
    /// As [`Lookup::listed`].
    pub async fn profiles(&self) -> Result<(Profiles, Timestamp), Gap> {
        let snapshot = self.snapshot(DEVICES)?;
        let mut of: BTreeMap<String, Profile> = BTreeMap::new();
        let mut all = Profiles::default();
        self.scan(&snapshot, None, Arc::new(Device::read), |device| {
            let profiles = device.profiles();
            all.devices += 1;
            all.unprofiled += u64::from(profiles.is_empty());
            for name in profiles {
                let has_room = of.len() < MOST_PROFILES || of.contains_key(&name);
                let name = if has_room { name } else { OTHER.to_owned() };
                of.entry(name).or_default().take(&device);
            }
        })
        .await?;
        let named = |(profile, counts)| Profile { profile, ..counts };
        all.profiles = of.into_iter().map(named).collect();
        Ok((all, snapshot.made))
    }
}

/// A device's id in sixteen bytes: the first 32 of its 40 digits, which tell devices apart.
fn key(id: &str) -> u128 {
    let digits = id.get(..32).and_then(|digits| u128::from_str_radix(digits, 16).ok());
    // Not Defender's form: any other text in as many bytes.
    digits.unwrap_or_else(|| {
        let hash = ring::digest::digest(&ring::digest::SHA256, id.as_bytes());
        hash.as_ref().iter().take(16).fold(0, |key, byte| key << 8 | u128::from(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(platform: &str, version: &str, risk: &str) -> Device {
        let some = |text: &str| Some(text.to_owned());
        Device {
            id: "a".to_owned(),
            os_platform: some(platform),
            version: some(version),
            risk_score: some(risk),
            machine_tags: Some(vec!["Pilot".to_owned()]),
            ..Device::default()
        }
    }

    #[test]
    fn all_of_a_filter_must_hold_in_any_letter_case() {
        let some = |text: &str| Some(text.to_owned());
        let device = device("Windows11", "24H2", "High");
        let passes = |filter: Filter| filter.passes(&device);

        assert!(passes(Filter::default()));
        assert!(passes(Filter { os: some("windows11"), tag: some("pilot"), ..Filter::default() }));
        assert!(!passes(Filter { os: some("windows11"), risk: some("Low"), ..Filter::default() }));
        assert!(!passes(Filter { group: some("x"), ..Filter::default() }));
    }

    #[test]
    fn a_device_names_its_profiles_and_a_profile_its_worst_levels() {
        let mut profile = Profile::default();
        for risk in ["Low", "High", "None"] {
            profile.take(&device("Windows11", "24H2", risk));
        }

        assert_eq!(device("Windows11", "24H2", "").profiles(), ["Windows11", "Windows11_24H2"]);
        assert_eq!(device("Linux", "Unknown", "").profiles(), ["Linux"]);
        assert!(device("", "24H2", "").profiles().is_empty());
        assert_eq!((profile.devices, profile.worst_risk.as_deref()), (3, Some("High")));
        assert_eq!((profile.by_risk.of("Low"), profile.worst_exposure), (1, None));
    }

    #[test]
    fn a_devices_key_tells_devices_apart() {
        assert_eq!(key(&format!("{}1", "0".repeat(31))), 1);
        assert_ne!(key("a"), key("b"));
    }
}
