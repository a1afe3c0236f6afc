//! Content digests: `sha256:<64 hex>` and `sha512:<128 hex>`.

use std::fmt;

use sha2::Digest as _;

/// A digest of content, by which blobs and manifests are named (image-spec, descriptor.md, "Digests").
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    /// The bytes past the algorithm's length are zero, so that derived equality and order hold.
    bytes: [u8; 64],
}

/// The digest algorithms that the image specification registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, which every registry and client must know.
    Sha256,
    /// SHA-512, which they may know.
    Sha512,
}

/// Why a text is not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DigestError {
    /// It breaks the grammar `<algorithm>:<encoded>`, or is no lowercase hex of the algorithm's exact length.
    Malformed,
    /// It keeps the grammar, but names an algorithm other than sha256 and sha512.
    UnknownAlgorithm,
}

impl Algorithm {
    /// The name as it stands before the colon.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The length of a digest in bytes.
    pub const fn bytes_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The length of a digest in hex digits.
    pub const fn hex_len(self) -> usize {
        2 * self.bytes_len()
    }

    /// Reads a name, such as the `digest-algorithm` of an upload's query; `None` if it is not a known one.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Digest {
    /// Reads `sha256:<hex>` or `sha512:<hex>`.
    ///
    /// # Errors
    /// Uppercase hex, a wrong length and anything around the digest are [`DigestError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let (name, encoded) = text.split_once(':').ok_or(DigestError::Malformed)?;
        let Some(algorithm) = Algorithm::parse(name) else {
            let known_grammar = is_algorithm_grammar(name) && is_encoded_grammar(encoded);
            return Err(if known_grammar { DigestError::UnknownAlgorithm } else { DigestError::Malformed });
        };
        if encoded.len() != algorithm.hex_len() {
            return Err(DigestError::Malformed);
        }
        let mut bytes = [0; 64];
        for (byte, pair) in bytes.iter_mut().zip(encoded.as_bytes().chunks_exact(2)) {
            let (Some(high), Some(low)) = (hex_value(pair[0]), hex_value(pair[1])) else {
                return Err(DigestError::Malformed);
            };
            *byte = high << 4 | low;
        }
        Ok(Self { algorithm, bytes })
    }

    /// Wraps a finished SHA-256.
    pub fn new_sha256(hash: [u8; 32]) -> Self {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&hash);
        Self { algorithm: Algorithm::Sha256, bytes }
    }

    /// Wraps a finished SHA-512.
    pub const fn new_sha512(bytes: [u8; 64]) -> Self {
        Self { algorithm: Algorithm::Sha512, bytes }
    }

    /// Hashes content that is at hand.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::new_sha256(sha2::Sha256::digest(content).into()),
            Algorithm::Sha512 => Self::new_sha512(sha2::Sha512::digest(content).into()),
        }
    }

    /// The algorithm before the colon.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hash itself, 32 or 64 bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.bytes_len()]
    }

    /// The part after the colon.
    pub fn hex(&self) -> String {
        let mut hex = String::with_capacity(self.algorithm.hex_len());
        for byte in self.bytes() {
            for nibble in [byte >> 4, byte & 15] {
                hex.push(char::from(HEX_DIGITS[usize::from(nibble)]));
            }
        }
        hex
    }

    /// Whether this is the digest of no bytes at all.
    pub fn is_of_empty(&self) -> bool {
        *self == Self::of(self.algorithm, b"")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        Self::parse(text)
    }
}

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "a digest is sha256: and 64, or sha512: and 128, lowercase hex digits; correct it"
            }
            Self::UnknownAlgorithm => "only sha256 and sha512 digests are kept here; use one of the two",
        })
    }
}

impl std::error::Error for DigestError {}

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// `algorithm ::= component ([+._-] component)*`, `component ::= [a-z0-9]+`.
fn is_algorithm_grammar(name: &str) -> bool {
    name.split(['+', '.', '_', '-'])
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

/// `encoded ::= [a-zA-Z0-9=_-]+`.
fn is_encoded_grammar(encoded: &str) -> bool {
    !encoded.is_empty()
        && encoded.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_256: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const EMPTY_512: &str = "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                             47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

    #[test]
    fn what_is_parsed_prints_the_same() {
        for text in [EMPTY_256, EMPTY_512] {
            let digest = Digest::parse(text).unwrap();
            assert_eq!(digest.to_string(), text);
            assert_eq!(format!("{digest:?}"), text);
            assert_eq!(digest.hex(), &text[7..]);
            assert_eq!(digest.hex().len(), digest.algorithm().hex_len());
            assert_eq!(digest.bytes().len(), digest.algorithm().bytes_len());
            assert_eq!(Algorithm::parse(digest.algorithm().name()), Some(digest.algorithm()));
            assert_eq!(text.parse(), Ok(digest));
        }
    }

    #[test]
    fn content_is_hashed() {
        assert_eq!(Digest::of(Algorithm::Sha256, b"").to_string(), EMPTY_256);
        assert_eq!(Digest::of(Algorithm::Sha512, b"").to_string(), EMPTY_512);
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(Algorithm::Sha256, b"abc").to_string(), abc);
        assert!(Digest::parse(EMPTY_256).unwrap().is_of_empty());
        assert!(Digest::parse(EMPTY_512).unwrap().is_of_empty());
        assert!(!Digest::parse(abc).unwrap().is_of_empty());
    }

    #[test]
    fn a_wrapped_hash_equals_the_parsed_one() {
        let parsed = Digest::parse(EMPTY_256).unwrap();
        assert_eq!(Digest::new_sha256(parsed.bytes().try_into().unwrap()), parsed);
        let parsed = Digest::parse(EMPTY_512).unwrap();
        assert_eq!(Digest::new_sha512(parsed.bytes().try_into().unwrap()), parsed);
        assert!(Digest::parse(EMPTY_256).unwrap() < Digest::parse(EMPTY_512).unwrap());
    }

    #[test]
    fn anything_else_is_refused() {
        let hex = &EMPTY_256[7..];
        let malformed = [
            String::new(),
            ":".into(),
            "sha256".into(),
            "sha256:".into(),
            format!("sha256:{}", &hex[1..]),
            format!("sha256:{hex}0"),
            format!("sha256:{}", hex.to_uppercase()),
            format!("SHA256:{hex}"),
            format!("sha512:{hex}"),
            format!(" sha256:{hex}"),
            format!("sha256:{hex}\n"),
            format!("sha256:{hex}\0"),
            format!("sha256: {}", &hex[1..]),
            format!("sha256:{}é", &hex[2..]),
            format!("sha256:{}/../", &hex[4..]),
            format!("tag@sha256:{hex}"),
            format!("+:{hex}"),
            format!("sha3++x:{hex}"),
            "md5:".into(),
            "md5:a/b".into(),
            "md5:%61".into(),
        ];
        for text in malformed {
            assert_eq!(Digest::parse(&text), Err(DigestError::Malformed), "{text:?}");
        }
        for text in ["md5:d41d8cd9", "sha384:ab", "sha256+b64u:LCa0a2j_xo=", "blake3:00", "sha-256:00"] {
            assert_eq!(Digest::parse(text), Err(DigestError::UnknownAlgorithm), "{text:?}");
        }
    }
}
