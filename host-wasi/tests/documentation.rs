//! docs/wasi.md says of every setting what it is called here, or why it is not here, and docs/configuration.md what holds for
//! both hosts.

use std::collections::BTreeMap;

use wharfinger_wasi::environment::{PREFIX, VARIABLES};

const HERE: &str = include_str!("../../docs/wasi.md");
const NATIVE: &str = include_str!("../../docs/configuration.md");

/// The cells of the rows between two marks, without the head of the table.
fn rows<'a>(text: &'a str, begin: &str, end: &str) -> Vec<Vec<&'a str>> {
    let (_, rest) = text.split_once(begin).expect("the table has a beginning");
    let (table, _) = rest.split_once(end).expect("the table has an end");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect())
        .collect()
}

/// The settings of the native server: default and values, by key.
fn native() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let rows = rows(NATIVE, "settings: begin -->", "What a file of zuul-registry");
    rows.iter().map(|cells| (cells[0], (cells[1], cells[2]))).collect()
}

#[test]
fn every_variable_stands_in_the_page_and_no_other() {
    let told = rows(HERE, "<!-- variables: begin -->", "<!-- variables: end -->");
    let known: Vec<Vec<String>> = VARIABLES
        .iter()
        .map(|variable| vec![format!("{PREFIX}{}", variable.name), format!("registry.{}", variable.key)])
        .collect();
    assert_eq!(told, known);
}

#[test]
fn defaults_and_bounds_are_those_of_the_native_server() {
    let native = native();
    let mut compared = 0;
    for variable in VARIABLES {
        let key = format!("registry.{}", variable.key);
        let (default, values) = native.get(key.as_str()).expect("the native server has it");
        if let Some((here_default, here_values)) = variable.range() {
            assert_eq!((here_default.as_str(), here_values.as_str()), (*default, *values), "{key}");
            compared += 1;
        }
    }
    assert!(compared > 10, "only {compared}");
}

#[test]
fn every_setting_of_the_native_server_is_here_or_has_a_reason() {
    let missing = rows(HERE, "<!-- not here: begin -->", "<!-- not here: end -->");
    let mut told: Vec<&str> = missing.iter().map(|cells| cells[0]).collect();
    let here: Vec<String> = VARIABLES.iter().map(|variable| format!("registry.{}", variable.key)).collect();
    told.extend(here.iter().map(String::as_str));
    told.sort_unstable();
    assert_eq!(told, native().into_keys().collect::<Vec<_>>());
}
