//! Tokens: one cache per identity, one entry per audience, renewed before they expire.

use super::{Wire, advice};
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{ClientOptions, RetryOptions};
use azure_core::{cloud::CloudConfiguration, cloud::CustomConfiguration};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A token is renewed this long before it expires.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(5);

/// Who signs in, and with what.
#[derive(Clone, Debug)]
pub enum Identity {
    /// The platform's managed identity: the system's, or a user-assigned one by its client id.
    ManagedIdentity {
        /// Client id of a user-assigned identity.
        client_id: Option<String>,
    },
    /// An application with a client secret.
    ClientSecret {
        /// Tenant to sign in to.
        tenant: String,
        /// The application.
        client_id: String,
        /// Its secret; prints as `Secret`.
        secret: Secret,
    },
    /// Whoever is signed in to the Azure CLI on a developer's machine.
    AzureCli {
        /// Tenant to sign in to; the CLI's own default where absent.
        tenant: Option<String>,
    },
}

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
    identity: Identity,
    authority: String,
    wire: Wire,
    kept: Mutex<HashMap<String, Arc<Slot>>>,
    clock: fn() -> Timestamp,
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
        let kept = Mutex::default();
        Tokens { identity, authority: authority.to_owned(), wire, kept, clock }
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
        match self.ask(scope).await {
            Ok(new) => Ok(token.insert(new).token.clone()),
            Err(_) if still_valid.is_some() => {
                Ok(still_valid.map(|old| old.token).unwrap_or("".into()))
            }
            Err(error) => Err(explain(scope, &self.identity, &error)),
        }
    }

    fn left(&self, token: &AccessToken) -> SignedDuration {
        let expires = Timestamp::from_second(token.expires_on.unix_timestamp());
        expires.unwrap_or(Timestamp::MIN).duration_since((self.clock)())
    }

    async fn ask(&self, scope: &str) -> azure_core::Result<AccessToken> {
        // A new credential each time: its own cache would hand a refused token out again.
        self.credential()?.get_token(&[scope], None).await
    }

    /// This identity as the Azure crates take it, without a cache of ours.
    ///
    /// # Errors
    ///
    /// Where the settings can't make one, such as a tenant id that is no GUID.
    pub fn credential(&self) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let client_options = self.client_options();
        Ok(match &self.identity {
            Identity::ManagedIdentity { client_id } => {
                let user_assigned_id = client_id.clone().map(UserAssignedId::ClientId);
                let options = ManagedIdentityCredentialOptions { user_assigned_id, client_options };
                ManagedIdentityCredential::new(Some(options))?
            }
            Identity::ClientSecret { tenant, client_id, secret } => {
                let options = ClientSecretCredentialOptions { client_options };
                ClientSecretCredential::new(
                    tenant,
                    client_id.clone(),
                    secret.clone(),
                    Some(options),
                )?
            }
            Identity::AzureCli { tenant } => {
                let options = AzureCliCredentialOptions {
                    tenant_id: tenant.clone(),
                    ..AzureCliCredentialOptions::default()
                };
                AzureCliCredential::new(Some(options))?
            }
        })
    }

    fn client_options(&self) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host.clone_from(&self.authority);
        ClientOptions {
            transport: Some(self.wire.for_azure()),
            // The pipeline that asks for the token does the waiting, within its job's deadline.
            retry: RetryOptions::none(),
            cloud: Some(Arc::new(CloudConfiguration::from(cloud))),
            ..ClientOptions::default()
        }
    }
}

fn explain(scope: &str, identity: &Identity, error: &Error) -> TokenError {
    let audience = scope.trim_end_matches("/.default").to_owned();
    let Some((status, codes)) = http_answer(error) else {
        return no_answer(audience, identity, error);
    };
    if status == 429 || status >= 500 || codes.iter().any(|code| advice::is_passing(*code)) {
        return TokenError::Unreachable {
            audience,
            what: format!("the sign-in service is busy ({status})"),
        };
    }
    let (what, advice) = match (identity, codes.first()) {
        (_, Some(code)) => (format!("AADSTS{code}"), advice::for_sign_in(*code)),
        (Identity::ManagedIdentity { .. }, None) => (
            status.to_string(),
            "assign the managed identity to the function app, or set AZURE_CLIENT_ID to the client id \
             of the one that is assigned",
        ),
        (_, None) => {
            (status.to_string(), "check POSTURE_TENANT_ID, POSTURE_CLIENT_ID and POSTURE_CLOUD")
        }
    };
    TokenError::Refused { audience, what, advice: advice.to_owned() }
}

/// The sign-in service's status and `AADSTS` numbers, where it answered in its documented shape.
fn http_answer(error: &Error) -> Option<(u16, Vec<u32>)> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(azure) = current.downcast_ref::<Error>()
            && let ErrorKind::HttpResponse { status, error_code, .. } = azure.kind()
        {
            let codes = error_code.as_deref().unwrap_or_default().split(',');
            let codes = codes.filter_map(|code| code.parse().ok()).collect();
            return Some((u16::from(*status), codes));
        }
        cause = current.source();
    }
    None
}

fn no_answer(audience: String, identity: &Identity, error: &Error) -> TokenError {
    if matches!(identity, Identity::AzureCli { .. }) {
        let advice = "sign in with `az login`, or set POSTURE_CREDENTIAL to another credential";
        let what = "the Azure CLI gave none".to_owned();
        return TokenError::Refused { audience, what, advice: advice.to_owned() };
    }
    let unreadable = is_kind(error, &ErrorKind::DataConversion);
    let what = if unreadable {
        "the sign-in service answered with something that is no token: look for a proxy in between"
    } else {
        "the sign-in service can't be reached: check the network and POSTURE_CLOUD"
    };
    TokenError::Unreachable { audience, what: what.to_owned() }
}

fn is_kind(error: &Error, kind: &ErrorKind) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if current.downcast_ref::<Error>().is_some_and(|azure| azure.kind() == kind) {
            return true;
        }
        cause = current.source();
    }
    false
}
