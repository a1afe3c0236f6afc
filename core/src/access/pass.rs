use super::{Access, Action, Actions, Scope};
use crate::oci::Repository;

/// What the sender of a request may do: who it is, and what its token was made for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pass {
    /// The user's name; `None` for a stranger.
    pub user: Option<Box<str>>,
    /// What the token is good for; `None` if nothing narrows what the rules allow.
    pub scopes: Option<Box<[Scope]>>,
    /// When the token ends, in seconds since 1970; `None` if there is none.
    pub ends: Option<u64>,
    /// Whether it has ended: then it is good for uploads alone that began before.
    pub expired: bool,
}

impl Pass {
    /// That of a stranger.
    pub fn stranger() -> Self {
        Self::default()
    }

    /// That of a user, as far as the rules go.
    pub fn of(user: Box<str>) -> Self {
        Self { user: Some(user), ..Self::default() }
    }

    /// What it is good for in a repository.
    pub fn allows(&self, access: &Access, repository: &Repository) -> Actions {
        access.allows(self.user.as_deref(), repository).and(self.scoped(repository))
    }

    /// Whether it is good for something in a repository.
    pub fn may(&self, access: &Access, repository: &Repository, action: Action) -> bool {
        self.allows(access, repository).has(action)
    }

    /// Whether it is good for reading whatever repository. A token counts for what its user may: it was made for the
    /// repositories that its client had in mind, and there is no scope for all.
    pub fn may_pull_everywhere(&self, access: &Access) -> bool {
        access.allows_everywhere(self.user.as_deref(), Action::Pull)
    }

    /// Whether it is good for the list of repositories.
    pub fn may_list(&self) -> bool {
        self.scopes.as_deref().is_none_or(|scopes| scopes.contains(&Scope::Catalog))
    }

    /// What the token was made for, whatever the rules say.
    pub(crate) fn scoped(&self, repository: &Repository) -> Actions {
        let Some(scopes) = &self.scopes else { return Actions::ALL };
        let here = |scope: &Scope| match scope {
            Scope::Repository(name, actions) if name == repository => *actions,
            Scope::Repository(..) | Scope::Catalog => Actions::default(),
        };
        scopes.iter().map(here).fold(Actions::default(), Actions::or)
    }
}
