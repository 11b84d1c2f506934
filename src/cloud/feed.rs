//! Manners of services that anyone may read: no token, an ordinary user agent, refusals of their own.

use super::api::{CallError, Miss};
use azure_core::credentials::Secret;
use azure_core::http::headers::{HeaderName, Headers, USER_AGENT};
use azure_core::http::{Request, Url};
use std::time::Duration;

const LOCATION: HeaderName = HeaderName::from_static("location");
/// NVD's header for the key; it is never in the address.
const API_KEY: HeaderName = HeaderName::from_static("apikey");
/// NVD's header that says what is wrong with a request.
const MESSAGE: HeaderName = HeaderName::from_static("message");
/// The span of NVD's limit: whoever has met it waits at least so long, whatever the answer asks for.
///
/// <https://nvd.nist.gov/developers/start-here>
const NVD_SPAN: Duration = Duration::from_secs(30);
/// What delivery networks let pass.
const AGENT: &str = concat!("Mozilla/5.0 (compatible; posture/", env!("CARGO_PKG_VERSION"), ")");

/// Who asks where anyone may.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// The key that the service has given.
    pub key: Option<Secret>,
}

impl Visitor {
    /// Puts the headers in; what stands for the token is empty.
    pub fn introduce(&self, request: &mut Request) -> Secret {
        request.insert_header(USER_AGENT, AGENT);
        if let Some(key) = &self.key {
            request.insert_header(API_KEY, key.secret().to_owned());
        }
        Secret::new(String::new())
    }

    /// What headers of a refusal say; never the key, whatever a service repeats.
    pub fn said(&self, headers: &Headers) -> Said {
        let text = |name| headers.get_optional_str(name).map(str::to_owned);
        let key = self.key.as_ref().map(Secret::secret).filter(|key| !key.is_empty());
        let without_key = |text: String| key.map_or(text.clone(), |key| text.replace(key, "…"));
        Said { location: text(&LOCATION), message: text(&MESSAGE).map(without_key).map(plain) }
    }
}

/// What headers of a refusal say.
#[derive(Debug, Default)]
pub(super) struct Said {
    location: Option<String>,
    message: Option<String>,
}

/// A header's text, cut and without what has no place in a line.
fn plain(text: String) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(120).collect()
}

/// Whose turn a refusal is. A wrong key or parameter is a 404 with its reason in a header; 403 and 429
/// come from the network in front, which asks for no wait or for one of 0.
pub(super) fn refusal(status: u16, url: &Url, said: Said, after: Option<Duration>) -> Miss {
    let path = url.path().to_owned();
    let is_nvd = path.starts_with("/rest/json/");
    let again = |throttled| Miss::Again {
        what: format!("answered {status}"),
        after: if throttled { after.max(Some(NVD_SPAN)) } else { after },
        throttled,
    };
    match status {
        300..=399 => Miss::Final(match said.location {
            Some(to) => CallError::Moved { path, to },
            None => CallError::Rejected { status, code: None, path },
        }),
        429 => again(true),
        403 if is_nvd => again(true),
        401 | 403 => Miss::Final(CallError::Denied { status, code: None, path }),
        408 | 500.. => again(false),
        _ => Miss::Final(CallError::Rejected { status, code: said.message, path }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(status: u16, path: &str, message: Option<&str>) -> Miss {
        let url = Url::parse(&format!("https://example.org{path}")).unwrap();
        let said = Said { location: None, message: message.map(str::to_owned) };
        refusal(status, &url, said, None)
    }

    #[test]
    fn a_key_that_a_service_repeats_is_left_out() {
        let visitor = Visitor { key: Some(Secret::new("k-123".to_owned())) };
        let mut headers = Headers::new();
        headers.insert(MESSAGE, "Invalid apiKey k-123.");

        assert!(!visitor.said(&headers).message.unwrap().contains("k-123"));
    }

    #[test]
    fn a_wrong_key_is_permanent_and_says_so() {
        let miss = met(404, "/rest/json/cves/2.0", Some("Invalid apiKey."));

        let Miss::Final(error) = miss else { panic!("tried again") };
        assert_eq!(error.to_string(), "answered 404 Invalid apiKey. at /rest/json/cves/2.0");
    }

    #[test]
    fn whoever_has_met_nvds_limit_waits_its_whole_span() {
        for status in [403, 429] {
            let miss = met(status, "/rest/json/cves/2.0", None);
            assert!(matches!(miss, Miss::Again { after: Some(wait), throttled: true, .. }
                if wait == NVD_SPAN));
        }
        assert!(matches!(met(524, "/rest/json/cves/2.0", None), Miss::Again { after: None, .. }));
    }

    #[test]
    fn a_site_that_refuses_this_machine_is_not_asked_again() {
        let miss = met(403, "/sites/default/files/feeds/x.json", None);

        assert!(matches!(miss, Miss::Final(CallError::Denied { status: 403, .. })));
    }
}
