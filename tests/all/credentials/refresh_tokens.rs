//! On behalf of a user: refresh tokens change with each use, and new ones are kept once a day.

use super::{DEFENDER, GRAPH, PEM, World, in_vault, part, refusal};
use crate::support::Folder;
use posture::app;
use posture::cloud::{Cloud, Identity, Material, Proof, Tokens};
use posture::ledger::LedgerTurns;
use simulator::{Api, Fault, FaultKind};
use std::sync::Arc;

/// Puts a refresh token into the vault that has been there for so many hours.
fn keep(world: &World, hours: i64) -> String {
    let token = world.microsoft.refresh_token(&world.customer.id);
    let since = app::clock() - jiff::SignedDuration::from_hours(hours);
    world.microsoft.put_secret("user", &token, since, None);
    token
}

fn identity(world: &World, refresh_token: Material) -> Identity {
    let secret = Proof::Secret(Material::from(world.customer.client_secret.as_str()));
    Identity::Delegated { application: world.application(secret), refresh_token }
}

fn delegated(world: &World) -> Tokens {
    world.tokens(identity(world, in_vault("user")))
}

#[tokio::test]
async fn a_refresh_token_gives_tokens_for_every_api() {
    let world = World::new(|_| {}).await;
    keep(&world, 1);
    let tokens = delegated(&world);

    let graph = tokens.get(GRAPH, None).await.unwrap();
    let kept = tokens.get(GRAPH, None).await.unwrap();
    let defender = tokens.get(DEFENDER, None).await.unwrap();

    assert_eq!(graph, kept);
    assert_ne!(graph, defender);
    // Kept an hour ago: not yet the time for a newer one.
    assert_eq!(world.microsoft.secret_versions("user").len(), 1);
}

#[tokio::test]
async fn the_application_proves_itself_by_certificate_as_well() {
    let register = |tenant: &mut simulator::Tenant| {
        tenant.certificates = vec![part(PEM, "CERTIFICATE")];
    };
    let world = World::new(register).await;
    keep(&world, 1);
    let proof = Proof::Certificate { certificate: PEM.into(), password: None };
    let application = world.application(proof);
    let refresh_token = in_vault("user");

    let tokens = world.tokens(Identity::Delegated { application, refresh_token });

    tokens.get(GRAPH, None).await.unwrap();
}

#[tokio::test]
async fn a_newer_one_is_kept_once_a_day_before_its_access_token_is_used() {
    let world = World::new(|_| {}).await;
    let first = keep(&world, 25);
    let tokens = delegated(&world);

    tokens.get(GRAPH, None).await.unwrap();
    tokens.get(DEFENDER, None).await.unwrap();

    let versions = world.microsoft.secret_versions("user");
    assert_eq!(versions.len(), 2);
    assert!(versions[0] == first && versions[1] != first);
    // The one that was kept works for whoever reads it.
    delegated(&world).get(GRAPH, None).await.unwrap();
}

/// Ten processes of one deployment find the same old token at the same time.
#[tokio::test]
async fn one_writer_keeps_it_however_many_find_it_old() {
    let world = World::new(|_| {}).await;
    keep(&world, 25);
    let folder = Folder::new();
    let cloud = Cloud::named("public").unwrap();
    let processes: Vec<_> = (0..10)
        .map(|_| {
            let turns = Arc::new(LedgerTurns(folder.ledger()));
            let identity = identity(&world, in_vault("user"));
            let wire = world.wire.clone();
            // A vault of its own each: no process sees another's memory.
            let provider = crate::support::tenant(5);
            let own =
                Identity::client_secret(&provider.id, &provider.client_id, provider.client_secret);
            let vault = posture::cloud::Vault::new(own, cloud.sign_in, wire.clone(), app::clock);
            let tokens = Tokens::new(identity, cloud.sign_in, wire, app::clock);
            tokens.reading(Some(Arc::new(vault)), Some(turns))
        })
        .collect();

    let asked = processes.iter().map(|tokens| tokens.get(GRAPH, None));
    let answers = futures::future::join_all(asked).await;

    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(world.microsoft.secret_versions("user").len(), 2);
}

#[tokio::test]
async fn a_vault_that_takes_nothing_costs_nothing_today() {
    let world = World::new(|_| {}).await;
    keep(&world, 25);
    let tokens = delegated(&world);
    // The first requests read; the write comes third, after the reading of what is newest.
    let busy = FaultKind::Status { code: 503, retry_after: None };
    world.microsoft.inject(Fault::new(Api::Vault, "/secrets/user", busy).after(2).always());

    tokens.get(GRAPH, None).await.unwrap();
    tokens.get(DEFENDER, None).await.unwrap();

    assert_eq!(world.microsoft.secret_versions("user").len(), 1);
}

#[tokio::test]
async fn a_new_sign_in_is_taken_up_without_a_restart() {
    let world = World::new(|_| {}).await;
    keep(&world, 1);
    let tokens = delegated(&world);
    let old = tokens.get(GRAPH, None).await.unwrap();

    world.microsoft.revoke_refresh_tokens();
    let text = refusal(tokens.get(DEFENDER, None).await);
    keep(&world, 0);
    tokens.get(GRAPH, Some(&old)).await.unwrap();

    assert!(text.contains("(AADSTS700082): ") && text.contains("posture consent"), "{text}");
}

#[tokio::test]
async fn a_users_token_of_another_tenant_is_refused() {
    let world = World::new(|_| {}).await;
    let foreign = world.microsoft.refresh_token(&crate::support::tenant(5).id);
    let tokens = world.tokens(identity(&world, Material::from(foreign.as_str())));

    let text = refusal(tokens.get(GRAPH, None).await);

    assert!(text.contains("(AADSTS700005): ") && !text.contains(&foreign), "{text}");
}

#[tokio::test]
async fn a_file_keeps_the_newer_one_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(|_| {}).await;
    let folder = Folder::new();
    let path = folder.path().join("user.token");
    std::fs::write(&path, world.microsoft.refresh_token(&world.customer.id)).unwrap();
    let yesterday = std::time::UNIX_EPOCH
        + std::time::Duration::from_secs(app::clock().as_second() as u64 - 25 * 3600);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(yesterday).unwrap();
    let before = std::fs::read_to_string(&path).unwrap();

    let tokens = world.tokens(identity(&world, Material::File(path.clone())));
    tokens.get(GRAPH, None).await.unwrap();

    assert_ne!(std::fs::read_to_string(&path).unwrap(), before);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
