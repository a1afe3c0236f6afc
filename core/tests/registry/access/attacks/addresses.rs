use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::json;
use wharfinger_core::access::{PasswordCheck, Peer};
use wharfinger_core::exchange::{Ask, BodyLength, Exchange, Given, Output, RequestHead};

use super::registry;
use crate::access::{access, basic};
use crate::support::Registry;

/// What the host is asked to check for a request of that peer, and for which address it counts.
fn checks(
    registry: &Registry,
    peer: Option<&str>,
    fields: &[(&str, &[u8])],
) -> Vec<(Box<PasswordCheck>, Option<IpAddr>)> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    let peer = Peer { address: peer.map(|peer| peer.parse().unwrap()), ..Peer::default() };
    let (method, body) = (Method::GET, BodyLength::Exactly(0));
    let head = RequestHead { method: &method, target: "/v2/", headers: &headers, body, peer };
    let given = Given { now: registry.now, entropy: [0; 16] };
    let mut exchange = Exchange::new(&Arc::new(registry.config.clone()), &head, given);
    let mut checks = Vec::new();
    loop {
        match exchange.poll_output() {
            Output::Ask { what: Ask::CheckPassword { check, address } } => checks.push((check, address)),
            Output::Wait | Output::Done(_) => return checks,
            Output::Send { .. }
            | Output::Feed { .. }
            | Output::Collect { .. }
            | Output::Digest { .. }
            | Output::Ask { .. }
            | Output::Respond { .. }
            | Output::Abort { .. }
            | Output::Sleep { .. } => {}
        }
    }
}

fn counted(registry: &Registry, peer: Option<&str>, forwarded: &[&[u8]]) -> Option<String> {
    let authorization = basic("ci", "wrong");
    let mut fields = vec![("authorization", authorization.as_bytes())];
    fields.extend(forwarded.iter().map(|value| ("x-forwarded-for", *value)));
    fields.extend([("forwarded", &b"for=9.9.9.9"[..]), ("x-real-ip", b"9.9.9.9"), ("client-ip", b"9.9.9.9")]);
    let [(_, address)] = checks(registry, peer, &fields).try_into().expect("one check");
    address.map(|address| address.to_string())
}

/// Who guesses passwords cannot say to be somebody else: neither to go on, nor to have somebody else slowed down.
#[test]
fn nobody_guesses_from_the_address_of_another() {
    let mut registry = registry();
    let said: [&[&[u8]]; 4] = [&[], &[b"9.9.9.9"], &[b"9.9.9.9", b"8.8.8.8"], &[b"\xff"]];
    for said in said {
        assert_eq!(counted(&registry, Some("1.2.3.4"), said).as_deref(), Some("1.2.3.4"));
        assert_eq!(counted(&registry, None, said), None);
    }
    let settings =
        json!({"users": [{"name": "ci", "pass": "pass", "access": "write"}], "proxies": ["10.0.0.0/8"]});
    registry.config.access = access(&settings, &registry);
    for said in said {
        assert_eq!(counted(&registry, Some("1.2.3.4"), said).as_deref(), Some("1.2.3.4"));
    }
    // Behind a proxy that adds whom it has to do with.
    let behind: [&[&[u8]]; 7] = [
        &[b"1.2.3.4"],
        &[b"9.9.9.9, 1.2.3.4"],
        &[b"9.9.9.9", b"1.2.3.4"],
        &[b"\xff, 1.2.3.4"],
        &[b"\xe9", b"1.2.3.4"],
        &[b"10.0.0.1, \xff\xff, 1.2.3.4"],
        &[b", , ,,1.2.3.4, 10.0.0.3"],
    ];
    for said in behind {
        let counted = counted(&registry, Some("10.1.1.1"), said);
        assert_eq!(counted.as_deref(), Some("1.2.3.4"), "{:?}", said[0]);
    }
}

/// As much work is asked for whether there is such a user or not: one check, of one record.
#[test]
fn an_unknown_user_is_as_much_work_as_a_known_one() {
    let registry = registry();
    for user in ["ci", "root", "nobody", "", "CI", "ci ", "ci\0", "../ci", "anonymous", "*"] {
        for password in ["pass", "wrong", "", "p\0"] {
            let authorization = basic(user, password);
            let checks = checks(&registry, None, &[("authorization", authorization.as_bytes())]);
            assert_eq!(checks.len(), 1, "{user:?} {password:?}");
            let right = ["ci", "root"].contains(&user) && password == "pass";
            assert_eq!(checks[0].0.run(), right, "{user:?} {password:?}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_never_checked() {
    let registry = registry();
    for authorization in
        ["Basic", "Basic Y2k=", "Basic !!!!", "Basic /////w==", "Negotiate Y2k6cGFzcw==", "Bearer a.b.c"]
    {
        assert!(checks(&registry, None, &[("authorization", authorization.as_bytes())]).is_empty());
    }
}
