//! Certificates with their private keys: PEM and PKCS#12.

use crate::cloud::trouble::Trouble;
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use ring::rsa;
use ring::signature::KeyPair;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

const RSA_ONLY: &str = "use an RSA key of 2048 to 4096 bits";

/// A certificate and its private key.
pub(super) struct Certificate {
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Its key.
    pub key: rsa::KeyPair,
}

/// Reads PEM, or PKCS#12 as base64.
pub(super) fn read(text: &str, password: &str) -> Result<Certificate, Trouble> {
    match text.contains("-----BEGIN ") {
        true => from_pem(&unfolded(text)),
        false => from_pkcs12(text, password),
    }
}

/// Reads the certificate alone; its key is elsewhere.
pub(super) fn read_public(text: &str) -> Result<Vec<u8>, Trouble> {
    let text = unfolded(text);
    let certificate = CertificateDer::pem_slice_iter(text.as_bytes()).next();
    match certificate {
        Some(Ok(certificate)) => Ok(certificate.to_vec()),
        _ => Err(unreadable("holds no certificate in PEM", "give its public part as PEM")),
    }
}

/// When a certificate ends.
pub(super) fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

/// A setting on one line has its line ends as `\n`.
fn unfolded(text: &str) -> String {
    text.replace("\\n", "\n")
}

fn unreadable(what: &str, advice: &str) -> Trouble {
    Trouble::refused(format!("POSTURE_CLIENT_CERTIFICATE {what}"), advice)
}

fn from_pem(text: &str) -> Result<Certificate, Trouble> {
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        return Err(unreadable("has an encrypted key", "use PKCS#12, or PEM without encryption"));
    }
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| {
        unreadable("has no private key", "give certificate and key together, or POSTURE_CLIENT_KEY")
    })?;
    let key = match &key {
        PrivateKeyDer::Pkcs8(key) => rsa::KeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => rsa::KeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err(unreadable("has a key that isn't RSA", RSA_ONLY)),
    };
    let certificates = CertificateDer::pem_slice_iter(text.as_bytes());
    let certificates = certificates.filter_map(Result::ok).map(|one| one.to_vec());
    joined(key, certificates)
}

fn from_pkcs12(text: &str, password: &str) -> Result<Certificate, Trouble> {
    let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = STANDARD.decode(packed).map_err(|_| {
        unreadable("is neither PEM nor base64 of PKCS#12", "paste the whole file, or its base64")
    })?;
    let store = KeyStore::from_pkcs12(&bytes, password, Pkcs12ImportPolicy::Relaxed);
    let store = store.map_err(|_| {
        unreadable("can't be opened", "check POSTURE_CLIENT_CERTIFICATE_PASSWORD and the file")
    })?;
    let (_, chain) = store.private_key_chain().ok_or_else(|| {
        unreadable("has no private key", "export it with its key, or set POSTURE_CLIENT_KEY")
    })?;
    let key = rsa::KeyPair::from_pkcs8(chain.key().as_der());
    joined(key, chain.certs().iter().map(|one| one.as_der().to_vec()))
}

/// The key with the one certificate that is its own; a chain may come in any order.
fn joined(
    key: Result<rsa::KeyPair, ring::error::KeyRejected>,
    mut certificates: impl Iterator<Item = Vec<u8>>,
) -> Result<Certificate, Trouble> {
    let key = key.map_err(|_| unreadable("has a key that can't be used", RSA_ONLY))?;
    let is_its = |der: &Vec<u8>| {
        X509Certificate::from_der(der).is_ok_and(|(_, certificate)| {
            *certificate.public_key().subject_public_key.data == *key.public_key().as_ref()
        })
    };
    let der = certificates.find(is_its).ok_or_else(|| {
        unreadable("has a key without its certificate", "give both of one certificate together")
    })?;
    Ok(Certificate { der, key })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = include_str!("../../../tests/fixtures/credentials/test-only.pem");
    const OTHER: &str = include_str!("../../../tests/fixtures/credentials/other-test-only.pem");
    const P12: &[u8] = include_bytes!("../../../tests/fixtures/credentials/test-only.p12");
    const OLD_P12: &[u8] = include_bytes!("../../../tests/fixtures/credentials/old-test-only.p12");

    fn problem(text: &str, password: &str) -> String {
        match read(text, password) {
            Err(Trouble::Refused { what, advice }) => format!("{what}: {advice}"),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("was read"),
        }
    }

    #[test]
    fn pem_and_both_ages_of_pkcs12_give_the_same_certificate() {
        let pem = read(PEM, "").unwrap();
        let on_one_line = read(&PEM.replace('\n', "\\n"), "").unwrap();

        for p12 in [P12, OLD_P12] {
            let p12 = read(&STANDARD.encode(p12), "test-only").unwrap();
            assert_eq!(p12.der, pem.der);
        }
        assert_eq!(on_one_line.der, pem.der);
        assert_eq!(read_public(PEM).unwrap(), pem.der);
        assert!(not_after(&pem.der).unwrap() > "2100-01-01T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn what_is_no_certificate_with_its_key_says_what_is_missing() {
        let (certificate, key) = PEM.split_at(PEM.find("-----BEGIN PRIVATE").unwrap());
        let (other, _) = OTHER.split_at(OTHER.find("-----BEGIN PRIVATE").unwrap());

        assert!(problem(certificate, "").contains("has no private key"));
        assert!(problem(key, "").contains("a key without its certificate"));
        assert!(problem(&format!("{other}{key}"), "").contains("a key without its certificate"));
        assert!(problem("not base64!", "").contains("neither PEM nor base64"));
        let wrong = problem(&STANDARD.encode(P12), "wrong");
        assert!(wrong.contains("check POSTURE_CLIENT_CERTIFICATE_PASSWORD"), "{wrong}");
        let locked = PEM.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        assert!(problem(&locked, "").contains("encrypted key"));
    }

    #[test]
    fn a_chain_may_stand_in_any_order() {
        let (other, _) = OTHER.split_at(OTHER.find("-----BEGIN PRIVATE").unwrap());

        let chain = read(&format!("{other}{PEM}"), "").unwrap();

        assert_eq!(chain.der, read(PEM, "").unwrap().der);
    }
}
