//! The keys of a cloud, read one by one.

use super::CloudError;
use super::tree::{Map, Tree};

/// The keys of one cloud, or of its `auth`.
pub struct Keys<'a> {
    /// The cloud's name, for messages.
    pub cloud: &'a str,
    /// What comes before a key in messages.
    pub prefix: &'static str,
    /// What they say.
    pub map: Map,
}

impl Keys<'_> {
    /// The text at a key; `None` if there is none, or an empty one.
    pub fn text(&self, key: &str) -> Result<Option<String>, CloudError> {
        match self.map.get(key) {
            None | Some(Tree::Nothing) => Ok(None),
            Some(Tree::Text(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(other) => Err(self.not_text(key, other)),
        }
    }

    /// true or false at a key; `None` if there is neither.
    pub fn truth(&self, key: &str) -> Result<Option<bool>, CloudError> {
        match self.map.get(key) {
            None | Some(Tree::Nothing) => Ok(None),
            Some(Tree::Truth(truth)) => Ok(Some(*truth)),
            Some(Tree::Text(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Tree::Text(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(other) => Err(self.wrong(key, &format!("found {}; expected true or false", other.kind()))),
        }
    }

    /// Replaces `{region_name}`.
    pub fn expand(&self, key: &str, text: &str, region: Option<&str>) -> Result<String, CloudError> {
        let expanded = text.replace("{region_name}", region.unwrap_or_default());
        if expanded.contains(['{', '}']) {
            return Err(self.wrong(key, "of names in braces only {region_name} is known; write the URL out"));
        }
        Ok(expanded)
    }

    /// The error of a key that should hold text.
    pub fn not_text(&self, key: &str, found: &Tree) -> CloudError {
        self.wrong(key, &format!("found {}; expected a text: write it in quotes", found.kind()))
    }

    /// The error of a key.
    pub fn wrong(&self, key: &str, message: &str) -> CloudError {
        let key = format!("{}{key}", self.prefix);
        CloudError::Wrong { cloud: self.cloud.to_owned(), key, message: message.to_owned() }
    }
}
