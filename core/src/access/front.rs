use core::net::IpAddr;
use std::fmt;

use http::{HeaderMap, HeaderName, header};

use super::Network;

/// Whom a host has a connection with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peer<'a> {
    /// Its address; `None` where the host cannot tell.
    pub address: Option<IpAddr>,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// What its certificate is called, which the host has verified: `CN=ci`, `DNS:ci.example.org`, `SHA256:9f86...`.
    pub certificate: &'a [String],
}

/// What stands between the registry and its clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Front {
    /// The URL by which clients reach the registry: scheme and authority, without a slash at the end.
    pub public_url: Option<Box<str>>,
    /// Those who may say for whom they speak.
    pub proxies: Vec<Network>,
}

/// A request as its client sent it, whatever stands between.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The client's address; `None` if nobody can tell.
    pub address: Option<IpAddr>,
    /// Scheme and authority that the client used, such as `https://registry.example.org`; `None` if there is nothing that
    /// can be shown to it.
    pub url: Option<Box<str>>,
}

impl Front {
    /// Where a request comes from. What a proxy says of its client counts only from those that are known: anybody else
    /// could say the same.
    pub fn origin(&self, peer: &Peer<'_>, headers: &HeaderMap) -> Origin {
        // Where a host cannot tell whom it has to do with, only who trusts everybody means this one, too.
        let trusted = match peer.address {
            Some(address) => self.is_proxy(address),
            None => self.proxies.iter().any(Network::is_all),
        };
        let address = if trusted { self.forwarded_for(headers).or(peer.address) } else { peer.address };
        let said = |name| trusted.then(|| last(headers, name)).flatten();
        let url = self.public_url.clone().or_else(|| {
            let secure = match said(X_FORWARDED_PROTO) {
                Some("https") => true,
                Some("http") => false,
                Some(_) | None => peer.secure,
            };
            let authority = said(X_FORWARDED_HOST).or_else(|| last(headers, header::HOST))?;
            let scheme = if secure { "https" } else { "http" };
            is_authority(authority).then(|| format!("{scheme}://{authority}").into())
        });
        Origin { address, url }
    }

    /// The service that tokens are for: the same on all servers of a registry, whatever name a client calls them by.
    pub fn service(&self) -> &str {
        let url = self.public_url.as_deref();
        url.and_then(|url| url.split_once("://")).map_or(SERVICE, |(_, authority)| authority)
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.has(address))
    }

    /// The last address in X-Forwarded-For that is no proxy of ours: those before it were written by the client, or by
    /// proxies that we do not know.
    fn forwarded_for(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let values = headers.get_all(X_FORWARDED_FOR).into_iter().rev();
        // What stands before the client's address may be any bytes: the client wrote it.
        let hops = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        let mut client = None;
        for hop in hops.take(HOPS_MAX) {
            let address = parse_address(std::str::from_utf8(hop).ok()?.trim_ascii())?;
            client = Some(address);
            if !self.is_proxy(address) {
                break;
            }
        }
        client
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_deref().unwrap_or_default())
    }
}

/// With or without a port, as some proxies write it.
fn parse_address(text: &str) -> Option<IpAddr> {
    let plain = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(inner, _)| inner);
    let address: Option<IpAddr> = plain.parse().ok();
    let address = address.or_else(|| plain.split_once(':')?.0.parse().ok());
    address.map(|address| address.to_canonical())
}

/// The value that whoever is nearest to us wrote.
fn last(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim_ascii)
}

/// Nothing that could end a quoted text in a head, or lead somewhere else.
fn is_authority(text: &str) -> bool {
    (1..=AUTHORITY_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
        })
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What tokens are for where no public URL is configured.
const SERVICE: &str = "wharfinger";

/// So many proxies may follow on one another.
const HOPS_MAX: usize = 32;

/// No host's name is longer with its port.
const AUTHORITY_BYTES_MAX: usize = 262;

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn origin(peer: &str, fields: &[(&'static str, &str)]) -> (String, String) {
        let proxies = ["10.0.0.0/8", "::1"].map(|text| Network::parse(text).unwrap()).to_vec();
        let front = Front { public_url: None, proxies };
        let peer = Peer { address: Some(peer.parse().unwrap()), ..Peer::default() };
        let origin = front.origin(&peer, &headers(fields));
        (origin.address.unwrap().to_string(), origin.to_string())
    }

    fn both(address: &str, url: &str) -> (String, String) {
        (address.to_owned(), url.to_owned())
    }

    #[test]
    fn only_known_proxies_speak_for_others() {
        let said = [
            ("host", "inside:5000"),
            ("x-forwarded-for", "1.2.3.4, 10.0.0.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "registry.example.org"),
        ];
        assert_eq!(origin("10.1.1.1", &said), both("1.2.3.4", "https://registry.example.org"));
        assert_eq!(origin("::1", &said), both("1.2.3.4", "https://registry.example.org"));
        assert_eq!(origin("11.1.1.1", &said), both("11.1.1.1", "http://inside:5000"));
    }

    #[test]
    fn what_a_client_wrote_before_its_proxy_does_not_count() {
        for (list, address) in [
            ("9.9.9.9, 1.2.3.4", "1.2.3.4"),
            ("9.9.9.9, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
            ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("1.2.3.4:55", "1.2.3.4"),
            ("[2001:db8::1]:55", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("nonsense", "10.1.1.1"),
            ("1.2.3.4, nonsense", "10.1.1.1"),
            ("", "10.1.1.1"),
        ] {
            let told = origin("10.1.1.1", &[("host", "h"), ("x-forwarded-for", list)]);
            assert_eq!(told.0, address, "{list}");
        }
        let two = [("host", "h"), ("x-forwarded-for", "9.9.9.9"), ("x-forwarded-for", "1.2.3.4")];
        assert_eq!(origin("10.1.1.1", &two).0, "1.2.3.4");
    }

    #[test]
    fn no_host_breaks_out_of_a_head() {
        for host in ["a\"b", "a b", "a/b", "user@a", "", "a,b\\"] {
            let url = origin("1.1.1.1", &[("host", host)]).1;
            assert!(!url.contains(['"', ' ', '@', '\\']) && url.matches('/').count() <= 2, "{host}: {url}");
        }
    }

    #[test]
    fn the_public_url_is_what_clients_are_told() {
        let front = Front { public_url: Some("https://r.example.org:9000".into()), proxies: Vec::new() };
        let origin = front.origin(&Peer::default(), &headers(&[("host", "other")]));
        assert_eq!(origin.to_string(), "https://r.example.org:9000");
        assert_eq!((front.service(), Front::default().service()), ("r.example.org:9000", "wharfinger"));
    }
}
