use serde_json::{Value, json};

use super::super::SecretText;

/// Who asks for a token, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Credentials {
    /// A user and a password.
    Password {
        /// The user.
        user: User,
        /// The password.
        password: SecretText,
        /// The project that holds the objects; `None` asks for the user's default one.
        project: Option<Project>,
    },
    /// An application credential by its id; its project is part of it.
    ApplicationCredential {
        /// The id.
        id: Box<str>,
        /// The secret.
        secret: SecretText,
    },
    /// An application credential by its name; its project is part of it.
    NamedApplicationCredential {
        /// The name.
        name: Box<str>,
        /// Whose it is.
        user: User,
        /// The secret.
        secret: SecretText,
    },
    /// Another token.
    Token {
        /// The token.
        token: SecretText,
        /// The project that holds the objects; `None` asks for that of the token.
        project: Option<Project>,
    },
}

/// A user of Keystone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum User {
    /// By id.
    Id(Box<str>),
    /// By name, within a domain.
    Named(Box<str>, Domain),
}

/// A project of Keystone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Project {
    /// By id.
    Id(Box<str>),
    /// By name, within a domain.
    Named(Box<str>, Domain),
}

/// A domain of Keystone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// By id; the one that every Keystone begins with is `default`.
    Id(Box<str>),
    /// By name; the one that every Keystone begins with is `Default`.
    Named(Box<str>),
}

impl Credentials {
    /// The body of the request for a token (Keystone API v3, "Authentication and token management").
    pub(super) fn request(&self) -> Value {
        match self {
            Self::Password { user, password, project } => {
                let mut user = user.value();
                user["password"] = password.expose().into();
                scoped(json!({ "methods": ["password"], "password": { "user": user } }), project.as_ref())
            }
            // A scope beside it would be refused.
            Self::ApplicationCredential { id, secret } => {
                of_application(json!({ "id": id, "secret": secret.expose() }))
            }
            Self::NamedApplicationCredential { name, user, secret } => {
                of_application(json!({ "name": name, "secret": secret.expose(), "user": user.value() }))
            }
            Self::Token { token, project } => {
                let identity = json!({ "methods": ["token"], "token": { "id": token.expose() } });
                scoped(identity, project.as_ref())
            }
        }
    }
}

impl User {
    fn value(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Named(name, domain) => json!({ "name": name, "domain": domain.value() }),
        }
    }
}

impl Project {
    fn value(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Named(name, domain) => json!({ "name": name, "domain": domain.value() }),
        }
    }
}

impl Domain {
    fn value(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Named(name) => json!({ "name": name }),
        }
    }
}

fn scoped(identity: Value, project: Option<&Project>) -> Value {
    match project {
        Some(project) => {
            json!({ "auth": { "identity": identity, "scope": { "project": project.value() } } })
        }
        None => json!({ "auth": { "identity": identity } }),
    }
}

fn of_application(credential: Value) -> Value {
    let methods = ["application_credential"];
    json!({ "auth": { "identity": { "methods": methods, "application_credential": credential } } })
}
