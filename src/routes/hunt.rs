//! A hunting pack now, for a period of the caller's: its rows are answered and kept in a folder of their own.

use super::{Answer, Block, Call, Cell, Comment, Route, Rows, Shown, shape};
use crate::app::App;
use crate::digest::Latest;
use crate::host::Problem;
use crate::ledger::{LedgerError, Under, path};
use crate::part;
use crate::plan::{Job, RunId, Window};
use crate::report::Status;
use crate::run;
use crate::source::{Fetch, Source};
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

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    method: "POST",
    body: Some(shape::<Wanted>),
    has_rows: true,
    ..Route::get(
        "hunt",
        "Runs a hunting pack for a period through Microsoft Graph; answers its rows and keeps them",
        shape::<Hunted>,
        |call| hunt(call).boxed(),
    )
}];

/// What to hunt for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    /// The pack, with or without `graph.hunting.`.
    pack: String,
    /// How far back from now, as `P7D` or `PT6H`; 30 days at most. By default the pack's own period.
    #[serde(default)]
    period: Option<String>,
}

/// What a hunt has found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Hunted {
    tenant: String,
    pack: String,
    /// The period's beginning.
    from: String,
    /// Its end.
    to: String,
    /// Rows that were found and kept.
    total: u64,
    /// Whether the service said that this is all.
    complete: bool,
    /// The folder of the container that holds all rows.
    folder: String,
    /// The first 1,000 rows, as the service sent them, behind the envelope.
    value: Vec<Value>,
    #[serde(skip)]
    #[schemars(skip)]
    columns: Vec<&'static str>,
}

async fn hunt(call: &Call<'_>) -> Result<Answer, Problem> {
    let wanted: Wanted = call.json()?;
    let tenant = call.tenant();
    let source =
        crate::case::pack(&wanted.pack).map_err(|error| Problem::new(400, error.to_string()))?;
    let to = call.app.now();
    let from = beginning(wanted.period.as_deref(), source, to)?;
    let window = Window::new(RunId::at(from), RunId::at(to));
    let window = window.map_err(|why| Problem::new(400, why))?;
    let run = window.to.clone();
    // The same times twice within a second are the same hunt.
    let folder = path::case(&tenant.id, &format!("hunt-{}-{}", window.from, window.to));
    let ledger = Arc::new(Under::new(call.app.ledger.clone(), &folder));
    let mut inner = call.app.within(tenant, ledger);
    inner.limits.run = LONGEST;
    let job = Job { window: Some(window.clone()), ..inner.job(tenant, source, run, true) };
    let report = run::run(&inner, &job).await;
    let unreadable = |error: LedgerError| Problem::new(503, error.to_string());
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
    let hunted = Hunted {
        tenant: tenant.id.clone(),
        pack: source.name.to_owned(),
        from: window.from.instant().to_string(),
        to: window.to.instant().to_string(),
        total,
        complete,
        folder,
        value,
        columns: source.table.columns.iter().map(|column| column.field).collect(),
    };
    Answer::of(call, &hunted)
}

/// When the period begins that ends at `to`.
fn beginning(period: Option<&str>, source: Source, to: Timestamp) -> Result<Timestamp, Problem> {
    let own = match source.fetch {
        Fetch::Hunting(hunting) => hunting.period,
        _ => return Err(Problem::new(400, "this source is no hunting pack")),
    };
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
            columns: self.columns.iter().map(|column| (*column).to_owned()).collect(),
            rows,
        };
        Some(Comment {
            title: format!("Hunt {}", self.pack),
            blocks: vec![Block::Facts(facts), table],
        })
    }

    fn rows(&self) -> Option<Rows> {
        Some(Rows::of_fields(&self.value, &self.columns))
    }
}
