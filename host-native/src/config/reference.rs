//! The reference part of docs/configuration.md, as the tables say it.

use super::Settings;
use super::print::{self, Shown};
use super::table::{Kind, SETTINGS, UNSUPPORTED, Unsupported};

/// Two Markdown tables: all settings, and what zuul-registry's file may say that is refused.
pub fn reference() -> String {
    let mut settings = Settings::default();
    let mut text = "| Key | Default | Values | Meaning |\n|---|---|---|---|\n".to_owned();
    for setting in SETTINGS {
        setting.kind.reset(&mut settings);
        let default = match print::value(&setting.kind, &mut settings) {
            Shown::Value(value) => format!("`{}`", value.trim_matches('"')),
            Shown::Remark(_) => "none".to_owned(),
        };
        let values = values(&setting.kind, &mut settings);
        text.push_str(&format!("| `{}` | {default} | {values} | {} |\n", setting.path, setting.doc));
    }
    text.push_str(
        "\nWhat a file of zuul-registry may say and this version refuses:\n\n| Key | Why |\n|---|---|\n",
    );
    for Unsupported { path, value, reason } in UNSUPPORTED {
        let value = value.map_or_else(String::new, |value| format!(": {value}"));
        text.push_str(&format!("| `{path}{value}` | {reason} |\n"));
    }
    text
}

/// What `kind` takes, in the fewest words.
fn values(kind: &Kind, settings: &mut Settings) -> String {
    match kind {
        Kind::Address { .. } => "an IPv4 or IPv6 address".to_owned(),
        Kind::Port { .. } => "0 to 65535".to_owned(),
        Kind::Number { min, max, unit, .. } => format!("{min} to {max} {}", unit.replace('-', " ")),
        Kind::Seconds { min, max, .. } => format!("{min} to {max} seconds"),
        Kind::Switch { .. } => "`true`, `false`".to_owned(),
        Kind::Name { field, .. } => {
            let names: Vec<String> = field(settings).names().iter().map(|name| format!("`{name}`")).collect();
            names.join(", ")
        }
        Kind::Path { .. } => "a path".to_owned(),
        Kind::File { .. } => "the path of a file".to_owned(),
        Kind::Text { .. } => "a text".to_owned(),
        Kind::Container { .. } => "1 to 256 bytes without a slash".to_owned(),
        Kind::Url { .. } => "`http://` or `https://`, host, port".to_owned(),
        Kind::Secret { min, max, .. } => format!("{min} to {max} bytes of text"),
        Kind::Secrets { min, max, .. } => format!("a list of {min} to {max} bytes of text each"),
        Kind::List { items, .. } => format!("a list of {items}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    const RUNNING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/running.md");
    const BEGIN: &str = "<!-- generated from the table of settings: begin -->\n";
    const END: &str = "<!-- generated from the table of settings: end -->\n";

    #[test]
    fn the_page_holds_exactly_the_tables() {
        let page = fs::read_to_string(PAGE).expect("docs/configuration.md reads");
        let (before, rest) = page.split_once(BEGIN).expect("the page marks where the tables begin");
        let (tables, after) = rest.split_once(END).expect("the page marks where the tables end");
        let reference = reference();
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(PAGE, format!("{before}{BEGIN}{reference}{END}{after}"))
                .expect("docs/configuration.md writes");
        } else {
            assert_eq!(tables, reference, "run this test with UPDATE_SNAPSHOTS=1 to rewrite the page");
        }
    }

    #[test]
    fn every_example_on_the_pages_is_a_configuration() {
        let [page, running] = [PAGE, RUNNING].map(|path| fs::read_to_string(path).expect("the page reads"));
        let examples = |page| str::split(page, "```yaml\nregistry:\n").skip(1);
        let examples: Vec<String> = (examples(&page).chain(examples(&running)))
            .map(|rest| format!("registry:\n{}", rest.split("```").next().unwrap_or(rest)))
            .collect();
        assert!(examples.len() >= 8, "{examples:?}");
        for example in examples {
            crate::config::parse("example", &example).expect(&example);
        }
    }
}
