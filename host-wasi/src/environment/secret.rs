use std::fmt;

/// The registry's secret, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Out of the text of its variable.
    pub fn new(text: &str) -> Self {
        Self(text.as_bytes().into())
    }

    /// What it is.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
