use std::fmt;

use super::{Action, Actions, ScopeKind, TokenScope};
use crate::oci::Repository;

/// What a client asks a token for (the token specification of the distribution project, "Resource scope"):
/// `repository:team/app:pull,push`, or `registry:catalog:*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Actions in a repository.
    Repository(Repository, Actions),
    /// The list of repositories.
    Catalog,
}

impl Scope {
    /// Reads one scope; `None` if there is nothing like it here. What it asks for beyond known actions is left out.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        // Plugins have a class of their own, `repository(plugin)`; they are images like others.
        let kind = kind.strip_suffix(')').and_then(|kind| Some(kind.split_once('(')?.0)).unwrap_or(kind);
        match kind {
            "repository" => {
                let actions = actions
                    .split(',')
                    .map(|name| match name {
                        "*" => Actions::ALL,
                        name => Action::parse(name).into_iter().collect(),
                    })
                    .fold(Actions::default(), Actions::or);
                Some(Self::Repository(Repository::parse(name).ok()?, actions))
            }
            "registry" if name == CATALOG && actions.split(',').any(|action| action == "*") => {
                Some(Self::Catalog)
            }
            _ => None,
        }
    }

    /// Reads all that a client asks for: parameters that may be repeated, each of one or several scopes parted by spaces.
    /// At most [`SCOPES_MAX`], the same repository counted once.
    pub fn parse_all<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<Self> {
        let mut scopes: Vec<Self> = Vec::new();
        for scope in texts.flat_map(|text| text.split(' ')).filter_map(Self::parse) {
            let same = scopes.iter().position(|known| known.is_about_the_same(&scope));
            match (same.map(|at| &mut scopes[at]), scope) {
                (Some(Self::Repository(_, known)), Self::Repository(_, actions)) => {
                    *known = known.or(actions)
                }
                (Some(_), _) => {}
                (None, scope) => scopes.push(scope),
            }
            if scopes.len() == SCOPES_MAX {
                break;
            }
        }
        scopes
    }

    /// What a token says that it is good for.
    pub(crate) fn of_token(said: &TokenScope) -> Option<Self> {
        Some(match said.kind {
            ScopeKind::Registry => (*said.name == *CATALOG).then_some(Self::Catalog)?,
            ScopeKind::Repository => {
                let actions = said.actions.iter().filter_map(|name| Action::parse(name)).collect();
                Self::Repository(Repository::parse(&said.name).ok()?, actions)
            }
        })
    }

    /// The same, for a token.
    pub(crate) fn to_token(&self) -> TokenScope {
        match self {
            Self::Repository(repository, actions) => TokenScope {
                kind: ScopeKind::Repository,
                name: repository.as_str().into(),
                actions: actions.iter().map(|action| action.name().into()).collect(),
            },
            Self::Catalog => {
                TokenScope { kind: ScopeKind::Registry, name: CATALOG.into(), actions: vec!["*".into()] }
            }
        }
    }

    fn is_about_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Repository(one, _), Self::Repository(another, _)) => one == another,
            (Self::Catalog, Self::Catalog) => true,
            (Self::Repository(..), Self::Catalog) | (Self::Catalog, Self::Repository(..)) => false,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(repository, actions) => write!(f, "repository:{repository}:{actions}"),
            Self::Catalog => f.write_str("registry:catalog:*"),
        }
    }
}

/// The list of repositories, as scopes name it.
const CATALOG: &str = "catalog";

/// So many scopes a token can be asked for; more are left out. A push that mounts from several repositories needs a few.
pub const SCOPES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_clients_write_them() {
        for (text, read) in [
            ("repository:a/b:pull", Some("repository:a/b:pull")),
            ("repository:a/b:pull,push", Some("repository:a/b:pull,push")),
            ("repository:a/b:push,pull,fly", Some("repository:a/b:pull,push")),
            ("repository:a:*", Some("repository:a:pull,push,delete")),
            ("repository(plugin):a:pull", Some("repository:a:pull")),
            ("registry:catalog:*", Some("registry:catalog:*")),
            ("registry:catalog:pull", None),
            ("repository:A:pull", None),
            ("repository:a:PULL", Some("repository:a:")),
            ("repository:a%2fb:pull", None),
            ("repository:a/../b:pull", None),
            ("repository:host:5000/a:pull", None),
            ("repository:a", None),
            ("Repository:a:pull", None),
            ("", None),
            ("a:b:c:d", None),
        ] {
            assert_eq!(Scope::parse(text).map(|scope| scope.to_string()).as_deref(), read, "{text}");
        }
    }

    #[test]
    fn the_same_repository_is_one_scope_and_there_are_not_too_many() {
        let all = Scope::parse_all(
            ["repository:a:pull repository:b:pull", "repository:a:push", "", "registry:catalog:*"]
                .into_iter(),
        );
        let told: Vec<String> = all.iter().map(Scope::to_string).collect();
        assert_eq!(told, ["repository:a:pull,push", "repository:b:pull", "registry:catalog:*"]);
        let many: Vec<String> = (0..100).map(|at| format!("repository:r{at}:pull")).collect();
        assert_eq!(Scope::parse_all(many.iter().map(String::as_str)).len(), SCOPES_MAX);
    }
}
