//! What somebody does who wants in.

mod addresses;
mod heads;
mod passwords;
mod scopes;
mod targets;
mod tokens;
mod uploads;

use serde_json::json;
use wharfinger_core::oci::encode_component;

use super::locked;
use crate::support::{Registry, Reply};

/// One repository is everybody's, one is the team's, and one nobody's but root's.
fn registry() -> Registry {
    let mut registry = locked(json!({
        "users": [
            {"name": "root", "pass": "pass"},
            {"name": "ci", "pass": "pass"},
            {"name": "dev", "pass": "pass"},
        ],
        "rules": [
            {"repositories": "**", "users": "root", "actions": ["pull", "push", "delete"]},
            {"repositories": ["team/*", "tools"], "users": ["ci", "dev"], "actions": ["pull", "push"]},
            {"repositories": "public/**", "users": "anonymous", "actions": "pull"},
        ],
    }));
    for repository in ["secret", "team/a", "public/a"] {
        registry.unlocked(|open| open.push_image(repository, "v1", "image"));
    }
    registry
}

impl Registry {
    /// Asks for a token for these scopes as a user, or as a stranger.
    fn ask_token(&mut self, user: Option<&str>, scopes: &str) -> Reply {
        let target = format!("/auth/token?service=wharfinger&scope={}", encode_component(scopes));
        self.ask_as(user, "GET", &target)
    }

    /// The token.
    fn have_token(&mut self, user: Option<&str>, scopes: &str) -> String {
        let reply = self.ask_token(user, scopes);
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["token"].as_str().unwrap().to_owned()
    }

    /// Sends something with an Authorization.
    fn show(&mut self, authorization: &str, method: &str, target: &str) -> Reply {
        self.send(method, target, &[("authorization", authorization)], ())
    }

    /// Sends a form to the place of tokens.
    fn send_form(&mut self, form: &str) -> Reply {
        self.send("POST", "/auth/token", &[], form.as_bytes())
    }
}
