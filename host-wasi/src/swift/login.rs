use std::fmt::{self, Display};

use wharfinger_core::store::Fault;
use wharfinger_core::swift::{AuthError, Login, Session};

use crate::drive::timers::Moment;
use crate::fetch::{Fetched, fetch};

/// Why there is no token.
#[derive(Debug)]
pub enum LoginError {
    /// There was no answer.
    Fault(Fault),
    /// The answer gives none.
    Auth(AuthError),
}

impl Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => write!(
                f,
                "the login of the cloud cannot be asked ({fault:?}): check OS_AUTH_URL, and that it can be reached from here"
            ),
            Self::Auth(error) => error.fmt(f),
        }
    }
}

/// Asks for a token, once. `now` is the time in seconds since 1970.
///
/// # Errors
/// There is none.
pub fn log_in(login: &Login, now: u64, deadline: Moment) -> Result<Session, LoginError> {
    let answer = fetch(vec![login.render()], deadline).pop();
    read(login, answer.unwrap_or(Err(Fault::Broken)).map_err(LoginError::Fault)?, now)
}

/// What an answer gives.
///
/// # Errors
/// No token.
pub fn read(login: &Login, answer: Fetched, now: u64) -> Result<Session, LoginError> {
    let Fetched { status, headers, body } = answer;
    login.read(status, &headers, &body, now).map_err(LoginError::Auth)
}
