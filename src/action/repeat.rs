//! A key that was there before: the attempt that it stands for counts, and nothing is carried out.

use super::act::{Acted, told};
use super::follow::{followed, resolve};
use super::intent::Intent;
use super::{Attempt, Order, Outcome, Refusal, audit};
use crate::app::App;
use crate::ledger::LedgerError;
use crate::tenant::Tenant;
use std::time::Duration;

/// Answers a key that was there before: with the attempt that it stands for, as it stands now.
pub(super) async fn answer(
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

/// Whether a key's attempt was refused for good, so that the same key may try again. Whoever refused it has
/// said so after the last moment at which Microsoft could be asked.
pub(super) async fn is_free(
    app: &App,
    tenant: &Tenant,
    order: &Order,
    intent: &Intent,
) -> Result<bool, LedgerError> {
    if intent.fingerprint != order.fingerprint() {
        return Ok(false);
    }
    let first = audit::read(app, &tenant.id, &intent.attempt).await?;
    Ok(first.is_some_and(|first| first.outcome == Outcome::Refused))
}
