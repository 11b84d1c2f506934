//! What anyone may read of vulnerabilities: CISA's catalogue, FIRST's daily scores, NVD.
//!
//! The vulnerabilities are those of the tenants, with invented facts, and some real ones with what was
//! public of them in August 2026; or recorded answers, where the simulator replays and there are some. A token that comes along is an error here: it would have leaked.

mod epss;
mod facts;
mod kev;
mod nvd;
mod recorded;

pub(crate) use nvd::KEY;

use jiff::Timestamp;

use crate::answer::{Answer, Content};
use crate::fault::Api;
use crate::state::{Request, State};

/// What these services say to a request.
pub(crate) async fn answer(state: &State, request: &Request, now: Timestamp) -> Answer {
    if request.header("authorization").is_some() {
        return plain(400, "text/plain", "a token came along");
    }
    if request.method != warp::http::Method::GET {
        return plain(405, "text/plain", "");
    }
    match request.api {
        Api::Kev => kev::answer(state, request, now).await,
        Api::KevMirror => kev::mirror(state, request, now).await,
        Api::Epss => epss::answer(state, request, now).await,
        _ => nvd::answer(state, request, now).await,
    }
}

/// An answer of the network in front, which speaks no JSON.
pub(crate) fn plain(status: u16, content_type: &str, body: &str) -> Answer {
    let answer = Answer::new(status, Content::Whole(body.to_owned().into()));
    Answer { content_type: content_type.to_owned(), ..answer }
}

/// How each of them refuses.
pub(crate) fn refusal(api: Api, status: u16) -> Answer {
    match (api, status) {
        (Api::Nvd, 404) => Answer::new(404, Content::Nothing).header("message", "Invalid apiKey."),
        (Api::Nvd, 429) => plain(429, "text/plain", "error code: 1015").header("retry-after", "0"),
        (Api::Nvd, 524) => plain(524, "text/plain", "error code: 524"),
        (_, 403) => {
            let body = "<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD></HTML>";
            plain(403, "text/html", body)
        }
        _ => plain(status, "text/html", "<html></html>"),
    }
}
