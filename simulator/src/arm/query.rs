//! Azure Resource Graph, as far as a query names one type of rows.

use std::time::Instant;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::arm::kinds::{KINDS, Kind};
use crate::arm::subscriptions::Subscription;
use crate::arm::{ask, error, is_refused, visible};
use crate::limits::Rate;
use crate::options::Tenant;
use crate::scene::Scene;
use crate::state::{Request, State};

const VERSIONS: [&str; 3] = ["2024-04-01", "2022-10-01", "2021-03-01"];

/// Largest page, and the rows of a result that can't be paged.
const MOST: usize = 1000;

/// Page without `$top`: the smaller of the two figures in the documentation.
const USUAL: usize = 100;

/// <https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests>
const QUOTA: usize = 15;
const WINDOW_S: u64 = 5;

#[derive(Deserialize)]
struct Body {
    query: String,
    subscriptions: Option<Vec<String>>,
    #[serde(default)]
    options: Options,
}

#[derive(Default, Deserialize)]
struct Options {
    #[serde(rename = "$top")]
    top: Option<usize>,
    #[serde(rename = "$skip", default)]
    skip: usize,
    #[serde(rename = "$skipToken")]
    token: Option<String>,
    #[serde(rename = "resultFormat")]
    format: Option<String>,
}

/// What a query asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rows {
    Subscriptions,
    Of(Kind),
    /// A type that is known and of which nothing is generated.
    None,
}

/// One page of rows as JSON.
struct Found {
    total: usize,
    rows: Vec<Box<RawValue>>,
    /// Where to go on.
    next: Option<String>,
}

/// Answers one query.
pub(crate) async fn answer(state: &State, tenant: &Tenant, request: &Request) -> Answer {
    let rates = [Rate::new(QUOTA, WINDOW_S)];
    let calls = state.limits.call("resource graph", &tenant.id, &rates, Instant::now());
    let left = match calls {
        Err(_) if state.options.limits => 0,
        _ => QUOTA - state.limits.made("resource graph", &tenant.id, rates[0], Instant::now()),
    };
    let quota = |answer: Answer| {
        answer
            .header("x-ms-user-quota-remaining", left.to_string())
            .header("x-ms-user-quota-resets-after", format!("00:00:{WINDOW_S:02}"))
    };
    if let (true, Err(wait)) = (state.options.limits, calls) {
        let text = "Client application has been throttled. Please provide the following info for more details.";
        let answer = error(state, 429, "RateLimiting", text);
        return quota(answer.header("retry-after", wait.to_string()));
    }
    if let Err((code, text)) = ask(&request.query, &VERSIONS, &[]) {
        return error(state, 400, code, &text);
    }
    match found(state, tenant, request).await {
        Ok((found, has_id)) => {
            let truncated = !has_id && found.next.is_some();
            let mut body = json!({"totalRecords": found.total, "count": found.rows.len(),
                "facets": [], "resultTruncated": truncated.to_string(), "data": found.rows});
            if let (true, Some(token)) = (has_id, found.next) {
                body["$skipToken"] = token.into();
            }
            quota(Answer::json(200, &body))
        }
        Err(text) => quota(error(state, 400, "BadRequest", &text)),
    }
}

/// The page of a query, and whether it has the column `id`.
async fn found(state: &State, tenant: &Tenant, request: &Request) -> Result<(Found, bool), String> {
    let body: Body = serde_json::from_slice(&request.body)
        .map_err(|error| format!("The request body isn't understood: {error}."))?;
    let rows = rows_of(&body.query)?;
    let has_id = has_id(&body.query);
    let top = body.options.top.unwrap_or(USUAL);
    if !(1..=MOST).contains(&top) {
        return Err(format!("Invalid value '{top}' for '$top': it must be 1 to {MOST}."));
    }
    if body.options.format.as_deref().is_some_and(|format| format != "objectArray") {
        return Err("The simulator answers objectArray only.".to_owned());
    }
    let scene = state.scene(tenant);
    let mut of = visible(state, &scene);
    if let Some(chosen) = &body.subscriptions {
        of.retain(|one| chosen.iter().any(|id| id.eq_ignore_ascii_case(&one.id)));
    }
    let mark = crate::generate::Draw::new(7, &body.query, 0).next();
    let start = match &body.options.token {
        Some(token) => read_token(token, mark).ok_or("The $skipToken isn't of this query.")?,
        None => body.options.skip,
    };
    let found = match state.options.replay.is_some() {
        true => recorded(state, rows, start).await,
        false => generated(
            &scene,
            &of,
            rows,
            start,
            top.min(state.options.page_size.unwrap_or(top)),
            has_id,
        ),
    };
    Ok((Found { next: found.next.map(|next| format!("{mark:x}-{next}")), ..found }, has_id))
}

fn read_token(token: &str, mark: u64) -> Option<usize> {
    token.strip_prefix(&format!("{mark:x}-"))?.parse().ok()
}

/// Reads the table and the one type that a query names; the rest of its text isn't carried out.
fn rows_of(query: &str) -> Result<Rows, String> {
    let text = query.to_ascii_lowercase();
    let types: Vec<&str> =
        text.split("type =~ '").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
    let table = text.trim_start().split(|c: char| !c.is_ascii_alphanumeric()).next();
    match (table, &types[..]) {
        (Some("resourcecontainers"), ["microsoft.resources/subscriptions"]) => {
            Ok(Rows::Subscriptions)
        }
        (Some("securityresources"), [name]) => {
            let kind = KINDS.into_iter().find(|kind| kind.graph_type() == *name);
            match (kind, name.starts_with("microsoft.security/")) {
                (Some(Kind::Definitions), _) | (None, false) => {
                    Err(format!("The type '{name}' isn't known in securityresources."))
                }
                (Some(kind), _) => Ok(Rows::Of(kind)),
                (None, true) => Ok(Rows::None),
            }
        }
        _ => Err("The simulator needs a table and one type =~ '…' to look for.".to_owned()),
    }
}

/// Whether a result has the column `id`: without a projection, or where the last one names it.
fn has_id(query: &str) -> bool {
    let text = query.to_ascii_lowercase();
    let Some((_, columns)) = text.rsplit_once("project ") else { return true };
    let columns = columns.split('|').next().unwrap_or_default();
    columns
        .split(',')
        .any(|column| column.split('=').next().is_some_and(|name| name.trim() == "id"))
}

fn generated(
    scene: &Scene,
    of: &[Subscription],
    rows: Rows,
    start: usize,
    size: usize,
    has_id: bool,
) -> Found {
    let each = match rows {
        Rows::Subscriptions => 1,
        Rows::Of(kind) => kind.total(scene) as usize,
        Rows::None => 0,
    };
    let total = each * of.len();
    let start = start.min(total);
    let end = (start + size.max(1)).min(total);
    let row = |number: usize| {
        let subscription = &of[number / each];
        let mut row = match rows {
            Rows::Of(kind) => kind.record(scene, subscription, (number % each) as u64),
            _ => subscription_row(scene, subscription),
        };
        as_row(&mut row, rows, subscription);
        if let (false, Some(row)) = (has_id, row.as_object_mut()) {
            row.remove("id");
        }
        serde_json::value::to_raw_value(&row).ok()
    };
    let next = (end < total).then(|| end.to_string());
    Found { total, rows: (start..end).filter_map(row).collect(), next }
}

fn subscription_row(scene: &Scene, of: &Subscription) -> Value {
    let record = of.record(scene);
    json!({"id": record["id"], "name": record["displayName"],
        "properties": {"state": record["state"], "subscriptionPolicies": record["subscriptionPolicies"],
            "managedByTenants": record["managedByTenants"]}})
}

/// Spells a record as Resource Graph does.
fn as_row(row: &mut Value, rows: Rows, of: &Subscription) {
    row["type"] = match rows {
        Rows::Of(kind) => kind.graph_type().into(),
        _ => "microsoft.resources/subscriptions".into(),
    };
    row["tenantId"] = of.tenant.as_str().into();
    row["subscriptionId"] = of.id.as_str().into();
    let dates = row["properties"].as_object_mut().and_then(|all| all.remove("dates"));
    if let Some(Value::Object(dates)) = dates {
        for (name, date) in dates {
            row["properties"]["status"][name] = date;
        }
    }
}

/// Recorded rows of the page that stands at `start`, counted from 0.
async fn recorded(state: &State, rows: Rows, start: usize) -> Found {
    #[derive(Deserialize)]
    struct Recorded {
        value: Vec<Box<RawValue>>,
    }
    let none = Found { total: 0, rows: Vec::new(), next: None };
    let source = match rows {
        Rows::Of(kind) => kind.source(),
        Rows::Subscriptions => super::SUBSCRIPTIONS,
        Rows::None => return none,
    };
    let Some(folder) = state.options.replay.as_ref().filter(|_| !is_refused(state)) else {
        return none;
    };
    let file = |number: usize| folder.join(source).join(format!("page-{number}.json"));
    let page = tokio::fs::read(file(start + 1)).await.unwrap_or_default();
    let Ok(page) = serde_json::from_slice::<Recorded>(&page) else { return none };
    let follows = tokio::fs::try_exists(file(start + 2)).await.unwrap_or(false);
    let next = follows.then(|| (start + 1).to_string());
    Found { total: page.value.len(), rows: page.value, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_known_by_its_table_and_one_type() {
        let read = |query: &str| rows_of(query).ok();

        let query = "SecurityResources\n| where type =~ 'microsoft.security/Assessments'";
        assert_eq!(read(query), Some(Rows::Of(Kind::Assessments)));
        let pricings = "securityresources | where type =~ 'microsoft.security/pricings'";
        assert_eq!(read(pricings), Some(Rows::None));
        assert_eq!(
            read("securityresources | where type == 'microsoft.security/assessments'"),
            None
        );
        assert_eq!(read("resources | where type =~ 'microsoft.security/assessments'"), None);
    }

    #[test]
    fn the_last_projection_says_whether_there_is_an_id() {
        assert!(has_id("x | where y"));
        assert!(has_id("x | project name, id, properties | order by id asc"));
        assert!(!has_id("x | project name, subscriptionId | order by id"));
    }
}
