use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The keys of the registry's own tokens, each made of a secret: the first one signs, all of them verify. So a secret can be
/// replaced while tokens that were signed with the old one live on.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Keyring {
    first: SigningKey,
    older: Vec<SigningKey>,
}

/// A key and the name by which a token says that it was signed with it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct SigningKey {
    pub(super) id: Box<str>,
    pub(super) secret: [u8; 32],
}

impl Keyring {
    /// The keys of this secret and of older ones, of which at least 16 bytes each should be random. Every replica of a
    /// registry has the same.
    pub fn new(secret: &[u8], old: &[&[u8]]) -> Self {
        Self {
            first: SigningKey::new(secret),
            older: old.iter().map(|secret| SigningKey::new(secret)).collect(),
        }
    }

    pub(super) fn first(&self) -> &SigningKey {
        &self.first
    }

    pub(super) fn find(&self, id: &str) -> Option<&SigningKey> {
        std::iter::once(&self.first).chain(&self.older).find(|key| *key.id == *id)
    }
}

impl SigningKey {
    fn new(secret: &[u8]) -> Self {
        let id = mac(secret, b"wharfinger token 1 id");
        let id = id[..4].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Self { id: id.into(), secret: mac(secret, b"wharfinger token 1") }
    }

    /// What a stored password record of a user looks like to a refresh token: it shows nothing of it to who has no key.
    pub(super) fn stamp(&self, user: &str, record: &[u8]) -> [u8; 32] {
        let mut message = Vec::with_capacity(64 + user.len() + record.len());
        message.extend_from_slice(b"wharfinger refresh 1\0");
        message.extend_from_slice(user.as_bytes());
        message.push(0);
        message.extend_from_slice(record);
        mac(&self.secret, &message)
    }

    /// Whether the stamp is that of this record.
    pub(super) fn is_stamp(&self, stamp: &[u8], user: &str, record: &[u8]) -> bool {
        // A MAC of both sides tells in constant time whether they are the same.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        mac.update(stamp);
        let given = mac.finalize().into_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        mac.update(&self.stamp(user, record));
        mac.verify(&given).is_ok()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(..)")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_has_a_key_and_a_name_of_its_own() {
        let ring = Keyring::new(b"one", &[b"two", b"three"]);
        let ids = [b"one".as_slice(), b"two", b"three"].map(|secret| SigningKey::new(secret).id);
        assert_eq!(ring.first().id, ids[0]);
        for id in &ids {
            assert_eq!(id.len(), 8);
            assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
            assert_eq!(&ring.find(id).unwrap().id, id);
        }
        assert_ne!(ring.find(&ids[1]).unwrap().secret, ring.first().secret);
        for id in ["", "00000000", "one", "../../etc/passwd", "' OR 1=1 --", &ids[0].to_uppercase()] {
            assert!(ring.find(id).is_none() || id.eq(&*ids[0]), "{id}");
        }
        assert!(Keyring::new(b"one", &[]).find(&ids[1]).is_none());
    }

    #[test]
    fn a_stamp_is_that_of_one_user_with_one_record() {
        let key = SigningKey::new(b"one");
        let stamp = key.stamp("ann", b"$2b$10$abc");
        assert!(key.is_stamp(&stamp, "ann", b"$2b$10$abc"));
        assert!(!key.is_stamp(&stamp, "ann", b"$2b$10$abd"));
        assert!(!key.is_stamp(&stamp, "bob", b"$2b$10$abc"));
        assert!(!key.is_stamp(&stamp[..31], "ann", b"$2b$10$abc"));
        assert!(!key.is_stamp(&[], "ann", b"$2b$10$abc"));
        assert!(!SigningKey::new(b"two").is_stamp(&stamp, "ann", b"$2b$10$abc"));
    }

    #[test]
    fn keys_do_not_show() {
        let ring = Keyring::new(b"one", &[b"two"]);
        assert_eq!(format!("{ring:?} {:?}", ring.first()), "Keyring(..) SigningKey(..)");
    }
}
