//! Who calls, and which tenants that caller may ask for.

use super::{Door, Request, Subject, principal};
use crate::app::App;
use crate::host::{Choice, Problem};
use crate::tenant::{Caller, Present, Tenant};
use std::fmt;
use std::sync::Arc;

pub(super) const NO_SUCH_TENANT: &str = "no such tenant in this deployment";

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Somebody who holds a function key.
    Key,
    /// An identity that the platform has authenticated.
    Identity(Caller),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Key => f.write_str("function key"),
            Who::Identity(caller) => caller.fmt(f),
        }
    }
}

/// Whether an identity asks for a response action that may ask for one in some tenant.
pub(super) async fn may_act(app: &App, request: &Request<'_>, segments: &[String]) -> bool {
    let is_action = segments.first().is_some_and(|first| first.eq_ignore_ascii_case("response"));
    let Some(caller) = principal(request.headers).filter(|_| is_action && app.authenticates) else {
        return false;
    };
    let present = app.tenants().await;
    present.is_ok_and(|present| !present.of_actor(&caller).is_empty())
}

/// Who calls, through which door, for what is behind which one.
///
/// # Errors
///
/// A 401 where nobody has signed in or may; a 403 for an identity that may not.
pub(super) fn who(
    app: &App,
    present: &Present,
    request: &Request<'_>,
    (door, behind): (Door, Door),
) -> Result<Who, Problem> {
    if door != Door::Caller {
        return Ok(Who::Key);
    }
    let refused = |detail| Problem::new(401, detail);
    if !app.authenticates {
        return Err(refused("callers by identity need App Service authentication, which is off"));
    }
    let nobody = |tenant: &Arc<Tenant>| match behind {
        Door::Action => tenant.action_callers.is_empty(),
        _ => tenant.callers.is_empty(),
    };
    if present.tenants.iter().all(nobody) {
        return Err(refused(
            "no caller is allowed here: POSTURE_CALLERS, or `callers` of a tenant",
        ));
    }
    let caller = principal(request.headers).ok_or_else(|| refused("nobody has signed in"))?;
    let who = Who::Identity(caller);
    match visible(present, &who, behind).is_empty() {
        true => Err(Problem::new(403, "this identity is no allowed caller of any tenant here")),
        false => Ok(who),
    }
}

/// The tenants that a caller may ask for, or for actions in.
pub(super) fn visible(present: &Present, who: &Who, behind: Door) -> Vec<Arc<Tenant>> {
    match who {
        Who::Key => present.tenants.clone(),
        Who::Identity(caller) if behind == Door::Action => {
            present.of_actor(caller).into_iter().cloned().collect()
        }
        Who::Identity(caller) => present.of_caller(caller).into_iter().cloned().collect(),
    }
}

/// The tenants that a call is about. One that the caller may not ask for is answered like one that isn't
/// there.
pub(super) fn tenants(
    visible: Vec<Arc<Tenant>>,
    who: &Who,
    named: Option<&str>,
    subject: Subject,
) -> Result<Vec<Arc<Tenant>>, Problem> {
    match (subject, named) {
        (Subject::Service, _) => Ok(visible),
        // The doctor says by itself that there is no such tenant, or why nobody knows.
        (Subject::Doctor, Some(_)) if *who == Who::Key => Ok(visible),
        (_, Some(id)) => {
            let found = visible.into_iter().find(|tenant| tenant.id.eq_ignore_ascii_case(id));
            found.map(|tenant| vec![tenant]).ok_or_else(|| Problem::new(404, NO_SUCH_TENANT))
        }
        (Subject::Tenants | Subject::Doctor, None) => Ok(visible),
        (Subject::Tenant, None) if visible.len() == 1 => Ok(visible),
        (Subject::Tenant, None) => {
            let choice = |tenant: &Arc<Tenant>| Choice {
                tenant: tenant.id.clone(),
                name: tenant.name.clone(),
            };
            let choices = visible.iter().map(choice).collect();
            let detail = "there are several tenants: name one by ?tenant=<id>";
            Err(Problem { choices, ..Problem::new(400, detail) })
        }
    }
}
