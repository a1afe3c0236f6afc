use std::fmt;

use serde_json::Value;

/// What is wrong with a part of a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, from the top: `users[1].access`.
    pub path: String,
    /// What was found, and what was expected; nothing of a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// A value within a configuration, with its place.
#[derive(Clone)]
pub(super) struct Place<'v> {
    pub path: String,
    pub value: &'v Value,
}

/// The entries of a mapping, each asked for by name; what nobody asked for is a problem.
pub(super) struct Entries<'v> {
    path: String,
    entries: &'v serde_json::Map<String, Value>,
    known: Vec<&'static str>,
}

/// The problems found so far.
#[derive(Default)]
pub(super) struct Problems(pub Vec<Problem>);

impl Problems {
    pub fn add(&mut self, path: &str, message: impl Into<String>) {
        self.0.push(Problem { path: path.to_owned(), message: message.into() });
    }

    fn mismatch(&mut self, place: &Place<'_>, expected: &str) {
        let found = kind(place.value);
        self.add(&place.path, format!("found {found}; expected {expected}"));
    }

    /// The items of a list.
    pub fn list<'v>(&mut self, place: &Place<'v>, expected: &str) -> Vec<Place<'v>> {
        let Value::Array(items) = place.value else {
            self.mismatch(place, expected);
            return Vec::new();
        };
        let place = |(at, value)| Place { path: format!("{}[{at}]", place.path), value };
        items.iter().enumerate().map(place).collect()
    }

    /// The entries of a mapping.
    pub fn entries<'v>(&mut self, place: &Place<'v>, expected: &str) -> Option<Entries<'v>> {
        let Value::Object(entries) = place.value else {
            self.mismatch(place, expected);
            return None;
        };
        Some(Entries { path: place.path.clone(), entries, known: Vec::new() })
    }

    /// A text that is not empty.
    pub fn text<'v>(&mut self, place: &Place<'v>, expected: &str) -> Option<&'v str> {
        match place.value.as_str() {
            Some(text) if !text.is_empty() => Some(text),
            Some(_) => {
                self.add(&place.path, format!("found an empty text; expected {expected}"));
                None
            }
            None => {
                self.mismatch(place, &format!("{expected}, in quotes if it looks like a number"));
                None
            }
        }
    }

    /// One text, or a list of them.
    pub fn texts<'v>(&mut self, place: &Place<'v>, expected: &str) -> Vec<(String, &'v str)> {
        if place.value.is_string() {
            return self.text(place, expected).map(|text| (place.path.clone(), text)).into_iter().collect();
        }
        let items = self.list(place, &format!("{expected}, or a list of such"));
        items.iter().filter_map(|item| Some((item.path.clone(), self.text(item, expected)?))).collect()
    }
}

impl<'v> Entries<'v> {
    /// What stands under a key; an entry without a value counts as missing.
    pub fn get(&mut self, key: &'static str) -> Option<Place<'v>> {
        self.known.push(key);
        let value = self.entries.get(key).filter(|value| !value.is_null())?;
        Some(Place { path: self.place_of(key), value })
    }

    /// What stands under a key that has to be there.
    pub fn need(&mut self, key: &'static str, expected: &str, problems: &mut Problems) -> Option<Place<'v>> {
        let place = self.get(key);
        if place.is_none() {
            problems.add(&self.place_of(key), format!("missing; expected {expected}"));
        }
        place
    }

    /// Where a key stands, or would.
    pub fn place_of(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// Tells of keys that nobody asked for: the one that was meant to lock the registry may be among them.
    pub fn finish(self, problems: &mut Problems) {
        for key in self.entries.keys().filter(|key| !self.known.contains(&key.as_str())) {
            let known = self.known.join(", ");
            problems.add(&self.place_of(key), format!("unknown key; expected one of {known}"));
        }
    }
}

/// What a value is, without telling it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
