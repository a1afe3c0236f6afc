//! The three algorithms that tokens may be signed with, as the library takes them: HMAC-SHA256 for own tokens, RSA and ECDSA
//! with SHA-256 for those of others. There is no code here that signs with a private key.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::{BoxedUint, RsaPublicKey};
use sha2::{Digest, Sha256};

use super::jwks::{RSA_BITS_MAX, RSA_BITS_MIN};

/// Makes these algorithms those of the library, which has one set of them for a whole process. Whatever calls it comes
/// through here first; every time but the first one it does nothing.
pub(super) fn install() {
    let _ = PROVIDER.install_default();
}

/// Whether these coordinates, after the byte 4, are those of a point of the curve P-256.
pub(super) fn is_p256(point: &[u8; 65]) -> bool {
    VerifyingKey::from_sec1_bytes(point).is_ok()
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // The library asks for these where it reads JWKs, which it does not do here.
    key_utils: KeyUtils::new_unimplemented(),
};

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    if *algorithm == Algorithm::HS256 {
        return Ok(Box::new(Hs256(mac(key.as_bytes()))));
    }
    Err(ErrorKind::InvalidAlgorithm.into())
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    // A key of one algorithm must never be taken for one of another.
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    if *algorithm == Algorithm::HS256 {
        return Ok(Box::new(Hs256(mac(key.try_get_as_bytes()?))));
    }
    if *algorithm == Algorithm::ES256 {
        let key = VerifyingKey::from_sec1_bytes(key.try_get_as_bytes()?);
        return Ok(Box::new(Es256(key.map_err(|_| ErrorKind::InvalidKeyFormat)?)));
    }
    match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, e } if *algorithm == Algorithm::RS256 => {
            let (n, e) = (BoxedUint::from_be_slice_vartime(n), BoxedUint::from_be_slice_vartime(e));
            let key = RsaPublicKey::new_with_size_limits(n, e, RSA_BITS_MIN..=RSA_BITS_MAX);
            Ok(Box::new(Rs256(key.map_err(|_| ErrorKind::InvalidKeyFormat)?)))
        }
        DecodingKeyKind::RsaModulusExponent { .. } | DecodingKeyKind::SecretOrDer(_) => {
            Err(ErrorKind::InvalidAlgorithm.into())
        }
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length")
}

struct Hs256(Hmac<Sha256>);

struct Rs256(RsaPublicKey);

struct Es256(VerifyingKey);

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let mac = self.0.clone().chain_update(message);
        mac.verify_slice(signature).map_err(|_| SignatureError::new())
    }
}

impl Verifier<Vec<u8>> for Rs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let hash = Sha256::digest(message);
        let scheme = Pkcs1v15Sign { hash_len: Some(hash.len()), prefix: SHA256_PREFIX.into() };
        self.0.verify(scheme, &hash, signature).map_err(|_| SignatureError::new())
    }
}

impl Verifier<Vec<u8>> for Es256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let signature = Signature::from_slice(signature).map_err(|_| SignatureError::new())?;
        self.0.verify(message, &signature).map_err(|_| SignatureError::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

impl JwtVerifier for Es256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

/// What stands before a SHA-256 that is signed with RSA (RFC 8017, 9.2, note 1).
const SHA256_PREFIX: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];
