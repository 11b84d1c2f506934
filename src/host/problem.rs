//! Errors as callers see them.

use super::Reply;
use crate::schema;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// An error's body, `application/problem+json`.
///
/// <https://www.rfc-editor.org/rfc/rfc9457>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// The status, repeated.
    pub status: u16,
    /// The status in words.
    pub title: &'static str,
    /// What happened and what to do; no secret, no text of a service.
    pub detail: String,
    /// What the caller may choose from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// The devices that a name may mean.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// Seconds after which to ask again: the header `Retry-After`.
    #[serde(skip)]
    #[schemars(skip)]
    pub retry_after: Option<u64>,
}

/// A tenant that a caller may name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Choice {
    /// Its id, for `?tenant=`.
    pub tenant: String,
    /// Its name.
    pub name: String,
}

/// A device that a caller may mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Its id at Defender, 40 hex digits: names it beyond doubt.
    pub id: String,
    /// Its full name.
    pub name: Option<String>,
    /// Its operating system.
    pub os_platform: Option<String>,
    /// `Active`, `Inactive`, ….
    pub health_status: Option<String>,
    /// `Onboarded`, ….
    pub onboarding_status: Option<String>,
    /// When it reported last.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub last_seen: Option<Timestamp>,
}

impl Problem {
    /// A problem without choices.
    pub fn new(status: u16, detail: impl Into<String>) -> Problem {
        let title = match status {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            406 => "Not Acceptable",
            409 => "Conflict",
            410 => "Gone",
            413 => "Content Too Large",
            415 => "Unsupported Media Type",
            422 => "Unprocessable Content",
            429 => "Too Many Requests",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            _ => "Internal Server Error",
        };
        let detail = detail.into();
        let (choices, candidates) = (Vec::new(), Vec::new());
        Problem { status, title, detail, choices, candidates, retry_after: None }
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Reply {
        // A problem of ours always has a text, and an answer must never be empty.
        let body = serde_json::to_string(&problem).unwrap_or_else(|_| "{}".to_owned());
        let retry_after = problem.retry_after.map(|seconds| ("retry-after", seconds.to_string()));
        let headers = retry_after.into_iter().collect();
        Reply { status: problem.status, content_type: "application/problem+json", body, headers }
    }
}
