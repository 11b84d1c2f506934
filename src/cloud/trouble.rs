//! Why a token can't be had: whose turn it is, and what to do.

use super::{Identity, TokenError, advice};
use azure_core::error::{Error, ErrorKind};

/// What stood in the way of a token, before anyone knows what the token was to be for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// An administrator's turn.
    Refused { what: String, advice: String },
    /// Nobody's turn: asking again may help.
    Unreachable { what: String },
}

impl Trouble {
    pub(super) fn refused(what: impl Into<String>, advice: impl Into<String>) -> Trouble {
        Trouble::Refused { what: what.into(), advice: advice.into() }
    }

    pub(super) fn unreachable(what: impl Into<String>) -> Trouble {
        Trouble::Unreachable { what: what.into() }
    }

    /// The same as the error of a token for `scope`.
    pub(super) fn of(self, scope: &str) -> TokenError {
        let audience = scope.trim_end_matches("/.default").to_owned();
        match self {
            Trouble::Refused { what, advice } => TokenError::Refused { audience, what, advice },
            Trouble::Unreachable { what } => TokenError::Unreachable { audience, what },
        }
    }

    /// What an Azure crate's error means where `identity` was to sign in.
    pub(super) fn explain(identity: &Identity, error: &Error) -> Trouble {
        match http_answer(error) {
            Some((status, codes)) => answered(identity, status, &codes),
            None => no_answer(identity, error),
        }
    }
}

/// What the sign-in service's answer means: its status and its `AADSTS` numbers.
pub(super) fn answered(identity: &Identity, status: u16, codes: &[u32]) -> Trouble {
    if status == 429 || status >= 500 || codes.iter().any(|code| advice::is_passing(*code)) {
        return Trouble::unreachable(format!("the sign-in service is busy ({status})"));
    }
    match (identity, codes.first()) {
        (_, Some(code)) => Trouble::refused(format!("AADSTS{code}"), advice::for_sign_in(*code)),
        (Identity::ManagedIdentity { .. }, None) => Trouble::refused(
            status.to_string(),
            "assign the managed identity to the function app, or set AZURE_CLIENT_ID to the client id \
             of the one that is assigned",
        ),
        (_, None) => Trouble::refused(
            status.to_string(),
            "check POSTURE_TENANT_ID, POSTURE_CLIENT_ID and POSTURE_CLOUD",
        ),
    }
}

/// Status and `AADSTS` numbers, or a service's other code left out, where an answer came.
pub(super) fn http_answer(error: &Error) -> Option<(u16, Vec<u32>)> {
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

fn no_answer(identity: &Identity, error: &Error) -> Trouble {
    if matches!(identity, Identity::AzureCli { .. }) {
        let advice = "sign in with `az login`, or set POSTURE_CREDENTIAL to another credential";
        return Trouble::refused("the Azure CLI gave none", advice);
    }
    Trouble::unreachable(match is_kind(error, &ErrorKind::DataConversion) {
        true => NO_TOKEN,
        false => "the sign-in service can't be reached: check the network and POSTURE_CLOUD",
    })
}

/// What is said of an answer that isn't in the sign-in service's shape.
pub(super) const NO_TOKEN: &str =
    "the sign-in service answered with something that is no token: look for a proxy in between";

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
