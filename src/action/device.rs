//! A device as Defender for Endpoint describes it, as far as a guard asks. Pure.

use crate::tenant::guid;
use serde_json::Value;

/// Hex digits of a device's id.
const ID_DIGITS: usize = 40;
/// Longest name of a device, as names of the DNS are.
const LONGEST_NAME: usize = 253;

/// A device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Its id, 40 lower-case hex digits.
    pub id: String,
    /// Its full DNS name.
    pub name: Option<String>,
    /// Its id in Entra ID.
    pub entra_id: Option<String>,
    /// `Onboarded`, `CanBeOnboarded`, `Unsupported` or `InsufficientInfo`.
    pub onboarding: Option<String>,
    /// Its operating system, such as `Windows11`.
    pub platform: Option<String>,
    /// Its device group.
    pub group: Option<String>,
    /// Its tags; nothing where nobody knows them.
    pub tags: Option<Vec<String>>,
    /// The device that it has become.
    pub merged_into: Option<String>,
}

impl Device {
    /// The device of a record of `/api/machines`; nothing where its id is none.
    ///
    /// <https://learn.microsoft.com/defender-endpoint/api/machine>
    pub fn of(machine: &Value) -> Option<Device> {
        let text = |name: &str| {
            let text = machine[name].as_str().map(str::trim)?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let tags = machine["machineTags"].as_array().map(|tags| {
            tags.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        });
        Some(Device {
            id: device_id(machine["id"].as_str()?)?,
            name: text("computerDnsName"),
            entra_id: text("aadDeviceId"),
            onboarding: text("onboardingStatus"),
            platform: text("osPlatform"),
            group: text("rbacGroupName"),
            tags,
            merged_into: text("mergedIntoMachineId"),
        })
    }

    /// Whether the device is the one of this name: its whole name, or the part before the first dot.
    pub fn is_named(&self, name: &str) -> bool {
        let Some(own) = self.name.as_deref() else { return false };
        let host = own.split('.').next().unwrap_or_default();
        own.eq_ignore_ascii_case(name) || host.eq_ignore_ascii_case(name)
    }
}

/// How a caller names a device. Whatever is inside is safe in a URL's path and in a `$filter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// By Defender's id.
    Id(String),
    /// By its id in Entra ID.
    Entra(String),
    /// By its name, whole or up to the first dot.
    Name(String),
}

impl Named {
    /// Reads a text that a caller has sent; nothing where it can be no device's.
    pub fn read(text: &str) -> Option<Named> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
        let is_name = !text.is_empty()
            && text.len() <= LONGEST_NAME
            && text.chars().all(fits)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let id = device_id(text).map(Named::Id);
        id.or_else(|| guid(text).map(Named::Entra))
            .or_else(|| is_name.then(|| Named::Name(text.to_ascii_lowercase())))
    }
}

/// A device's id in lower case; nothing where the text is none.
fn device_id(text: &str) -> Option<String> {
    let is_id = text.len() == ID_DIGITS && text.chars().all(|c| c.is_ascii_hexdigit());
    is_id.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_device_is_named_by_id_entra_id_or_name_and_nothing_else_reaches_a_url() {
        let id = "00AA11bb22cc33dd44ee55ff66aa77bb88cc99dd";
        let entra = "AAAAAAAA-0000-4000-8000-000000000017";

        assert_eq!(Named::read(id), Some(Named::Id(id.to_lowercase())));
        assert_eq!(Named::read(entra), Some(Named::Entra(entra.to_lowercase())));
        assert_eq!(Named::read("PC-17"), Some(Named::Name("pc-17".to_owned())));
        for hostile in [
            "",
            "x' or 1 eq 1",
            "a/b",
            "..",
            ".",
            "a%2fb",
            "a?b",
            "a'b",
            "a(b)",
            "pc 17",
            "pç",
            "-x",
            &"a".repeat(254),
        ] {
            assert_eq!(Named::read(hostile), None, "{hostile}");
        }
    }

    #[test]
    fn a_record_with_missing_and_odd_fields_is_still_a_device() {
        let id = "0".repeat(40);
        let bare = Device::of(&json!({ "id": id, "machineTags": "x", "osPlatform": 7 })).unwrap();
        let whole = Device::of(&json!({ "id": id, "machineTags": ["a", 1],
            "computerDnsName": "pc-17.contoso.example", "mergedIntoMachineId": null }));

        assert_eq!(bare, Device { id: id.clone(), ..Device::default() });
        let whole = whole.unwrap();
        assert_eq!(whole.tags.as_deref(), Some(&["a".to_owned()][..]));
        assert!(whole.is_named("PC-17") && whole.is_named("pc-17.contoso.example"));
        assert!(!whole.is_named("pc-1") && !whole.is_named("pc-17.contoso"));
        assert_eq!(Device::of(&json!({ "id": "../x" })), None);
        assert_eq!(Device::of(&json!([])), None);
    }
}
