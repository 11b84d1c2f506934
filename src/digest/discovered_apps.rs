//! The apps that Cloud Discovery has found, one by one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::schema;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cloud_apps::is_global;
use super::lenient;

/// Apps that are kept; with them and [`SLACK`] more the digest stays below 2 MB.
const MAX_APPS: usize = 1_500;

/// How many more may be there until those with the least weight fall out, so that not every app costs a
/// look at all.
const SLACK: usize = 250;

/// Domains and tags that are kept of an app.
const MAX_LIST: usize = 4;

/// Longest text that is kept, in bytes.
const MAX_BYTES: usize = 100;

/// Apps by their number in Microsoft's catalogue, at most 1,750: those of high risk, then of medium risk,
/// with the most traffic.
///
/// Of an app in several streams the figures are those of `Global view`, or else of the stream with the most
/// traffic; only the stream of devices counts these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DiscoveredApps {
    /// By id.
    pub apps: BTreeMap<String, DiscoveredApp>,
    /// Whether some were left out.
    pub partial: bool,
}

/// An app in the traffic of the last 30 days.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DiscoveredApp {
    /// Its number in Microsoft's catalogue.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// What it is for, such as `cloudStorage`.
    pub category: Option<String>,
    /// 1 to 10; 10 is safest.
    pub risk_score: Option<f64>,
    /// The stream that the figures are of: `Global view` holds what all streams have found.
    pub stream: Option<String>,
    /// Users; may be 0.
    pub users: Option<u64>,
    /// Addresses.
    pub ip_addresses: Option<u64>,
    /// Devices, where a stream counts them.
    pub devices: Option<u64>,
    /// Transactions.
    pub transactions: Option<u64>,
    /// Bytes sent to it.
    pub upload_bytes: u64,
    /// Bytes received from it.
    pub download_bytes: u64,
    /// When it was seen last.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub last_seen: Option<Timestamp>,
    /// Its domains, the first four.
    pub domains: Vec<String>,
    /// Its tags, such as `Sanctioned` and `Unsanctioned`.
    pub tags: Vec<String>,
}

impl DiscoveredApp {
    /// Bytes sent and received.
    pub fn traffic_bytes(&self) -> u64 {
        self.upload_bytes.saturating_add(self.download_bytes)
    }

    /// High risk before medium, medium before the rest, then by traffic.
    fn weight(&self) -> (u8, u64) {
        let band = match self.risk_score {
            Some(1.0..4.0) => 2,
            Some(4.0..7.0) => 1,
            _ => 0,
        };
        (band, self.traffic_bytes())
    }
}

impl DiscoveredApps {
    /// Takes the record of an app in a stream.
    pub(super) fn add(&mut self, line: &[u8], id: &str, stream: Option<&str>) {
        let Some(record) = lenient::record::<Record>(line) else { return };
        let mut app = record.app(id, stream);
        if let Some(held) = self.apps.get_mut(&app.id) {
            let rank =
                |app: &DiscoveredApp| (is_global(app.stream.as_deref()), app.traffic_bytes());
            if rank(held) > rank(&app) {
                held.devices = held.devices.or(app.devices);
                return;
            }
            app.devices = app.devices.or(held.devices);
        }
        self.apps.insert(app.id.clone(), app);
        if self.apps.len() > MAX_APPS + SLACK {
            self.partial = true;
            let mut weights: Vec<_> = self.apps.values().map(DiscoveredApp::weight).collect();
            weights.sort_unstable_by(|one, other| other.cmp(one));
            let least = weights[MAX_APPS - 1];
            self.apps.retain(|_, app| app.weight() >= least);
        }
    }
}

impl Record<'_> {
    fn app(&self, id: &str, stream: Option<&str>) -> DiscoveredApp {
        let kept = |text: &str| lenient::cut_bytes(text, MAX_BYTES).to_owned();
        let list = |texts: &[Cow<str>]| texts.iter().take(MAX_LIST).map(|one| kept(one)).collect();
        DiscoveredApp {
            id: kept(id),
            name: self.display_name.as_deref().map(kept),
            category: self.category.as_deref().map(kept),
            risk_score: self.risk_score,
            stream: stream.map(kept),
            users: self.user_count,
            ip_addresses: self.ip_address_count,
            devices: self.device_count,
            transactions: self.transaction_count,
            upload_bytes: self.upload.unwrap_or(0),
            download_bytes: self.download.unwrap_or(0),
            last_seen: self.last_seen_date_time,
            domains: list(&self.domains),
            tags: list(&self.tags),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    display_name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    category: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::number")]
    risk_score: Option<f64>,
    #[serde(deserialize_with = "lenient::count")]
    user_count: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    ip_address_count: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    device_count: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    transaction_count: Option<u64>,
    #[serde(rename = "uploadNetworkTrafficInBytes", deserialize_with = "lenient::count")]
    upload: Option<u64>,
    #[serde(rename = "downloadNetworkTrafficInBytes", deserialize_with = "lenient::count")]
    download: Option<u64>,
    #[serde(deserialize_with = "lenient::time")]
    last_seen_date_time: Option<Timestamp>,
    #[serde(borrow, deserialize_with = "lenient::texts")]
    domains: Vec<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::texts")]
    tags: Vec<Cow<'a, str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(score: &str, traffic: u64, more: &str) -> Vec<u8> {
        format!(
            r#"{{"displayName":"Share","riskScore":{score},"userCount":3,"uploadNetworkTrafficInBytes":{traffic}{more}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn the_global_view_tells_of_an_app_and_the_devices_of_its_devices() {
        let (global, devices) = (Some("Global view"), Some("Devices"));
        for order in [[0, 1], [1, 0]] {
            let mut found = DiscoveredApps::default();
            for which in order {
                match which {
                    0 => found.add(&record("2", 5, r#","tags":["Sanctioned",7]"#), "1", global),
                    _ => found.add(&record("2", 900, r#","deviceCount":"4""#), "1", devices),
                }
            }
            let app = &found.apps["1"];
            assert_eq!((app.upload_bytes, app.devices), (5, Some(4)), "{order:?}");
            assert_eq!(
                (app.stream.as_deref(), app.tags.as_slice()),
                (global, &["Sanctioned".to_owned()][..])
            );
        }
    }

    #[test]
    fn the_riskiest_with_the_most_traffic_stay_and_the_digest_stays_small() {
        let long = "é".repeat(200);
        let more = format!(
            r#","category":"{long}","domains":["{long}","{long}","{long}","{long}","{long}"],"tags":["{long}"],
            "lastSeenDateTime":"2026-11-02T00:00:00Z","deviceCount":1,"ipAddressCount":1,"transactionCount":1"#
        );
        let mut found = DiscoveredApps::default();
        for number in 0..4_000_u64 {
            let score = if number % 10 == 0 { "1" } else { "9" };
            found.add(&record(score, number, &more), &number.to_string(), Some("Global view"));
        }

        assert!(found.partial && found.apps.len() <= MAX_APPS + SLACK, "{}", found.apps.len());
        assert!((0..4_000).step_by(10).all(|at| found.apps.contains_key(&at.to_string())));
        assert!(!found.apps.contains_key("1") && found.apps.contains_key("3999"));
        let size = serde_json::to_string(&found).unwrap().len();
        assert!(size < 1_900_000, "{size} bytes");
    }
}
