//! What each of the sign-in service's refusals says to do.

use super::{GRAPH, World, refusal};
use posture::cloud::{Material, Proof, TokenError};
use simulator::{Api, Fault, FaultKind};

/// Numbers of the sign-in service that are somebody's turn, with a word of the next step.
const TURNS: [(u32, &str); 34] = [
    (7_000_215, "the secret's value, not its id"),
    (7_000_222, "create a new one"),
    (7_000_218, "set POSTURE_CREDENTIAL"),
    (700_027, "upload its public part"),
    (700_024, "clock"),
    (700_021, "check POSTURE_CLIENT_ID"),
    (700_023, "check POSTURE_TENANT_ID"),
    (50_027, "ask again"),
    (70_021, "its subject (the identity's object id)"),
    (700_211, "its issuer"),
    (700_212, "its audience"),
    (700_213, "its subject"),
    (700_229, "use a managed identity's"),
    (700_016, "let an administrator of the tenant consent"),
    (7_000_112, "enable the enterprise application"),
    (90_002, "check POSTURE_TENANT_ID and POSTURE_CLOUD"),
    (90_038, "set POSTURE_CLOUD"),
    (900_382, "set POSTURE_CLOUD"),
    (900_432, "set POSTURE_CLOUD"),
    (50_034, "sign in with an account of it"),
    (65_001, "admin consent link"),
    (500_011, "check its licence"),
    (650_052, "check its licence"),
    (650_057, "check its licence"),
    (70_011, "check POSTURE_CLOUD"),
    (70_008, "run `posture consent` again"),
    (700_082, "run `posture consent` again"),
    (54_005, "start `posture consent` again"),
    (700_005, "run `posture consent` with this POSTURE_TENANT_ID"),
    (50_076, "in a browser"),
    (50_079, "in a browser"),
    (53_003, "exclude the application"),
    (70_043, "sign-in frequency"),
    (50_011, "http://localhost"),
];

#[tokio::test]
async fn every_number_that_is_somebodys_turn_says_the_next_step() {
    let world = World::new(|_| {}).await;
    for (code, step) in TURNS {
        world.microsoft.inject(Fault::new(Api::Entra, "", FaultKind::SignIn(code)));
        let secret = Material::from(world.customer.client_secret.as_str());

        let text = refusal(world.proving(Proof::Secret(secret)).get(GRAPH, None).await);

        let start = format!("no token for https://graph.microsoft.com (AADSTS{code}): ");
        assert!(text.starts_with(&start), "{text}");
        assert!(text.contains(step) && !text.contains("look the code up"), "{text}");
    }
}

#[tokio::test]
async fn numbers_that_ask_to_come_back_later_are_nobodys_turn() {
    let world = World::new(|_| {}).await;
    for code in [90_055, 50_196, 90_033, 90_006] {
        world.microsoft.inject(Fault::new(Api::Entra, "", FaultKind::SignIn(code)));
        let secret = Material::from(world.customer.client_secret.as_str());

        let error = world.proving(Proof::Secret(secret)).get(GRAPH, None).await.unwrap_err();

        assert!(matches!(error, TokenError::Unreachable { .. }), "{code}: {error}");
    }
}

#[tokio::test]
async fn what_the_service_refuses_by_itself_says_the_same() {
    let world = World::new(|tenant| tenant.expired_secrets = vec!["old".to_owned()]).await;
    let ask = |secret: &str| {
        let tokens = world.proving(Proof::Secret(Material::from(secret)));
        async move { refusal(tokens.get(GRAPH, None).await) }
    };

    assert!(ask("old").await.contains("(AADSTS7000222): "));
    assert!(ask("another").await.contains("(AADSTS7000215): "));
}
