use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON document of which no object says the same name twice: of two that do, readers differ in which one counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Integer(i64),
    Text(Box<str>),
    List(Vec<Json>),
    Object(Vec<(Box<str>, Json)>),
}

impl Json {
    /// Reads a document of UTF-8 text. It may nest as deeply as serde_json lets it.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The value of that name, if this is an object that has one.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(own, _)| **own == *name).map(|(_, value)| value),
            Self::Null
            | Self::Bool(_)
            | Self::Number(_)
            | Self::Integer(_)
            | Self::Text(_)
            | Self::List(_) => None,
        }
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null
            | Self::Bool(_)
            | Self::Number(_)
            | Self::Integer(_)
            | Self::List(_)
            | Self::Object(_) => None,
        }
    }

    /// The items, if it is a list.
    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            Self::Null
            | Self::Bool(_)
            | Self::Number(_)
            | Self::Integer(_)
            | Self::Text(_)
            | Self::Object(_) => None,
        }
    }

    /// The seconds since 1970, if it is a time (RFC 7519, NumericDate): parts of a second are dropped.
    pub(super) fn time(&self) -> Option<u64> {
        match self {
            Self::Integer(seconds) => u64::try_from(*seconds).ok(),
            // What is exact in a double, which leaves out what is no number.
            Self::Number(seconds) if (0.0..9_007_199_254_740_992.0).contains(seconds) => {
                Some(*seconds as u64)
            }
            Self::Null
            | Self::Bool(_)
            | Self::Number(_)
            | Self::Text(_)
            | Self::List(_)
            | Self::Object(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without a name that is there twice")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::Number(value as f64), Json::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Vec::<(Box<str>, Json)>::new();
        while let Some((name, value)) = members.next_entry::<Box<str>, Json>()? {
            // With few names looking through all is quick; more than these no token or key has.
            if object.len() == MEMBERS_MAX || object.iter().any(|(own, _)| *own == name) {
                return Err(A::Error::custom("a name is there twice, or there are too many"));
            }
            object.push((name, value));
        }
        Ok(Json::Object(object))
    }
}

const MEMBERS_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Json> {
        Json::read(text.as_bytes())
    }

    #[test]
    fn a_name_that_is_there_twice_is_not_read() {
        assert!(read(r#"{"a":1,"b":{"a":1}}"#).is_some());
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"b":[{"a":1,"c":2,"a":1}]}"#] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_not_read() {
        for text in [
            "",
            "{",
            "{}{}",
            "NaN",
            r#"{"a":NaN}"#,
            r#"{"a":Infinity}"#,
            "{'a':1}",
            "{\"a\":\"\0\"}",
            "\u{feff}{}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(Json::read(b"\"\xff\""), None);
        assert_eq!(read(&"[".repeat(100_000)), None);
        assert_eq!(read(&format!("{}{}", "[".repeat(200), "]".repeat(200))), None);
        let many = (0..=MEMBERS_MAX).map(|number| format!("\"{number}\":0")).collect::<Vec<_>>();
        assert_eq!(read(&format!("{{{}}}", many.join(","))), None);
        assert!(read(&format!("{{{}}}", many[1..].join(","))).is_some());
    }

    #[test]
    fn times_are_whole_seconds_that_are_not_negative() {
        for (text, time) in [
            ("0", Some(0)),
            ("1700000000", Some(1_700_000_000)),
            ("1700000000.9", Some(1_700_000_000)),
            ("1.7e9", Some(1_700_000_000)),
            ("-1", None),
            ("-0.5", None),
            ("1e300", None),
            ("18446744073709551615", None),
            ("9223372036854775807", Some(i64::MAX as u64)),
            ("\"1700000000\"", None),
            ("null", None),
            ("true", None),
            ("[1]", None),
        ] {
            assert_eq!(read(text).unwrap().time(), time, "{text}");
        }
    }
}
