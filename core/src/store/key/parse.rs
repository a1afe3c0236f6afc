use std::fmt::{self, Display};

use super::Key;
use crate::oci::{Algorithm, Digest, DigestError, NameError, Repository, Tag, TagError};
use crate::upload::{Nonce, UploadId};

/// Why a text is not the name of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyError {
    /// It begins with none of the folders that a store has.
    Folder,
    /// It has not the parts that a name in its folder has.
    Parts,
    /// It names no repository.
    Repository(NameError),
    /// It names no digest.
    Digest(DigestError),
    /// It names no tag.
    Tag(TagError),
    /// It could be read as a name, but is written in another way.
    Form,
}

impl Key {
    /// Reads a name as [`Display`] writes it, and in no other form.
    ///
    /// # Errors
    /// [`KeyError`] if no key is written so.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let key = read(text)?;
        // What was read with less care than it was written with is found here.
        if key.to_string() == text { Ok(key) } else { Err(KeyError::Form) }
    }
}

impl std::str::FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

impl Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder => f.write_str(
                "a name begins with blobs/, segments/, links/, manifests/, tags/ or referrers/; correct it",
            ),
            Self::Parts => f.write_str(
                "it is not a whole name, such as tags/some/app!/v1 or blobs/sha256/<2 hex>/<hex>; complete it",
            ),
            Self::Repository(error) => error.fmt(f),
            Self::Digest(error) => error.fmt(f),
            Self::Tag(error) => error.fmt(f),
            Self::Form => f.write_str("names are written in one form only; take it as a listing shows it"),
        }
    }
}

impl std::error::Error for KeyError {}

fn read(text: &str) -> Result<Key, KeyError> {
    let (folder, rest) = text.split_once('/').ok_or(KeyError::Folder)?;
    match folder {
        "blobs" => {
            let (algorithm, rest) = rest.split_once('/').ok_or(KeyError::Parts)?;
            let (_, hex) = rest.split_once('/').ok_or(KeyError::Parts)?;
            Ok(Key::Blob(digest(algorithm, hex)?))
        }
        "segments" => segment(rest).ok_or(KeyError::Parts),
        "links" => {
            let (repository, rest) = owned(rest)?;
            Ok(Key::Link(repository, one_digest(rest)?))
        }
        "manifests" => {
            let (repository, rest) = owned(rest)?;
            Ok(Key::Manifest(repository, one_digest(rest)?))
        }
        "tags" => {
            let (repository, rest) = owned(rest)?;
            Ok(Key::Tag(repository, Tag::parse(rest).map_err(KeyError::Tag)?))
        }
        "referrers" => {
            let (repository, rest) = owned(rest)?;
            let mut slashes = rest.match_indices('/').map(|(at, _)| at);
            let middle = slashes.nth(1).ok_or(KeyError::Parts)?;
            let (subject, referrer) = (one_digest(&rest[..middle])?, one_digest(&rest[middle + 1..])?);
            Ok(Key::Referrer { repository, subject, referrer })
        }
        _ => Err(KeyError::Folder),
    }
}

/// `<repository>!/` and what follows it.
fn owned(text: &str) -> Result<(Repository, &str), KeyError> {
    let (repository, rest) = text.split_once("!/").ok_or(KeyError::Parts)?;
    Ok((Repository::parse(repository).map_err(KeyError::Repository)?, rest))
}

/// `<algorithm>/<hex>`
fn one_digest(text: &str) -> Result<Digest, KeyError> {
    let (algorithm, hex) = text.split_once('/').ok_or(KeyError::Parts)?;
    digest(algorithm, hex)
}

fn digest(algorithm: &str, hex: &str) -> Result<Digest, KeyError> {
    if Algorithm::parse(algorithm).is_none() {
        return Err(KeyError::Digest(DigestError::UnknownAlgorithm));
    }
    Digest::parse(&format!("{algorithm}:{hex}")).map_err(KeyError::Digest)
}

/// `<upload>/[list-]<number>-<nonce>`
fn segment(text: &str) -> Option<Key> {
    let (upload, rest) = text.split_once('/')?;
    let upload = UploadId::new(bytes(&upload.replace('-', ""))?);
    let (list, rest) = match rest.strip_prefix("list-") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (number, nonce) = rest.split_once('-')?;
    let (number, nonce) = (number.parse().ok()?, Nonce::new(bytes(nonce)?));
    Some(if list {
        Key::SegmentList { upload, number, nonce }
    } else {
        Key::Segment { upload, number, nonce }
    })
}

fn bytes<const COUNT: usize>(hex: &str) -> Option<[u8; COUNT]> {
    let (pairs, []) = hex.as_bytes().as_chunks::<2>() else { return None };
    let pairs: &[[u8; 2]; COUNT] = pairs.try_into().ok()?;
    let mut bytes = [0; COUNT];
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same row of numbers in every run.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            // xorshift64*
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
        }

        fn below(&mut self, end: usize) -> usize {
            (self.next() >> 33) as usize % end
        }

        fn bytes<const COUNT: usize>(&mut self) -> [u8; COUNT] {
            std::array::from_fn(|_| self.next() as u8)
        }

        fn digest(&mut self) -> Digest {
            match self.below(2) {
                0 => Digest::new_sha256(self.bytes()),
                _ => Digest::new_sha512(self.bytes()),
            }
        }

        fn repository(&mut self) -> Repository {
            let parts = ["a", "0", "app", "a-b", "a.b", "x__y", "tags", "sha256", "list-0"];
            let count = 1 + self.below(4);
            let name: Vec<&str> = (0..count).map(|_| parts[self.below(parts.len())]).collect();
            Repository::parse(&name.join("/")).unwrap()
        }

        fn key(&mut self) -> Key {
            let (upload, nonce) = (UploadId::new(self.bytes()), Nonce::new(self.bytes()));
            let number = [0, 1, 10, u32::MAX, self.next() as u32][self.below(5)];
            let tags = ["v1", "_", "latest", "1.2.3-rc", "A_b", "sha256-ab"];
            match self.below(7) {
                0 => Key::Blob(self.digest()),
                1 => Key::Segment { upload, number, nonce },
                2 => Key::SegmentList { upload, number, nonce },
                3 => Key::Link(self.repository(), self.digest()),
                4 => Key::Manifest(self.repository(), self.digest()),
                5 => Key::Tag(self.repository(), Tag::parse(tags[self.below(tags.len())]).unwrap()),
                _ => Key::Referrer {
                    repository: self.repository(),
                    subject: self.digest(),
                    referrer: self.digest(),
                },
            }
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut numbers = Numbers(7);
        for _ in 0..2000 {
            let key = numbers.key();
            assert_eq!(Key::parse(&key.to_string()), Ok(key));
        }
    }

    /// Whatever is read is written as it stood there: no second text names the same object.
    #[test]
    fn nothing_else_is_read() {
        let mut numbers = Numbers(11);
        let letters = *b"/-!0aAZ.~%_ \n\0+l";
        let mut refused = 0;
        for _ in 0..20_000 {
            let mut text = numbers.key().to_string().into_bytes();
            let at = numbers.below(text.len());
            let letter = letters[numbers.below(letters.len())];
            match numbers.below(4) {
                0 => text[at] = letter,
                1 => text.insert(at, letter),
                2 => drop(text.remove(at)),
                _ => text.truncate(at),
            }
            let text = String::from_utf8(text).unwrap();
            match Key::parse(&text) {
                Ok(key) => assert_eq!(key.to_string(), text),
                Err(error) => {
                    refused += 1;
                    assert!(error.to_string().contains(';'), "it says what to do: {error}");
                }
            }
        }
        assert!(refused > 10_000, "{refused}");
    }

    #[test]
    fn the_reason_is_named() {
        let hex = "ab".repeat(32);
        for (text, error) in [
            ("".to_owned(), KeyError::Folder),
            ("secret".to_owned(), KeyError::Folder),
            ("tmp/1".to_owned(), KeyError::Folder),
            ("/tags/a!/v1".to_owned(), KeyError::Folder),
            ("tags/a/v1".to_owned(), KeyError::Parts),
            ("tags/A!/v1".to_owned(), KeyError::Repository(NameError::Malformed)),
            ("tags/a!/".to_owned(), KeyError::Tag(Tag::parse("").unwrap_err())),
            (format!("blobs/sha256/cd/{hex}"), KeyError::Form),
            (format!("blobs/sha256/{hex}"), KeyError::Parts),
            (format!("blobs/md5/ab/{hex}"), KeyError::Digest(DigestError::UnknownAlgorithm)),
            (format!("links/a!/sha256/{}", &hex[1..]), KeyError::Digest(DigestError::Malformed)),
            (format!("referrers/a!/sha256/{hex}"), KeyError::Parts),
            ("segments/11111111-1111-1111-1111-111111111111/0".to_owned(), KeyError::Parts),
            ("segments/11111111111111111111111111111111/0-2222222222222222".to_owned(), KeyError::Form),
            ("segments/11111111-1111-1111-1111-111111111111/00-2222222222222222".to_owned(), KeyError::Form),
            ("segments/11111111-1111-1111-1111-111111111111/+1-2222222222222222".to_owned(), KeyError::Form),
        ] {
            assert_eq!(Key::parse(&text), Err(error), "{text}");
        }
    }
}
