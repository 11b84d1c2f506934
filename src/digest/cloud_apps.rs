//! Apps that Cloud Discovery has found: how many, how much traffic, how risky.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::discovered_apps::DiscoveredApps;
use super::lenient;
use super::tally::{Ranked, rank};

/// Streams that are told apart; a tenant has a handful.
const MAX_STREAMS: usize = 20;

/// The stream that holds what all streams have found.
const GLOBAL: &str = "Global view";

/// What each stream has found.
///
/// Streams overlap, so that they can't be added up: one of them holds what all have found. A record
/// that comes twice counts twice; it stands in the top list once.
///
/// <https://learn.microsoft.com/graph/api/resources/security-discoveredcloudappdetail?view=graph-rest-beta>
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CloudApps {
    /// By the stream's id, at most 20.
    pub streams: BTreeMap<String, Stream>,
    /// Records of streams beyond those.
    pub of_other_streams: u64,
    /// The apps themselves, each once: the riskiest with the most traffic.
    #[schemars(skip)]
    pub found: DiscoveredApps,
    /// Lines that could not be folded.
    pub unreadable: u64,
}

/// What one stream has found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Stream {
    /// Its name: `Global view` holds what all streams have found.
    pub name: Option<String>,
    /// Apps.
    pub apps: u64,
    /// Users of each app, added up: who uses three apps counts three times.
    pub app_users: u64,
    /// Bytes sent to all apps.
    pub upload_bytes: u64,
    /// Bytes received from all apps.
    pub download_bytes: u64,
    /// Apps by risk.
    pub by_risk: Risks,
    /// The ten apps of high risk, then of medium risk, with the most traffic.
    pub top_risky: Vec<CloudApp>,
}

/// How many apps have each risk. The service's score is 1 to 10, and 10 is safest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Risks {
    /// Score 1 to 3.
    pub high: u64,
    /// Score 4 to 6.
    pub medium: u64,
    /// Score 7 to 10.
    pub low: u64,
    /// Without a score, or with another.
    pub unknown: u64,
}

/// An app in the top list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CloudApp {
    /// Its number in Microsoft's catalogue.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// What it is for, such as `cloudStorage`.
    pub category: Option<String>,
    /// 1 to 10; 10 is safest.
    pub risk_score: f64,
    /// Users; may be 0.
    pub users: Option<u64>,
    /// Bytes sent and received.
    pub traffic_bytes: u64,
}

impl CloudApps {
    /// The stream that stands for the tenant: `Global view`, or else the one with the most apps.
    pub fn widest(&self) -> Option<&Stream> {
        let is_global = |stream: &&Stream| is_global(stream.name.as_deref());
        let widest = || self.streams.values().max_by_key(|stream| stream.apps);
        self.streams.values().find(is_global).or_else(widest)
    }

    pub(super) fn add(&mut self, line: &[u8]) -> Option<()> {
        let record: Record = lenient::record(line)?;
        let id = record.id.as_deref()?;
        self.found.add(line, id, record.stream_name.as_deref());
        let stream = record.stream_id.as_deref().unwrap_or_default();
        if self.streams.len() >= MAX_STREAMS && !self.streams.contains_key(stream) {
            self.of_other_streams += 1;
            return Some(());
        }
        let fold = self.streams.entry(stream.to_owned()).or_default();
        fold.name = record.stream_name.as_deref().map(str::to_owned).or(fold.name.take());
        fold.add(id, &record);
        Some(())
    }
}

impl Stream {
    fn add(&mut self, id: &str, record: &Record) {
        let [up, down] = [record.upload, record.download].map(Option::unwrap_or_default);
        self.apps += 1;
        self.app_users = self.app_users.saturating_add(record.user_count.unwrap_or(0));
        self.upload_bytes = self.upload_bytes.saturating_add(up);
        self.download_bytes = self.download_bytes.saturating_add(down);
        let score = record.risk_score.unwrap_or(0.0);
        self.by_risk.add(score);
        if !is_risky(score) {
            return;
        }
        let app = || CloudApp {
            id: id.to_owned(),
            name: record.display_name.as_deref().map(str::to_owned),
            category: record.category.as_deref().map(str::to_owned),
            risk_score: score,
            users: record.user_count,
            traffic_bytes: up.saturating_add(down),
        };
        rank(&mut self.top_risky, id, weight(score, up.saturating_add(down)), app);
    }
}

/// Whether a stream's name is that of the one which holds all.
pub(super) fn is_global(stream: Option<&str>) -> bool {
    stream.is_some_and(|name| name.eq_ignore_ascii_case(GLOBAL))
}

impl Risks {
    fn add(&mut self, score: f64) {
        let count = match score {
            1.0..4.0 => &mut self.high,
            4.0..7.0 => &mut self.medium,
            7.0..=10.0 => &mut self.low,
            _ => &mut self.unknown,
        };
        *count += 1;
    }
}

/// Whether a score is of high or medium risk.
fn is_risky(score: f64) -> bool {
    (1.0..7.0).contains(&score)
}

/// High risk before medium, then by traffic.
fn weight(score: f64, traffic_bytes: u64) -> (f64, f64) {
    let band = if score < 4.0 { 2.0 } else { 1.0 };
    (band, traffic_bytes as f64)
}

impl Ranked for CloudApp {
    fn id(&self) -> &str {
        &self.id
    }

    fn weight(&self) -> (f64, f64) {
        weight(self.risk_score, self.traffic_bytes)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    stream_id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    stream_name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    display_name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    category: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::number")]
    risk_score: Option<f64>,
    #[serde(deserialize_with = "lenient::count")]
    user_count: Option<u64>,
    #[serde(rename = "uploadNetworkTrafficInBytes", deserialize_with = "lenient::count")]
    upload: Option<u64>,
    #[serde(rename = "downloadNetworkTrafficInBytes", deserialize_with = "lenient::count")]
    download: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Digest, Kind};

    fn folded(lines: &[String]) -> CloudApps {
        let mut digest = Digest::new(Kind::CloudApps);
        lines.iter().for_each(|line| digest.add(line.as_bytes()));
        let Digest::CloudApps(apps) = digest else { panic!("another kind") };
        apps
    }

    fn app(stream: &str, id: u32, score: &str, traffic: u64) -> String {
        format!(
            r#"{{"streamId":"{stream}","streamName":"{stream}","id":"{id}","riskScore":{score},"userCount":3,
            "uploadNetworkTrafficInBytes":{traffic},"downloadNetworkTrafficInBytes":1}}"#
        )
    }

    #[test]
    fn a_low_score_is_a_high_risk_and_streams_are_never_added_up() {
        let lines = [("Global view", 1, "1"), ("Global view", 2, "3"), ("Global view", 3, "6")];
        let more = [("Global view", 4, "10"), ("Global view", 5, "null"), ("Devices", 1, "1")];
        let lines: Vec<_> = lines
            .iter()
            .chain(&more)
            .map(|(stream, id, score)| app(stream, *id, score, 9))
            .collect();

        let apps = folded(&lines);

        let widest = apps.widest().unwrap();
        assert_eq!((apps.streams.len(), widest.apps, widest.app_users), (2, 5, 15));
        assert_eq!((widest.upload_bytes, widest.download_bytes), (45, 5));
        assert_eq!(widest.by_risk, Risks { high: 2, medium: 1, low: 1, unknown: 1 });
    }

    #[test]
    fn the_top_list_has_high_risk_before_medium_and_more_traffic_first() {
        let apps = [(1, "5", 900), (2, "2", 10), (3, "1", 20), (4, "9", 9_000), (5, "0", 9_000)];
        let lines: Vec<_> =
            apps.iter().map(|(id, score, traffic)| app("s", *id, score, *traffic)).collect();

        let apps = folded(&lines);

        let top: Vec<_> = apps.widest().unwrap().top_risky.iter().map(|app| &*app.id).collect();
        assert_eq!(top, ["3", "2", "1"]);
    }

    #[test]
    fn without_a_global_view_the_stream_with_the_most_apps_stands_for_the_tenant() {
        let lines = [app("a", 1, "1", 1), app("b", 1, "1", 1), app("b", 2, "1", 1)];

        assert_eq!(folded(&lines).widest().unwrap().name.as_deref(), Some("b"));
        assert_eq!(folded(&[]).widest(), None);
    }

    #[test]
    fn streams_are_bounded_and_a_record_without_an_id_is_noted() {
        let mut lines: Vec<_> = (0..25).map(|n| app(&format!("s{n}"), 1, "1", 1)).collect();
        lines.push(r#"{"streamId":"s1"}"#.to_owned());

        let apps = folded(&lines);

        assert_eq!((apps.streams.len(), apps.of_other_streams, apps.unreadable), (20, 5, 1));
    }
}
