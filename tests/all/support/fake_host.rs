//! A small stand-in for the Functions host: judges an answer to an envelope as the host does, and
//! makes of its outputs what the host makes of them.
//!
//! The rules are those of the host's own source, lenient where it is lenient: [`Accepted::ignored`]
//! says what it would pass over in silence.

use super::http::Reply;
use super::queue_messages::messages;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// A function as its folder's function.json describes it.
#[derive(Clone, Debug)]
pub struct Function {
    pub name: String,
    pub bindings: Vec<Value>,
}

/// What becomes of a call.
#[derive(Debug)]
pub enum Verdict {
    Success(Box<Accepted>),
    /// The call fails, for this reason.
    Failure(String),
    /// The call neither succeeds nor fails: the host waits until `functionTimeout` and kills.
    Hang,
}

/// What the host takes from an answer.
#[derive(Debug, Default)]
pub struct Accepted {
    pub logs: Vec<String>,
    /// The bytes of the messages, by queue output binding.
    pub queues: BTreeMap<String, Vec<Vec<u8>>>,
    /// What the caller of an HTTP function gets.
    pub http: Option<Answer>,
    /// `ReturnValue`, decoded where it is base64.
    pub returned: Option<Vec<u8>>,
    /// Outputs that no binding takes.
    pub ignored: Vec<String>,
}

/// An HTTP answer as the caller sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: String,
}

impl Function {
    /// A function of these bindings.
    pub fn of(name: &str, bindings: Value) -> Function {
        let bindings = bindings.as_array().unwrap().clone();
        Function { name: name.to_owned(), bindings }
    }

    /// One of ours.
    pub fn read(name: &str) -> Function {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name).join("function.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        Function::of(name, file["bindings"].clone())
    }

    /// All of ours, in the order in which the host tries their routes.
    pub fn all() -> Vec<Function> {
        let root = std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
        let folders = root.map(|entry| entry.unwrap().path());
        let with_function = folders.filter(|folder| folder.join("function.json").exists());
        let mut names: Vec<_> = with_function
            .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort_by_key(|name| name.to_lowercase());
        names.iter().map(|name| Function::read(name)).collect()
    }

    /// Its triggers; a sound function has one.
    pub fn triggers(&self) -> Vec<&Value> {
        let is_trigger = |binding: &&Value| binding["type"].as_str().unwrap().ends_with("Trigger");
        self.bindings.iter().filter(is_trigger).collect()
    }

    /// Its output bindings of that type.
    pub fn outputs(&self, kind: &str) -> Vec<&Value> {
        let fits = |binding: &&Value| binding["type"] == kind && binding["direction"] == "out";
        self.bindings.iter().filter(fits).collect()
    }

    /// What the host makes of an answer to this function's envelope.
    pub fn judge(&self, reply: &Reply) -> Verdict {
        if !(200..300).contains(&reply.status) {
            return Verdict::Failure(format!("status {}", reply.status));
        }
        if reply.body.is_empty() || reply.body.trim() == "null" {
            return Verdict::Hang;
        }
        let judged = body(reply).and_then(|body| self.take(&body));
        judged.map_or_else(Verdict::Failure, |accepted| Verdict::Success(Box::new(accepted)))
    }

    fn take(&self, body: &Map<String, Value>) -> Result<Accepted, String> {
        let mut outputs = match property(body, "Outputs") {
            None => None,
            Some(Value::Object(outputs)) => Some(outputs.clone()),
            Some(other) => return Err(format!("Outputs is no object: {other}")),
        };
        let returned = property(body, "ReturnValue");
        self.spread(returned, &mut outputs);
        let mut accepted = Accepted { logs: logs(body)?, ..Accepted::default() };
        accepted.returned = returned.and_then(Value::as_str).map(bytes_of);
        for binding in self.outputs("queue") {
            let name = binding["name"].as_str().unwrap();
            let value = outputs.as_ref().and_then(|outputs| outputs.get(name));
            let made = messages(value, binding["dataType"] == "binary")?;
            accepted.queues.insert(name.to_owned(), made);
        }
        for binding in self.outputs("http") {
            let name = binding["name"].as_str().unwrap();
            accepted.http = Some(http_answer(outputs.as_ref(), name)?);
        }
        let is_bound = |key: &&String| self.bindings.iter().any(|bound| bound["name"] == **key);
        let keys = outputs.iter().flat_map(|outputs| outputs.keys());
        accepted.ignored = keys.filter(|key| !is_bound(key)).cloned().collect();
        Ok(accepted)
    }

    /// `ReturnValue` goes to `$return`, or, as an object, over the bindings of its keys.
    fn spread(&self, returned: Option<&Value>, outputs: &mut Option<Map<String, Value>>) {
        if self.bindings.iter().any(|binding| binding["name"] == "$return") {
            let value = returned.cloned().unwrap_or_default();
            outputs.get_or_insert_default().insert("$return".to_owned(), value);
        } else if let Some(Value::Object(values)) = returned {
            outputs.get_or_insert_default().extend(values.clone());
        }
    }

    /// The envelope by which the host delivers a queue message to this function.
    pub fn delivery(&self, message: &[u8], dequeue_count: u32) -> String {
        let trigger = self.triggers()[0];
        assert_eq!(trigger["dataType"], "binary", "{}", self.name);
        let mut data = Map::new();
        let name = trigger["name"].as_str().unwrap();
        data.insert(name.to_owned(), json!(BASE64_STANDARD.encode(message)));
        let metadata = json!({
            "DequeueCount": dequeue_count.to_string(),
            "ExpirationTime": "2024-10-31T10:00:00+00:00",
            "Id": "\"a1\"",
            "InsertionTime": "2024-10-24T10:00:00+00:00",
            "NextVisibleTime": "2024-10-24T10:10:00+00:00",
            "PopReceipt": "\"AgAAAAMAAAAAAAAA\"",
            "sys": { "MethodName": self.name, "UtcNow": "2024-10-24T10:00:01.1234567Z" },
        });
        json!({ "Data": data, "Metadata": metadata }).to_string()
    }
}

/// The answer's body, where the host can read it.
fn body(reply: &Reply) -> Result<Map<String, Value>, String> {
    let content_type = reply.header("content-type").unwrap_or_default().to_lowercase();
    let (media, parameters) = content_type.split_once(';').unwrap_or((&content_type, ""));
    let charset = parameters.trim().strip_prefix("charset=").unwrap_or("utf-8");
    if !matches!(media.trim(), "application/json" | "text/json") {
        return Err(format!("unsupported media type {media:?}"));
    }
    if !matches!(charset, "utf-8" | "utf-16") || reply.header("content-encoding").is_some() {
        return Err("an encoding that the host doesn't read".to_owned());
    }
    let body = serde_json::from_str(&reply.body);
    body.map_err(|error| format!("status {} and body {}: {error}", reply.status, reply.body))
}

/// A property of any letter case; null is none.
fn property<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = body.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value).filter(|value| !value.is_null())
}

fn logs(body: &Map<String, Value>) -> Result<Vec<String>, String> {
    let Some(logs) = property(body, "Logs") else { return Ok(Vec::new()) };
    let lines = logs.as_array().ok_or("Logs is no array")?;
    let text = |line: &Value| line.as_str().map(str::to_owned).ok_or("a log is no string");
    Ok(lines.iter().map(text).collect::<Result<_, _>>()?)
}

fn bytes_of(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec())
}

/// What an `http` output makes of its value.
fn http_answer(outputs: Option<&Map<String, Value>>, name: &str) -> Result<Answer, String> {
    let answer = |status, content_type: &str, body: &str| Answer {
        status,
        content_type: content_type.to_owned(),
        body: body.to_owned(),
    };
    let Some(outputs) = outputs else { return Ok(answer(204, "", "")) };
    let value = match outputs.get(name) {
        None => return Ok(answer(200, "application/json", "{}")),
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        Some(value) => value.clone(),
    };
    let Value::Object(parts) = value else { return Ok(answer(500, "", "")) };
    let status = match parts.get("statusCode") {
        None | Some(Value::Null) => 200,
        Some(Value::String(text)) => text.parse().map_err(|_| "statusCode is no number")?,
        Some(number) => number.as_u64().and_then(|n| n.try_into().ok()).ok_or("no statusCode")?,
    };
    let mut content_type = "text/plain; charset=utf-8";
    for (header, value) in parts.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().ok_or_else(|| format!("the header {header} is no string"))?;
        if header.eq_ignore_ascii_case("content-type") {
            content_type = value;
        }
    }
    let body = match parts.get("body") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => serde_json::to_string_pretty(other).unwrap(),
    };
    Ok(answer(status, content_type, &body))
}
