use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::json::Json;

/// Where a claim stands: a text that begins with `/` is a JSON Pointer (RFC 6901), as `/kubernetes.io/namespace`; any other
/// is the name of a claim at the top, whatever marks it has in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimName(Box<str>);

/// What a claim has to be. A claim that is a list has to have an item that is it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// A text. In it `*` stands for any characters but `/` and `:`, none included, and `**` for any characters. Upper and
    /// lower case differ.
    Text(Box<str>),
    /// True or false, or the text that says so: GitLab writes `"true"`.
    Bool(bool),
    /// A whole number, or the text that says so: GitHub and GitLab write their ids as texts.
    Integer(i64),
    /// One of these.
    OneOf(Vec<Expected>),
}

impl ClaimName {
    /// Takes it as it is.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn find<'a>(&self, claims: &'a Json) -> Option<&'a Json> {
        let Some(pointer) = self.0.strip_prefix('/') else { return claims.get(&self.0) };
        let mut value = claims;
        for part in pointer.split('/') {
            value = value.get(&part.replace("~1", "/").replace("~0", "~"))?;
        }
        Some(value)
    }
}

impl Expected {
    pub(super) fn is_met(&self, claim: &Json) -> bool {
        if let Json::List(items) = claim {
            // Lists in lists are nothing to match.
            return items.iter().any(|item| item.list().is_none() && self.is_met(item));
        }
        let is_text = |text: &str| claim.text() == Some(text);
        match self {
            Self::Text(pattern) => claim.text().is_some_and(|text| is_match(pattern, text)),
            Self::Bool(value) => {
                *claim == Json::Bool(*value) || is_text(if *value { "true" } else { "false" })
            }
            Self::Integer(value) => *claim == Json::Integer(*value) || is_text(&value.to_string()),
            Self::OneOf(expected) => expected.iter().any(|expected| expected.is_met(claim)),
        }
    }
}

/// Read from what a configuration says: a text, a whole number, true, false, or a list of them.
impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExpectedVisitor)
    }
}

struct ExpectedVisitor;

impl<'de> Visitor<'de> for ExpectedVisitor {
    type Value = Expected;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number, true, false, or a list of them")
    }

    fn visit_str<E>(self, text: &str) -> Result<Expected, E> {
        Ok(Expected::Text(text.into()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Expected, E> {
        Ok(Expected::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Expected, E> {
        Ok(Expected::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Expected, E> {
        i64::try_from(value)
            .map(Expected::Integer)
            .map_err(|_| E::custom("the number is too large for a claim"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Expected, A::Error> {
        let mut expected = Vec::new();
        while let Some(item) = items.next_element()? {
            expected.push(item);
        }
        Ok(Expected::OneOf(expected))
    }
}

/// Whether the pattern covers the whole text. Takes time as the product of both lengths.
fn is_match(pattern: &str, text: &str) -> bool {
    let text = text.as_bytes();
    // Whether all of the pattern so far covers so many bytes of the text.
    let mut covers = vec![false; text.len() + 1];
    covers[0] = true;
    let mut pattern = pattern.as_bytes();
    while let Some((&mark, rest)) = pattern.split_first() {
        pattern = rest;
        if mark != b'*' {
            for end in (0..text.len()).rev() {
                covers[end + 1] = covers[end] && text[end] == mark;
            }
            covers[0] = false;
            continue;
        }
        let stars = rest.iter().take_while(|mark| **mark == b'*').count();
        pattern = &rest[stars..];
        for end in 0..text.len() {
            let takes = stars > 0 || !matches!(text[end], b'/' | b':');
            covers[end + 1] |= covers[end] && takes;
        }
    }
    covers[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(expected: &str, claim: &str) -> bool {
        let expected: Expected = serde_json::from_str(expected).unwrap();
        expected.is_met(&Json::read(claim.as_bytes()).unwrap())
    }

    #[test]
    fn a_star_stays_within_a_part() {
        for (pattern, text, good) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a", "A", false),
            ("*", "", true),
            ("*", "abc", true),
            ("*", "a/b", false),
            ("*", "a:b", false),
            ("**", "a/b:c", true),
            ("***", "a/b", true),
            ("org/*", "org/app", true),
            ("org/*", "org/", true),
            ("org/*", "org/app/sub", false),
            ("org/**", "org/app/sub", true),
            ("org/*", "organisation/app", false),
            ("org/*", "evil/org/app", false),
            ("*/app", "org/app", true),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbX", false),
            ("repo:org/*:ref:refs/heads/main", "repo:org/app:ref:refs/heads/main", true),
            ("repo:org/*:ref:refs/heads/main", "repo:org/app:x:ref:refs/heads/main", false),
            ("repo:org/app:**", "repo:org/app:ref:refs/heads/a/b", true),
            ("repo:org/app:**", "repo:org/app2:ref:refs/heads/a/b", false),
            ("a.c", "abc", false),
            ("[a]?", "[a]?", true),
            ("é*", "éü", true),
        ] {
            assert_eq!(is_match(pattern, text), good, "{pattern} {text}");
        }
        assert!(!is_match(&"*a".repeat(500), &"a".repeat(499)));
        assert!(is_match(&"*a".repeat(500), &"a".repeat(500)));
    }

    #[test]
    fn kinds_of_values_are_told_apart() {
        for (expected, claim, good) in [
            (r#""a""#, r#""a""#, true),
            (r#""1""#, "1", false),
            ("1", "1", true),
            ("1", r#""1""#, true),
            ("1", "1.0", false),
            ("1", "true", false),
            ("-5", "-5", true),
            ("true", "true", true),
            ("true", r#""true""#, true),
            ("true", r#""True""#, false),
            ("false", "null", false),
            (r#""**""#, "null", false),
            (r#""**""#, "{}", false),
            (r#"["a","b"]"#, r#""b""#, true),
            (r#"["a",1,true]"#, "1", true),
            (r#"["a","b"]"#, r#""c""#, false),
            ("[]", r#""a""#, false),
            (r#""a""#, r#"["b","a"]"#, true),
            (r#""a""#, r#"[["a"]]"#, false),
            (r#""**""#, "[]", false),
        ] {
            assert_eq!(met(expected, claim), good, "{expected} {claim}");
        }
        for json in ["null", "1.5", "{}", "[{}]", "18446744073709551615"] {
            assert!(serde_json::from_str::<Expected>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_name_is_a_pointer_or_stands_at_the_top() {
        let claims = Json::read(
            br#"{"a.b":1,"kubernetes.io":{"namespace":"ci","pod":{"name":"p"}},"https://x/y":2,"e":{"a/b":3,"m~n":4,"":5}}"#,
        )
        .unwrap();
        let find = |name: &str| ClaimName::new(name).find(&claims).cloned();
        assert_eq!(find("a.b"), Some(Json::Integer(1)));
        assert_eq!(find("kubernetes.io.namespace"), None);
        assert_eq!(find("kubernetes.io/namespace"), None);
        assert_eq!(find("/kubernetes.io/namespace"), Some(Json::Text("ci".into())));
        assert_eq!(find("/kubernetes.io/pod/name"), Some(Json::Text("p".into())));
        assert_eq!(find("https://x/y"), Some(Json::Integer(2)));
        assert_eq!(find("/e/a~1b"), Some(Json::Integer(3)));
        assert_eq!(find("/e/m~0n"), Some(Json::Integer(4)));
        assert_eq!(find("/e/"), Some(Json::Integer(5)));
        assert_eq!(find("/a.b/c"), None);
        assert_eq!(find(""), None);
    }
}
