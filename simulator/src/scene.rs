//! What generated records are made from: a tenant, its day, and the clock at the start.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::defender::acted::Acted;
use crate::generate::Draw;
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
    /// Alerts that were updated since then.
    pub touches: Vec<Touch>,
    /// The simulator's clock now.
    pub now: Timestamp,
    /// Machine actions of the tenant that were asked for, the oldest first.
    pub acted: Arc<Vec<Acted>>,
    /// How long each of their states lasts.
    pub action_span: SignedDuration,
    /// Fields of devices that a test has set, by the device's number.
    pub altered: Arc<BTreeMap<u64, Value>>,
}

/// Alerts that were updated together: `count` of them from `first` on, around the list's end.
#[derive(Clone, Debug)]
pub(crate) struct Touch {
    pub first: u64,
    pub count: u64,
    pub at: Timestamp,
}

impl Scene {
    /// Seconds before the start.
    pub(crate) fn ago(&self, seconds: u64) -> Timestamp {
        earlier(self.started, seconds)
    }

    /// When an alert was last touched.
    pub(crate) fn touched(&self, alert: u64) -> Option<Timestamp> {
        let total = u64::from(self.tenant.alerts).max(1);
        let meets = |touch: &&Touch| (alert + total - touch.first % total) % total < touch.count;
        self.touches.iter().rev().find(meets).map(|touch| touch.at)
    }

    /// When event `number` of `total` began, all spread over the last 30 days: 0 is the newest.
    pub(crate) fn spread(&self, number: u64, total: u64) -> Timestamp {
        const MONTH_S: u64 = 30 * 86_400;
        let fraction = Draw::new(self.tenant.seed, "fraction", number).below(1_000_000);
        let time = self.ago(1 + MONTH_S * (2 * number + 1) / (2 * total.max(1)));
        time.saturating_add(SignedDuration::from_micros(fraction as i64)).unwrap_or(time)
    }

    /// The record of a device, with what a test has set.
    pub(crate) fn device(&self, number: u64) -> Bytes {
        let record = records::device(&self.tenant, number, self.today);
        let Some(fields) = self.altered.get(&number).and_then(Value::as_object) else {
            return record;
        };
        let mut device: Value = serde_json::from_slice(&record).unwrap_or_default();
        for (name, value) in fields {
            device[name.as_str()] = value.clone();
        }
        device.to_string().into()
    }

    /// A device as the list of devices has it.
    pub(crate) fn machine(&self, number: u64) -> Machine {
        let record: Bytes = self.device(number);
        let machine = serde_json::from_slice(&record).unwrap_or_default();
        Machine { number, ..machine }
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
    /// Its number in the list of devices.
    #[serde(skip)]
    pub number: u64,
    pub id: String,
    pub computer_dns_name: String,
    pub aad_device_id: Option<String>,
    pub os_platform: String,
    pub os_build: u32,
    pub rbac_group_id: u32,
    pub last_ip_address: String,
}

impl Machine {
    /// Version of the system, as exports have it.
    pub(crate) fn version(&self) -> String {
        format!("10.0.{}.{}", self.os_build, 1000 + self.number % 7)
    }

    /// Name of the device's group, as alerts and exports have it.
    pub(crate) fn group(&self) -> &'static str {
        records::group(self.rbac_group_id)
    }
}
