//! Digests written the way that a registry writes them.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// `sha256:<hex>` of some bytes.
pub fn sha256(bytes: &[u8]) -> String {
    named(Sha256::digest(bytes).as_slice())
}

/// `sha256:<hex>` of a file, read piece by piece.
///
/// # Errors
/// Whatever opening or reading the file fails with.
pub fn sha256_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(named(hasher.finalize().as_slice()));
        }
        hasher.update(&piece[..read]);
    }
}

/// `sha256:<hex>` of a finished sha256 sum.
pub fn named(sum: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in sum {
        text.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        text.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_of_nothing_is_the_well_known_one() {
        let expected = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), expected);
    }
}
