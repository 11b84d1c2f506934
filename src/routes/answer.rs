//! What a route answers, in the form that was asked for.

use super::{Call, Comment, Query, Request, Route, Rows};
use crate::host::{Problem, Reply};
use memchr::memmem;
use ring::digest::{Context, SHA256};
use serde::Serialize;

/// Fields that say when an answer was made: they change where nothing else does. A quotation mark inside a
/// text is escaped, so that none of them is found there.
const VOLATILE: [&[u8]; 2] = [b"\"generated\":", b"\"ageSeconds\":"];

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON, the default.
    Json,
    /// An incident comment as HTML.
    Html,
    /// An incident comment as Markdown.
    Markdown,
    /// Rows, for spreadsheets.
    Csv,
}

impl Form {
    /// Its media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Form::Json => "application/json",
            Form::Html => "text/html; charset=utf-8",
            Form::Markdown => "text/markdown; charset=utf-8",
            Form::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    fn named(name: &str) -> Option<Form> {
        match name.to_ascii_lowercase().as_str() {
            "json" | "application/json" => Some(Form::Json),
            "html" | "text/html" => Some(Form::Html),
            "markdown" | "text/markdown" => Some(Form::Markdown),
            "csv" | "text/csv" => Some(Form::Csv),
            _ => None,
        }
    }

    /// The form that a request asks for by `?format=`, else by the first media type of `Accept` that the
    /// route has.
    ///
    /// # Errors
    ///
    /// A 406 where `?format=` names a form that the route doesn't have.
    pub(super) fn asked(
        request: &Request<'_>,
        query: &Query,
        route: &Route,
    ) -> Result<Form, Problem> {
        let has = |form: &Form| match form {
            Form::Json => true,
            Form::Html | Form::Markdown => route.has_comment,
            Form::Csv => route.has_rows,
        };
        if let Some(name) = query.get("format") {
            let form = Form::named(&name).filter(has);
            return form.ok_or_else(|| {
                let all = [("json", Form::Json), ("html", Form::Html)];
                let all = all.into_iter().chain([("markdown", Form::Markdown), ("csv", Form::Csv)]);
                let all: Vec<_> = all.filter(|(_, form)| has(form)).map(|(name, _)| name).collect();
                Problem::new(406, format!("format is one of {} here", all.join(", ")))
            });
        }
        let accept = request.headers.get("accept").and_then(|value| value.to_str().ok());
        let types = accept.unwrap_or_default().split(',');
        let mut forms = types.filter_map(|one| Form::named(one.split(';').next()?.trim()));
        Ok(forms.find(has).unwrap_or(Form::Json))
    }
}

/// Something that a route answers: JSON as it is serialised, and where it has them, a comment and rows.
pub trait Shown: Serialize {
    /// As an incident comment.
    fn comment(&self) -> Option<Comment> {
        None
    }

    /// As rows.
    fn rows(&self) -> Option<Rows> {
        None
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    content_type: &'static str,
    body: String,
    tag: Option<String>,
    headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// An answer that shows `value` in the form that the call asks for.
    ///
    /// # Errors
    ///
    /// A 406 where it has no such form.
    pub fn of(call: &Call<'_>, value: &impl Shown) -> Result<Answer, Problem> {
        let unwritable = |_| Problem::new(500, "the answer can't be written as JSON");
        let lacks = || Problem::new(406, "this answer has no such form");
        let (body, tag) = match call.form {
            Form::Json => {
                let body = serde_json::to_string(value).map_err(unwritable)?;
                let tag = tag(&body);
                (body, Some(tag))
            }
            Form::Html => (value.comment().ok_or_else(lacks)?.html(), None),
            Form::Markdown => (value.comment().ok_or_else(lacks)?.markdown(), None),
            Form::Csv => (value.rows().ok_or_else(lacks)?.csv(), None),
        };
        let content_type = call.form.content_type();
        Ok(Answer { status: 200, content_type, body, tag, headers: Vec::new() })
    }

    /// The same with another status.
    pub fn status(self, status: u16) -> Answer {
        Answer { status, ..self }
    }

    /// A page or document of another media type.
    pub fn document(content_type: &'static str, body: String) -> Answer {
        Answer { status: 200, content_type, body, tag: None, headers: Vec::new() }
    }

    /// The same with a header. Its value must have no control characters; one that does is left out.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.headers.push((name, value.into()));
        self
    }

    /// What is sent back: 304 where the caller has it already.
    pub(super) fn reply(self, call: &Call<'_>) -> Result<Reply, Problem> {
        let Answer { status, content_type, body, tag, mut headers } = self;
        if call.request.method != "GET" || status != 200 {
            return Ok(Reply { status, content_type, body, headers });
        }
        let tag = tag.unwrap_or_else(|| {
            let mut context = Context::new(&SHA256);
            context.update(body.as_bytes());
            finish(context)
        });
        let known = call.header("if-none-match").unwrap_or_default();
        let is_known = known.split(',').any(|one| one.trim() == tag || one.trim() == "*");
        headers.push(("etag", tag));
        headers.push(("cache-control", "private, no-cache".to_owned()));
        match is_known {
            true => Ok(Reply { status: 304, content_type, body: String::new(), headers }),
            false => Ok(Reply { status, content_type, body, headers }),
        }
    }
}

/// A weak tag of JSON: the same as long as nothing but the answer's own time changes.
fn tag(json: &str) -> String {
    let json = json.as_bytes();
    let found =
        VOLATILE.iter().flat_map(|name| memmem::find_iter(json, name).map(|at| at + name.len()));
    let mut values: Vec<_> = found.collect();
    values.sort_unstable();
    let mut context = Context::new(&SHA256);
    let mut done = 0;
    for value in values {
        context.update(&json[done..value]);
        // A time or a number: neither has a comma or a bracket in it.
        let end = json[value..].iter().position(|byte| matches!(byte, b',' | b'}' | b']'));
        done = value + end.unwrap_or(0);
    }
    context.update(&json[done..]);
    finish(context)
}

fn finish(context: Context) -> String {
    let hash = context.finish();
    let hex: String = hash.as_ref()[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{hex}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_tag_stays_as_long_as_only_the_answers_own_time_changes() {
        let of = |value: serde_json::Value| tag(&value.to_string());
        let one = of(json!({ "generated": 1, "a": [{ "ageSeconds": 5, "b": "x" }] }));

        assert_eq!(one, of(json!({ "generated": 2, "a": [{ "ageSeconds": 91, "b": "x" }] })));
        assert_ne!(one, of(json!({ "generated": 1, "a": [{ "ageSeconds": 5, "b": "y" }] })));
        let text = |text: &str| of(json!({ "a": text, "generated": "2026-11-26T06:00:00Z" }));
        assert_ne!(text("\"generated\":1"), text("\"generated\":2"), "a text is no field");
        assert!(one.starts_with("W/\"") && one.len() == 28, "{one}");
    }
}
