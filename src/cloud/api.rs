//! One API as one identity: sends a request, waits and retries, and says whose turn a failure is.

use super::{Budget, Claims, Heard, Identity, Meter, Patience, Room, TokenError, Tokens, Wire};
use azure_core::credentials::Secret;
use azure_core::error::Error;
use azure_core::http::headers::{AUTHORIZATION, HeaderName, Headers};
use azure_core::http::{AsyncRawResponse, HttpClient, Request};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use jiff::fmt::rfc2822;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tracing::debug;

/// Largest body that is read, in bytes, decompressed.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;
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

/// Why a call gave nothing, after all tries.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// An administrator's turn: the identity lacks a permission, or the tenant a licence.
    #[error("refused ({status}{}) at {path}", .code.as_ref().map(|code| format!(" {code}")).unwrap_or_default())]
    Denied {
        /// Always 401 or 403.
        status: u16,
        /// The service's own code.
        code: Option<String>,
        /// Path without query.
        path: String,
    },
    /// An administrator's turn, or nobody's: see the error inside.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The request itself is wrong for this service.
    #[error("answered {status}{} at {path}", .code.as_ref().map(|code| format!(" {code}")).unwrap_or_default())]
    Rejected {
        /// A 4xx other than those of the other variants.
        status: u16,
        /// The service's own code.
        code: Option<String>,
        /// Path without query.
        path: String,
    },
    /// Nobody's turn: the service is busy.
    #[error("throttled at {path} for another {} s", .after.as_secs())]
    Throttled {
        /// Path without query.
        path: String,
        /// What the service asked for.
        after: Duration,
    },
    /// Nobody's turn: no usable answer within all tries.
    #[error("{what} at {path} after {tries} tries")]
    Unavailable {
        /// What the last try met.
        what: String,
        /// Path without query.
        path: String,
        /// Tries made.
        tries: u32,
    },
}

/// What a single try met.
enum Miss {
    Again { what: String, after: Option<Duration>, throttled: bool },
    Unauthorized(Secret),
    Final(CallError),
}

/// One API as one identity, over the one transport.
#[derive(Clone, Debug)]
pub struct Pipeline {
    wire: Wire,
    tokens: Arc<Tokens>,
    scope: String,
    budget: Option<Arc<Budget>>,
}

impl Pipeline {
    /// Sends with tokens for `scope`; answers count against `budget` where there is one.
    pub fn new(
        wire: Wire,
        tokens: Arc<Tokens>,
        scope: String,
        budget: Option<Arc<Budget>>,
    ) -> Pipeline {
        Pipeline { wire, tokens, scope, budget }
    }

    /// The transport below.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Who asks.
    pub fn identity(&self) -> &Identity {
        self.tokens.identity()
    }

    /// The tokens that it sends with.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// What the token says that it sends with; nothing where that isn't readable.
    ///
    /// # Errors
    ///
    /// As [`Tokens::get`].
    pub async fn claims(&self) -> Result<Option<Claims>, TokenError> {
        self.tokens.claims(&self.scope).await
    }

    /// Sends `request` until `read` accepts an answer, or patience ends.
    ///
    /// 408, 429, 5xx, broken connections and answers that `read` calls broken are tried again after
    /// a wait that grows, or that the service names. A 401 renews the token once. The request's
    /// body is sent anew each time.
    ///
    /// # Errors
    ///
    /// [`CallError`], whose texts name paths and codes only.
    pub async fn send<T>(
        &self,
        request: &Request,
        patience: &Patience,
        meter: &Meter,
        mut read: impl FnMut(Answer) -> Result<T, String>,
    ) -> Result<T, CallError> {
        let mut waits = patience.waits();
        let mut refused = None;
        let mut tries = 0;
        loop {
            tries += 1;
            let miss = match self.attempt(request, refused.as_ref(), patience, meter).await {
                Ok(answer) => match read(answer) {
                    Ok(value) => return Ok(value),
                    Err(what) => Miss::Again { what, after: None, throttled: false },
                },
                Err(miss) => miss,
            };
            let path = || request.url().path().to_owned();
            let (what, after, throttled) = match miss {
                Miss::Final(error) => return Err(error),
                Miss::Unauthorized(token) if refused.is_none() => {
                    refused = Some(token);
                    continue;
                }
                Miss::Unauthorized(_) => {
                    return Err(CallError::Denied { status: 401, code: None, path: path() });
                }
                Miss::Again { what, after, throttled } => (what, after, throttled),
            };
            let Some(wait) = patience.next(after, &mut waits) else {
                return Err(match (after, throttled) {
                    (None, false) => CallError::Unavailable { what, path: path(), tries },
                    (after, _) => {
                        let after = after.unwrap_or(patience.longest_wait);
                        CallError::Throttled { path: path(), after }
                    }
                });
            };
            let waited_ms = wait.as_millis().try_into().unwrap_or(u64::MAX);
            debug!(path = path(), waited_ms, "{what}: tried again after {waited_ms} ms");
            tokio::time::sleep(wait).await;
            meter.waited_ms.fetch_add(waited_ms, Ordering::Relaxed);
        }
    }

    async fn attempt(
        &self,
        request: &Request,
        refused: Option<&Secret>,
        patience: &Patience,
        meter: &Meter,
    ) -> Result<Answer, Miss> {
        let exchange = self.exchange(request, refused, meter);
        match patience.deadline {
            None => exchange.await,
            Some(deadline) => match tokio::time::timeout_at(deadline, exchange).await {
                Ok(answer) => answer,
                Err(_) => Err(again("no answer before the run's end")),
            },
        }
    }

    async fn exchange(
        &self,
        request: &Request,
        refused: Option<&Secret>,
        meter: &Meter,
    ) -> Result<Answer, Miss> {
        let token = self.tokens.get(&self.scope, refused).await.map_err(token_miss)?;
        let mut request = request.clone();
        request.insert_header(AUTHORIZATION, format!("Bearer {}", token.secret()));
        meter.requests.fetch_add(1, Ordering::Relaxed);
        let response = self.wire.execute_request(&request).await;
        let response = response.map_err(|error| again(&connection_text(&error)))?;
        let status = u16::from(response.status());
        meter.throttled.fetch_add(u64::from(status == 429), Ordering::Relaxed);
        let partial = is_partial(status, response.headers());
        let after = retry_after(response.headers());
        *meter.heard.lock().unwrap_or_else(PoisonError::into_inner) = heard(response.headers());
        // Not before the answer is there: a service that hangs must not hold the others' room.
        let mut room = Room::of_page(self.budget.as_deref()).await;
        let body = self.body(response, &mut room).await?;
        meter.received.fetch_add(body.len() as u64, Ordering::Relaxed);
        match status {
            200..300 => Ok(Answer { status, partial, body, room }),
            401 => Err(Miss::Unauthorized(token)),
            _ => Err(refusal(status, request.url().path(), &body, after)),
        }
    }

    async fn body(&self, response: AsyncRawResponse, room: &mut Room) -> Result<Bytes, Miss> {
        let mut stream = response.into_body();
        let mut body = BytesMut::new();
        loop {
            match stream.try_next().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body.freeze()),
                Err(_) => return Err(again("the answer broke off in the middle")),
            }
            if body.len() > MAX_BODY_BYTES {
                return Err(again("the answer has over 256 MiB"));
            }
            room.grow(self.budget.as_deref(), body.len()).await;
        }
    }
}

fn is_partial(status: u16, headers: &Headers) -> bool {
    let is_cut = headers.get_optional_str(&SUBSCRIPTION_LIMIT_HIT);
    let is_cut = is_cut.is_some_and(|text| text.trim().eq_ignore_ascii_case("true"));
    is_cut || status == 206 && headers.get_optional_str(&WARNING).is_some()
}

fn again(what: &str) -> Miss {
    Miss::Again { what: what.to_owned(), after: None, throttled: false }
}

fn token_miss(error: TokenError) -> Miss {
    match error {
        TokenError::Refused { .. } => Miss::Final(error.into()),
        TokenError::Unreachable { .. } => again(&error.to_string()),
    }
}

fn connection_text(error: &Error) -> String {
    use azure_core::error::ErrorKind;
    match error.kind() {
        ErrorKind::Connection => "no connection".to_owned(),
        ErrorKind::Other => error.to_string(),
        _ => "the connection broke".to_owned(),
    }
}

fn refusal(status: u16, path: &str, body: &[u8], after: Option<Duration>) -> Miss {
    let path = path.to_owned();
    let code = error_code(body);
    match status {
        429 => Miss::Again { what: "throttled (429)".to_owned(), after, throttled: true },
        408 | 500.. => Miss::Again { what: format!("answered {status}"), after, throttled: false },
        403 => Miss::Final(CallError::Denied { status, code, path }),
        _ => Miss::Final(CallError::Rejected { status, code, path }),
    }
}

/// The service's error code, where it is a plain word: the message beside it may quote anything.
fn error_code(body: &[u8]) -> Option<String> {
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
fn retry_after(headers: &Headers) -> Option<Duration> {
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
fn heard(headers: &Headers) -> Heard {
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
