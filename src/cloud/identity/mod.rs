//! Who signs in, and with what.

mod assertion;
mod certificate;
mod consent;
mod delegated;
mod ends;
mod material;
mod sign_in;

pub use consent::Consent;
pub use delegated::Turns;
pub use ends::End;
pub use material::Material;
pub(super) use material::{Held, clean};

pub(super) use sign_in::SignIn;

use super::Reference;

/// Who signs in.
#[derive(Clone, Debug)]
pub enum Identity {
    /// The platform's managed identity: the system's, or a user-assigned one by its client id.
    ManagedIdentity {
        /// Client id of a user-assigned identity.
        client_id: Option<String>,
    },
    /// Whoever is signed in to the Azure CLI on a developer's machine.
    AzureCli {
        /// Tenant to sign in to; the CLI's own default where absent.
        tenant: Option<String>,
    },
    /// An application, by itself.
    Application(Application),
    /// An application on behalf of a user who has consented once.
    Delegated {
        /// The application.
        application: Application,
        /// The user's refresh token.
        refresh_token: Material,
    },
}

/// An application of the tenant, or of another tenant that this one has consented to.
#[derive(Clone, Debug)]
pub struct Application {
    /// Tenant to sign in to.
    pub tenant: String,
    /// Its client id.
    pub client_id: String,
    /// What it proves itself with.
    pub proof: Proof,
}

/// What an application proves itself with.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A client secret.
    Secret(Material),
    /// A certificate with its private key, PEM or PKCS#12.
    Certificate {
        /// Both, in one text.
        certificate: Material,
        /// The password of PKCS#12; none counts as empty.
        password: Option<Material>,
    },
    /// A certificate whose private key stays in Key Vault and signs there.
    VaultKey {
        /// The key.
        key: Reference,
        /// The certificate's public part; the vault's certificate of the key's name where absent.
        certificate: Option<Material>,
    },
    /// The token of a user-assigned managed identity that the application trusts.
    Federated {
        /// The identity's client id.
        identity: Option<String>,
        /// What its token must be for; differs by cloud.
        audience: &'static str,
    },
}

impl Identity {
    /// Its client id, where it is known.
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Identity::ManagedIdentity { client_id } => client_id.as_deref(),
            other => other.application().map(|application| application.client_id.as_str()),
        }
    }

    /// An application with a client secret.
    pub fn client_secret(tenant: &str, client_id: &str, secret: impl Into<Material>) -> Identity {
        Identity::Application(Application {
            tenant: tenant.to_owned(),
            client_id: client_id.to_owned(),
            proof: Proof::Secret(secret.into()),
        })
    }

    /// The application that signs in, where it is one.
    pub fn application(&self) -> Option<&Application> {
        match self {
            Identity::Application(application) | Identity::Delegated { application, .. } => {
                Some(application)
            }
            Identity::ManagedIdentity { .. } | Identity::AzureCli { .. } => None,
        }
    }

    /// What it signs in with, each part with its name for people.
    pub(super) fn materials(&self) -> Vec<(&'static str, &Material)> {
        let mut materials = match self.application().map(|application| &application.proof) {
            Some(Proof::Secret(secret)) => vec![("client secret", secret)],
            Some(Proof::Certificate { certificate, password }) => {
                let password =
                    password.as_ref().map(|password| ("certificate's password", password));
                [("certificate", certificate)].into_iter().chain(password).collect()
            }
            Some(Proof::VaultKey { certificate: Some(certificate), .. }) => {
                vec![("certificate", certificate)]
            }
            Some(Proof::VaultKey { certificate: None, .. } | Proof::Federated { .. }) | None => {
                Vec::new()
            }
        };
        if let Identity::Delegated { refresh_token, .. } = self {
            materials.push(("refresh token", refresh_token));
        }
        materials
    }
}
