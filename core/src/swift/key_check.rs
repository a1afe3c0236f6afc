use std::fmt;

use http::{HeaderMap, StatusCode};

use super::{
    Endpoint, HttpHead, KeyPlace, KeyPlan, Rendered, StandingKeys, TempUrlKeys, Token, Verdict, classify_keys,
};
use crate::store::Reply;

/// A check of the keys of temporary URLs: looks what stands, sets what is missing, and looks again. The host asks what
/// [`Self::render`] says and hands in the answer, until it is over. One without an answer is given up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyCheck {
    step: Step,
    /// A key was set for a period that ends then: until that none is a second time.
    set_until: Option<u64>,
    /// The token of this step was renewed: it is not a second time.
    is_renewed: bool,
}

/// What comes after an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyStep {
    /// The next request.
    Ask,
    /// The token was not taken: the same request, with another one.
    Renew,
    /// Nothing: these keys stand, or none can be signed with.
    Over(Result<StandingKeys, KeyError>),
}

/// Why no URL can be signed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyError {
    /// Swift cannot tell or take keys at the moment.
    Unavailable {
        /// What it answered.
        status: StatusCode,
    },
    /// Swift took no token, not even a new one.
    TokenRefused,
    /// Swift does not let us set keys.
    Refused {
        /// What they belong to.
        place: KeyPlace,
        /// What it answered.
        status: StatusCode,
    },
    /// Swift took the key, but does not show it.
    Hidden {
        /// What it belongs to.
        place: KeyPlace,
    },
    /// The account has a key of somebody else.
    Foreign {
        /// The field that holds it.
        field: &'static str,
    },
    /// There is a key of the future.
    Ahead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Look,
    /// Sets the key of the period of that moment.
    Set(u64),
}

impl KeyCheck {
    /// Begins with a look.
    #[must_use]
    pub fn new() -> Self {
        Self { step: Step::Look, set_until: None, is_renewed: false }
    }

    /// The request to send.
    pub fn render(&self, keys: &TempUrlKeys, endpoint: &Endpoint, token: &Token) -> Rendered {
        match self.step {
            Step::Look => keys.render_look(endpoint, token),
            Step::Set(now) => keys.render_set(now, endpoint, token),
        }
    }

    /// Whether the request sets a key.
    pub fn sets(&self) -> bool {
        matches!(self.step, Step::Set(_))
    }

    /// Takes the answer. `now` is the time in seconds since 1970.
    pub fn answered(
        &mut self,
        keys: &TempUrlKeys,
        status: StatusCode,
        fields: &HeaderMap,
        now: u64,
    ) -> KeyStep {
        let place = keys.place();
        match classify_keys(&HttpHead::new(status, fields)) {
            Verdict::Reply(Reply::Done) => {}
            Verdict::TokenRejected if !self.is_renewed => {
                self.is_renewed = true;
                return KeyStep::Renew;
            }
            Verdict::Reply(Reply::Unavailable { .. }) => {
                return KeyStep::Over(Err(KeyError::Unavailable { status }));
            }
            Verdict::TokenRejected => return KeyStep::Over(Err(KeyError::TokenRefused)),
            Verdict::Reply(_) | Verdict::Body { .. } => {
                return KeyStep::Over(Err(KeyError::Refused { place, status }));
            }
        }
        self.is_renewed = false;
        if self.sets() {
            self.step = Step::Look;
            return KeyStep::Ask;
        }
        KeyStep::Over(match keys.plan(&keys.read(fields), now) {
            KeyPlan::Keep(standing) => Ok(standing),
            KeyPlan::Set if self.set_until.is_none_or(|end| now >= end) => {
                self.set_until = Some(keys.next_period(now));
                self.step = Step::Set(now);
                return KeyStep::Ask;
            }
            KeyPlan::Set => Err(KeyError::Hidden { place }),
            KeyPlan::Foreign { field } => Err(KeyError::Foreign { field }),
            KeyPlan::Ahead => Err(KeyError::Ahead),
        })
    }
}

impl Default for KeyCheck {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyError {
    /// Whether it is known that no key stands that could be signed with; otherwise what stood before may stand still.
    pub fn ends_keys(&self) -> bool {
        match self {
            Self::Hidden { .. } | Self::Foreign { .. } | Self::Ahead => true,
            Self::Unavailable { .. } | Self::TokenRefused | Self::Refused { .. } => false,
        }
    }

    /// Whether it may go away by itself.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::TokenRefused => true,
            Self::Refused { .. } | Self::Hidden { .. } | Self::Foreign { .. } | Self::Ahead => false,
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |place| match place {
            KeyPlace::Account => "account",
            KeyPlace::Container => "container",
        };
        match self {
            Self::Unavailable { status } => write!(
                f,
                "Swift cannot tell or take the keys of temporary URLs ({status}); wait until it is well again"
            ),
            Self::TokenRefused => f.write_str(
                "Swift takes no token to look at or set the keys of temporary URLs, not even a new one; check that the storage URL belongs to the project of the credentials",
            ),
            Self::Refused { place, status } => write!(
                f,
                "Swift does not let us set keys of temporary URLs for the {} ({status}); make the user an owner of the account, or turn off `redirect`",
                of(*place)
            ),
            Self::Hidden { place } => write!(
                f,
                "Swift took a key of temporary URLs for the {} but does not show it; make the user an owner of the account, or turn off `redirect`",
                of(*place)
            ),
            Self::Foreign { field } => write!(
                f,
                "the account has a key in {field} that was not made of this registry's secret, and somebody may rely on it; remove it if nobody does, or turn off `redirect`"
            ),
            Self::Ahead => f.write_str(
                "Swift has a key of temporary URLs of a period to come; set the clocks of all servers of the registry, or remove that key",
            ),
        }
    }
}

impl std::error::Error for KeyError {}
