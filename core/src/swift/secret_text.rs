use std::fmt;

/// A password or another secret of a person. It is never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretText(Box<str>);

impl SecretText {
    /// Takes it as it is.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}
