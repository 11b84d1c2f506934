//! The JSON form of an export, and the changes of vulnerabilities: pages of rows.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use crate::answer::{Answer, ODATA, Page, Records, opening};
use crate::defender::AUDIENCE;
use crate::export::{Row, Set, Style, View, flaws, rows_of, step_at};
use crate::web;

/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities>
const USUAL: usize = 50_000;
const MOST: usize = 200_000;
const CHANGE_DAYS: i64 = 14;

/// What a request asks of pages.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    size: Option<usize>,
    top: Option<usize>,
    since: Option<Timestamp>,
    /// Snapshot and row to go on with.
    token: Option<(i64, usize)>,
    /// Recorded page to go on with.
    pub replayed: Option<u32>,
}

/// Reads the query options; what is wrong with them otherwise. `changes` is the clock where the
/// request is for changes: they need `sinceTime`, at most 14 days before it.
pub(crate) fn ask(query: &str, changes: Option<Timestamp>) -> Result<Ask, String> {
    let mut ask = Ask::default();
    for (name, value) in web::pairs(query) {
        let number = || match value.parse() {
            Ok(number @ 1..=MOST) => Ok(number),
            _ => Err(format!("Invalid value '{value}' for '{name}': it must be 1 to {MOST}.")),
        };
        match (name.to_ascii_lowercase().as_str(), changes) {
            ("pagesize", _) => ask.size = Some(number()?),
            ("$top", _) => ask.top = Some(number()?),
            ("sincetime", Some(now)) => ask.since = Some(since(&value, now)?),
            ("$skiptoken", _) => match value.strip_prefix("page-") {
                Some(page) => ask.replayed = page.parse().ok(),
                None => ask.token = Some(read_token(&value).ok_or("The skip token is not valid.")?),
            },
            _ => return Err(format!("The query parameter '{name}' is not supported.")),
        }
    }
    match changes.is_some() && ask.since.is_none() && ask.replayed.is_none() {
        true => Err("The parameter 'sinceTime' is required.".to_owned()),
        false => Ok(ask),
    }
}

fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let since: Timestamp = text
        .parse()
        .map_err(|_| format!("Invalid value '{text}' for 'sinceTime': it is no RFC 3339 time."))?;
    match now.duration_since(since) > SignedDuration::from_hours(24 * CHANGE_DAYS) {
        true => Err(format!("'sinceTime' can't be more than {CHANGE_DAYS} days ago.")),
        false => Ok(since),
    }
}

/// A token names the snapshot the walk began with, so that a new one in between shifts nothing.
fn token(step: i64, row: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{step}/{row}"))
}

fn read_token(text: &str) -> Option<(i64, usize)> {
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (step, row) = plain.split_once('/')?;
    Some((step.parse().ok()?, row.parse().ok()?))
}

/// One page of the newest snapshot, or of the one that the walk began with. Of changes without
/// a set.
pub(crate) fn answer(
    view: View,
    set: Option<&'static Set>,
    ask: &Ask,
    page_size: Option<usize>,
    url: &str,
) -> Answer {
    let (step, start) = ask.token.unwrap_or((view.step, 0));
    let view = Arc::new(View { step, ..view });
    let usual = ask.size.unwrap_or(USUAL);
    let size = ask.top.unwrap_or(usual.min(page_size.unwrap_or(usual)).max(1));
    let from = ask.since.map_or(i64::MIN, step_at);
    let (total, records) = match set {
        Some(set) => rows(&view, set, start, size),
        None => changes(&view, from, start, size),
    };
    let start = start.min(total);
    let end = start.saturating_add(size).min(total);
    let title = set.map_or("DeltaAssetVulnerability", |set| set.title);
    let since = ask.since.map(|since| format!("sinceTime={since}&")).unwrap_or_default();
    Answer::page(Page {
        form: &ODATA,
        opening: opening(
            &format!(
                "{AUDIENCE}/api/$metadata#Collection(microsoft.windowsDefenderATP.api.{title})"
            ),
            None,
        ),
        length: end - start,
        records,
        // An explicit $top switches the link off.
        next: (ask.top.is_none() && end < total)
            .then(|| format!("{url}?{since}pagesize={usual}&$skiptoken={}", token(step, end))),
    })
}

/// How many rows there are, and those of the page.
fn rows(view: &Arc<View>, set: &'static Set, start: usize, size: usize) -> (usize, Records) {
    let each = (set.count)(&view.rows) as usize;
    let first = start.checked_div(each).unwrap_or(0);
    let rows = rows_of(view.clone(), set, set.style, first as u64..view.devices());
    let records = rows.skip(start.checked_rem(each).unwrap_or(0)).take(size);
    (each * view.devices() as usize, Box::new(records))
}

fn changes(view: &Arc<View>, from: i64, start: usize, size: usize) -> (usize, Records) {
    let total = (0..view.devices()).map(|device| flaws::changes(view, from, device).len()).sum();
    let (devices, view) = (view.devices(), view.clone());
    let of_device = {
        let view = view.clone();
        move |device| flaws::changes(&view, from, device).into_iter().map(move |one| (device, one))
    };
    let records = (0..devices).flat_map(of_device).skip(start).take(size);
    let write = move |(device, change)| {
        let mut row = Row::new(Style::Camel);
        flaws::write_change(&view, device, change, &mut row);
        row.finish()
    };
    (total, Box::new(records.map(write)))
}
