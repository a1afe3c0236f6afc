/// Which server a conversation is held with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The registry with its defaults.
    Plain,
    /// The registry with `sparse-manifests: true`.
    Sparse,
    /// The registry with users and rules.
    Locked,
    /// The registry with a user that writes and one that reads, and nobody else.
    Readers,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Sparse, Self::Locked, Self::Readers];

    /// Its name in a conversation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Sparse => "sparse",
            Self::Locked => "locked",
            Self::Readers => "readers",
        }
    }

    /// The one of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it asks who somebody is.
    pub const fn is_locked(self) -> bool {
        match self {
            Self::Plain | Self::Sparse => false,
            Self::Locked | Self::Readers => true,
        }
    }

    /// Its settings, with values in JSON.
    const fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Plain => &[],
            Self::Sparse => &[("sparse-manifests", "true")],
            Self::Locked => &[("users", USERS), ("rules", RULES)],
            Self::Readers => &[("users", READERS)],
        }
    }

    /// Its settings as lines of YAML, to follow `registry:`.
    pub fn lines(self) -> String {
        self.settings().iter().map(|(key, value)| format!("  {key}: {value}\n")).collect()
    }

    /// Its settings as variables of the component's environment.
    pub fn variables(self) -> Vec<(String, String)> {
        let variable = |key: &str| format!("WHARFINGER_{}", key.replace('-', "_").to_ascii_uppercase());
        self.settings().iter().map(|(key, value)| (variable(key), (*value).to_owned())).collect()
    }
}

/// Passwords in plain text: there are many requests, and no hash is to be shown here.
const USERS: &str =
    r#"[{"name": "root", "pass": "pass"}, {"name": "ci", "pass": "pass"}, {"name": "dev", "pass": "pass"}]"#;

const RULES: &str = r#"[{"repositories": ["conversations/**"], "users": ["root"], "actions": ["pull", "push", "delete"]}, {"repositories": ["conversations/*/team", "conversations/*/team/*"], "users": ["ci"], "actions": ["pull", "push"]}, {"repositories": ["conversations/*/team"], "users": ["dev"], "actions": ["pull"]}, {"repositories": ["conversations/*/drop"], "users": ["ci"], "actions": ["push"]}, {"repositories": ["conversations/*/public"], "users": ["anonymous"], "actions": ["pull"]}, {"repositories": ["conversations/*/inside"], "users": ["*"], "actions": ["pull"]}]"#;

const READERS: &str = r#"[{"name": "ci", "pass": "pass", "access": "write"}, {"name": "dev", "pass": "pass", "access": "read"}]"#;
