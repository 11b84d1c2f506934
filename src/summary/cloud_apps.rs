//! Shadow IT: the apps that Cloud Discovery has found in the tenant's traffic.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Freshness, Known, Listed, Seen};
use crate::digest::{CloudApp, Digest, DiscoveredApp, Kind, Risks};
use jiff::Timestamp;
use std::cmp::Reverse;

/// Apps found in the traffic of the last 30 days, by the stream that holds the most.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudApps {
    /// The stream's name: `Global view` holds what all streams have found.
    pub stream: Option<String>,
    /// All of them.
    pub apps: u64,
    /// Users of each app, added up: who uses three apps counts three times.
    pub app_users: u64,
    /// Bytes sent to them.
    pub upload_bytes: u64,
    /// Bytes received from them.
    pub download_bytes: u64,
    /// By risk: the service's score 1 to 3 is high, 4 to 6 medium, 7 to 10 low.
    pub by_risk: Risks,
    /// The ten of high risk, then of medium risk, with the most traffic.
    pub top_risky: Vec<CloudApp>,
    /// How old they are.
    #[serde(flatten)]
    pub freshness: Freshness,
}

pub(super) fn cloud_apps(seen: &Seen) -> Option<CloudApps> {
    let (Digest::CloudApps(fold), freshness) = seen.digest(Kind::CloudApps)? else {
        return None;
    };
    let stream = fold.widest().cloned().unwrap_or_default();
    Some(CloudApps {
        stream: stream.name,
        apps: stream.apps,
        app_users: stream.app_users,
        upload_bytes: stream.upload_bytes,
        download_bytes: stream.download_bytes,
        by_risk: stream.by_risk,
        top_risky: stream.top_risky,
        freshness,
    })
}

/// One app, and how old its figures are.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppDetail {
    /// The app.
    #[serde(flatten)]
    pub app: DiscoveredApp,
    /// How old its figures are.
    #[serde(flatten)]
    pub freshness: Freshness,
}

/// The apps that Cloud Discovery has found, the riskiest with the most traffic first; nothing where they
/// were never collected.
pub fn apps(known: &[Known], now: Timestamp) -> Option<Listed<DiscoveredApp>> {
    let seen = Seen { known, now };
    let (latest, freshness) = seen.latest(Kind::CloudApps)?;
    let Digest::CloudApps(fold) = &latest.digest else { return None };
    let mut items: Vec<_> = fold.found.apps.values().cloned().collect();
    items.sort_by(|one, other| {
        // A low score is a high risk; without one nobody knows.
        let score = |app: &DiscoveredApp| app.risk_score.unwrap_or(f64::MAX);
        let traffic = |app: &DiscoveredApp| Reverse(app.traffic_bytes());
        (score(one).total_cmp(&score(other))).then_with(|| traffic(one).cmp(&traffic(other)))
    });
    let all = fold.widest().map_or(0, |stream| stream.apps);
    let note = match () {
        () if fold.found.partial => {
            Some(format!("the {} of {all} with the highest risk are kept", items.len()))
        }
        // A digest of an older form has none.
        () if items.is_empty() && all > 0 => {
            Some(format!("{all} apps are counted; the next run keeps them one by one"))
        }
        () => None,
    };
    Some(Listed { items, of: latest.run.clone(), freshness, note })
}
