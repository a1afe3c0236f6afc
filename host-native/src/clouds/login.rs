//! What to log in with, gathered from `auth` and from beside it.

use super::keys::Keys;
use super::tree::{Map, Tree};
use super::{Auth, AuthType, CloudError};
use crate::secret::Secret;

/// What to log in with, checked to be enough.
pub fn login(keys: &Keys<'_>, auth_type: AuthType, region: Option<&str>) -> Result<Auth, CloudError> {
    let mut inside = match keys.map.get("auth") {
        Some(Tree::Map(auth)) => Keys { cloud: keys.cloud, prefix: "auth.", map: auth.clone() },
        Some(Tree::Nothing) | None => Keys { cloud: keys.cloud, prefix: "auth.", map: Map::new() },
        Some(other) => {
            return Err(keys.wrong("auth", &format!("found {}; expected a mapping", other.kind())));
        }
    };
    gather(keys, &mut inside.map);
    spread_domain(&mut inside.map);
    check_used(keys, &inside.map, auth_type)?;
    let text = |key: &str| inside.text(key);
    let secret = |key: &str| Ok(text(key)?.map(|text| Secret::from_phrase(&text)));
    let url = text("auth_url")?.ok_or_else(|| {
        keys.wrong(
            "auth.auth_url",
            "is missing; write the URL to log in at, such as https://keystone.example/v3",
        )
    })?;
    let default_id = text("default_domain_id")?;
    let default_name = text("default_domain_name")?;
    let mut auth = Auth {
        auth_url: keys.expand("auth.auth_url", &url, region)?,
        username: text("username")?.or(text("user_name")?),
        user_id: text("user_id")?,
        user_domain_id: text("user_domain_id")?,
        user_domain_name: text("user_domain_name")?,
        password: secret("password")?,
        project_id: text("project_id")?,
        project_name: text("project_name")?,
        project_domain_id: text("project_domain_id")?,
        project_domain_name: text("project_domain_name")?,
        domain_id: text("domain_id")?,
        domain_name: text("domain_name")?,
        system_scope: text("system_scope")?,
        trust_id: text("trust_id")?,
        application_credential_id: text("application_credential_id")?,
        application_credential_name: text("application_credential_name")?,
        application_credential_secret: secret("application_credential_secret")?,
        token: secret("token")?,
    };
    auth.default_domains(default_id.as_deref(), default_name.as_deref());
    match auth.lacks(auth_type) {
        Some((key, message)) => Err(keys.wrong(&format!("auth.{key}"), message)),
        None => Ok(auth),
    }
}

/// Adds to `auth` the keys of a login that stand beside it.
fn gather(keys: &Keys<'_>, auth: &mut Map) {
    let is_said = |value: &&Tree| !matches!(value, Tree::Nothing) && **value != Tree::Text(String::new());
    for (key, names) in STRONG_OUTSIDE {
        let mut strongest = None;
        for name in names {
            let inside = auth.remove(*name);
            strongest = keys.map.get(*name).cloned().or(inside).or(strongest);
        }
        if let Some(value) = strongest.filter(|value| is_said(&value)) {
            auth.insert(key.to_owned(), value);
        }
    }
    for key in WEAK_OUTSIDE {
        let inside = auth.remove(key).filter(|value| is_said(&value));
        let value = inside.or_else(|| keys.map.get(key).filter(is_said).cloned());
        if let Some(value) = value {
            auth.insert(key.to_owned(), value);
        }
    }
}

/// With a project, the domain is that of project and user.
fn spread_domain(auth: &mut Map) {
    if !auth.contains_key("project_id") && !auth.contains_key("project_name") {
        return;
    }
    for (domain, of) in [
        ("domain_id", ["user_domain_id", "project_domain_id"]),
        ("domain_name", ["user_domain_name", "project_domain_name"]),
    ] {
        if let Some(value) = auth.remove(domain) {
            for key in of {
                auth.entry(key.to_owned()).or_insert_with(|| value.clone());
            }
        }
    }
}

/// Refuses what the login does not use: whoever wrote it into `auth` meant another login.
fn check_used(keys: &Keys<'_>, auth: &Map, auth_type: AuthType) -> Result<(), CloudError> {
    let Some(Tree::Map(written)) = keys.map.get("auth") else { return Ok(()) };
    match auth.keys().find(|key| written.contains_key(*key) && !is_used(key, auth_type)) {
        None => Ok(()),
        Some(key) => {
            let message = "this login does not use it; remove it, or write another auth_type";
            Err(keys.wrong(&format!("auth.{key}"), message))
        }
    }
}

/// Whether keystoneauth's plugin of that name takes the key.
fn is_used(key: &str, auth_type: AuthType) -> bool {
    use AuthType::{Password, Token, V1Password, V3ApplicationCredential, V3Password, V3Token};
    match key {
        "auth_url" | "project_name" => true,
        "username" | "user_name" => !matches!(auth_type, Token | V3Token),
        "password" => matches!(auth_type, Password | V3Password | V1Password),
        "token" => matches!(auth_type, Token | V3Token),
        "default_domain_id" | "default_domain_name" => matches!(auth_type, Password | Token),
        "user_id" | "user_domain_id" | "user_domain_name" => {
            matches!(auth_type, Password | V3Password | V3ApplicationCredential)
        }
        "domain_id" | "domain_name" | "project_id" | "project_domain_id" | "project_domain_name" => {
            auth_type != V1Password
        }
        "system_scope" | "trust_id" => auth_type != V1Password,
        "application_credential_id" | "application_credential_name" | "application_credential_secret" => {
            auth_type == V3ApplicationCredential
        }
        _ => false,
    }
}

impl Auth {
    /// Gives user and project the default domain, unless they have their own.
    fn default_domains(&mut self, id: Option<&str>, name: Option<&str>) {
        if self.user_domain_id.is_none() && self.user_domain_name.is_none() {
            self.user_domain_id = id.map(str::to_owned);
            self.user_domain_name = name.map(str::to_owned);
        }
        if self.project_name.is_some()
            && self.project_domain_id.is_none()
            && self.project_domain_name.is_none()
        {
            self.project_domain_id = id.map(str::to_owned);
            self.project_domain_name = name.map(str::to_owned);
        }
    }

    /// The first key without which this login cannot succeed.
    fn lacks(&self, auth_type: AuthType) -> Option<(&'static str, &'static str)> {
        let v3 = auth_type != AuthType::V1Password;
        let no_user = self.username.is_none() && self.user_id.is_none();
        let no_domain = self.user_domain_id.is_none() && self.user_domain_name.is_none();
        let named_user = self.username.is_some() && self.user_id.is_none();
        let user = match auth_type {
            AuthType::Password | AuthType::V3Password => no_user,
            AuthType::V1Password => self.username.is_none(),
            AuthType::V3ApplicationCredential => self.application_credential_id.is_none() && no_user,
            AuthType::Token | AuthType::V3Token => false,
        };
        let no_credential =
            self.application_credential_id.is_none() && self.application_credential_name.is_none();
        let is_credential = auth_type == AuthType::V3ApplicationCredential;
        let is_token = matches!(auth_type, AuthType::Token | AuthType::V3Token);
        let project_domain = self.project_domain_id.is_some() || self.project_domain_name.is_some();
        let by_name = self.project_name.is_some() && self.project_id.is_none();
        [
            (
                is_credential && no_credential,
                "application_credential_id",
                "is missing; write the credential's id",
            ),
            (user, "username", "is missing; write the user's name or user_id"),
            (
                v3 && named_user && no_domain && !(is_credential && self.application_credential_id.is_some()),
                "user_domain_name",
                "is missing; a user's name is unique only within a domain, often `Default`",
            ),
            (
                !is_credential && !is_token && self.password.is_none(),
                "password",
                "is missing; write it into secure.yaml",
            ),
            (
                is_credential && self.application_credential_secret.is_none(),
                "application_credential_secret",
                "is missing; write it into secure.yaml",
            ),
            (is_token && self.token.is_none(), "token", "is missing; write it into secure.yaml"),
            (
                v3 && !is_credential && by_name && !project_domain,
                "project_domain_name",
                "is missing; a project's name is unique only within a domain, often `Default`",
            ),
        ]
        .into_iter()
        .find(|(lacks, ..)| *lacks)
        .map(|(_, key, message)| (key, message))
    }
}

/// Keys of `auth` that also stand beside it, where they win; with their older names, the strongest name last.
const STRONG_OUTSIDE: [(&str, &[&str]); 9] = [
    ("domain_id", &["domain_id"]),
    ("domain_name", &["domain_name"]),
    ("user_domain_id", &["user_domain_id"]),
    ("user_domain_name", &["user_domain_name"]),
    ("project_domain_id", &["project_domain_id"]),
    ("project_domain_name", &["project_domain_name"]),
    ("token", &["auth_token", "token"]),
    ("project_id", &["tenant_id", "project_id"]),
    ("project_name", &["tenant_name", "project_name"]),
];

/// Keys of `auth` that also stand beside it, where they count only if `auth` lacks them.
const WEAK_OUTSIDE: [&str; 12] = [
    "auth_url",
    "user_id",
    "username",
    "user_name",
    "password",
    "system_scope",
    "trust_id",
    "default_domain_id",
    "default_domain_name",
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
];
