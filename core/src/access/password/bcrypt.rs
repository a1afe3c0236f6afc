use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use subtle::ConstantTimeEq as _;

use super::PasswordError;

/// A hash of bcrypt.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct BcryptRecord {
    cost: u8,
    salt: [u8; 16],
    hash: [u8; HASH_BYTES],
}

impl BcryptRecord {
    /// Reads what follows `$2b$`.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        let (cost, rest) = text.split_once('$').ok_or(PasswordError::BcryptDamaged)?;
        let digits = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
        let cost = digits.then(|| cost.parse().ok()).flatten().ok_or(PasswordError::BcryptDamaged)?;
        if !COST.contains(&cost) {
            return Err(PasswordError::BcryptCost);
        }
        let (salt, hash) = rest.split_at_checked(SALT_CHARACTERS).ok_or(PasswordError::BcryptDamaged)?;
        Ok(Self { cost, salt: decode(salt)?, hash: decode(hash)? })
    }

    pub fn verify(&self, password: &str) -> bool {
        // The work is the same for a password that cannot be right.
        let right: bool = compute(password, self.cost, self.salt).ct_eq(&self.hash).into();
        right && is_told_apart(password)
    }

    pub fn feed(&self, sink: &mut dyn FnMut(&[u8])) {
        sink(b"bcrypt");
        sink(&[self.cost]);
        sink(&self.salt);
        sink(&self.hash);
    }
}

/// Hashes a new password.
pub(super) fn hash(password: &str, cost: u8, salt: [u8; 16]) -> Result<String, PasswordError> {
    if !COST.contains(&cost) {
        return Err(PasswordError::BcryptCost);
    }
    if !is_told_apart(password) {
        return Err(PasswordError::BcryptPassword);
    }
    let hash = compute(password, cost, salt);
    Ok(format!("$2b${cost:02}${}{}", BASE64.encode(salt), BASE64.encode(hash)))
}

/// bcrypt reads no more than so many bytes, and begins again with the first where a password ends, with a NUL between.
fn is_told_apart(password: &str) -> bool {
    password.len() <= PASSWORD_BYTES_MAX && !password.contains('\0')
}

fn compute(password: &str, cost: u8, salt: [u8; 16]) -> [u8; HASH_BYTES] {
    let mut key = password.as_bytes()[..password.len().min(PASSWORD_BYTES_MAX)].to_vec();
    if key.len() < PASSWORD_BYTES_MAX {
        key.push(0);
    }
    let whole = ::bcrypt::bcrypt(u32::from(cost), salt, &key);
    std::array::from_fn(|at| whole[at])
}

fn decode<const N: usize>(text: &str) -> Result<[u8; N], PasswordError> {
    BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(PasswordError::BcryptDamaged)
}

/// bcrypt does not look at the last bits of the last character of a salt, and some who make hashes set them.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// What a check may cost: so many times two to the power of it.
pub(super) const COST: RangeInclusive<u8> = 4..=14;

/// So much of a password bcrypt looks at.
pub(super) const PASSWORD_BYTES_MAX: usize = 72;

const SALT_CHARACTERS: usize = 22;

/// bcrypt computes one byte more, and everybody leaves it out.
const HASH_BYTES: usize = 23;
