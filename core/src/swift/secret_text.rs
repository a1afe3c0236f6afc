use std::fmt;

/// A password, a URL that is signed, or another text that is good for whoever reads it. It is never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretText(Box<str>);

impl SecretText {
    /// Takes it as it is.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}
