//! What a token says of itself.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::Deserialize;

/// What a token says, unverified: for whoever looks for what is wrong, never to decide who may do
/// what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Claims {
    /// Which API it is for.
    pub aud: String,
    /// The tenant that issued it.
    pub tid: String,
    /// Object id of who signed in: of an application, its service principal in the tenant.
    pub oid: String,
    /// App roles that were granted.
    pub roles: Vec<String>,
    /// Scopes, where it acts for a user.
    pub scp: String,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
}

impl Claims {
    /// What a JSON Web Token says; nothing of a token in any other form.
    pub(super) fn of(token: &str) -> Option<Claims> {
        let payload = token.split('.').nth(1)?;
        let json = BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// When it ends.
    pub fn ends(&self) -> Timestamp {
        Timestamp::from_second(self.exp).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Whether it acts for a user, whose own rights count beside what was granted.
    pub fn is_users(&self) -> bool {
        !self.scp.is_empty()
    }

    /// Whether an app role, or the scope of that name, was granted.
    pub fn has(&self, role: &str) -> bool {
        // Defender for Endpoint's scopes are named like its app roles, without the ending.
        let scope = role.trim_end_matches(".All");
        self.roles.iter().any(|granted| granted == role)
            || self.scp.split(' ').any(|granted| granted == role || granted == scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.signature", BASE64_URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn a_token_says_whose_it_is_and_what_was_granted() {
        let app =
            Claims::of(&token(r#"{"tid":"t","oid":"o","roles":["Score.Read.All"],"exp":60}"#));
        let user = Claims::of(&token(r#"{"scp":"Machine.Read SecurityAlert.Read.All"}"#)).unwrap();

        let app = app.unwrap();
        assert!(app.has("Score.Read.All") && !app.has("Machine.Read.All") && !app.is_users());
        assert_eq!(app.ends().to_string(), "1970-01-01T00:01:00Z");
        assert!(user.has("Machine.Read.All") && user.has("SecurityAlert.Read.All"));
        assert!(user.is_users() && !user.has("Machine.Isolate"));
    }

    #[test]
    fn what_is_no_web_token_says_nothing() {
        for token in ["", "opaque", "a.b.c", "e30.bm90IGpzb24.x"] {
            assert_eq!(Claims::of(token), None, "{token}");
        }
    }
}
