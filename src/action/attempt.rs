//! One attempt at a response action: who, what, why, and what came of it. Pure.

use super::{LONGEST_REASON, Order, Refusal};
use crate::plan::RunId;
use crate::record::{Envelope, Facts};
use crate::schema;
use crate::settings::Action;
use crate::tenant::Tenant;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Digits behind the instant in an attempt's id.
const DIGITS: usize = 16;

/// One attempt: an audit file, an answer, and a row of `PostureAudit_CL`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Its id: the instant in UTC, and sixteen digits that are like no other's.
    pub id: String,
    /// The tenant's id.
    pub tenant: String,
    /// The tenant's name.
    pub tenant_name: String,
    /// What was asked for.
    pub action: Action,
    /// `Full`, `Selective`, `Quick`; of a control its new state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// On what.
    pub target: Target,
    /// To whom a control is assigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<String>,
    /// Why, in the caller's words.
    pub reason: String,
    /// Who called: an identity, or a function key.
    pub caller: String,
    /// For whom, as the caller says; nobody has checked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// Whether it was only asked whether it is possible.
    pub dry_run: bool,
    /// SHA-256 of its idempotency key, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it was asked for.
    #[schemars(with = "schema::Timestamp")]
    pub requested: Timestamp,
    /// When this was last written.
    #[schemars(with = "schema::Timestamp")]
    pub updated: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
    /// One word for the reason of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What came of it, for people.
    pub detail: String,
    /// The attempt whose key this one repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats: Option<String>,
    /// What Defender for Endpoint says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_action: Option<MachineAction>,
    /// Whether its row is in the workspace.
    pub workspace: Delivery,
}

/// On what an action is carried out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// As the caller has named it.
    pub asked: String,
    /// The device's id at Defender, or the control's; nothing where none was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The device's name, or the control's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Nothing was carried out, for a reason.
    Refused,
    /// It was asked with `dryRun`, and would have been carried out.
    Possible,
    /// An attempt of the same key was there before: that one counts.
    Repeated,
    /// It is on its way to Microsoft, or was cut short on it.
    Intended,
    /// Microsoft's answer was lost: whether it is carried out is looked up before anything else.
    Unknown,
    /// Cut short before Microsoft had it: nothing was carried out.
    NotCarriedOut,
    /// Microsoft has it; the device hasn't done it yet.
    Pending,
    /// Done.
    Succeeded,
    /// The device couldn't.
    Failed,
    /// The device didn't answer in time.
    TimedOut,
    /// Somebody has cancelled it.
    Cancelled,
}

impl Outcome {
    /// Whether nothing will change about it any more.
    pub fn is_final(self) -> bool {
        !matches!(self, Outcome::Intended | Outcome::Unknown | Outcome::Pending)
    }

    /// The outcome of a machine action's status.
    ///
    /// <https://learn.microsoft.com/defender-endpoint/api/machineaction>
    pub(super) fn of_status(status: &str) -> Outcome {
        match status.to_ascii_lowercase().as_str() {
            "succeeded" => Outcome::Succeeded,
            "failed" => Outcome::Failed,
            "timeout" => Outcome::TimedOut,
            "cancelled" => Outcome::Cancelled,
            _ => Outcome::Pending,
        }
    }
}

/// An action as Defender for Endpoint has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineAction {
    /// Its id there.
    pub id: String,
    /// Such as `Isolate`.
    pub kind: String,
    /// Such as `Pending`.
    pub status: String,
    /// When it was asked for, as Defender says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// When it last changed, as Defender says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
}

/// Whether an attempt's row is in the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// It is there.
    Sent,
    /// The workspace couldn't be reached: the row is sent later, the audit file has it already.
    Waiting,
    /// The tenant has no workspace: the audit file alone has it.
    Nowhere,
}

impl Attempt {
    /// A new attempt, of which nothing has come yet. `random` is what its id ends in.
    pub fn new(
        tenant: &Tenant,
        order: &Order,
        now: Timestamp,
        random: [u8; DIGITS / 2],
    ) -> Attempt {
        let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Attempt {
            id: format!("{}-{random}", RunId::at(now)),
            tenant: tenant.id.clone(),
            tenant_name: tenant.name.clone(),
            action: order.action,
            variant: order.variant.map(str::to_owned),
            target: Target { asked: order.target.clone(), id: None, name: None },
            assigned_to: order.assigned_to.as_deref().map(cut),
            reason: cut(&order.reason),
            caller: order.caller.clone(),
            requested_by: order.requested_by.as_deref().map(cut),
            dry_run: order.dry_run,
            key: order.key_hash(),
            requested: now,
            updated: now,
            outcome: Outcome::Intended,
            code: None,
            detail: "on its way to Microsoft".to_owned(),
            repeats: None,
            machine_action: None,
            workspace: Delivery::Waiting,
        }
    }

    /// The same with another outcome.
    pub fn ends(&mut self, outcome: Outcome, detail: impl Into<String>) {
        (self.outcome, self.detail) = (outcome, detail.into());
    }

    /// The same, refused.
    pub fn refuse(&mut self, refusal: &Refusal) {
        self.code = Some(refusal.code.to_owned());
        self.ends(Outcome::Refused, refusal.detail.clone());
    }

    /// What Defender is told beside the reason, so that the action is found again by it.
    pub fn mark(&self) -> String {
        let digits = self.id.rsplit('-').next().unwrap_or_default();
        format!("[posture {digits}]")
    }

    /// The comment that Microsoft gets.
    pub fn comment(&self) -> String {
        format!("{} {}", self.reason, self.mark())
    }

    /// The day `yyyy/mm/dd` under which an attempt of this id is kept; nothing where it is no such id.
    pub fn day(id: &str) -> Option<String> {
        let (run, digits) = id.split_once('-')?;
        let are_digits = digits.len() == DIGITS
            && digits.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase());
        let run: RunId = run.parse().ok()?;
        are_digits.then(|| run.day_path())
    }

    /// Its row for the workspace.
    pub fn row(&self) -> Vec<u8> {
        let Attempt { tenant, tenant_name, requested, .. } = self;
        let run = RunId::at(*requested);
        let envelope = Envelope::new(tenant, tenant_name, ("audit", "audit"), &run, *requested);
        let machine = self.machine_action.as_ref();
        let target = if self.action == Action::ControlProfile { "control" } else { "device" };
        let row = json!({
            "AttemptId": self.id, "Action": self.action, "Variant": self.variant,
            "TargetType": target, "TargetAsked": self.target.asked, "TargetId": self.target.id,
            "TargetName": self.target.name, "AssignedTo": self.assigned_to, "Reason": self.reason,
            "Caller": self.caller, "RequestedBy": self.requested_by, "DryRun": self.dry_run,
            "KeyHash": self.key, "Outcome": self.outcome, "Code": self.code, "Detail": self.detail,
            "Repeats": self.repeats, "MachineActionId": machine.map(|one| &one.id),
            "MachineActionStatus": machine.map(|one| &one.status),
            "Requested": self.requested, "Updated": self.updated,
        });
        let mut line = Vec::new();
        let facts = Facts::of_key(self.id.clone());
        envelope.write(&row.to_string(), &[], &facts, &mut line);
        line
    }
}

/// No more of a text than an order in order has: what is too long is refused, and written down all the same.
fn cut(text: &str) -> String {
    text.chars().take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_day_and_nothing_else_passes_for_one() {
        let day = |id: &str| Attempt::day(id);

        assert_eq!(day("20261126T050000Z-00aa11bb22cc33dd").unwrap(), "2026/11/26");
        for hostile in [
            "20261126T050000Z",
            "20261126T050000Z-00aa11bb22cc33d",
            "20261126T050000Z-00AA11BB22CC33DD",
            "20261126T050000Z-00aa11bb22cc33dd-x",
            "20261326T050000Z-00aa11bb22cc33dd",
            "../../../etc-00aa11bb22cc33dd",
            "",
        ] {
            assert_eq!(day(hostile), None, "{hostile}");
        }
    }

    #[test]
    fn a_status_of_defender_is_final_or_still_pending() {
        let of = Outcome::of_status;
        assert_eq!(of("Succeeded"), Outcome::Succeeded);
        assert_eq!(of("TimeOut"), Outcome::TimedOut);
        assert!(!of("Pending").is_final() && !of("InProgress").is_final() && !of("New").is_final());
        assert!(of("Cancelled").is_final() && of("Failed").is_final());
    }
}
