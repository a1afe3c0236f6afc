use std::fmt;

use super::Pattern;
use crate::oci::Repository;

/// Lets some people do something in some repositories. What no rule allows is denied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Where: any of them.
    pub repositories: Vec<Pattern>,
    /// Who: any of them.
    pub who: Vec<Who>,
    /// What.
    pub actions: Actions,
}

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// Everybody, those without a name included: what a stranger may do, a user may do.
    Everybody,
    /// Everybody with a name.
    Users,
    /// The one of that name.
    User(Box<str>),
}

/// What can be done in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Read manifests, blobs, tags and referrers.
    Pull,
    /// Upload blobs, put manifests and tags.
    Push,
    /// Remove manifests, tags and blobs.
    Delete,
}

/// A set of actions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Actions(u8);

impl Rule {
    /// What it lets somebody do in a repository; without a name, a stranger.
    pub fn allows(&self, user: Option<&str>, repository: &Repository) -> Actions {
        let here = self.repositories.iter().any(|pattern| pattern.matches(repository.as_str()));
        if here && self.is_for(user) { self.actions } else { Actions::default() }
    }

    /// Whether it is about somebody.
    pub fn is_for(&self, user: Option<&str>) -> bool {
        self.who.iter().any(|who| match who {
            Who::Everybody => true,
            Who::Users => user.is_some(),
            Who::User(name) => user == Some(name),
        })
    }

    /// Whether it is about every repository there can be.
    pub fn is_everywhere(&self) -> bool {
        self.repositories.iter().any(Pattern::is_all)
    }
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pull, Self::Push, Self::Delete];

    /// Its name in rules, scopes and tokens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }

    /// The action of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Pull => 1,
            Self::Push => 2,
            Self::Delete => 4,
        }
    }
}

impl Actions {
    /// All there are.
    pub const ALL: Self = Self(7);

    /// Whether it is in the set.
    pub const fn has(self, action: Action) -> bool {
        self.0 & action.bit() != 0
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(self, action: Action) -> Self {
        Self(self.0 | action.bit())
    }

    /// Those in either set.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |action| self.has(*action))
    }
}

impl FromIterator<Action> for Actions {
    fn from_iter<T: IntoIterator<Item = Action>>(actions: T) -> Self {
        actions.into_iter().fold(Self::default(), Self::with)
    }
}

impl fmt::Display for Actions {
    /// As in a scope: `pull,push`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, action) in self.iter().enumerate() {
            write!(f, "{}{}", if at > 0 { "," } else { "" }, action.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Actions({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_for_those_whom_it_names() {
        let rule = |who: &[Who]| Rule {
            repositories: vec![Pattern::parse("team/**").unwrap()],
            who: who.to_vec(),
            actions: Actions::ALL,
        };
        let ci = Who::User("ci".into());
        for (who, anonymous, other, named) in [
            (&[Who::Everybody][..], true, true, true),
            (&[Who::Users], false, true, true),
            (std::slice::from_ref(&ci), false, false, true),
            (&[], false, false, false),
        ] {
            let told = [None, Some("dev"), Some("ci")].map(|user| {
                let inside = rule(who).allows(user, &Repository::parse("team/a").unwrap());
                assert!(rule(who).allows(user, &Repository::parse("teams").unwrap()).is_empty());
                inside == Actions::ALL
            });
            assert_eq!(told, [anonymous, other, named], "{who:?}");
        }
    }

    #[test]
    fn actions_are_a_set() {
        let set: Actions = [Action::Push, Action::Pull, Action::Push].into_iter().collect();
        assert_eq!(set.to_string(), "pull,push");
        assert_eq!(format!("{set:?}"), "Actions(pull,push)");
        assert_eq!(set.and(Actions::default().with(Action::Push)).to_string(), "push");
        assert!(!set.has(Action::Delete) && Actions::ALL.iter().eq(Action::ALL));
        assert_eq!(Action::ALL.map(|action| Action::parse(action.name())), Action::ALL.map(Some));
        assert_eq!(Action::parse("PULL"), None);
    }
}
