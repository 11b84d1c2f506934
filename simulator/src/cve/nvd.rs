//! NVD's records by index or by modification.

use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::facts::{self, Fact};
use super::{plain, recorded, refusal};
use crate::answer::{Answer, Content};
use crate::fault::Api;
use crate::limits::Rate;
use crate::state::{Request, State};
use crate::web;

const PATH: &str = "/rest/json/cves/2.0";
/// The key that is right.
pub(crate) const KEY: &str = "00000000-0000-4000-8000-00000000a0a0";
const MOST: usize = 2_000;
const LONGEST: SignedDuration = SignedDuration::from_hours(120 * 24);
const RATE: Rate = Rate::new(5, 30);
const RATE_WITH_KEY: Rate = Rate::new(50, 30);

struct Asked {
    index: usize,
    /// Records asked for.
    wanted: usize,
    /// Records given at most.
    size: usize,
    window: Option<(Timestamp, Timestamp)>,
    names: Option<Vec<String>>,
}

pub(super) async fn answer(state: &State, request: &Request, now: Timestamp) -> Answer {
    if request.path != PATH {
        return plain(404, "text/html", "<html></html>");
    }
    let key = request.header("apikey");
    if key.is_some_and(|key| key != KEY) {
        return wrong("Invalid apiKey.");
    }
    let rate = if key.is_some() { RATE_WITH_KEY } else { RATE };
    let kind = if key.is_some() { "nvd with a key" } else { "nvd" };
    if state.options.limits && state.limits.call(kind, "nvd", &[rate], Instant::now()).is_err() {
        return refusal(Api::Nvd, 429);
    }
    let asked = match asked(&request.query, state.options.page_size) {
        Ok(asked) if is_too_slow(state, &asked) => return refusal(Api::Nvd, 524),
        Ok(asked) => asked,
        Err(why) => return wrong(why),
    };
    match recorded::pages(state, "cve.nvd").await {
        Some(pages) => replayed(&pages, &asked, now),
        None => page(state, &asked, now),
    }
}

fn is_too_slow(state: &State, asked: &Asked) -> bool {
    let manages = state.nvd_manages.load(Ordering::Relaxed);
    manages > 0 && asked.wanted as u64 > manages
}

fn wrong(why: &str) -> Answer {
    Answer::new(404, Content::Nothing).header("message", why)
}

fn asked(query: &str, page_size: Option<usize>) -> Result<Asked, &'static str> {
    const KNOWN: [&str; 5] =
        ["resultsPerPage", "startIndex", "lastModStartDate", "lastModEndDate", "cveIds"];
    let pairs = web::pairs(query);
    if pairs.iter().any(|(name, _)| !KNOWN.contains(&&**name)) {
        return Err("Invalid parameter.");
    }
    let number = |name: &str, other: usize| match web::value(&pairs, name).map(str::parse) {
        None => Ok(other),
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => Err("Invalid number."),
    };
    let size = number("resultsPerPage", MOST)?;
    if !(1..=MOST).contains(&size) {
        return Err("Invalid resultsPerPage parameter.");
    }
    let time = |name: &str| match web::value(&pairs, name).map(str::parse::<Timestamp>) {
        None => Ok(None),
        Some(Ok(at)) => Ok(Some(at)),
        Some(Err(_)) => Err("Invalid lastModStartDate parameter."),
    };
    let window = match (time("lastModStartDate")?, time("lastModEndDate")?) {
        (None, None) => None,
        (Some(from), Some(to)) if from <= to && to.duration_since(from) <= LONGEST => {
            Some((from, to))
        }
        _ => return Err("Invalid lastModStartDate parameter."),
    };
    let names = web::value(&pairs, "cveIds").map(names).transpose()?;
    let index = number("startIndex", 0)?;
    Ok(Asked { index, wanted: size, size: size.min(page_size.unwrap_or(MOST)), window, names })
}

/// A comma list of at most a hundred CVE ids.
fn names(list: &str) -> Result<Vec<String>, &'static str> {
    let is_id = |id: &&str| {
        let parts = id.strip_prefix("CVE-").and_then(|rest| rest.split_once('-'));
        let digits = |text: &str| text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        parts.is_some_and(|(year, number)| digits(year) && digits(number))
    };
    let ids: Vec<_> = list.split(',').collect();
    match ids.len() <= 100 && ids.iter().all(is_id) {
        true => Ok(ids.into_iter().map(str::to_owned).collect()),
        false => Err("Invalid cveIds parameter."),
    }
}

/// The recorded page that begins at the index asked for, unchanged. What is asked for by name or time was
/// recorded for nobody.
fn replayed(pages: &[Bytes], asked: &Asked, now: Timestamp) -> Answer {
    let begins = |page: &&Bytes| {
        let page: Value = serde_json::from_slice(page).unwrap_or_default();
        page["startIndex"] == asked.index
    };
    let is_whole = asked.window.is_none() && asked.names.is_none();
    match pages.iter().find(begins).filter(|_| is_whole) {
        Some(page) => Answer::new(200, Content::Whole(page.clone())),
        None => listing(asked, 0, &[], now),
    }
}

/// When record `number` was changed last: a few each day, and those that a test has touched just now.
fn modified(state: &State, number: usize) -> Timestamp {
    if (number as u64) < state.nvd_touched.load(Ordering::Relaxed) {
        return state.options.started;
    }
    let hours = 24 * (30 + number as i64 % 400);
    state
        .options
        .started
        .saturating_sub(SignedDuration::from_hours(hours))
        .unwrap_or(Timestamp::MIN)
}

fn page(state: &State, asked: &Asked, now: Timestamp) -> Answer {
    let within = |at: Timestamp| asked.window.is_none_or(|(from, to)| at >= from && at <= to);
    let is_named = |id: &String| asked.names.as_ref().is_none_or(|names| names.contains(id));
    let found: Vec<_> = facts::all(state)
        .enumerate()
        .map(|(number, fact)| (fact, modified(state, number)))
        .filter(|(fact, at)| within(*at) && is_named(&fact.id))
        .collect();
    let records = found.iter().skip(asked.index).take(asked.size);
    let records: Vec<_> = records.map(|(fact, at)| json!({ "cve": record(fact, *at) })).collect();
    listing(asked, found.len(), &records, now)
}

fn listing(asked: &Asked, total: usize, records: &[Value], now: Timestamp) -> Answer {
    Answer::json(
        200,
        &json!({
            "resultsPerPage": records.len(),
            "startIndex": asked.index,
            "totalResults": total,
            "format": "NVD_CVE",
            "version": "2.0",
            "timestamp": local(now),
            "vulnerabilities": records,
        }),
    )
}

/// NVD writes no zone.
fn local(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string()
}

fn record(fact: &Fact, modified: Timestamp) -> Value {
    let Fact { id, what, cvss, kev, .. } = fact;
    let year = id.get(4..8).unwrap_or("2020");
    let metrics = cvss.map_or_else(
        || json!({}),
        |score| {
            json!({
                "cvssMetricV31": [{
                    "source": "security@contoso.example", "type": "Secondary",
                    "cvssData": {
                        "version": "3.1", "baseScore": score,
                        "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
                    },
                    "exploitabilityScore": 3.9, "impactScore": 5.9,
                }],
                "ssvcV203": [{
                    "source": "134c704f-9b21-4f2e-91b3-4a467353bcc0",
                    "ssvcData": { "options": [{ "exploitation": "none" }], "version": "2.0.3" },
                }],
            })
        },
    );
    let mut record = json!({
        "id": id,
        "sourceIdentifier": "security@contoso.example",
        "published": format!("{year}-03-17T00:59:04.040"),
        "lastModified": local(modified),
        "vulnStatus": if cvss.is_some() { "Analyzed" } else { "Deferred" },
        "cveTags": [],
        "descriptions": [{ "lang": "en", "value": what }],
        "metrics": metrics,
        "references": [{ "url": "https://contoso.example/a1", "source": "security@contoso.example" }],
    });
    if cvss.is_some() {
        record["weaknesses"] = json!([{
            "source": "nvd@nist.gov", "type": "Primary",
            "description": [{ "lang": "en", "value": "CWE-78" }],
        }]);
    }
    if cvss.is_some() {
        record["configurations"] = configurations();
    }
    if let Some((since, due, _)) = kev {
        record["cisaExploitAdd"] = json!(since);
        record["cisaActionDue"] = json!(due);
        record["cisaRequiredAction"] = json!("Update it.");
        record["cisaVulnerabilityName"] = json!(what);
    }
    record
}

/// An editor before a version on any system, and a gate on one of two.
fn configurations() -> Value {
    let one = |product: &str, vulnerable: bool| {
        json!({
            "vulnerable": vulnerable,
            "criteria": format!("cpe:2.3:a:contoso:{product}:*:*:*:*:*:*:*:*"),
            "versionEndExcluding": "4.6.4",
            "matchCriteriaId": "0A0A0A0A-0000-4000-8000-00000000000A",
        })
    };
    let node = |matches: Value| json!({ "operator": "OR", "negate": false, "cpeMatch": matches });
    json!([
        { "nodes": [node(json!([one("editor", true)]))] },
        {
            "operator": "AND",
            "negate": false,
            "nodes": [
                node(json!([one("gate", true)])),
                node(json!([one("north", false), one("south", false)])),
            ],
        },
    ])
}
