//! What a file says, without where it says so.

use std::collections::BTreeMap;

use super::scalar::{Type, type_of};
use crate::config::yaml::{Node, Value};

/// Keys and what they say.
pub type Map = BTreeMap<String, Tree>;

/// A value.
#[derive(Clone, PartialEq, Eq)]
pub enum Tree {
    /// Nothing.
    Nothing,
    /// true or false.
    Truth(bool),
    /// Text, or a whole number as text.
    Text(String),
    /// A number or time whose text depends on who reads it.
    Unclear,
    /// A list.
    List(Vec<Tree>),
    /// A mapping.
    Map(Map),
}

impl Tree {
    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Truth(true) => "true",
            Self::Truth(false) => "false",
            Self::Text(_) => "a text",
            Self::Unclear => "a number or time",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl From<Node> for Tree {
    fn from(node: Node) -> Self {
        match node.value {
            Value::Scalar { text, plain: false } => Self::Text(text),
            Value::Scalar { text, plain: true } => match type_of(&text) {
                Type::Null => Self::Nothing,
                Type::Truth(truth) => Self::Truth(truth),
                Type::Number | Type::Text => Self::Text(text),
                Type::Other => Self::Unclear,
            },
            Value::List(nodes) => Self::List(nodes.into_iter().map(Self::from).collect()),
            Value::Mapping(entries) => {
                Self::Map(entries.into_iter().map(|entry| (entry.key, Self::from(entry.node))).collect())
            }
        }
    }
}

impl From<serde_json::Value> for Tree {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Nothing,
            serde_json::Value::Bool(truth) => Self::Truth(truth),
            serde_json::Value::Number(number) if number.is_f64() => Self::Unclear,
            serde_json::Value::Number(number) => Self::Text(number.to_string()),
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(values) => {
                Self::Map(values.into_iter().map(|(key, value)| (key, Self::from(value))).collect())
            }
        }
    }
}

/// Adds the keys of `other`, which win; a mapping is merged key by key, at every depth.
pub fn merge(map: &mut Map, other: Map) {
    for (key, value) in other {
        match (map.get_mut(&key), value) {
            (Some(Tree::Map(inner)), Tree::Map(other)) => merge(inner, other),
            (_, value) => drop(map.insert(key, value)),
        }
    }
}

/// The same mapping, at every depth, with `_` for `-` in its keys.
pub fn with_underscores(map: &Map) -> Map {
    let value = |value: &Tree| match value {
        Tree::Map(inner) => Tree::Map(with_underscores(inner)),
        Tree::Nothing | Tree::Truth(_) | Tree::Text(_) | Tree::Unclear | Tree::List(_) => value.clone(),
    };
    map.iter().map(|(key, inner)| (key.replace('-', "_"), value(inner))).collect()
}
