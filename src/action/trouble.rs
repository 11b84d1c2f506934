//! What is said where Microsoft refuses, or can't be asked. Pure.

use super::Refusal;
use crate::cloud::CallError;
use crate::ledger::LedgerError;
use crate::settings::Action;

/// The app role that an action needs.
pub(super) fn role(action: Action) -> &'static str {
    match action {
        Action::Isolate | Action::Release => "Machine.Isolate",
        Action::Scan => "Machine.Scan",
        Action::ControlProfile => "SecurityEvents.ReadWrite.All",
    }
}

/// Why a look at the target came to nothing: nothing was carried out.
pub(super) fn unseen(error: &CallError) -> Refusal {
    let what = error.to_string();
    match error {
        CallError::Throttled { after, .. } => {
            let detail = format!("{what}: nothing was carried out, ask again after that");
            Refusal::new("throttled", 503, detail).after(after.as_secs())
        }
        CallError::Unavailable { .. } | CallError::Moved { .. } => {
            let detail = format!("{what}: nothing was carried out, ask again");
            Refusal::new("unreachable", 503, detail).after(30)
        }
        CallError::Token(error) => no_token(&error.to_string()),
        CallError::Denied { .. } | CallError::Rejected { .. } => {
            let detail = format!(
                "the target can't be looked at ({what}): nothing was carried out, GET /api/check says what \
                 the collecting identity lacks"
            );
            Refusal::new("notReadable", 502, detail)
        }
    }
}

pub(super) fn lacks_role(what: &str, action: Action) -> Refusal {
    let role = role(action);
    let detail = format!(
        "{what}: grant the app role {role} to the identity for actions; a new grant may take hours to reach \
         the tokens"
    );
    Refusal::new("forbidden", 502, detail)
}

pub(super) fn no_token(what: &str) -> Refusal {
    let detail = format!("no token to act with ({what}): nothing was carried out");
    Refusal::new("noToken", 502, detail)
}

/// Why Microsoft hasn't carried an action out; nothing where that is open.
pub(super) fn refused(error: &CallError, action: Action) -> Option<Refusal> {
    let what = error.to_string();
    Some(match error {
        CallError::Unavailable { .. } | CallError::Moved { .. } => return None,
        CallError::Token(error) => no_token(&error.to_string()),
        CallError::Throttled { after, .. } => {
            let detail = format!("{what}: nothing was carried out, ask again after that");
            Refusal::new("throttled", 503, detail).after(after.as_secs())
        }
        CallError::Denied { .. } => lacks_role(&what, action),
        CallError::Rejected { status, code, .. } => of_code(*status, code.as_deref(), &what),
    })
}

/// <https://learn.microsoft.com/defender-endpoint/api/common-errors>
fn of_code(status: u16, code: Option<&str>, what: &str) -> Refusal {
    match code {
        Some("ActiveRequestAlreadyExists") => {
            let detail = "an action on this device is under way already: wait for its end";
            Refusal::new("alreadyActive", 409, detail)
        }
        Some("OsPlatformNotSupported" | "ClientVersionNotSupported") => {
            let detail =
                format!("{what}: the device's system or sensor can't do this, act by hand");
            Refusal::new("unsupported", 409, detail)
        }
        Some("DisabledFeature" | "DisallowedOperation") => {
            let detail = format!("{what}: the tenant's licence or settings don't allow it");
            Refusal::new("notLicensed", 409, detail)
        }
        _ if status == 404 => {
            let detail = format!("{what}: the target is gone at Microsoft");
            Refusal::new("notFound", 404, detail)
        }
        _ => {
            let detail =
                format!("{what}: Microsoft doesn't take the request, nothing was carried out");
            Refusal::new("rejected", 502, detail)
        }
    }
}

/// The ledger can't be read or written: nothing may be carried out that isn't written down.
pub(super) fn unwritten(error: &LedgerError) -> Refusal {
    let detail = format!("{error}; nothing was carried out, ask again");
    Refusal::new("storage", 503, detail).after(30)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_a_lost_answer_leaves_open_what_came_of_an_action() {
        let path = || "/api/machines/x/isolate".to_owned();
        let rejected = |code: &str| CallError::Rejected {
            status: 400,
            code: Some(code.to_owned()),
            path: path(),
        };
        let told = |error: CallError| {
            refused(&error, Action::Scan).map(|refusal| (refusal.code, refusal.status))
        };

        let lost = CallError::Unavailable { what: "no answer".to_owned(), path: path(), tries: 1 };
        assert_eq!(told(lost), None);
        assert_eq!(told(rejected("ActiveRequestAlreadyExists")), Some(("alreadyActive", 409)));
        assert_eq!(told(rejected("OsPlatformNotSupported")), Some(("unsupported", 409)));
        assert_eq!(told(rejected("BadRequest")), Some(("rejected", 502)));
        let denied = CallError::Denied { status: 403, code: None, path: path() };
        let said = refused(&denied, Action::Scan).unwrap();
        assert!(said.detail.contains("Machine.Scan"), "{}", said.detail);
        let busy = CallError::Throttled { path: path(), after: Duration::from_secs(7) };
        assert_eq!(refused(&busy, Action::Scan).unwrap().retry_after, Some(7));
    }
}
