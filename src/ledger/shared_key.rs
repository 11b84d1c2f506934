//! Shared Key authorization, for Azurite's well-known account only: Azure is always asked with a
//! token.

use async_trait::async_trait;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Method, Request};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::{Timestamp, fmt::rfc2822};
use ring::hmac;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Azurite's account, the same on every machine and no secret.
///
/// <https://learn.microsoft.com/azure/storage/common/storage-connect-azurite>
pub const AZURITE_ACCOUNT: &str = "devstoreaccount1";
const AZURITE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// The headers of the string to sign, in its order, between the method and the `x-ms-` ones.
const SIGNED: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// Signs each try of a request as Azurite's account.
///
/// <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>
#[derive(Debug)]
pub struct SharedKey {
    key: hmac::Key,
    clock: fn() -> Timestamp,
}

impl SharedKey {
    /// The policy; `clock` dates the requests.
    pub fn azurite(clock: fn() -> Timestamp) -> SharedKey {
        let secret = BASE64_STANDARD.decode(AZURITE_KEY).unwrap_or_default();
        SharedKey { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), clock }
    }

    fn sign(&self, request: &Request) -> String {
        let tag = hmac::sign(&self.key, string_to_sign(request).as_bytes());
        format!("SharedKey {AZURITE_ACCOUNT}:{}", BASE64_STANDARD.encode(tag))
    }
}

#[async_trait]
impl Policy for SharedKey {
    async fn send(
        &self,
        ctx: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let printer = rfc2822::DateTimePrinter::new();
        let date = printer.timestamp_to_rfc9110_string(&(self.clock)()).unwrap_or_default();
        request.insert_header("x-ms-date", date);
        if matches!(request.method(), Method::Put | Method::Post)
            && let Some(length) = request.body().len()
        {
            request.insert_header("content-length", length.to_string());
        }
        let signature = self.sign(request);
        request.insert_header("authorization", signature);
        match next {
            [first, rest @ ..] => first.send(ctx, request, rest).await,
            [] => Err(azure_core::Error::with_message(
                azure_core::error::ErrorKind::Other,
                "no transport after the Shared Key policy",
            )),
        }
    }
}

fn string_to_sign(request: &Request) -> String {
    let headers = request.headers();
    let mut text = format!("{}\n", request.method());
    for name in SIGNED {
        let value = headers.get_optional_str(&HeaderName::from_static(name)).unwrap_or_default();
        let empty = name == "content-length" && value == "0";
        text.push_str(if empty { "" } else { value });
        text.push('\n');
    }
    for (name, value) in service_headers(headers) {
        text.push_str(&format!("{name}:{value}\n"));
    }
    text.push_str(&format!("/{AZURITE_ACCOUNT}{}", request.url().path()));
    for (name, value) in queries(request) {
        text.push_str(&format!("\n{name}:{value}"));
    }
    text
}

fn service_headers(headers: &Headers) -> BTreeMap<&str, &str> {
    let all = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    all.filter(|(name, _)| name.starts_with("x-ms-")).collect()
}

fn queries(request: &Request) -> BTreeMap<String, String> {
    let pairs = request.url().query_pairs();
    pairs.map(|(name, value)| (name.to_lowercase(), value.into_owned())).collect()
}
