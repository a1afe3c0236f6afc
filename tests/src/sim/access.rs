//! Who may do what in the runs whose registry is locked: one user who may do everything, and one who may read.

use serde_json::json;
use wharfinger_core::access::{Access, Lives, Plan};
use wharfinger_core::upload::Secret;

/// The user `writer` with its password.
pub const WRITER: &str = "Basic d3JpdGVyOnBhc3M=";

/// The user `reader` with its password.
pub const READER: &str = "Basic cmVhZGVyOnBhc3M=";

/// The user `writer` with a password that is not its own.
pub const FORGER: &str = "Basic d3JpdGVyOndyb25n";

/// Somebody with a token that nobody signed.
pub const STRANGER: &str = "Bearer of.no.token";

/// A registry for these two.
pub fn locked(secret: &Secret) -> Access {
    let mut plan = Plan::default();
    let users = json!([
        {"name": "writer", "pass": "pass", "access": "write"},
        {"name": "reader", "pass": "pass", "access": "read"},
    ]);
    let problems = plan.read("users", &users);
    assert!(problems.is_empty(), "{problems:?}");
    plan.finish(secret, None, Lives::default()).expect("settings that fit together")
}
