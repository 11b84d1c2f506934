//! An identity at the sign-in service: one token request, whatever it signs in with.

use super::assertion::{self, Proven};
use super::delegated::{self, Rotated, Turns};
use super::{Application, Identity, Material, Proof};
use crate::cloud::trouble::{self, Trouble};
use crate::cloud::{Vault, Wire};
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::CONTENT_TYPE;
use azure_core::http::{
    ClientMethodOptions, ClientOptions, HttpClient, Method, Request, RetryOptions, Url,
};
use azure_core::time::{Duration, OffsetDateTime};
use azure_core::{cloud::CloudConfiguration, cloud::CustomConfiguration};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// One identity and the way to the sign-in service.
#[derive(Debug)]
pub(in crate::cloud) struct SignIn {
    pub identity: Identity,
    /// The sign-in service's canonical origin.
    authority: String,
    wire: Wire,
    pub clock: fn() -> Timestamp,
    pub vault: Option<Arc<Vault>>,
    pub turns: Option<Arc<dyn Turns>>,
    pub(super) rotated: tokio::sync::Mutex<Option<Rotated>>,
}

/// What the token endpoint gives for a grant of our own.
#[derive(Deserialize)]
pub(super) struct Granted {
    access_token: String,
    expires_in: i64,
    pub refresh_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    error_codes: Vec<u32>,
}

impl SignIn {
    pub fn new(
        identity: Identity,
        authority: &str,
        wire: Wire,
        clock: fn() -> Timestamp,
    ) -> SignIn {
        let (authority, rotated) = (authority.to_owned(), tokio::sync::Mutex::default());
        SignIn { identity, authority, wire, clock, vault: None, turns: None, rotated }
    }

    pub fn vault(&self) -> Result<&Vault, Trouble> {
        let advice = "give the secret itself: nothing here reads vaults";
        self.vault.as_deref().ok_or_else(|| Trouble::refused("no Key Vault can be read", advice))
    }

    /// The token endpoint of a tenant.
    pub fn endpoint(&self, tenant: &str) -> String {
        format!("{}/{tenant}/oauth2/v2.0/token", self.authority)
    }

    /// A new token for `scope`. A refusal makes what lies in a vault be read anew, once: it may have
    /// been replaced since.
    pub async fn token(&self, scope: &str) -> Result<AccessToken, Trouble> {
        match self.ask(scope).await {
            Err(refused @ Trouble::Refused { .. }) => match self.reread().await {
                true => self.ask(scope).await,
                false => Err(refused),
            },
            other => other,
        }
    }

    async fn reread(&self) -> bool {
        let mut changed = false;
        for (_, material) in self.identity.materials() {
            // Where that fails, the refusal itself says more.
            changed |= material.reread(self).await.unwrap_or(false);
        }
        changed
    }

    async fn ask(&self, scope: &str) -> Result<AccessToken, Trouble> {
        // A new credential each time: its own cache would hand a refused token out again.
        let credential = match &self.identity {
            Identity::Delegated { application, refresh_token } => {
                return delegated::token(self, application, refresh_token, scope).await;
            }
            Identity::Application(application) => self.credential_of(application).await?,
            Identity::ManagedIdentity { .. } | Identity::AzureCli { .. } => {
                self.own_credential().map_err(|error| self.explain(&error))?
            }
        };
        credential.get_token(&[scope], None).await.map_err(|error| self.explain(&error))
    }

    fn explain(&self, error: &Error) -> Trouble {
        Trouble::explain(&self.identity, error)
    }

    async fn credential_of(
        &self,
        application: &Application,
    ) -> Result<Arc<dyn TokenCredential>, Trouble> {
        let Application { tenant, client_id, .. } = application;
        let made = match assertion::prove(application, self).await? {
            Proven::Secret(secret) => self.with_secret(tenant, client_id, secret),
            Proven::Assertion(assertion) => self.with_assertion(tenant, client_id, assertion),
        };
        made.map_err(|error| self.explain(&error))
    }

    fn with_secret(
        &self,
        tenant: &str,
        client_id: &str,
        secret: Secret,
    ) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let options = ClientSecretCredentialOptions { client_options: self.client_options() };
        Ok(ClientSecretCredential::new(tenant, client_id.to_owned(), secret, Some(options))?)
    }

    fn with_assertion(
        &self,
        tenant: &str,
        client_id: &str,
        assertion: Secret,
    ) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let options = ClientAssertionCredentialOptions { client_options: self.client_options() };
        let (tenant, client_id) = (tenant.to_owned(), client_id.to_owned());
        Ok(ClientAssertionCredential::new(tenant, client_id, Signed(assertion), Some(options))?)
    }

    /// The identity as the app's own: the platform's, the developer's, or an application whose
    /// secret is given.
    pub fn own_credential(&self) -> azure_core::Result<Arc<dyn TokenCredential>> {
        match &self.identity {
            Identity::ManagedIdentity { client_id } => self.managed(client_id.clone()),
            Identity::AzureCli { tenant } => {
                let options = AzureCliCredentialOptions {
                    tenant_id: tenant.clone(),
                    ..AzureCliCredentialOptions::default()
                };
                Ok(AzureCliCredential::new(Some(options))?)
            }
            Identity::Application(Application {
                tenant,
                client_id,
                proof: Proof::Secret(Material::Given(secret)),
            }) => self.with_secret(tenant, client_id, secret.clone()),
            Identity::Application(_) | Identity::Delegated { .. } => Err(Error::with_message(
                ErrorKind::Credential,
                "the app's own identity is the managed one or the Azure CLI's",
            )),
        }
    }

    fn managed(&self, client_id: Option<String>) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let user_assigned_id = client_id.map(UserAssignedId::ClientId);
        let client_options = self.client_options();
        let options = ManagedIdentityCredentialOptions { user_assigned_id, client_options };
        Ok(ManagedIdentityCredential::new(Some(options))?)
    }

    /// A managed identity's token that an application trusts in place of a secret.
    pub async fn exchange_token(
        &self,
        client_id: Option<String>,
        audience: &str,
    ) -> Result<String, Trouble> {
        let identity = Identity::ManagedIdentity { client_id: client_id.clone() };
        let explain = |error| Trouble::explain(&identity, &error);
        let credential = self.managed(client_id).map_err(explain)?;
        let scope = format!("{audience}/.default");
        let token = credential.get_token(&[&scope], None).await.map_err(explain)?;
        Ok(token.token.secret().to_owned())
    }

    /// A grant that the Azure crates don't know, at the application's tenant.
    pub(super) async fn grant(
        &self,
        application: &Application,
        mut fields: Vec<(&str, String)>,
    ) -> Result<Granted, Trouble> {
        fields.push(("client_id", application.client_id.clone()));
        match assertion::prove(application, self).await? {
            Proven::Secret(secret) => fields.push(("client_secret", secret.secret().to_owned())),
            Proven::Assertion(assertion) => {
                fields.push(("client_assertion_type", JWT_BEARER.to_owned()));
                fields.push(("client_assertion", assertion.secret().to_owned()));
            }
        }
        let (status, body) = self.post(&self.endpoint(&application.tenant), &fields).await?;
        if status != 200 {
            let refusal = serde_json::from_slice::<Refusal>(&body);
            let codes = refusal.map(|refusal| refusal.error_codes).unwrap_or_default();
            return Err(trouble::answered(&self.identity, status, &codes));
        }
        serde_json::from_slice(&body).map_err(|_| Trouble::unreachable(trouble::NO_TOKEN))
    }

    async fn post(
        &self,
        endpoint: &str,
        fields: &[(&str, String)],
    ) -> Result<(u16, azure_core::Bytes), Trouble> {
        let broken = |_| Trouble::refused("the tenant's id is none", "check POSTURE_TENANT_ID");
        let url = Url::parse(endpoint).map_err(broken)?;
        let mut form = url.clone();
        form.query_pairs_mut().clear().extend_pairs(fields);
        let mut request = Request::new(url, Method::Post);
        request.insert_header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.set_body(form.query().unwrap_or_default().to_owned());
        let answer = async {
            let response = self.wire.execute_request(&request).await?;
            let (status, _, body) = response.deconstruct();
            Ok((u16::from(status), body.collect().await?))
        };
        answer.await.map_err(|error: Error| self.explain(&error))
    }

    pub(in crate::cloud) fn client_options(&self) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host.clone_from(&self.authority);
        ClientOptions {
            transport: Some(self.wire.for_azure()),
            // The pipeline that asks for the token does the waiting, within its job's deadline.
            retry: RetryOptions::none(),
            cloud: Some(Arc::new(CloudConfiguration::from(cloud))),
            ..ClientOptions::default()
        }
    }
}

impl Granted {
    /// The access token as the cache takes it.
    pub fn token(&self, now: Timestamp) -> AccessToken {
        let now = OffsetDateTime::from_unix_timestamp(now.as_second());
        let now = now.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let expires = now.saturating_add(Duration::seconds(self.expires_in.max(0)));
        AccessToken::new(self.access_token.clone(), expires)
    }
}

/// An assertion that has been made, as the Azure crates ask for one.
#[derive(Debug)]
struct Signed(Secret);

#[async_trait::async_trait]
impl ClientAssertion for Signed {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.secret().to_owned())
    }
}
