//! Who may do what.

mod attacks;
mod catalog;
mod gate;
mod matrix;
mod mounts;
mod oracle;
mod plans;
mod tokens;
mod uploads;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wharfinger_core::access::{Access, Lives, Plan};

use crate::support::{Registry, Reply};

/// A registry with these settings.
pub fn locked(settings: Value) -> Registry {
    let mut registry = Registry::new();
    registry.config.access = access(&settings, &registry);
    registry
}

/// Who may do what by these settings.
pub fn access(settings: &Value, registry: &Registry) -> Access {
    let mut plan = Plan::default();
    for (key, value) in settings.as_object().unwrap() {
        assert_eq!(plan.read(key, value), [], "{key}");
    }
    plan.finish(&registry.config.secret, None, Lives::default()).unwrap()
}

/// The Authorization of somebody.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

impl Registry {
    /// Does something while everybody may do everything.
    pub fn unlocked<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let access = std::mem::replace(&mut self.config.access, Access::open());
        let told = act(self);
        self.config.access = access;
        told
    }

    /// Asks as somebody whose password is `pass`.
    pub fn ask_as(&mut self, user: Option<&str>, method: &str, target: &str) -> Reply {
        let authorization = user.map(|user| basic(user, "pass"));
        let fields: Vec<_> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        self.send(method, target, &fields, ())
    }
}
