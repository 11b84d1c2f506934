//! Addresses of what lies in Key Vault.

use crate::cloud::Cloud;
use azure_core::http::Url;

/// What an address may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A secret.
    Secret,
    /// A key that signs.
    Key,
}

/// Where in Key Vault something lies. Prints as host, kind and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// `https://<vault>.<suffix>`.
    pub(super) vault: String,
    pub(super) kind: Kind,
    pub(super) name: String,
    /// The newest where absent.
    pub(super) version: Option<String>,
}

/// Why an address is none that a token may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It leads elsewhere than to a vault of the cloud.
    #[error("names a host that is no Key Vault of this cloud")]
    Foreign,
    /// It has another form.
    #[error("is no address of a Key Vault's {}", if *.0 == Kind::Key { "key" } else { "secret" })]
    Form(Kind),
}

impl Kind {
    pub(super) fn path(self) -> &'static str {
        match self {
            Kind::Secret => "secrets",
            Kind::Key => "keys",
        }
    }
}

impl Reference {
    /// Reads an address: `https://<vault>.<the cloud's suffix>/secrets/<name>[/<version>]`.
    ///
    /// An address that begins with `base`, which a setting put in place of every vault, is one of
    /// theirs.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`], which doesn't repeat the text.
    pub fn read(
        text: &str,
        kind: Kind,
        cloud: &Cloud,
        base: Option<&Url>,
    ) -> Result<Reference, ReferenceError> {
        let form = ReferenceError::Form(kind);
        let under_base = base.and_then(|base| {
            let base = base.as_str().trim_end_matches('/');
            text.strip_prefix(base).filter(|rest| rest.starts_with('/'))
        });
        let text = match under_base {
            Some(rest) => format!("https://overridden.{}{rest}", cloud.vault_suffix),
            None => text.to_owned(),
        };
        let url = Url::parse(&text).map_err(|_| form)?;
        let host = url.host_str().ok_or(form)?;
        let name = host.strip_suffix(cloud.vault_suffix).and_then(|head| head.strip_suffix('.'));
        let is_vault = name.is_some_and(|name| !name.is_empty() && !name.contains('.'));
        let bare = url.query().is_none() && url.username().is_empty() && url.password().is_none();
        if url.scheme() != "https" || url.port().is_some() || !bare || !is_vault {
            return Err(ReferenceError::Foreign);
        }
        let parts: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
        let plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let (name, version) = match parts[..] {
            [path, name] if path == kind.path() => (name, None),
            [path, name, version] if path == kind.path() => (name, Some(version.to_owned())),
            _ => return Err(form),
        };
        if !plain(name) || !version.as_deref().is_none_or(plain) {
            return Err(form);
        }
        let vault = format!("https://{host}");
        Ok(Reference { vault, kind, name: name.to_owned(), version })
    }
}

impl Reference {
    /// Whether it names a version, which never changes, rather than the newest.
    pub fn is_pinned(&self) -> bool {
        self.version.is_some()
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = self.vault.trim_start_matches("https://");
        write!(f, "{host}/{}/{}", self.kind.path(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, base: Option<&str>) -> Result<String, ReferenceError> {
        let base = base.map(|base| Url::parse(base).unwrap());
        let cloud = Cloud::named("public").unwrap();
        let read = Reference::read(text, Kind::Secret, cloud, base.as_ref());
        read.map(|reference| reference.to_string())
    }

    #[test]
    fn an_address_leads_to_a_vault_of_the_cloud_or_nowhere() {
        let shown = "contoso.vault.azure.net/secrets/app".to_owned();
        assert_eq!(read("https://contoso.vault.azure.net/secrets/app", None), Ok(shown.clone()));
        assert_eq!(read("https://contoso.vault.azure.net/secrets/app/0a1b", None), Ok(shown));
        for foreign in [
            "https://vault.azure.net/secrets/app",
            "https://contoso.vault.azure.net.evil.example/secrets/app",
            "https://evil.example/contoso.vault.azure.net/secrets/app",
            "https://evil.example@contoso.vault.azure.net/secrets/app",
            "https://contoso.vault.azure.net:444/secrets/app",
            "http://contoso.vault.azure.net/secrets/app",
            "https://contoso.vault.azure.cn/secrets/app",
            "http://127.0.0.1:9000/secrets/app",
        ] {
            assert_eq!(read(foreign, None), Err(ReferenceError::Foreign), "{foreign}");
        }
        for other in ["/keys/app", "/secrets", "/secrets/app/1/2", "/secrets/%2e%2e"] {
            let text = format!("https://contoso.vault.azure.net{other}");
            assert_eq!(read(&text, None), Err(ReferenceError::Form(Kind::Secret)), "{text}");
        }
    }

    #[test]
    fn an_address_under_the_overriding_base_is_a_vaults() {
        let base = Some("http://127.0.0.1:9000/");

        let local = read("http://127.0.0.1:9000/secrets/app", base).unwrap();

        assert_eq!(local, "overridden.vault.azure.net/secrets/app");
        assert_eq!(read("http://127.0.0.1:9001/secrets/app", base), Err(ReferenceError::Foreign));
    }

    #[test]
    fn each_cloud_has_vaults_of_its_own() {
        for (cloud, suffix) in [
            ("gcc", "vault.azure.net"),
            ("gcc-high", "vault.usgovcloudapi.net"),
            ("dod", "vault.usgovcloudapi.net"),
            ("china", "vault.azure.cn"),
        ] {
            let text = format!("https://contoso.{suffix}/keys/app");
            let read = Reference::read(&text, Kind::Key, Cloud::named(cloud).unwrap(), None);
            assert!(read.is_ok(), "{cloud}");
        }
    }
}
