use serde::{Deserialize, Serialize};

use super::Keyring;
use super::jws::{self, Alg, Jws, Key};
use super::keyring::SigningKey;
use crate::swift::SecretText;

/// What the registry vouches for in a token of its own: a JSON Web Token (RFC 7519), signed with a key of a [`Keyring`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// The user's name; `None` if nobody is logged in.
    pub subject: Option<Box<str>>,
    /// What the token is good for. It counts only as far as the user may do it when it is used.
    pub access: Vec<TokenScope>,
}

/// Something that a token is good for, in the words of the Docker Registry token specification.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenScope {
    /// What `name` names.
    #[serde(rename = "type")]
    pub kind: ScopeKind,
    /// The name of a repository, or `catalog`.
    pub name: Box<str>,
    /// `pull`, `push`, `delete`, or `*`.
    pub actions: Vec<Box<str>>,
}

/// What the name of a [`TokenScope`] names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScopeKind {
    /// A repository.
    Repository,
    /// A part of the registry itself.
    Registry,
}

/// For whom, when and for how long a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Issuance<'a> {
    /// The name of this registry: issuer and audience of its tokens.
    pub service: &'a str,
    /// The time in seconds since 1970.
    pub now: u64,
    /// How long the token is good, in seconds.
    pub life_seconds: u64,
    /// Random bytes that tell the token from all others.
    pub id: [u8; 16],
}

/// What a token of this registry says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Opened {
    /// What it was granted.
    pub grant: Grant,
    /// When it was signed, in seconds since 1970.
    pub issued: u64,
    /// From when on it is good no more, in seconds since 1970.
    pub expires: u64,
}

/// What a refresh token says. It is good for nothing before [`Self::is_of`] was asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Renewal {
    /// What it says.
    pub opened: Opened,
    key: SigningKey,
    stamp: Box<[u8]>,
}

/// Why a token is not taken. All that a client may be told of it is `invalid_token`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TokenError {
    /// It was good, and all that it says was true, until it expired. What was begun with it may be finished.
    Expired(Box<Opened>),
    /// It never was good for this.
    Invalid(TokenFault),
}

/// Why a token never was good. For logs only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenFault {
    /// It is no token that this registry would write, or too long for one.
    Malformed,
    /// It names no key of the keyring, or another algorithm than this registry's.
    UnknownKey,
    /// It was not signed with the key that it names.
    Signature,
    /// It was signed for or by another service.
    Service,
    /// It is for a later time.
    Early,
    /// It is a refresh token where one for access is needed, or the other way round.
    Use,
}

impl Grant {
    /// No token is longer, in bytes.
    pub const TOKEN_BYTES_MAX: usize = 8 << 10;

    /// Signs a token to work with; `None` if it would be too long: then fewer scopes have to do.
    pub fn sign(&self, keyring: &Keyring, issuance: &Issuance<'_>) -> Option<SecretText> {
        self.signed(keyring.first(), issuance, Use::Access, None)
    }

    /// Signs a refresh token, which is good for nothing but having others signed, and only while the password record of the
    /// user stays as it is: a changed password ends it. `None` if it would be too long.
    pub fn sign_refresh(
        &self,
        keyring: &Keyring,
        issuance: &Issuance<'_>,
        password_record: &[u8],
    ) -> Option<SecretText> {
        let key = keyring.first();
        let stamp = hex(&key.stamp(self.subject.as_deref().unwrap_or(""), password_record));
        self.signed(key, issuance, Use::Refresh, Some(stamp))
    }

    fn signed(
        &self,
        key: &SigningKey,
        issuance: &Issuance<'_>,
        usage: Use,
        stamp: Option<String>,
    ) -> Option<SecretText> {
        let claims = Claims {
            iss: issuance.service.into(),
            aud: issuance.service.into(),
            sub: self.subject.clone(),
            iat: issuance.now,
            nbf: issuance.now,
            exp: issuance.now.saturating_add(issuance.life_seconds),
            jti: hex(&issuance.id).into(),
            usage,
            stamp: stamp.map(Into::into),
            access: self.access.clone(),
        };
        let text = jws::sign(&key.id, TYP, &claims, &key.secret);
        (text.expose().len() <= Self::TOKEN_BYTES_MAX).then_some(text)
    }
}

impl Renewal {
    /// Whether the user's password record is still what it was when this was signed.
    pub fn is_of(&self, password_record: &[u8]) -> bool {
        self.key.is_stamp(&self.stamp, self.opened.grant.subject.as_deref().unwrap_or(""), password_record)
    }
}

/// Opens a token to work with. `now` is the time in seconds since 1970.
///
/// # Errors
/// [`TokenError::Expired`] tells what it said while it was good; all others are [`TokenError::Invalid`].
pub fn open(keyring: &Keyring, service: &str, text: &str, now: u64) -> Result<Opened, TokenError> {
    let (claims, _) = read(keyring, service, text, now)?;
    match claims.usage {
        Use::Access if claims.stamp.is_none() => claims.opened(now),
        Use::Access | Use::Refresh => Err(TokenError::Invalid(TokenFault::Use)),
    }
}

/// Opens a refresh token. `now` is the time in seconds since 1970.
///
/// # Errors
/// [`TokenError::Expired`] or [`TokenError::Invalid`], either of which ends it.
pub fn open_refresh(keyring: &Keyring, service: &str, text: &str, now: u64) -> Result<Renewal, TokenError> {
    let (mut claims, key) = read(keyring, service, text, now)?;
    match (claims.usage, claims.stamp.take()) {
        (Use::Refresh, Some(stamp)) => {
            let stamp = unhex(&stamp).ok_or(TokenError::Invalid(TokenFault::Malformed))?;
            Ok(Renewal { opened: claims.opened(now)?, key: key.clone(), stamp })
        }
        (Use::Refresh | Use::Access, _) => Err(TokenError::Invalid(TokenFault::Use)),
    }
}

/// All but the use and the end.
fn read<'k>(
    keyring: &'k Keyring,
    service: &str,
    text: &str,
    now: u64,
) -> Result<(Claims, &'k SigningKey), TokenError> {
    let invalid = |fault| TokenError::Invalid(fault);
    let token = Jws::read(text, Grant::TOKEN_BYTES_MAX).ok_or(invalid(TokenFault::Malformed))?;
    let key = token.kid.as_deref().and_then(|id| keyring.find(id)).ok_or(invalid(TokenFault::UnknownKey))?;
    if token.alg != Some(Alg::Hs256) {
        return Err(invalid(TokenFault::UnknownKey));
    }
    if !token.is_signed_with(Key::Secret(&key.secret)) {
        return Err(invalid(TokenFault::Signature));
    }
    if token.typ.as_deref() != Some(TYP) {
        return Err(invalid(TokenFault::Malformed));
    }
    let claims: Claims = token.unverified().ok_or(invalid(TokenFault::Malformed))?;
    if *claims.iss != *service || *claims.aud != *service {
        return Err(invalid(TokenFault::Service));
    }
    let latest = now.saturating_add(LEEWAY_SECONDS);
    if claims.nbf > latest || claims.iat > latest {
        return Err(invalid(TokenFault::Early));
    }
    Ok((claims, key))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: Box<str>,
    aud: Box<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<Box<str>>,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: Box<str>,
    #[serde(rename = "use")]
    usage: Use,
    #[serde(skip_serializing_if = "Option::is_none")]
    stamp: Option<Box<str>>,
    access: Vec<TokenScope>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Use {
    Access,
    Refresh,
}

impl Claims {
    fn opened(self, now: u64) -> Result<Opened, TokenError> {
        let grant = Grant { subject: self.sub, access: self.access };
        let opened = Opened { grant, issued: self.iat, expires: self.exp };
        if now >= opened.expires { Err(TokenError::Expired(Box::new(opened))) } else { Ok(opened) }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Box<[u8]>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

const TYP: &str = "JWT";

/// So far the clocks of two replicas may be apart.
const LEEWAY_SECONDS: u64 = 60;

#[cfg(test)]
mod tests;
