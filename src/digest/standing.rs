//! How many rows of vulnerabilities on devices there are, by vulnerability.

use std::collections::BTreeMap;

use flate2::Crc;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Severities;
use super::packed::{self, Bytes, Packed};
use super::tally::{SEVERITIES, place};

/// Vulnerabilities that are told apart; rows of further ones are only counted by severity and exploit.
pub(super) const MAX_CVES: usize = 20_000;

/// What is known of exploits, the worst first.
const EXPLOITS: [&str; 4] = ["ExploitIsInKit", "ExploitIsVerified", "ExploitIsPublic", "NoExploit"];

/// How many rows have each level of exploits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Exploits {
    /// An exploit kit has it.
    pub in_kit: u64,
    /// An exploit is verified.
    pub verified: u64,
    /// An exploit is public.
    pub public: u64,
    /// No exploit is known.
    pub none: u64,
    /// Those without a level, or with one not documented.
    pub other: u64,
}

/// Rows of vulnerabilities on devices: device, software and vulnerability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// All of them.
    pub total: u64,
    /// By severity of the vulnerability.
    pub by_severity: Severities,
    /// By what is known of exploits.
    pub by_exploitability: Exploits,
    /// Those with an exploit that is public, verified or in a kit, by severity.
    pub with_exploit: Severities,
}

/// Severity and exploitability of a vulnerability, in six bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Class(pub u8);

impl Class {
    pub(super) fn of(severity: Option<&str>, exploit: Option<&str>) -> Class {
        Class(place(severity, &SEVERITIES) << 3 | place(exploit, &EXPLOITS))
    }

    fn add_to(self, standing: &mut Standing, rows: u64) {
        let (severity, exploit) = (self.0 >> 3, self.0 & 7);
        standing.total += rows;
        *standing.by_severity.level(severity) += rows;
        if exploit < 3 {
            *standing.with_exploit.level(severity) += rows;
        }
        let levels = &mut standing.by_exploitability;
        *match exploit {
            0 => &mut levels.in_kit,
            1 => &mut levels.verified,
            2 => &mut levels.public,
            3 => &mut levels.none,
            _ => &mut levels.other,
        } += rows;
    }
}

/// A vulnerability in four bytes: two share them once in a few thousand tenants.
pub(super) fn cve(name: &str) -> u32 {
    let mut crc = Crc::new();
    crc.update(name.as_bytes());
    crc.sum()
}

/// Rows by vulnerability, bounded: [`MAX_CVES`] are told apart.
///
/// Severity and exploits are the vulnerability's, so that its newest row tells them for all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Rows {
    #[serde(serialize_with = "pack", deserialize_with = "unpack")]
    of: BTreeMap<u32, Of>,
    /// Rows of further vulnerabilities, by class.
    #[serde(deserialize_with = "by_number")]
    rest: BTreeMap<u8, i64>,
}

/// Rows of one vulnerability.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Of {
    rows: i32,
    class: Class,
    /// When the class was said, in seconds since 1970; 0 in a full snapshot.
    at: u32,
}

impl Rows {
    /// Adds rows, or takes them away, of a vulnerability whose class was said at that second.
    pub(super) fn add(&mut self, cve: u32, rows: i32, class: Class, at: u32) {
        let is_full = self.of.len() >= MAX_CVES;
        match self.of.get_mut(&cve) {
            Some(of) => {
                of.rows = of.rows.saturating_add(rows);
                if at >= of.at {
                    (of.class, of.at) = (class, at);
                }
            }
            None if is_full => *self.rest.entry(class.0).or_default() += i64::from(rows),
            None => drop(self.of.insert(cve, Of { rows, class, at })),
        }
    }

    /// Adds all rows of another.
    pub(super) fn merge(&mut self, other: &Rows) {
        for (cve, of) in &other.of {
            self.add(*cve, of.rows, of.class, of.at);
        }
        for (class, rows) in &other.rest {
            *self.rest.entry(*class).or_default() += rows;
        }
    }

    /// The rows by severity and exploit.
    pub(super) fn standing(&self) -> Standing {
        let mut by_class = self.rest.clone();
        for of in self.of.values() {
            *by_class.entry(of.class.0).or_default() += i64::from(of.rows);
        }
        let mut standing = Standing::default();
        for (class, rows) in by_class {
            Class(class).add_to(&mut standing, u64::try_from(rows).unwrap_or(0));
        }
        standing
    }
}

impl Packed for (u32, Of) {
    const BYTES: usize = 13;

    fn pack(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
        out.extend_from_slice(&self.1.rows.to_le_bytes());
        out.push(self.1.class.0);
        out.extend_from_slice(&self.1.at.to_le_bytes());
    }

    fn unpack(mut bytes: Bytes<'_>) -> Option<Self> {
        let cve = u32::from_le_bytes(bytes.take()?);
        let rows = i32::from_le_bytes(bytes.take()?);
        let [class] = bytes.take()?;
        Some((cve, Of { rows, class: Class(class), at: u32::from_le_bytes(bytes.take()?) }))
    }
}

/// Numbers as keys: within a tagged enum serde gives them as the texts that they are in JSON.
fn by_number<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<u8, i64>, D::Error> {
    let texts = BTreeMap::<String, i64>::deserialize(from)?;
    let numbers = texts.into_iter().map(|(key, rows)| Ok((key.parse()?, rows)));
    numbers.collect::<Result<_, std::num::ParseIntError>>().map_err(serde::de::Error::custom)
}

fn pack<S: Serializer>(of: &BTreeMap<u32, Of>, to: S) -> Result<S::Ok, S::Error> {
    packed::serialize(of.iter().map(|(cve, of)| (*cve, *of)), to)
}

fn unpack<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<u32, Of>, D::Error> {
    packed::deserialize::<(u32, Of), _, _>(from)
}
