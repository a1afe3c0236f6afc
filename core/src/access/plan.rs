use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::upload::Secret;

use super::problem::{Place, Problems};
use super::{
    Access, Action, Actions, Front, Issuer, Lives, Locks, Network, PasswordRecord, Pattern, Problem, Rule,
    Users, Who, check_user_name, issuer_plan, parse_htpasswd,
};

/// The settings that say who may do what, as they are read one after the other, in whatever syntax.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    users: Vec<(Box<str>, PasswordRecord)>,
    /// Whether any setting said who there is: no users at all is something else than nothing said of users.
    said: bool,
    rules: Option<Vec<Rule>>,
    /// Where rules name users, to be looked at when all are known.
    named: Vec<(String, Box<str>)>,
    /// What `access` says of users and identities, and where.
    levels: Vec<(String, Box<str>, Option<Level>)>,
    issuers: Vec<Issuer>,
    certificates: Vec<Certificate>,
    proxies: Vec<Network>,
}

/// A client certificate that stands for a user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Certificate {
    /// One of the names that hosts give to certificates: `CN=ci`, `DNS:ci.example.org`, `URI:spiffe://...`, `SHA256:9f86...`.
    pub name: Box<str>,
    /// The user.
    pub user: Box<str>,
}

/// What zuul-registry lets a user do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Read,
    Write,
}

impl Plan {
    /// The settings that are read here, by their keys below `registry`.
    pub const KEYS: [&'static str; 5] = ["users", "rules", "issuers", "client-certificates", "proxies"];

    /// Reads one of the settings; all that is wrong with it.
    pub fn read(&mut self, key: &str, value: &Value) -> Vec<Problem> {
        let mut problems = Problems::default();
        let place = Place { path: key.to_owned(), value };
        match key {
            "users" => self.read_users(&place, &mut problems),
            "rules" => self.read_rules(&place, &mut problems),
            "issuers" => self.read_issuers(&place, &mut problems),
            "client-certificates" => self.read_certificates(&place, &mut problems),
            "proxies" => self.read_proxies(&place, &mut problems),
            _ => problems.add(key, format!("unknown; expected one of {}", Self::KEYS.join(", "))),
        }
        problems.0
    }

    /// Reads the lines of a file of users and hashed passwords, as Apache's htpasswd writes them. Without rules, each may do
    /// everything.
    pub fn read_htpasswd(&mut self, text: &str) -> Vec<Problem> {
        self.said = true;
        let mut problems = Problems::default();
        match parse_htpasswd(text) {
            Ok(users) => {
                for (name, record) in users {
                    self.add_user(HTPASSWD, &name, record, Some(Level::Write), &mut problems);
                }
            }
            Err(error) => problems.add(HTPASSWD, error.to_string()),
        }
        problems.0
    }

    /// Takes it that rules may name users who are not there any more. Where users come and go without a restart, whoever is
    /// taken away would otherwise stay until somebody has changed the rules.
    pub fn let_users_go(&mut self) {
        self.named.clear();
    }

    /// Whether nothing was said of users and rules.
    pub fn is_silent(&self) -> bool {
        !self.said
    }

    /// What holds by all of it together.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn finish(
        self,
        secret: &Secret,
        public_url: Option<&str>,
        lives: Lives,
    ) -> Result<Access, Vec<Problem>> {
        let mut problems = Problems::default();
        let rules = match &self.rules {
            Some(rules) => {
                self.check_names(&mut problems);
                rules.clone()
            }
            None => self.rules_of_levels(&mut problems),
        };
        let users = Users::new(self.users, &secret.derived(b"users"));
        let users = users.map_err(|error| problems.add("users", error.to_string()));
        let (true, Ok(users)) = (problems.0.is_empty(), users) else { return Err(problems.0) };
        let front = Front { public_url: public_url.map(Into::into), proxies: self.proxies };
        let locks = self.said.then(|| Locks {
            users,
            rules: rules.into(),
            issuers: self.issuers.into(),
            certificates: self.certificates.into(),
        });
        Ok(Access { locks, front, lives })
    }

    fn read_users(&mut self, list: &Place<'_>, problems: &mut Problems) {
        self.said = true;
        for user in problems.list(list, "a list of users") {
            let Some(mut entries) = problems.entries(&user, "a mapping with name, pass and access") else {
                continue;
            };
            let name = entries.need("name", "the user's name", problems);
            let name = name.and_then(|place| Some((problems.text(&place, "a name")?, place.path)));
            let pass = entries.need("pass", "a password, or better the hash of one", problems);
            let record = pass.and_then(|place| {
                let text = problems.text(&place, "a password, or the hash of one")?;
                let record = PasswordRecord::parse(text);
                record.map_err(|error| problems.add(&place.path, error.to_string())).ok()
            });
            let level = read_level(entries.get("access"), problems);
            entries.finish(problems);
            if let (Some((name, path)), Some(record)) = (name, record) {
                self.add_user(&path, name, record, level, problems);
            }
        }
    }

    fn add_user(
        &mut self,
        path: &str,
        name: &str,
        record: PasswordRecord,
        level: Option<Level>,
        problems: &mut Problems,
    ) {
        if let Err(fault) = check_user_name(name) {
            problems.add(path, format!("a user name {fault}"));
        } else if self.users.iter().any(|(known, _)| **known == *name) {
            problems.add(path, format!("there are two users named {name}; remove one"));
        } else {
            self.users.push((name.into(), record));
            self.levels.push((path.to_owned(), name.into(), level));
        }
    }

    fn read_rules(&mut self, list: &Place<'_>, problems: &mut Problems) {
        self.said = true;
        let mut rules = Vec::new();
        for rule in problems.list(list, "a list of rules") {
            let Some(mut entries) = problems.entries(&rule, "a mapping with repositories, users and actions")
            else {
                continue;
            };
            let expected = "patterns of repositories, such as 'team/**'";
            let repositories = entries.need("repositories", expected, problems).map(|place| {
                let texts = problems.texts(&place, expected);
                let mut parse = |(path, text): (String, &str)| {
                    Pattern::parse(text).map_err(|error| problems.add(&path, error.to_string())).ok()
                };
                texts.into_iter().filter_map(&mut parse).collect()
            });
            let who = entries.need("users", "names of users, '*' for all users, or anonymous", problems);
            let who = who.map(|place| self.read_who(&place, problems));
            let actions = entries.need("actions", "pull, push, delete", problems);
            let actions = actions.map(|place| read_actions(&place, problems));
            entries.finish(problems);
            if let (Some(repositories), Some(who), Some(actions)) = (repositories, who, actions) {
                rules.push(Rule { repositories, who, actions });
            }
        }
        self.rules = Some(rules);
    }

    fn read_who(&mut self, place: &Place<'_>, problems: &mut Problems) -> Vec<Who> {
        let mut who = Vec::new();
        for (path, name) in problems.texts(place, "the name of a user, '*' or anonymous") {
            who.push(match name {
                "*" => Who::Users,
                ANONYMOUS => Who::Everybody,
                name => {
                    self.named.push((path, name.into()));
                    Who::User(name.into())
                }
            });
        }
        who
    }

    fn read_issuers(&mut self, list: &Place<'_>, problems: &mut Problems) {
        self.said = true;
        for issuer in problems.list(list, "a list of issuers") {
            let path = format!("{}.issuer", issuer.path);
            let Some(issuer_plan::Read { issuer, users }) = issuer_plan::read(&issuer, problems) else {
                continue;
            };
            for (path, user, access) in users {
                let level = read_level(access, problems);
                self.levels.push((path, user, level));
            }
            if self.issuers.iter().any(|known| known.url == issuer.url) {
                problems.add(&path, "there are two issuers of this URL; give one of them all identities");
            } else if self.issuers.len() >= ISSUERS_MAX {
                problems.add(&path, format!("expected at most {ISSUERS_MAX} issuers"));
            } else {
                self.issuers.push(issuer);
            }
        }
    }

    fn read_certificates(&mut self, list: &Place<'_>, problems: &mut Problems) {
        self.said = true;
        for certificate in problems.list(list, "a list of certificates") {
            let Some(mut entries) = problems.entries(&certificate, "a mapping with name and user") else {
                continue;
            };
            let expected = "a name such as 'CN=ci', 'DNS:ci.example.org', 'URI:spiffe://example.org/ci' or 'SHA256:<hex>'";
            let name = entries.need("name", expected, problems);
            let name = name.and_then(|place| {
                let text = problems.text(&place, expected)?;
                let known = ["CN=", "DNS:", "URI:", "EMAIL:", "SHA256:"];
                if !known.iter().any(|kind| text.len() > kind.len() && text.starts_with(kind)) {
                    problems.add(&place.path, format!("found another kind of name; expected {expected}"));
                    return None;
                }
                let name = as_hosts_write(text);
                if name.is_none() {
                    problems
                        .add(&place.path, "expected the 64 hexadecimal digits of a SHA-256 after `SHA256:`");
                }
                name
            });
            let user = entries.need("user", "the user that it stands for", problems);
            let user = user.and_then(|place| read_user_name(&place, problems));
            let level = read_level(entries.get("access"), problems);
            entries.finish(problems);
            if let (Some(name), Some((path, user))) = (name, user) {
                self.levels.push((path, user.clone(), level));
                self.certificates.push(Certificate { name, user });
            }
        }
    }

    fn read_proxies(&mut self, list: &Place<'_>, problems: &mut Problems) {
        for (path, text) in problems.texts(list, "an address, or a range such as 10.0.0.0/8") {
            match Network::parse(text) {
                Ok(network) => self.proxies.push(network),
                Err(_) => problems.add(&path, "expected an IP address, or a range such as 10.0.0.0/8"),
            }
        }
    }

    /// A rule for somebody who does not exist is a slip of the pen that locks somebody out, or will let somebody in.
    fn check_names(&self, problems: &mut Problems) {
        for (path, name) in &self.named {
            if !self.levels.iter().any(|(_, known, _)| known == name) {
                problems.add(path, format!("there is no user {name:?}; add it to users, or mend the name"));
            }
        }
        for (path, ..) in self.levels.iter().filter(|(.., level)| level.is_some()) {
            if path != HTPASSWD {
                problems.add(path, "has access, which rules replace; remove it, or remove rules");
            }
        }
    }

    /// What zuul-registry means by `access`: who writes may do everything, and if nobody is there only to read, everybody
    /// may read.
    fn rules_of_levels(&self, problems: &mut Problems) -> Vec<Rule> {
        let mut rules = Vec::new();
        let mut rule = |who, actions| {
            rules.push(Rule { repositories: vec![Pattern::all()], who, actions });
        };
        let mut first = BTreeMap::new();
        for (path, user, level) in &self.levels {
            // Rules know names alone: whoever may less by one way in would have what may be done by the other.
            if let Some(level) = level
                && *first.entry(user).or_insert(level) != level
            {
                let message = format!(
                    "the user {user} has another access elsewhere; give it the same there, or another name"
                );
                problems.add(path, message);
            }
            let who = vec![Who::User(user.clone())];
            match level {
                Some(Level::Write) => rule(who, Actions::ALL),
                Some(Level::Read) => rule(who, Actions::default().with(Action::Pull)),
                None => {
                    problems.add(path, "has no access; expected `access: read` or `access: write`, or rules")
                }
            }
        }
        if !self.levels.iter().any(|(.., level)| *level == Some(Level::Read)) {
            rule(vec![Who::Everybody], Actions::default().with(Action::Pull));
        }
        rules
    }
}

impl Access {
    /// How many users are known by name, be it by a password, a certificate, an issuer or a rule.
    pub fn users_count(&self) -> usize {
        let Some(locks) = self.locks() else { return 0 };
        let named = locks.rules.iter().flat_map(|rule| &rule.who).filter_map(|who| match who {
            Who::User(name) => Some(&**name),
            Who::Users | Who::Everybody => None,
        });
        let certified = locks.certificates.iter().map(|certificate| &*certificate.user);
        let names: BTreeSet<&str> = locks.users.names().chain(certified).chain(named).collect();
        names.len()
    }
}

/// A name that somebody gets by something else than a password.
pub(super) fn read_user_name(place: &Place<'_>, problems: &mut Problems) -> Option<(String, Box<str>)> {
    let name = problems.text(place, "the name of a user")?;
    match check_user_name(name) {
        Ok(()) => Some((place.path.clone(), name.into())),
        Err(fault) => {
            problems.add(&place.path, format!("a user name {fault}"));
            None
        }
    }
}

/// The name of a certificate as hosts write it; people copy fingerprints with colons and capitals. `None` of a fingerprint
/// that can be nobody's.
fn as_hosts_write(name: &str) -> Option<Box<str>> {
    if let Some(digest) = name.strip_prefix("SHA256:") {
        let digest = digest.replace(':', "").to_ascii_lowercase();
        let good = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        return good.then(|| format!("SHA256:{digest}").into());
    }
    Some(match name.strip_prefix("DNS:") {
        Some(host) => format!("DNS:{}", host.to_ascii_lowercase()).into(),
        None => name.into(),
    })
}

fn read_level(place: Option<Place<'_>>, problems: &mut Problems) -> Option<Level> {
    let place = place?;
    match place.value.as_str() {
        Some("read") => Some(Level::Read),
        Some("write") => Some(Level::Write),
        Some(_) | None => {
            problems.add(&place.path, "found something else; expected read or write");
            None
        }
    }
}

fn read_actions(place: &Place<'_>, problems: &mut Problems) -> Actions {
    let mut actions = Actions::default();
    for (path, name) in problems.texts(place, "pull, push or delete") {
        match Action::parse(name) {
            Some(action) => actions = actions.with(action),
            None => problems.add(&path, "found something else; expected pull, push or delete"),
        }
    }
    actions
}

/// Who has no name, in rules.
const ANONYMOUS: &str = "anonymous";

/// Where problems of users in a file are told.
const HTPASSWD: &str = "htpasswd";

/// So many issuers can be configured.
const ISSUERS_MAX: usize = 16;
