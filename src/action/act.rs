//! An order on its way: known already, guarded, counted, written down, carried out once, followed.

use super::follow::{follow, followed, resolve};
use super::intent::{self, Intent};
use super::microsoft::{self, CALL_FOR};
use super::target::{self, Aim};
use super::{Attempt, Order, Outcome, Refusal, Uncounted, audit, caps, switched_on, trouble};
use crate::app::App;
use crate::cloud::CallError;
use crate::ledger::{Kept, LedgerError};
use crate::settings::Action;
use crate::tenant::{Acting, Tenant};
use ring::rand::{SecureRandom, SystemRandom};
use std::time::Duration;
use tracing::{error, info};

/// What came of an order.
#[derive(Debug)]
pub struct Acted {
    /// The attempt; of a repeated key the first one.
    pub attempt: Attempt,
    /// Why nothing was carried out.
    pub refusal: Option<Refusal>,
}

/// How an order goes on that isn't refused.
enum Step {
    /// As the attempt says.
    Done,
    /// Its key stands for an earlier attempt.
    Known(Box<Intent>),
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Refusal {
        trouble::unwritten(&error)
    }
}

/// Writes down that an order is refused before anybody looks at it, such as for a body that is none.
pub async fn refuse(app: &App, tenant: &Tenant, order: &Order, refusal: Refusal) -> Acted {
    let mut attempt = begun(app, tenant, order);
    attempt.refuse(&refusal);
    told(app, tenant, attempt, Some(refusal)).await
}

fn begun(app: &App, tenant: &Tenant, order: &Order) -> Attempt {
    let mut random = [0; 8];
    // The system has random bytes as soon as it runs.
    let _ = SystemRandom::new().fill(&mut random);
    Attempt::new(tenant, order, app.now(), random)
}

/// Carries an order out, or says why not, and follows it for so long. Whatever comes of it is written down;
/// where that isn't possible, nothing is carried out.
pub async fn act(app: &App, tenant: &Tenant, order: &Order, wait: Duration) -> Acted {
    let mut attempt = begun(app, tenant, order);
    let step = carry_out(app, tenant, order, &mut attempt).await;
    match step {
        Ok(Step::Done) => {
            follow(app, tenant, &mut attempt, wait).await;
            told(app, tenant, attempt, None).await
        }
        Ok(Step::Known(intent)) => repeat(app, tenant, order, attempt, &intent, wait).await,
        Err(refusal) => {
            attempt.refuse(&refusal);
            told(app, tenant, attempt, Some(refusal)).await
        }
    }
}

/// Writes down what came of an attempt and tells the workspace.
async fn told(
    app: &App,
    tenant: &Tenant,
    mut attempt: Attempt,
    mut refusal: Option<Refusal>,
) -> Acted {
    let Attempt { id, action, outcome, .. } = &attempt;
    let (id, name, outcome) = (id.clone(), action.name(), *outcome);
    info!(attempt = id, tenant = tenant.id, "An attempt at {name}: {outcome:?}");
    if let Err(lost) = audit::tell(app, tenant, &mut attempt).await {
        error!(attempt = id, tenant = tenant.id, "What came of {name} isn't written down: {lost}");
        match outcome {
            // Nothing was carried out, but an attempt that nobody has written down must not look like one.
            Outcome::Refused | Outcome::Possible | Outcome::Repeated => {
                refusal = Some(trouble::unwritten(&lost));
            }
            _ => {
                let note = "; this couldn't be written down, the audit file still says `intended`";
                attempt.detail.push_str(note);
            }
        }
    }
    Acted { attempt, refusal }
}

async fn carry_out(
    app: &App,
    tenant: &Tenant,
    order: &Order,
    attempt: &mut Attempt,
) -> Result<Step, Refusal> {
    order.check()?;
    switched_on(tenant, order.action)?;
    let key = attempt.key.clone().filter(|_| !order.dry_run);
    if let Some(key) = &key
        && let Some(intent) = intent::read(&*app.ledger, &tenant.id, key).await?
    {
        return Ok(Step::Known(Box::new(intent)));
    }
    let aim = target::find(app, tenant, order, attempt).await?;
    let acting = tenant.acting().map_err(|why| Refusal::new("noIdentity", 403, why))?;
    own_tenant(tenant, order.action, acting).await?;
    let caps = &tenant.actions.caps;
    let Some(key) = key else {
        let room = caps::look(&*app.ledger, &tenant.id, order.action, caps, app.now()).await;
        room.map_err(uncounted)?;
        attempt.ends(Outcome::Possible, "possible: nothing was carried out, as dryRun asks");
        return Ok(Step::Done);
    };
    let taken = caps::take(&*app.ledger, &tenant.id, order.action, caps, app.now()).await;
    taken.map_err(uncounted)?;
    audit::write(app, tenant, attempt).await?;
    let intent = Intent::of(attempt, order);
    if intent.keep(&*app.ledger, &tenant.id, &key).await? == Kept::There {
        let there = intent::read(&*app.ledger, &tenant.id, &key).await?;
        return there.map(|there| Step::Known(Box::new(there))).ok_or_else(|| {
            Refusal::new("busy", 409, "another call with this key has just ended: ask again")
        });
    }
    let left = intent.until.duration_since(app.now());
    let asked = match left.unsigned_abs() > CALL_FOR && left.is_positive() {
        true => ask(tenant, acting, order, attempt, &aim).await,
        false => {
            Err(Refusal::new("late", 503, "storage took too long, nothing was carried out")
                .after(5))
        }
    };
    if let Err(refusal) = asked {
        // Nothing was carried out: the key may be used again.
        intent::forget(&*app.ledger, &tenant.id, &key).await?;
        return Err(refusal);
    }
    Ok(Step::Done)
}

fn uncounted(why: Uncounted) -> Refusal {
    match why {
        Uncounted::Full(refusal) => refusal,
        Uncounted::Ledger(error) => trouble::unwritten(&error),
    }
}

/// Asks Microsoft, once. What is left open by a lost answer is an outcome, no refusal.
async fn ask(
    tenant: &Tenant,
    acting: &Acting,
    order: &Order,
    attempt: &mut Attempt,
    aim: &Aim,
) -> Result<(), Refusal> {
    let asked = match aim {
        Aim::Device(id) => {
            microsoft::ask_defender(tenant, acting, order, attempt, id).await.map(Some)
        }
        Aim::Control(id) => {
            microsoft::ask_graph(tenant, acting, order, attempt, id).await.map(|()| None)
        }
    };
    match asked {
        Ok(Some(action)) => {
            let outcome = Outcome::of_status(&action.status);
            let detail = match action.comment.contains(&attempt.mark()) {
                true => "Defender has it; the device does it once it is reached",
                false => {
                    "Defender answers with an action that was under way already: nothing was added"
                }
            };
            attempt.ends(outcome, detail);
            attempt.machine_action = Some(action);
        }
        Ok(None) => attempt.ends(Outcome::Succeeded, "Microsoft has taken the control's new state"),
        Err(error) => lost(&error, order, attempt)?,
    }
    Ok(())
}

fn lost(error: &CallError, order: &Order, attempt: &mut Attempt) -> Result<(), Refusal> {
    if let Some(refusal) = trouble::refused(error, order.action) {
        return Err(refusal);
    }
    let detail = format!("{error}: whether it is carried out is looked up before anything else");
    attempt.ends(Outcome::Unknown, detail);
    Ok(())
}

/// A managed identity has tokens of its own tenant, whatever tenant is meant: one of another tenant must
/// not act there.
async fn own_tenant(tenant: &Tenant, action: Action, acting: &Acting) -> Result<(), Refusal> {
    let pipeline = match action {
        Action::ControlProfile => acting.graph(),
        Action::Isolate | Action::Release | Action::Scan => acting.defender(),
    };
    let claims = pipeline.claims().await;
    let claims = claims.map_err(|error| trouble::no_token(&error.to_string()))?;
    match claims {
        Some(claims) if !claims.tid.is_empty() && !claims.tid.eq_ignore_ascii_case(&tenant.id) => {
            let detail = "the identity for actions signs in to another tenant than this one: name a second \
                          registration as `actionCredential` of the tenant in tenants.json";
            Err(Refusal::new("otherTenant", 403, detail))
        }
        _ => Ok(()),
    }
}

/// Answers a key that was there before: with the attempt that it stands for, as it stands now.
async fn repeat(
    app: &App,
    tenant: &Tenant,
    order: &Order,
    mut attempt: Attempt,
    intent: &Intent,
    wait: Duration,
) -> Acted {
    let refusal = match first_of(app, tenant, order, intent).await {
        Ok(mut first) => {
            attempt.repeats = Some(first.id.clone());
            attempt.ends(Outcome::Repeated, "the key stands for an earlier attempt, which counts");
            let told = told(app, tenant, attempt, None).await;
            if told.refusal.is_some() {
                return told;
            }
            resolve(app, tenant, &mut first).await;
            followed(app, tenant, &mut first, wait).await;
            let refusal = again(&first);
            return Acted { attempt: first, refusal };
        }
        Err(refusal) => refusal,
    };
    attempt.refuse(&refusal);
    told(app, tenant, attempt, Some(refusal)).await
}

async fn first_of(
    app: &App,
    tenant: &Tenant,
    order: &Order,
    intent: &Intent,
) -> Result<Attempt, Refusal> {
    if intent.fingerprint != order.fingerprint() {
        let detail = "the idempotency key was used for another action or target: use a new one";
        return Err(Refusal::new("keyReused", 422, detail));
    }
    let first = audit::read(app, &tenant.id, &intent.attempt).await?;
    first.ok_or_else(|| {
        let detail = "the audit file of this key's attempt is missing: use a new key";
        Refusal::new("auditMissing", 409, detail)
    })
}

/// Why a repeated key gets no action.
fn again(first: &Attempt) -> Option<Refusal> {
    let Attempt { detail, .. } = first;
    match first.outcome {
        Outcome::NotCarriedOut => Some(Refusal::new("notCarriedOut", 409, detail.clone())),
        Outcome::Refused => Some(Refusal::new("refusedBefore", 409, detail.clone()).after(5)),
        _ => None,
    }
}
