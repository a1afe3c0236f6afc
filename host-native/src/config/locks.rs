use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wharfinger_core::access::{GuardRate, GuardRates, Lives, Plan};
use wharfinger_core::upload::Secret as SealingSecret;

use super::error::{ConfigError, Problem};
use super::list::{List, find};
use super::yaml::Node;
use super::{FILE_BYTES_MAX, Settings};
use crate::secret::Secret;

/// What locks the registry: what stands in the file, before it is understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locks {
    /// The users.
    pub users: Option<List>,
    /// What they may do.
    pub rules: Option<List>,
    /// The issuers whose tokens are taken.
    pub issuers: Option<List>,
    /// The certificates that stand for users.
    pub client_certificates: Option<List>,
    /// The proxies before the registry.
    pub proxies: Option<List>,
    /// A file of more users.
    pub htpasswd: Option<PathBuf>,
    /// The secrets that the current one has taken the place of.
    pub old_secrets: Vec<Secret>,
    /// Whether others than this machine may use a registry without users.
    pub open_to_all: bool,
    /// The life of a token.
    pub token_seconds: u64,
    /// The life of a token that others are had with; 0 if there are none.
    pub refresh_token_seconds: u64,
}

impl Locks {
    /// What [`Plan`] reads, by its key.
    fn lists(&self) -> [(&'static str, &Option<List>); Plan::KEYS.len()] {
        let [users, rules, issuers, client_certificates, proxies] = Plan::KEYS;
        [
            (users, &self.users),
            (rules, &self.rules),
            (issuers, &self.issuers),
            (client_certificates, &self.client_certificates),
            (proxies, &self.proxies),
        ]
    }

    /// How long tokens are good for.
    pub fn lives(&self) -> Lives {
        let [access, refresh] = [self.token_seconds, self.refresh_token_seconds].map(Duration::from_secs);
        Lives { access, refresh }
    }
}

impl Settings {
    /// How many wrong passwords there may be.
    pub fn guard_rates(&self) -> GuardRates {
        let limits = &self.limits;
        let rate = |failures, every| GuardRate { burst: u32::try_from(failures).unwrap_or(u32::MAX), every };
        GuardRates {
            address: rate(limits.password_address_failures, limits.password_address_time),
            user: rate(limits.password_user_failures, limits.password_user_time),
        }
    }

    /// The secret to seal and sign with, out of the current one, and what the older ones did.
    pub fn with_old_secrets(&self, secret: &Secret) -> SealingSecret {
        let old: Vec<&[u8]> = self.locks.old_secrets.iter().map(Secret::as_bytes).collect();
        SealingSecret::with_old(secret.as_bytes(), &old)
    }

    /// Whether everybody who reaches the registry may do everything.
    pub fn is_open(&self) -> bool {
        self.access.is_silent() && self.locks.htpasswd.is_none()
    }

    /// Checks that nobody is let in, or kept out, by mistake.
    ///
    /// # Errors
    /// Others than this machine could use a registry without users, which nobody has asked for; or somebody has where there
    /// are users.
    pub fn check_exposure(&self) -> Result<(), ConfigError> {
        let address = self.listen();
        match (self.is_open(), self.locks.open_to_all) {
            (true, false) if !is_of_this_machine(address) => Err(ConfigError::Exposed { address }),
            (false, true) => Err(ConfigError::LockedAndOpen),
            (true | false, _) => Ok(()),
        }
    }
}

/// Understands who may do what, and tells what is wrong with that, and what does not fit together.
pub fn understand(tree: &Node, settings: &mut Settings) -> Vec<Problem> {
    let mut plan = Plan::default();
    let mut found = Vec::new();
    for (key, list) in settings.locks.lists() {
        if let Some(list) = list {
            found.extend(plan.read(key, &list.value));
        }
    }
    settings.access = plan.clone();
    if found.is_empty() {
        found = match &settings.locks.htpasswd {
            None => check(plan, settings),
            Some(path) => match read_htpasswd(path) {
                Ok(text) => {
                    let problems = plan.read_htpasswd(&text);
                    if problems.is_empty() { check(plan, settings) } else { problems }
                }
                // Where it is checked it need not be: a start tells of it.
                Err(_) => Vec::new(),
            },
        };
    }
    found.into_iter().map(|problem| located(tree, problem)).collect()
}

/// The text of the file of users.
///
/// # Errors
/// It cannot be read, is too large, or is no text.
pub fn read_htpasswd(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("larger than {FILE_BYTES_MAX} bytes"),
        ));
    }
    Ok(text)
}

/// What does not fit together. No secret is needed to see that.
fn check(plan: Plan, settings: &Settings) -> Vec<wharfinger_core::access::Problem> {
    let secret = SealingSecret::new(b"");
    plan.finish(&secret, settings.public_url.as_deref(), settings.locks.lives()).err().unwrap_or_default()
}

fn located(tree: &Node, problem: wharfinger_core::access::Problem) -> Problem {
    let path = format!("registry.{}", problem.path);
    // What is wrong with an unknown key is the key.
    let place = find(tree, &format!(".{path}"), problem.message.starts_with("unknown key"));
    Problem { place, path, message: problem.message }
}

fn is_of_this_machine(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests;
