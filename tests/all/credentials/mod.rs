//! What an identity signs in with, each kind against the simulator's sign-in service, which verifies
//! signatures, audiences, times, identifiers and who is trusted.

mod certificates;
mod consent;
mod ends;
mod federated;
mod isolation;
mod refresh_tokens;
mod refusals;
mod vault;

use crate::support;
use base64::{Engine, engine::general_purpose::STANDARD};
use posture::app;
use posture::cloud::{
    Application, Cloud, Identity, Kind, Material, Proof, Reference, Route, TokenError, Tokens,
    Vault, Wire,
};
use simulator::{Api, Options, Simulator, Tenant};
use std::sync::Arc;

const GRAPH: &str = "https://graph.microsoft.com/.default";
const DEFENDER: &str = "https://api.securitycenter.microsoft.com/.default";

const PEM: &str = include_str!("../../fixtures/credentials/test-only.pem");
const OTHER_PEM: &str = include_str!("../../fixtures/credentials/other-test-only.pem");

/// A simulator with a provider's tenant and a customer's, and the way to it.
struct World {
    microsoft: Simulator,
    wire: Wire,
    vault: Arc<Vault>,
    customer: Tenant,
}

impl World {
    /// A world in which the customer's application is registered so.
    async fn new(register: impl FnOnce(&mut Tenant)) -> World {
        let mut customer = Tenant::new(2, "Fabrikam", 5);
        register(&mut customer);
        let provider = support::tenant(5);
        let tenants = vec![provider.clone(), customer.clone()];
        let mut options = Options::new(tenants, posture::describe::tables_json());
        options.limits = false;
        let microsoft = support::start(options).await;
        let cloud = Cloud::named("public").unwrap();
        let wire = Wire::new(vec![
            Route::new(cloud.sign_in, microsoft.entra_url().parse().unwrap()),
            Route::new(&cloud.vaults(), microsoft.vault_url().parse().unwrap()),
        ]);
        let own =
            Identity::client_secret(&provider.id, &provider.client_id, provider.client_secret);
        let vault = Vault::new(own, cloud.sign_in, wire.clone(), app::clock);
        World { microsoft, wire, vault: Arc::new(vault), customer }
    }

    fn application(&self, proof: Proof) -> Application {
        let Tenant { id: tenant, client_id, .. } = self.customer.clone();
        Application { tenant, client_id, proof }
    }

    fn tokens(&self, identity: Identity) -> Tokens {
        let cloud = Cloud::named("public").unwrap();
        let tokens = Tokens::new(identity, cloud.sign_in, self.wire.clone(), app::clock);
        tokens.reading(Some(self.vault.clone()), None)
    }

    /// The tokens of the customer's application with this proof.
    fn proving(&self, proof: Proof) -> Tokens {
        self.tokens(Identity::Application(self.application(proof)))
    }

    fn asked(&self, api: Api) -> usize {
        self.microsoft.requests().iter().filter(|seen| seen.api == api).count()
    }

    /// Requests to the vault that came with a token.
    fn read(&self) -> usize {
        let requests = self.microsoft.requests();
        let vault = requests.iter().filter(|seen| seen.api == Api::Vault);
        vault.filter(|seen| seen.status != 401).count()
    }

    fn put(&self, name: &str, value: &str) {
        self.microsoft.put_secret(name, value, app::clock(), None);
    }
}

fn reference(name: &str, kind: Kind) -> Reference {
    let path = if kind == Kind::Key { "keys" } else { "secrets" };
    let text = format!("https://contoso.vault.azure.net/{path}/{name}");
    Reference::read(&text, kind, Cloud::named("public").unwrap(), None).unwrap()
}

fn in_vault(name: &str) -> Material {
    Material::Vault(reference(name, Kind::Secret))
}

/// The bytes of the first part of a PEM text with this name.
fn part(pem: &str, name: &str) -> Vec<u8> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {name}-----")).unwrap();
    let (body, _) = rest.split_once("-----END").unwrap();
    STANDARD.decode(body.replace('\n', "")).unwrap()
}

/// The text of a refusal, which is somebody's turn.
fn refusal(answer: Result<azure_core::credentials::Secret, TokenError>) -> String {
    match answer.map(|_| "a token") {
        Err(error @ TokenError::Refused { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}
