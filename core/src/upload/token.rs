use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Segments, Upload, UploadId};
use crate::access::Keyring;
use crate::oci::Repository;
use crate::transfer::SavedHash;

/// The secret that upload tokens are sealed with; every replica of a registry has the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret {
    key: Arc<[u8]>,
    /// Those that were in its place before, which seal no more.
    old: Arc<[Arc<[u8]>]>,
    keyring: Keyring,
}

impl Secret {
    /// A secret out of its bytes; at least 16 of them should be random.
    pub fn new(bytes: &[u8]) -> Self {
        Self::with_old(bytes, &[])
    }

    /// A secret that takes the place of others: what they sealed opens still.
    pub fn with_old(bytes: &[u8], old: &[&[u8]]) -> Self {
        let keyring = Keyring::new(bytes, old);
        Self { key: bytes.into(), old: old.iter().map(|old| Arc::from(*old)).collect(), keyring }
    }

    /// The keys of tokens, which follow from it.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// A key for another purpose, from which nothing of the secret can be learned.
    pub(crate) fn derived(&self, purpose: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(b"wharfinger derived 1\0");
        mac.update(purpose);
        mac.finalize().into_bytes().into()
    }

    fn verify(&self, upload: &Bound<'_>, payload: &[u8], tag: &[u8; 32]) -> bool {
        let mut keys = std::iter::once(&self.key).chain(&*self.old);
        keys.any(|key| mac(key, upload, payload).verify_slice(tag).is_ok())
    }
}

/// What a token is sealed for, beside what it says.
struct Bound<'a> {
    repository: &'a Repository,
    user: Option<&'a str>,
}

fn mac(key: &[u8], bound: &Bound<'_>, payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(b"wharfinger upload 2\0");
    mac.update(bound.repository.as_str().as_bytes());
    // Neither a repository nor a user has a zero byte in its name: no two bounds are one text.
    mac.update(b"\0");
    if let Some(user) = bound.user {
        mac.update(b"user ");
        mac.update(user.as_bytes());
    }
    mac.update(b"\0");
    mac.update(payload);
    mac
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenFault {
    /// It was not sealed by this registry, for this repository and upload, or was altered.
    Foreign,
    /// The upload began too long ago.
    Old,
}

impl Upload {
    /// No token is longer, in bytes.
    pub const TOKEN_BYTES_MAX: usize = 2048;

    /// Seals the upload: what a client sends back in the query of the Location. The repository and the user are part of
    /// what is sealed but not of the text.
    pub fn seal(&self, secret: &Secret) -> String {
        let mut sealed = Vec::with_capacity(512);
        sealed.extend_from_slice(self.id.bytes());
        sealed.extend_from_slice(&self.started.to_be_bytes());
        self.content.write_to(&mut sealed);
        self.segments.write_to(&mut sealed);
        let bound = Bound { repository: &self.repository, user: self.user.as_deref() };
        let tag = mac(&secret.key, &bound, &sealed).finalize().into_bytes();
        sealed.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Opens a token that came for `repository` under the upload's name `id`, from `user`.
    ///
    /// # Errors
    /// [`TokenFault::Foreign`] unless just this was sealed with `secret`; [`TokenFault::Old`] if the upload is older than
    /// `age_max` seconds at `now`.
    pub fn open(
        token: &str,
        id: &str,
        repository: &Repository,
        user: Option<&str>,
        secret: &Secret,
        now: u64,
        age_max: u64,
    ) -> Result<Self, TokenFault> {
        if token.len() > Self::TOKEN_BYTES_MAX {
            return Err(TokenFault::Foreign);
        }
        let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenFault::Foreign)?;
        let (payload, tag) = sealed.split_last_chunk::<32>().ok_or(TokenFault::Foreign)?;
        if !secret.verify(&Bound { repository, user }, payload, tag) {
            return Err(TokenFault::Foreign);
        }
        let upload = Self::read_from(payload, repository, user).ok_or(TokenFault::Foreign)?;
        if upload.id.to_string() != id {
            return Err(TokenFault::Foreign);
        }
        if now.saturating_sub(upload.started) > age_max {
            return Err(TokenFault::Old);
        }
        Ok(upload)
    }

    fn read_from(mut payload: &[u8], repository: &Repository, user: Option<&str>) -> Option<Self> {
        let (id, rest) = payload.split_first_chunk::<16>()?;
        let (started, rest) = rest.split_first_chunk::<8>()?;
        payload = rest;
        Some(Self {
            id: UploadId::new(*id),
            started: u64::from_be_bytes(*started),
            repository: repository.clone(),
            user: user.map(Into::into),
            content: SavedHash::read_from(&mut payload)?,
            segments: Segments::read_from(payload)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Algorithm;
    use crate::upload::{Nonce, Segment, Spill};

    fn upload(algorithm: Algorithm, segments: usize) -> Upload {
        let mut upload =
            Upload::new(UploadId::new([3; 16]), 1000, Repository::parse("a/b").unwrap(), algorithm);
        let nonce = Nonce::new([9; 8]);
        upload.segments.spill = Some(Spill { number: 7, nonce });
        for number in 0..segments as u32 {
            upload.segments.recent.push(Segment {
                number: 7 + number,
                nonce,
                size: 1 << 30,
                md5: Some([4; 16]),
            });
        }
        upload
    }

    fn open(token: &str, upload: &Upload, now: u64) -> Result<Upload, TokenFault> {
        let user = upload.user.as_deref();
        Upload::open(token, &upload.id.to_string(), &upload.repository, user, &Secret::new(b"key"), now, 100)
    }

    #[test]
    fn the_longest_token_opens_again_and_is_short() {
        let upload = upload(Algorithm::Sha512, Segments::RECENT_MAX);
        let token = upload.seal(&Secret::new(b"key"));
        assert!(token.len() <= Upload::TOKEN_BYTES_MAX, "{}", token.len());
        assert_eq!(open(&token, &upload, 1100), Ok(upload.clone()));
        assert_eq!(open(&token, &upload, 1101), Err(TokenFault::Old));
        assert_eq!(open(&token, &upload, 900), Ok(upload));
    }

    #[test]
    fn no_token_opens_that_was_not_sealed_for_this() {
        let upload = upload(Algorithm::Sha256, 1);
        let token = upload.seal(&Secret::new(b"key"));
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(open(&altered, &upload, 1000), Err(TokenFault::Foreign), "{at}");
            assert_eq!(open(&token[..at], &upload, 1000), Err(TokenFault::Foreign), "{at}");
        }
        assert_eq!(open(&upload.seal(&Secret::new(b"other")), &upload, 1000), Err(TokenFault::Foreign));
        let mut elsewhere = upload.clone();
        elsewhere.repository = Repository::parse("a/c").unwrap();
        assert_eq!(open(&token, &elsewhere, 1000), Err(TokenFault::Foreign));
        let mut another = upload.clone();
        another.user = Some("ci".into());
        assert_eq!(open(&token, &another, 1000), Err(TokenFault::Foreign));
        let theirs = another.seal(&Secret::new(b"key"));
        assert_eq!(open(&theirs, &another, 1000), Ok(another.clone()));
        assert_eq!(open(&theirs, &upload, 1000), Err(TokenFault::Foreign));
        another.user = Some("".into());
        assert_eq!(open(&token, &another, 1000), Err(TokenFault::Foreign));
        let id = UploadId::new([4; 16]).to_string();
        let opened = Upload::open(&token, &id, &upload.repository, None, &Secret::new(b"key"), 1000, 100);
        assert_eq!(opened, Err(TokenFault::Foreign));
        assert_eq!(open("", &upload, 1000), Err(TokenFault::Foreign));
        assert_eq!(open(&"A".repeat(1 << 20), &upload, 1000), Err(TokenFault::Foreign));
    }

    #[test]
    fn what_an_older_secret_sealed_opens_still() {
        let upload = upload(Algorithm::Sha256, 1);
        let (old, new) = (Secret::new(b"old"), Secret::with_old(b"new", &[b"older", b"old"]));
        let opened = |token: &str, secret| {
            Upload::open(token, &upload.id.to_string(), &upload.repository, None, secret, 1000, 100)
        };
        assert_eq!(opened(&upload.seal(&old), &new), Ok(upload.clone()));
        assert_eq!(opened(&upload.seal(&new), &new), Ok(upload.clone()));
        assert_eq!(opened(&upload.seal(&new), &old), Err(TokenFault::Foreign));
    }

    #[test]
    fn a_secret_does_not_show() {
        assert_eq!(format!("{:?}", Secret::new(b"key")), "Secret(..)");
    }
}
