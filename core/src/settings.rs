//! What holds for the settings of every host: numbers that the store decides, and which settings have an effect beside
//! which.

/// The default size of a segment in Swift, bytes: below the 5 GiB that it takes, and few for the largest layers.
pub const SWIFT_SEGMENT_BYTES: u64 = 1 << 30;

/// What small segments are merged in: runs below 2 MiB, with what is read for them.
pub const SWIFT_COLLECTED_BYTES_MIN: u64 = 8 << 20;

/// Why a setting of the storage has no effect beside the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unheeded {
    /// It is for Swift, and content is kept in a directory.
    ForSwift,
    /// It is for a directory, and content is kept in Swift.
    ForFiles,
    /// It is for redirects, and there are none.
    ForRedirects,
}

impl Unheeded {
    /// Of the setting that is called `key` below `registry.storage`; `None` if it has an effect, or has none only because
    /// it is as it would be without it.
    pub fn of(key: &str, in_swift: bool, redirects: bool) -> Option<Self> {
        match (FILES_KEYS.contains(&key), SWIFT_KEYS.contains(&key), REDIRECT_KEYS.contains(&key)) {
            (_, true, _) | (_, _, true) if !in_swift => Some(Self::ForSwift),
            (true, _, _) if in_swift => Some(Self::ForFiles),
            (_, _, true) if !redirects => Some(Self::ForRedirects),
            _ => None,
        }
    }
}

const FILES_KEYS: [&str; 2] = ["root", "sync"];

const SWIFT_KEYS: [&str; 3] = ["cloud", "container", "segments-container"];

const REDIRECT_KEYS: [&str; 3] = ["redirect-url", "redirect-seconds", "redirect-key-seconds"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_an_effect_where_it_is_for() {
        for (key, in_swift, redirects, expected) in [
            ("root", false, false, None),
            ("root", true, false, Some(Unheeded::ForFiles)),
            ("container", false, false, Some(Unheeded::ForSwift)),
            ("container", true, false, None),
            ("redirect", false, false, None),
            ("redirect", true, true, None),
            ("redirect-url", false, true, Some(Unheeded::ForSwift)),
            ("redirect-url", true, false, Some(Unheeded::ForRedirects)),
            ("redirect-url", true, true, None),
            ("driver", true, true, None),
        ] {
            assert_eq!(Unheeded::of(key, in_swift, redirects), expected, "{key} {in_swift} {redirects}");
        }
    }
}
