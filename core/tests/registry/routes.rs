//! What is no endpoint, and the first one.

use crate::support::Registry;

#[test]
fn this_is_a_registry() {
    let mut registry = Registry::new();
    for target in ["/v2/", "/v2"] {
        let reply = registry.get(target);
        assert_eq!((reply.status, reply.text()), (200, "{}"));
        assert_eq!(reply.field("docker-distribution-api-version"), Some("registry/2.0"));
        assert_eq!(registry.head(target).length, 2);
    }
}

#[test]
fn what_is_no_endpoint_is_told_so() {
    let mut registry = Registry::new();
    for (method, target, refusal, allow) in [
        ("GET", "/", (404, "UNSUPPORTED"), None),
        ("GET", "/v2/a/nothing", (404, "UNSUPPORTED"), None),
        ("GET", "/v2/../etc/passwd", (404, "UNSUPPORTED"), None),
        ("PUT", "/v2/", (405, "UNSUPPORTED"), Some("GET, HEAD")),
        ("GET", "/v2/a/blobs/uploads/", (405, "UNSUPPORTED"), Some("POST")),
        ("POST", "/v2/a/manifests/v1", (405, "UNSUPPORTED"), Some("GET, HEAD, PUT, DELETE")),
        ("GET", "/v2/UPPER/tags/list", (400, "NAME_INVALID"), None),
        ("GET", "/v2/a/blobs/sha256:00", (400, "DIGEST_INVALID"), None),
        ("GET", "/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e", (400, "DIGEST_INVALID"), None),
    ] {
        let reply = registry.send(method, target, &[], ());
        assert_eq!((reply.status, reply.code().as_str()), refusal, "{method} {target}");
        assert_eq!(reply.field("allow"), allow);
        assert!(reply.ops.is_empty());
        assert_eq!(reply.field("docker-distribution-api-version"), Some("registry/2.0"));
    }
}
