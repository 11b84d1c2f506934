//! Assertions are verified as the sign-in service does: signature, certificate, tenant, times, once.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{digest, rand, rsa, signature};
use serde_json::{Value, json};
use simulator::Tenant;

use crate::support::{Answer, GRAPH, World, send};

const PEM: &str = include_str!("../../../tests/fixtures/credentials/test-only.pem");
const BEARER: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

fn part(name: &str) -> Vec<u8> {
    let (_, rest) = PEM.split_once(&format!("-----BEGIN {name}-----")).unwrap();
    STANDARD.decode(rest.split_once("-----END").unwrap().0.replace('\n', "")).unwrap()
}

fn header() -> Value {
    let thumbprint = digest::digest(&digest::SHA256, &part("CERTIFICATE"));
    json!({"alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint)})
}

fn claims(tenant: &Tenant, jti: &str) -> Value {
    let seconds = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    json!({
        "aud": format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", tenant.id),
        "iss": tenant.client_id, "sub": tenant.client_id, "jti": jti,
        "nbf": seconds, "iat": seconds, "exp": seconds + 300,
    })
}

fn sign(header: &Value, claims: &Value, padding: &'static dyn signature::RsaEncoding) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(header), encode(claims));
    let key = rsa::KeyPair::from_pkcs8(&part("PRIVATE KEY")).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    let random = rand::SystemRandom::new();
    key.sign(padding, &random, text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn ask(world: &World, assertion: &str) -> Answer {
    let url = format!("{}/{}/oauth2/v2.0/token", world.simulator.entra_url(), world.tenant.id);
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_assertion_type={BEARER}\
         &client_assertion={assertion}&scope={GRAPH}/.default",
        world.tenant.client_id
    );
    send("POST", &url, &[], form.as_bytes()).await.unwrap()
}

async fn world() -> World {
    World::start(|options| options.tenants[0].certificates = vec![part("CERTIFICATE")]).await
}

#[tokio::test]
async fn both_documented_signatures_are_taken() {
    let world = world().await;
    let claims = |jti| claims(&world.tenant, jti);
    let mut older = header();
    older["alg"] = "RS256".into();

    let ps256 = sign(&header(), &claims("1"), &signature::RSA_PSS_SHA256);
    let rs256 = sign(&older, &claims("2"), &signature::RSA_PKCS1_SHA256);

    assert_eq!((ask(&world, &ps256).await.status, ask(&world, &rs256).await.status), (200, 200));
}

#[tokio::test]
async fn an_assertion_is_taken_once() {
    let world = world().await;
    let assertion = sign(&header(), &claims(&world.tenant, "1"), &signature::RSA_PSS_SHA256);

    let (first, again) = (ask(&world, &assertion).await, ask(&world, &assertion).await);

    assert_eq!((first.status, again.status), (200, 401));
    assert_eq!(again.json()["error_codes"][0], 50027);
}

#[tokio::test]
async fn what_is_wrong_with_an_assertion_has_its_number() {
    let world = world().await;
    let now = claims(&world.tenant, "x")["iat"].as_i64().unwrap();
    let elsewhere = "https://login.microsoftonline.com/other/oauth2/v2.0/token";
    for (number, (name, value, code)) in [
        ("aud", json!(elsewhere), 700_023),
        ("iss", json!("another"), 700_021),
        ("sub", json!("another"), 700_021),
        ("exp", json!(now - 3600), 700_024),
        ("exp", json!(now + 86_400), 700_024),
        ("nbf", json!(now + 3600), 700_024),
        ("jti", json!(""), 50_027),
    ]
    .into_iter()
    .enumerate()
    {
        let mut claims = claims(&world.tenant, &format!("jti-{number}"));
        claims[name] = value;

        let answer = ask(&world, &sign(&header(), &claims, &signature::RSA_PSS_SHA256)).await;

        assert_eq!(answer.status, 401);
        assert_eq!(answer.json()["error_codes"][0], code, "{name}");
        assert_eq!(answer.json()["error"], "invalid_client");
    }
}

#[tokio::test]
async fn a_signature_that_is_not_the_registered_certificates_is_refused() {
    let world = world().await;
    let mut other = header();
    other["x5t#S256"] = "another".into();
    let right = sign(&header(), &claims(&world.tenant, "1"), &signature::RSA_PSS_SHA256);
    let (_, signature) = right.rsplit_once('.').unwrap();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let moved =
        format!("{}.{}.{signature}", encode(&header()), encode(&claims(&world.tenant, "2")));

    for assertion in [
        sign(&other, &claims(&world.tenant, "3"), &signature::RSA_PSS_SHA256),
        sign(&header(), &claims(&world.tenant, "4"), &signature::RSA_PKCS1_SHA256),
        moved,
    ] {
        assert_eq!(ask(&world, &assertion).await.json()["error_codes"][0], 700027);
    }
}

#[tokio::test]
async fn the_vault_takes_its_own_audience_only_and_says_which() {
    let world = World::start(|_| {}).await;
    world.simulator.put_secret("app", "value", "2026-11-01T00:00:00Z".parse().unwrap(), None);
    let url = format!("{}/secrets/app?api-version=7.6", world.simulator.vault_url());

    let without = send("GET", &url, &[], b"").await.unwrap();
    let other = world.get(&url, GRAPH).await;
    let right = world.get(&url, "https://vault.azure.net").await;
    let versionless = url.split('?').next().unwrap().to_owned();
    let versionless = world.get(&versionless, "https://vault.azure.net").await;

    assert_eq!((without.status, other.status, right.status), (401, 401, 200));
    let challenge = other.header("www-authenticate").unwrap();
    assert!(challenge.contains(r#"resource="https://vault.azure.net""#), "{challenge}");
    assert_eq!((right.json()["value"].as_str(), versionless.status), (Some("value"), 400));
}
