//! What a token says of itself. Nobody here trusts it: the services do the checking.

use azure_core::credentials::Secret;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Permissions in a token.
#[derive(Debug, Default, Deserialize)]
pub struct Granted {
    /// App roles.
    #[serde(default)]
    roles: Vec<String>,
    /// Delegated permissions, separated by blanks.
    #[serde(default, rename = "scp")]
    scopes: String,
}

impl Granted {
    /// Those in a token; nothing where it can't be read.
    pub(super) fn read(token: &Secret) -> Option<Granted> {
        let payload = token.secret().split('.').nth(1)?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    /// Whether this app role is in it, or the delegated permission that gives a user the same:
    /// Defender calls it by the same name without `.All`.
    pub fn has(&self, role: &str) -> bool {
        let delegated = role.strip_suffix(".All").unwrap_or(role);
        self.roles.iter().any(|one| one == role)
            || self.scopes.split(' ').any(|one| one == role || one == delegated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_delegated_permissions_are_read_from_a_token() {
        let token = |claims: &str| {
            Granted::read(&Secret::from(format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims))))
        };

        let app = token(r#"{"roles":["Score.Read.All"],"tid":"x"}"#).unwrap();
        let user = token(r#"{"scp":"Machine.Read SecurityEvents.Read.All"}"#).unwrap();

        assert!(app.has("Score.Read.All") && !app.has("Machine.Read.All"));
        assert!(user.has("Machine.Read.All") && user.has("SecurityEvents.Read.All"));
        assert!(Granted::read(&Secret::from("opaque".to_owned())).is_none());
    }
}
