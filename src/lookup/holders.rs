//! Who has a software.

use super::Lookup;
use super::exposure::{Reference, References};
use super::gap::{Gap, Stop};
use super::named::{SoftwareId, escaped};
use super::software::unknown;
use crate::digest::lenient;
use crate::source::{DEVICE_SOFTWARE, SOFTWARE};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A device that has a software; out of kept rows one item for each version on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// The device.
    #[serde(flatten)]
    pub device: Reference,
    /// The version on it; null where Defender was asked, which doesn't say.
    pub version: Option<String>,
    /// When that one's support ends or has ended.
    pub end_of_support_status: Option<String>,
}

/// A kept row of a software on a device.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-inventory>
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Installed {
    #[serde(alias = "DeviceId", deserialize_with = "lenient::owned")]
    pub device_id: Option<String>,
    #[serde(alias = "DeviceName", deserialize_with = "lenient::owned")]
    device_name: Option<String>,
    #[serde(alias = "OSPlatform", deserialize_with = "lenient::owned")]
    os_platform: Option<String>,
    #[serde(alias = "RbacGroupName", deserialize_with = "lenient::owned")]
    rbac_group_name: Option<String>,
    #[serde(alias = "SoftwareVendor", deserialize_with = "lenient::owned")]
    software_vendor: Option<String>,
    #[serde(alias = "SoftwareName", deserialize_with = "lenient::owned")]
    software_name: Option<String>,
    #[serde(alias = "SoftwareVersion", deserialize_with = "lenient::owned")]
    pub software_version: Option<String>,
    #[serde(alias = "NumberOfWeaknesses", deserialize_with = "lenient::count")]
    pub number_of_weaknesses: Option<u64>,
    #[serde(alias = "EndOfSupportStatus", deserialize_with = "lenient::owned")]
    pub end_of_support_status: Option<String>,
}

impl Installed {
    pub fn is(&self, software: &SoftwareId) -> bool {
        software.is(self.software_vendor.as_deref(), self.software_name.as_deref())
    }

    fn holder(self) -> Holder {
        Holder {
            device: Reference {
                id: self.device_id,
                computer_dns_name: self.device_name,
                os_platform: self.os_platform,
                rbac_group_name: self.rbac_group_name,
            },
            version: self.software_version,
            end_of_support_status: self.end_of_support_status,
        }
    }
}

impl Lookup<'_> {
    /// Hands over each kept row of a software on a device.
    pub(super) async fn installed(
        &self,
        id: &SoftwareId,
        take: impl FnMut(Installed),
    ) -> Result<(), Gap> {
        let snapshot = self.snapshot(DEVICE_SOFTWARE)?.asked(id.asked());
        let meant = id.clone();
        let read = Arc::new(move |line: &[u8]| {
            lenient::record::<Installed>(line).filter(|row| row.is(&meant))
        });
        self.scan(&snapshot, Some(id.needle()), read, take).await
    }

    /// Hands over the devices that have a software, live unless `kept` is asked for or Defender refuses to
    /// tell them; with kept rows, says when those were made.
    ///
    /// # Errors
    ///
    /// [`Stop`]: no such software, or nobody can tell.
    pub async fn holders(
        &self,
        id: &SoftwareId,
        kept: bool,
        mut take: impl FnMut(Holder) + Send,
    ) -> Result<Option<Timestamp>, Stop> {
        if !kept {
            match self.holders_live(id).await {
                Ok(None) => return Err(unknown(id)),
                Ok(Some(holders)) => {
                    for device in &holders.0 {
                        take(Holder { device: device.clone(), ..Holder::default() });
                    }
                    return Ok(None);
                }
                Err(gap) => self.falls_back(DEVICE_SOFTWARE, gap)?,
            }
        }
        let made = self.snapshot(DEVICE_SOFTWARE)?.made;
        let mut has_any = false;
        self.installed(id, |row| {
            has_any = true;
            take(row.holder());
        })
        .await?;
        if has_any { Ok(Some(made)) } else { Err(unknown(id)) }
    }

    async fn holders_live(&self, id: &SoftwareId) -> Result<Option<Arc<References>>, Gap> {
        let path = format!("/api/Software/{}/machineReferences", escaped(&id.id));
        let found = self.ask::<References>(&path, SOFTWARE.needs).await?;
        match found.0.is_empty() && self.product_live(id).await?.is_none() {
            true => Ok(None),
            false => Ok(Some(found)),
        }
    }
}
