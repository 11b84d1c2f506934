//! Who we collect for, and the credential of each.

mod caller;
mod roster;
mod scope;

pub use caller::{Caller, guid};
pub use roster::{Maker, Present, Roster, RosterError};
pub use scope::Scope;

use crate::action::Policy;
use crate::cloud::{Budget, Cloud, Gates, Identity, Pipeline, Tokens, Turns, Vault, Wire};
use crate::findings::Formats;
use crate::logs::Logs;
use crate::settings::Notice;
use crate::source::{Api, EVERYONE, KNOWN_EXPLOITED, Source};
use jiff::Timestamp;
use std::sync::Arc;

/// One organisation: its id, what is collected of it, and the way to its APIs.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its id, a lower-case GUID.
    pub id: String,
    /// Its name for people; the id where none is given.
    pub name: String,
    /// Its cloud.
    pub cloud: &'static Cloud,
    /// What is collected, with the deployment's own intervals and sending rules.
    pub sources: Vec<Source>,
    /// Whether it is collected; what is kept stays either way.
    pub enabled: bool,
    /// Which of its Azure subscriptions.
    pub azure: Scope,
    /// Who may ask for it by identity.
    pub callers: Vec<Caller>,
    /// Who may ask for response actions by identity.
    pub action_callers: Vec<Caller>,
    /// Which alerts are told to whom.
    pub notices: Vec<Notice>,
    /// The open formats that its snapshots are written in.
    pub formats: Formats,
    /// Where its rows go; nothing where no rule is set.
    pub logs: Option<Arc<Logs>>,
    /// Of the tenant that stands for all: every workspace, each once.
    pub audience: Vec<Audience>,
    graph: Pipeline,
    defender: Pipeline,
    arm: Pipeline,
    feeds: Pipeline,
    nvd: Pipeline,
    files: Wire,
    tokens: Arc<Tokens>,
    /// What response actions may do.
    pub actions: Policy,
    acting: Result<Acting, String>,
}

/// A workspace, and whose rows it gets.
#[derive(Clone, Debug)]
pub struct Audience {
    /// The way there; nothing where these tenants send nowhere.
    pub logs: Option<Arc<Logs>>,
    /// Ids of its tenants.
    pub tenants: Vec<String>,
}

/// The way to a tenant's APIs as the identity that carries out response actions. Nothing is read by it.
#[derive(Clone, Debug)]
pub struct Acting {
    graph: Pipeline,
    defender: Pipeline,
}

impl Acting {
    /// The way to Microsoft Graph.
    pub fn graph(&self) -> &Pipeline {
        &self.graph
    }

    /// The way to Defender for Endpoint.
    pub fn defender(&self) -> &Pipeline {
        &self.defender
    }
}

impl Tenant {
    /// A tenant whose APIs are asked as `identity` over `wire`, with all its subscriptions, without a
    /// workspace and without callers.
    pub fn new(
        id: &str,
        name: &str,
        cloud: &'static Cloud,
        sources: Vec<Source>,
        identity: Identity,
        way: &Way,
    ) -> Tenant {
        let tokens = Arc::new(way.tokens(identity, cloud));
        let gates = way.rules.is_some().then(Arc::<Gates>::default);
        let pipeline = |api| {
            let budget = Some(way.budget.clone());
            let pipeline =
                Pipeline::new(way.wire.clone(), tokens.clone(), cloud.scope(api), budget);
            pipeline.within(gates.clone())
        };
        let visitor = |key: Option<azure_core::credentials::Secret>| {
            let budget = Some(way.budget.clone());
            let has_key = key.is_some();
            let gates = way.rules.is_some().then(|| Arc::new(Gates::of_feeds(has_key)));
            Pipeline::new(way.wire.clone(), tokens.clone(), String::new(), budget)
                .within(gates)
                .open(key)
        };
        // What is read once for all is nobody else's.
        let is_everyone = id == EVERYONE;
        let sources = sources.into_iter().filter(|source| source.is_shared() == is_everyone);
        Tenant {
            id: id.to_owned(),
            name: name.to_owned(),
            cloud,
            sources: sources.collect(),
            enabled: true,
            azure: Scope::default(),
            callers: Vec::new(),
            action_callers: Vec::new(),
            notices: Vec::new(),
            formats: Formats::default(),
            logs: None,
            graph: pipeline(Api::Graph),
            defender: pipeline(Api::Defender),
            arm: pipeline(Api::Arm),
            audience: Vec::new(),
            feeds: visitor(None),
            nvd: visitor(way.nvd_key.clone()),
            files: way.files.clone(),
            tokens,
            actions: Policy::default(),
            acting: Err("nobody is named who carries actions out".to_owned()),
        }
    }

    /// The same tenant, in which `identity` carries out what `actions` allow; or nobody, for that reason.
    pub fn acting_as(
        mut self,
        actions: Policy,
        identity: Result<Identity, String>,
        way: &Way,
    ) -> Tenant {
        self.actions = actions;
        self.acting = identity.map(|identity| {
            let tokens = Arc::new(way.tokens(identity, self.cloud));
            // The limits of actions are their own: what is collected must not hold them up.
            let gates = way.rules.is_some().then(Arc::<Gates>::default);
            let pipeline = |api| {
                let scope = self.cloud.scope(api);
                Pipeline::new(way.wire.clone(), tokens.clone(), scope, None).within(gates.clone())
            };
            Acting { graph: pipeline(Api::Graph), defender: pipeline(Api::Defender) }
        });
        self
    }

    /// The way by which response actions are carried out.
    ///
    /// # Errors
    ///
    /// Why there is none, as an administrator reads it.
    pub fn acting(&self) -> Result<&Acting, &str> {
        self.acting.as_ref().map_err(String::as_str)
    }

    /// The tokens of its identity.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The way to one of its APIs.
    pub fn pipeline(&self, api: Api) -> &Pipeline {
        match api {
            Api::Graph => &self.graph,
            Api::Defender => &self.defender,
            Api::Arm => &self.arm,
            Api::Kev | Api::Epss => &self.feeds,
            Api::Nvd => &self.nvd,
        }
    }

    /// The ways to every workspace that its rows go to.
    pub fn workspaces(&self) -> Vec<&Arc<Logs>> {
        match self.audience.is_empty() {
            true => self.logs.iter().collect(),
            false => self.audience.iter().filter_map(|audience| audience.logs.as_ref()).collect(),
        }
    }

    /// The same, standing for these: each of their workspaces once.
    pub fn for_all(&self, tenants: &[Arc<Tenant>]) -> Tenant {
        let mut everyone = self.clone();
        let stream = KNOWN_EXPLOITED.table.stream();
        for tenant in tenants.iter().filter(|tenant| tenant.enabled) {
            let rule = |logs: &Option<Arc<Logs>>| {
                logs.as_ref().and_then(|logs| logs.rule(&stream).cloned())
            };
            let own = rule(&tenant.logs);
            let known = everyone.audience.iter_mut().find(|known| rule(&known.logs) == own);
            match known {
                Some(known) => known.tenants.push(tenant.id.clone()),
                None => everyone.audience.push(Audience {
                    logs: tenant.logs.clone().filter(|_| own.is_some()),
                    tenants: vec![tenant.id.clone()],
                }),
            }
        }
        everyone.logs = everyone.workspaces().first().map(|logs| (*logs).clone());
        everyone
    }

    /// The way to export files, which no token goes along.
    pub fn files(&self) -> &Wire {
        &self.files
    }

    /// Whether this identity may ask for the tenant.
    pub fn admits(&self, caller: &Caller) -> bool {
        self.callers.contains(caller)
    }

    /// Whether this identity may ask for response actions there.
    pub fn lets_act(&self, caller: &Caller) -> bool {
        self.action_callers.contains(caller)
    }

    /// The source of that name among those collected.
    pub fn source(&self, name: &str) -> Option<Source> {
        self.sources.iter().copied().find(|source| source.name.eq_ignore_ascii_case(name))
    }
}

/// What all tenants of a process share on the way out.
#[derive(Clone, Debug)]
pub struct Way {
    /// The one transport.
    pub wire: Wire,
    /// The way to storage, for export files.
    pub files: Wire,
    /// The allowance for pages in memory.
    pub budget: Arc<Budget>,
    /// What is left of the documented limits of each collection rule; without it, calls to the tenants'
    /// APIs aren't held back either.
    pub rules: Option<Arc<Gates>>,
    /// The clock.
    pub clock: fn() -> Timestamp,
    /// Where credentials lie that settings only refer to.
    pub vault: Option<Arc<Vault>>,
    /// The key that NVD has given, which allows more calls.
    pub nvd_key: Option<azure_core::credentials::Secret>,
    /// Whose turn it is to keep a newer refresh token; everyone's where absent.
    pub turns: Option<Arc<dyn Turns>>,
}

impl Way {
    /// The tokens of an identity in a cloud.
    pub fn tokens(&self, identity: Identity, cloud: &Cloud) -> Tokens {
        let tokens = Tokens::new(identity, cloud.sign_in, self.wire.clone(), self.clock);
        tokens.reading(self.vault.clone(), self.turns.clone())
    }
}
