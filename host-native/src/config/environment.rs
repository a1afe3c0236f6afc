//! Values from the environment: `%(ZUUL_NAME)` in a scalar stands for the variable of that name, as zuul-registry has it.
//!
//! They are put in when the structure stands, so that no value can become a key, or end what it stands in.

use std::borrow::Cow;
use std::ffi::OsString;

use super::error::{Place, Problem};
use super::yaml::{Node, Value};

/// Gives the variables of the environment.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// What was put in.
#[derive(Debug, Default)]
pub struct Replaced {
    /// The scalars that hold something of the environment, which messages do not show.
    pub places: Vec<Place>,
    /// What could not be put in.
    pub problems: Vec<Problem>,
}

/// The same text, of as many characters, where a reference can begin a value without quotes as any letter can: YAML keeps
/// `%` for itself there.
pub fn prepare(text: &str) -> Cow<'_, str> {
    match text.contains(MARK) {
        true => text.replace(MARK, PREPARED_MARK).into(),
        false => text.into(),
    }
}

/// Puts the values into a tree that was read from a prepared text.
pub fn replace(tree: &mut Node, lookup: Lookup<'_>) -> Replaced {
    let mut replaced = Replaced::default();
    replaced.visit("", tree, lookup);
    replaced
}

impl Replaced {
    fn visit(&mut self, path: &str, node: &mut Node, lookup: Lookup<'_>) {
        match &mut node.value {
            Value::Scalar { text, plain } if text.contains(PREPARED_MARK) => {
                self.places.push(node.place);
                match fill(text, lookup) {
                    // Blanks around a value without quotes are none of it.
                    Ok(filled) if *plain => *text = filled.trim_ascii().to_owned(),
                    Ok(filled) => *text = filled,
                    Err(message) => {
                        *text = text.replace(PREPARED_MARK, MARK);
                        let path = path.to_owned();
                        self.problems.push(Problem { place: node.place, path, message });
                    }
                }
            }
            Value::Scalar { .. } => {}
            Value::List(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.visit(&format!("{path}[{at}]"), item, lookup);
                }
            }
            Value::Mapping(entries) => {
                for entry in entries {
                    entry.key = entry.key.replace(PREPARED_MARK, MARK);
                    let dot = if path.is_empty() { "" } else { "." };
                    self.visit(&format!("{path}{dot}{}", entry.key), &mut entry.node, lookup);
                }
            }
        }
    }
}

/// `text` with all references replaced, each once: what a value holds is not looked at again.
fn fill(text: &str, lookup: Lookup<'_>) -> Result<String, String> {
    let mut parts = text.split(PREPARED_MARK);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(')').unwrap_or((part, ""));
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name || name.len() == part.len() {
            return Err(
                "found `%(ZUUL_` without the rest of a name and `)`; complete it, or leave it out".to_owned()
            );
        }
        let name = format!("{PREFIX}{name}");
        let value =
            lookup(&name).ok_or_else(|| format!("the environment variable {name} is not set; set it"))?;
        let value = value.into_string();
        filled.push_str(&value.map_err(|_| {
            format!("the environment variable {name} is no text of UTF-8; set it to one that is")
        })?);
        filled.push_str(rest);
    }
    Ok(filled)
}

/// How a reference begins.
const MARK: &str = "%(ZUUL_";

/// The same, prepared: the first character is one that is nobody's.
const PREPARED_MARK: &str = "\u{e000}(ZUUL_";

/// What the names of all variables begin with.
const PREFIX: &str = "ZUUL_";
