use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rcgen::{KeyPair, PublicKeyData as _, RsaKeySize, SigningKey as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// The algorithms that issuers sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA of 2048 bits, PKCS #1 v1.5, SHA-256.
    Rs256,
    /// ECDSA on the curve P-256, SHA-256.
    Es256,
}

/// A private key, and its name.
#[derive(Debug)]
pub struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    pair: KeyPair,
}

impl SigningKey {
    /// A fresh key of that name.
    ///
    /// # Panics
    /// When none can be made.
    pub fn new(algorithm: Algorithm, kid: &str) -> Self {
        let pair = match algorithm {
            Algorithm::Rs256 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
            Algorithm::Es256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
        };
        Self { kid: kid.to_owned(), algorithm, pair: pair.expect("a key can be made") }
    }

    /// The head of a token that it signs.
    pub fn header(&self) -> Value {
        let alg = match self.algorithm {
            Algorithm::Rs256 => "RS256",
            Algorithm::Es256 => "ES256",
        };
        json!({"alg": alg, "kid": self.kid, "typ": "JWT"})
    }

    /// The token of this head and these claims, whatever they say.
    ///
    /// # Panics
    /// When it cannot be signed.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = unsigned(header, claims);
        let signature = self.pair.sign(text.as_bytes()).expect("a key signs");
        let signature = match self.algorithm {
            Algorithm::Rs256 => signature,
            // A JWS has both numbers one after the other (RFC 7518, 3.4).
            Algorithm::Es256 => {
                let [r, s] = two_integers(&signature);
                [padded(&r), padded(&s)].concat()
            }
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token of HS256 whose secret is the public key, as PEM: what fools who believes the head of a token.
    ///
    /// # Panics
    /// Never: HMAC takes a key of any length.
    pub fn sign_with_public_key(&self, claims: &Value) -> String {
        let text = unsigned(&json!({"alg": "HS256", "kid": self.kid}), claims);
        let mac = Hmac::<Sha256>::new_from_slice(self.pair.public_key_pem().as_bytes());
        let mac = mac.expect("HMAC takes a key of any length").chain_update(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// The public key as a JSON Web Key (RFC 7517).
    pub fn public(&self) -> Value {
        let raw = self.pair.der_bytes();
        let mut key = json!({"kid": self.kid, "use": "sig", "alg": self.header()["alg"]});
        let (kind, numbers) = match self.algorithm {
            Algorithm::Rs256 => ("RSA", Vec::from(two_integers(raw)).into_iter().zip(["n", "e"])),
            Algorithm::Es256 => {
                // The byte 4, then both coordinates.
                key["crv"] = "P-256".into();
                ("EC", vec![raw[1..33].to_vec(), raw[33..].to_vec()].into_iter().zip(["x", "y"]))
            }
        };
        key["kty"] = kind.into();
        for (bytes, name) in numbers {
            key[name] = URL_SAFE_NO_PAD.encode(bytes).into();
        }
        key
    }
}

/// A token that says that it needs no signature.
pub fn sign_with_nothing(claims: &Value) -> String {
    format!("{}.", unsigned(&json!({"alg": "none"}), claims))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}")
}

/// Both integers of a DER sequence of two, without leading zeros.
fn two_integers(der: &[u8]) -> [Vec<u8>; 2] {
    let (content, _) = element(der);
    let (first, rest) = element(content);
    let (second, _) = element(rest);
    [first, second].map(|bytes| bytes.iter().copied().skip_while(|byte| *byte == 0).collect())
}

/// The content of the first element, and what follows it.
fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match der[1] {
        short @ 0..0x80 => (usize::from(short), 2),
        long => {
            let end = 2 + usize::from(long & 0x7f);
            (der[2..end].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), end)
        }
    };
    (&der[start..start + length], &der[start + length..])
}

fn padded(number: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[32 - number.len()..].copy_from_slice(number);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_is_taken_apart() {
        assert_eq!(two_integers(&[0x30, 7, 2, 2, 0, 0x80, 2, 1, 3]), [vec![0x80], vec![3]]);
        assert_eq!(two_integers(&[0x30, 0x81, 8, 2, 0x82, 0, 1, 9, 2, 1, 3]), [vec![9], vec![3]]);
    }

    #[test]
    fn public_keys_have_the_right_sizes() {
        for (algorithm, names, bytes) in
            [(Algorithm::Rs256, ["n", "e"], [256, 3]), (Algorithm::Es256, ["x", "y"], [32, 32])]
        {
            let key = SigningKey::new(algorithm, "a").public();
            for (name, bytes) in names.into_iter().zip(bytes) {
                let text = key[name].as_str().expect("a text");
                assert_eq!(
                    URL_SAFE_NO_PAD.decode(text).expect("base64url").len(),
                    bytes,
                    "{algorithm:?} {name}"
                );
            }
        }
    }
}
