//! Who is exposed to a vulnerability: devices, software, what ends it.

use super::ask::Fold;
use super::named::software_id;
use super::rows::FlawRow;
use crate::digest::lenient;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// Devices that an answer names at most.
pub(super) const MOST_DEVICES: usize = 100;
/// Software, versions of each and updates that an answer names at most.
const MOST_SOFTWARE: usize = 50;
const MOST_VERSIONS: usize = 50;

/// Devices: how many, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exposed {
    /// How many.
    pub total: u64,
    /// The first 100.
    pub value: Vec<Reference>,
}

/// A device, as it is referred to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Reference {
    /// Its id at Defender.
    #[serde(deserialize_with = "lenient::owned")]
    pub id: Option<String>,
    /// Its full name.
    #[serde(deserialize_with = "lenient::owned")]
    pub computer_dns_name: Option<String>,
    /// Its operating system.
    #[serde(deserialize_with = "lenient::owned")]
    pub os_platform: Option<String>,
    /// Its machine group.
    #[serde(deserialize_with = "lenient::owned")]
    pub rbac_group_name: Option<String>,
}

impl Fold for Exposed {
    fn add(&mut self, record: &[u8]) {
        let Some(one) = lenient::record::<Reference>(record) else { return };
        self.total += 1;
        if self.value.len() < MOST_DEVICES {
            self.value.push(one);
        }
    }
}

/// All devices of a list.
#[derive(Debug, Default)]
pub(super) struct References(pub Vec<Reference>);

impl Fold for References {
    const IS_LARGE: bool = true;

    fn add(&mut self, record: &[u8]) {
        self.0.extend(lenient::record::<Reference>(record));
    }
}

/// A software through which devices are exposed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Affected {
    /// Its id, `<vendor>-_-<product>`.
    pub id: String,
    /// Who makes it.
    pub vendor: String,
    /// The product.
    pub name: String,
    /// Its versions there, 50 at most.
    pub versions: Vec<String>,
    /// Devices with it.
    pub devices: u64,
}

/// What ends a vulnerability.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fix {
    /// The update's number, such as `5031455`; else its name.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Where it is described.
    pub url: Option<String>,
    /// Rows (device, software and version) that it ends.
    pub rows: u64,
}

/// The software and the fixes of a vulnerability's rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub software: Vec<Affected>,
    pub fixes: Vec<Fix>,
    of: BTreeMap<(String, String), Of>,
    ends: BTreeMap<String, Fix>,
    hasher: RandomState,
}

#[derive(Clone, Debug, Default)]
struct Of {
    versions: Vec<String>,
    devices: HashSet<u64>,
}

impl Rows {
    fn take(&mut self, device: &str, [vendor, name, version]: [&str; 3], fix: Option<Fix>) {
        let (key, hash) = ((vendor.to_owned(), name.to_owned()), self.hash(device));
        if self.of.len() < MOST_SOFTWARE || self.of.contains_key(&key) {
            let of = self.of.entry(key).or_default();
            of.devices.insert(hash);
            if of.versions.len() < MOST_VERSIONS && !of.versions.iter().any(|one| one == version) {
                of.versions.push(version.to_owned());
            }
        }
        if let Some(fix) = fix
            && (self.ends.len() < MOST_SOFTWARE || self.ends.contains_key(&fix.id))
        {
            self.ends.entry(fix.id.clone()).or_insert(fix).rows += 1;
        }
    }

    /// A device in eight bytes.
    pub fn hash(&self, device: &str) -> u64 {
        self.hasher.hash_one(device)
    }

    /// Takes a kept row.
    pub fn take_kept(&mut self, row: &FlawRow) {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (id, name) = (&row.recommended_security_update_id, &row.recommended_security_update);
        let fix = id.as_ref().or(name.as_ref()).map(|id| Fix {
            id: id.clone(),
            name: name.clone(),
            url: row.recommended_security_update_url.clone(),
            rows: 0,
        });
        let software =
            [text(&row.software_vendor), text(&row.software_name), text(&row.software_version)];
        let [vendor, name, version] = &software;
        self.take(&text(&row.device_id), [vendor, name, version], fix);
    }
}

impl Fold for Rows {
    fn add(&mut self, record: &[u8]) {
        let Some(row) = lenient::record::<Listed>(record) else { return };
        let text = |text: Option<String>| text.unwrap_or_default();
        let fix = row.fixing_kb_id.filter(|id| !id.is_empty()).map(|id| Fix {
            name: Some(format!("KB{id}")),
            id,
            ..Fix::default()
        });
        let software =
            [text(row.product_vendor), text(row.product_name), text(row.product_version)];
        let [vendor, name, version] = &software;
        self.take(&text(row.machine_id), [vendor, name, version], fix);
    }

    fn end(&mut self) {
        let affected = |((vendor, name), of): ((String, String), Of)| Affected {
            id: software_id(&vendor, &name),
            vendor,
            name,
            versions: of.versions,
            devices: of.devices.len() as u64,
        };
        self.software = std::mem::take(&mut self.of).into_iter().map(affected).collect();
        self.software.sort_by_key(|one| std::cmp::Reverse(one.devices));
        self.fixes = std::mem::take(&mut self.ends).into_values().collect();
        self.fixes.sort_by_key(|one| std::cmp::Reverse(one.rows));
    }
}

/// A vulnerability of a software on a device, as Defender lists it.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-all-vulnerabilities-by-machines>
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Listed {
    #[serde(deserialize_with = "lenient::owned")]
    machine_id: Option<String>,
    #[serde(deserialize_with = "lenient::owned")]
    fixing_kb_id: Option<String>,
    #[serde(deserialize_with = "lenient::owned")]
    product_vendor: Option<String>,
    #[serde(deserialize_with = "lenient::owned")]
    product_name: Option<String>,
    #[serde(deserialize_with = "lenient::owned")]
    product_version: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_folded_by_software_and_by_what_ends_them() {
        let mut rows = Rows::default();
        for (machine, product, version, kb) in [
            ("a", "editor", "1", r#""501""#),
            ("a", "editor", "2", "null"),
            ("b", "editor", "1", r#""501""#),
            ("b", "reader", "1", r#""""#),
        ] {
            let row = format!(
                r#"{{"machineId":"{machine}","fixingKbId":{kb},"productVendor":"contoso","productName":"{product}","productVersion":"{version}"}}"#
            );
            rows.add(row.as_bytes());
        }
        rows.end();

        let told: Vec<_> = rows
            .software
            .iter()
            .map(|one| (one.id.as_str(), one.devices, one.versions.len()))
            .collect();
        assert_eq!(told, [("contoso-_-editor", 2, 2), ("contoso-_-reader", 1, 1)]);
        let [fix] = rows.fixes.as_slice() else { panic!("{:?}", rows.fixes) };
        assert_eq!((fix.id.as_str(), fix.name.as_deref(), fix.rows), ("501", Some("KB501"), 2));
        assert!(rows.of.is_empty() && rows.ends.is_empty());
    }
}
