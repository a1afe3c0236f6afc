use crate::support::Registry;
use serde_json::json;

#[test]
fn tags_come_in_order_and_in_pages() {
    let mut registry = Registry::new();
    let (manifest, _) = registry.push_image("a/b", "v1", "image");
    for tag in ["v10", "latest", "A", "v2"] {
        registry.push_manifest("a/b", tag, &manifest);
    }
    registry.push_image("a/b/c", "other", "image");
    let target = "/v2/a/b/tags/list";
    let reply = registry.get(target);
    assert_eq!((reply.status, reply.field("content-type")), (200, Some("application/json")));
    assert_eq!(reply.json(), json!({"name": "a/b", "tags": ["A", "latest", "v1", "v10", "v2"]}));
    assert_eq!(reply.field("link"), None);
    assert_eq!(reply.ops, ["List tags"]);
    for (query, tags, link) in [
        ("?n=2", &["A", "latest"][..], Some("n=2&last=latest")),
        ("?n=2&last=latest", &["v1", "v10"], Some("n=2&last=v10")),
        ("?n=2&last=v10", &["v2"], None),
        ("?n=5", &["A", "latest", "v1", "v10", "v2"], None),
        ("?last=b", &["latest", "v1", "v10", "v2"], None),
        ("?last=zz", &[], None),
        ("?n=0", &[], None),
        ("?n=99999999999", &["A", "latest", "v1", "v10", "v2"], None),
    ] {
        let reply = registry.get(&format!("{target}{query}"));
        assert_eq!(reply.json(), json!({"name": "a/b", "tags": tags}), "{query}");
        let link = link.map(|query| format!("<{target}?{query}>; rel=\"next\""));
        assert_eq!(reply.field("link"), link.as_deref(), "{query}");
    }
    let head = registry.head(target);
    assert_eq!((head.status, head.length), (200, reply.length));
}

#[test]
fn a_repository_without_tags_is_one_if_it_holds_anything() {
    let mut registry = Registry::new();
    let target = "/v2/a/tags/list";
    let reply = registry.get(target);
    assert_eq!(reply.refusal(), (404, "NAME_UNKNOWN".to_owned()));
    assert_eq!(reply.ops, ["List tags", "List manifests", "List links"]);
    let manifest = registry.image_of("a", "image");
    let reply = registry.get(target);
    assert_eq!(reply.json(), json!({"name": "a", "tags": []}));
    assert_eq!(reply.ops, ["List tags", "List manifests", "List links"]);
    let digest = registry.push_manifest("a", "v1", &manifest);
    registry.delete("/v2/a/manifests/v1");
    let reply = registry.get(target);
    assert_eq!(reply.json(), json!({"name": "a", "tags": []}));
    assert_eq!(reply.ops, ["List tags", "List manifests"]);
    registry.delete(&format!("/v2/a/manifests/{digest}"));
    assert_eq!(registry.get(target).status, 200);
}

#[test]
fn pages_that_cannot_be_are_refused() {
    let mut registry = Registry::new();
    for query in ["n=x", "n=-1", "n=", "last=-bad-"] {
        let reply = registry.get(&format!("/v2/a/tags/list?{query}"));
        assert_eq!(reply.refusal(), (400, "UNSUPPORTED".to_owned()), "{query}");
    }
    registry.store.unavailable("List tags", 4);
    assert_eq!(registry.get("/v2/a/tags/list").refusal(), (503, "UNAVAILABLE".to_owned()));
}
