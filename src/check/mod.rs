//! The doctor: looks at everything a deployment needs and says what works, what doesn't, and what to
//! do. It reads, apart from one small blob that it removes again; it shows no secret and no token.

mod acting;
mod api;
mod azure;
mod credential;
mod finding;
mod grant;
mod jobs;
mod storage;
mod token;
mod workspace;

pub use finding::{Diagnosis, Finding, Verdict};

use crate::app::App;
use crate::cloud::Patience;
use crate::logs::Logs;
use crate::source::{Api, Source};
use crate::tenant::{Present, Roster, RosterError, Tenant};
use futures::{FutureExt, StreamExt};
use grant::Grantee;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Tenants that are looked at beside one another.
const TENANTS_AT_ONCE: usize = 16;
/// A person waits for the answer.
const PATIENCE: Patience = Patience {
    tries: 4,
    first_wait: Duration::from_millis(250),
    longest_wait: Duration::from_secs(5),
    deadline: None,
};

/// One look at a tenant.
struct Look<'a> {
    tenant: &'a Tenant,
    /// Whether it is one of many, whose administrators are others.
    is_customer: bool,
    clock: fn() -> Timestamp,
    patience: Patience,
}

impl Look<'_> {
    /// The enabled sources of an API that its cloud has.
    fn sources(&self, api: Api) -> Vec<Source> {
        let sources = self.tenant.sources.iter().copied();
        let there =
            |source: &Source| source.api == api && self.tenant.cloud.lacks(source).is_none();
        sources.filter(there).collect()
    }

    /// Who is to get what lacks.
    fn grantee<'b>(&'b self, claims: Option<&'b crate::cloud::Claims>) -> Grantee<'b> {
        let Tenant { id, cloud, azure, .. } = self.tenant;
        let identity = self.tenant.tokens().identity();
        Grantee { tenant: id, cloud, azure, identity, is_customer: self.is_customer, claims }
    }
}

/// Looks at everything, of all tenants or of the one that is named; nothing where there is no such
/// tenant.
pub async fn check(app: &App, named: Option<&str>) -> Option<Diagnosis> {
    let now = app.now();
    let present = app.tenants().await;
    let tenants = match (&present, named) {
        (Ok(present), Some(id)) => vec![present.tenant(id)?.clone()],
        (Ok(present), None) => present.tenants.clone(),
        (Err(_), _) => Vec::new(),
    };
    let (storage, jobs, workspaces, tenants) = futures::join!(
        storage::look(app),
        jobs::look(app.queue.as_ref(), app.limits.look),
        workspaces(app, &tenants),
        all(app, &tenants)
    );
    let mut findings = vec![list(&present)];
    findings.extend(storage);
    findings.extend(jobs);
    findings.extend(workspaces);
    findings.extend(tenants);
    Some(Diagnosis::new(now, findings))
}

/// How the list of tenants itself is.
fn list(present: &Result<Arc<Present>, RosterError>) -> Finding {
    let finding = |says: String| Finding::good("tenants", "list of tenants", says);
    match present {
        Err(RosterError::Broken(text)) => {
            finding(text.clone()).wrong("mend the file, or correct POSTURE_TENANTS")
        }
        Err(RosterError::Unreadable(text)) => finding(text.clone()).wrong("see to storage first"),
        Ok(present) => match &present.problem {
            Some(problem) => {
                finding(problem.clone()).wrong("mend the file: the version before it still counts")
            }
            None => {
                let count = present.tenants.len();
                let s = if count == 1 { "" } else { "s" };
                finding(format!("{count} tenant{s}"))
            }
        },
    }
}

fn patience(app: &App) -> Patience {
    PATIENCE.until(Instant::now() + app.limits.look)
}

async fn all(app: &App, tenants: &[Arc<Tenant>]) -> Vec<Finding> {
    let looks: Vec<_> = tenants.iter().map(|tenant| one(app, tenant).boxed()).collect();
    let found: Vec<_> = futures::stream::iter(looks).buffered(TENANTS_AT_ONCE).collect().await;
    found.concat()
}

async fn one(app: &App, tenant: &Tenant) -> Vec<Finding> {
    if !tenant.enabled {
        let says = "not collected, what is kept stays: the tenants file says `enabled: false`";
        return vec![Finding::good("tenants", "tenant", says).of(tenant)];
    }
    let is_customer = matches!(app.roster, Roster::File(_));
    let look = Look { tenant, is_customer, clock: app.clock, patience: patience(app) };
    let (credential, graph, defender, azure, acting) = futures::join!(
        credential::look(tenant.tokens(), app.now(), app.limits.look),
        api::look(&look, Api::Graph),
        api::look(&look, Api::Defender),
        azure::look(&look),
        acting::look(tenant, &look.patience)
    );
    let found = [credential, graph, defender, azure, acting].concat();
    found.into_iter().map(|finding| finding.of(tenant)).collect()
}

/// Each workspace once, also where many tenants share it.
async fn workspaces(app: &App, tenants: &[Arc<Tenant>]) -> Vec<Finding> {
    let mut owners: Vec<(&Arc<Logs>, Vec<&Tenant>)> = Vec::new();
    let mut findings = Vec::new();
    for tenant in tenants.iter().filter(|tenant| tenant.enabled) {
        let Some(logs) = &tenant.logs else {
            let says = "none: records stay in storage";
            findings.push(Finding::good("workspace", "workspace", says).of(tenant));
            continue;
        };
        match owners.iter_mut().find(|(known, _)| Arc::ptr_eq(known, logs)) {
            Some((_, theirs)) => theirs.push(tenant),
            None => owners.push((logs, vec![tenant])),
        }
    }
    let looks = owners.iter().map(|(logs, theirs)| workspace_of(app, logs, theirs).boxed());
    let looks: Vec<_> = looks.collect();
    let found: Vec<_> = futures::stream::iter(looks).buffered(TENANTS_AT_ONCE).collect().await;
    findings.extend(found.concat());
    findings
}

async fn workspace_of(app: &App, logs: &Logs, owners: &[&Tenant]) -> Vec<Finding> {
    let found = workspace::look(logs, app.clock, patience(app)).await;
    let owned = |finding: Finding| match owners {
        [only] => finding.of(only),
        _ => finding,
    };
    found.into_iter().map(owned).collect()
}
