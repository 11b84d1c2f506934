//! Jobs that the host has given up, as health tells of them: each below its own tenant.

use super::health::{Health, SourceHealth, Status, TenantHealth};
use crate::plan::Message;
use crate::poison::{Content, MOST_PEEKED};
use crate::queue::QueueError;
use schemars::JsonSchema;
use serde::Serialize;

/// A job that failed so often that the host has put it aside.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct GivenUp {
    /// Its run.
    pub run: String,
    /// `source`, `file`, `plan` or `case`.
    pub kind: String,
    /// Its source; none of a plan and a case.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Its file, of an export.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What stands in the source's way at present.
    pub reason: String,
    /// What to do.
    pub next: String,
}

/// The poison queue as a whole: nothing of what a tenant's message says.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueHealth {
    /// Jobs that were given up, 32 at most.
    pub given_up: usize,
    /// Messages among them that are no job of a tenant that is collected here.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown: usize,
    /// What to do.
    pub next: String,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Health {
    /// The same with what the poison queue holds.
    pub fn with_given_up(mut self, peeked: &Result<Vec<Content>, QueueError>) -> Health {
        let contents = match peeked {
            Ok(contents) if contents.is_empty() => return self,
            Ok(contents) => contents,
            Err(error) => {
                let next = "check POSTURE_QUEUE_URL, and run posture check";
                let next = format!("the jobs that were given up aren't known ({error}): {next}");
                self.queue = Some(QueueHealth { given_up: 0, unknown: 0, next });
                return self;
            }
        };
        let mut unknown = 0;
        for content in contents {
            let message = content.as_ref().ok();
            let owner = message.and_then(|message| {
                self.tenants.iter_mut().find(|tenant| tenant.id == message.tenant)
            });
            match message.zip(owner) {
                Some((message, tenant)) => {
                    let given_up = of(message, tenant);
                    tenant.given_up.push(given_up);
                }
                None => unknown += 1,
            }
        }
        let many = if contents.len() >= MOST_PEEKED { "or more " } else { "" };
        let next = format!(
            "{} {many}jobs were given up: mend what their reasons say, then run posture collect \
             --retry",
            contents.len()
        );
        self.queue = Some(QueueHealth { given_up: contents.len(), unknown, next });
        self.status = Status::Degraded;
        self
    }
}

fn of(message: &Message, tenant: &TenantHealth) -> GivenUp {
    let source = |source: &&SourceHealth| source.source == message.source;
    let reason = tenant.sources.iter().find(source).and_then(|source| source.reason.clone());
    let only = match message.source.as_str() {
        "" => String::new(),
        source => format!(" --source {source}"),
    };
    GivenUp {
        run: message.run.to_string(),
        kind: message.kind.clone().unwrap_or_else(|| "source".to_owned()),
        source: message.source.clone(),
        file: message.file.clone(),
        reason: reason.unwrap_or_else(|| "unknown".to_owned()),
        next: format!("posture collect --retry --tenant {}{only}", tenant.id),
    }
}
