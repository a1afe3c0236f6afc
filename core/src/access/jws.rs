//! The compact serialization of JSON Web Signatures (RFC 7515, 7.1). Signatures, their text forms and what they cover are the
//! library's affair.
//!
//! The first part is read here: of the library's own form for it this registry needs three names, and the rest (keys and
//! certificates that a token brings along, names that are there twice) is nothing to read before a signature is checked.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto, dangerous};
use serde::Serialize;
use serde::de::DeserializeOwned;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::json::Json;
use super::provider;
use crate::swift::SecretText;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Alg {
    Hs256,
    Rs256,
    Es256,
}

/// What a signature is checked with.
#[derive(Clone, Copy)]
pub(super) enum Key<'a> {
    /// For HMAC-SHA256.
    Secret(&'a [u8; 32]),
    /// Modulus and exponent, the highest byte first.
    Rsa { n: &'a [u8], e: &'a [u8] },
    /// The byte 4 and both coordinates.
    P256(&'a [u8; 65]),
}

/// A token that nobody vouches for yet.
#[derive(Clone, Debug)]
pub(super) struct Jws<'a> {
    text: &'a str,
    /// `None` if tokens that are signed in this way, or not at all, are never taken.
    pub(super) alg: Option<Alg>,
    pub(super) kid: Option<Box<str>>,
    pub(super) typ: Option<Box<str>>,
}

impl<'a> Jws<'a> {
    /// Reads the head of a token of at most `bytes_max` bytes. One with extensions that have to be understood is none
    /// (RFC 7515, 4.1.11).
    pub(super) fn read(text: &'a str, bytes_max: usize) -> Option<Self> {
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if text.len() > bytes_max || !text.bytes().all(is_safe) {
            return None;
        }
        let mut parts = text.split('.');
        let (head, _, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || signature.is_empty() {
            return None;
        }
        let head = Json::read(&URL_SAFE_NO_PAD.decode(head).ok()?)?;
        if head.get("crit").is_some() || head.get("b64").is_some() {
            return None;
        }
        let alg = match head.get("alg")?.text()? {
            "HS256" => Some(Alg::Hs256),
            "RS256" => Some(Alg::Rs256),
            "ES256" => Some(Alg::Es256),
            _ => None,
        };
        let text_of = |name| head.get(name).map(|value| value.text().map(Into::into));
        Some(Self {
            text,
            alg,
            // A name that is there has to be a text.
            kid: text_of("kid").map_or(Some(None), |text| text.map(Some))?,
            typ: text_of("typ").map_or(Some(None), |text| text.map(Some))?,
        })
    }

    /// What the token says, be it true or not.
    pub(super) fn unverified<T: DeserializeOwned>(&self) -> Option<T> {
        dangerous::insecure_decode_claims(self.text).ok()
    }

    /// Whether the key signed this, in the way that the token says and that fits the key.
    pub(super) fn is_signed_with(&self, key: Key<'_>) -> bool {
        let (algorithm, key) = match (self.alg, key) {
            (Some(Alg::Hs256), Key::Secret(secret)) => (Algorithm::HS256, DecodingKey::from_secret(secret)),
            (Some(Alg::Rs256), Key::Rsa { n, e }) => {
                (Algorithm::RS256, DecodingKey::from_rsa_raw_components(n, e))
            }
            (Some(Alg::Es256), Key::P256(point)) => (Algorithm::ES256, DecodingKey::from_ec_der(point)),
            (Some(Alg::Hs256 | Alg::Rs256 | Alg::Es256) | None, _) => return false,
        };
        let Some((message, signature)) = self.text.rsplit_once('.') else { return false };
        provider::install();
        crypto::verify(signature, message.as_bytes(), &key, algorithm).unwrap_or(false)
    }
}

/// A token signed with HMAC-SHA256.
pub(super) fn sign(kid: &str, typ: &str, claims: &impl Serialize, secret: &[u8; 32]) -> SecretText {
    #[derive(Serialize)]
    struct Head<'a> {
        alg: &'a str,
        kid: &'a str,
        typ: &'a str,
    }
    let message = format!("{}.{}", part(&Head { alg: "HS256", kid, typ }), part(claims));
    provider::install();
    let signature = crypto::sign(message.as_bytes(), &EncodingKey::from_secret(secret), Algorithm::HS256);
    SecretText::new(format!("{message}.{}", signature.expect("HMAC signs everything")))
}

fn part(value: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).expect("texts, numbers and lists are JSON"))
}
