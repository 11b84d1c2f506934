//! One software: what it is, its versions and vulnerabilities, and who has it.

use super::ask::Fold;
use super::gap::{Gap, MissingPart, Stop, or_missing};
use super::named::{SoftwareId, escaped};
use super::rows::{FlawRow, Meant};
use super::vulnerabilities::Weaknesses;
use super::{Lookup, Origin};
use crate::digest::lenient;
use crate::schema;
use crate::source::{DEVICE_SOFTWARE, DEVICE_VULNERABILITIES, SOFTWARE};
use crate::summary;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Versions that an answer names at most.
const MOST_VERSIONS: usize = 200;

/// A software. A part that can't be told is null, and named in `missing` with the reason.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Software {
    /// In whose tenant.
    pub tenant: summary::Tenant,
    /// When the answer was made.
    #[schemars(with = "schema::Timestamp")]
    pub generated: Timestamp,
    /// Where it comes from.
    #[serde(flatten)]
    pub origin: Origin,
    /// What it is.
    #[serde(flatten)]
    pub product: Product,
    /// Its versions, the widest spread first, 200 at most.
    pub versions: Option<Vec<Version>>,
    /// Its vulnerabilities.
    pub vulnerabilities: Option<Weaknesses>,
    /// What is null, and why.
    pub missing: Vec<MissingPart>,
}

/// A software, in Defender's own words.
///
/// <https://learn.microsoft.com/defender-endpoint/api/software>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Product {
    /// Its id, `<vendor>-_-<product>`.
    #[serde(deserialize_with = "lenient::owned")]
    pub id: Option<String>,
    /// The product.
    #[serde(deserialize_with = "lenient::owned")]
    pub name: Option<String>,
    /// Who makes it.
    #[serde(deserialize_with = "lenient::owned")]
    pub vendor: Option<String>,
    /// Its known vulnerabilities.
    #[serde(deserialize_with = "lenient::count")]
    pub weaknesses: Option<u64>,
    /// Machines that are exposed through it.
    #[serde(deserialize_with = "lenient::count")]
    pub exposed_machines: Option<u64>,
    /// Machines that have it; null where Defender doesn't say.
    #[serde(deserialize_with = "lenient::count")]
    pub installed_machines: Option<u64>,
    /// What it adds to the exposure score.
    #[serde(deserialize_with = "lenient::number")]
    pub impact_score: Option<f64>,
    /// Whether an exploit for it is public.
    #[serde(deserialize_with = "lenient::flag")]
    pub public_exploit: Option<bool>,
    /// Whether an active alert is about it.
    #[serde(deserialize_with = "lenient::flag")]
    pub active_alert: Option<bool>,
}

/// A version of a software.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Version {
    /// The version.
    #[serde(deserialize_with = "lenient::owned")]
    pub version: Option<String>,
    /// How many have it.
    #[serde(deserialize_with = "lenient::count")]
    pub installations: Option<u64>,
    /// Its vulnerabilities.
    #[serde(deserialize_with = "lenient::count")]
    pub vulnerabilities: Option<u64>,
    /// When its support ends or has ended: `EOS Version`, `Upcoming EOS Version`, …; only of kept rows.
    #[serde(deserialize_with = "lenient::owned")]
    pub end_of_support_status: Option<String>,
}

impl SoftwareId {
    /// What to look for in lines: the rarer of the two names.
    pub(super) fn needle(&self) -> &str {
        if self.product.len() < 4 { &self.vendor } else { &self.product }
    }

    /// Its kept rows, as KQL says it.
    pub(super) fn asked(&self) -> String {
        format!("softwareVendor == '{}' and softwareName == '{}'", self.vendor, self.product)
    }
}

impl Lookup<'_> {
    /// A software, live unless `kept` is asked for or Defender refuses to tell it.
    ///
    /// # Errors
    ///
    /// [`Stop`]: no such software, or nobody can tell.
    pub async fn software(&self, id: &SoftwareId, kept: bool) -> Result<Software, Stop> {
        let mut missing = Vec::new();
        if !kept {
            match self.product_live(id).await {
                Ok(product) => {
                    let product = product.ok_or_else(|| unknown(id))?;
                    return Ok(self.software_live(id, product, missing).await);
                }
                Err(gap) => {
                    missing.push(MissingPart { part: "live", reason: gap.to_string() });
                    self.falls_back(SOFTWARE, gap)?;
                }
            }
        }
        self.software_kept(id, missing).await
    }

    pub(super) async fn product_live(&self, id: &SoftwareId) -> Result<Option<Product>, Gap> {
        let path = format!("/api/Software/{}", escaped(&id.id));
        let found = self.ask::<Vec<Product>>(&path, SOFTWARE.needs).await?;
        Ok(found.iter().find(|product| product.id.is_some()).cloned())
    }

    async fn software_live(
        &self,
        id: &SoftwareId,
        product: Product,
        mut missing: Vec<MissingPart>,
    ) -> Software {
        let path = format!("/api/Software/{}", escaped(&id.id));
        let (versions, flaws) =
            (format!("{path}/distributions"), format!("{path}/vulnerabilities"));
        let (versions, flaws) = futures::join!(
            self.ask::<Vec<Version>>(&versions, SOFTWARE.needs),
            self.weaknesses(&flaws, Weaknesses::default()),
        );
        let versions = or_missing(&mut missing, "versions", versions);
        let versions = versions.map(|versions| widest(versions.as_ref().clone()));
        let flaws = or_missing(&mut missing, "vulnerabilities", flaws);
        self.software_made((product, versions, flaws), None, missing)
    }

    async fn software_kept(
        &self,
        id: &SoftwareId,
        mut missing: Vec<MissingPart>,
    ) -> Result<Software, Stop> {
        let list = self.snapshot(SOFTWARE)?;
        let mut oldest = list.made;
        let meant = id.clone();
        let read = Arc::new(move |line: &[u8]| {
            lenient::record::<Product>(line)
                .filter(|one| one.id.as_ref().is_some_and(|id| *id == meant.id))
        });
        let mut product = None;
        let asked = list.asked(format!("SoftwareId == '{}'", id.id));
        self.scan(&asked, Some(id.needle()), read, |one| product = Some(one)).await?;
        let versions = match self.snapshot(DEVICE_SOFTWARE) {
            Err(gap) => or_missing(&mut missing, "versions", Err(gap)),
            Ok(snapshot) => {
                oldest = oldest.min(snapshot.made);
                Some(self.versions_kept(id).await?)
            }
        };
        let flaws = match self.snapshot(DEVICE_VULNERABILITIES) {
            Err(gap) => or_missing(&mut missing, "vulnerabilities", Err(gap)),
            Ok(_) => {
                let (flaws, made) = self.flaws_kept(id).await?;
                oldest = oldest.min(made);
                Some(flaws)
            }
        };
        let is_there = versions.as_ref().is_some_and(|versions| !versions.is_empty());
        let bare = Product {
            id: Some(id.id.clone()),
            name: Some(id.product.clone()),
            vendor: Some(id.vendor.clone()),
            ..Product::default()
        };
        let product = product.or(is_there.then_some(bare)).ok_or_else(|| unknown(id))?;
        Ok(self.software_made((product, versions, flaws), Some(oldest), missing))
    }

    async fn versions_kept(&self, id: &SoftwareId) -> Result<Vec<Version>, Gap> {
        let mut versions: BTreeMap<String, Version> = BTreeMap::new();
        self.installed(id, |row| {
            let name = row.software_version.unwrap_or_default();
            let version = versions.entry(name.clone()).or_insert_with(|| Version {
                version: Some(name),
                installations: Some(0),
                vulnerabilities: row.number_of_weaknesses,
                end_of_support_status: row.end_of_support_status,
            });
            version.installations = version.installations.map(|count| count + 1);
        })
        .await?;
        Ok(widest(versions.into_values().collect()))
    }

    async fn flaws_kept(&self, id: &SoftwareId) -> Result<(Weaknesses, Timestamp), Gap> {
        let mut all = Weaknesses::default();
        let take = |row: FlawRow| row.vulnerability().into_iter().for_each(|one| all.take(one));
        let made = self.flaw_rows(&Meant::of_software(id), take).await?;
        all.end();
        self.describe(&mut all).await;
        Ok((all, made))
    }

    fn software_made(
        &self,
        (product, versions, vulnerabilities): (Product, Option<Vec<Version>>, Option<Weaknesses>),
        kept: Option<Timestamp>,
        missing: Vec<MissingPart>,
    ) -> Software {
        let (tenant, generated, origin) = (self.whose(), self.now, self.origin(kept));
        Software { tenant, generated, origin, product, versions, vulnerabilities, missing }
    }
}

/// The widest spread first.
fn widest(mut versions: Vec<Version>) -> Vec<Version> {
    versions.sort_by_key(|one| std::cmp::Reverse(one.installations));
    versions.truncate(MOST_VERSIONS);
    versions
}

pub(super) fn unknown(id: &SoftwareId) -> Stop {
    Stop::NotFound(format!("no software {} in this tenant: check its id", id.id))
}
