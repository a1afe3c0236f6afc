//! Who may do what.

mod guard;
mod htpasswd;
mod password;
mod password_check;
mod users;

pub use guard::{Admission, Guard, GuardRate, GuardRates, Permit};
pub use htpasswd::{HtpasswdError, HtpasswdFault, parse_htpasswd};
pub use password::{Argon2Cost, HashKind, PasswordError, PasswordRecord, hash_password};
pub use password_check::{PasswordCheck, Verdict};
pub use users::{User, UserNameFault, Users, UsersError, check_user_name};
