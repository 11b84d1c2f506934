//! When what an identity signs in with ends.

use super::{OTHER_PEM, PEM, World, in_vault, part, reference};
use jiff::{SignedDuration, Timestamp};
use posture::app;
use posture::cloud::{End, Identity, Kind, Material, Proof};

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// To the second, as vaults keep time.
fn now() -> Timestamp {
    Timestamp::from_second(app::clock().as_second()).unwrap()
}

#[tokio::test]
async fn a_vaults_secret_ends_when_the_vault_says() {
    let world = World::new(|_| {}).await;
    let at = now() + days(20);
    world.microsoft.put_secret("app", "value", now(), Some(at));

    let given = world.proving(Proof::Secret(Material::from("value"))).ends().await.unwrap();
    let ends = world.proving(Proof::Secret(in_vault("app"))).ends().await.unwrap();

    assert_eq!(given, []);
    assert_eq!(ends, [End { what: "client secret", at }]);
    assert!(ends[0].is_near(now()) && !ends[0].is_near(now() - days(11)));
}

#[tokio::test]
async fn a_certificate_ends_on_its_last_day_wherever_its_key_is() {
    let world = World::new(|_| {}).await;
    let (der, key) = (part(PEM, "CERTIFICATE"), part(PEM, "PRIVATE KEY"));
    world.microsoft.put_certificate("app", &der, &key);
    let soon = now() + days(3);
    world.microsoft.put_secret("pem", OTHER_PEM, now(), Some(soon));
    let certificate = |certificate| Proof::Certificate { certificate, password: None };

    let given = world.proving(certificate(PEM.into())).ends().await.unwrap();
    let key = Proof::VaultKey { key: reference("app", Kind::Key), certificate: None };
    let in_the_vault = world.proving(key).ends().await.unwrap();
    let with_both = world.proving(certificate(in_vault("pem"))).ends().await.unwrap();

    assert_eq!(given, in_the_vault);
    assert_eq!((given.len(), given[0].what), (1, "certificate"));
    assert!(given[0].at > now() + days(365 * 50));
    // The earliest comes first.
    assert_eq!((with_both.len(), with_both[0].at), (2, soon));
}

#[tokio::test]
async fn a_refresh_token_ends_ninety_days_after_it_was_kept() {
    let world = World::new(|_| {}).await;
    let now = now();
    world.microsoft.put_secret("user", "token", now - days(70), None);
    let application = world.application(Proof::Secret(Material::from("value")));
    let identity = Identity::Delegated { application, refresh_token: in_vault("user") };

    let ends = world.tokens(identity).ends().await.unwrap();

    assert_eq!(ends, [End { what: "refresh token", at: now + days(20) }]);
    assert!(ends[0].is_near(now));
}

#[tokio::test]
async fn an_identity_without_secrets_has_no_end() {
    let world = World::new(|_| {}).await;

    let ends = world.tokens(Identity::ManagedIdentity { client_id: None }).ends().await.unwrap();

    assert_eq!(ends, []);
}

#[tokio::test]
async fn an_end_that_can_not_be_read_says_why() {
    let world = World::new(|_| {}).await;

    let error = world.proving(Proof::Secret(in_vault("nobody"))).ends().await.unwrap_err();

    assert!(
        error.to_string().contains("(404 at contoso.vault.azure.net/secrets/nobody)"),
        "{error}"
    );
}
