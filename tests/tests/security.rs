//! `docs/security.md` names a test for each attack. They exist.

use std::path::{Path, PathBuf};

/// What stands for a folder in the table.
const SHORT: [(&str, &str); 3] =
    [("A/", "core/tests/registry/access/"), ("C/", "core/src/access/"), ("L/", "tests/tests/hostile_locks/")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The tests that a row of the table names.
fn tests(row: &str) -> Vec<&str> {
    let column = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
    column.split(", ").map(|name| name.trim_matches('`')).collect()
}

fn rows(page: &str) -> Vec<&str> {
    let (_, table) = page.split_once("| attack | what happens | test |\n").expect("there is the table");
    table.lines().skip(1).take_while(|line| line.starts_with('|')).collect()
}

/// Whether there is such a test: a function that is marked as one, or a conversation.
fn exists(name: &str) -> bool {
    let (path, function) = name.split_once("::").map_or((name, None), |(path, name)| (path, Some(name)));
    let short = SHORT.iter().find_map(|(short, long)| Some(format!("{long}{}", path.strip_prefix(short)?)));
    let text = std::fs::read_to_string(root().join(short.as_deref().unwrap_or(path))).unwrap_or_default();
    match function {
        None => path.starts_with("tests/conversations/") && path.ends_with(".txt") && !text.is_empty(),
        Some(function) => text.split("#[test]").skip(1).any(|test| {
            let mut lines =
                test.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
            lines.next().is_some_and(|line| line.starts_with(&format!("fn {function}()")))
        }),
    }
}

#[test]
fn every_attack_has_a_test() {
    let page = std::fs::read_to_string(root().join("docs/security.md")).expect("the page can be read");
    let rows = rows(&page);
    assert!(rows.len() > 40, "only {} rows", rows.len());
    let missing: Vec<&str> = rows.iter().flat_map(|row| tests(row)).filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "there are no such tests: {missing:#?}");
}

#[test]
fn what_does_not_exist_is_missed() {
    assert_eq!(tests("| a | b, c | `x::y`, `z` |"), ["x::y", "z"]);
    assert!(exists("tests/tests/security.rs::what_does_not_exist_is_missed"));
    for name in [
        "",
        "tests/tests/security.rs",
        "tests/tests/security.rs::exists",
        "tests/tests/security.rs::what_does_not_exist",
        "A/gate.rs::nothing",
        "tests/conversations/none.txt",
    ] {
        assert!(!exists(name), "{name}");
    }
}
