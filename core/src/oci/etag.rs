//! Conditional requests: the digest of content is its entity tag.

use super::digest::Digest;

/// The entity tag of content, as it stands in an ETag header.
pub fn etag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

/// Whether an If-None-Match names this content, so that a GET or HEAD is answered with 304 (RFC 9110, section 13.1.2).
///
/// Tags compare weakly. A digest without quotes is taken for a tag as well.
pub fn if_none_match(header: &str, digest: &Digest) -> bool {
    names(header, digest, true)
}

/// Whether an If-Match names this content, so that the request may go on (RFC 9110, section 13.1.1).
///
/// Tags compare strongly: a weak one never matches. A digest without quotes is taken for a tag as well.
pub fn if_match(header: &str, digest: &Digest) -> bool {
    names(header, digest, false)
}

fn names(header: &str, digest: &Digest, weakly: bool) -> bool {
    if header.trim_matches(BLANKS) == "*" {
        return true;
    }
    let digest = digest.to_string();
    let mut rest = header;
    while let Some(tag) = next_tag(&mut rest) {
        if tag.opaque == digest && (weakly || !tag.weak) {
            return true;
        }
    }
    false
}

struct EntityTag<'a> {
    weak: bool,
    opaque: &'a str,
}

const BLANKS: [char; 2] = [' ', '\t'];

/// Takes one member off a list. A quoted tag may hold commas; one that is never closed ends the list.
fn next_tag<'a>(rest: &mut &'a str) -> Option<EntityTag<'a>> {
    let text = rest.trim_start_matches([' ', '\t', ',']);
    if text.is_empty() {
        return None;
    }
    let (weak, text) = text.strip_prefix("W/").map_or((false, text), |text| (true, text));
    let opaque = if let Some(quoted) = text.strip_prefix('"') {
        let (opaque, after) = quoted.split_once('"')?;
        *rest = after;
        opaque
    } else {
        let (opaque, after) = text.split_once(',').unwrap_or((text, ""));
        *rest = after;
        opaque.trim_end_matches(BLANKS)
    };
    Some(EntityTag { weak, opaque })
}

#[cfg(test)]
mod tests {
    use super::super::digest::Algorithm;
    use super::*;

    /// `D` in a header stands for the digest.
    fn matches(header: &str) -> (bool, bool) {
        let digest = Digest::of(Algorithm::Sha256, b"content");
        let header = header.replace('D', &digest.to_string());
        (if_none_match(&header, &digest), if_match(&header, &digest))
    }

    #[test]
    fn tags_that_name_the_content() {
        for header in [
            "\"D\"",
            " \"D\" ",
            "*",
            " * ",
            "D",
            "\"a\", \"D\"",
            "\"a\",\"D\",\"b\"",
            "\"a,b\",\"D\"",
            "a, D",
            "a,D ,b",
            ",,\"D\"",
            "\"\",\"D\"",
            "W/\"D\", \"D\"",
            "\"a\" \"D\"",
        ] {
            assert_eq!(matches(header), (true, true), "{header}");
        }
        for header in ["W/\"D\"", "W/D", "\"a\", W/\"D\"", "\t W/\"D\""] {
            assert_eq!(matches(header), (true, false), "{header}");
        }
    }

    #[test]
    fn tags_that_do_not() {
        let other = Digest::of(Algorithm::Sha512, b"content").to_string();
        for header in [
            "",
            ",",
            "\"",
            "\"\"",
            "\"D",
            "D\"",
            "w/\"D\"",
            "W/",
            "W/ \"D\"",
            "\"*\"",
            "*, \"a\"",
            "\"a\", *",
            "\"x,D\"",
            "\"D \"",
            "'D'",
            "\"a\" b, \"é",
            "Dx",
            &other,
        ] {
            assert_eq!(matches(header), (false, false), "{header}");
        }
    }

    #[test]
    fn the_own_tag_matches() {
        let digest = Digest::of(Algorithm::Sha512, b"");
        assert!(if_none_match(&etag(&digest), &digest) && if_match(&etag(&digest), &digest));
        assert!(!if_none_match(&etag(&digest), &Digest::of(Algorithm::Sha256, b"")));
    }
}
