//! What generated records are made from: a tenant, its day, and the clock at the start.

use bytes::Bytes;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::options::Tenant;
use crate::records;

/// What a record follows from, besides its number.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub tenant: Tenant,
    /// The newest secure-score day.
    pub today: Date,
    /// The simulator's clock when it started: times of events are counted back from it.
    pub started: Timestamp,
}

impl Scene {
    /// Seconds before the start.
    pub(crate) fn ago(&self, seconds: u64) -> Timestamp {
        earlier(self.started, seconds)
    }

    /// When event `number` of `total` began, all spread over the last 30 days: 0 is the newest.
    pub(crate) fn spread(&self, number: u64, total: u64) -> Timestamp {
        const MONTH_S: u64 = 30 * 86_400;
        self.ago(MONTH_S * (2 * number + 1) / (2 * total.max(1)))
    }

    /// A device as the list of devices has it.
    pub(crate) fn machine(&self, number: u64) -> Machine {
        let record: Bytes = records::device(&self.tenant, number, self.today);
        serde_json::from_slice(&record).unwrap_or_default()
    }
}

pub(crate) fn earlier(time: Timestamp, seconds: u64) -> Timestamp {
    let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    time.saturating_sub(span).unwrap_or(Timestamp::MIN)
}

pub(crate) fn later(time: Timestamp, seconds: u64) -> Timestamp {
    let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}

/// An instant with seven digits of a second.
pub(crate) fn stamp(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.7fZ").to_string()
}

/// What other records say about a device.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Machine {
    pub id: String,
    pub computer_dns_name: String,
    pub aad_device_id: Option<String>,
    pub os_platform: String,
    pub os_build: u32,
    pub rbac_group_id: u32,
    pub last_ip_address: String,
}
