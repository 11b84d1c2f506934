//! The way to one container or queue of a storage account: in Azure with a token, at Azurite with its key.

use super::shared_key::{AZURITE_ACCOUNT, SharedKey};
use crate::cloud::{Tokens, Wire};
use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, Url};
use jiff::Timestamp;
use std::sync::Arc;

/// What Azure's clients are made of.
pub(crate) struct Way {
    /// Address of the container or queue.
    pub url: Url,
    /// The identity; nothing where requests are signed with Azurite's key.
    pub credential: Option<Arc<dyn TokenCredential>>,
    /// Transport and signing.
    pub options: ClientOptions,
}

/// The way to `name` in `account`: an https endpoint asked with `tokens`, or Azurite on loopback.
///
/// # Errors
///
/// Where the identity can't make a credential.
pub(crate) fn way(
    account: &Url,
    name: &str,
    tokens: &Tokens,
    clock: fn() -> Timestamp,
) -> azure_core::Result<Way> {
    let mut url = account.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push(name);
    }
    let mut options = ClientOptions {
        transport: Some(Wire::for_storage().for_azure()),
        ..ClientOptions::default()
    };
    let azurite = url.scheme() == "http" && url.path().contains(AZURITE_ACCOUNT);
    let credential = match azurite {
        true => {
            options.per_try_policies.push(Arc::new(SharedKey::azurite(clock)));
            None
        }
        false => Some(tokens.credential()?),
    };
    Ok(Way { url, credential, options })
}
