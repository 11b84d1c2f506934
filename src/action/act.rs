//! An order on its way: known already, guarded, counted, written down, carried out once, followed.

use super::follow::followed;
use super::intent::{self, Intent};
use super::microsoft::{self, CALL_FOR};
use super::repeat;
use super::target::{self, Aim};
use super::{
    Attempt, MachineAction, Order, Outcome, Refusal, Uncounted, audit, caps, switched_on, trouble,
};
use crate::app::App;
use crate::ledger::{Kept, LedgerError, Version};
use crate::settings::Action;
use crate::tenant::{Acting, Tenant};
use jiff::SignedDuration;
use ring::rand::{SecureRandom, SystemRandom};
use std::time::Duration;
use tracing::{error, info};

/// How far back what is under way on a device may have begun.
const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(14 * 24);

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
            let mut acted = told(app, tenant, attempt, None).await;
            followed(app, tenant, &mut acted.attempt, wait).await;
            acted
        }
        Ok(Step::Known(intent)) => repeat::answer(app, tenant, order, attempt, &intent, wait).await,
        Err(refusal) => {
            attempt.refuse(&refusal);
            told(app, tenant, attempt, Some(refusal)).await
        }
    }
}

/// Writes down what came of an attempt and tells the workspace.
pub(super) async fn told(
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
    let mut over = None;
    if let Some(key) = &key
        && let Some((intent, version)) = intent::read(&*app.ledger, &tenant.id, key).await?
    {
        match repeat::is_free(app, tenant, order, &intent).await? {
            true => over = Some(version),
            false => return Ok(Step::Known(Box::new(intent))),
        }
    }
    let aim = target::find(app, tenant, order, attempt).await?;
    let acting = tenant.acting().map_err(|why| Refusal::new("noIdentity", 403, why))?;
    signed_in(tenant, order, acting).await?;
    let Some(key) = key else {
        let caps = &tenant.actions.caps;
        let room = caps::look(&*app.ledger, &tenant.id, order.action, caps, app.now()).await;
        room.map_err(uncounted)?;
        attempt.ends(Outcome::Possible, "possible: nothing was carried out, as dryRun asks");
        return Ok(Step::Done);
    };
    commit(app, tenant, (order, &key, over), &aim, attempt).await
}

/// Counts an order, writes down what is meant, and asks Microsoft: in this order, so that whatever is cut
/// short is known of and is never asked for twice.
async fn commit(
    app: &App,
    tenant: &Tenant,
    (order, key, over): (&Order, &str, Option<Version>),
    aim: &Aim,
    attempt: &mut Attempt,
) -> Result<Step, Refusal> {
    let caps = &tenant.actions.caps;
    let taken = caps::take(&*app.ledger, &tenant.id, order.action, caps, app.now()).await;
    if let Err(why) = taken {
        // Perhaps another call with this key has taken the last one.
        let there = intent::read(&*app.ledger, &tenant.id, key).await?.filter(|_| over.is_none());
        return there.map(|(there, _)| Step::Known(Box::new(there))).ok_or_else(|| uncounted(why));
    }
    audit::write(app, tenant, attempt).await?;
    let intent = Intent::of(attempt, order);
    if intent.keep(&*app.ledger, (&tenant.id, key), over.as_ref()).await? == Kept::There {
        let there = intent::read(&*app.ledger, &tenant.id, key).await?;
        return there.map(|(there, _)| Step::Known(Box::new(there))).ok_or_else(|| {
            Refusal::new("busy", 409, "another call with this key has just ended: ask again")
        });
    }
    let left = intent.until.duration_since(app.now());
    let asked = match left.is_positive() && left.unsigned_abs() > CALL_FOR {
        true => ask(app, tenant, (order, aim), attempt).await,
        false => {
            let detail = "storage took too long: nothing was carried out, ask again";
            Err(Refusal::new("late", 503, detail).after(5))
        }
    };
    if let Err(refusal) = asked {
        // Nothing was carried out: the key may be used again.
        intent::forget(&*app.ledger, &tenant.id, key).await?;
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
    app: &App,
    tenant: &Tenant,
    (order, aim): (&Order, &Aim),
    attempt: &mut Attempt,
) -> Result<(), Refusal> {
    let acting = tenant.acting().map_err(|why| Refusal::new("noIdentity", 403, why))?;
    let asked = match aim {
        Aim::Device(id) => {
            microsoft::ask_defender(tenant, acting, order, attempt, id).await.map(Some)
        }
        Aim::Control(id) => {
            microsoft::ask_graph(tenant, acting, order, attempt, id).await.map(|()| None)
        }
    };
    match asked {
        Ok(Some((action, comment))) => taken(attempt, action, &comment),
        Ok(None) => attempt.ends(Outcome::Succeeded, "Microsoft has taken the control's new state"),
        Err(error) => match trouble::refused(&error, order.action) {
            Some(refusal) if refusal.code == "alreadyActive" => {
                return Err(under_way(app, tenant, aim, refusal).await);
            }
            Some(refusal) => return Err(refusal),
            None => {
                let detail =
                    format!("{error}: whether it is carried out is looked up first of all");
                attempt.ends(Outcome::Unknown, detail);
            }
        },
    }
    Ok(())
}

/// Defender has an action: the attempt's own, or an earlier one that it answers with instead.
fn taken(attempt: &mut Attempt, action: MachineAction, comment: &str) {
    let outcome = Outcome::of_status(&action.status);
    let detail = match comment.contains(&attempt.mark()) {
        true => "Defender has it; the device does it once it is reached",
        false => "Defender answers with an action that was under way already: nothing was added",
    };
    attempt.ends(outcome, detail);
    attempt.machine_action = Some(action);
}

/// The same refusal with what is under way, where Defender tells.
async fn under_way(app: &App, tenant: &Tenant, aim: &Aim, refusal: Refusal) -> Refusal {
    let Aim::Device(device) = aim else { return refusal };
    let since = app.now().saturating_sub(LOOKED_BACK).unwrap_or_else(|_| app.now());
    let found = microsoft::actions_of(tenant, device, since, &app.limits.patience).await;
    let found = found.unwrap_or_default().into_iter().map(|(action, _)| action);
    let mut open = found.filter(|action| !Outcome::of_status(&action.status).is_final());
    let Some(action) = open.next() else { return refusal };
    let since = action.created.as_deref().unwrap_or("an unknown time");
    let (kind, status, id) = (&action.kind, &action.status, &action.id);
    let detail = format!("{} ({kind} {id}, {status} since {since})", refusal.detail);
    Refusal { detail, ..refusal }
}

/// A managed identity has tokens of its own tenant, whatever tenant is meant: one of another tenant must
/// not act there.
///
/// A dry run also says whether the role is missing; in earnest Microsoft itself decides that.
async fn signed_in(tenant: &Tenant, order: &Order, acting: &Acting) -> Result<(), Refusal> {
    let pipeline = match order.action {
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
        Some(claims) if order.dry_run && !claims.has(trouble::role(order.action)) => {
            Err(trouble::lacks_role("its token has no such role", order.action))
        }
        _ => Ok(()),
    }
}
