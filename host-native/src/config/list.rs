use std::fmt;

use serde_json::Value;

use super::error::Place;
use super::read::{Scalar, scalar};
use super::yaml::{self, Node};

/// A setting of more than one line, as the data that JSON knows. Its `Debug` shows nothing: there may be passwords in it.
#[derive(Clone, PartialEq, Eq)]
pub struct List {
    /// What is kept.
    pub value: Value,
}

impl List {
    /// What stands in a file, by the core schema of YAML 1.2 (section 10.3). An infinite number, which JSON does not know, is
    /// nothing.
    pub(super) fn read(value: &yaml::Value) -> Self {
        Self { value: json(value) }
    }

    /// The same without passwords.
    pub fn without_passwords(&self) -> Value {
        let mut value = self.value.clone();
        for item in value.as_array_mut().into_iter().flatten() {
            if let Value::Object(entries) = item {
                entries.remove("pass");
            }
        }
        value
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("List(not shown)")
    }
}

/// Where something stands in a file that has a path such as `.users[1].access` below `node`; of an entry that is missing,
/// where the mapping starts that should have it.
pub(super) fn find(node: &Node, path: &str, at_key: bool) -> Place {
    match &node.value {
        yaml::Value::Mapping(entries) => {
            let rest = path.strip_prefix('.').unwrap_or_default();
            let below = entries.iter().filter_map(|entry| {
                let below = rest.strip_prefix(&*entry.key)?;
                (below.is_empty() || below.starts_with(['.', '['])).then_some((entry, below))
            });
            // Keys may hold dots, so that one can begin as another one does.
            match below.max_by_key(|(entry, _)| entry.key.len()) {
                Some((entry, "")) if at_key => entry.place,
                Some((entry, below)) => find(&entry.node, below, at_key),
                None => node.place,
            }
        }
        yaml::Value::List(items) => {
            let found = path.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            let found = found.and_then(|(at, below)| Some((items.get(at.parse::<usize>().ok()?)?, below)));
            found.map_or(node.place, |(item, below)| find(item, below, at_key))
        }
        yaml::Value::Scalar { .. } => node.place,
    }
}

fn json(value: &yaml::Value) -> Value {
    match value {
        yaml::Value::Scalar { text, plain: false } => Value::from(text.as_str()),
        yaml::Value::Scalar { text, plain: true } => match scalar(text) {
            Scalar::Null => Value::Null,
            Scalar::Truth(truth) => Value::from(truth),
            Scalar::Number => number(text),
            Scalar::Text => Value::from(text.as_str()),
        },
        yaml::Value::List(items) => items.iter().map(|item| json(&item.value)).collect(),
        yaml::Value::Mapping(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), json(&entry.node.value))).collect()
        }
    }
}

fn number(text: &str) -> Value {
    let radix = |prefix, radix| i64::from_str_radix(text.strip_prefix(prefix)?, radix).ok();
    let whole = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| text.parse::<i64>().ok());
    match (whole, text.parse::<u64>()) {
        (Some(whole), _) => Value::from(whole),
        (None, Ok(whole)) => Value::from(whole),
        (None, Err(_)) => text.parse::<f64>().map_or(Value::Null, Value::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tree(text: &str) -> Node {
        yaml::parse(text).expect(text).expect(text)
    }

    #[test]
    fn scalars_are_what_the_core_schema_says() {
        for (text, expected) in [
            ("text", json!("text")),
            ("yes", json!("yes")),
            ("12345", json!(12345)),
            ("'12345'", json!("12345")),
            ("\"true\"", json!("true")),
            ("true", json!(true)),
            ("~", json!(null)),
            ("007", json!(7)),
            ("-1", json!(-1)),
            ("+1", json!(1)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000.0)),
            ("18446744073709551615", json!(u64::MAX)),
            (".inf", json!(null)),
            (".nan", json!(null)),
            ("2020-01-01", json!("2020-01-01")),
            ("{a: [1, b], c: {}}", json!({ "a": [1, "b"], "c": {} })),
        ] {
            assert_eq!(List::read(&tree(text).value).value, expected, "{text}");
        }
    }

    #[test]
    fn paths_lead_to_places() {
        let tree = tree("users:\n  - name: a\n    claims:\n      a.b: 1\n      a: {b: 2}\n  - [x, y]\n");
        for (path, at_key, line, column) in [
            (".users", true, 1, 1),
            (".users", false, 2, 3),
            (".users[0]", false, 2, 5),
            (".users[0].name", false, 2, 11),
            (".users[0].name", true, 2, 5),
            (".users[0].pass", false, 2, 5),
            (".users[0].claims.a.b", false, 4, 12),
            (".users[0].claims.a", false, 5, 10),
            (".users[1][1]", false, 6, 9),
            (".users[7]", false, 2, 3),
            (".others[0]", false, 1, 1),
        ] {
            assert_eq!(find(&tree, path, at_key), Place { line, column }, "{path}");
        }
    }

    #[test]
    fn passwords_are_left_out() {
        let list = List::read(&tree("[{name: ci, pass: hidden, access: read}, x]").value);
        assert_eq!(list.without_passwords(), json!([{ "access": "read", "name": "ci" }, "x"]));
        assert!(!format!("{list:?}").contains("hidden"));
    }
}
