//! Secure scores and their control profiles: the federated lists of Graph.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use jiff::Span;
use jiff::civil::Date;

use crate::answer::{ODATA, Page, opening};
use crate::fault::Api;
use crate::graph::{AUDIENCE, profile, scores};
use crate::limits::Rate;
use crate::options::Tenant;
use crate::state::{State, lock};
use crate::web;

/// <https://learn.microsoft.com/graph/throttling-limits>
pub(crate) const RATE: Rate = Rate::new(10_000, 600);

pub(crate) const ROLE: &str = "SecurityEvents.Read.All";
pub(crate) const SCORES: &str = "/v1.0/security/secureScores";
pub(crate) const PROFILES: &str = "/v1.0/security/secureScoreControlProfiles";

/// Largest `$top` and `$skip` of the federated lists.
///
/// <https://learn.microsoft.com/graph/api/resources/security-error-codes>
const MAX_TOP: usize = 1000;
const MAX_SKIP: usize = 500;

/// Options that a request to a list may carry. Those that would choose records are refused, so
/// that no test believes in a choice that was never made.
const OPTIONS: [&str; 4] = ["$top", "$skip", "$skiptoken", "$count"];

/// What a request asks of a list.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Ask {
    top: Option<usize>,
    skip: usize,
    count: bool,
    /// Day and number of the record to go on with.
    token: Option<(Date, usize)>,
    /// Recorded page to go on with.
    pub replayed: Option<u32>,
}

/// Reads the query options; what is wrong with them otherwise.
pub(crate) fn ask(query: &str) -> Result<Ask, String> {
    let mut ask = Ask::default();
    for (name, value) in web::pairs(query) {
        if !OPTIONS.contains(&name.as_str()) {
            return Err(match name.as_str() {
                "$filter" | "$select" | "$orderby" => {
                    format!("The simulator doesn't carry out '{name}'.")
                }
                _ => format!("The query parameter '{name}' is not supported."),
            });
        }
        let number = || value.parse().map_err(|_| format!("Invalid value '{value}' for '{name}'."));
        match name.as_str() {
            "$top" => ask.top = Some(number()?),
            "$skip" => ask.skip = number()?,
            "$count" => ask.count = value == "true",
            _ => read_token(&value, &mut ask)?,
        }
    }
    match ask {
        Ask { top: Some(top), .. } if top == 0 || top > MAX_TOP => {
            Err(format!("Invalid value '{top}' for '$top': it must be between 1 and {MAX_TOP}."))
        }
        Ask { skip, .. } if skip > MAX_SKIP => {
            Err(format!("Invalid value '{skip}' for '$skip': it must not exceed {MAX_SKIP}."))
        }
        ask => Ok(ask),
    }
}

/// A token names the day the walk began, so that a new day in between shifts nothing.
fn token(day: Date, record: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{day}/{record}"))
}

fn read_token(text: &str, ask: &mut Ask) -> Result<(), String> {
    if let Some(page) = text.strip_prefix("page-").and_then(|number| number.parse().ok()) {
        ask.replayed = Some(page);
        return Ok(());
    }
    let read = || {
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (day, record) = plain.split_once('/')?;
        Some((day.parse().ok()?, record.parse().ok()?))
    };
    ask.token = Some(read().ok_or("The skip token is not valid.")?);
    Ok(())
}

pub(crate) fn page(state: &State, tenant: &Tenant, path: &str, ask: &Ask) -> Page {
    let is_scores = path == SCORES;
    let (total, usual) =
        if is_scores { (tenant.days as usize, 10) } else { (scores::PROFILES, 50) };
    let usual = state.options.page_size.unwrap_or(usual);
    let (day, start) = ask.token.unwrap_or((state.today(), ask.skip));
    let size = ask.top.map_or(usual, |top| top.min(state.options.page_size.unwrap_or(top))).max(1);
    let end = (start + size).min(total);
    let top = ask.top.map(|top| format!("$top={top}&")).unwrap_or_default();
    let base = state.base(Api::Graph);
    let tenant = tenant.clone();
    let changes = lock(&state.profile_updates).clone();
    let record = move |number: usize| -> Bytes {
        match is_scores {
            true => {
                scores::secure_score(&tenant, day.saturating_sub(Span::new().days(number as i64)))
            }
            false if changes.is_empty() => scores::profile(&tenant, number),
            false => profile::with_changes(&changes, &tenant, number).to_string().into(),
        }
    };
    Page {
        form: &ODATA,
        opening: opening(
            &format!("{AUDIENCE}/v1.0/$metadata#{}", path.trim_start_matches("/v1.0/")),
            ask.count.then_some(total),
        ),
        length: end.saturating_sub(start),
        records: Box::new((start..end).map(record)),
        next: (end < total).then(|| format!("{base}{path}?{top}$skiptoken={}", token(day, end))),
    }
}
