use std::fmt;
use std::ops::RangeInclusive;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::{PasswordError, number};

/// What a hash with argon2id costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Argon2Cost {
    /// Memory in KiB, from 1,024 to 262,144.
    pub memory_kib: u32,
    /// Passes over it, from 1 to 16.
    pub passes: u32,
    /// Lanes, from 1 to 4. They are worked on one after the other.
    pub lanes: u32,
}

impl Default for Argon2Cost {
    /// What OWASP recommends: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

impl Argon2Cost {
    fn params(self, hash_bytes: usize) -> Option<Params> {
        let sane = MEMORY_KIB.contains(&self.memory_kib)
            && PASSES.contains(&self.passes)
            && LANES.contains(&self.lanes);
        sane.then(|| Params::new(self.memory_kib, self.passes, self.lanes, Some(hash_bytes)).ok()).flatten()
    }

    fn text(self) -> String {
        format!("v={VERSION}$m={},t={},p={}", self.memory_kib, self.passes, self.lanes)
    }
}

/// The memory that argon2id works in. Who checks many passwords keeps one: to have it made anew for each takes time, and
/// leaves the memory of the process in pieces.
#[derive(Default)]
pub struct HashMemory(Vec<Block>);

impl HashMemory {
    /// How much it holds.
    pub fn bytes(&self) -> usize {
        self.0.capacity() * Block::SIZE
    }

    /// `None` if there is not so much.
    fn blocks(&mut self, count: usize) -> Option<&mut [Block]> {
        if self.0.len() < count {
            // What is there need not be copied.
            self.0 = Vec::new();
            self.0.try_reserve_exact(count).ok()?;
            self.0.resize(count, Block::new());
        }
        self.0.get_mut(..count)
    }
}

impl fmt::Debug for HashMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashMemory").field("bytes", &self.bytes()).finish()
    }
}

/// A hash of argon2id.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Argon2Record {
    cost: Argon2Cost,
    salt: Box<[u8]>,
    hash: Box<[u8]>,
}

impl Argon2Record {
    /// Reads what follows `$argon2id$` in a PHC string.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        let mut parts = text.split('$');
        let version =
            parts.next().and_then(|part| part.strip_prefix("v=")).ok_or(PasswordError::Argon2Version)?;
        if version != VERSION {
            return Err(PasswordError::Argon2Version);
        }
        let [Some(cost), Some(salt), Some(hash), None] = std::array::from_fn(|_| parts.next()) else {
            return Err(PasswordError::Argon2Damaged);
        };
        let mut numbers = cost
            .split(',')
            .zip(["m=", "t=", "p="])
            .map(|(part, name)| part.strip_prefix(name).and_then(number).ok_or(PasswordError::Argon2Damaged));
        let mut next = || numbers.next().ok_or(PasswordError::Argon2Damaged)?;
        let cost_read = Argon2Cost { memory_kib: next()?, passes: next()?, lanes: next()? };
        if cost.split(',').count() != 3 {
            return Err(PasswordError::Argon2Damaged);
        }
        let bytes = |text: &str, sizes: RangeInclusive<usize>| {
            let bytes = STANDARD_NO_PAD.decode(text).ok().filter(|bytes| sizes.contains(&bytes.len()));
            bytes.map(Vec::into_boxed_slice).ok_or(PasswordError::Argon2Damaged)
        };
        let record = Self { cost: cost_read, salt: bytes(salt, SALT_BYTES)?, hash: bytes(hash, HASH_BYTES)? };
        record.cost.params(record.hash.len()).ok_or(PasswordError::Argon2Cost)?;
        Ok(record)
    }

    pub fn verify(&self, password: &str, memory: &mut HashMemory) -> bool {
        let Some(hash) = compute(password, self.cost, &self.salt, self.hash.len(), memory) else {
            return false;
        };
        hash.ct_eq(&self.hash).into()
    }

    pub fn feed(&self, sink: &mut dyn FnMut(&[u8])) {
        sink(b"argon2id");
        for number in [self.cost.memory_kib, self.cost.passes, self.cost.lanes] {
            sink(&number.to_be_bytes());
        }
        for bytes in [&self.salt, &self.hash] {
            sink(&(bytes.len() as u64).to_be_bytes());
            sink(bytes);
        }
    }
}

/// Hashes a new password; a PHC string.
pub(super) fn hash(password: &str, cost: Argon2Cost, salt: [u8; 16]) -> Result<String, PasswordError> {
    cost.params(NEW_HASH_BYTES).ok_or(PasswordError::Argon2Cost)?;
    let hash = compute(password, cost, &salt, NEW_HASH_BYTES, &mut HashMemory::default());
    let hash = hash.ok_or(PasswordError::Memory)?;
    let [salt, hash] = [&salt[..], &hash].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    Ok(format!("$argon2id${}${salt}${hash}", cost.text()))
}

fn compute(
    password: &str,
    cost: Argon2Cost,
    salt: &[u8],
    hash_bytes: usize,
    memory: &mut HashMemory,
) -> Option<Vec<u8>> {
    let params = cost.params(hash_bytes)?;
    let blocks = memory.blocks(params.block_count())?;
    let mut hash = vec![0; hash_bytes];
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    hasher.hash_password_into_with_memory(password.as_bytes(), salt, &mut hash, blocks).ok()?;
    Some(hash)
}

/// 0x13, which stands in hashes in decimal.
const VERSION: &str = "19";

/// Bounds of what one check may cost, in KiB, in passes and in lanes.
pub(super) const MEMORY_KIB: RangeInclusive<u32> = 1024..=262_144;
pub(super) const PASSES: RangeInclusive<u32> = 1..=16;
pub(super) const LANES: RangeInclusive<u32> = 1..=4;

const SALT_BYTES: RangeInclusive<usize> = 8..=64;
const HASH_BYTES: RangeInclusive<usize> = 16..=64;
const NEW_HASH_BYTES: usize = 32;
