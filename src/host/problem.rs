//! Errors as callers see them.

use super::Reply;
use serde::Serialize;

/// An error's body, `application/problem+json`.
///
/// <https://www.rfc-editor.org/rfc/rfc9457>
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
}

/// A tenant that a caller may name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
            404 => "Not Found",
            405 => "Method Not Allowed",
            413 => "Content Too Large",
            503 => "Service Unavailable",
            _ => "Internal Server Error",
        };
        Problem { status, title, detail: detail.into(), choices: Vec::new() }
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Reply {
        // A problem of ours always has a text, and an answer must never be empty.
        let body = serde_json::to_string(&problem).unwrap_or_else(|_| "{}".to_owned());
        Reply { status: problem.status, content_type: "application/problem+json", body }
    }
}
