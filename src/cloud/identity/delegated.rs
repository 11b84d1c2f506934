//! On behalf of a user: refresh tokens, which change with each use, and the new ones kept in time.

use super::sign_in::SignIn;
use super::{Application, Material};
use crate::cloud::trouble::Trouble;
use azure_core::credentials::{AccessToken, Secret};
use jiff::{SignedDuration, Timestamp};
use tracing::{debug, warn};

/// How old the kept refresh token gets before a newer one takes its place.
const KEEP_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// How long one process has to keep a newer one before another may try.
const TURN: SignedDuration = SignedDuration::from_mins(10);

/// Whose turn it is, among all processes of a deployment, to do what one of them must do.
#[async_trait::async_trait]
pub trait Turns: std::fmt::Debug + Send + Sync {
    /// Takes the turn for so long; `false` where another has it, or nobody can tell.
    async fn take(&self, tenant: &str, what: &str, now: Timestamp, hold: SignedDuration) -> bool;
}

/// The newest refresh token of this process.
#[derive(Debug)]
pub(super) struct Rotated {
    /// Where its line began: what was kept when it was asked for.
    base: Secret,
    newest: Secret,
}

/// A new access token; the refresh token that comes with it is the next to use.
pub(super) async fn token(
    sign_in: &SignIn,
    application: &Application,
    refresh_token: &Material,
    scope: &str,
) -> Result<AccessToken, Trouble> {
    // One at a time: each answer brings the token for the next request.
    let mut rotated = sign_in.rotated.lock().await;
    let held = refresh_token.read(sign_in).await?;
    // What is kept counts, where it is not what our own line began with: it is newer.
    let ours = rotated.as_ref().filter(|ours| ours.base == held.value);
    let ours = ours.map(|ours| ours.newest.clone());
    let granted = match ours {
        Some(newest) => match refresh(sign_in, application, scope, &newest).await {
            Err(Trouble::Refused { .. }) => refresh(sign_in, application, scope, &held.value).await,
            other => other,
        },
        None => refresh(sign_in, application, scope, &held.value).await,
    }?;
    let newest = granted.refresh_token.clone().map_or(held.value.clone(), Secret::new);
    let kept = keep(sign_in, application, refresh_token, held.since, &newest).await;
    let base = if kept { newest.clone() } else { held.value };
    *rotated = Some(Rotated { base, newest });
    Ok(granted.token((sign_in.clock)()))
}

async fn refresh(
    sign_in: &SignIn,
    application: &Application,
    scope: &str,
    refresh_token: &Secret,
) -> Result<super::sign_in::Granted, Trouble> {
    let fields = vec![
        ("grant_type", "refresh_token".to_owned()),
        ("refresh_token", refresh_token.secret().to_owned()),
        ("scope", scope.to_owned()),
    ];
    sign_in.grant(application, fields).await
}

/// Keeps the newest refresh token where the one before is kept, once a day and by one process;
/// says whether this one did. Where that fails, the one that is kept still works.
async fn keep(
    sign_in: &SignIn,
    application: &Application,
    kept: &Material,
    since: Option<Timestamp>,
    newest: &Secret,
) -> bool {
    let now = (sign_in.clock)();
    let is_due = |since: Option<Timestamp>| {
        since.is_some_and(|since| now.duration_since(since) >= KEEP_EVERY)
    };
    if !is_due(since) {
        return false;
    }
    if let Some(turns) = &sign_in.turns
        && !turns.take(&application.tenant, "refresh-token", now, TURN).await
    {
        return false;
    }
    // Whoever had the turn before may have kept one since.
    if let Err(trouble) = kept.reread(sign_in).await {
        debug!("the kept refresh token can't be read anew: {trouble:?}");
    }
    match kept.read(sign_in).await {
        Ok(held) if !is_due(held.since) => return false,
        _ => {}
    }
    match kept.write(sign_in, newest).await {
        Ok(()) => true,
        Err(Trouble::Refused { what, advice }) => {
            warn!(tenant.id = application.tenant, "refresh token not kept, {what}: {advice}");
            false
        }
        Err(Trouble::Unreachable { what }) => {
            warn!(tenant.id = application.tenant, "refresh token not kept, {what}: tried again");
            false
        }
    }
}
