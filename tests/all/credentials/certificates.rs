//! Certificates: PEM, PKCS#12, in a file, in the vault, and with a key that never leaves the vault.

use super::{GRAPH, OTHER_PEM, PEM, World, in_vault, part, reference, refusal};
use crate::support::Folder;
use base64::{Engine, engine::general_purpose::STANDARD};
use posture::cloud::{Kind, Material, Proof};
use simulator::{Api, Fault, FaultKind, Tenant};

const P12: &[u8] = include_bytes!("../../fixtures/credentials/test-only.p12");
const VAULT_P12: &[u8] = include_bytes!("../../fixtures/credentials/vault-test-only.p12");

fn registered(tenant: &mut Tenant) {
    tenant.certificates = vec![part(PEM, "CERTIFICATE")];
}

fn certificate(certificate: impl Into<Material>, password: Option<&str>) -> Proof {
    let password = password.map(Material::from);
    Proof::Certificate { certificate: certificate.into(), password }
}

fn with_key(name: &str) -> Proof {
    Proof::VaultKey { key: reference(name, Kind::Key), certificate: None }
}

#[tokio::test]
async fn a_certificate_signs_in_as_pem_and_as_pkcs12() {
    let world = World::new(registered).await;

    for proof in [
        certificate(PEM, None),
        certificate(PEM.replace('\n', "\\n"), None),
        certificate(STANDARD.encode(P12), Some("test-only")),
    ] {
        world.proving(proof).get(GRAPH, None).await.unwrap();
    }
}

#[tokio::test]
async fn each_token_is_asked_for_with_an_assertion_of_its_own() {
    let world = World::new(registered).await;
    let tokens = world.proving(certificate(PEM, None));

    let first = tokens.get(GRAPH, None).await.unwrap();
    let kept = tokens.get(GRAPH, None).await.unwrap();
    tokens.get(GRAPH, Some(&first)).await.unwrap();

    // The simulator takes an assertion's identifier once.
    assert_eq!(kept, first);
    assert_eq!(world.asked(Api::Entra), 2);
}

#[tokio::test]
async fn a_certificate_may_lie_in_a_file_or_in_the_vault() {
    let world = World::new(registered).await;
    let folder = Folder::new();
    let (pem, p12) = (folder.path().join("app.pem"), folder.path().join("app.p12"));
    std::fs::write(&pem, PEM).unwrap();
    std::fs::write(&p12, P12).unwrap();
    world.put("pem", &format!("\u{feff}{PEM}\r\n"));
    world.put("p12", &STANDARD.encode(VAULT_P12));
    let proof =
        |certificate, password: Option<Material>| Proof::Certificate { certificate, password };
    world.put("password", "test-only\n");

    for proof in [
        proof(Material::File(pem), None),
        proof(Material::File(p12), Some(in_vault("password"))),
        proof(in_vault("pem"), None),
        proof(in_vault("p12"), None),
    ] {
        world.proving(proof).get(GRAPH, None).await.unwrap();
    }
}

#[tokio::test]
async fn a_key_in_the_vault_signs_without_leaving_it() {
    let world = World::new(registered).await;
    let (der, key) = (part(PEM, "CERTIFICATE"), part(PEM, "PRIVATE KEY"));
    world.microsoft.put_certificate("app", &der, &key);
    let public = PEM.split_once("-----BEGIN PRIVATE").unwrap().0;
    let named = Proof::VaultKey {
        key: reference("app", Kind::Key),
        certificate: Some(Material::from(public)),
    };

    world.proving(with_key("app")).get(GRAPH, None).await.unwrap();
    world.proving(named).get(GRAPH, None).await.unwrap();

    let requests = world.microsoft.requests();
    let paths: Vec<_> = requests
        .iter()
        .filter(|seen| seen.api == Api::Vault && seen.status == 200)
        .map(|seen| seen.path.trim_end_matches('/'))
        .collect();
    assert_eq!(paths, ["/certificates/app", "/keys/app//sign", "/keys/app//sign"]);
}

#[tokio::test]
async fn a_certificate_that_is_not_registered_says_so() {
    let world = World::new(registered).await;
    let (der, key) = (part(PEM, "CERTIFICATE"), part(OTHER_PEM, "PRIVATE KEY"));
    // The right certificate, and a key that isn't its own.
    world.microsoft.put_certificate("mixed", &der, &key);

    let other = world.proving(certificate(OTHER_PEM, None)).get(GRAPH, None).await;
    let mixed = world.proving(with_key("mixed")).get(GRAPH, None).await;

    for answer in [other, mixed] {
        let text = refusal(answer);
        assert!(text.contains("(AADSTS700027): the certificate isn't registered"), "{text}");
    }
}

#[tokio::test]
async fn a_broken_certificate_is_told_before_anyone_is_asked() {
    let world = World::new(registered).await;

    let wrong = certificate(STANDARD.encode(P12), Some("wrong"));
    let password = refusal(world.proving(wrong).get(GRAPH, None).await);
    let nothing = refusal(world.proving(certificate("not base64!", None)).get(GRAPH, None).await);

    assert!(password.contains("POSTURE_CLIENT_CERTIFICATE_PASSWORD"), "{password}");
    assert!(nothing.contains("neither PEM nor base64"), "{nothing}");
    assert_eq!(world.asked(Api::Entra), 0);
}

#[tokio::test]
async fn a_clock_that_is_wrong_makes_an_assertion_that_is_refused() {
    let world = World::new(registered).await;
    for seconds in [86_400, -86_400] {
        world.microsoft.inject(Fault::new(Api::Entra, "", FaultKind::Skew(seconds)));

        let text = refusal(world.proving(certificate(PEM, None)).get(GRAPH, None).await);

        assert!(text.contains("(AADSTS700024): ") && text.contains("clock"), "{text}");
    }
}

#[tokio::test]
async fn a_vault_that_gives_nothing_says_what_to_grant() {
    let world = World::new(registered).await;
    let busy = FaultKind::Status { code: 503, retry_after: None };

    let missing = refusal(world.proving(with_key("nobody")).get(GRAPH, None).await);
    world.microsoft.inject(Fault::new(Api::Vault, "", busy));
    let unreachable = world.proving(with_key("app")).get(GRAPH, None).await.unwrap_err();
    world.microsoft.refuse_vault(true);
    let forbidden = refusal(world.proving(with_key("app")).get(GRAPH, None).await);

    let place = "contoso.vault.azure.net/keys/";
    assert!(missing.contains(&format!("(404 at {place}nobody): it isn't there")), "{missing}");
    let unreachable = unreachable.to_string();
    assert!(unreachable.contains(&format!("busy (503 at {place}app)")), "{unreachable}");
    assert!(forbidden.contains(&format!("(403 at {place}app): give the app's")), "{forbidden}");
    assert!(forbidden.contains("the role Key Vault Certificate User"), "{forbidden}");
}
