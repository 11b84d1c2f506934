//! Errors as callers see them.

use super::Reply;
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
        Problem { status, title, detail: detail.into(), choices: Vec::new(), retry_after: None }
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
