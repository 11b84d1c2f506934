//! An action after it was asked for: what Microsoft says of it now. Looks, and never acts.

use super::intent::{SEEN_WITHIN, until};
use super::{Attempt, MachineAction, Outcome, audit, microsoft};
use crate::app::App;
use crate::cloud::CallError;
use crate::settings::Action;
use crate::tenant::Tenant;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{error, warn};

/// The first wait between two looks; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait between two looks.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Looks at an action until it is over, or so long.
async fn follow(app: &App, tenant: &Tenant, attempt: &mut Attempt, wait: Duration) {
    let deadline = Instant::now() + wait;
    let mut pause = FIRST_WAIT;
    while !attempt.outcome.is_final() && Instant::now() + pause < deadline {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_WAIT);
        if let Err(error) = look(app, tenant, attempt).await {
            // Whoever follows asks again soon; the outcome stays what it is.
            warn!(attempt = attempt.id, "An action can't be followed for now: {error}");
        }
    }
}

/// As [`follow`], for an attempt that is written down already: what is new about it is written down too.
pub(super) async fn followed(app: &App, tenant: &Tenant, attempt: &mut Attempt, wait: Duration) {
    let before = attempt.clone();
    follow(app, tenant, attempt, wait).await;
    written(app, tenant, attempt, &before).await;
}

/// Looks once at an action that isn't over, and writes down what is new about it. Where nobody can look,
/// the attempt stays as it is.
pub async fn resolve(app: &App, tenant: &Tenant, attempt: &mut Attempt) {
    if attempt.outcome.is_final() {
        return;
    }
    let before = attempt.clone();
    if let Err(error) = look(app, tenant, attempt).await {
        warn!(attempt = attempt.id, "An action can't be looked at for now: {error}");
        return;
    }
    written(app, tenant, attempt, &before).await;
}

async fn written(app: &App, tenant: &Tenant, attempt: &mut Attempt, before: &Attempt) {
    if attempt != before
        && let Err(error) = audit::tell(app, tenant, attempt).await
    {
        error!(attempt = attempt.id, "What came of an action isn't written down: {error}");
    }
}

async fn look(app: &App, tenant: &Tenant, attempt: &mut Attempt) -> Result<(), CallError> {
    if attempt.action == Action::ControlProfile {
        return look_at_control(app, tenant, attempt).await;
    }
    let patience = &app.limits.patience;
    let found = match (&attempt.machine_action, &attempt.target.id) {
        (Some(known), _) => microsoft::action(tenant, &known.id, patience).await?,
        (None, Some(device)) => {
            let mark = attempt.mark();
            let all = microsoft::actions_of(tenant, device, attempt.requested, patience).await?;
            let ours = all.into_iter().find(|(_, comment)| comment.contains(&mark));
            ours.map(|(action, _)| action)
        }
        (None, None) => None,
    };
    match found {
        Some(action) => take(attempt, action),
        None if attempt.machine_action.is_none() => missing(app, attempt),
        // Defender keeps actions for six months; one that is missing for a moment is no end.
        None => {}
    }
    Ok(())
}

fn take(attempt: &mut Attempt, action: MachineAction) {
    let outcome = Outcome::of_status(&action.status);
    let detail = match outcome {
        Outcome::Succeeded => "the device has done it".to_owned(),
        Outcome::Pending => "Defender has it; the device does it once it is reached".to_owned(),
        _ => format!("Defender says {}: look at the device's action center", action.status),
    };
    attempt.ends(outcome, detail);
    attempt.machine_action = Some(action);
}

async fn look_at_control(
    app: &App,
    tenant: &Tenant,
    attempt: &mut Attempt,
) -> Result<(), CallError> {
    let Some(id) = &attempt.target.id else { return Ok(()) };
    let mark = attempt.mark();
    let profile = microsoft::profile(tenant, id, &app.limits.patience).await?.unwrap_or_default();
    let updates = profile["controlStateUpdates"].as_array();
    let is_ours =
        |update: &Value| update["comment"].as_str().is_some_and(|text| text.contains(&mark));
    match updates.is_some_and(|updates| updates.iter().any(is_ours)) {
        true => attempt.ends(Outcome::Succeeded, "Microsoft has taken the control's new state"),
        false => missing(app, attempt),
    }
    Ok(())
}

/// Microsoft knows nothing of the attempt. Once nobody may ask any more, and what was asked would be seen,
/// that is final.
fn missing(app: &App, attempt: &mut Attempt) {
    let seen_by = until(attempt).saturating_add(SEEN_WITHIN);
    if seen_by.is_ok_and(|seen_by| app.now() > seen_by) {
        let detail = "the attempt was cut short and Microsoft knows nothing of it: nothing was carried out, \
                      ask again with a new key";
        attempt.ends(Outcome::NotCarriedOut, detail);
    }
}
