//! A responder's pull: alerts, incidents and hunting results of one time window in a folder of its own.
//!
//! The folder `cases/<tenant>/<case>/` is laid out as a ledger, and each source in it is a job like any
//! other: claimed, kept part by part, gone on with after a cut. Nothing goes to the workspace. Records
//! carry the window's end where others carry the clock, so that the same answers give the same files.

mod account;
mod manifest;

pub use account::{Account, Named, account};
pub use manifest::{Manifest, Part, Source as Pulled, State, read as manifest};

use crate::app::App;
use crate::ledger::{Kept, LedgerError, Under, path};
use crate::plan::{Job, Message, Window};
use crate::source::{ALERTS, Fetch, INCIDENTS, Source};
use crate::tenant::{RosterError, Tenant};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a case was opened for, in its folder.
pub const OPENING: &str = "case.json";

/// What the hunting packs' names begin with.
const PACKS: &str = "graph.hunting.";

/// Why a case can't be pulled.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// What was asked for is wrong; the text says what to change.
    #[error("{0}")]
    Wrong(String),
    /// The ledger gave or took nothing.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Nobody knows whose case it is.
    #[error(transparent)]
    Roster(#[from] RosterError),
}

/// What to pull, of whom, under which name.
#[derive(Clone, Debug)]
pub struct Case {
    /// The tenant's id.
    pub tenant: String,
    /// Its folder's name: 1 to 64 letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// The times.
    pub window: Window,
    /// The hunting packs.
    pub packs: Vec<Source>,
}

/// What a case was opened for: the content of its `case.json`, written once.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Opening {
    version: u32,
    case: String,
    tenant: String,
    from: crate::plan::RunId,
    to: crate::plan::RunId,
}

/// A case whose folder is there: the app that works in it, and its jobs.
pub struct Open {
    /// The app; its ledger is the case's folder.
    pub app: App,
    /// One job per source, all with the window's end as their run.
    pub jobs: Vec<Job>,
    case: Case,
}

impl Case {
    /// A case of these names.
    ///
    /// A pack is named with or without `graph.hunting.`; without a name the case is called by its times.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn new(
        tenant: &Tenant,
        name: Option<&str>,
        window: Window,
        packs: &[String],
    ) -> Result<Case, CaseError> {
        let own = format!("{}-{}", window.from, window.to);
        let name = name.unwrap_or(&own).to_owned();
        if !is_name(&name) {
            return Err(CaseError::Wrong(format!(
                "the case's name is {name:?}, expected 1 to 64 letters, digits and . _ -"
            )));
        }
        let packs = packs.iter().map(|name| pack(name)).collect::<Result<_, _>>()?;
        Ok(Case { tenant: tenant.id.clone(), name, window, packs })
    }

    /// The case that a queue message names.
    ///
    /// # Errors
    ///
    /// What the message lacks.
    pub fn of(message: &Message, tenant: &Tenant) -> Result<Case, CaseError> {
        let window = message.window().map_err(CaseError::Wrong)?.ok_or_else(|| {
            CaseError::Wrong("the case names no times: give `from` and `to`".to_owned())
        })?;
        Case::new(tenant, message.case.as_deref(), window, &message.packs)
    }

    /// Opens the case's folder, or the one that is there for the same times.
    ///
    /// Packs add up: those that were pulled into it before are in its jobs too.
    ///
    /// # Errors
    ///
    /// Where the folder is another window's, or the ledger doesn't answer.
    pub async fn open(mut self, app: &App) -> Result<Open, CaseError> {
        let ledger =
            Arc::new(Under::new(app.ledger.clone(), &path::case(&self.tenant, &self.name)));
        let present = app.tenants().await?;
        let tenant = present.tenant(&self.tenant).ok_or_else(|| {
            CaseError::Wrong(format!("tenant {} is gone from the tenants file", self.tenant))
        })?;
        let inner = app.within(tenant, ledger);
        self.begin(&inner).await?;
        for pack in manifest::read(&inner).await?.map(|there| there.packs()).unwrap_or_default() {
            if !self.packs.iter().any(|known| known.name == pack.name) {
                self.packs.push(pack);
            }
        }
        self.packs.sort_by_key(|pack| pack.name);
        self.packs.dedup_by_key(|pack| pack.name);
        let jobs = self.sources().map(|source| Job {
            run: self.window.to.clone(),
            tenant: self.tenant.clone(),
            source,
            now: true,
            window: Some(self.window.clone()),
            file: None,
            findings: false,
        });
        Ok(Open { app: inner, jobs: jobs.collect(), case: self })
    }

    fn sources(&self) -> impl Iterator<Item = Source> {
        [ALERTS, INCIDENTS].into_iter().chain(self.packs.iter().copied())
    }

    async fn begin(&self, inner: &App) -> Result<(), CaseError> {
        let Window { from, to } = self.window.clone();
        let (case, tenant) = (self.name.clone(), self.tenant.clone());
        let opening = Opening { version: 1, case, tenant, from, to };
        let content = manifest::to_json(OPENING, &opening)?;
        if inner.ledger.keep(OPENING, content).await? == Kept::New {
            return Ok(());
        }
        let there = inner.ledger.read(OPENING).await?;
        let there: Option<Opening> =
            there.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok());
        match there {
            Some(there) if there == opening => Ok(()),
            there => {
                let times = there.map(|there| format!("{} to {}", there.from, there.to));
                let times = times.unwrap_or_else(|| "unreadable".to_owned());
                let name = &self.name;
                Err(CaseError::Wrong(format!(
                    "the case {name} is there for other times ({times}): choose another name"
                )))
            }
        }
    }
}

impl Open {
    /// Writes the manifest of what the jobs have left in the folder; nothing where another attempt is at
    /// work on one of them, which will write it.
    ///
    /// # Errors
    ///
    /// Where the ledger doesn't answer.
    pub async fn close(&self) -> Result<Option<Manifest>, CaseError> {
        manifest::write(&self.app, &self.case).await
    }
}

/// Whether a case may be called so: 1 to 64 letters, digits, `.`, `_` and `-`, no sign in front.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(plain)
        && name.len() <= 64
}

/// The hunting pack of that name, with or without `graph.hunting.`.
///
/// # Errors
///
/// [`CaseError::Wrong`], with those that there are.
pub fn pack(pack: &str) -> Result<Source, CaseError> {
    let full = if pack.starts_with(PACKS) { pack.to_owned() } else { format!("{PACKS}{pack}") };
    let found = Source::named(&full).filter(|source| matches!(source.fetch, Fetch::Hunting(_)));
    found.ok_or_else(|| {
        let packs = crate::source::ALL.iter().filter_map(|source| source.name.strip_prefix(PACKS));
        let known: Vec<_> = packs.collect();
        CaseError::Wrong(format!("no hunting pack {pack:?}: choose from {}", known.join(", ")))
    })
}
