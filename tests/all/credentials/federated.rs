//! A customer's tenant reached without any secret: the provider's user-assigned identity stands in.

use crate::support::service::{command, environment};
use crate::support::{self, Folder};
use simulator::{Api, Federated, Options, Simulator, Tenant};
use std::process::Output;

struct World {
    microsoft: Simulator,
    folder: Folder,
    provider: Tenant,
    customer: Tenant,
}

impl World {
    /// A provider, and a customer in whose tenant the provider's application trusts so.
    async fn new(change: impl FnOnce(&mut Federated)) -> World {
        let provider = support::tenant(5);
        let mut customer = Tenant::new(2, "Fabrikam", 5);
        let mut federated = Federated {
            issuer: format!("https://login.microsoftonline.com/{}/v2.0", provider.id),
            subject: support::microsoft(0).await.identity_principal(),
            audience: "api://AzureADTokenExchange".to_owned(),
        };
        change(&mut federated);
        customer.federated = vec![federated];
        let tenants = vec![provider.clone(), customer.clone()];
        let mut options = Options::new(tenants, posture::describe::tables_json());
        options.limits = false;
        let microsoft = support::start(options).await;
        World { microsoft, folder: Folder::new(), provider, customer }
    }

    /// Collects the customer's devices by the real binary.
    async fn collect(&self, identity: Option<&str>) -> Output {
        let mut environment = environment(&self.microsoft, &self.folder.url());
        environment.retain(|(name, _)| name != "POSTURE_TENANT_ID");
        let mut set = |name: &str, value: &str| environment.push((name.into(), value.into()));
        set("POSTURE_TENANT_ID", &self.customer.id);
        set("POSTURE_CREDENTIAL", "federated-identity");
        set("POSTURE_CLIENT_ID", &self.customer.client_id);
        if let Some(identity) = identity {
            set("AZURE_CLIENT_ID", identity);
        }
        let mut command = command(&environment);
        command.args(["collect", "--source", "defender.devices"]);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn refusal(&self, identity: Option<&str>) -> String {
        let output = self.collect(identity).await;
        assert_eq!(output.status.code(), Some(1));
        // The table breaks lines; a report has the message whole.
        let mut reports = String::new();
        for path in self.folder.ledger().list("runs/").await.unwrap() {
            let (bytes, _) = self.folder.ledger().read(&path).await.unwrap().unwrap();
            reports.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        reports
    }
}

#[tokio::test]
async fn a_customers_tenant_is_collected_without_any_secret() {
    let world = World::new(|_| {}).await;

    let output = world.collect(Some(&world.provider.client_id)).await;

    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let requests = world.microsoft.requests();
    let exchange = requests.iter().find(|seen| seen.query.contains("AzureADTokenExchange"));
    assert!(exchange.is_some_and(|seen| seen.api == Api::Identity), "{requests:?}");
    let tokens = requests.iter().filter(|seen| seen.api == Api::Entra);
    assert!(tokens.into_iter().all(|seen| seen.path.contains(&world.customer.id)));
    let machines = requests.iter().filter(|seen| seen.api == Api::Defender);
    assert!(machines.into_iter().all(|seen| seen.tenant.as_ref() == Some(&world.customer.id)));
}

#[tokio::test]
async fn issuer_subject_and_audience_must_be_the_registered_ones() {
    let other_issuer =
        World::new(|trust| trust.issuer = "https://login.microsoftonline.us/x/v2.0".into()).await;
    let other_subject = World::new(|trust| trust.subject = trust.subject.to_uppercase()).await;
    let other_audience = World::new(|trust| trust.audience += "USGov").await;

    for (world, code) in
        [(other_issuer, "700211"), (other_subject, "700213"), (other_audience, "700212")]
    {
        let text = world.refusal(Some(&world.provider.client_id.clone())).await;
        assert!(text.contains(&format!("(AADSTS{code}): no federated credential")), "{text}");
        assert!(text.contains("object id"), "{text}");
    }
}

#[tokio::test]
async fn the_systems_own_identity_is_not_the_one_that_is_trusted() {
    let world = World::new(|_| {}).await;

    let text = world.refusal(None).await;

    assert!(text.contains("(AADSTS700213): "), "{text}");
}

#[tokio::test]
async fn an_identity_that_is_not_assigned_says_so() {
    let world = World::new(|_| {}).await;

    let text = world.refusal(Some("99999999-0000-4000-8000-000000000000")).await;

    assert!(text.contains("assign the managed identity to the function app"), "{text}");
}
