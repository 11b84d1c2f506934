//! Tokens: one cache per identity, one entry per audience, renewed before they expire.

use super::identity::{End, SignIn};
use super::{Claims, Identity, Turns, Vault, Wire};
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A token is renewed this long before it expires.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(5);

/// How long what is known of ends is taken for current.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How long a remark beside other work may take.
const REMARK: Duration = Duration::from_secs(2);

/// Why there is no token.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenError {
    /// An administrator's turn.
    #[error("no token for {audience} ({what}): {advice}")]
    Refused {
        /// What the token was to be for.
        audience: String,
        /// Status and `AADSTS` number.
        what: String,
        /// The next step.
        advice: String,
    },
    /// Nobody's turn: asking again may help.
    #[error("no token for {audience}: {what}")]
    Unreachable {
        /// What the token was to be for.
        audience: String,
        /// What happened.
        what: String,
    },
}

/// The tokens of one identity.
///
/// Nothing outside keeps one, so a token can't go out with another identity's call.
#[derive(Debug)]
pub struct Tokens {
    sign_in: SignIn,
    kept: Mutex<HashMap<String, Arc<Slot>>>,
    near: tokio::sync::Mutex<Option<(Timestamp, Vec<End>)>>,
}

type Slot = tokio::sync::Mutex<Option<AccessToken>>;

impl Tokens {
    /// An empty cache; `authority` is the sign-in service's canonical origin.
    pub fn new(
        identity: Identity,
        authority: &str,
        wire: Wire,
        clock: fn() -> Timestamp,
    ) -> Tokens {
        let sign_in = SignIn::new(identity, authority, wire, clock);
        Tokens { sign_in, kept: Mutex::default(), near: tokio::sync::Mutex::default() }
    }

    /// The same for an identity whose secrets may lie in a vault, of which one process at a time
    /// writes new ones back.
    pub fn reading(mut self, vault: Option<Arc<Vault>>, turns: Option<Arc<dyn Turns>>) -> Tokens {
        self.sign_in.vault = vault;
        self.sign_in.turns = turns;
        self
    }

    /// Who signs in.
    pub fn identity(&self) -> &Identity {
        &self.sign_in.identity
    }

    /// A token for `scope`, kept until shortly before it expires.
    ///
    /// `refused` is a token that the API has just answered 401 to: it is replaced, once for all
    /// callers who hold the same one.
    ///
    /// # Errors
    ///
    /// [`TokenError`]; a token that can't be renewed is used as long as it is valid.
    pub async fn get(&self, scope: &str, refused: Option<&Secret>) -> Result<Secret, TokenError> {
        let slot = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.entry(scope.to_owned()).or_default().clone()
        };
        let mut token = slot.lock().await;
        let usable = token.as_ref().filter(|token| refused != Some(&token.token));
        if let Some(fresh) = usable.filter(|token| self.left(token) > RENEW_BEFORE) {
            return Ok(fresh.token.clone());
        }
        let still_valid = usable.filter(|token| self.left(token) > SignedDuration::ZERO).cloned();
        match self.sign_in.token(scope).await {
            Ok(new) => Ok(token.insert(new).token.clone()),
            Err(trouble) => match still_valid {
                Some(old) => Ok(old.token),
                None => Err(trouble.of(scope)),
            },
        }
    }

    /// What the token for `scope` says; nothing where it isn't readable. The token itself stays here.
    ///
    /// # Errors
    ///
    /// As [`Tokens::get`].
    pub async fn claims(&self, scope: &str) -> Result<Option<Claims>, TokenError> {
        Ok(Claims::of(self.get(scope, None).await?.secret()))
    }

    fn left(&self, token: &AccessToken) -> SignedDuration {
        let expires = Timestamp::from_second(token.expires_on.unix_timestamp());
        expires.unwrap_or(Timestamp::MIN).duration_since((self.sign_in.clock)())
    }

    /// When what this identity signs in with ends, as far as that can be known: a certificate's
    /// last day, a vault's own date, 90 days after a refresh token was last kept.
    ///
    /// # Errors
    ///
    /// [`TokenError`] where a secret can't be read.
    pub async fn ends(&self) -> Result<Vec<End>, TokenError> {
        self.sign_in.ends().await.map_err(|trouble| trouble.of("the sign-in service"))
    }

    /// What ends within 30 days, or has ended, the earliest first; looked at once a day.
    ///
    /// For a remark beside other work: what can't be learnt within two seconds is nothing, until
    /// the next day.
    pub async fn near_ends(&self) -> Vec<End> {
        let now = (self.sign_in.clock)();
        let mut near = self.near.lock().await;
        if let Some((_, ends)) = near.as_ref().filter(|(at, _)| now.duration_since(*at) < DAY) {
            return ends.clone();
        }
        let ends = tokio::time::timeout(REMARK, self.ends()).await;
        let mut ends = ends.ok().and_then(Result::ok).unwrap_or_default();
        ends.retain(|end| end.is_near(now));
        near.insert((now, ends)).1.clone()
    }

    /// This identity as the Azure crates take it, without a cache of ours: for storage and Key
    /// Vault, which are called as the app itself.
    ///
    /// # Errors
    ///
    /// Where the settings can't make one, such as a tenant id that is no GUID, or an identity that
    /// isn't the app's own.
    pub fn credential(&self) -> azure_core::Result<Arc<dyn TokenCredential>> {
        self.sign_in.own_credential()
    }
}
