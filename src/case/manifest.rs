//! A case's manifest: what was asked, what became of it, and each file with its hashes. Made from what
//! the folder holds, so that it is the same whoever writes it.

use super::{Case, CaseError};
use crate::app::App;
use crate::checkpoint;
use crate::digest::Latest;
use crate::ledger::{self, LedgerError, path};
use crate::plan::RunId;
use crate::run;
use crate::{part, schema, source};
use bytes::Bytes;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const FILE: &str = "manifest.json";

/// The content of a case's `manifest.json`.
///
/// All but `pulled` is the same for the same answers of the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Version of this layout: 1.
    pub version: u32,
    /// The case's name.
    pub case: String,
    /// The tenant's id.
    pub tenant: String,
    /// The tenant's name.
    pub tenant_name: String,
    /// The window's beginning.
    #[schemars(with = "schema::Timestamp")]
    pub from: Timestamp,
    /// The window's end.
    #[schemars(with = "schema::Timestamp")]
    pub to: Timestamp,
    /// Whether every source is there as a whole.
    pub complete: bool,
    /// The sources, alerts and incidents first.
    pub sources: Vec<Source>,
    /// When each of them was read.
    pub pulled: Vec<Times>,
}

/// What became of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Its name.
    pub source: String,
    /// How far it is.
    pub state: State,
    /// What happened and what to do, where it isn't complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the service was asked: a path, or a query and its timespan.
    pub request: run::Asked,
    /// Records in its parts.
    pub records: u64,
    /// Its files, in order.
    pub parts: Vec<Part>,
}

/// How far a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Every record is there.
    Complete,
    /// The service left data out.
    Incomplete,
    /// An administrator's turn.
    Refused,
    /// A later pull goes on with it.
    Failed,
}

/// One file of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Its path below the case's folder.
    pub path: String,
    /// Its lines.
    pub records: u64,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of the file as it lies there, in hex.
    pub sha256: String,
    /// SHA-256 of its text, decompressed.
    pub content_sha256: String,
}

/// When a source was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// Its name.
    pub source: String,
    /// When its run began.
    #[schemars(with = "schema::Timestamp")]
    pub began: Timestamp,
    /// When it was complete.
    #[schemars(with = "schema::Timestamp")]
    pub completed: Timestamp,
}

impl Manifest {
    /// The hunting packs in it that this release knows.
    pub(super) fn packs(&self) -> Vec<source::Source> {
        let known = self.sources.iter().filter_map(|one| source::Source::named(&one.source));
        known.filter(source::Source::takes_times).collect()
    }
}

/// The manifest of the case whose folder is the app's ledger; nothing before it is written.
///
/// # Errors
///
/// Where the ledger can't be read.
pub async fn read(inner: &App) -> Result<Option<Manifest>, LedgerError> {
    let there = inner.ledger.read(FILE).await?;
    // One of another layout is written anew.
    Ok(there.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok()))
}

pub(super) async fn write(inner: &App, case: &Case) -> Result<Option<Manifest>, CaseError> {
    let present = inner.tenants().await?;
    let Some(tenant) = present.tenant(&case.tenant) else {
        return Err(CaseError::Wrong("the case's tenant isn't this deployment's".to_owned()));
    };
    let (mut sources, mut pulled) = (Vec::new(), Vec::new());
    for source in case.sources() {
        let Some((state, message)) = state(inner, case, source).await? else { return Ok(None) };
        let parts = parts(inner, case, source).await?;
        let asked = run::asked(source, &case.window);
        let records = parts.iter().map(|part| part.records).sum();
        let name = source.name.to_owned();
        sources.push(Source { source: name, state, message, request: asked, records, parts });
        pulled.extend(times(inner, case, source).await?);
    }
    let manifest = Manifest {
        version: 1,
        case: case.name.clone(),
        tenant: tenant.id.clone(),
        tenant_name: tenant.name.clone(),
        from: case.window.from.instant(),
        to: case.window.to.instant(),
        complete: sources.iter().all(|source| source.state == State::Complete),
        sources,
        pulled,
    };
    ledger::put(&*inner.ledger, FILE, to_json(FILE, &manifest)?).await?;
    Ok(Some(manifest))
}

/// How far a source is and why; nothing while an attempt is at work on it.
async fn state(
    inner: &App,
    case: &Case,
    source: source::Source,
) -> Result<Option<(State, Option<String>)>, LedgerError> {
    let path = path::state(&case.tenant, source.name);
    let (state, _) = checkpoint::read(&*inner.ledger, &path).await?;
    let attempt = state.current.as_ref().and_then(|current| current.attempt.as_ref());
    if attempt.is_some_and(|attempt| attempt.until > inner.now()) {
        return Ok(None);
    }
    let reason = state.reason();
    let never = "it hasn't been read: pull the case again".to_owned();
    Ok(Some(match state {
        state if state.completed.is_some() => (State::Complete, None),
        state if state.ended.is_some() => (State::Incomplete, reason),
        state if state.refused.is_some() => (State::Refused, reason),
        _ => (State::Failed, Some(reason.unwrap_or(never))),
    }))
}

async fn parts(inner: &App, case: &Case, source: source::Source) -> Result<Vec<Part>, LedgerError> {
    let mut parts = Vec::new();
    let run: &RunId = &case.window.to;
    let folder = path::parts(&case.tenant, source.name, run);
    for path in inner.ledger.list(&folder).await? {
        let Some((kept, _)) = inner.ledger.read(&path).await? else { continue };
        let (text, _) = part::open(&kept).map_err(|error| LedgerError::Failed {
            path: path.clone(),
            what: format!("it is no part ({error}): move it away"),
        })?;
        parts.push(Part {
            records: text.lines().count() as u64,
            bytes: kept.len() as u64,
            sha256: sha256(&kept),
            content_sha256: sha256(text.as_bytes()),
            path,
        });
    }
    Ok(parts)
}

async fn times(
    inner: &App,
    case: &Case,
    source: source::Source,
) -> Result<Option<Times>, LedgerError> {
    let there = inner.ledger.read(&path::latest(&case.tenant, source.name)).await?;
    let latest: Option<Latest> = there.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok());
    Ok(latest.map(|Latest { source, began, completed, .. }| Times { source, began, completed }))
}

fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn to_json(path: &str, value: &impl Serialize) -> Result<Bytes, LedgerError> {
    let json = serde_json::to_vec_pretty(value).map(Bytes::from);
    json.map_err(|error| LedgerError::Failed { path: path.to_owned(), what: error.to_string() })
}
