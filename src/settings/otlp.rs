//! Where spans go: OpenTelemetry's own variables, as its specification has them.

use super::SettingError;
use super::values::{Lookup, is_loopback, wrong};
use azure_core::credentials::Secret;
use azure_core::http::Url;
use std::collections::BTreeMap;
use std::time::Duration;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
const LEVEL: &str = "OTEL_LOG_LEVEL";

/// A receiver of spans by OTLP over http/protobuf.
///
/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>
#[derive(Clone, Debug)]
pub struct Otlp {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/traces` behind it: https, or http on this machine.
    pub endpoint: Url,
    /// `OTEL_EXPORTER_OTLP_HEADERS`: `<name>=<value>`, joined by commas, values percent-encoded. Their
    /// values are secrets. Default none.
    pub headers: BTreeMap<String, Secret>,
    /// `OTEL_EXPORTER_OTLP_TIMEOUT`: how long one request may take, 1 to 60000 milliseconds. Default 10000.
    pub timeout: Duration,
    /// What the spans are of: `OTEL_SERVICE_NAME`, default `posture`, and `OTEL_RESOURCE_ATTRIBUTES`,
    /// in the headers' form.
    pub resource: BTreeMap<String, String>,
    /// `OTEL_LOG_LEVEL`: `info` exports jobs, `debug` their pages and parts too. Default `info`.
    pub in_detail: bool,
}

impl Otlp {
    /// The receiver; nothing where no endpoint is set.
    pub(super) fn read(look: Lookup) -> Result<Option<Otlp>, SettingError> {
        let Some(text) = look(ENDPOINT) else { return Ok(None) };
        Ok(Some(Otlp {
            endpoint: endpoint(&text)?,
            headers: headers(look)?,
            timeout: timeout(look)?,
            resource: resource(look)?,
            in_detail: in_detail(look)?,
        }))
    }
}

fn endpoint(text: &str) -> Result<Url, SettingError> {
    const EXAMPLE: &str = "https://otlp.contoso.example";
    let problem = "is no https address, without user, query and fragment";
    let url = Url::parse(text).map_err(|_| wrong(ENDPOINT, problem, EXAMPLE))?;
    // A query or a password would be a secret; those belong into the headers.
    let bare = url.query().is_none() && url.fragment().is_none();
    let bare = bare && url.username().is_empty() && url.password().is_none();
    match url.scheme() {
        "https" if bare => {}
        "http" if bare && is_loopback(&url) => {}
        "http" if bare => {
            let host = url.host_str().unwrap_or_default();
            let problem = format!("is plain http to {host}, which only this machine may be sent");
            return Err(wrong(ENDPOINT, problem, EXAMPLE));
        }
        _ => return Err(wrong(ENDPOINT, problem, EXAMPLE)),
    }
    let traces = format!("{}/v1/traces", url.as_str().trim_end_matches('/'));
    Url::parse(&traces).map_err(|_| wrong(ENDPOINT, problem, EXAMPLE))
}

fn headers(look: Lookup) -> Result<BTreeMap<String, Secret>, SettingError> {
    let pairs = pairs(HEADERS, look, "api-key=…")?;
    Ok(pairs.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
}

fn timeout(look: Lookup) -> Result<Duration, SettingError> {
    let Some(text) = look(TIMEOUT) else { return Ok(Duration::from_secs(10)) };
    match text.parse() {
        Ok(millis) if (1..=60_000).contains(&millis) => Ok(Duration::from_millis(millis)),
        _ => {
            let problem = format!("is {text:?}, expected 1 to 60000 milliseconds");
            Err(wrong(TIMEOUT, problem, "10000"))
        }
    }
}

fn resource(look: Lookup) -> Result<BTreeMap<String, String>, SettingError> {
    let mut resource: BTreeMap<_, _> =
        pairs(ATTRIBUTES, look, "deployment.environment.name=production")?.into_iter().collect();
    resource
        .entry("service.version".to_owned())
        .or_insert_with(|| env!("CARGO_PKG_VERSION").to_owned());
    let named = resource.remove("service.name");
    let name = look("OTEL_SERVICE_NAME").or(named).unwrap_or_else(|| "posture".to_owned());
    resource.insert("service.name".to_owned(), name);
    Ok(resource)
}

fn in_detail(look: Lookup) -> Result<bool, SettingError> {
    match look(LEVEL).map(|level| level.to_ascii_lowercase()).as_deref() {
        Some("debug" | "trace") => Ok(true),
        // The Functions host reads the same variable, so that all its levels are taken.
        None | Some("info" | "warn" | "warning" | "error" | "fatal" | "none" | "off") => Ok(false),
        Some(_) => Err(wrong(LEVEL, "is no level, expected info or debug", "info")),
    }
}

/// The pairs of a list of `<name>=<value>`. What is wrong never repeats a value.
fn pairs(
    name: &'static str,
    look: Lookup,
    example: &'static str,
) -> Result<Vec<(String, String)>, SettingError> {
    let text = look(name).unwrap_or_default();
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let pair = |entry: &str| {
        let (key, value) = entry.split_once('=')?;
        let (key, value) = (key.trim(), decoded(value.trim())?);
        (!key.is_empty() && key.is_ascii()).then(|| (key.to_owned(), value))
    };
    let pairs: Option<Vec<_>> = entries.map(pair).collect();
    pairs.ok_or_else(|| wrong(name, "has an entry that is no <name>=<value>", example))
}

/// A percent-encoded text; other characters stand for themselves, `+` too.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|code| u8::from_str_radix(str::from_utf8(code).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Option<Otlp>, SettingError> {
        let look = |name: &str| {
            let found = settings.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Otlp::read(&look)
    }

    #[test]
    fn without_an_endpoint_nothing_is_exported() {
        assert!(read(&[(HEADERS, "api-key=sesame")]).unwrap().is_none());
    }

    #[test]
    fn an_endpoint_gets_the_path_of_traces_and_the_standard_defaults() {
        let otlp = read(&[(ENDPOINT, "https://otlp.contoso.example/otlp/")]).unwrap().unwrap();

        assert_eq!(otlp.endpoint.as_str(), "https://otlp.contoso.example/otlp/v1/traces");
        assert_eq!((otlp.timeout, otlp.in_detail), (Duration::from_secs(10), false));
        assert_eq!(otlp.resource["service.name"], "posture");
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        assert!(read(&[(ENDPOINT, "http://127.0.0.1:4318")]).unwrap().is_some());

        let error = read(&[(ENDPOINT, "http://otlp.contoso.example:4318")]).unwrap_err();

        let text = error.to_string();
        assert!(text.contains("plain http to otlp.contoso.example"), "{text}");
        assert!(text.contains("for example OTEL_EXPORTER_OTLP_ENDPOINT=https://"), "{text}");
    }

    #[test]
    fn what_is_wrong_with_a_secret_never_repeats_it() {
        for (name, value) in [
            (HEADERS, "sesame"),
            (ENDPOINT, "https://user:sesame@otlp.contoso.example"),
            (ENDPOINT, "https://otlp.contoso.example?key=sesame"),
        ] {
            let error = read(&[(name, value), (ENDPOINT, "https://otlp.contoso.example")]);
            assert!(!error.unwrap_err().to_string().contains("sesame"), "{name}");
        }
        let well = [(ENDPOINT, "https://otlp.contoso.example"), (HEADERS, "api-key=sesame")];
        assert!(!format!("{:?}", read(&well)).contains("sesame"));
    }

    #[test]
    fn values_are_percent_decoded_and_the_services_name_has_its_own_variable() {
        let otlp = read(&[
            (ENDPOINT, "https://otlp.contoso.example"),
            (HEADERS, "authorization=Basic%20YTpi, x=a+b%"),
            (ATTRIBUTES, "service.name=other,team=soc%2Cnorth"),
            ("OTEL_SERVICE_NAME", "posture-eu"),
        ]);

        let otlp = otlp.unwrap().unwrap();
        assert_eq!(otlp.headers["authorization"].secret(), "Basic YTpi");
        assert_eq!(otlp.headers["x"].secret(), "a+b%");
        assert_eq!(otlp.resource["service.name"], "posture-eu");
        assert_eq!(otlp.resource["team"], "soc,north");
    }
}
