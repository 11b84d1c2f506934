//! Who we collect for at present: fixed tenants, or those of a file that may change at any time.

use super::{Caller, Tenant};
use crate::ledger::{Ledger, LedgerError};
use crate::settings::{Definition, Place, Shared, TenantSettings};
use bytes::Bytes;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::{error, info};

/// How long what was read is taken for current.
const CURRENT_FOR: Duration = Duration::from_secs(30);
/// The newest version of the file that was right, for processes that start while it is broken.
const LAST_GOOD: &str = "state/tenants.json";

/// Why nobody can be collected for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RosterError {
    /// An administrator's turn.
    #[error("{0}")]
    Broken(String),
    /// Nobody's turn.
    #[error("{0}")]
    Unreadable(String),
}

/// The tenants at one moment.
#[derive(Debug, Default)]
pub struct Present {
    /// In the file's order.
    pub tenants: Vec<Arc<Tenant>>,
    /// What is wrong with the newest version of the file, where these are of the one before.
    pub problem: Option<String>,
    by_id: HashMap<String, usize>,
}

impl Present {
    /// These tenants.
    pub fn new(tenants: Vec<Arc<Tenant>>) -> Present {
        let ids = tenants.iter().enumerate();
        let by_id = ids.map(|(index, tenant)| (tenant.id.clone(), index)).collect();
        Present { tenants, problem: None, by_id }
    }

    /// The tenant of that id, in any letter case.
    pub fn tenant(&self, id: &str) -> Option<&Arc<Tenant>> {
        self.by_id.get(&id.to_ascii_lowercase()).map(|index| &self.tenants[*index])
    }

    /// The tenants that a caller may ask for.
    pub fn of_caller(&self, caller: &Caller) -> Vec<&Arc<Tenant>> {
        self.tenants.iter().filter(|tenant| tenant.admits(caller)).collect()
    }

    /// The tenants in which a caller may ask for response actions.
    pub fn of_actor(&self, caller: &Caller) -> Vec<&Arc<Tenant>> {
        self.tenants.iter().filter(|tenant| tenant.lets_act(caller)).collect()
    }
}

/// Makes a tenant of its settings; the flag says whether it has a workspace of its own, or none.
pub type Maker = Box<dyn Fn(&TenantSettings, bool) -> Tenant + Send + Sync>;

/// Who we collect for.
pub enum Roster {
    /// Always the same.
    Fixed(Arc<Present>),
    /// Those of a file.
    File(Box<Watched>),
}

/// A file of tenants, looked at again from time to time.
pub struct Watched {
    place: Place,
    shared: Shared,
    ledger: Arc<dyn Ledger>,
    make: Maker,
    /// How long what was read is taken for current. Default half a minute.
    pub current_for: Duration,
    held: Mutex<Option<Held>>,
}

struct Held {
    read: Instant,
    content: Bytes,
    definitions: HashMap<String, Definition>,
    present: Arc<Present>,
}

impl Roster {
    /// The tenants of the file at `place`, which is read when it is first needed.
    pub fn of_file(place: Place, shared: Shared, ledger: Arc<dyn Ledger>, make: Maker) -> Roster {
        let (current_for, held) = (CURRENT_FOR, Mutex::default());
        Roster::File(Box::new(Watched { place, shared, ledger, make, current_for, held }))
    }

    /// Who we collect for, as read within the last half minute. A tenant whose definition is the same
    /// is the same, with its tokens.
    ///
    /// # Errors
    ///
    /// [`RosterError`] where no version of the file was ever right, or it can't be read.
    pub async fn now(&self) -> Result<Arc<Present>, RosterError> {
        match self {
            Roster::Fixed(present) => Ok(present.clone()),
            Roster::File(watched) => watched.now().await,
        }
    }
}

impl Watched {
    async fn now(&self) -> Result<Arc<Present>, RosterError> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| held.read.elapsed() < self.current_for) {
            return Ok(held.present.clone());
        }
        let content = match self.read().await {
            Ok(content) => content,
            Err(error) => return self.keep_old(&mut held, error),
        };
        if let Some(held) = held.as_mut().filter(|held| held.content == content) {
            held.read = Instant::now();
            return Ok(held.present.clone());
        }
        let next = match self.shared.tenants(&content) {
            Ok(tenants) => {
                self.remember(&content).await;
                self.renew(held.as_ref(), content, tenants, None)
            }
            Err(problems) => self.last_good(held.as_ref(), content, problems).await?,
        };
        Ok(held.insert(next).present.clone())
    }

    /// Where the file can't be read for a moment, what was read before still stands.
    fn keep_old(
        &self,
        held: &mut Option<Held>,
        error: RosterError,
    ) -> Result<Arc<Present>, RosterError> {
        let Some(held) = held else { return Err(error) };
        error!("The tenants of before are collected: {error}");
        let tenants = held.present.tenants.clone();
        let mut present = Present::new(tenants);
        present.problem = Some(error.to_string());
        held.present = Arc::new(present);
        held.read = Instant::now();
        // Content that is no version of the file, so that the next look takes it as changed.
        held.content = Bytes::new();
        Ok(held.present.clone())
    }

    async fn read(&self) -> Result<Bytes, RosterError> {
        let missing = |place: &str| {
            RosterError::Broken(format!(
                "there is no {place}: put it there, or set POSTURE_TENANTS"
            ))
        };
        match &self.place {
            Place::Ledger(path) => match self.ledger.read(path).await.map_err(unreadable)? {
                Some((content, _)) => Ok(content),
                None => Err(missing(path)),
            },
            Place::File(path) => match tokio::fs::read(path).await {
                Ok(content) => Ok(content.into()),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    Err(missing(&path.display().to_string()))
                }
                Err(error) => {
                    let path = path.display();
                    Err(RosterError::Unreadable(format!("{path} can't be read: {error}")))
                }
            },
        }
    }

    fn place(&self) -> String {
        match &self.place {
            Place::Ledger(path) => path.clone(),
            Place::File(path) => path.display().to_string(),
        }
    }

    /// A broken version of the file: its problems, beside the tenants of the newest right one.
    async fn last_good(
        &self,
        held: Option<&Held>,
        content: Bytes,
        problems: Vec<String>,
    ) -> Result<Held, RosterError> {
        let text = format!("{} is not taken over, mend it: {}", self.place(), problems.join("; "));
        error!("{text}");
        if let Some(old) = held {
            let mut present = Present::new(old.present.tenants.clone());
            present.problem = Some(text);
            let definitions = old.definitions.clone();
            return Ok(Held {
                read: Instant::now(),
                content,
                definitions,
                present: present.into(),
            });
        }
        let kept = self.ledger.read(LAST_GOOD).await.map_err(unreadable)?;
        let tenants = kept.and_then(|(kept, _)| self.shared.tenants(&kept).ok());
        match tenants {
            Some(tenants) => Ok(self.renew(None, content, tenants, Some(text))),
            None => Err(RosterError::Broken(text)),
        }
    }

    async fn remember(&self, content: &Bytes) {
        // What can't be kept costs only a process that starts while a later version is broken.
        if let Err(error) = crate::ledger::put(&*self.ledger, LAST_GOOD, content.clone()).await {
            error!("A copy of {} isn't kept: {error}", self.place());
        }
    }

    fn renew(
        &self,
        old: Option<&Held>,
        content: Bytes,
        tenants: Vec<(Definition, TenantSettings)>,
        problem: Option<String>,
    ) -> Held {
        let same = |definition: &Definition, id: &str| {
            let old = old.filter(|old| old.definitions.get(id) == Some(definition))?;
            old.present.tenant(id).cloned()
        };
        let mut definitions = HashMap::new();
        let made = tenants.into_iter().map(|(definition, settings)| {
            let own_workspace = definition.workspace.is_some();
            let tenant = same(&definition, &settings.id)
                .unwrap_or_else(|| Arc::new((self.make)(&settings, own_workspace)));
            definitions.insert(settings.id.clone(), definition);
            tenant
        });
        let mut present = Present::new(made.collect());
        present.problem = problem;
        let count = present.tenants.len();
        info!(tenants = count, "{} names {count} tenants", self.place());
        Held { read: Instant::now(), content, definitions, present: Arc::new(present) }
    }
}

fn unreadable(error: LedgerError) -> RosterError {
    RosterError::Unreadable(error.to_string())
}
