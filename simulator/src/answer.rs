//! One answer of an API before it becomes HTTP: status, headers and a body that is made while sent.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::fault::Api;
use crate::gzip::Packed;
use crate::limits::Permit;
use crate::state::clock;

/// Records of one page, each one made when it is asked for.
pub(crate) type Records = Box<dyn Iterator<Item = Bytes> + Send + Sync>;

/// Bytes of a body in order.
pub(crate) type Pieces = Box<dyn Iterator<Item = Bytes> + Send + Sync>;

/// Bytes that go out together, so that a million records don't make a million small writes.
const PIECE_BYTES: usize = 64 * 1024;

/// How an API names the parts of a page.
#[derive(Debug)]
pub(crate) struct Form {
    pub array: &'static str,
    pub link: &'static str,
}

pub(crate) const ODATA: Form = Form { array: "value", link: "@odata.nextLink" };
pub(crate) const ARM: Form = Form { array: "value", link: "nextLink" };

/// One page of a collection.
pub(crate) struct Page {
    pub form: &'static Form,
    /// What stands before the array: JSON members, each with its comma.
    pub opening: String,
    /// The records.
    pub records: Records,
    /// How many there are.
    pub length: usize,
    /// Where the next page is.
    pub next: Option<String>,
}

/// What OData writes before the records.
pub(crate) fn opening(context: &str, count: Option<usize>) -> String {
    let count = count.map(|count| format!(r#""@odata.count":{count},"#));
    format!(r#""@odata.context":{},{}"#, Value::from(context), count.unwrap_or_default())
}

/// The body of an answer.
pub(crate) enum Content {
    Nothing,
    Whole(Bytes),
    Page(Page),
    /// Lines of a gzip file.
    Lines(Records),
    Pieces(Pieces),
}

/// What an API says to one request.
pub(crate) struct Answer {
    pub status: u16,
    pub content_type: String,
    pub headers: Vec<(&'static str, String)>,
    pub content: Content,
    /// Held until the body was sent.
    pub permit: Option<Permit>,
    /// Whether the connection breaks after the content.
    pub cut: bool,
    /// Wait before each piece.
    pub pause: std::time::Duration,
}

impl Answer {
    pub(crate) fn new(status: u16, content: Content) -> Answer {
        Answer {
            status,
            content_type: "application/json".to_owned(),
            headers: Vec::new(),
            content,
            permit: None,
            cut: false,
            pause: std::time::Duration::ZERO,
        }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Answer {
        Answer::new(status, Content::Whole(body.to_string().into()))
    }

    pub(crate) fn page(page: Page) -> Answer {
        let answer = Answer::new(200, Content::Page(page));
        Answer { content_type: "application/json; odata.metadata=minimal".to_owned(), ..answer }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.headers.push((name, value.into()));
        self
    }

    /// The API's own error body. `id` is what the service calls request or correlation id.
    pub(crate) fn error(api: Api, status: u16, code: &str, message: &str, id: &str) -> Answer {
        if matches!(api, Api::Kev | Api::KevMirror | Api::Epss | Api::Nvd) {
            return crate::cve::refusal(api, status);
        }
        let body = match api {
            Api::Graph => json!({"error": {"code": code, "message": message, "innerError":
                {"date": clock().strftime("%Y-%m-%dT%H:%M:%S").to_string(), "request-id": id, "client-request-id": id}}}),
            Api::Defender => json!({"error": {"code": code, "message": message, "target": id}}),
            Api::Entra => {
                json!({"error": code, "error_description": message, "error_codes": aadsts(message),
                "trace_id": id, "correlation_id": id})
            }
            Api::Identity => {
                json!({"statusCode": status, "message": message, "correlationId": id})
            }
            _ => {
                json!({"error": {"code": code, "message": message}})
            }
        };
        let answer = Answer::json(status, &body);
        match api {
            Api::Storage => Answer::storage_error(status, code, message, id),
            Api::Logs => answer.header("x-ms-error-code", code),
            _ => answer,
        }
    }

    fn storage_error(status: u16, code: &str, message: &str, id: &str) -> Answer {
        let body = format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}\nRequestId:{id}</Message></Error>"
        );
        let answer = Answer::new(status, Content::Whole(body.into()));
        Answer { content_type: "application/xml".to_owned(), ..answer }
            .header("x-ms-error-code", code)
    }
}

/// The numbers in a description of Entra ID.
fn aadsts(description: &str) -> Vec<u32> {
    let number = description.strip_prefix("AADSTS").and_then(|rest| rest.split_once(':'));
    number.and_then(|(number, _)| number.parse().ok()).into_iter().collect()
}

impl Content {
    /// The body's bytes in order, made as they are taken.
    pub(crate) fn pieces(self) -> Pieces {
        match self {
            Content::Nothing => Box::new(std::iter::empty()),
            Content::Whole(bytes) => Box::new(std::iter::once(bytes)),
            Content::Page(page) => page.pieces(),
            Content::Lines(lines) => Box::new(Packed::new(lines)),
            Content::Pieces(pieces) => pieces,
        }
    }
}

impl Page {
    fn head(&self) -> Bytes {
        format!(r#"{{{}"{}":["#, self.opening, self.form.array).into()
    }

    fn tail(&self) -> Bytes {
        match &self.next {
            Some(next) => format!(r#"],"{}":{}}}"#, self.form.link, Value::from(&**next)).into(),
            None => Bytes::from_static(b"]}"),
        }
    }

    /// The page without its array.
    pub(crate) fn without_records(&self) -> Bytes {
        format!("{{{}}}", self.opening.trim_end_matches(',')).into()
    }

    fn pieces(self) -> Pieces {
        let (head, tail) = (self.head(), self.tail());
        let parts = std::iter::once(head).chain(separated(self.records)).chain([tail]);
        Box::new(Gathered(parts))
    }

    /// The first half of the body: half of the records and half of the next one.
    pub(crate) fn half(self) -> Pieces {
        let (head, whole) = (self.head(), self.length / 2);
        let records = separated(self.records).take(whole * 2 + 1).enumerate();
        let cut = move |(number, part): (usize, Bytes)| match number == whole * 2 {
            true => part.slice(..part.len() / 2),
            false => part,
        };
        Box::new(Gathered(std::iter::once(head).chain(records.map(cut))))
    }
}

/// Records with a comma between two of them.
fn separated(records: Records) -> impl Iterator<Item = Bytes> + Send + Sync {
    let comma = Bytes::from_static(b",");
    records.flat_map(move |record| [comma.clone(), record]).skip(1)
}

/// Small parts gathered into pieces of at least [`PIECE_BYTES`], but for the last.
struct Gathered<I>(I);

impl<I: Iterator<Item = Bytes>> Iterator for Gathered<I> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut piece = Vec::new();
        while piece.len() < PIECE_BYTES {
            match self.0.next() {
                Some(part) => piece.extend_from_slice(&part),
                None => break,
            }
        }
        (!piece.is_empty()).then(|| piece.into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn records_are_made_while_the_page_is_sent() {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = made.clone();
        let record = move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            Bytes::from_static(&[b'x'; 1000])
        };
        let length = 1_000_000;
        let records = Box::new((0..length).map(record));
        let page = Page { form: &ODATA, opening: String::new(), records, length, next: None };

        let mut pieces = Content::Page(page).pieces();
        let first = pieces.next().map(|piece| piece.len());

        assert!(first.is_some_and(|bytes| bytes < 2 * PIECE_BYTES));
        assert!(made.load(Ordering::Relaxed) < 100);
    }
}
