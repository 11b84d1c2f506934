//! A hunting pack now, for a period of the caller's: its rows are answered and kept in a folder of their own.

use super::call::unreadable;
use super::{Answer, Block, Call, Cell, Comment, Route, Rows, Shown, shape};
use crate::app::App;
use crate::digest::Latest;
use crate::host::Problem;
use crate::hunt::{self, HuntError};
use crate::ledger::{LedgerError, Under, path};
use crate::part;
use crate::plan::{Job, RunId, Window};
use crate::report::Status;
use crate::run;
use crate::source::Fetch;
use futures::FutureExt;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// A gateway in front of the service gives up after 230 s, a playbook's action after 120 s.
const LONGEST: Duration = Duration::from_secs(100);
/// Rows that are answered at most; all are kept.
const MOST_ROWS: usize = 1_000;
/// The longest period: what advanced hunting keeps.
const LONGEST_PERIOD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The period of a query where the caller says none.
const ONE_DAY: SignedDuration = SignedDuration::from_hours(24);

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    method: "POST",
    body: Some(shape::<Wanted>),
    has_rows: true,
    ..Route::get(
        "hunt",
        "Runs a hunting pack, or where allowed any query, for a period through Microsoft Graph; answers \
         its rows and keeps them",
        shape::<Hunted>,
        |call| hunt(call).boxed(),
    )
}];

/// What to hunt for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    /// The pack, with or without `graph.hunting.`; absent where `kql` is given.
    #[serde(default)]
    pack: Option<String>,
    /// Any query of advanced hunting, where POSTURE_FREE_KQL is on; at most 10,000 bytes. It is audited.
    #[serde(default)]
    kql: Option<String>,
    /// Why the query is asked, for the audit; required with `kql`.
    #[serde(default)]
    reason: Option<String>,
    /// How far back from now, as `P7D` or `PT6H`; 30 days at most. By default the pack's own period; of a
    /// query one day.
    #[serde(default)]
    period: Option<String>,
}

/// What a hunt has found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Hunted {
    tenant: String,
    /// The pack; absent where a query was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pack: Option<&'static str>,
    /// The period's beginning.
    from: String,
    /// Its end.
    to: String,
    /// Rows that were found and kept.
    total: u64,
    /// Whether the service said that this is all.
    complete: bool,
    /// The folder of the container that holds all rows, or the file that holds those of a query.
    kept: String,
    /// The first 1,000 rows, as the service sent them; of a pack behind the envelope.
    value: Vec<Value>,
    #[serde(skip)]
    #[schemars(skip)]
    columns: Vec<String>,
}

async fn hunt(call: &Call<'_>) -> Result<Answer, Problem> {
    let wanted: Wanted = call.json()?;
    let hunted = match (&wanted.pack, &wanted.kql) {
        (Some(pack), None) => of_pack(call, pack, wanted.period.as_deref()).await?,
        (None, Some(kql)) => of_query(call, kql, &wanted).await?,
        _ => return Err(Problem::new(400, "give either a pack or a query: `pack` or `kql`")),
    };
    Answer::of(call, &hunted)
}

/// The times that end now.
fn window(from: Timestamp, to: Timestamp) -> Result<Window, Problem> {
    Window::new(RunId::at(from), RunId::at(to)).map_err(|why| Problem::new(400, why))
}

async fn of_query(call: &Call<'_>, kql: &str, wanted: &Wanted) -> Result<Hunted, Problem> {
    if !call.app.free_kql {
        let detail = "any query is switched off here: name a pack, or set POSTURE_FREE_KQL=on";
        return Err(Problem::new(403, detail));
    }
    let reason = wanted.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    let reason = reason.ok_or_else(|| Problem::new(400, "say why, for the audit: `reason`"))?;
    let fits = 1..=hunt::LONGEST_QUERY;
    if !fits.contains(&kql.trim().len()) {
        let detail = format!("kql has {} bytes, expected 1 to {}", kql.len(), hunt::LONGEST_QUERY);
        return Err(Problem::new(400, detail));
    }
    let to = call.app.now();
    let asked = hunt::Asked {
        kql: kql.trim().to_owned(),
        window: window(beginning(wanted.period.as_deref(), ONE_DAY, to)?, to)?,
        reason: reason.chars().take(1_000).collect(),
        caller: call.who.to_string(),
    };
    let found = hunt::free(call.app, call.tenant(), &asked).await;
    let found = found.map_err(|error| match error {
        HuntError::Ledger(error) => unreadable(error),
        error => Problem::new(502, error.to_string()),
    })?;
    let columns = found.rows.first().and_then(Value::as_object);
    Ok(Hunted {
        tenant: call.tenant().id.clone(),
        pack: None,
        from: asked.window.from.instant().to_string(),
        to: asked.window.to.instant().to_string(),
        total: found.rows.len() as u64,
        complete: !found.cut,
        kept: found.file,
        columns: columns.map(|row| row.keys().cloned().collect()).unwrap_or_default(),
        value: found.rows,
    })
}

async fn of_pack(call: &Call<'_>, pack: &str, period: Option<&str>) -> Result<Hunted, Problem> {
    let tenant = call.tenant();
    let source = crate::case::pack(pack).map_err(|error| Problem::new(400, error.to_string()))?;
    let Fetch::Hunting(hunting) = source.fetch else {
        return Err(Problem::new(400, "this source is no hunting pack"));
    };
    let to = call.app.now();
    let window = window(beginning(period, hunting.period, to)?, to)?;
    let run = window.to.clone();
    // The same times twice within a second are the same hunt.
    let folder = path::case(&tenant.id, &format!("hunt-{}-{}", window.from, window.to));
    let ledger = Arc::new(Under::new(call.app.ledger.clone(), &folder));
    let mut inner = call.app.within(tenant, ledger);
    inner.limits.run = LONGEST;
    let job = Job { window: Some(window.clone()), ..inner.job(tenant, source, run, true) };
    let report = run::run(&inner, &job).await;
    let snapshot = snapshot(&inner, &job).await.map_err(unreadable)?;
    let (complete, total) = match (snapshot, report.status) {
        (Some(latest), _) => (true, latest.records),
        (None, Status::Incomplete) => (false, report.tally.kept),
        (None, Status::Refused | Status::Unavailable) => {
            return Err(Problem::new(502, report.message));
        }
        (None, _) => {
            return Err(Problem { retry_after: Some(60), ..Problem::new(503, report.message) });
        }
    };
    let value = rows(&inner, &job).await.map_err(unreadable)?;
    Ok(Hunted {
        tenant: tenant.id.clone(),
        pack: Some(source.name),
        from: window.from.instant().to_string(),
        to: window.to.instant().to_string(),
        total,
        complete,
        kept: folder,
        value,
        columns: source.table.columns.iter().map(|column| column.field.to_owned()).collect(),
    })
}

/// When the period begins that ends at `to`; `own` where the caller says none.
fn beginning(
    period: Option<&str>,
    own: SignedDuration,
    to: Timestamp,
) -> Result<Timestamp, Problem> {
    let read = |text: &str| {
        let span: Span = text.parse().ok()?;
        span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()
    };
    let period = match period {
        None => Some(own),
        Some(text) => read(text)
            .filter(|period| *period >= SignedDuration::from_mins(1) && *period <= LONGEST_PERIOD),
    };
    let period = period.ok_or_else(|| {
        Problem::new(400, "period is no ISO 8601 duration from PT1M to P30D, such as P7D or PT6H")
    })?;
    Ok(to - period)
}

/// What the hunt has completed; nothing where it hasn't.
async fn snapshot(inner: &App, job: &Job) -> Result<Option<Latest>, LedgerError> {
    let there = inner.ledger.read(&path::latest(&job.tenant, job.source.name)).await?;
    Ok(there.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok()))
}

/// The first rows that a hunt has kept.
async fn rows(inner: &App, job: &Job) -> Result<Vec<Value>, LedgerError> {
    let mut rows = Vec::new();
    for path in inner.ledger.list(&path::parts(&job.tenant, job.source.name, &job.run)).await? {
        let Some((kept, _)) = inner.ledger.read(&path).await? else { continue };
        let Ok((text, _)) = part::open(&kept) else { continue };
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        rows.extend(lines.take(MOST_ROWS - rows.len()));
        if rows.len() == MOST_ROWS {
            break;
        }
    }
    Ok(rows)
}

impl Shown for Hunted {
    fn comment(&self) -> Option<Comment> {
        let text = |row: &Value, column: &str| match row.get(column) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let row =
            |row: &Value| self.columns.iter().map(|column| Cell::new(text(row, column))).collect();
        let rows: Vec<Vec<Cell>> = self.value.iter().take(50).map(row).collect();
        let facts = vec![
            ("Period".to_owned(), Cell::new(format!("{} to {}", self.from, self.to))),
            ("Rows".to_owned(), Cell::new(self.total.to_string())),
        ];
        let table = Block::Table {
            heading: format!("{} of {} rows", rows.len(), self.total),
            columns: self.columns.clone(),
            rows,
        };
        Some(Comment {
            title: format!("Hunt {}", self.pack.unwrap_or("by a query")),
            blocks: vec![Block::Facts(facts), table],
        })
    }

    fn rows(&self) -> Option<Rows> {
        let fields: Vec<_> = self.columns.iter().map(String::as_str).collect();
        Some(Rows::of_fields(&self.value, &fields))
    }
}
