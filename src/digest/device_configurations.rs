//! Secure settings of each device: how many comply, and which fail on the most devices.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient;
use super::tally::TOP;

/// Settings that are told apart; the service knows a few hundred.
const MAX_SETTINGS: usize = 1_000;

/// Longest id and name that are kept, in characters.
const MAX_CHARS: usize = 120;

/// What a row is folded by.
pub(super) const FIELDS: &[&str] =
    &["configurationId", "configurationName", "configurationImpact", "isApplicable", "isCompliant"];

/// Counts of rows, one per setting and device; a row that comes twice counts twice.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-secure-config>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceConfigurations {
    /// All of them.
    pub rows: u64,
    /// Those whose setting applies to the device.
    pub applicable: u64,
    /// Of these, those that comply.
    pub compliant: u64,
    /// Settings that fail anywhere, by id: at most 1,000.
    failing: BTreeMap<String, Setting>,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// A setting that fails on some device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Setting {
    /// `scid-{number}`.
    pub id: String,
    /// What it is, in a few words.
    pub name: Option<String>,
    /// Points that the Secure Score for Devices would rise by, 1 to 10.
    pub impact: Option<f64>,
    /// Devices on which it applies and fails.
    pub failing_devices: u64,
}

impl DeviceConfigurations {
    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let row: Row = lenient::record(line)?;
        self.rows += 1;
        // Where it doesn't apply, compliance means nothing.
        if row.is_applicable == Some(false) {
            return Some(());
        }
        self.applicable += 1;
        if row.is_compliant != Some(false) {
            self.compliant += 1;
            return Some(());
        }
        let id = lenient::cut(row.configuration_id.as_deref().unwrap_or_default(), MAX_CHARS);
        if let Some(setting) = self.failing.get_mut(id) {
            setting.failing_devices += 1;
        } else if !id.is_empty() && self.failing.len() < MAX_SETTINGS {
            self.failing.insert(id.to_owned(), row.setting(id));
        }
        Some(())
    }

    pub(super) fn merge(&mut self, other: &DeviceConfigurations) {
        self.rows += other.rows;
        self.applicable += other.applicable;
        self.compliant += other.compliant;
        self.unreadable += other.unreadable;
        for (id, setting) in &other.failing {
            if let Some(own) = self.failing.get_mut(id) {
                own.failing_devices += setting.failing_devices;
            } else if self.failing.len() < MAX_SETTINGS {
                self.failing.insert(id.clone(), setting.clone());
            }
        }
    }

    /// Rows that apply and don't comply.
    pub fn failing(&self) -> u64 {
        self.applicable - self.compliant
    }

    /// The ten settings that fail on the most devices, the higher impact first among equals.
    pub fn top(&self) -> Vec<&Setting> {
        let mut top: Vec<_> = self.failing.values().collect();
        // Stable: equals stay in the order of their ids.
        top.sort_by(|one, other| {
            let by_impact = || {
                let impact = |setting: &Setting| setting.impact.unwrap_or(0.0);
                impact(other).total_cmp(&impact(one))
            };
            other.failing_devices.cmp(&one.failing_devices).then_with(by_impact)
        });
        top.truncate(TOP);
        top
    }
}

impl Row<'_> {
    fn setting(&self, id: &str) -> Setting {
        let name = self.configuration_name.as_deref();
        Setting {
            id: id.to_owned(),
            name: name.map(|name| lenient::cut(name, MAX_CHARS).to_owned()),
            impact: self.configuration_impact,
            failing_devices: 1,
        }
    }
}

/// A row as pages or files spell it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Row<'a> {
    #[serde(borrow, alias = "ConfigurationId", deserialize_with = "lenient::text")]
    configuration_id: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "ConfigurationName", deserialize_with = "lenient::text")]
    configuration_name: Option<Cow<'a, str>>,
    #[serde(alias = "ConfigurationImpact", deserialize_with = "lenient::number")]
    configuration_impact: Option<f64>,
    #[serde(alias = "IsApplicable", deserialize_with = "lenient::flag")]
    is_applicable: Option<bool>,
    #[serde(alias = "IsCompliant", deserialize_with = "lenient::flag")]
    is_compliant: Option<bool>,
}
