use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::json::Json;
use super::jws::{Alg, Jws, Key};
use super::provider;

/// The public keys of an issuer: a JSON Web Key Set (RFC 7517, 5). To clone it is cheap.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeySet(Arc<[PublicKey]>);

/// Why a document is no key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeySetError {
    /// It is longer than [`KeySet::BYTES_MAX`].
    TooLong,
    /// It is no JSON object with a list `keys`.
    Malformed,
    /// It has more than [`KeySet::KEYS_MAX`] keys.
    TooMany,
    /// It has no key that a token could be verified with.
    NoKeys,
}

/// What came of looking for the key of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Signed {
    /// A key of the set signed it.
    Yes,
    /// No key that the token may mean did.
    No,
    /// The set has no key of the name that the token says.
    UnknownKey,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PublicKey {
    kid: Option<Box<str>>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Rsa { n: Box<[u8]>, e: Box<[u8]> },
    P256(Box<[u8; 65]>),
}

/// The shortest RSA modulus.
pub(super) const RSA_BITS_MIN: usize = 2048;

/// The longest RSA modulus.
pub(super) const RSA_BITS_MAX: usize = 8192;

impl KeySet {
    /// No longer document is read, in bytes.
    pub const BYTES_MAX: usize = 64 << 10;

    /// A set has at most so many keys.
    pub const KEYS_MAX: usize = 64;

    /// Reads a key set. Keys are left out that are of no use here: of other kinds, for encryption or other algorithms,
    /// malformed, or too weak. What is left is RSA of 2048 to 8192 bits, and ECDSA on the curve P-256.
    ///
    /// # Errors
    /// [`KeySetError`].
    pub fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        if document.len() > Self::BYTES_MAX {
            return Err(KeySetError::TooLong);
        }
        let document = Json::read(document).ok_or(KeySetError::Malformed)?;
        let keys = document.get("keys").and_then(Json::list).ok_or(KeySetError::Malformed)?;
        if keys.len() > Self::KEYS_MAX {
            return Err(KeySetError::TooMany);
        }
        let keys = keys.iter().filter_map(PublicKey::read).collect::<Arc<[_]>>();
        if keys.is_empty() { Err(KeySetError::NoKeys) } else { Ok(Self(keys)) }
    }

    /// Whether a token that names this key may be one of the set's. One that names none is, if there is but one key.
    pub fn knows(&self, kid: Option<&str>) -> bool {
        self.named(kid).next().is_some()
    }

    pub(super) fn signed(&self, token: &Jws<'_>) -> Signed {
        let kid = token.kid.as_deref();
        let fits = |key: &&PublicKey| match (&key.kind, token.alg) {
            (Kind::Rsa { .. }, Some(Alg::Rs256)) | (Kind::P256(_), Some(Alg::Es256)) => true,
            (Kind::Rsa { .. } | Kind::P256(_), _) => false,
        };
        if !self.knows(kid) {
            return Signed::UnknownKey;
        }
        let is_signed = |key: &PublicKey| token.is_signed_with(key.key());
        if self.named(kid).filter(fits).any(is_signed) { Signed::Yes } else { Signed::No }
    }

    fn named(&self, kid: Option<&str>) -> impl Iterator<Item = &PublicKey> {
        let is_only = self.0.len() == 1;
        self.0.iter().filter(move |key| match (&key.kid, kid) {
            (Some(own), Some(kid)) => **own == *kid,
            (None, Some(_)) | (Some(_) | None, None) => is_only,
        })
    }
}

impl PublicKey {
    fn read(jwk: &Json) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Json::text);
        if jwk.get("use").is_some_and(|usage| usage.text() != Some("sig")) {
            return None;
        }
        if let Some(operations) = jwk.get("key_ops") {
            operations.list()?.iter().find(|operation| operation.text() == Some("verify"))?;
        }
        let (kind, alg) = match text("kty")? {
            "RSA" => (Kind::rsa(text("n")?, text("e")?)?, "RS256"),
            "EC" if text("crv") == Some("P-256") => (Kind::p256(text("x")?, text("y")?)?, "ES256"),
            _ => return None,
        };
        if jwk.get("alg").is_some_and(|own| own.text() != Some(alg)) {
            return None;
        }
        let kid = match jwk.get("kid") {
            Some(kid) => Some(kid.text()?.into()),
            None => None,
        };
        Some(Self { kid, kind })
    }

    fn key(&self) -> Key<'_> {
        match &self.kind {
            Kind::Rsa { n, e } => Key::Rsa { n, e },
            Kind::P256(point) => Key::P256(point),
        }
    }
}

impl Kind {
    fn rsa(n: &str, e: &str) -> Option<Self> {
        let (n, e) = (number(n)?, number(e)?);
        let (high, low) = (n.first()?, n.last()?);
        let bits = n.len() * 8 - high.leading_zeros() as usize;
        // Exponents as FIPS 186-5 wants them at least, and as all issuers have them at most.
        let exponent =
            (e.len() <= 4).then(|| e.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte)))?;
        let good = (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits)
            && low % 2 == 1
            && exponent >= RSA_EXPONENT_MIN
            && exponent % 2 == 1;
        good.then_some(Self::Rsa { n, e })
    }

    fn p256(x: &str, y: &str) -> Option<Self> {
        let mut point = Box::new([4; 65]);
        for (at, coordinate) in [(1, x), (33, y)] {
            let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(coordinate).ok()?.try_into().ok()?;
            point[at..at + 32].copy_from_slice(&bytes);
        }
        provider::is_p256(&point).then_some(Self::P256(point))
    }
}

/// The bytes of a number without the zeros before it, which some issuers write.
fn number(text: &str) -> Option<Box<[u8]>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Some(bytes[zeros..].into())
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => {
                write!(f, "is longer than {} bytes; check that the URL is that of a JSON Web Key Set", KeySet::BYTES_MAX)
            }
            Self::Malformed => f.write_str("is no JSON Web Key Set; check the URL of the keys"),
            Self::TooMany => {
                write!(f, "has more than {} keys; have the issuer remove old ones", KeySet::KEYS_MAX)
            }
            Self::NoKeys => f.write_str(
                "has no key that can be used here; have the issuer sign with RS256 (2048 to 8192 bits) or ES256",
            ),
        }
    }
}

impl std::error::Error for KeySetError {}

const RSA_EXPONENT_MIN: u32 = 65537;

#[cfg(test)]
mod tests;
