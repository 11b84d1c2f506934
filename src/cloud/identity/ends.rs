//! When what an identity signs in with ends.

use super::sign_in::SignIn;
use super::{Material, assertion};
use crate::cloud::trouble::Trouble;
use jiff::{SignedDuration, Timestamp};

/// How long a refresh token lives without use.
///
/// <https://learn.microsoft.com/entra/identity-platform/refresh-tokens>
const REFRESH_TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// From when on an end is near.
const NEAR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The end of something that an identity signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Its name for people: `client secret`, `certificate`, `refresh token`, …
    pub what: &'static str,
    /// When it ends.
    pub at: Timestamp,
}

impl End {
    /// Whether it ends within 30 days of `now`, or has ended.
    pub fn is_near(&self, now: Timestamp) -> bool {
        self.at.duration_since(now) < NEAR
    }
}

impl SignIn {
    /// The ends that can be known, the earliest first.
    pub(in crate::cloud) async fn ends(&self) -> Result<Vec<End>, Trouble> {
        let mut ends = Vec::new();
        for (what, material) in self.identity.materials() {
            if let Material::Given(_) = material {
                continue;
            }
            let held = material.read(self).await?;
            ends.extend(held.ends.map(|at| End { what, at }));
            if what == "refresh token" {
                let unused =
                    held.since.and_then(|since| since.checked_add(REFRESH_TOKEN_LIFE).ok());
                ends.extend(unused.map(|at| End { what, at }));
            }
        }
        if let Some(application) = self.identity.application() {
            let at = assertion::ends(&application.proof, self).await?;
            ends.extend(at.map(|at| End { what: "certificate", at }));
        }
        ends.sort_by_key(|end| end.at);
        Ok(ends)
    }
}
