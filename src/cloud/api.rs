//! One API as one identity: sends a request, waits and retries, and says whose turn a failure is.

use super::answer::{Answer, error_code, heard, is_partial, retry_after};
use super::feed;
use super::gate::{Gates, Pass};
use super::{Budget, Claims, Identity, Meter, Patience, Room, TokenError, Tokens, Wire};
use azure_core::credentials::Secret;
use azure_core::error::Error;
use azure_core::http::headers::AUTHORIZATION;
use azure_core::http::{AsyncRawResponse, HttpClient, Request};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tracing::debug;

/// Largest body that is read, in bytes, decompressed.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;
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
    /// The answer lies elsewhere, which only what anyone may read says.
    #[error("moved from {path}")]
    Moved {
        /// Path without query.
        path: String,
        /// Where to, as the service says it.
        to: String,
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
pub(super) enum Miss {
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
    gates: Option<Arc<Gates>>,
    /// What is sent in place of a token, where anyone may read.
    open: Option<feed::Visitor>,
}

/// What stays the same over the tries of one call.
struct Call<'a> {
    request: &'a Request,
    /// Its size before compression, where somebody counts it.
    kilobytes: u32,
    patience: &'a Patience,
    meter: &'a Meter,
}

impl Pipeline {
    /// Sends with tokens for `scope`; answers count against `budget` where there is one.
    pub fn new(
        wire: Wire,
        tokens: Arc<Tokens>,
        scope: String,
        budget: Option<Arc<Budget>>,
    ) -> Pipeline {
        Pipeline { wire, tokens, scope, budget, gates: None, open: None }
    }

    /// The same within the documented limits that `gates` count.
    pub fn within(self, gates: Option<Arc<Gates>>) -> Pipeline {
        Pipeline { gates, ..self }
    }

    /// The same without a token, for what anyone may read; with the key that the service has given, where
    /// it takes one.
    pub fn open(self, key: Option<Secret>) -> Pipeline {
        Pipeline { open: Some(feed::Visitor { key }), ..self }
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
    /// body is sent anew each time. Each try first waits for room in the documented limits, and for
    /// the end of a wait that the service has asked of another call on the same count.
    ///
    /// # Errors
    ///
    /// [`CallError`], whose texts name paths and codes only.
    pub async fn send<T>(
        &self,
        request: &Request,
        patience: &Patience,
        meter: &Meter,
        read: impl FnMut(Answer) -> Result<T, String>,
    ) -> Result<T, CallError> {
        self.send_sized(request, 0, patience, meter, read).await
    }

    /// As [`Pipeline::send`], for a body of so many bytes before compression, where the service limits
    /// those too.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::send`].
    pub async fn send_sized<T>(
        &self,
        request: &Request,
        bytes: usize,
        patience: &Patience,
        meter: &Meter,
        mut read: impl FnMut(Answer) -> Result<T, String>,
    ) -> Result<T, CallError> {
        let kilobytes = bytes.div_ceil(1_000).try_into().unwrap_or(u32::MAX);
        let call = Call { request, kilobytes, patience, meter };
        let mut waits = patience.waits();
        let mut refused = None;
        let mut tries = 0;
        loop {
            tries += 1;
            let miss = match self.attempt(&call, refused.as_ref()).await {
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
            let next = patience.next(after, &mut waits);
            if let (true, Some(wait)) = (throttled, next.or(after)) {
                self.pause(request, wait);
            }
            let Some(wait) = next else {
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

    /// Holds every other call on the same count back for as long: they'd meet the same answer.
    fn pause(&self, request: &Request, wait: Duration) {
        let gate = self.gates.as_ref().and_then(|gates| gates.of(request.url()));
        if let Some(gate) = gate {
            gate.pause(wait);
        }
    }

    async fn attempt(&self, call: &Call<'_>, refused: Option<&Secret>) -> Result<Answer, Miss> {
        let exchange = self.exchange(call, refused);
        match call.patience.deadline {
            None => exchange.await,
            Some(deadline) => match tokio::time::timeout_at(deadline, exchange).await {
                Ok(answer) => answer,
                Err(_) => Err(again("no answer before the run's end")),
            },
        }
    }

    async fn pass(&self, call: &Call<'_>) -> Result<Option<Pass>, Miss> {
        let Some(gate) = self.gates.as_ref().and_then(|gates| gates.of(call.request.url())) else {
            return Ok(None);
        };
        let passed = gate.pass(call.kilobytes, call.patience, call.meter).await;
        passed.map(Some).map_err(|after| {
            let path = call.request.url().path().to_owned();
            Miss::Final(CallError::Throttled { path, after })
        })
    }

    async fn exchange(&self, call: &Call<'_>, refused: Option<&Secret>) -> Result<Answer, Miss> {
        let meter = call.meter;
        let mut request = call.request.clone();
        let token = match &self.open {
            Some(visitor) => visitor.introduce(&mut request),
            None => {
                let token = self.tokens.get(&self.scope, refused).await.map_err(token_miss)?;
                request.insert_header(AUTHORIZATION, format!("Bearer {}", token.secret()));
                token
            }
        };
        // After the token, so that a slow sign-in doesn't bunch up calls that have passed already.
        let _pass = self.pass(call).await?;
        meter.requests.fetch_add(1, Ordering::Relaxed);
        let response = self.wire.execute_request(&request).await;
        let response = response.map_err(|error| again(&connection_text(&error)))?;
        let status = u16::from(response.status());
        meter.throttled.fetch_add(u64::from(status == 429), Ordering::Relaxed);
        let partial = is_partial(status, response.headers());
        let after = retry_after(response.headers());
        let said = self.open.as_ref().map(|visitor| visitor.said(response.headers()));
        *meter.heard.lock().unwrap_or_else(PoisonError::into_inner) = heard(response.headers());
        // Not before the answer is there: a service that hangs must not hold the others' room.
        let mut room = Room::of_page(self.budget.as_deref()).await;
        let body = self.body(response, &mut room).await?;
        meter.received.fetch_add(body.len() as u64, Ordering::Relaxed);
        match status {
            _ if status >= 300 && said.is_some() => {
                Err(feed::refusal(status, request.url(), said.unwrap_or_default(), after))
            }
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
