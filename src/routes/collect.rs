//! Collecting now: a job to the queue, once per source in five minutes.

use super::call::unreadable;
use super::cases::no_queue;
use super::{Answer, Call, Parameter, Route, Shown, shape};
use crate::checkpoint;
use crate::host::Problem;
use crate::ledger::{LedgerError, path};
use crate::outbox::Outbox;
use crate::plan::{Message, RunId};
use crate::source::Source;
use bytes::Bytes;
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// A source is asked for again only after this.
const PAUSE: SignedDuration = SignedDuration::from_mins(5);

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    method: "POST",
    statuses: &[202],
    has_comment: false,
    query: &[Parameter {
        name: "source",
        about: "Sources to collect, separated by commas, such as graph.secure_scores; required",
    }],
    ..Route::get(
        "collect",
        "Queues a run of sources now and clears their refusals; once per source in five minutes",
        shape::<Queued>,
        |call| collect(call).boxed(),
    )
}];

/// What is on its way.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Queued {
    tenant: String,
    /// The run of all of them; a source whose run is under way goes on with that.
    run: String,
    /// Sources whose run is queued.
    queued: Vec<&'static str>,
    /// Sources that were asked for less than five minutes ago, with the seconds until they may be again.
    too_soon: BTreeMap<&'static str, i64>,
}

impl Shown for Queued {}

async fn collect(call: &Call<'_>) -> Result<Answer, Problem> {
    let (app, tenant) = (call.app, call.tenant());
    if !tenant.enabled {
        let detail = "this tenant isn't collected: the tenants file says `enabled: false`";
        return Err(Problem::new(409, detail));
    }
    let sources = sources(call)?;
    let queue = app.queue.as_ref().ok_or_else(no_queue)?;
    let now = app.now();
    let run = RunId::at(now);
    let (mut queued, mut too_soon) = (Vec::new(), BTreeMap::new());
    for source in sources {
        if let Some(left) = take_turn(call, source, now).await.map_err(unreadable)? {
            too_soon.insert(source.name, left.as_secs().max(1));
            continue;
        }
        let state = path::state(&tenant.id, source.name);
        checkpoint::forgive(&*app.ledger, &state).await.map_err(unreadable)?;
        let message = Message::from(&app.job(tenant, source, run.clone(), true));
        if let Err(error) = queue.post(&message, Duration::ZERO).await {
            give_back(call, source, now).await;
            return Err(Problem::new(503, error.to_string()));
        }
        queued.push(source.name);
    }
    if let (true, Some(least)) = (queued.is_empty(), too_soon.values().min()) {
        let retry_after = u64::try_from(*least).ok();
        let detail = "each of them was asked for less than five minutes ago: wait for that run";
        return Err(Problem { retry_after, ..Problem::new(429, detail) });
    }
    let location = format!("/api/runs?tenant={}", tenant.id);
    let told = Queued { tenant: tenant.id.clone(), run: run.to_string(), queued, too_soon };
    Ok(Answer::of(call, &told)?.status(202).header("location", location))
}

fn sources(call: &Call<'_>) -> Result<Vec<Source>, Problem> {
    let names = call.query.get("source").ok_or_else(|| {
        Problem::new(400, "no source is named: ?source=<name>, several separated by commas")
    })?;
    let named = names.split(',').map(|name| {
        call.tenant().source(name.trim()).ok_or_else(|| {
            let known: Vec<_> = call.tenant().sources.iter().map(|source| source.name).collect();
            Problem::new(
                400,
                format!("no such source is collected here: choose from {}", known.join(", ")),
            )
        })
    });
    let mut sources = named.collect::<Result<Vec<_>, _>>()?;
    sources.sort_by_key(|source| source.name);
    sources.dedup_by_key(|source| source.name);
    Ok(sources)
}

type Asked = BTreeMap<String, Timestamp>;

/// Takes the source's turn; the time that is left until it may be asked for again, where it was taken
/// before.
async fn take_turn(
    call: &Call<'_>,
    source: Source,
    now: Timestamp,
) -> Result<Option<SignedDuration>, LedgerError> {
    let mut left = None;
    change(call, |asked| {
        asked.retain(|_, at| now.duration_since(*at) < PAUSE);
        left = asked.get(source.name).map(|at| PAUSE - now.duration_since(*at));
        if left.is_none() {
            asked.insert(source.name.to_owned(), now);
        }
        left.is_none()
    })
    .await?;
    Ok(left)
}

/// What couldn't be queued may be asked for again at once.
async fn give_back(call: &Call<'_>, source: Source, taken: Timestamp) {
    let remove = |asked: &mut Asked| match asked.get(source.name) {
        Some(at) if *at == taken => asked.remove(source.name).is_some(),
        _ => false,
    };
    // A turn that isn't given back comes again by itself.
    let _ = change(call, remove).await;
}

/// Changes when which source was asked for, over whatever others write meanwhile.
async fn change(
    call: &Call<'_>,
    mut alter: impl FnMut(&mut Asked) -> bool,
) -> Result<(), LedgerError> {
    let path = path::asked(&call.tenant().id);
    loop {
        let there = call.app.ledger.read(&path).await?;
        let mut asked: Asked = there
            .as_ref()
            .and_then(|(bytes, _)| serde_json::from_slice(bytes).ok())
            .unwrap_or_default();
        if !alter(&mut asked) {
            return Ok(());
        }
        let json = serde_json::to_vec(&asked).map(Bytes::from);
        let json = json
            .map_err(|error| LedgerError::Failed { path: path.clone(), what: error.to_string() })?;
        let over = there.map(|(_, version)| version);
        match call.app.ledger.replace(&path, json, over.as_ref()).await {
            Err(LedgerError::Conflict { .. }) => {}
            written => return written.map(|_| ()),
        }
    }
}
