//! Why something can't be told, and whose turn that is.

use crate::cloud::{CallError, TokenError};
use crate::fetch;
use crate::host::{Candidate, Problem};
use crate::ledger::LedgerError;
use crate::source::Permission;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// Seconds after which to ask again where nobody says.
const ASK_AGAIN_S: u64 = 60;

/// Why a look-up or a scan gave nothing. The text says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gap {
    /// An administrator's turn.
    #[error("{what}: {advice}")]
    Refused {
        /// What the service said, and where.
        what: String,
        /// The next step.
        advice: String,
    },
    /// Nobody's turn: the documented limit is used up.
    #[error("throttled at {path}: ask again in {} s, or with ?kept=true", .after.as_secs().max(1))]
    Throttled {
        /// Path without query.
        path: String,
        /// How long.
        after: Duration,
    },
    /// Nobody's turn: no usable answer within a look-up's time.
    #[error("{what}: ask again, or with ?kept=true")]
    Unreachable {
        /// What happened, and where.
        what: String,
    },
    /// There is no snapshot to read.
    #[error("{0}")]
    NotKept(String),
    /// A snapshot is larger than could be read within its time.
    #[error(
        "read {read} of {parts} parts of {source_name} in {} s: ask again, or run {function} in the workspace",
        .within.as_secs()
    )]
    Late {
        /// The snapshot's source.
        source_name: &'static str,
        /// Parts read.
        read: usize,
        /// Parts there are.
        parts: usize,
        /// The time there was.
        within: Duration,
        /// The function of KQL that answers the same, as it is called.
        function: String,
    },
    /// The ledger can't be read.
    #[error("{0}")]
    Storage(String),
}

impl Gap {
    pub(super) fn of(error: CallError, needs: Permission) -> Gap {
        let what = error.to_string();
        match error {
            CallError::Denied { status: 401, .. } => Gap::Refused {
                what,
                advice:
                    "the service takes no token of this identity: check POSTURE_CLOUD and the tenant"
                        .to_owned(),
            },
            CallError::Denied { .. } => Gap::Refused { what, advice: fetch::grant(needs) },
            CallError::Token(TokenError::Refused { audience, what, advice }) => {
                Gap::Refused { what: format!("no token for {audience} ({what})"), advice }
            }
            CallError::Throttled { path, after } => Gap::Throttled { path, after },
            CallError::Rejected { .. } => Gap::Refused {
                what,
                advice: "the service doesn't take this request: look for a newer release".to_owned(),
            },
            CallError::Token(TokenError::Unreachable { .. })
            | CallError::Unavailable { .. }
            | CallError::Moved { .. } => Gap::Unreachable { what },
        }
    }
}

impl From<LedgerError> for Gap {
    fn from(error: LedgerError) -> Gap {
        Gap::Storage(error.to_string())
    }
}

/// Why there is no answer at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nothing of that name is known.
    NotFound(String),
    /// Several devices have that name.
    Ambiguous(Vec<Candidate>),
    /// It can't be told, neither by a look-up nor out of what is kept.
    Gap(Gap),
}

impl From<Gap> for Stop {
    fn from(gap: Gap) -> Stop {
        Stop::Gap(gap)
    }
}

impl From<Stop> for Problem {
    fn from(stop: Stop) -> Problem {
        let gap = match stop {
            Stop::NotFound(detail) => return Problem::new(404, detail),
            Stop::Ambiguous(candidates) => {
                let detail = format!(
                    "{} devices have this name: ask for one of the candidates by its id",
                    candidates.len()
                );
                return Problem { candidates, ..Problem::new(409, detail) };
            }
            Stop::Gap(gap) => gap,
        };
        let after = match &gap {
            Gap::NotKept(_) => return Problem::new(404, gap.to_string()),
            Gap::Refused { .. } => return Problem::new(503, gap.to_string()),
            Gap::Throttled { after, .. } => after.as_secs().max(1),
            _ => ASK_AGAIN_S,
        };
        Problem { retry_after: Some(after), ..Problem::new(503, gap.to_string()) }
    }
}

/// A part that an answer lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MissingPart {
    /// The answer's field, which is null.
    pub part: &'static str,
    /// Why, and what to do.
    pub reason: String,
}

/// What is there of a part; where it isn't, that is noted in `missing`.
pub(super) fn or_missing<T>(
    missing: &mut Vec<MissingPart>,
    part: &'static str,
    found: Result<T, Gap>,
) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(gap) => {
            missing.push(MissingPart { part, reason: gap.to_string() });
            None
        }
    }
}
