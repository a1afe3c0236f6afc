use super::{Blocks, Hasher, Hashing};
use crate::oci::{Algorithm, Digest};

/// The state of a SHA-2 hash between two pieces of content, in a form that can be stored and gone on from.
///
/// Defined by FIPS 180-4, section 5 and 6: eight words, the length so far, and the bytes that do not fill a block yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SavedHash {
    algorithm: Algorithm,
    words: [u64; 8],
    length: u64,
    tail: [u8; 128],
}

impl SavedHash {
    /// The state before any content.
    pub fn new(algorithm: Algorithm) -> Self {
        let words = match algorithm {
            Algorithm::Sha256 => SHA256_START.map(u64::from),
            Algorithm::Sha512 => SHA512_START,
        };
        Self { algorithm, words, length: 0, tail: [0; 128] }
    }

    /// The algorithm whose state this is.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How many bytes have been hashed.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The digest of the content so far.
    pub fn digest(&self) -> Digest {
        let hashing = Hashing { content: *self, md5: false };
        Hasher::new(&hashing, Blocks::default()).finish().digest
    }

    /// Writes the state as bytes: algorithm, words, length, tail; at most 201.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        match self.algorithm {
            Algorithm::Sha256 => {
                out.push(1);
                self.words.iter().for_each(|word| out.extend_from_slice(&(*word as u32).to_be_bytes()));
            }
            Algorithm::Sha512 => {
                out.push(2);
                self.words.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
            }
        }
        out.extend_from_slice(&self.length.to_be_bytes());
        out.extend_from_slice(self.tail());
    }

    /// Reads what [`SavedHash::write_to`] wrote and moves `from` behind it; `None` if it is something else.
    pub fn read_from(from: &mut &[u8]) -> Option<Self> {
        let (algorithm, width) = match take(from, 1)? {
            [1] => (Algorithm::Sha256, 4),
            [2] => (Algorithm::Sha512, 8),
            _ => return None,
        };
        let mut saved = Self::new(algorithm);
        for word in &mut saved.words {
            *word = take(from, width)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        }
        saved.length = u64::from_be_bytes(take(from, 8)?.try_into().ok()?);
        let tail = take(from, saved.tail().len())?;
        saved.tail[..tail.len()].copy_from_slice(tail);
        Some(saved)
    }

    /// The bytes that do not fill a block yet.
    pub(super) fn tail(&self) -> &[u8] {
        &self.tail[..(self.length % block_bytes(self.algorithm)) as usize]
    }

    pub(super) fn words(&self) -> &[u64; 8] {
        &self.words
    }

    /// A state out of its parts; of `tail` as much is kept as `length` says.
    pub(super) fn from_parts(algorithm: Algorithm, words: [u64; 8], length: u64, tail: &[u8]) -> Self {
        let mut saved = Self { algorithm, words, length, tail: [0; 128] };
        let kept = saved.tail().len();
        saved.tail[..kept].copy_from_slice(&tail[..kept]);
        saved
    }
}

/// The block of an algorithm in bytes.
pub(super) fn block_bytes(algorithm: Algorithm) -> u64 {
    match algorithm {
        Algorithm::Sha256 => 64,
        Algorithm::Sha512 => 128,
    }
}

fn take<'a>(from: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, rest) = from.split_at_checked(count)?;
    *from = rest;
    Some(head)
}

const SHA256_START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

const SHA512_START: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];
