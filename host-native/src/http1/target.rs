use std::net::Ipv6Addr;

use super::HeadRefusal;

/// Longest host name with port, in bytes: a DNS name has at most 253.
const HOST_BYTES_MAX: usize = 262;

/// A request target in the form that the router reads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// `/path?query` byte for byte as sent, or `*`.
    pub origin: String,
    /// The authority of an absolute target; it takes the place of Host (RFC 9112 section 3.2.2).
    pub authority: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Reads one of the forms of RFC 9112 section 3.2. Nothing in the path is decoded or normalised.
    pub fn parse(method: &str, raw: &'a str) -> Result<Self, HeadRefusal> {
        if method == "CONNECT" {
            return Err(HeadRefusal::Connect);
        }
        if raw.contains('#') {
            return Err(HeadRefusal::Target);
        }
        if raw.starts_with('/') || (raw == "*" && method == "OPTIONS") {
            return Ok(Self { origin: raw.to_owned(), authority: None });
        }
        let rest = ["http://", "https://"]
            .iter()
            .find_map(|scheme| {
                let (start, rest) = raw.split_at_checked(scheme.len())?;
                start.eq_ignore_ascii_case(scheme).then_some(rest)
            })
            .ok_or(HeadRefusal::Target)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if !is_host(authority) {
            return Err(HeadRefusal::Target);
        }
        let origin = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { origin, authority: Some(authority) })
    }
}

/// Whether `text` is `name[:port]`, an address, or `[IPv6][:port]`, in the letters that a host name
/// needs: Host goes into URLs and quoted strings, where anything else would change their meaning.
pub(super) fn is_host(text: &str) -> bool {
    if text.len() > HOST_BYTES_MAX {
        return false;
    }
    let (name_is_good, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => (address.parse::<Ipv6Addr>().is_ok(), port),
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            (!name.is_empty() && name.bytes().all(is_name_byte), port)
        }
    };
    name_is_good && is_port(port)
}

/// Whether `text` is empty or a colon with a port number (or none, RFC 3986 section 3.2.3).
fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        Some(digits) => {
            digits.is_empty()
                || (digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok())
        }
        None => text.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_reduced_to_their_path() {
        let table = [
            ("GET", "/", "/", None),
            ("GET", "/v2/a/../b/%2e%2E//c%2fd?x=/..&y", "/v2/a/../b/%2e%2E//c%2fd?x=/..&y", None),
            ("GET", "//double", "//double", None),
            ("OPTIONS", "*", "*", None),
            ("GET", "http://h", "/", Some("h")),
            ("GET", "HTTPS://h:5000/a?b", "/a?b", Some("h:5000")),
            ("GET", "http://h?b", "/?b", Some("h")),
            ("GET", "http://[::1]:80/a", "/a", Some("[::1]:80")),
        ];
        for (method, raw, origin, authority) in table {
            let expected = Target { origin: origin.to_owned(), authority };
            assert_eq!(Target::parse(method, raw), Ok(expected), "{raw}");
        }
    }

    #[test]
    fn other_targets_are_refused() {
        let table = [
            ("CONNECT", "h:80", HeadRefusal::Connect),
            ("CONNECT", "/", HeadRefusal::Connect),
            ("GET", "*", HeadRefusal::Target),
            ("OPTIONS", "**", HeadRefusal::Target),
            ("GET", "h:80", HeadRefusal::Target),
            ("GET", "v2/", HeadRefusal::Target),
            ("GET", "?x", HeadRefusal::Target),
            ("GET", "/a#b", HeadRefusal::Target),
            ("GET", "ftp://h/", HeadRefusal::Target),
            ("GET", "http:/a", HeadRefusal::Target),
            ("GET", "http://", HeadRefusal::Target),
            ("GET", "http:///a", HeadRefusal::Target),
            ("GET", "http://u@h/a", HeadRefusal::Target),
            ("GET", "http://h\\a/", HeadRefusal::Target),
        ];
        for (method, raw, refusal) in table {
            assert_eq!(Target::parse(method, raw), Err(refusal), "{method} {raw}");
        }
    }

    #[test]
    fn hosts_are_names_addresses_and_ports() {
        for good in ["h", "a-b.example.org", "a_b:5000", "127.0.0.1", "[::1]", "[fe80::1]:443", "h:", "h."] {
            assert!(is_host(good), "{good}");
        }
        let long = "a".repeat(HOST_BYTES_MAX + 1);
        for bad in [
            "", ":80", "h:65536", "h:+1", "h:x", "h:1:2", "[::1", "[::1]x", "[h]", "[]", "u@h", "h/", "h?",
            "a b", "h,h", "\"", "%41", "::1", &long,
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
