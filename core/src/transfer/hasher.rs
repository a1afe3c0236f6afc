use md5::Digest as _;

use super::saved_hash::{SavedHash, block_bytes};
use super::{Hashed, Hashing};
use crate::oci::{Algorithm, Digest};

/// The block functions of SHA-2. A host may plug in faster ones; the default is portable.
#[derive(Clone, Copy, Debug)]
pub struct Blocks {
    /// Takes whole blocks into the state of a SHA-256.
    pub sha256: fn(&mut [u32; 8], &[[u8; 64]]),
    /// Takes whole blocks into the state of a SHA-512.
    pub sha512: fn(&mut [u64; 8], &[[u8; 128]]),
}

impl Default for Blocks {
    fn default() -> Self {
        Self { sha256: sha2::block_api::compress256, sha512: sha2::block_api::compress512 }
    }
}

/// Computes what a [`Hashing`] asks for. The host's pump feeds it; it never enters the state of an exchange.
#[derive(Clone, Debug)]
pub struct Hasher {
    content: Content,
    length: u64,
    tail: [u8; 128],
    md5: Option<md5::Md5>,
    blocks: Blocks,
}

impl Hasher {
    /// A hasher that goes on from where `hashing` left off.
    pub fn new(hashing: &Hashing, blocks: Blocks) -> Self {
        let saved = &hashing.content;
        let mut tail = [0; 128];
        tail[..saved.tail().len()].copy_from_slice(saved.tail());
        let content = match saved.algorithm() {
            Algorithm::Sha256 => Content::Sha256(saved.words().map(|word| word as u32)),
            Algorithm::Sha512 => Content::Sha512(*saved.words()),
        };
        Self { content, length: saved.length(), tail, md5: hashing.md5.then(md5::Md5::new), blocks }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        self.take(bytes);
    }

    /// Ends and tells what was found.
    pub fn finish(mut self) -> Hashed {
        let md5 = self.md5.take().map(|md5| md5.finalize().into());
        let saved =
            SavedHash::from_parts(self.content.algorithm(), self.content.words(), self.length, &self.tail);
        self.pad();
        let digest = match self.content {
            Content::Sha256(words) => {
                let mut bytes = [0; 32];
                bytes
                    .chunks_exact_mut(4)
                    .zip(words)
                    .for_each(|(out, word)| out.copy_from_slice(&word.to_be_bytes()));
                Digest::new_sha256(bytes)
            }
            Content::Sha512(words) => {
                let mut bytes = [0; 64];
                bytes
                    .chunks_exact_mut(8)
                    .zip(words)
                    .for_each(|(out, word)| out.copy_from_slice(&word.to_be_bytes()));
                Digest::new_sha512(bytes)
            }
        };
        Hashed { digest, saved, md5 }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        let block = block_bytes(self.content.algorithm()) as usize;
        let filled = (self.length % block as u64) as usize;
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if filled > 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(block - filled));
            self.tail[filled..filled + head.len()].copy_from_slice(head);
            bytes = rest;
            if filled + head.len() < block {
                return;
            }
            let tail = self.tail;
            self.content.take_blocks(&tail[..block], &self.blocks);
        }
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % block);
        self.content.take_blocks(whole, &self.blocks);
        self.tail[..rest.len()].copy_from_slice(rest);
    }

    /// FIPS 180-4, section 5.1: a one bit, zeros, the length in bits, so that the last block is full.
    fn pad(&mut self) {
        let bits = u128::from(self.length) * 8;
        let block = block_bytes(self.content.algorithm()) as usize;
        let length_bytes = block / 8;
        let filled = (self.length % block as u64) as usize;
        let mut padding = [0; 256];
        padding[0] = 0x80;
        let end = if filled + 1 + length_bytes <= block { block - filled } else { 2 * block - filled };
        padding[end - length_bytes..end].copy_from_slice(&bits.to_be_bytes()[16 - length_bytes..]);
        self.take(&padding[..end]);
    }
}

/// The MD5 of bytes that are at hand.
pub fn md5_of(bytes: &[u8]) -> [u8; 16] {
    md5::Md5::digest(bytes).into()
}

#[derive(Clone, Debug)]
enum Content {
    Sha256([u32; 8]),
    Sha512([u64; 8]),
}

impl Content {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    fn words(&self) -> [u64; 8] {
        match self {
            Self::Sha256(words) => words.map(u64::from),
            Self::Sha512(words) => *words,
        }
    }

    /// `bytes` is a number of whole blocks.
    fn take_blocks(&mut self, bytes: &[u8], blocks: &Blocks) {
        match self {
            Self::Sha256(words) => (blocks.sha256)(words, bytes.as_chunks().0),
            Self::Sha512(words) => (blocks.sha512)(words, bytes.as_chunks().0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes `content` in pieces of `piece` bytes, saving and restoring the state after each.
    fn in_pieces(algorithm: Algorithm, content: &[u8], piece: usize) -> Digest {
        let mut hashing = Hashing { content: SavedHash::new(algorithm), md5: false };
        let mut digest = Hasher::new(&hashing, Blocks::default()).finish().digest;
        for bytes in content.chunks(piece) {
            let mut hasher = Hasher::new(&hashing, Blocks::default());
            hasher.update(bytes);
            let hashed = hasher.finish();
            let mut stored = Vec::new();
            hashed.saved.write_to(&mut stored);
            let restored = SavedHash::read_from(&mut stored.as_slice()).unwrap();
            assert_eq!(restored, hashed.saved);
            hashing.content = restored;
            digest = hashed.digest;
        }
        digest
    }

    #[test]
    fn agrees_with_the_plain_hashes_at_every_length_and_cut() {
        let content: Vec<u8> = (0..700u32).map(|n| (n * 31 % 251) as u8).collect();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            for length in 0..content.len() {
                let whole = Digest::of(algorithm, &content[..length]);
                for piece in [1.max(length), 64, 127] {
                    assert_eq!(in_pieces(algorithm, &content[..length], piece), whole, "{length} in {piece}");
                }
            }
        }
    }

    #[test]
    fn md5_covers_only_the_bytes_of_one_transfer() {
        let hashing = Hashing { content: SavedHash::new(Algorithm::Sha256), md5: true };
        let mut hasher = Hasher::new(&hashing, Blocks::default());
        hasher.update(b"first");
        let first = hasher.finish();
        let mut hasher = Hasher::new(&Hashing { content: first.saved, md5: true }, Blocks::default());
        hasher.update(b"abc");
        let second = hasher.finish();
        assert_eq!(second.md5, Some(md5_of(b"abc")));
        assert_eq!(second.digest, Digest::of(Algorithm::Sha256, b"firstabc"));
    }

    #[test]
    fn a_damaged_state_is_not_read() {
        let mut stored = Vec::new();
        SavedHash::new(Algorithm::Sha512).write_to(&mut stored);
        for cut in 0..stored.len() {
            assert_eq!(SavedHash::read_from(&mut &stored[..cut]), None);
        }
        assert_eq!(SavedHash::read_from(&mut [9u8; 200].as_slice()), None);
    }
}
