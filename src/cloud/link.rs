//! The link check: a next link leads back to its own API or nowhere.

use super::{Cloud, Route};
use crate::source::Api;
use azure_core::http::Url;

/// Why a link isn't followed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LinkError {
    /// It isn't an absolute URL.
    #[error("a next link is no absolute URL")]
    Unreadable,
    /// It leads to a host that isn't this API's; no token may go there.
    #[error("a next link leads to the foreign host {host}")]
    Foreign {
        /// That host.
        host: String,
    },
}

/// The link with its API's canonical origin.
///
/// A link that begins with the base that a setting put in place of the origin is mapped back first.
/// Hosts of the API's own family (Defender's regional ones) are the API's; any other is refused.
///
/// # Errors
///
/// [`LinkError`]; the text names the host only, since paths and queries may carry tokens.
pub fn canonical(
    link: &str,
    api: Api,
    cloud: &Cloud,
    route: Option<&Route>,
) -> Result<String, LinkError> {
    let origin = cloud.origin(api);
    if let Some(rest) = route.and_then(|route| beyond(link, route.base.as_str())) {
        return Ok(format!("{origin}{rest}"));
    }
    if let Some(rest) = beyond(link, origin) {
        return Ok(format!("{origin}{rest}"));
    }
    let url = Url::parse(link).map_err(|_| LinkError::Unreadable)?;
    let host = url.host_str().ok_or(LinkError::Unreadable)?;
    if url.scheme() == "https" && url.port().is_none() && is_family(host, cloud.family(api)) {
        return Ok(format!("{origin}{}", path_and_query(&url)));
    }
    Err(LinkError::Foreign { host: host.to_owned() })
}

fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// What follows `base` in `link`, where `link` lies under it.
fn beyond<'a>(link: &'a str, base: &str) -> Option<&'a str> {
    let base = base.trim_end_matches('/');
    let (head, rest) = link.split_at_checked(base.len())?;
    let inside = head.eq_ignore_ascii_case(base) && rest.starts_with(['/', '?']);
    (!base.is_empty() && inside).then_some(rest)
}

fn is_family(host: &str, suffixes: &[&str]) -> bool {
    suffixes.iter().any(|suffix| {
        host == *suffix || host.strip_suffix(suffix).is_some_and(|head| head.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public() -> &'static Cloud {
        Cloud::named("public").unwrap()
    }

    #[test]
    fn a_link_under_the_overriding_base_is_mapped_back() {
        let base = Url::parse("http://127.0.0.1:9000/graph").unwrap();
        let route = Route::new("https://graph.microsoft.com", base);

        let link = "http://127.0.0.1:9000/graph/v1.0/x?$skiptoken=1";
        let canonical = canonical(link, Api::Graph, public(), Some(&route)).unwrap();

        assert_eq!(canonical, "https://graph.microsoft.com/v1.0/x?$skiptoken=1");
    }

    #[test]
    fn a_link_to_a_regional_defender_host_stays_with_the_canonical_one() {
        for host in ["eu.api.security.microsoft.com", "api-us.securitycenter.microsoft.com"] {
            let link = format!("https://{host}/api/machines?$skip=10000");
            let canonical = canonical(&link, Api::Defender, public(), None).unwrap();
            assert_eq!(canonical, "https://api.security.microsoft.com/api/machines?$skip=10000");
        }
    }

    #[test]
    fn a_link_to_any_other_host_is_refused_without_its_path() {
        for link in [
            "https://evil.example/api?secret=1",
            "https://graph.microsoft.com.evil.example/v1.0",
            "https://graph.microsoft.com@evil.example/v1.0",
            "http://graph.microsoft.com/v1.0",
            "https://graph.microsoft.com:444/v1.0",
            "/v1.0/relative",
        ] {
            let error = canonical(link, Api::Graph, public(), None).unwrap_err().to_string();
            assert!(!error.contains("secret") && !error.contains("v1.0"), "{error}");
        }
    }
}
