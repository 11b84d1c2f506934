//! The one transport: maps canonical origins to overriding bases and sends.

use azure_core::error::{Error, ErrorKind};
use azure_core::http::{AsyncRawResponse, HttpClient, Request, Url};
use reqwest::redirect::Policy;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest silence within a body or before its first byte: a hunting query works for three minutes.
const READ_TIMEOUT: Duration = Duration::from_secs(200);

/// A base that stands in for a canonical origin: a private link, a test, the simulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The canonical https origin, without a slash at its end; `https://*.<suffix>` is every host
    /// directly below the suffix.
    pub origin: String,
    /// What is asked instead; its path is kept.
    pub base: Url,
}

impl Route {
    /// Sends what is meant for `origin` to `base`.
    pub fn new(origin: &str, base: Url) -> Route {
        Route { origin: origin.to_owned(), base }
    }

    fn apply(&self, url: &Url) -> Option<Url> {
        let rest = match self.origin.strip_prefix("https://*.") {
            Some(suffix) => below(url, suffix)?,
            None => url.as_str().strip_prefix(&self.origin)?,
        };
        if !rest.starts_with(['/', '?']) {
            return None;
        }
        Url::parse(&format!("{}{rest}", self.base.as_str().trim_end_matches('/'))).ok()
    }
}

/// What follows the host, where it is a name directly below `suffix`.
fn below<'a>(url: &'a Url, suffix: &str) -> Option<&'a str> {
    let name = url.host_str()?.strip_suffix(suffix)?.strip_suffix('.')?;
    let plain = !name.is_empty() && !name.contains('.') && url.port().is_none();
    let rest = url.as_str().strip_prefix("https://")?;
    plain.then(|| rest.find('/').map(|at| &rest[at..])).flatten()
}

/// The only opener of connections, shared by every API, credential and storage client.
///
/// Redirects are answers like any other: a token must not follow one. Plain http goes to loopback
/// and link-local addresses only (Azurite, the simulator, the platform's identity endpoint).
#[derive(Clone)]
pub struct Wire {
    routes: Arc<Vec<Route>>,
    decompress: bool,
    outside: Arc<OnceLock<reqwest::Client>>,
    loopback: Arc<OnceLock<reqwest::Client>>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl Wire {
    /// A transport with these routes; clients are built when first needed, since loading the
    /// machine's root certificates takes longer than everything else of a start.
    pub fn new(routes: Vec<Route>) -> Wire {
        Wire {
            routes: Arc::new(routes),
            decompress: true,
            outside: Arc::default(),
            loopback: Arc::default(),
        }
    }

    /// The same for storage, whose ranged downloads break when bodies are decompressed on the way.
    pub fn for_storage() -> Wire {
        Wire { decompress: false, ..Wire::new(Vec::new()) }
    }

    /// The route that stands in for `origin`, if there is one.
    pub fn route(&self, origin: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.origin == origin)
    }

    /// This transport as the Azure crates take it.
    pub fn for_azure(&self) -> azure_core::http::Transport {
        azure_core::http::Transport::new(Arc::new(self.clone()))
    }

    fn client(&self, url: &Url) -> Result<&reqwest::Client, Error> {
        let local = is_loopback(url);
        let slot = if local { &self.loopback } else { &self.outside };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = build(self.decompress, local)?;
        Ok(slot.get_or_init(|| client))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that opens connections")]
fn build(decompress: bool, local: bool) -> Result<reqwest::Client, Error> {
    // A second install answers with an error and changes nothing.
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .redirect(Policy::none())
        .gzip(decompress);
    if local {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| {
        Error::with_error(ErrorKind::Other, error, "the HTTP client can't be built")
    })
}

#[async_trait::async_trait]
impl HttpClient for Wire {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mapped = self.routes.iter().find_map(|route| route.apply(request.url()));
        let target = mapped.as_ref().unwrap_or(request.url());
        if target.scheme() != "https" && !is_loopback(target) && !is_link_local(target) {
            let host = target.host_str().unwrap_or_default();
            let text = format!("plain http to {host}: only loopback addresses may do without TLS");
            return Err(Error::with_message(ErrorKind::Other, text));
        }
        let client = self.client(target)?;
        match mapped {
            Some(url) => {
                let mut request = request.clone();
                *request.url_mut() = url;
                client.execute_request(&request).await
            }
            None => client.execute_request(request).await,
        }
    }
}

/// Whether a URL leads to this machine itself.
pub fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

/// The platform's identity endpoint has a link-local address on some plans.
fn is_link_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_keeps_its_path_in_front_of_the_requests() {
        let base = Url::parse("http://127.0.0.1:9000/tunnel/").unwrap();
        let route = Route::new("https://graph.microsoft.com", base);
        let url = Url::parse("https://graph.microsoft.com/v1.0/x?$top=1").unwrap();

        let mapped = route.apply(&url).unwrap();

        assert_eq!(mapped.as_str(), "http://127.0.0.1:9000/tunnel/v1.0/x?$top=1");
    }

    #[test]
    fn a_longer_host_name_is_another_origin() {
        let base = Url::parse("http://127.0.0.1:9000").unwrap();
        let route = Route::new("https://graph.microsoft.com", base);
        let url = Url::parse("https://graph.microsoft.com.evil.example/v1.0").unwrap();

        assert_eq!(route.apply(&url), None);
    }

    #[test]
    fn a_base_for_every_vault_takes_the_names_directly_below_their_suffix() {
        let base = Url::parse("http://127.0.0.1:9000").unwrap();
        let route = Route::new("https://*.vault.azure.net", base);
        let apply = |url: &str| route.apply(&Url::parse(url).unwrap()).map(String::from);

        let mapped = apply("https://contoso.vault.azure.net/secrets/x?api-version=7.6");

        assert_eq!(mapped.as_deref(), Some("http://127.0.0.1:9000/secrets/x?api-version=7.6"));
        for other in [
            "https://vault.azure.net/secrets/x",
            "https://a.b.vault.azure.net/secrets/x",
            "https://contoso.vault.azure.net.evil.example/secrets/x",
            "https://contoso.vault.azure.net:444/secrets/x",
            "http://contoso.vault.azure.net/secrets/x",
        ] {
            assert_eq!(apply(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn plain_http_leaves_this_machine_for_nobody() {
        let wire = Wire::new(Vec::new());
        let url = Url::parse("http://graph.microsoft.com/v1.0").unwrap();

        let error = wire.execute_request(&Request::new(url, azure_core::http::Method::Get)).await;

        assert!(error.unwrap_err().to_string().contains("only loopback"));
    }
}
