//! The routes as a whole: who may call which, and what no input does.

mod cases;
mod collect;
mod conformance;
mod doors;
mod forms;
mod fuzz;
mod hunt;
mod openapi;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

/// The headers by which App Service says who is calling.
pub fn signed_in(tenant: &str, object: &str) -> String {
    let claim = |name: &str, value: &str| {
        let name = format!("http://schemas.microsoft.com/identity/claims/{name}");
        json!({ "typ": name, "val": value })
    };
    let claims = [claim("tenantid", tenant), claim("objectidentifier", object)];
    let principal = BASE64_STANDARD.encode(json!({ "claims": claims }).to_string());
    format!("X-MS-CLIENT-PRINCIPAL-ID: {object}\r\nX-MS-CLIENT-PRINCIPAL: {principal}\r\n")
}
