//! Graph's lists that are read by date: alerts, incidents, risky users, risk detections.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use jiff::Timestamp;

use crate::answer::{Answer, ODATA, Page, opening};
use crate::filter::Filter;
use crate::graph::{AUDIENCE, alerts, incidents, risks};
use crate::limits::Rate;
use crate::scene::Scene;
use crate::web;

/// One list. Its records are numbered from the newest on.
pub(crate) struct Dated {
    pub path: &'static str,
    /// Folder of its recorded pages.
    pub source: &'static str,
    pub role: &'static str,
    /// Fields that `$filter` may compare.
    fields: &'static [&'static str],
    /// Records on a page without `$top`, and the largest `$top`.
    usual: usize,
    most: usize,
    /// Whether `$skip` is known.
    skips: bool,
    pub rate: Rate,
    /// Whether a refusal for too many calls says how long to wait.
    pub says_when: bool,
    total: fn(&Scene) -> u64,
    date: fn(&Scene, u64, &str) -> Timestamp,
    record: fn(&Scene, u64) -> Bytes,
}

/// Operations on alerts: <https://learn.microsoft.com/graph/throttling-limits>
const SECURITY: Rate = Rate::new(150, 60);

/// Identity protection and conditional access, the same page.
const PROTECTION: Rate = Rate::new(1, 1);

pub(crate) static LISTS: [Dated; 4] = [
    Dated {
        path: "/v1.0/security/alerts_v2",
        source: "graph.alerts",
        role: "SecurityAlert.Read.All",
        fields: &["lastUpdateDateTime", "createdDateTime"],
        usual: 50,
        most: 1000,
        skips: true,
        rate: SECURITY,
        says_when: true,
        total: |scene| scene.tenant.alerts.into(),
        date: alerts::date,
        record: alerts::record,
    },
    Dated {
        path: "/v1.0/security/incidents",
        source: "graph.incidents",
        role: "SecurityIncident.Read.All",
        fields: &["lastUpdateDateTime", "createdDateTime"],
        usual: 50,
        most: 50,
        skips: true,
        rate: SECURITY,
        says_when: true,
        total: incidents::total,
        date: incidents::date,
        record: incidents::record,
    },
    Dated {
        path: "/v1.0/identityProtection/riskyUsers",
        source: "graph.risky_users",
        role: "IdentityRiskyUser.Read.All",
        fields: &["riskLastUpdatedDateTime"],
        usual: 20,
        most: 500,
        skips: false,
        rate: PROTECTION,
        says_when: false,
        total: risks::users,
        date: risks::user_date,
        record: risks::user,
    },
    Dated {
        path: "/v1.0/identityProtection/riskDetections",
        source: "graph.risk_detections",
        role: "IdentityRiskEvent.Read.All",
        fields: &["lastUpdatedDateTime", "detectedDateTime", "activityDateTime"],
        usual: 20,
        most: 500,
        skips: false,
        rate: PROTECTION,
        says_when: false,
        total: risks::detections,
        date: risks::detection_date,
        record: risks::detection,
    },
];

/// What a request asks of a list.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    top: Option<usize>,
    skip: usize,
    count: bool,
    filter: Filter,
    /// Number of the record to go on with.
    from: u64,
    /// Recorded page to go on with.
    pub replayed: Option<u32>,
}

/// Reads the query options; what is wrong with them otherwise.
pub(crate) fn ask(query: &str, list: &Dated) -> Result<Ask, String> {
    let mut ask = Ask::default();
    for (name, value) in web::pairs(query) {
        let number = || value.parse().map_err(|_| format!("Invalid value '{value}' for '{name}'."));
        match name.as_str() {
            "$top" => ask.top = Some(number()?),
            "$skip" if list.skips => ask.skip = number()?,
            "$count" if list.skips => ask.count = value == "true",
            "$filter" => ask.filter = Filter::read(&value, list.fields)?,
            "$skiptoken" => match value.strip_prefix("page-") {
                Some(page) => ask.replayed = page.parse().ok(),
                None => ask.from = read_token(&value).ok_or("The skip token is not valid.")?,
            },
            "$select" | "$orderby" | "$expand" => {
                return Err(format!("The simulator doesn't carry out '{name}'."));
            }
            _ => return Err(format!("The query parameter '{name}' is not supported.")),
        }
    }
    let most = list.most;
    match ask.top {
        Some(top) if top > most => Err(format!(
            "The limit of '{most}' for Top query has been exceeded. The value from the incoming request is '{top}'."
        )),
        Some(0) => Err("Invalid value '0' for '$top': it must be at least 1.".to_owned()),
        _ => Ok(ask),
    }
}

/// One generated page. A next link names the record to go on with, so that records that become
/// newer in between shift nothing.
pub(crate) fn page(
    scene: Scene,
    list: &'static Dated,
    ask: &Ask,
    page_size: Option<usize>,
    base: &str,
) -> Answer {
    let passes = |number: &u64| ask.filter.passes(|field| (list.date)(&scene, *number, field));
    let all: Vec<u64> = (0..(list.total)(&scene)).filter(passes).collect();
    let usual = page_size.unwrap_or(list.usual);
    let size = ask.top.map_or(usual, |top| top.min(page_size.unwrap_or(top))).max(1);
    let start = match ask.from {
        0 => ask.skip.min(all.len()),
        from => all.partition_point(|number| *number < from),
    };
    let end = (start + size).min(all.len());
    let top = ask.top.map(|top| format!("$top={top}&")).unwrap_or_default();
    let filter = ask.filter.option();
    let next = all.get(end).map(|number| token(*number));
    let (path, count) = (list.path, ask.count.then_some(all.len()));
    let records = all.into_iter().skip(start).take(end - start);
    Answer::page(Page {
        form: &ODATA,
        opening: opening(
            &format!("{AUDIENCE}/v1.0/$metadata#{}", path.trim_start_matches("/v1.0/")),
            count,
        ),
        length: end - start,
        records: Box::new(records.map(move |number| (list.record)(&scene, number))),
        next: next.map(|next| format!("{base}{path}?{filter}{top}$skiptoken={next}")),
    })
}

fn token(record: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("from/{record}"))
}

fn read_token(text: &str) -> Option<u64> {
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    plain.strip_prefix("from/")?.parse().ok()
}
