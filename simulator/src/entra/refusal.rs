//! Refusals of the sign-in service: number, OAuth's word, status and text as documented.

use jiff::Timestamp;
use serde_json::json;

use crate::answer::Answer;

/// A refusal by its `AADSTS` number, with the text after it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub code: u32,
    pub text: String,
}

pub(crate) fn refused(code: u32, text: impl Into<String>) -> Refused {
    Refused { code, text: text.into() }
}

/// Status and OAuth's word of a number.
///
/// <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>
fn shape(code: u32) -> (u16, &'static str) {
    match code {
        7_000_215 | 7_000_222 | 7_000_218 | 700_021 | 700_023 | 700_024 | 700_027 | 700_211
        | 700_212 | 700_213 | 700_229 | 50_027 => (401, "invalid_client"),
        700_016 | 7_000_112 => (400, "unauthorized_client"),
        50_034 | 65_001 | 70_008 | 700_082 | 54_005 | 700_005 | 50_079 | 70_043 | 501_481 => {
            (400, "invalid_grant")
        }
        50_076 | 53_003 => (400, "interaction_required"),
        500_011 | 650_052 | 650_057 => (400, "invalid_resource"),
        70_011 => (400, "invalid_scope"),
        70_003 => (400, "unsupported_grant_type"),
        90_055 => (400, "temporarily_unavailable"),
        _ => (400, "invalid_request"),
    }
}

/// The error in its documented shape; `ids` are trace and correlation id.
pub(crate) fn answer(refused: &Refused, ids: [String; 2], now: Timestamp) -> Answer {
    let Refused { code, text } = refused;
    let (status, error) = shape(*code);
    let [trace, correlation] = ids;
    let time = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let description = format!(
        "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}"
    );
    let body = json!({
        "error": error, "error_description": description, "error_codes": [code],
        "timestamp": time, "trace_id": trace, "correlation_id": correlation,
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    });
    Answer::json(status, &body)
}
