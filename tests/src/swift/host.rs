//! A registry on Swift, in either of its hosts, for tests that both of them hold to.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::registry::Berth;
use crate::server::Server;
use crate::wasi::{Component, Options};

/// How long the line of a mistake may be on its way.
const LINE_SECONDS_MAX: u64 = 30;

/// What serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The native server.
    Native,
    /// The component in wasmtime.
    Component,
}

/// A registry that runs.
#[derive(Debug)]
pub enum Registry {
    /// The native server.
    Native(Server),
    /// The component in wasmtime.
    Component(Component),
}

impl Host {
    /// Starts a registry that stores where `berth` says. A setting is its key below `registry`, such as
    /// `limits.segment-bytes`, and its value; those of the log are for the native server alone.
    ///
    /// # Errors
    /// When it does not serve, with what it said.
    pub fn start(self, berth: &Berth, settings: &[(&str, &str)]) -> Result<Registry, String> {
        match self {
            Self::Native => berth.clone().with(&lines(settings)).start().map(Registry::Native),
            Self::Component => {
                let options = Options::default().on_swift(berth);
                let ours = settings.iter().filter(|(key, _)| !key.starts_with("log."));
                let options = ours.fold(options, |options, (key, value)| {
                    let name = key.to_ascii_uppercase().replace(['.', '-'], "_");
                    options.with(&format!("WHARFINGER_{name}"), value)
                });
                serving(Component::start(options)?).map(Registry::Component)
            }
        }
    }
}

impl Registry {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Native(server) => server.address(),
            Self::Component(component) => component.address(),
        }
    }

    /// All that it said so far.
    pub fn log(&self) -> String {
        match self {
            Self::Native(server) => server.log(),
            Self::Component(component) => component.log(),
        }
    }

    /// Asks it to end.
    ///
    /// # Errors
    /// When it does not end well.
    pub fn stop(self) -> Result<(), String> {
        match self {
            Self::Native(server) => server.stop(),
            Self::Component(component) => component.stop().map(drop),
        }
    }
}

/// The settings as lines of a configuration file: those of the storage first, whose section goes on.
fn lines(settings: &[(&str, &str)]) -> String {
    let mut lines = String::new();
    for (key, value) in settings {
        if let Some(key) = key.strip_prefix("storage.") {
            lines.push_str(&format!("    {key}: {value}\n"));
        }
    }
    for section in ["limits", "log"] {
        let of = |(key, value): &(&str, &str)| {
            Some(format!("{}: {value}", key.strip_prefix(section)?.strip_prefix('.')?))
        };
        let pairs: Vec<String> = settings.iter().filter_map(of).collect();
        if !pairs.is_empty() {
            lines.push_str(&format!("  {section}: {{{}}}\n", pairs.join(", ")));
        }
    }
    lines
}

/// There is no start of a component that could fail: its first answer tells.
fn serving(component: Component) -> Result<Component, String> {
    if component.first_status() == 200 {
        return Ok(component);
    }
    let until = Instant::now() + Duration::from_secs(LINE_SECONDS_MAX);
    while !component.log().contains("error: ") && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    Err(format!("{}: {}", component.first_status(), component.log()))
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn settings_become_sections() {
        let settings =
            [("limits.a", "1"), ("storage.redirect", "true"), ("limits.b", "2"), ("log.level", "trace")];
        assert_eq!(lines(&settings), "    redirect: true\n  limits: {a: 1, b: 2}\n  log: {level: trace}\n");
    }
}
