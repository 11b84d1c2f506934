//! RSASSA-PSS over a digest: `ring` signs texts only, but a vault is given digests.

use num_bigint::BigUint;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

const HASH: usize = 32;

/// The signature (PS256) of a SHA-256 digest by an RSA key in PKCS#8. Not in constant time, which is
/// good enough for keys that guard nothing.
pub(super) fn ps256(pkcs8: &[u8], hash: &[u8]) -> Option<Vec<u8>> {
    let (modulus, exponent) = private_key(pkcs8)?;
    let bits = modulus.bits().checked_sub(1)?;
    let encoded = encoded(hash, usize::try_from(bits).ok()?)?;
    let signature = BigUint::from_bytes_be(&encoded).modpow(&exponent, &modulus).to_bytes_be();
    let length = usize::try_from(modulus.bits().div_ceil(8)).ok()?;
    let zeros = length.checked_sub(signature.len())?;
    Some([vec![0; zeros], signature].concat())
}

/// EMSA-PSS with MGF1, both over SHA-256, and a salt of 32 bytes.
///
/// <https://www.rfc-editor.org/rfc/rfc8017#section-9.1.1>
fn encoded(hash: &[u8], bits: usize) -> Option<Vec<u8>> {
    let length = bits.div_ceil(8);
    let mut salt = [0; HASH];
    SystemRandom::new().fill(&mut salt).ok()?;
    let inner = digest(&SHA256, &[&[0; 8], hash, &salt].concat());
    let padding = length.checked_sub(2 * HASH + 2)?;
    let block = [vec![0; padding], vec![1], salt.to_vec()].concat();
    let mask = mask(inner.as_ref(), block.len());
    let mut masked: Vec<u8> = block.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    *masked.first_mut()? &= 0xff >> (8 * length - bits);
    Some([masked, inner.as_ref().to_vec(), vec![0xbc]].concat())
}

fn mask(seed: &[u8], length: usize) -> Vec<u8> {
    let blocks = (0_u32..).map(|count| digest(&SHA256, &[seed, &count.to_be_bytes()].concat()));
    blocks.flat_map(|block| block.as_ref().to_vec()).take(length).collect()
}

/// Modulus and private exponent.
fn private_key(pkcs8: &[u8]) -> Option<(BigUint, BigUint)> {
    // PrivateKeyInfo: version, algorithm, key; the key: version, modulus, exponents, …
    let (info, _) = element(pkcs8)?;
    let [_, _, key] = elements(info)?;
    let (key, _) = element(key)?;
    let [_, modulus, _, exponent] = elements(key)?;
    Some((BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent)))
}

/// The contents of the first `N` elements of a sequence.
fn elements<const N: usize>(mut rest: &[u8]) -> Option<[&[u8]; N]> {
    let mut found: [&[u8]; N] = [&[]; N];
    for slot in &mut found {
        (*slot, rest) = element(rest)?;
    }
    Some(found)
}

/// Content of a DER element, and what follows it.
fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.get(1..)?.split_first()?;
    let (length, rest) = match usize::from(first) {
        short @ 0..0x80 => (short, rest),
        long => {
            let (length, rest) = rest.split_at_checked(long - 0x80)?;
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
    };
    rest.split_at_checked(length)
}
