//! Every reader of configuration: the file, clouds.yaml with its variables, and the variables of the component. A secret
//! stands in all of them, and is never shown.

mod clouds;

use std::fmt::{Debug, Display};

use wharfinger::config::{ConfigError, parse, print};
use wharfinger_wasi::environment::Settings;

/// What secrets are made of. One is too short for the secret that seals, two are enough.
const MARK: &str = "zq-mark-qz";

/// Reads, in the way that the first byte says.
///
/// # Panics
/// Where a message is empty or shows the secret; where what is printed does not read as the same.
pub fn run(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    // The fuzzer sees what is looked for, and writes it where it is no secret.
    if shows(&text) {
        return;
    }
    match first % 4 {
        0 => file(&text),
        1 => file(&with_secret(&text)),
        2 => clouds::run(&text),
        _ => component(&text),
    }
}

/// A file of the native server.
fn file(text: &str) {
    let settings = match parse("wharfinger.yaml", text) {
        Ok(settings) => settings,
        Err(error) => {
            if let ConfigError::Invalid { problems, .. } = &error {
                assert!(problems.iter().all(|problem| problem.place.line >= 1 && problem.place.column >= 1));
            }
            return told(&error);
        }
    };
    hides(&format!("{settings:?}"));
    let printed = print(&settings);
    hides(&printed);
    // The one thing that is not printed, and that Swift needs.
    let printed = printed.replace("# secret: set, and not shown", "secret: \"sixteen or more bytes\"");
    let mut again = match parse("printed.yaml", &printed) {
        Ok(again) => again,
        Err(error) => panic!("{error}\n{printed}"),
    };
    assert_eq!(again.secret.is_some(), settings.secret.is_some());
    again.secret.clone_from(&settings.secret);
    assert_eq!(again, settings);
    if let Some(secret) = &settings.secret {
        assert!((16..=1024).contains(&secret.as_bytes().len()));
    }
    assert!(settings.threads >= 1 && settings.limits.manifest_bytes <= settings.limits.collected_bytes);
}

/// A file whose secret is written in one of many ways, of which the first line tells; it may be too short.
fn with_secret(text: &str) -> String {
    let (way, rest) = text.split_once('\n').unwrap_or((text, ""));
    let way: String = way.chars().filter(|letter| "'\"|>[]{}-?!&*%@`#, ".contains(*letter)).take(8).collect();
    format!("registry:\n  secret: {way}{}\n{rest}", marks(text))
}

fn marks(text: &str) -> String {
    MARK.repeat(1 + text.len() % 2)
}

/// The variables of the component, one a line.
fn component(text: &str) {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let secrets = ["WHARFINGER_SECRET", "OS_PASSWORD", "OS_TOKEN", "OS_APPLICATION_CREDENTIAL_SECRET"];
    let secrets = secrets.into_iter().map(|name| (name.to_owned(), marks(text)));
    match Settings::read(lines.map(owned).chain(secrets)) {
        Ok(settings) => {
            hides(&format!("{settings:?}"));
            assert_eq!(settings.secret.as_bytes(), marks(text).as_bytes());
        }
        Err(message) => {
            assert!(!message.is_empty());
            hides(&message);
        }
    }
}

fn told(error: &(impl Display + Debug)) {
    let text = error.to_string();
    assert!(!text.is_empty());
    hides(&text);
    hides(&format!("{error:?}"));
}

fn hides(text: &str) {
    assert!(!shows(text), "the secret is shown: {text}");
}

/// Whether the secret stands there, as text or as the numbers of its bytes.
fn shows(text: &str) -> bool {
    let bytes = format!("{:?}", MARK.as_bytes());
    text.contains(MARK) || text.contains(bytes.trim_matches(['[', ']']))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_seeds_are_read() {
        assert!(crate::seeds::each_beginning("config", super::run) > 10);
    }

    #[test]
    #[should_panic(expected = "the secret is shown")]
    fn a_secret_in_numbers_is_found() {
        super::hides(&format!("{:?}", vec![super::MARK.as_bytes()]));
    }
}
