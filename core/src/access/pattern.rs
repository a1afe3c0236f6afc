use std::fmt;

use crate::oci::name::REPOSITORY_BYTES_MAX;

/// Which repositories a rule is about: a name in which `*` stands for any characters but `/`, and `**` for any at all.
/// `team/**` is all below `team`, and not `team` itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(Box<str>);

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PatternError;

impl Pattern {
    /// Reads a pattern. What could match no repository name is refused: a rule that never holds is a mistake.
    ///
    /// # Errors
    /// It is empty, too long, or has characters that no repository name has.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let known = |byte: u8| {
            byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || matches!(byte, b'.' | b'_' | b'-' | b'/' | b'*')
        };
        let good = (1..=REPOSITORY_BYTES_MAX).contains(&text.len())
            && text.bytes().all(known)
            && !text.contains("***")
            && text.split('/').all(|component| !component.is_empty());
        if good { Ok(Self(text.into())) } else { Err(PatternError) }
    }

    /// The pattern of all repositories.
    pub fn all() -> Self {
        Self("**".into())
    }

    /// Whether every name matches.
    pub fn is_all(&self) -> bool {
        &*self.0 == "**"
    }

    /// Whether a name matches. Takes time in proportion to the product of both lengths at most.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        // Where matching goes on if it fails: behind the last `*` and the last `**`, with one more byte given to it.
        let mut star: Option<(usize, usize)> = None;
        let mut stars = star;
        loop {
            if pattern[p..].starts_with(b"**") {
                p += 2;
                (star, stars) = (None, Some((p, n)));
            } else if pattern.get(p) == Some(&b'*') {
                p += 1;
                star = Some((p, n));
            } else if p == pattern.len() && n == name.len() {
                return true;
            } else if n < name.len() && pattern.get(p) == Some(&name[n]) {
                (p, n) = (p + 1, n + 1);
            } else if let Some((behind, at)) =
                star.filter(|(_, at)| name.get(*at).is_some_and(|b| *b != b'/'))
            {
                star = Some((behind, at + 1));
                (p, n) = (behind, at + 1);
            } else if let Some((behind, at)) = stars.filter(|(_, at)| *at < name.len()) {
                (star, stars) = (None, Some((behind, at + 1)));
                (p, n) = (behind, at + 1);
            } else {
                return false;
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a pattern is a repository name in which * stands for characters other than / and ** for any; write ** for all repositories",
        )
    }
}

impl std::error::Error for PatternError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_within_and_across_components() {
        for (pattern, name, matches) in [
            ("**", "a", true),
            ("**", "a/b/c", true),
            ("*", "a", true),
            ("*", "a/b", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("a", "a/b", false),
            ("team/**", "team", false),
            ("team/**", "team/a", true),
            ("team/**", "team/a/b", true),
            ("team/**", "teams/a", false),
            ("team/*", "team/a", true),
            ("team/*", "team/a/b", false),
            ("team/*/x", "team/a/x", true),
            ("team/*/x", "team/a/b/x", false),
            ("**/x", "a/b/x", true),
            ("**/x", "x", false),
            ("**x", "x", true),
            ("*-dev/**", "web-dev/a/b", true),
            ("*-dev/**", "a/web-dev/b", false),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "a/bc", false),
            ("**/a*/b", "x/ac/ad/b", true),
            ("**/a*/b", "x/ac/d/b", false),
            ("a**b", "a/x/b", true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(name), matches, "{pattern} {name}");
        }
    }

    /// The meaning, said as plainly as can be; far too slow for use.
    fn plainly(pattern: &[u8], name: &[u8]) -> bool {
        match pattern {
            [] => name.is_empty(),
            [b'*', b'*', rest @ ..] => (0..=name.len()).any(|at| plainly(rest, &name[at..])),
            [b'*', rest @ ..] => (0..=name.len())
                .take_while(|at| !name[..*at].contains(&b'/'))
                .any(|at| plainly(rest, &name[at..])),
            [byte, rest @ ..] => name.first() == Some(byte) && plainly(rest, &name[1..]),
        }
    }

    #[test]
    fn all_short_patterns_mean_what_they_say() {
        let words = |letters: &[u8], length: usize| -> Vec<Vec<u8>> {
            (0..length).fold(vec![Vec::new()], |words, _| {
                words
                    .into_iter()
                    .flat_map(|word| letters.iter().map(move |letter| [&word[..], &[*letter]].concat()))
                    .collect()
            })
        };
        let mut matched = 0;
        for pattern in (1..=6).flat_map(|length| words(b"a/*", length)) {
            let text = std::str::from_utf8(&pattern).unwrap();
            let Ok(parsed) = Pattern::parse(text) else { continue };
            for name in (0..=5).flat_map(|length| words(b"a/b", length)) {
                let expected = plainly(&pattern, &name);
                matched += usize::from(expected);
                let name = std::str::from_utf8(&name).unwrap();
                assert_eq!(parsed.matches(name), expected, "{text} {name}");
            }
        }
        assert!(matched > 1000, "{matched}");
    }

    #[test]
    fn what_matches_no_name_is_no_pattern() {
        for text in ["", "/", "a//b", "A", "a b", "a***", "a:b", "/a", "a/", "é"] {
            assert_eq!(Pattern::parse(text), Err(PatternError), "{text}");
        }
    }
}
