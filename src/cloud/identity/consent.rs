//! The first refresh token of a user: the authorization-code flow, with state and PKCE.

use super::sign_in::SignIn;
use super::{Application, Identity, Material};
use crate::cloud::trouble::{self, Trouble};
use crate::cloud::{Cloud, TokenError, Vault, Wire};
use azure_core::credentials::Secret;
use azure_core::http::Url;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;

/// One sign-in of a user, from the link to the refresh token that is kept.
#[derive(Debug)]
pub struct Consent {
    sign_in: SignIn,
    application: Application,
    keep: Material,
    redirect: String,
    scope: String,
    state: Secret,
    verifier: Secret,
    link: String,
}

impl Consent {
    /// A sign-in for an identity that acts for a user, whose browser comes back to `redirect`.
    /// Nothing for any other identity, or where its tenant's id is none.
    pub fn new(
        identity: Identity,
        cloud: &Cloud,
        redirect: &str,
        wire: Wire,
        vault: Arc<Vault>,
        clock: fn() -> Timestamp,
    ) -> Option<Consent> {
        let Identity::Delegated { application, refresh_token } = identity.clone() else {
            return None;
        };
        let (state, verifier) = (random()?, random()?);
        let scope = format!("offline_access {}/.default", cloud.graph);
        let address = page(&application, cloud, &wire);
        let link = link(&address, &application, redirect, [&scope, &state, &verifier])?;
        let mut sign_in = SignIn::new(identity, cloud.sign_in, wire, clock);
        sign_in.vault = Some(vault);
        Some(Consent {
            sign_in,
            application,
            keep: refresh_token,
            redirect: redirect.to_owned(),
            scope,
            state: state.into(),
            verifier: verifier.into(),
            link,
        })
    }

    /// What the user opens in a browser.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// Whether an answer belongs to this sign-in.
    pub fn is_answer(&self, state: &str) -> bool {
        Secret::new(state.to_owned()) == self.state
    }

    /// What a refusal in place of a code means.
    pub fn refused(&self, description: &str) -> TokenError {
        let digits = description.strip_prefix("AADSTS").unwrap_or_default();
        let digits = digits.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        let codes: Vec<u32> = digits.parse().into_iter().collect();
        match codes.is_empty() {
            true => Trouble::refused("the sign-in was cancelled", "open the link again"),
            false => trouble::answered(&self.sign_in.identity, 400, &codes),
        }
        .of(&self.scope_name())
    }

    /// Takes the code that came back, and keeps the refresh token that it gives.
    ///
    /// # Errors
    ///
    /// [`TokenError`]; nothing is kept then.
    pub async fn take(&self, code: &str) -> Result<(), TokenError> {
        self.exchange(code).await.map_err(|trouble| trouble.of(&self.scope_name()))
    }

    fn scope_name(&self) -> String {
        self.scope.trim_start_matches("offline_access ").to_owned()
    }

    async fn exchange(&self, code: &str) -> Result<(), Trouble> {
        let fields = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", self.redirect.clone()),
            ("code_verifier", self.verifier.secret().to_owned()),
            ("scope", self.scope.clone()),
        ];
        let granted = self.sign_in.grant(&self.application, fields).await?;
        let refresh_token = granted.refresh_token.ok_or_else(|| {
            let advice = "let the application ask for offline_access";
            Trouble::refused("the answer has no refresh token", advice)
        })?;
        self.keep.write(&self.sign_in, &Secret::new(refresh_token)).await
    }
}

/// The page that the application's tenant signs in at. Where a setting puts another base in place of
/// the sign-in service, the browser goes there.
fn page(application: &Application, cloud: &Cloud, wire: &Wire) -> String {
    let base = wire.route(cloud.sign_in).map(|route| route.base.to_string());
    let base = base.unwrap_or_else(|| cloud.sign_in.to_owned());
    format!("{}/{}/oauth2/v2.0/authorize", base.trim_end_matches('/'), application.tenant)
}

fn link(
    page: &str,
    application: &Application,
    redirect: &str,
    [scope, state, verifier]: [&str; 3],
) -> Option<String> {
    let challenge = digest::digest(&digest::SHA256, verifier.as_bytes());
    let mut link = Url::parse(page).ok()?;
    link.query_pairs_mut().extend_pairs([
        ("client_id", application.client_id.as_str()),
        ("response_type", "code"),
        ("redirect_uri", redirect),
        ("response_mode", "query"),
        ("scope", scope),
        ("state", state),
        ("code_challenge", &URL_SAFE_NO_PAD.encode(challenge)),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
    ]);
    Some(link.into())
}

/// 32 random bytes, as text.
fn random() -> Option<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}
