//! A responder's cases: pulled by the queue, read back from their folder.

use super::call::unreadable;
use super::{Answer, Block, Call, Cell, Comment, Form, Route, Shown, shape};
use crate::case::{self, Account, Case, CaseError, Manifest, State};
use crate::host::Problem;
use crate::ledger::{Under, path};
use crate::outbox::Outbox;
use crate::plan::{Message, Window};
use futures::FutureExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// The routes of this file.
pub const ROUTES: &[Route] = &[
    Route {
        method: "POST",
        body: Some(shape::<Wanted>),
        statuses: &[202],
        has_comment: false,
        ..Route::get(
            "cases",
            "Starts a case: alerts, incidents and hunting packs of a time window in a folder of its own",
            shape::<Begun>,
            |call| begin(call).boxed(),
        )
    },
    Route::get(
        "cases/{id}",
        "How far a case is, its manifest, and what its records come to",
        shape::<Told>,
        |call| tell(call).boxed(),
    ),
];

/// What a case is to hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    /// From this time or date on, such as `2026-11-01T06:00:00Z` or `2026-11-01`.
    from: String,
    /// Up to this time or date.
    to: String,
    /// Hunting packs, with or without `graph.hunting.`.
    #[serde(default)]
    packs: Vec<String>,
    /// The case's name: 1 to 64 letters, digits, `.`, `_` and `-`. By default its times.
    #[serde(default)]
    name: Option<String>,
}

/// A case that is on its way.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Begun {
    tenant: String,
    case: String,
    state: &'static str,
}

/// A case as it is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Told {
    tenant: String,
    case: String,
    /// `running` as long as no manifest is written, then `complete` or `incomplete`.
    state: &'static str,
    /// The folder of the container.
    folder: String,
    /// What is in it, file by file.
    manifest: Option<Manifest>,
    /// What its records come to.
    summary: Option<Account>,
    /// Packs that have rows, with their number.
    packs_with_hits: Vec<Hits>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Hits {
    pack: String,
    records: u64,
}

impl Shown for Begun {}

async fn begin(call: &Call<'_>) -> Result<Answer, Problem> {
    let wanted: Wanted = call.json()?;
    let tenant = call.tenant();
    let window = Window::read(&wanted.from, &wanted.to)
        .map_err(|why| Problem::new(400, why.replace("--from", "from").replace("--to", "to")))?;
    let case = Case::new(tenant, wanted.name.as_deref(), window.clone(), &wanted.packs);
    let case = case.map_err(problem)?;
    let queue = call.app.queue.as_ref().ok_or_else(no_queue)?;
    let (name, packs) = (case.name.clone(), case.packs.clone());
    case.open(call.app).await.map_err(problem)?;
    let message = Message {
        from: Some(window.from.clone()),
        to: Some(window.to.clone()),
        case: Some(name.clone()),
        packs: packs.iter().map(|pack| pack.name.to_owned()).collect(),
        ..Message::of(Message::CASE, &window.to, &tenant.id)
    };
    let posted = queue.post(&message, Duration::ZERO).await;
    posted.map_err(|error| Problem::new(503, error.to_string()))?;
    let location = format!("/api/cases/{name}?tenant={}", tenant.id);
    let begun = Begun { tenant: tenant.id.clone(), case: name, state: "running" };
    let answer = Answer::of(call, &begun)?;
    Ok(answer.status(202).header("location", location).header("retry-after", "30"))
}

/// There is nothing that would carry a job out.
pub(super) fn no_queue() -> Problem {
    let detail = "there is no queue beside this storage, so that nobody carries jobs out: set \
                  POSTURE_QUEUE_URL, or use the command line (posture collect, posture case)";
    Problem::new(503, detail)
}

fn problem(error: CaseError) -> Problem {
    match error {
        CaseError::Wrong(why) if why.contains("for other times") => Problem::new(409, why),
        CaseError::Wrong(why) => Problem::new(400, why),
        error => Problem::new(503, error.to_string()),
    }
}

async fn tell(call: &Call<'_>) -> Result<Answer, Problem> {
    let tenant = call.tenant();
    let name = call.segment("id");
    if !case::is_name(name) {
        return Err(Problem::new(404, "no such case"));
    }
    let folder = path::case(&tenant.id, name);
    let ledger = Under::new(call.app.ledger.clone(), &folder);
    let inner = call.app.within(tenant, Arc::new(ledger));
    if inner.ledger.read(case::OPENING).await.map_err(unreadable)?.is_none() {
        return Err(Problem::new(404, "no such case: POST /api/cases starts one"));
    }
    let manifest = case::manifest(&inner).await.map_err(unreadable)?;
    let summary = match (&manifest, call.form) {
        (Some(manifest), Form::Json | Form::Html | Form::Markdown) => {
            Some(case::account(&*inner.ledger, manifest).await.map_err(problem)?)
        }
        _ => None,
    };
    let state = match &manifest {
        None => "running",
        Some(manifest) if manifest.complete => "complete",
        Some(_) => "incomplete",
    };
    let packs = manifest.iter().flat_map(|manifest| &manifest.sources);
    let packs = packs.filter(|one| one.source.starts_with("graph.hunting.") && one.records > 0);
    let packs_with_hits =
        packs.map(|one| Hits { pack: one.source.clone(), records: one.records }).collect();
    let (tenant, case) = (tenant.id.clone(), name.to_owned());
    Answer::of(call, &Told { tenant, case, state, folder, manifest, summary, packs_with_hits })
}

impl Shown for Told {
    fn comment(&self) -> Option<Comment> {
        let mut facts = vec![
            ("State".to_owned(), Cell::new(self.state)),
            ("Folder".to_owned(), Cell::new(&*self.folder)),
        ];
        facts.extend(self.manifest.iter().map(|manifest| {
            ("Window".to_owned(), Cell::new(format!("{} to {}", manifest.from, manifest.to)))
        }));
        let mut blocks = vec![Block::Facts(facts)];
        blocks.extend(self.summary.iter().flat_map(tables));
        blocks.extend(self.manifest.iter().map(sources));
        Some(Comment { title: format!("Case {}", self.case), blocks })
    }
}

fn tables(account: &Account) -> Vec<Block> {
    let counts = |heading: &str, name: &str, rows: Vec<(&str, String)>| Block::Table {
        heading: heading.to_owned(),
        columns: vec![name.to_owned(), "Alerts".to_owned()],
        rows: rows.into_iter().map(|(name, count)| vec![name.into(), count.into()]).collect(),
    };
    let severities = account.alerts_by_severity.iter();
    let severities = severities.map(|(name, count)| (name.as_str(), count.to_string())).collect();
    let named = |named: &'_ [case::Named]| -> Vec<(String, String)> {
        named.iter().take(10).map(|one| (one.name.clone(), one.alerts.to_string())).collect()
    };
    let mut blocks = vec![counts("Alerts by severity", "Severity", severities)];
    for (heading, name, list) in [
        ("Devices", "Device", &account.devices),
        ("Accounts", "Account", &account.accounts),
        ("Addresses", "Address", &account.addresses),
    ] {
        let rows = named(list);
        let rows = rows.iter().map(|(name, count)| (name.as_str(), count.clone())).collect();
        blocks.push(counts(heading, name, rows));
    }
    blocks
}

fn sources(manifest: &Manifest) -> Block {
    let row = |source: &case::Pulled| {
        let state = match source.state {
            State::Complete => "complete",
            State::Incomplete => "incomplete",
            State::Refused => "refused",
            State::Failed => "failed",
        };
        let message = source.message.clone().unwrap_or_default();
        vec![
            Cell::new(&*source.source),
            Cell::new(state),
            Cell::new(source.records.to_string()),
            Cell::new(message),
        ]
    };
    Block::Table {
        heading: "Sources".to_owned(),
        columns: ["Source", "State", "Records", "Note"].map(str::to_owned).to_vec(),
        rows: manifest.sources.iter().map(row).collect(),
    }
}
