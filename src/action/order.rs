//! What a caller asks for, once it is known to be in order. Pure.

use super::Refusal;
use crate::settings::Action;
use ring::digest::{SHA256, digest};
use serde_json::json;

/// Longest reason, in characters: comments of Defender are short.
pub const LONGEST_REASON: usize = 900;
/// Longest idempotency key, in characters.
pub const LONGEST_KEY: usize = 200;
/// Longest name of a person or an incident, in characters.
const LONGEST_NAME: usize = 200;

/// A response action that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What.
    pub action: Action,
    /// How: the type of an isolation or a scan, or a control's new state, as Microsoft spells it.
    pub variant: Option<&'static str>,
    /// On what, as the caller names it.
    pub target: String,
    /// To whom a control is assigned.
    pub assigned_to: Option<String>,
    /// Why.
    pub reason: String,
    /// Who calls.
    pub caller: String,
    /// For whom, as the caller says.
    pub requested_by: Option<String>,
    /// Whether it is only asked whether it is possible.
    pub dry_run: bool,
    /// What makes two calls the same.
    pub key: Option<String>,
}

impl Order {
    /// Whether it has what every order must have.
    ///
    /// # Errors
    ///
    /// What is missing or too long.
    pub fn check(&self) -> Result<(), Refusal> {
        let wrong = |detail: String| Err(Refusal::new("badRequest", 400, detail));
        let chars = self.reason.chars().count();
        if self.reason.trim().is_empty() {
            return wrong(
                "reason is missing: say why, Microsoft gets it as the comment".to_owned(),
            );
        }
        if chars > LONGEST_REASON || self.reason.contains(|c: char| c.is_control()) {
            return wrong(format!(
                "reason has {chars} characters, expected one line of {LONGEST_REASON} at most"
            ));
        }
        for (name, value) in
            [("assignedTo", &self.assigned_to), ("requestedBy", &self.requested_by)]
        {
            let is_long = |text: &String| {
                text.chars().count() > LONGEST_NAME || text.contains(|c: char| c.is_control())
            };
            if value.as_ref().is_some_and(is_long) {
                return wrong(format!("{name} is no line of {LONGEST_NAME} characters at most"));
            }
        }
        match self.key.as_deref() {
            None if self.dry_run => Ok(()),
            None => wrong(
                "an idempotency key is missing: send the header Idempotency-Key with something that \
                 names this one decision, such as the incident's number and the device"
                    .to_owned(),
            ),
            Some(key) if key.trim().is_empty() || key.chars().count() > LONGEST_KEY => {
                wrong(format!("the idempotency key has other than 1 to {LONGEST_KEY} characters"))
            }
            Some(_) => Ok(()),
        }
    }

    /// SHA-256 of its key in hex.
    pub fn key_hash(&self) -> Option<String> {
        self.key.as_deref().map(hash)
    }

    /// What two orders of the same key must have in common; a reason may be worded anew.
    pub fn fingerprint(&self) -> String {
        let target = self.target.to_lowercase();
        hash(&json!([self.action, self.variant, target, self.assigned_to]).to_string())
    }
}

fn hash(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        Order {
            action: Action::Isolate,
            variant: Some("Full"),
            target: "pc-17".to_owned(),
            assigned_to: None,
            reason: "Ticket 4711".to_owned(),
            caller: "function key".to_owned(),
            requested_by: None,
            dry_run: false,
            key: Some("incident-1/pc-17".to_owned()),
        }
    }

    #[test]
    fn an_order_has_a_reason_and_unless_it_is_dry_a_key() {
        let code = |order: Order| order.check().err().map(|refusal| refusal.status);

        assert_eq!(code(order()), None);
        assert_eq!(code(Order { reason: "  ".to_owned(), ..order() }), Some(400));
        assert_eq!(code(Order { reason: "a\nb".to_owned(), ..order() }), Some(400));
        assert_eq!(code(Order { reason: "a".repeat(901), ..order() }), Some(400));
        assert_eq!(code(Order { key: None, ..order() }), Some(400));
        assert_eq!(code(Order { key: None, dry_run: true, ..order() }), None);
        assert_eq!(code(Order { key: Some("k".repeat(201)), ..order() }), Some(400));
        let requested_by = Some("a\u{7}".to_owned());
        assert_eq!(code(Order { requested_by, ..order() }), Some(400));
    }

    #[test]
    fn the_same_key_stands_for_the_same_action_on_the_same_target() {
        let reworded = Order { reason: "Again".to_owned(), target: "PC-17".to_owned(), ..order() };
        let other = Order { variant: Some("Selective"), ..order() };

        assert_eq!(order().fingerprint(), reworded.fingerprint());
        assert_ne!(order().fingerprint(), other.fingerprint());
        assert_eq!(order().key_hash().unwrap().len(), 64);
    }
}
