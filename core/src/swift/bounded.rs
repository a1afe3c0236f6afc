use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};

/// An array of at most so many items; a longer one is not read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Bounded<T, const MAX: usize>(pub(super) Vec<T>);

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemsVisitor(PhantomData))
    }
}

struct ItemsVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ItemsVisitor<T, MAX> {
    type Value = Bounded<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of at most {MAX} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while let Some(item) = items.next_element()? {
            if kept.len() == MAX {
                return Err(A::Error::invalid_length(MAX + 1, &self));
            }
            kept.push(item);
        }
        Ok(Bounded(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_arrays_are_not_read() {
        let read = |json| serde_json::from_str::<Bounded<u8, 2>>(json).map(|items| items.0).ok();
        assert_eq!(read("[]"), Some(vec![]));
        assert_eq!(read("[1,2]"), Some(vec![1, 2]));
        for json in ["[1,2,3]", "[1", "{}", "null", "[\"a\"]"] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
