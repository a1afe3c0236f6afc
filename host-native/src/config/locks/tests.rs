use super::*;
use crate::config::{parse_with, print};
use std::ffi::OsString;
use wharfinger_core::access::{Access, Action};
use wharfinger_core::oci::Repository;

const HASH: &str = "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

fn variable(name: &str) -> Option<OsString> {
    Some(match name {
        "ZUUL_REGISTRY_SECRET" => "sixteen or more: #x".into(),
        "ZUUL_PASS" => "hidden's \"pass\"".into(),
        "ZUUL_NUMBER" => "5001".into(),
        "ZUUL_BLANKS" => " 5002\n".into(),
        "ZUUL_NESTED" => "%(ZUUL_PASS)".into(),
        "ZUUL_SHORT" => "hidden".into(),
        "ZUUL_EMPTY" => "".into(),
        "OTHER" => "other".into(),
        _ => return None,
    })
}

fn parse(text: &str) -> Result<Settings, ConfigError> {
    parse_with("f.yaml", text, &variable)
}

#[track_caller]
fn accepted(lines: &str) -> Settings {
    parse(&format!("registry:\n{lines}")).expect(lines)
}

#[track_caller]
fn access(settings: &Settings) -> Access {
    let secret = SealingSecret::new(b"secret");
    settings.access.clone().finish(&secret, None, settings.locks.lives()).expect("fits together")
}

/// Checks that lines are refused in these words, and that nothing hidden is shown.
#[track_caller]
fn refused(lines: &str, expected: &[&str]) {
    let error = parse(&format!("registry:\n{lines}")).expect_err(lines);
    let shown = error.to_string();
    assert_eq!(shown.lines().count(), expected.len(), "{lines}\n{shown}");
    for (line, expected) in shown.lines().zip(expected) {
        assert!(line.starts_with(&format!("f.yaml:{expected}")), "{lines}\n{shown}");
    }
    assert!(!format!("{shown}{error:?}").contains("hidden"), "{shown}");
}

#[test]
fn users_who_write_leave_reading_to_all_and_one_who_reads_does_not() {
    let repository = Repository::parse("a/b").expect("a name");
    let write = "  users:\n    - name: ci\n      pass: hidden\n      access: write\n";
    let settings = accepted(write);
    let plain = access(&settings);
    assert!(!settings.is_open() && !plain.is_open());
    assert!(
        plain.allows(None, &repository).has(Action::Pull)
            && !plain.allows(None, &repository).has(Action::Push)
    );
    assert!(plain.allows(Some("ci"), &repository).has(Action::Delete));
    let restricted =
        access(&accepted(&format!("{write}    - name: dev\n      pass: hidden\n      access: read\n")));
    assert!(restricted.allows(None, &repository).is_empty());
    assert!(!restricted.allows(Some("dev"), &repository).has(Action::Push));
    assert_eq!((plain.users_count(), restricted.users_count()), (1, 2));
    assert!(!format!("{settings:?}").contains("hidden"));
}

#[test]
fn nobody_may_write_where_the_list_of_users_is_empty() {
    let settings = accepted("  users: []\n");
    let access = access(&settings);
    let repository = Repository::parse("a").expect("a name");
    assert!(!settings.is_open());
    assert!(
        access.allows(None, &repository).has(Action::Pull)
            && !access.allows(None, &repository).has(Action::Push)
    );
    assert_eq!(access.users_count(), 0);
}

#[test]
fn rules_name_their_users_and_replace_access() {
    let users = "  users:\n    - {name: ci, pass: hidden}\n    - {name: dev, pass: hidden}\n";
    let rules = "  rules:\n    - repositories: 'team/**'\n      users: [ci]\n      actions: [pull, push]\n    - repositories: '**'\n      users: anonymous\n      actions: pull\n";
    let access = access(&accepted(&format!("{users}{rules}")));
    let [team, other] = ["team/a", "other"].map(|name| Repository::parse(name).expect("a name"));
    assert!(
        access.allows(Some("ci"), &team).has(Action::Push)
            && !access.allows(Some("ci"), &other).has(Action::Push)
    );
    assert!(access.allows(None, &other).has(Action::Pull));
    assert_eq!(access.users_count(), 2);
}

#[test]
fn mistakes_are_told_with_their_places() {
    for (lines, expected) in [
        ("  users: {}\n", &["2:10: registry.users: found a mapping; expected a list of users"][..]),
        ("  users:\n", &["2:8: registry.users: found nothing; expected a list"]),
        (
            "  users:\n    - name: ci\n      pass: 12345\n      access: write\n",
            &[
                "4:13: registry.users[0].pass: found a number; expected a password, or the hash of one, in quotes if",
            ],
        ),
        (
            "  users:\n    - name: ci\n      pass: hidden\n      access: admin\n      acess: read\n",
            &[
                "5:15: registry.users[0].access: found something else; expected read or write",
                "6:7: registry.users[0].acess: unknown key; expected one of name, pass, access",
            ],
        ),
        ("  users:\n    - {name: ci, access: write}\n", &["3:7: registry.users[0].pass: missing; expected"]),
        (
            "  users:\n    - {name: ci, pass: hidden}\n    - {name: ci, pass: hidden}\n",
            &["4:14: registry.users[1].name: there are two users named ci"],
        ),
        ("  users:\n    - {name: ci, pass: hidden}\n", &["3:14: registry.users[0].name: has no access"]),
        (
            "  users:\n    - {name: ci, pass: hidden, access: write}\n  rules: []\n",
            &["3:14: registry.users[0].name: has access, which rules replace"],
        ),
        (
            "  rules:\n    - repositories: '**'\n      users: [anonymous, nobody]\n      actions: [pull, fetch]\n",
            &["5:23: registry.rules[0].actions[1]: found something else; expected pull, push or delete"],
        ),
        (
            "  rules:\n    - repositories: '**'\n      users: [anonymous, nobody]\n      actions: pull\n",
            &["4:26: registry.rules[0].users[1]: there is no user \"nobody\""],
        ),
        ("  proxies: [10.0.0.0/33]\n", &["2:13: registry.proxies[0]: expected an IP address"]),
        (
            "  client-certificates:\n    - {name: ci, user: ci}\n",
            &["3:14: registry.client-certificates[0].name: found another kind of name"],
        ),
        (
            "  old-secrets: hidden\n",
            &["2:16: registry.old-secrets: found a text of 6 bytes; expected a list"],
        ),
        (
            "  old-secrets: [sixteen letters!, hidden]\n",
            &["2:35: registry.old-secrets: found a text of 6 bytes; expected a text of 16 to 1024 bytes"],
        ),
        (
            "  token-seconds: 0\n",
            &["2:18: registry.token-seconds: found 0; expected a whole number from 1 to"],
        ),
        ("  open-to-all: 1\n", &["2:16: registry.open-to-all: found 1; expected true or false"]),
        (
            "  storage: {expiration: 1.5}\n",
            &["2:25: registry.storage.expiration: found 1.5; expected a whole"],
        ),
        (
            "  limits: {password-user-failures: 0}\n",
            &["2:36: registry.limits.password-user-failures: found 0; expected a whole number from 1 to"],
        ),
    ] {
        refused(lines, expected);
    }
}

#[test]
fn the_environment_is_put_into_values_alone() {
    let settings = accepted(
        "  secret: '%(ZUUL_REGISTRY_SECRET)'\n  port: %(ZUUL_NUMBER)\n  storage: {root: \"/a/%(ZUUL_NUMBER)-%(ZUUL_NESTED)%(OTHER)\"}\n  # %(ZUUL_UNSET)\n",
    );
    assert_eq!(settings.secret, Some(Secret::from_phrase("sixteen or more: #x")));
    assert_eq!(settings.port, 5001);
    assert_eq!(settings.storage.root, PathBuf::from("/a/5001-%(ZUUL_PASS)%(OTHER)"));
    assert_eq!(accepted("  port: %(ZUUL_BLANKS)\n").port, 5002);
    // What ends a text, or begins a mapping, is a part of the value.
    let users = |style: &str| accepted(&format!("  users: [{{name: ci, pass: {style}, access: read}}]\n"));
    let plain = users("%(ZUUL_PASS)");
    assert_eq!(plain, users("'%(ZUUL_PASS)'"));
    assert_eq!(plain, users("\"%(ZUUL_PASS)\""));
    assert_eq!(plain.locks.users, users("\"hidden's \\\"pass\\\"\"").locks.users);
}

#[test]
fn what_the_environment_does_not_have_is_told_and_what_it_has_is_not() {
    for (lines, expected) in [
        (
            "  secret: '%(ZUUL_UNSET)'\n",
            &["2:11: registry.secret: the environment variable ZUUL_UNSET is not set"][..],
        ),
        (
            "  users:\n    - {name: ci, pass: %(ZUUL_UNSET), access: write}\n  port: %(ZUUL_ABSENT)\n",
            &[
                "3:24: registry.users[0].pass: the environment variable ZUUL_UNSET is not set",
                "4:9: registry.port: the environment variable ZUUL_ABSENT is not set",
            ],
        ),
        ("  secret: 'x%(ZUUL_A'\n", &["2:11: registry.secret: found `%(ZUUL_` without the rest"]),
        ("  secret: 'x%(ZUUL_A B)'\n", &["2:11: registry.secret: found `%(ZUUL_` without the rest"]),
        (
            "  secret: '%(ZUUL_SHORT)'\n",
            &["2:11: registry.secret: found a text of 6 bytes; expected a text of 16"],
        ),
        ("  secret: %(ZUUL_NUMBER)\n", &["2:11: registry.secret: found a number; expected a text of 16"]),
        ("  secret: %(ZUUL_EMPTY)\n", &["2:11: registry.secret: found nothing; expected a text of 16"]),
        (
            "  port: '%(ZUUL_NUMBER)'\n",
            &["2:9: registry.port: found a text of 4 bytes; expected a whole number"],
        ),
        (
            "  address: %(ZUUL_SHORT)\n",
            &["2:12: registry.address: found a text of 6 bytes; expected an IP address"],
        ),
        (
            "  limits: '%(ZUUL_SHORT)'\n",
            &["2:11: registry.limits: found a text of 6 bytes; expected a mapping"],
        ),
        (
            "  users: [{name: ci, pass: %(ZUUL_NUMBER), access: write}]\n",
            &["2:28: registry.users[0].pass: found a number; expected a password"],
        ),
        ("  %(ZUUL_NUMBER): 1\n", &["2:3: registry.%(ZUUL_NUMBER): unknown key"]),
    ] {
        refused(lines, expected);
    }
}

#[test]
fn what_is_printed_shows_no_password_and_is_no_open_registry() {
    let settings = accepted(
        "  secret: hidden, and long enough\n  old-secrets: ['hidden, and also long enough']\n  users:\n    - {name: ci, pass: hidden}\n  rules:\n    - {repositories: '**', users: [ci], actions: [pull, push]}\n  proxies: [10.0.0.0/8]\n  refresh-token-seconds: 0\n",
    );
    let printed = print(&settings);
    assert!(!printed.contains("hidden"), "{printed}");
    for part in [
        "  # old-secrets: set, and not shown\n",
        "  users:\n    - {\"name\":\"ci\"}\n",
        "  rules:\n    - {\"actions\":[\"pull\",\"push\"],\"repositories\":\"**\",\"users\":[\"ci\"]}\n",
        "  proxies:\n    - \"10.0.0.0/8\"\n",
        "  # issuers: not set\n",
        "  refresh-token-seconds: 0\n",
    ] {
        assert!(printed.contains(part), "{part}\n{printed}");
    }
    let error = parse(&printed).expect_err("there is no password").to_string();
    assert!(error.contains("registry.users[0].pass: missing"), "{error}");
    let whole = parse(&printed.replace("{\"name\":\"ci\"}", "{name: ci, pass: hidden}"))
        .expect("a password is there");
    assert_eq!(whole.locks.users, settings.locks.users);
    assert_eq!(whole.access, settings.access);
    assert!(print(&accepted("  users: []\n")).contains("\n  users: []\n"));
}

#[test]
fn a_registry_without_users_is_for_this_machine() {
    let exposed = |lines: &str| accepted(lines).check_exposure().is_err();
    for lines in ["", "  address: ::1\n", "  address: 127.0.0.2\n", "  address: '::ffff:127.0.0.1'\n"] {
        assert!(!exposed(lines), "{lines}");
    }
    for lines in [
        "  address: 0.0.0.0\n",
        "  address: '::'\n",
        "  address: 10.0.0.1\n",
        "  proxies: []\n  address: 10.0.0.1\n",
    ] {
        assert!(exposed(lines), "{lines}");
        assert!(!exposed(&format!("{lines}  open-to-all: true\n")), "{lines}");
        assert!(!exposed(&format!("{lines}  users: []\n")), "{lines}");
        assert!(!exposed(&format!("{lines}  rules: []\n")), "{lines}");
        assert!(!exposed(&format!("{lines}  htpasswd: /none\n")), "{lines}");
    }
    let both = accepted("  open-to-all: true\n  users: []\n").check_exposure();
    assert_eq!(both, Err(ConfigError::LockedAndOpen));
}

#[test]
fn a_file_of_users_is_read_with_the_rules() {
    let path = std::env::temp_dir().join(format!("wharfinger-htpasswd-{}", std::process::id()));
    let lines = format!(
        "  htpasswd: {}\n  rules:\n    - {{repositories: '**', users: [ci, dev], actions: pull}}\n",
        path.display()
    );
    accepted(&lines);
    std::fs::write(&path, format!("ci:{HASH}\n")).expect("writes");
    refused(&lines, &["4:40: registry.rules[0].users[1]: there is no user \"dev\""]);
    std::fs::write(&path, format!("ci:{HASH}\ndev:hidden\n")).expect("writes");
    refused(&lines, &["2:13: registry.htpasswd: line 2: no argon2id or bcrypt hash"]);
    std::fs::write(&path, format!("ci:{HASH}\ndev:{HASH}\n")).expect("writes");
    accepted(&lines);
    std::fs::remove_file(&path).expect("removes");
}
