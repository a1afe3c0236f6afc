//! Settings as a configuration file that says all of them.

use super::Settings;
use super::heed::unheeded;
use super::table::{Kind, SETTINGS};

/// Longest line of a comment, characters.
const COMMENT_CHARS_MAX: usize = 100;

/// The whole of `settings` as YAML, with what each one does. It reads back to the same settings, save that
/// no secret is shown, and that users come without passwords, so that it is refused until they have some.
pub fn print(settings: &Settings) -> String {
    let mut settings = settings.clone();
    let mut text = String::new();
    let mut open: Vec<&str> = Vec::new();
    for setting in SETTINGS {
        let mut sections: Vec<&str> = setting.path.split('.').collect();
        let key = sections.pop().unwrap_or_default();
        let common = open.iter().zip(&sections).take_while(|(open, section)| open == section).count();
        for (depth, section) in sections.iter().enumerate().skip(common) {
            text.push_str(&format!("{}{section}:\n", indent(depth)));
        }
        let margin = indent(sections.len());
        text.push_str(&comment(&margin, setting.doc));
        text.push_str(&margin);
        text.push_str(&match value(&setting.kind, &mut settings) {
            Shown::Value(_) if unheeded(setting.path, &settings.storage).is_some() => {
                format!("# {key}: without effect here\n")
            }
            // Passwords are left out: so it does not read back until somebody has put them in.
            Shown::Value(value) if value.contains('\n') => {
                format!("{key}:{}\n", value.replace('\n', &format!("\n{margin}  ")))
            }
            Shown::Value(value) => format!("{key}: {value}\n"),
            Shown::Remark(remark) => format!("# {key}: {remark}\n"),
        });
        open = sections;
    }
    text
}

/// How a value appears.
pub enum Shown {
    /// As it stands in the file.
    Value(String),
    /// As a comment: it has no value, or one that is not shown.
    Remark(&'static str),
}

/// The value of the field of `kind`.
pub fn value(kind: &Kind, settings: &mut Settings) -> Shown {
    Shown::Value(match kind {
        Kind::Address { field, .. } => quoted(&field(settings).to_string()),
        Kind::Port { field, .. } => field(settings).to_string(),
        Kind::Number { field, .. } => field(settings).to_string(),
        Kind::Seconds { field, .. } => field(settings).as_secs_f64().to_string(),
        Kind::Switch { field, .. } => field(settings).to_string(),
        Kind::Name { field, .. } => field(settings).name().to_owned(),
        Kind::Path { field, .. } => quoted(&field(settings).to_string_lossy()),
        Kind::File { field } => match field(settings) {
            Some(path) => quoted(&path.to_string_lossy()),
            None => return Shown::Remark("not set"),
        },
        Kind::Text { field } | Kind::Container { field } | Kind::Url { field } => match field(settings) {
            Some(text) => quoted(text),
            None => return Shown::Remark("not set"),
        },
        Kind::Secrets { field, .. } => {
            return Shown::Remark(match field(settings).is_empty() {
                true => "not set",
                false => "set, and not shown",
            });
        }
        Kind::List { field, .. } => match field(settings) {
            Some(list) => lines(&list.without_passwords()),
            None => return Shown::Remark("not set"),
        },
        Kind::Secret { field, .. } => {
            return Shown::Remark(match field(settings) {
                Some(_) => "set, and not shown",
                None => "not set; kept in the file `secret` under storage.root",
            });
        }
    })
}

/// A list with one item a line, as a YAML sequence that stands below its key.
fn lines(list: &serde_json::Value) -> String {
    match list.as_array().filter(|items| !items.is_empty()) {
        Some(items) => items.iter().map(|item| format!("\n- {item}")).collect(),
        None => list.to_string(),
    }
}

/// `doc` as comment lines.
fn comment(margin: &str, doc: &str) -> String {
    let mut lines = String::new();
    let mut line = format!("{margin}#");
    for word in doc.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > COMMENT_CHARS_MAX {
            lines.push_str(&std::mem::replace(&mut line, format!("{margin}#")));
            lines.push('\n');
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

/// A YAML scalar in double quotes.
fn quoted(text: &str) -> String {
    // Every JSON string is a double-quoted scalar of YAML 1.2 (section 1.3).
    serde_json::Value::from(text).to_string()
}
