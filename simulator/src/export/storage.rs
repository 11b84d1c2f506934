//! The storage that export files lie in: opens to a signed link and to nothing else.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use warp::http::Method;

use crate::answer::{Answer, Content};
use crate::export::{SETS, Set, Style, View, files, rows_of, step_at};
use crate::fault::Api;
use crate::state::{Request, State};
use crate::web;

/// Answers one request for a file.
pub(crate) fn answer(state: &State, request: &Request, now: Timestamp) -> Answer {
    let error = |status, code: &str, text: &str| {
        Answer::error(Api::Storage, status, code, text, &state.id())
    };
    if request.header("authorization").is_some() {
        let text = "Authentication information is not given in the correct format. Check the value of Authorization header.";
        return error(400, "InvalidAuthenticationInfo", text);
    }
    if request.method != Method::GET {
        let text = "The resource doesn't support specified Http Verb.";
        return error(405, "UnsupportedHttpVerb", text);
    }
    if !is_signed(state, request, now) {
        let text = "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.";
        return error(403, "AuthenticationFailed", text);
    }
    match file(state, &request.path) {
        Some(lines) => {
            let answer = Answer::new(200, lines);
            Answer { content_type: "application/octet-stream".to_owned(), ..answer }
        }
        None => error(404, "BlobNotFound", "The specified blob does not exist."),
    }
}

fn is_signed(state: &State, request: &Request, now: Timestamp) -> bool {
    let query = web::pairs(&request.query);
    let (until, signature) = (web::value(&query, "se"), web::value(&query, "sig"));
    let (Some(until), Some(signature)) = (until, signature) else { return false };
    signature == files::signature(state, &request.path, until)
        && until.parse::<Timestamp>().is_ok_and(|until| now < until)
}

/// The rows of the file that lies there.
fn file(state: &State, path: &str) -> Option<Content> {
    let mut parts = path.strip_prefix("/export/")?.split('/');
    let tenant = state.tenant(parts.next()?)?;
    let (day, time, folder) = (parts.next()?, parts.next()?, parts.next()?);
    let set = SETS.iter().find(|set| set.folder == folder)?;
    let made = DateTime::strptime("%Y-%m-%d %H%M", format!("{day} {time}")).ok()?;
    let made = jiff::tz::Offset::UTC.to_timestamp(made).ok()?;
    let number = parts.nth(3)?.strip_prefix("part-")?.split('-').next()?.parse().ok()?;
    let view = View { step: step_at(made), ..state.view(tenant) };
    let count = state.options.export_files.max(1);
    (path == files::path(set, &view, number)).then(|| lines(view, set, number, count))
}

/// File `number` of `count`: every so many devices; the second file is empty.
fn lines(view: View, set: &'static Set, number: u32, count: u32) -> Content {
    let (place, filled) = match number {
        0 => (0, count.saturating_sub(1).max(1)),
        1 => (u64::MAX, 1),
        _ => (u64::from(number) - 1, count - 1),
    };
    let devices = (place..view.devices()).step_by(filled as usize);
    Content::Lines(Box::new(rows_of(Arc::new(view), set, Style::File, devices)))
}
