//! Who may do what, and how callers show who they are.
//!
//! ```text
//! Authorization, certificate --> Credentials --> who it is: a user, a stranger, or nobody we know
//!                                                     |   passwords and keys are asked for: Ask::CheckPassword, Ask::Keys
//!                                                     v
//!                          rules, scopes of a token --> Pass --> an endpoint, or 401, 403, 429
//! ```
//!
//! All decisions are taken from names alone, before the store is asked anything: so no answer to somebody who may not see
//! a repository depends on what is in it.

mod claim_match;
mod credentials;
#[cfg(test)]
mod fixtures;
mod front;
mod guard;
mod htpasswd;
mod identity;
mod issuer_plan;
mod json;
mod jwks;
mod jws;
mod key_cache;
mod key_fetch;
mod keyring;
mod network;
mod pass;
mod password;
mod password_check;
mod pattern;
mod plan;
mod problem;
mod provider;
mod rule;
mod scope;
mod timestamp;
mod token;
mod urls;
mod users;

pub use claim_match::{ClaimName, Expected};
pub use credentials::Credentials;
pub use front::{Front, Origin, Peer};
pub use guard::{Admission, Guard, GuardRate, GuardRates, Permit};
pub use htpasswd::{HtpasswdError, HtpasswdFault, parse_htpasswd, put_htpasswd, remove_htpasswd};
pub use identity::{Identity, IdentityError, Issuer, JwksSource, Peeked, peek, verify};
pub use jwks::{KeySet, KeySetError};
pub use key_cache::{KeyCache, KeyTicket, KeysAt};
pub use key_fetch::{FetchError, FetchStep, FetchedKeys, KeyFetch};
pub use keyring::Keyring;
pub use network::{Network, NetworkError};
pub use pass::Pass;
pub use password::{Argon2Cost, HashKind, HashMemory, PasswordError, PasswordRecord, hash_password};
pub use password_check::{PasswordCheck, Verdict};
pub use pattern::{Pattern, PatternError};
pub use plan::{Certificate, Plan};
pub use problem::Problem;
pub use rule::{Action, Actions, Rule, Who};
pub use scope::{SCOPES_MAX, Scope};
pub(crate) use timestamp::rfc3339;
pub use token::{
    Grant, Issuance, Opened, Renewal, ScopeKind, TokenError, TokenFault, TokenScope, open, open_refresh,
};
pub use users::{User, UserNameFault, Users, UsersError, check_user_name};

use std::time::Duration;

use crate::oci::Repository;

/// Who may do what in a registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// `None`: everybody may do everything.
    locks: Option<Locks>,
    /// What stands between the registry and its clients.
    pub front: Front,
    /// How long tokens are good for.
    pub lives: Lives,
}

/// How long tokens are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lives {
    /// Those that requests carry.
    pub access: Duration,
    /// Those that new ones are asked for with.
    pub refresh: Duration,
}

/// Who is known, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Locks {
    pub(crate) users: Users,
    pub(crate) rules: Box<[Rule]>,
    pub(crate) issuers: Box<[Issuer]>,
    pub(crate) certificates: Box<[Certificate]>,
}

impl Access {
    /// That of a registry without users: everybody may do everything.
    pub fn open() -> Self {
        Self { locks: None, front: Front::default(), lives: Lives::default() }
    }

    /// Whether everybody may do everything.
    pub fn is_open(&self) -> bool {
        self.locks.is_none()
    }

    pub(crate) fn locks(&self) -> Option<&Locks> {
        self.locks.as_ref()
    }

    /// The issuers whose tokens are taken, in the order in which [`Ask::Keys`](crate::exchange::Ask::Keys) counts them.
    pub fn issuers(&self) -> &[Issuer] {
        self.locks.as_ref().map_or(&[], |locks| &locks.issuers)
    }

    /// What the rules let somebody do in a repository; without a name, a stranger.
    pub fn allows(&self, user: Option<&str>, repository: &Repository) -> Actions {
        let Some(locks) = &self.locks else { return Actions::ALL };
        locks.rules.iter().map(|rule| rule.allows(user, repository)).fold(Actions::default(), Actions::or)
    }

    /// Whether the rules let somebody do this in whatever repository.
    pub fn allows_everywhere(&self, user: Option<&str>, action: Action) -> bool {
        let Some(locks) = &self.locks else { return true };
        let everywhere = |rule: &&Rule| rule.is_everywhere() && rule.is_for(user);
        locks.rules.iter().filter(everywhere).any(|rule| rule.actions.has(action))
    }

    /// Whether the rules let somebody do this in any repository that there could be.
    pub fn allows_somewhere(&self, user: Option<&str>, action: Action) -> bool {
        let Some(locks) = &self.locks else { return true };
        locks.rules.iter().filter(|rule| rule.is_for(user)).any(|rule| rule.actions.has(action))
    }

    /// The user that a verified certificate stands for.
    pub fn user_of(&self, certificate: &[String]) -> Option<&str> {
        let mut known = self.locks.as_ref()?.certificates.iter();
        known.find(|known| certificate.iter().any(|name| *name == *known.name)).map(|known| &*known.user)
    }
}

impl Locks {
    /// Whether there is such a user, however it shows that it is.
    pub(crate) fn knows(&self, user: &str) -> bool {
        let mut identities = self.issuers.iter().flat_map(|issuer| &issuer.identities);
        self.users.find(user).is_some()
            || identities.any(|identity| *identity.user == *user)
            || self.certificates.iter().any(|certificate| *certificate.user == *user)
    }
}

impl Default for Access {
    fn default() -> Self {
        Self::open()
    }
}

impl Default for Lives {
    fn default() -> Self {
        Self { access: Duration::from_secs(3600), refresh: Duration::from_secs(30 * 24 * 3600) }
    }
}
