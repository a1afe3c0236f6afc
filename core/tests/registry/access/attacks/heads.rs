use http::{HeaderMap, HeaderValue, header};
use wharfinger_core::access::Credentials;

use super::registry;
use super::scopes::assert_is_tidy;
use crate::access::basic;

#[test]
fn of_several_credentials_none_counts() {
    let mut registry = registry();
    let (good, bad) = (basic("ci", "pass"), basic("ci", "wrong"));
    let token = registry.have_token(Some("ci"), "repository:team/a:pull");
    let bearer = format!("Bearer {token}");
    let target = "/v2/team/a/tags/list";
    assert_eq!(registry.show(&good, "GET", target).status, 200);
    for values in [
        vec![&*good, &*good],
        vec![&*good, &*bad],
        vec![&*bad, &*good],
        vec![&*bearer, &*good],
        vec!["", &*good],
    ] {
        let fields: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
        let reply = registry.send("GET", target, &fields, ());
        assert_eq!((reply.status, reply.ops.len()), (401, 0), "{values:?}");
    }
    for joined in [
        format!("{good}, {good}"),
        format!("{good},{bad}"),
        format!("{bearer}, {good}"),
        format!("{bearer},{bearer}"),
        format!("{good} {good}"),
        format!("Basic {good}"),
        format!("Bearer {bearer}"),
        format!("Bearer {bearer}\t"),
        good.replace(' ', "\t"),
        good.replace("Basic ", "Basic:"),
        good.replace("Basic ", "Basic  realm=x "),
    ] {
        let reply = registry.show(&joined, "GET", target);
        assert_eq!((reply.status, reply.ops.len()), (401, 0), "{joined}");
    }
    for scheme in ["basic", "BASIC", "bAsIc"] {
        assert_eq!(registry.show(&good.replace("Basic", scheme), "GET", target).status, 200, "{scheme}");
    }
    assert_eq!(registry.show(&bearer.replace("Bearer", "bEARER"), "GET", target).status, 200);
}

#[test]
fn a_field_of_other_bytes_than_text_is_no_credential() {
    for bytes in [&b"Basic \xff\xfe"[..], b"\xc3\xa4", b"Bearer \xe9"] {
        let mut headers = HeaderMap::new();
        headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(bytes).unwrap());
        assert_eq!(Credentials::read(&headers), Credentials::Unreadable, "{bytes:?}");
    }
}

/// Whatever a client says of where it is, what it reads back leads nowhere else and ends nothing.
#[test]
fn nothing_that_a_client_says_breaks_out_of_a_challenge() {
    let mut registry = registry();
    for host in [
        "registry:5000",
        "a\",realm=\"http://evil",
        "a\\",
        "evil/",
        "evil#",
        "evil?x",
        "user:pass@evil",
        "a b",
        "a\tb",
        "a,evil",
        "",
        "%0d%0a",
    ] {
        for name in ["host", "x-forwarded-host", "x-forwarded-proto", "forwarded"] {
            let reply = registry.send("GET", "/v2/", &[(name, host)], ());
            assert_eq!(reply.status, 401);
            let challenge = reply.field("www-authenticate").unwrap();
            assert_is_tidy(challenge);
            let realm = challenge.split('"').nth(1).unwrap();
            let leads_here = realm == "/auth/token"
                || realm.strip_prefix("http://").is_some_and(|rest| rest.matches('/').count() == 2);
            assert!(leads_here && !realm.contains(['@', '#', '?']), "{name}: {host}: {realm}");
            if name != "host" {
                assert_eq!(realm, "/auth/token", "nobody speaks for others here");
            }
        }
    }
}

#[test]
fn a_location_never_names_a_host() {
    let mut registry = registry();
    for host in ["evil", "//evil", "evil\"/"] {
        let fields = [
            ("authorization", &*basic("ci", "pass")),
            ("host", host),
            ("x-forwarded-host", host),
            ("x-forwarded-proto", "javascript"),
        ];
        let location = registry.send("POST", "/v2/tools/blobs/uploads/", &fields, ()).location();
        assert!(location.starts_with("/v2/tools/blobs/uploads/"), "{location}");
    }
}
