//! Rules held against their meaning, said once more as plainly as can be.

use serde_json::{Value, json};
use wharfinger_core::access::{Action, Actions};
use wharfinger_core::oci::Repository;

use super::{access, locked};
use crate::support::Registry;

const USERS: [&str; 4] = ["ann", "bob", "ci", "*x"];

const COMPONENTS: [&str; 6] = ["a", "ab", "b", "a-b", "team", "x"];

/// The same numbers for the same seed (xorshift*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }

    /// One of them, or several.
    fn some<'a>(&mut self, most: usize, mut one: impl FnMut(&mut Self) -> &'a str) -> Vec<&'a str> {
        (0..=self.roll(most)).map(|_| one(self)).collect()
    }

    fn name(&mut self) -> String {
        let parts: Vec<&str> = self.some(3, |dice| dice.pick(&COMPONENTS));
        parts.join("/")
    }

    fn pattern(&mut self) -> String {
        const PARTS: [&str; 12] = ["a", "ab", "b", "a-b", "team", "x", "*", "**", "a*", "*b", "**b", "*-*"];
        let parts: Vec<&str> = self.some(3, |dice| dice.pick(&PARTS));
        parts.join("/")
    }

    fn rule(&mut self) -> Value {
        let repositories: Vec<String> = (0..=self.roll(2)).map(|_| self.pattern()).collect();
        let who = [&USERS[..], &["*", "anonymous"]].concat();
        let users = self.some(2, |dice| dice.pick(&who));
        let actions = self.some(2, |dice| dice.pick(&["pull", "push", "delete"]));
        json!({"repositories": repositories, "users": users, "actions": actions})
    }
}

/// Whether a name is one of those that a pattern means.
fn means(pattern: &str, name: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("**") {
        return (0..=name.len()).any(|at| means(rest, &name[at..]));
    }
    if let Some(rest) = pattern.strip_prefix('*') {
        let component = name.find('/').unwrap_or(name.len());
        return (0..=component).any(|at| means(rest, &name[at..]));
    }
    match (pattern.chars().next(), name.chars().next()) {
        (None, None) => true,
        (Some(one), Some(other)) => one == other && means(&pattern[1..], &name[1..]),
        (_, _) => false,
    }
}

/// What settings say that somebody may do.
fn may(settings: &Value, user: Option<&str>, repository: &str, action: &str) -> bool {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    settings["rules"].as_array().unwrap().iter().any(|rule| {
        let is_meant = texts(&rule["users"]).iter().any(|who| match (who.as_str(), user) {
            ("anonymous", _) | ("*", Some(_)) => true,
            ("*", None) => false,
            (name, user) => user == Some(name),
        });
        is_meant
            && texts(&rule["actions"]).iter().any(|one| one == action)
            && texts(&rule["repositories"]).iter().any(|pattern| means(pattern, repository))
    })
}

fn settings(dice: &mut Dice) -> Value {
    let users: Vec<Value> = USERS.iter().map(|name| json!({"name": name, "pass": "pass"})).collect();
    let rules: Vec<Value> = (0..dice.roll(6)).map(|_| dice.rule()).collect();
    json!({"users": users, "rules": rules})
}

fn people() -> Vec<Option<&'static str>> {
    USERS.into_iter().map(Some).chain([None]).collect()
}

#[test]
fn rules_mean_what_they_say() {
    let (mut allowed, mut denied) = (0, 0);
    for seed in 1..=400 {
        let mut dice = Dice(seed);
        let settings = settings(&mut dice);
        let access = access(&settings, &Registry::new());
        for name in (0..12).map(|_| dice.name()) {
            let repository = Repository::parse(&name).unwrap();
            for user in people() {
                let expected: Actions = Action::ALL
                    .into_iter()
                    .filter(|action| may(&settings, user, &name, action.name()))
                    .collect();
                allowed += expected.iter().count();
                denied += 3 - expected.iter().count();
                assert_eq!(access.allows(user, &repository), expected, "{user:?} {name} {settings}");
                for action in expected.iter() {
                    assert!(access.allows_somewhere(user, action));
                }
                for action in Action::ALL.into_iter().filter(|action| access.allows_everywhere(user, *action))
                {
                    assert!(expected.has(action), "everywhere but {name}: {settings}");
                }
            }
        }
    }
    assert!(allowed > 5_000 && denied > 20_000, "{allowed} {denied}");
}

/// Whether strangers may do anything anywhere.
fn is_for_strangers(settings: &Value) -> bool {
    let has = |list: &Value, text: &str| list.as_array().unwrap().contains(&json!(text));
    settings["rules"].as_array().unwrap().iter().any(|rule| has(&rule["users"], "anonymous"))
}

/// What is granted of these actions, as a scope says it.
fn granted(settings: &Value, user: Option<&str>, name: &str, asked: &[&str]) -> Vec<&'static str> {
    let mut all = vec!["pull", "push", "delete"];
    all.retain(|action| asked.contains(action) && may(settings, user, name, action));
    all
}

/// The gate, and the place where tokens are had, keep to the rules, and a token to what it was asked for.
#[test]
fn the_gate_keeps_to_the_rules() {
    let (mut let_in, mut kept_out) = (0, 0);
    for seed in 1..=240 {
        let mut dice = Dice(seed * 7919);
        let settings = settings(&mut dice);
        let mut registry = locked(settings.clone());
        for _ in 0..12 {
            let (name, other) = (dice.name(), dice.name());
            let user = people()[dice.roll(5)];
            let asked = dice.some(2, |dice| dice.pick(&["pull", "push", "delete"]));
            let reply = registry.ask_as(
                user,
                "GET",
                &format!("/auth/token?scope=repository:{name}:{}", asked.join(",")),
            );
            if user.is_none() && !is_for_strangers(&settings) {
                assert_eq!(reply.status, 401);
                continue;
            }
            let granted = granted(&settings, user, &name, &asked);
            let scope = match granted.as_slice() {
                [] => String::new(),
                actions => format!("repository:{name}:{}", actions.join(",")),
            };
            assert_eq!(reply.json()["scope"], scope, "{user:?} {name} {asked:?} {settings}");
            let bearer = format!("Bearer {}", reply.json()["token"].as_str().unwrap());
            for (repository, in_scope) in [(&name, true), (&other, other == name)] {
                for (method, rest, action) in OPERATIONS {
                    let target = format!("/v2/{repository}/{rest}");
                    let by_rules = may(&settings, user, repository, action);
                    let by_token = by_rules && in_scope && granted.contains(&action);
                    let with_token = registry.send(method, &target, &[("authorization", &bearer)], ());
                    let with_password = registry.ask_as(user, method, &target);
                    for (reply, is_let_in) in [(with_password, by_rules), (with_token, by_token)] {
                        let is_refused = [401, 403].contains(&reply.status);
                        assert_eq!(is_refused, !is_let_in, "{user:?} {method} {target} {settings}");
                        assert!(is_let_in || reply.ops.is_empty());
                        let_in += usize::from(is_let_in);
                        kept_out += usize::from(!is_let_in);
                    }
                }
            }
        }
    }
    assert!(let_in > 600 && kept_out > 10_000, "{let_in} {kept_out}");
}

/// One operation for each action.
const OPERATIONS: [(&str, &str, &str); 3] =
    [("GET", "tags/list", "pull"), ("POST", "blobs/uploads/", "push"), ("DELETE", "manifests/v1", "delete")];
