use core::net::Ipv4Addr;

use http::Uri;

/// A URL of an issuer or of its keys: `https`, or `http` where no network is between. Nobody else may say which keys are
/// good.
pub(super) fn parse(text: &str) -> Option<Uri> {
    if text.len() > URL_BYTES_MAX || text.contains('#') {
        return None;
    }
    let uri = text.parse::<Uri>().ok()?;
    let authority = uri.authority()?;
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return None;
    }
    match uri.scheme_str()? {
        "https" => Some(uri),
        "http" if is_loopback(authority.host()) => Some(uri),
        _ => None,
    }
}

/// Where an issuer says where its keys are (OpenID Connect Discovery 1.0, 4).
pub(super) fn discovery(issuer: &str) -> Option<Uri> {
    if issuer.contains('?') {
        return None;
    }
    parse(issuer)?;
    parse(&format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer)))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

const URL_BYTES_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_https_or_this_machine() {
        for text in [
            "https://gitlab.example.com",
            "https://gitlab.example.com:8443/a?b=c",
            "http://localhost:9000/t/x",
            "http://127.0.0.1/keys",
            "http://127.9.9.9/keys",
            "http://[::1]:80/keys",
        ] {
            assert!(parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "/keys",
            "keys",
            "http://gitlab.example.com/keys",
            "http://localhost.example.com/",
            "http://127.0.0.1.example.com/",
            "http://128.0.0.1/",
            "http://localhost@example.com/",
            "https://user:pass@gitlab.example.com/",
            "https://gitlab.example.com/#a",
            "https:///keys",
            "file:///etc/passwd",
            "ftp://localhost/",
            "https://gitlab.example.com/\r\nHost: x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&format!("https://a/{}", "b".repeat(2048))), None);
    }

    #[test]
    fn the_document_stands_below_the_issuer() {
        for (issuer, url) in [
            ("https://a.example", "https://a.example/.well-known/openid-configuration"),
            ("https://a.example/", "https://a.example/.well-known/openid-configuration"),
            ("https://a.example/t/ci", "https://a.example/t/ci/.well-known/openid-configuration"),
        ] {
            assert_eq!(discovery(issuer).unwrap(), url, "{issuer}");
        }
        for issuer in ["", "a.example", "https://a.example/?t=ci", "http://a.example"] {
            assert_eq!(discovery(issuer), None, "{issuer}");
        }
    }
}
