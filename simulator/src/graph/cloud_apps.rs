//! Cloud Discovery: streams of traffic, and the apps found in one. Beta only.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Answer, ODATA, Page, opening};
use crate::generate::Draw;
use crate::scene::Scene;
use crate::web;

pub(crate) const ROLE: &str = "CloudApp-Discovery.Read.All";
pub(crate) const SOURCE: &str = "graph.cloud_apps";
pub(crate) const STREAMS: &str = "/beta/security/dataDiscovery/cloudAppDiscovery/uploadedStreams";

/// Records on a page.
const PAGE: usize = 100;

const CATEGORIES: [&str; 6] =
    ["cloudStorage", "collaboration", "webmail", "aiModelProvider", "codeHosting", "newsAndMedia"];

/// One of a tenant's streams.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stream {
    /// What the devices report: the only one that counts devices.
    Endpoints,
    Global,
}

impl Stream {
    fn id(self, scene: &Scene) -> String {
        let number = self as u64;
        format!("{:024x}", u128::from(Draw::new(scene.tenant.seed, "stream", number).next()))
    }
}

/// What a path below [`STREAMS`] leads to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Route {
    Streams,
    /// Apps of the stream with this id over this many days.
    Apps(String, u64),
}

impl Route {
    /// None where the path leads nowhere, an error where only the period is wrong.
    pub(crate) fn of(path: &str) -> Option<Result<Route, String>> {
        let path = web::unescape(path);
        let start = path.get(..STREAMS.len())?;
        if !start.eq_ignore_ascii_case(STREAMS) {
            return None;
        }
        let rest = &path[STREAMS.len()..];
        if rest.is_empty() {
            return Some(Ok(Route::Streams));
        }
        let (id, call) = rest.strip_prefix('/')?.split_once('/')?;
        let call = call.strip_prefix("microsoft.graph.security.").unwrap_or(call);
        let period = call.strip_prefix("aggregatedAppsDetails(period=")?.strip_suffix(')')?;
        let days = match period {
            "duration'P7D'" => 7,
            "duration'P30D'" => 30,
            "duration'P90D'" => 90,
            _ => return Some(Err(format!("The period {period} is not supported."))),
        };
        Some(Ok(Route::Apps(id.to_owned(), days)))
    }
}

/// What a request asks of a list.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    top: Option<usize>,
    skip: usize,
    /// Recorded page to go on with.
    pub replayed: Option<u32>,
}

/// Reads the query options; what is wrong with them otherwise.
pub(crate) fn ask(query: &str) -> Result<Ask, String> {
    let mut ask = Ask::default();
    for (name, value) in web::pairs(query) {
        let number = || value.parse().map_err(|_| format!("Invalid value '{value}' for '{name}'."));
        match name.as_str() {
            "$top" => ask.top = Some(number()?),
            "$skip" => ask.skip = number()?,
            "$skiptoken" if value.starts_with("page-") => {
                ask.replayed = value["page-".len()..].parse().ok();
            }
            "$filter" | "$select" | "$orderby" => {
                return Err(format!("The simulator doesn't carry out '{name}'."));
            }
            _ => return Err(format!("The query parameter '{name}' is not supported.")),
        }
    }
    Ok(ask)
}

/// The streams; only the first where recorded apps take the place of the others'.
pub(crate) fn streams(scene: &Scene, known: usize) -> Answer {
    let streams = [Stream::Endpoints, Stream::Global].into_iter().take(known);
    let value: Vec<Value> = streams.map(|stream| stream_record(scene, stream)).collect();
    let context = "https://graph.microsoft.com/beta/$metadata#security/dataDiscovery/cloudAppDiscovery/uploadedStreams";
    Answer::json(200, &json!({"@odata.context": context, "value": value}))
}

fn stream_record(scene: &Scene, stream: Stream) -> Value {
    let (name, entities) = match stream {
        Stream::Endpoints => ("Defender-managed endpoints", json!(["userName", "machineName"])),
        Stream::Global => ("Global view", json!(["userName", "ipAddress", "other"])),
    };
    let mut value = json!({
        "id": stream.id(scene), "displayName": name,
        "createdDateTime": scene.ago(200 * 86_400).to_string(),
        "lastDataReceivedDateTime": scene.ago(4000).to_string(),
        "lastModifiedDateTime": scene.ago(4000).to_string(),
        "supportedEntityTypes": entities,
        "supportedTrafficTypes": ["downloadedBytes", "uploadedBytes"],
        "anonymizeMachineData": false, "anonymizeUserData": false, "isSnapshotReport": false,
        "logFileCount": 0,
    });
    if stream == Stream::Endpoints {
        value["description"] = "Traffic that devices report".into();
    }
    value
}

/// One page of a stream's apps; none where the stream isn't known.
pub(crate) fn apps(
    scene: Scene,
    id: &str,
    days: u64,
    ask: &Ask,
    page_size: Option<usize>,
    url: &str,
) -> Option<Answer> {
    let stream = [Stream::Endpoints, Stream::Global].into_iter();
    let stream = stream.into_iter().find(|stream| stream.id(&scene) == id)?;
    let total = 40 + (scene.tenant.devices / 2) as usize;
    let size = ask.top.unwrap_or(PAGE).min(page_size.unwrap_or(PAGE)).clamp(1, PAGE);
    let start = ask.skip.min(total);
    let end = start.saturating_add(size).min(total);
    let top = ask.top.map(|top| format!("$top={top}&")).unwrap_or_default();
    let context = "https://graph.microsoft.com/beta/$metadata#Collection(microsoft.graph.security.discoveredCloudAppDetail)";
    Some(Answer::page(Page {
        form: &ODATA,
        opening: opening(context, None),
        length: end - start,
        records: Box::new((start..end).map(move |number| app(&scene, stream, number as u64, days))),
        next: (end < total).then(|| format!("{url}?{top}$skip={end}")),
    }))
}

/// One app: the same in both streams but for its counts.
fn app(scene: &Scene, stream: Stream, number: u64, days: u64) -> Bytes {
    let mut draw = Draw::new(scene.tenant.seed, "cloud app", number);
    let category = draw.pick(&CATEGORIES);
    let (risk, tags) = (1 + draw.below(10), draw.pick(&["", "", "Sanctioned", "Unsanctioned"]));
    let tags: Vec<&str> = Some(tags).filter(|tag| !tag.is_empty()).into_iter().collect();
    let domains: Vec<String> =
        (0..1 + draw.below(4)).map(|at| format!("d{at}.app-{number}.example")).collect();
    let people = u64::from(scene.tenant.devices).max(5);
    let share = if stream == Stream::Global { 2 } else { 1 };
    let users = if draw.chance(6) { 0 } else { 1 + draw.below(people) * share };
    let transactions = users * (1 + draw.below(40)) * days;
    let last = scene.ago(86_400 * draw.below(days));
    let mut value = json!({
        "id": (20_000 + number * 7).to_string(),
        "displayName": format!("Invented {category} {number}"),
        "category": category, "riskScore": risk, "tags": tags, "domains": domains,
        "userCount": users, "ipAddressCount": users * 2, "transactionCount": transactions,
        "uploadNetworkTrafficInBytes": transactions * (1000 + draw.below(9_000_000)),
        "downloadNetworkTrafficInBytes": transactions * (1000 + draw.below(30_000_000)),
        "lastSeenDateTime": last.to_string(),
    });
    if stream == Stream::Endpoints {
        value["deviceCount"] = users.min(scene.tenant.devices.into()).into();
    }
    value.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_path_lead_to_the_apps() {
        for call in [
            "aggregatedAppsDetails(period=duration'P30D')",
            "aggregatedAppsDetails(period=duration%27P30D%27)",
            "microsoft.graph.security.aggregatedAppsDetails%28period%3Dduration'P30D'%29",
        ] {
            let route = Route::of(&format!("{STREAMS}/5f/{call}"));
            assert_eq!(route, Some(Ok(Route::Apps("5f".to_owned(), 30))), "{call}");
        }
        let period = Route::of(&format!("{STREAMS}/5f/aggregatedAppsDetails(period=P30D)"));
        assert!(matches!(period, Some(Err(_))));
        assert_eq!(Route::of(&format!("{STREAMS}/5f")), None);
    }
}
