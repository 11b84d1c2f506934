//! From a connection to an answer: listeners, routes, faults, and bodies that are made while sent.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use tokio::net::TcpListener;
use warp::filters::path::FullPath;
use warp::http::{HeaderName, HeaderValue, StatusCode, header};
use warp::reply::{Reply, Response};
use warp::{Filter, http};

use crate::answer::{Answer, Content};
use crate::fault::{Api, FaultKind};
use crate::state::{Request, State, clock, lock};
use crate::{arm, cve, defender, entra, export, graph, logs, spoil, vault};

/// Serves one API until the simulator stops.
pub(crate) async fn serve(listener: TcpListener, api: Api, state: Arc<State>) {
    let mut stop = state.stop.subscribe();
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let service = warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::body::bytes())
        .then(move |method, path: FullPath, query, headers, body| {
            let path = path.as_str().to_owned();
            respond(state.clone(), Request { api, method, path, query, headers, body })
        });
    let stopped = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    warp::serve(service).incoming(listener).graceful(stopped).run().await;
}

/// One request's way: written down, met by a fault or not, answered.
async fn respond(state: Arc<State>, request: Request) -> Response {
    let tenant = entra::tenant_of(&state, &request);
    let number = state.note(&request, tenant.clone());
    let fault = lock(&state.faults).meet(request.api, &request.path, tenant.as_deref());
    let skew = match fault {
        Some(FaultKind::Skew(seconds)) => SignedDuration::from_secs(seconds),
        _ => SignedDuration::ZERO,
    };
    let now = clock().saturating_add(skew).unwrap_or(Timestamp::MAX);
    let answer = match &fault {
        Some(FaultKind::Drop) => hang_up(),
        Some(FaultKind::Hang(time)) => {
            wait(&state, *time).await;
            right(&state, &request, now).await
        }
        Some(FaultKind::Late(time)) => {
            let answer = right(&state, &request, now).await;
            wait(&state, *time).await;
            answer
        }
        Some(fault) => match spoil::instead(request.api, &request.path, fault, &state.id()) {
            Some(answer) => answer,
            None => {
                let own = format!("{}{}", state.base(request.api), url_of(&request));
                let answer = right(&state, &request, now).await;
                spoil::spoil(request.api, answer, fault, &own)
            }
        },
        None => right(&state, &request, now).await,
    };
    // Where there is no body to break off, the answer itself is what gets lost.
    if answer.cut && matches!(answer.content, Content::Nothing) {
        hang_up();
    }
    state.answered(number, answer.status);
    finish(&state, answer, now)
}

/// What the API says to this request on a good day.
async fn right(state: &Arc<State>, request: &Request, now: Timestamp) -> Answer {
    match request.api {
        Api::Entra => entra::answer(state, request, now),
        Api::Identity => entra::identity::answer(state, request, now),
        Api::Graph => graph::answer(state, request, now).await,
        Api::Defender => defender::answer(state, request, now).await,
        Api::Logs => logs::answer(state, request, now),
        Api::Storage => export::storage::answer(state, request, now),
        Api::Arm => arm::answer(state, request, now).await,
        Api::Vault => vault::answer(state, request, now),
        Api::Kev | Api::KevMirror | Api::Epss | Api::Nvd => cve::answer(state, request, now).await,
    }
}

/// Path and query as they were asked for.
fn url_of(request: &Request) -> String {
    match request.query.as_str() {
        "" => request.path.clone(),
        query => format!("{}?{query}", request.path),
    }
}

/// Closes the connection without an answer.
fn hang_up() -> ! {
    // A service cannot say "no answer". Unwinding ends this connection's task alone, and resuming
    // instead of panicking keeps the panic hook silent.
    std::panic::resume_unwind(Box::new("simulated broken connection"))
}

async fn wait(state: &State, time: Duration) {
    let mut stop = state.stop.subscribe();
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        _ = stop.wait_for(|stop| *stop) => hang_up(),
    }
}

fn finish(state: &State, answer: Answer, now: Timestamp) -> Response {
    let Answer { status, content_type, headers, content, .. } = answer;
    let has_body = !matches!(content, Content::Nothing);
    let mut response = match content {
        Content::Nothing => http::Response::new(Bytes::new()).into_response(),
        Content::Whole(bytes) if !answer.cut && answer.pause.is_zero() => {
            http::Response::new(bytes).into_response()
        }
        content => {
            let sending = Sending {
                pieces: content.pieces(),
                cut: answer.cut,
                pause: answer.pause,
                stop: state.stop.subscribe(),
                _permit: answer.permit,
            };
            warp::reply::stream(stream(sending)).into_response()
        }
    };
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    let mut put = |name: &str, value: String| {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    };
    if has_body {
        put(header::CONTENT_TYPE.as_str(), content_type);
    }
    put("request-id", state.id());
    if let Ok(date) = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now) {
        put("date", date);
    }
    headers.into_iter().for_each(|(name, value)| put(name, value));
    response
}

struct Sending {
    pieces: crate::answer::Pieces,
    cut: bool,
    pause: Duration,
    stop: tokio::sync::watch::Receiver<bool>,
    _permit: Option<crate::limits::Permit>,
}

/// The body piece by piece: the next one is made after the connection took the last.
fn stream(sending: Sending) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync {
    futures::stream::unfold(Some(sending), |sending| async move {
        let mut sending = sending?;
        if *sending.stop.borrow() {
            return Some((Err(io::ErrorKind::ConnectionAborted.into()), None));
        }
        if !sending.pause.is_zero() {
            tokio::time::sleep(sending.pause).await;
        }
        match sending.pieces.next() {
            Some(piece) => Some((Ok(piece), Some(sending))),
            None if sending.cut => {
                // Without this pause the pieces before the break would never leave the buffer.
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Err(io::ErrorKind::ConnectionAborted.into()), None))
            }
            None => None,
        }
    })
}
