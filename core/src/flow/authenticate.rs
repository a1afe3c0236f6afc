use std::time::Duration;

use crate::access::{Credentials, Locks, Opened, Pass, Scope, TokenError, Verdict, open, peek, verify};
use crate::exchange::{Ask, Cx, Event, Request, Told};
use crate::oci::AuthFault;
use crate::swift::SecretText;

/// Finds out who sends a request. What takes long is asked of the host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Authenticate {
    /// The password of a user is checked.
    Password { user: Box<str> },
    /// The keys of an issuer are fetched, by which its token is checked.
    Identity { issuer: u8, token: SecretText },
}

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sender {
    /// Nothing was shown.
    Stranger,
    /// It is the password of this user.
    LoggedIn(Box<str>),
    /// Something else was shown, and is good.
    Known(Pass),
    /// What was shown is not.
    Wrong(AuthFault),
    /// It was tried too often.
    Slow(Duration),
    /// Nobody can tell at the moment.
    Busy(Duration),
}

impl Sender {
    /// The user that it is known to be.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::LoggedIn(user) => Some(user),
            Self::Known(pass) => pass.user.as_deref(),
            Self::Stranger | Self::Wrong(_) | Self::Slow(_) | Self::Busy(_) => None,
        }
    }
}

/// What comes next.
pub(crate) enum Step {
    /// The host was asked.
    Asked(Authenticate),
    /// It is known.
    Over(Sender),
}

impl Authenticate {
    /// Begins with what a request shows.
    pub(crate) fn start(credentials: Credentials, locks: &Locks, request: &Request, cx: &mut Cx<'_>) -> Step {
        match credentials {
            Credentials::None => Step::Over(
                request.certified.clone().map_or(Sender::Stranger, |user| Sender::Known(Pass::of(user))),
            ),
            Credentials::Unreadable => Step::Over(Sender::Wrong(AuthFault::Wrong)),
            Credentials::Bearer(token) => match issuer_of(&token, locks) {
                Some(issuer) => Self::ask_keys(issuer, token, cx),
                None => Step::Over(own(&token, locks, request, cx)),
            },
            // Clients that know nothing of workload identity can still carry its token where a password goes.
            Credentials::Basic { user, password } => match issuer_of(&password, locks) {
                Some(issuer) => Self::ask_keys(issuer, password, cx),
                None => {
                    let check = Box::new(locks.users.check(&user, password));
                    cx.ask(Ask::CheckPassword { check, address: request.origin.address });
                    Step::Asked(Self::Password { user })
                }
            },
        }
    }

    /// Takes what the host answered.
    pub(crate) fn step(self, event: Event, locks: &Locks, now: u64, cx: &mut Cx<'_>) -> Step {
        match (self, event) {
            (Self::Password { user }, Event::Told { answer: Told::Password(verdict) }) => {
                Step::Over(match verdict {
                    Verdict::Right => Sender::LoggedIn(user),
                    Verdict::Wrong => Sender::Wrong(AuthFault::Wrong),
                    Verdict::Slow(after) => Sender::Slow(after),
                    Verdict::Busy => Sender::Busy(BUSY),
                })
            }
            (Self::Identity { issuer, token }, Event::Told { answer: Told::Keys(keys) }) => {
                let issuer = locks.issuers.get(usize::from(issuer));
                Step::Over(match (issuer, keys) {
                    (Some(issuer), Some(keys)) => match verify(issuer, &keys, token.expose(), now) {
                        Ok(user) => Sender::Known(Pass::of(user.into())),
                        Err(error) => {
                            cx.tell_reason(error.text());
                            Sender::Wrong(AuthFault::TokenInvalid)
                        }
                    },
                    (_, _) => Sender::Busy(BUSY),
                })
            }
            (
                this @ (Self::Password { .. } | Self::Identity { .. }),
                Event::Answered { .. }
                | Event::Read { .. }
                | Event::Fed { .. }
                | Event::Replied { .. }
                | Event::Collected { .. }
                | Event::Hashed { .. }
                | Event::Told { .. },
            ) => Step::Asked(this),
        }
    }

    fn ask_keys((issuer, kid): (u8, Option<Box<str>>), token: SecretText, cx: &mut Cx<'_>) -> Step {
        cx.ask(Ask::Keys { issuer, kid });
        Step::Asked(Self::Identity { issuer, token })
    }
}

/// The configured issuer that a text claims to be a token of, and the key that it names.
fn issuer_of(text: &SecretText, locks: &Locks) -> Option<(u8, Option<Box<str>>)> {
    if locks.issuers.is_empty() {
        return None;
    }
    let peeked = peek(text.expose())?;
    let at = locks.issuers.iter().position(|issuer| issuer.url == peeked.issuer)?;
    Some((u8::try_from(at).ok()?, peeked.kid))
}

/// Reads a token that should be one of ours. It ends with its user: who is known no more is not one of all users either.
fn own(token: &SecretText, locks: &Locks, request: &Request, cx: &Cx<'_>) -> Sender {
    let (keyring, service) = (cx.config.secret.keyring(), cx.config.access.front.service());
    let pass = match open(keyring, service, token.expose(), request.given.now) {
        Ok(opened) => pass_of(opened, false),
        Err(TokenError::Expired(opened)) => pass_of(*opened, true),
        Err(TokenError::Invalid(_)) => return Sender::Wrong(AuthFault::TokenInvalid),
    };
    if pass.user.as_deref().is_none_or(|user| locks.knows(user)) {
        Sender::Known(pass)
    } else {
        Sender::Wrong(AuthFault::TokenInvalid)
    }
}

fn pass_of(opened: Opened, expired: bool) -> Pass {
    Pass {
        user: opened.grant.subject,
        scopes: Some(opened.grant.access.iter().filter_map(Scope::of_token).collect()),
        ends: Some(opened.expires),
        expired,
    }
}

/// When to come back if nobody can tell who somebody is.
const BUSY: Duration = Duration::from_secs(5);
