//! What the manifest and descriptor parsers share: JSON read with bounded memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A JSON object and nothing else: derived structs alone would be read from an array of their fields as well.
pub(super) struct Object<T>(pub(super) T);

/// The first items of an array, and how many there are in all.
pub(super) struct Items<T> {
    pub(super) kept: Vec<T>,
    pub(super) count: usize,
}

/// Reads an array, keeping at most so many items of it.
pub(super) struct AtMost<T> {
    pub(super) max: usize,
    pub(super) item: PhantomData<T>,
}

/// An object whose values are all strings, of which nothing is kept.
pub(super) struct StringMap;

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for AtMost<T> {
    type Value = Items<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Items<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtMost<T> {
    type Value = Items<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Items<T>, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < self.max {
            match items.next_element()? {
                Some(item) => kept.push(item),
                None => return Ok(Items { count: kept.len(), kept }),
            }
        }
        let mut count = kept.len();
        while items.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Items { kept, count })
    }
}

impl<'de> Deserialize<'de> for StringMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self)
    }
}

impl<'de> Visitor<'de> for StringMap {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, AnyString>()?.is_some() {}
        Ok(self)
    }
}

struct AnyString;

impl<'de> Deserialize<'de> for AnyString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StringVisitor;
        impl Visitor<'_> for StringVisitor {
            type Value = AnyString;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, _: &str) -> Result<AnyString, E> {
                Ok(AnyString)
            }
        }
        deserializer.deserialize_str(StringVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_counted_and_cut() {
        for (json, max, kept, count) in
            [("[]", 0, 0, 0), ("[1,2]", 0, 0, 2), ("[1,2]", 2, 2, 2), ("[1,2,3]", 2, 2, 3), ("[1]", 9, 1, 1)]
        {
            let mut reader = serde_json::Deserializer::from_str(json);
            let items = AtMost::<u8> { max, item: PhantomData }.deserialize(&mut reader).unwrap();
            assert_eq!((items.kept.len(), items.count), (kept, count), "{json}");
        }
        let mut reader = serde_json::Deserializer::from_str("{}");
        assert!(AtMost::<u8> { max: 1, item: PhantomData }.deserialize(&mut reader).is_err());
    }

    #[test]
    fn only_objects_of_strings_are_string_maps() {
        for (json, good) in [
            ("{}", true),
            (r#"{"a":"b","a":"c\u00e9\n"}"#, true),
            (r#"{"a":1}"#, false),
            (r#"{"a":null}"#, false),
            (r#"{"a":{}}"#, false),
            (r#"[]"#, false),
            (r#""a""#, false),
            (r#"{"a":"\ud800"}"#, false),
        ] {
            assert_eq!(serde_json::from_str::<StringMap>(json).is_ok(), good, "{json}");
        }
    }

    #[test]
    fn only_objects_are_objects() {
        #[derive(serde::Deserialize)]
        struct Pair {
            a: u8,
        }
        assert_eq!(serde_json::from_str::<Object<Pair>>(r#"{"a":1}"#).unwrap().0.a, 1);
        assert!(serde_json::from_str::<Pair>("[1]").is_ok());
        assert!(serde_json::from_str::<Object<Pair>>("[1]").is_err());
        assert!(serde_json::from_str::<Object<Pair>>(r#"{"a":1,"a":1}"#).is_err());
    }
}
