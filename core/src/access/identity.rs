use std::fmt;

use super::claim_match::{ClaimName, Expected};
use super::json::Json;
use super::jwks::{KeySet, Signed};
use super::jws::Jws;

/// Somebody whose tokens say who a caller is: an issuer of OpenID Connect, as CI systems are for their jobs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer {
    /// What it is called in logs and settings.
    pub name: Box<str>,
    /// Its URL, exactly as it writes it into the `iss` of its tokens.
    pub url: Box<str>,
    /// A token counts only if its `aud` has one of these: others are for other services.
    pub audiences: Vec<Box<str>>,
    /// Where its keys are.
    pub keys: JwksSource,
    /// Whom its tokens stand for: the first that fits counts.
    pub identities: Vec<Identity>,
}

/// Where the keys of an issuer are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JwksSource {
    /// Where the issuer says, under `/.well-known/openid-configuration`.
    Discovery,
    /// Here.
    Url(Box<str>),
}

/// A user that a token stands for if it has these claims. Without any it never does: whoever may have a token of the issuer
/// would be that user. If that is meant, `sub` is `**`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The user's name.
    pub user: Box<str>,
    /// All of them have to be there, and be this.
    pub claims: Vec<(ClaimName, Expected)>,
}

/// What a token says of itself; nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peeked {
    /// The URL of who signed it, if that is true.
    pub issuer: Box<str>,
    /// The key that it was signed with, if that is true: for [`KeyCache::look`](super::KeyCache::look).
    pub kid: Option<Box<str>>,
}

/// Why a token stands for no user. All that a client may be told of it is `invalid_token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityError {
    /// It is no token.
    Malformed,
    /// The issuer has no key of that name.
    UnknownKey,
    /// No key of the issuer signed it, or not in one of the ways RS256 and ES256.
    Signature,
    /// It is another issuer's.
    Issuer,
    /// It is for another service.
    Audience,
    /// Its time is over.
    Expired,
    /// It is for a later time.
    Early,
    /// A claim that has to be there is missing, or is of another kind.
    Claims,
    /// It is good, but none of the configured identities fits it.
    NoIdentity,
}

/// No longer token is read, in bytes.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// What a text says of itself if it is a token of somebody; `None` of all that is none, as passwords.
pub fn peek(text: &str) -> Option<Peeked> {
    let token = Jws::read(text, TOKEN_BYTES_MAX)?;
    let claims: Json = token.unverified()?;
    Some(Peeked { issuer: claims.get("iss")?.text()?.into(), kid: token.kid })
}

/// The name of the user that a token of the issuer stands for. `now` is the time in seconds since 1970.
///
/// The keys are those of this very issuer. Keys and URLs that the token itself has in its head are never looked at.
///
/// # Errors
/// [`IdentityError`].
pub fn verify<'i>(issuer: &'i Issuer, keys: &KeySet, text: &str, now: u64) -> Result<&'i str, IdentityError> {
    let token = Jws::read(text, TOKEN_BYTES_MAX).ok_or(IdentityError::Malformed)?;
    match keys.signed(&token) {
        Signed::Yes => {}
        Signed::No => return Err(IdentityError::Signature),
        Signed::UnknownKey => return Err(IdentityError::UnknownKey),
    }
    let claims: Json = token.unverified().ok_or(IdentityError::Malformed)?;
    let text_of = |name| claims.get(name).and_then(Json::text).ok_or(IdentityError::Claims);
    if text_of("iss")? != &*issuer.url {
        return Err(IdentityError::Issuer);
    }
    if !is_for(issuer, claims.get("aud").ok_or(IdentityError::Claims)?) {
        return Err(IdentityError::Audience);
    }
    check_times(&claims, now)?;
    if text_of("sub")?.is_empty() {
        return Err(IdentityError::Claims);
    }
    let user =
        issuer.identities.iter().find(|identity| identity.fits(&claims)).map(|identity| &*identity.user);
    user.ok_or(IdentityError::NoIdentity)
}

fn is_for(issuer: &Issuer, audience: &Json) -> bool {
    let is_ours =
        |own: &Json| own.text().is_some_and(|text| issuer.audiences.iter().any(|one| **one == *text));
    audience.list().map_or_else(|| is_ours(audience), |list| list.iter().any(is_ours))
}

fn check_times(claims: &Json, now: u64) -> Result<(), IdentityError> {
    let time = |name| claims.get(name).map(|value| value.time().ok_or(IdentityError::Claims)).transpose();
    if now >= time("exp")?.ok_or(IdentityError::Claims)? {
        return Err(IdentityError::Expired);
    }
    let latest = now.saturating_add(LEEWAY_SECONDS);
    for name in ["nbf", "iat"] {
        if time(name)?.is_some_and(|at| at > latest) {
            return Err(IdentityError::Early);
        }
    }
    Ok(())
}

impl Identity {
    fn fits(&self, claims: &Json) -> bool {
        let is_met = |(name, expected): &(ClaimName, Expected)| {
            name.find(claims).is_some_and(|claim| expected.is_met(claim))
        };
        !self.claims.is_empty() && self.claims.iter().all(is_met)
    }
}

impl IdentityError {
    /// What is wrong, and what to do about it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Malformed => "it is no JSON Web Token; send the one that the issuer made, whole",
            Self::UnknownKey => {
                "the issuer has no key of the name that it says; check that the issuer made it"
            }
            Self::Signature => "no key of the issuer signed it; have it signed with RS256 or ES256",
            Self::Issuer => "it is another issuer's; write the issuer's URL exactly as its `iss`",
            Self::Audience => "it is for another audience; have one made for this registry's",
            Self::Expired => "it has expired; have another one made",
            Self::Early => "it is for a later time; set the clocks of the issuer and of this server",
            Self::Claims => "iss, sub, aud or exp is missing, or a time is none; check what the issuer makes",
            Self::NoIdentity => "no configured identity fits its claims; add one, or check its claims",
        }
    }
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for IdentityError {}

/// So far the clock of an issuer may be ahead.
const LEEWAY_SECONDS: u64 = 60;

#[cfg(test)]
mod tests;
