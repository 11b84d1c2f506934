//! What an answer says: its body, and what of its headers and error text is read.

use super::{Heard, Room};
use azure_core::http::headers::{HeaderName, Headers};
use bytes::Bytes;
use jiff::fmt::rfc2822;
use std::collections::BTreeMap;
use std::time::Duration;

const DATE: HeaderName = HeaderName::from_static("date");
const RETRY_AFTER: HeaderName = HeaderName::from_static("retry-after");
const WARNING: HeaderName = HeaderName::from_static("warning");
/// Resource Graph's: the wait until its quota is there again, as `hh:mm:ss`.
///
/// <https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests>
const QUOTA_RESETS_AFTER: HeaderName = HeaderName::from_static("x-ms-user-quota-resets-after");
const QUOTA_REMAINING: &str = "x-ms-user-quota-remaining";
const SUBSCRIPTION_LIMIT_HIT: HeaderName =
    HeaderName::from_static("x-ms-tenant-subscription-limit-hit");

/// A successful answer, whole.
#[derive(Debug)]
pub struct Answer {
    /// The status, 200 to 299.
    pub status: u16,
    /// Whether the service says that part of the data is missing: 206 with a `Warning`, or Resource
    /// Graph's header for more than 10,000 subscriptions.
    pub partial: bool,
    /// The body, decompressed.
    pub body: Bytes,
    /// Its share of the budget, for as long as the body is held.
    pub room: Room,
}

pub(super) fn is_partial(status: u16, headers: &Headers) -> bool {
    let is_cut = headers.get_optional_str(&SUBSCRIPTION_LIMIT_HIT);
    let is_cut = is_cut.is_some_and(|text| text.trim().eq_ignore_ascii_case("true"));
    is_cut || status == 206 && headers.get_optional_str(&WARNING).is_some()
}

/// The service's error code, where it is a plain word: the message beside it may quote anything.
pub(super) fn error_code(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Body {
        error: Inner,
    }
    #[derive(serde::Deserialize)]
    struct Inner {
        code: String,
    }
    let code = serde_json::from_slice::<Body>(body).ok()?.error.code;
    let plain = code.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (plain && (1..=60).contains(&code.len())).then_some(code)
}

/// The wait that a service asks for: seconds, or a date read against the service's own clock.
///
/// No wait is no wish: our own grows and ends, where "at once" would be asked for ever.
pub(super) fn retry_after(headers: &Headers) -> Option<Duration> {
    let Some(text) = headers.get_optional_str(&RETRY_AFTER).map(str::trim) else {
        return quota_resets_after(headers);
    };
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => until(text, headers)?,
    };
    Some(wait).filter(|wait| !wait.is_zero())
}

fn quota_resets_after(headers: &Headers) -> Option<Duration> {
    let parts = headers.get_optional_str(&QUOTA_RESETS_AFTER)?.trim().split(':');
    let parts: Vec<u64> = parts.map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = parts[..] else { return None };
    let wait = Duration::from_secs(hours.checked_mul(3600)? + minutes.checked_mul(60)? + seconds);
    Some(wait).filter(|wait| !wait.is_zero())
}

/// Calls left: Resource Manager's by principal and subscription, and Resource Graph's by user.
///
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>
pub(super) fn heard(headers: &Headers) -> Heard {
    let mut left = BTreeMap::new();
    for (name, value) in headers.iter() {
        let name = name.as_str();
        let counts = name.starts_with("x-ms-ratelimit-remaining-") || name == QUOTA_REMAINING;
        if let (true, Ok(count)) = (counts, value.as_str().trim().parse()) {
            left.insert(name.to_owned(), count);
        }
    }
    let date = headers.get_optional_str(&DATE);
    let date = date.and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
    Heard { date, left }
}

fn until(date: &str, headers: &Headers) -> Option<Duration> {
    let parser = rfc2822::DateTimeParser::new();
    let at = parser.parse_timestamp(date).ok()?;
    let now = parser.parse_timestamp(headers.get_optional_str(&DATE)?).ok()?;
    at.duration_since(now).try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.insert(*name, *value);
        }
        headers
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_by_the_services_clock() {
        let date = headers(&[
            ("retry-after", "Sun, 22 Nov 2026 10:00:07 GMT"),
            ("date", "Sun, 22 Nov 2026 10:00:00 GMT"),
        ]);

        assert_eq!(retry_after(&headers(&[("retry-after", "12")])), Some(Duration::from_secs(12)));
        assert_eq!(retry_after(&date), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&headers(&[("retry-after", "soon")])), None);
        assert_eq!(retry_after(&headers(&[("retry-after", "0")])), None);
        let quota = |text| retry_after(&headers(&[("x-ms-user-quota-resets-after", text)]));
        assert_eq!(quota("00:01:05"), Some(Duration::from_secs(65)));
        assert_eq!(["00:00:00", "5", "soon"].map(quota), [None, None, None]);
    }

    #[test]
    fn an_answer_tells_the_services_clock_and_the_calls_that_are_left() {
        let heard = heard(&headers(&[
            ("date", "Sun, 22 Nov 2026 10:00:00 GMT"),
            ("x-ms-ratelimit-remaining-tenant-reads", "249"),
            ("x-ms-ratelimit-remaining-subscription-resource-requests", "many"),
            ("x-ms-user-quota-remaining", "14"),
        ]));

        assert_eq!(heard.date.unwrap().to_string(), "2026-11-22T10:00:00Z");
        let left: Vec<_> = heard.left.values().collect();
        assert_eq!(left, [&249, &14]);
        assert_eq!(super::heard(&headers(&[("date", "today")])), Heard::default());
    }

    #[test]
    fn a_service_says_in_two_ways_that_data_is_missing() {
        let warned = headers(&[("warning", "199 - late")]);
        let cut = headers(&[("x-ms-tenant-subscription-limit-hit", "true")]);
        let whole = headers(&[("x-ms-tenant-subscription-limit-hit", "false")]);

        assert!(is_partial(206, &warned) && is_partial(200, &cut));
        assert!(!is_partial(200, &warned) && !is_partial(200, &whole));
        assert!(!is_partial(206, &headers(&[])));
    }

    #[test]
    fn only_a_plain_word_of_a_services_error_text_is_repeated() {
        let coded = br#"{"error":{"code":"Forbidden","message":"token eyJ0..."}}"#;
        let wordy = br#"{"error":{"code":"see https://x?sig=1","message":""}}"#;

        assert_eq!(error_code(coded).as_deref(), Some("Forbidden"));
        assert_eq!(error_code(wordy), None);
        assert_eq!(error_code(b"<html>"), None);
    }
}
