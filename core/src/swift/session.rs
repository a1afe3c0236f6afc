use super::Token;

/// What authentication gave: a token, for how long, and where the objects are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    /// The token.
    pub token: Token,
    /// When it was given, in seconds since 1970, by the clock of the host.
    pub granted_at: u64,
    /// When it ends, in seconds since 1970, by the same clock; `None` if nobody said.
    pub expires_at: Option<u64>,
    /// The storage URL, for [`super::Endpoint::new`].
    pub storage_url: Box<str>,
}

impl Session {
    /// From when on another token should be got, in seconds since 1970: four fifths of its life are over then. `None` if
    /// nobody knows when it ends: then it is used until Swift rejects it.
    pub fn renew_at(&self) -> Option<u64> {
        let life = self.expires_at?.saturating_sub(self.granted_at);
        Some(self.granted_at.saturating_add(life - life / 5))
    }
}
