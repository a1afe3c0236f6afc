//! Keys of tests, and what they sign. The RSA key is that of RFC 7515, A.2; the key of the curve that of A.3.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::{BoxedUint, RsaPrivateKey};
use sha2::{Digest, Sha256};

pub(super) const RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

const RSA_D: &str = "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ";

pub(super) const P256_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";

pub(super) const P256_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

const P256_D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

/// The bytes of a text without padding.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// The text of bytes.
pub(super) fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with these parts, whatever they are.
pub(super) fn token(head: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", text(head), text(claims));
    let signature = text(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

pub(super) fn rs256(message: &[u8]) -> Vec<u8> {
    let number = |text: &str| BoxedUint::from_be_slice_vartime(&bytes(text));
    let key =
        RsaPrivateKey::from_components(number(RSA_N), number("AQAB"), number(RSA_D), Vec::new()).unwrap();
    let prefix = [&[0x30, 0x31, 0x30, 0x0d, 0x06, 0x09][..], &bytes("YIZIAWUDBAIBBQAEIA")].concat();
    let scheme = Pkcs1v15Sign { hash_len: Some(32), prefix: prefix.into() };
    key.sign(scheme, &Sha256::digest(message)).unwrap()
}

pub(super) fn es256(message: &[u8]) -> Vec<u8> {
    es256_of(&bytes(P256_D), message)
}

/// Signed with another key of the curve.
pub(super) fn es256_of(key: &[u8], message: &[u8]) -> Vec<u8> {
    let signature: Signature = SigningKey::from_slice(key).unwrap().sign(message);
    signature.to_bytes().to_vec()
}

pub(super) fn hs256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// The set of the RSA key under the name `r` and that of the curve under `e`.
pub(super) fn key_set() -> String {
    format!("{{\"keys\":[{},{}]}}", rsa_key("r"), p256_key("e"))
}

pub(super) fn rsa_key(kid: &str) -> String {
    format!(r#"{{"kty":"RSA","kid":"{kid}","use":"sig","alg":"RS256","n":"{RSA_N}","e":"AQAB"}}"#)
}

pub(super) fn p256_key(kid: &str) -> String {
    format!(r#"{{"kty":"EC","kid":"{kid}","crv":"P-256","x":"{P256_X}","y":"{P256_Y}"}}"#)
}
