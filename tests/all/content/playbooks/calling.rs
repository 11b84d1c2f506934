//! A playbook's calls to the running program, as the platform makes them and keeps their answers.

use super::walker::{AUDIENCE, Status, Walk};
use crate::support::http::{self, Reply};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

impl Walk<'_> {
    pub async fn http(&mut self, name: &str, action: &Value) -> Result<Status, String> {
        let inputs = self.values.of(&action["inputs"])?;
        let method = inputs["method"].as_str().unwrap();
        let address = inputs["uri"].as_str().unwrap();
        let host = format!("http://127.0.0.1:{}", self.port);
        let path = address.strip_prefix(&host).ok_or_else(|| format!("{address} is elsewhere"))?;
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '{' | '}');
        assert!(path.chars().all(is_plain), "{path} isn't encoded");
        let request = self.request(method, path, &inputs);
        let reply = http::raw(self.port, request.as_bytes()).await;
        let Ok(reply) = reply else {
            self.values.outputs.remove(name);
            return Ok(Status::Failed);
        };
        self.called.push((method.to_owned(), path.to_owned(), reply.status));
        let is_followed = action["operationOptions"] != "DisableAsyncPattern";
        let is_polled = reply.status == 202 && reply.header("location").is_some();
        assert!(
            !(is_followed && is_polled),
            "{name}: the platform would follow Location by itself"
        );
        let outputs = json!({ "statusCode": reply.status, "body": content(&reply) });
        self.values.outputs.insert(name.to_owned(), outputs);
        Ok(if (200..300).contains(&reply.status) { Status::Succeeded } else { Status::Failed })
    }

    fn request(&self, method: &str, path: &str, inputs: &Value) -> String {
        let body = match &inputs["body"] {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let mut headers = String::new();
        for (name, value) in inputs["headers"].as_object().into_iter().flatten() {
            headers += &format!("{name}: {}\r\n", value.as_str().unwrap());
        }
        let authentication = &inputs["authentication"];
        let is_known = authentication["type"] == "ManagedServiceIdentity"
            && authentication["identity"] == "{identityResourceId}"
            && authentication["audience"] == AUDIENCE;
        if is_known {
            headers += &self.identity;
        }
        format!(
            "{method} {path} HTTP/1.1\r\nHost: app.example\r\n{headers}Content-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

/// A body as the platform keeps it: JSON under its plain name is read, a text stays one, all else is bytes.
///
/// <https://learn.microsoft.com/azure/logic-apps/logic-apps-content-type>
fn content(reply: &Reply) -> Value {
    let kind = reply.header("content-type").unwrap_or_default();
    match kind.split(';').next().unwrap().trim() {
        "application/json" => reply.json(),
        text if text.starts_with("text/") => reply.body.clone().into(),
        _ => json!({ "$content-type": kind, "$content": BASE64_STANDARD.encode(&reply.body) }),
    }
}
