//! Secrets that settings refer to: read as the app itself, kept, and read anew where one is refused.

use super::{DEFENDER, GRAPH, World, in_vault, refusal};
use posture::app;
use posture::cloud::Proof;
use simulator::{Api, Fault, FaultKind};

#[tokio::test]
async fn a_secret_is_read_once_for_every_audience_and_without_what_pasting_left() {
    let world = World::new(|_| {}).await;
    world.put("app", &format!("\u{feff} {}\r\n", world.customer.client_secret));
    let tokens = world.proving(Proof::Secret(in_vault("app")));

    tokens.get(GRAPH, None).await.unwrap();
    tokens.get(DEFENDER, None).await.unwrap();

    assert_eq!(world.read(), 1);
}

#[tokio::test]
async fn a_rotated_secret_is_taken_up_without_a_restart() {
    let world = World::new(|_| {}).await;
    world.put("app", &world.customer.client_secret);
    let tokens = world.proving(Proof::Secret(in_vault("app")));
    let old = tokens.get(GRAPH, None).await.unwrap();

    world.microsoft.set_client_secret(&world.customer.id, "rotated");
    world.put("app", "rotated");
    tokens.get(GRAPH, Some(&old)).await.unwrap();

    assert_eq!(world.read(), 2);
}

#[tokio::test]
async fn a_secret_that_stays_wrong_is_read_anew_once_and_said() {
    let world = World::new(|_| {}).await;
    world.put("app", "wrong");
    let tokens = world.proving(Proof::Secret(in_vault("app")));

    let text = refusal(tokens.get(GRAPH, None).await);

    assert!(text.contains("(AADSTS7000215): the client secret is wrong"), "{text}");
    assert!(!text.contains("wrong)") && !text.contains("contoso.vault"), "{text}");
    // One by the vault's own identity, one by the application: nothing else has changed.
    let tenants = world.microsoft.requests();
    let asked = tenants.iter().filter(|seen| seen.api == Api::Entra);
    let theirs = asked.filter(|seen| seen.tenant.as_ref() == Some(&world.customer.id));
    assert_eq!((world.read(), theirs.count()), (2, 1));
}

#[tokio::test]
async fn a_vault_out_of_reach_leaves_what_was_read_before() {
    let world = World::new(|_| {}).await;
    world.put("app", &world.customer.client_secret);
    let tokens = world.proving(Proof::Secret(in_vault("app")));
    tokens.get(GRAPH, None).await.unwrap();

    world.microsoft.inject(Fault::new(Api::Vault, "", FaultKind::Drop).always());

    tokens.get(DEFENDER, None).await.unwrap();
}

#[tokio::test]
async fn a_vault_without_the_secret_or_the_role_says_what_to_do() {
    let world = World::new(|_| {}).await;
    let ask = || async {
        let tokens = world.proving(Proof::Secret(in_vault("app")));
        refusal(tokens.get(GRAPH, None).await)
    };

    let missing = ask().await;
    world.put("app", " \r\n");
    let empty = ask().await;
    let an_hour = jiff::SignedDuration::from_hours(1);
    let (created, ended) = (app::clock() - an_hour, app::clock() - an_hour);
    world.microsoft.put_secret("app", "value", created, Some(ended));
    let over = ask().await;
    world.microsoft.refuse_vault(true);
    let forbidden = ask().await;

    let place = "contoso.vault.azure.net/secrets/app";
    assert!(missing.contains(&format!("(404 at {place}): it isn't there")), "{missing}");
    assert!(empty.contains(&format!("({place} is empty): store")), "{empty}");
    assert!(over.contains("past its end"), "{over}");
    assert!(forbidden.contains("the role Key Vault Secrets User"), "{forbidden}");
}

#[tokio::test]
async fn a_refusal_of_the_apps_own_identity_is_told_apart() {
    let world = World::new(|_| {}).await;
    world.put("app", &world.customer.client_secret);
    world.microsoft.set_client_secret(&crate::support::tenant(5).id, "another");
    let tokens = world.proving(Proof::Secret(in_vault("app")));

    let text = refusal(tokens.get(GRAPH, None).await);

    let what = "(AADSTS7000215 for the app's own identity at contoso.vault.azure.net/secrets/app)";
    assert!(text.contains(what), "{text}");
}

/// The vault's answers are checked like everyone's: what is no answer of its own is nobody's turn.
#[tokio::test]
async fn a_vault_that_answers_something_else_is_asked_again_later() {
    let world = World::new(|_| {}).await;
    world.put("app", &world.customer.client_secret);
    for kind in [FaultKind::Html, FaultKind::Drop, FaultKind::NoContent] {
        world.microsoft.inject(Fault::new(Api::Vault, "", kind.clone()).always());

        let tokens = world.proving(Proof::Secret(in_vault("app")));
        let error = tokens.get(GRAPH, None).await.unwrap_err();

        assert!(
            matches!(error, posture::cloud::TokenError::Unreachable { .. }),
            "{kind:?}: {error}"
        );
        world.microsoft.clear_faults();
    }
}
